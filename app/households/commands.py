"""Filling in the household file, submitting it, and opening it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import bindparam, literal_column, select, text, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import By, keep_changes
from app.households.events import HouseholdMoved
from app.households.forms import HouseholdForm
from app.households.path import EDITABLE, PATH, REASONS
from app.households.queries import FORM, H, HouseholdNotFound, file, living
from app.households.tables import HouseholdMember, HouseholdPassage
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion, VersionMissing
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.messaging.outbox import emit
from app.policy.drafts import read_draft, read_whole, warnings_of
from app.workflow.path import NotAllowedNow, Step, check_words

NOTE, ID_NUMBER = "household_passage.note", "person.id_number"
_NEXT_NUMBER = statement(text("select nextval('household_number')"))
_INSERT = insertion(
    H,
    *"id created_at updated_at number person_id city_id district_id street_id unit_id state round version form".split(),
    "head_masked",
)
_REPLACE = statement(
    update(H)
    .where(H.c.id == bindparam("row_id"))
    .values(
        {c: bindparam(c, type_=H.c[c].type)
         for c in ("form", "head_masked", "updated_at", "city_id", "district_id", "street_id", "unit_id")}
        | {"version": H.c.version + literal_column("1")}
    )
)  # fmt: skip
_MOVE = statement(
    text(
        """
        update household set state = :state, round = :round, version = version + 1, updated_at = :now,
          submitted_at = coalesce(submitted_at, :submitted_at), active_at = coalesce(active_at, :active_at)
        where id = :row_id and version = :version returning version
        """
    )
)
_MEMBERS = table_of(HouseholdMember)
_ADD_MEMBER = insertion(_MEMBERS, "id", "created_at", "household_id", "id_number_index", "relation", "living")
_END_MEMBERSHIPS = statement(
    update(_MEMBERS).where(_MEMBERS.c.household_id == bindparam("row_id")).values(living=literal_column("false"))
)
_PASS = insertion(
    table_of(HouseholdPassage),
    *"id created_at household_id round person_id post_role organisation_name action from_state to_state".split(),
    *["counts_as_review", "note", "reason_code"],
)


_PASSAGES = table_of(HouseholdPassage)
_ASSISTANTS = statement(
    select(_PASSAGES.c.person_id, _PASSAGES.c.post_role, _PASSAGES.c.organisation_name)
    .where(
        _PASSAGES.c.household_id == bindparam("household_id"),
        _PASSAGES.c.action == literal_column("'assist'"),
        _PASSAGES.c.round == literal_column("1"),
    )
    .order_by(_PASSAGES.c.id)
)
_LOCKED = statement(select(H).where(H.c.id == bindparam("id")).with_for_update())


class HouseholdNotEditable(Conflict):
    """家庭档案已提交，不能直接修改；如有变化，请联系所在工会。"""


class MemberElsewhere(Conflict):
    """家庭成员中有人已在另一份家庭档案中，请联系所在工会核对。"""


class FileAlreadySigned(NotAllowed):
    """您已经办理过这份档案的前一个环节，同一人不能再办理下一个环节。"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The union that a file belongs to, on each tier."""

    division_code: str
    city_id: UUID
    district_id: UUID | None
    street_id: UUID | None
    unit_id: UUID | None


@dataclass(frozen=True, slots=True)
class Saved:
    id: UUID
    version: int
    warnings: list[FieldError]


async def save_draft(work: Work, actor: Actor, given: Mapping[str, Any], scope: Scope, expected: int | None) -> Saved:
    """Keep what the phone has so far; partial is fine.

    Raises Invalid, HouseholdNotEditable, and VersionMissing or StaleVersion when there is a draft already.
    """
    kept = read_draft(HouseholdForm, given, at="")
    warnings = warnings_of(HouseholdForm, kept, at="")
    row = await living(work.transaction, actor.person_id, locked=True)
    if row is None:
        return Saved(await open_file(work, actor.person_id, kept, scope), 1, warnings)
    if expected is None:
        raise VersionMissing
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["state"] not in EDITABLE:
        raise HouseholdNotEditable
    before = work.keyring.open_document(FORM, row["id"], row["form"])
    await keep_changes(work, row, before, kept, "self", None, By(actor.person_id))
    sealed = work.keyring.seal(FORM, row["id"], orjson.dumps(kept))
    await work.transaction.run(
        _REPLACE, row_id=row["id"], form=sealed, head_masked=_head_masked(kept), updated_at=work.now, **_place(scope)
    )
    return Saved(row["id"], row["version"] + 1, warnings)


