"""What staff write into a file: corrections of its form, its class and level, the mark of the cohort of 2016.

The unit that keeps a file completes it (登记表). Who the head is, who the members are and how many is never corrected
here: those are requests that two people decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, update

from app.db.scope import post_over
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import By, Replacement, Source, replace_form, replace_forms
from app.households.classing import Proposed
from app.households.dictionaries import unknown_codes
from app.households.forms import HouseholdForm
from app.households.history import with_value
from app.households.path import CLASSABLE, CORRECTABLE, DEAD_STATES, EDITABLE, SETTLED
from app.households.queries import FORM, H, HouseholdNotFound, file, these_locked
from app.households.related import not_related
from app.households.steps import Signature, at_hand, signed_over, written, written_many
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed
from app.policy.drafts import read_draft, read_whole

_BY: Final = (Permission.ACCEPT_CASE,)
_IDENTITY: Final = ("name", "id_number")
_IDENTITY_OF_HEAD: Final = tuple(f"/head/{name}" for name in _IDENTITY)
_MARK = statement(
    update(H)
    .where(H.c.id == bindparam("row_id"))
    .values(
        {c: bindparam(c, type_=H.c[c].type) for c in ("category", "archive_level", "cohort_2016", "cohort_fixed_on")}
        | {"updated_at": bindparam("now", type_=H.c.updated_at.type), "version": H.c.version + literal_column("1")}
    )
)


class IdentityNeedsRequest(Conflict):
    """户主和家庭成员的姓名、证件号码不能直接修改，请提出变更申请，由两人核对办理。"""


class HouseholdSizeNeedsRequest(Conflict):
    """家庭人口不能直接修改，请提出变更申请，由两人核对办理。"""


class ClassNotOfCriteria(Invalid):
    """这份档案适用的口径里没有这个困难类别，请重新选择。"""


async def correct(
    work: Work, actor: Actor, household_id: UUID, expected: int, given: Mapping[str, Any], reason: str
) -> Record:
    """Put what is given over what the file says: fields of the head and of each member (in their order) one by one,
    all others whole. Answers id, state and version.

    Raises HouseholdNotFound, StaleVersion, NotAllowed, NotAllowedNow, Invalid, IdentityNeedsRequest,
    HouseholdSizeNeedsRequest.
    """
    row, signed = await at_hand(work, actor, household_id, expected, CORRECTABLE, _BY, Signature(note=reason))
    await replace_form(work, row, _whole(work, row, given).new, "staff", reason, signed)
    return await written(work, row, "correct", signed)


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be put over what a file of this version says."""

    household_id: UUID
    expected: int
    given: Mapping[str, Any]


async def correct_many(work: Work, actor: Actor, wanted: Sequence[Correction], reason: str, source: Source) -> None:
    """The same for many files at once: all or none. Raises the same."""
    rows = await these_locked(work.transaction, actor, (each.household_id for each in wanted))
    await not_related(work, actor, *rows.values())
    replaced, signatures = list[Replacement](), list[tuple[Record, Signature]]()
    for each in wanted:
        row = rows.get(each.household_id)
        if row is None:
            raise HouseholdNotFound
        signed = signed_over(row, actor, each.expected, CORRECTABLE, _BY, Signature(note=reason))
        replaced.append(replace(_whole(work, row, each.given), by=signed))
        signatures.append((row, signed))
    await replace_forms(work, replaced, source, reason)
    await written_many(work, signatures, "correct")


def _whole(work: Work, row: Record, given: Mapping[str, Any]) -> Replacement:
    """The form of a file before and after. Raises Invalid, IdentityNeedsRequest, HouseholdSizeNeedsRequest."""
    before = work.keyring.open_document(FORM, row["id"], row["form"])
    after = corrected(before, read_draft(HouseholdForm, given))
    read_whole(HouseholdForm, after)
    wrong = unknown_codes(after, work.today)
    if wrong:
        raise Invalid(*(replace(each, pointer=f"/form{each.pointer}") for each in wrong))
    return Replacement(row, before, after, By())