async def open_file(work: Work, person_id: UUID, kept: Mapping[str, Any], scope: Scope) -> UUID:
    """A draft for somebody who has no living file. Raises VersionMissing when there is one."""
    household_id = new_id()
    serial = await work.transaction.value(_NEXT_NUMBER)
    try:
        await work.transaction.run(
            _INSERT,
            id=household_id,
            created_at=work.now,
            updated_at=work.now,
            number=f"DA-{scope.division_code}-{work.today.year}-{serial:06d}",
            person_id=person_id,
            state="draft",
            round=1,
            version=1,
            form=work.keyring.seal(FORM, household_id, orjson.dumps(kept)),
            head_masked=_head_masked(kept),
            **_place(scope),
        )
    except asyncpg.UniqueViolationError as taken:
        raise VersionMissing from taken
    return household_id


def _head_masked(kept: Mapping[str, Any]) -> str:
    return mask_name(str(kept.get("head", {}).get("name", "")))


def _place(scope: Scope) -> dict[str, Any]:
    return {c: getattr(scope, c) for c in ("city_id", "district_id", "street_id", "unit_id")}


async def submit(work: Work, actor: Actor, own_number_index: bytes, expected: int) -> Record:
    """File the draft; its members are now held to be of this household and no other.

    Raises HouseholdNotFound, StaleVersion, NotAllowedNow, Invalid, MemberElsewhere.
    """
    row = await living(work.transaction, actor.person_id, locked=True)
    if row is None:
        raise HouseholdNotFound
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], "submit")
    form = read_whole(HouseholdForm, work.keyring.open_document(FORM, row["id"], row["form"]), at="")
    if work.keyring.blind_index(ID_NUMBER, form.head.id_number) != own_number_index:
        raise Invalid(FieldError("/head/id_number", "head_differs", "户主必须是您本人，与实名信息一致。"))
    await hold_members(work, row["id"], form)
    again = row["submitted_at"] is not None
    if again:
        await _still_assisted(work, row["id"], row["round"] + 1)
    return await _take(work, row, step, person_id=actor.person_id, round=row["round"] + again, submitted_at=work.now)


async def submit_on_paper(work: Work, actor: Actor, household_id: UUID, post: Post) -> Record:
    """Staff file a draft whose worker has signed it on paper. Raises NotAllowedNow, Invalid, MemberElsewhere."""
    row = await work.transaction.row(_LOCKED, id=household_id)
    if row is None:
        raise HouseholdNotFound
    step = PATH.step(row["state"], "submit")
    form = read_whole(HouseholdForm, work.keyring.open_document(FORM, household_id, row["form"]), at="")
    await hold_members(work, household_id, form)
    by: dict[str, Any] = {"post_role": post.role.value, "organisation_name": post.place.name}
    return await _take(work, row, step, person_id=actor.person_id, submitted_at=work.now, **by)


async def keep_assistance(work: Work, household_id: UUID, by: By, *, round: int = 1) -> None:
    """Somebody filled in this round of a file: it counts as a review, so that they decide nothing of it."""
    await work.transaction.run(
        _PASS,
        id=new_id(),
        created_at=work.now,
        household_id=household_id,
        round=round,
        action="assist",
        from_state="draft",
        to_state="draft",
        counts_as_review=True,
        note=None,
        reason_code=None,
        person_id=by.person_id,
        post_role=by.post_role,
        organisation_name=by.organisation_name,
    )


async def _still_assisted(work: Work, household_id: UUID, round: int) -> None:
    for row in await work.transaction.rows(_ASSISTANTS, household_id=household_id):
        await keep_assistance(work, household_id, By(**row), round=round)