def corrected(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The form with what is given in its place. Raises IdentityNeedsRequest, HouseholdSizeNeedsRequest."""
    members = given.get("members")
    if members is not None and len(members) != len(before["members"]):
        raise HouseholdSizeNeedsRequest
    after = {**before, **given, "head": _person(before["head"], given.get("head") or {})}
    if members is not None:
        after["members"] = [_person(kept, new) for kept, new in zip(before["members"], members, strict=True)]
    return after


def _person(kept: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if any(name in given and given[name] != kept[name] for name in _IDENTITY):
        raise IdentityNeedsRequest
    return {**kept, **given}


async def put_right(
    work: Work, actor: Actor, household_id: UUID, pointer: str, value: Any, source: Source, reason: str
) -> bool:
    """One field of the file says from now on what was found to be right. False, and nothing changes, where two people
    have to decide (who belongs to the household) or the file is with its owner, or has ended.

    Raises HouseholdNotFound, NotAllowed, Invalid.
    """
    row = await file(work.transaction, actor, household_id, locked=True)
    post = post_over(actor, Permission.REVIEW_AT_DISTRICT, row)
    if post is None:
        raise NotAllowed
    await not_related(work, actor, row)
    if row["state"] in (*EDITABLE, *DEAD_STATES) or pointer.startswith("/members") or pointer in _IDENTITY_OF_HEAD:
        return False
    before = work.keyring.open_document(FORM, row["id"], row["form"])
    after = with_value(before, pointer, value)
    read_whole(HouseholdForm, after)
    signed = Signature(actor.person_id, post.role.value, post.place.name, reason)
    await replace_form(work, row, after, source, reason, signed)
    await written(work, row, "correct", signed)
    return True


async def set_class(
    work: Work,
    actor: Actor,
    household_id: UUID,
    expected: int,
    category: str,
    archive_level: str,
    note: str | None,
) -> Record:
    """Confirm the class of hardship and the level of the archive. Another class than the criteria find needs a note.

    Raises HouseholdNotFound, StaleVersion, NotAllowed, NotAllowedNow, Invalid, ClassNotOfCriteria.
    """
    by = (Permission.REVIEW_AT_DISTRICT, Permission.APPROVE_AT_CITY)
    row, signed = await at_hand(work, actor, household_id, expected, CLASSABLE, by, Signature(note=note))
    proposed = Proposed.of(work, row)
    if category not in proposed.possible:
        raise ClassNotOfCriteria(FieldError("/category", "class_unknown", "适用的口径里没有这个困难类别。"))
    if category != proposed.category and not note:
        raise Invalid(FieldError("/note", "note_required", "与按口径测算的类别不同，请写明理由。"))
    await _mark(work, row, category=category, archive_level=archive_level)
    return await written(work, row, "classify", signed)


async def set_cohort(
    work: Work, actor: Actor, household_id: UUID, expected: int, fixed_on: date | None, note: str | None
) -> Record:
    """Mark the file as of the cohort of 2016-10-31, fixed on a day; None takes the mark away. The city alone does.

    Raises HouseholdNotFound, StaleVersion, NotAllowed, NotAllowedNow, Invalid.
    """
    row, signed = await at_hand(
        work, actor, household_id, expected, SETTLED, (Permission.APPROVE_AT_CITY,), Signature(note=note)
    )
    if fixed_on is not None and fixed_on > work.today:
        raise Invalid(FieldError("/fixed_on", "date_in_future", "日期不能晚于今天。"))
    await _mark(work, row, cohort_2016=fixed_on is not None, cohort_fixed_on=fixed_on)
    return await written(work, row, "mark_cohort", signed)


async def _mark(work: Work, row: Record, **marks: Any) -> None:
    kept = {name: row[name] for name in ("category", "archive_level", "cohort_2016", "cohort_fixed_on")}
    await work.transaction.run(_MARK, row_id=row["id"], now=work.now, **kept | marks)