async def hold_members(work: Work, household_id: UUID, form: HouseholdForm) -> None:
    """Everyone in the form is of this household now, and nobody else is. Raises Invalid, MemberElsewhere."""
    numbers = [("self", "/head", form.head.id_number)]
    numbers += [(m.relation, f"/members/{n}", m.id_number) for n, m in enumerate(form.members)]
    if len({number for _, _, number in numbers}) != len(numbers):
        raise Invalid(FieldError("/members", "member_repeated", "家庭成员的证件号码有重复，请检查。"))
    await work.transaction.run(_END_MEMBERSHIPS, row_id=household_id)
    try:
        for relation, pointer, number in numbers:
            check_number(number, pointer, work)
            await work.transaction.run(
                _ADD_MEMBER,
                id=new_id(),
                created_at=work.now,
                household_id=household_id,
                id_number_index=work.keyring.blind_index(ID_NUMBER, number),
                relation=relation,
                living=True,
            )
    except asyncpg.UniqueViolationError as taken:
        raise MemberElsewhere from taken


def check_number(number: str, pointer: str, work: Work) -> None:
    """Raises Invalid for an identity number that nobody can have today."""
    try:
        resident_id(number, work.today)
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError(f"{pointer}/id_number", wrong.code, wrong.message)) from None


async def withdraw(work: Work, actor: Actor, expected: int) -> Record:
    """Take the file back before it is decided. Raises HouseholdNotFound, StaleVersion, NotAllowedNow."""
    row = await living(work.transaction, actor.person_id, locked=True)
    if row is None:
        raise HouseholdNotFound
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    return await _take(work, row, PATH.step(row["state"], "withdraw"), person_id=actor.person_id)


async def act(
    work: Work,
    actor: Actor,
    household_id: UUID,
    expected: int,
    action: str,
    *,
    note: str | None,
    reason_code: str | None,
) -> Record:
    """Staff take a step on a file within their reach.

    Raises HouseholdNotFound, StaleVersion, NotAllowedNow, NotAllowed, FileAlreadySigned, Invalid.
    """
    row = await file(work.transaction, actor, household_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], action)
    if step.by is Permission.OWN:
        raise NotAllowedNow(state=row["state"])
    post = post_over(actor, step.by, row)
    if post is None:
        raise NotAllowed
    check_words(step, note, reason_code, REASONS)
    try:
        return await _take(
            work,
            row,
            step,
            person_id=actor.person_id,
            post_role=post.role.value,
            organisation_name=post.place.name,
            note=note,
            reason_code=reason_code,
        )
    except asyncpg.UniqueViolationError as taken:
        raise FileAlreadySigned from taken


async def _take(
    work: Work,
    row: Record,
    step: Step,
    *,
    person_id: UUID,
    round: int | None = None,
    submitted_at: Any = None,
    note: str | None = None,
    **by: Any,
) -> Record:
    passage_id, round_ = new_id(), round or row["round"]
    version = await work.transaction.value(
        _MOVE,
        row_id=row["id"],
        version=row["version"],
        state=step.to,
        round=round_,
        now=work.now,
        submitted_at=submitted_at,
        active_at=work.now if step.to == "active" else None,
    )
    if step.to in ("rejected", "withdrawn"):
        await work.transaction.run(_END_MEMBERSHIPS, row_id=row["id"])
    await work.transaction.run(
        _PASS,
        id=passage_id,
        created_at=work.now,
        household_id=row["id"],
        round=round_,
        person_id=person_id,
        action=step.action,
        from_state=step.at,
        to_state=step.to,
        counts_as_review=step.counts_as_review,
        note=work.keyring.seal_text(NOTE, passage_id, note) if note else None,
        **{name: by.get(name) for name in ("post_role", "organisation_name", "reason_code")},
    )
    await record(
        work,
        person_id=person_id,
        action=f"household.{step.action}",
        subject_kind="household",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
    )
    await emit(work, HouseholdMoved(row["id"], step.action, step.at, step.to))
    return {"id": row["id"], "state": step.to, "version": version}
