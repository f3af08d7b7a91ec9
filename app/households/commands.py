"""What the worker does with their own file: filling it in, submitting it, taking it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import bindparam, literal_column, select, text, update

from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.assistance import still_assisted
from app.households.changes import By, keep_changes
from app.households.dictionaries import unknown_codes
from app.households.forms import HouseholdForm
from app.households.members import ID_NUMBER, belongings, hold
from app.households.path import EDITABLE, PATH
from app.households.queries import FORM, H, HouseholdNotFound, living
from app.households.steps import Signature, take
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, FieldError, Invalid, StaleVersion, VersionMissing
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.policy.drafts import read_draft, read_whole, warnings_of

_NEXT_NUMBER = statement(text("select nextval('household_number')"))
_INSERT = insertion(
    H,
    *"id created_at updated_at number person_id city_id district_id street_id unit_id state round version form".split(),
    *["head_masked", "previous_id", "split_from_id"],
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
_BEFORE = statement(
    select(H.c.id)
    .where(
        H.c.person_id == bindparam("person_id"),
        H.c.state.in_([literal_column("'lifted'"), literal_column("'cancelled'")]),
        H.c.merged_into_id.is_(None),
    )
    .order_by(H.c.left_at.desc(), H.c.id.desc())
    .limit(literal_column("1"))
)


class HouseholdNotEditable(Conflict):
    """家庭档案已提交，不能直接修改；如有变化，请联系所在工会。"""


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
    await _replace(work, row, kept, scope)
    return Saved(row["id"], row["version"] + 1, warnings)


async def fill_in_anew(work: Work, row: Record, kept: Mapping[str, Any], scope: Scope, reason: str, by: By) -> None:
    """Staff replace what a locked file said, which was returned to a worker who cannot do it themselves."""
    before = work.keyring.open_document(FORM, row["id"], row["form"])
    await keep_changes(work, row, before, kept, "staff", reason, by)
    await _replace(work, row, kept, scope)


async def _replace(work: Work, row: Record, kept: Mapping[str, Any], scope: Scope) -> None:
    sealed = work.keyring.seal(FORM, row["id"], orjson.dumps(kept))
    await work.transaction.run(
        _REPLACE, row_id=row["id"], form=sealed, head_masked=_head_masked(kept), updated_at=work.now, **_place(scope)
    )


async def open_file(work: Work, person_id: UUID, kept: Mapping[str, Any], scope: Scope) -> UUID:
    """A draft for somebody who has no living file, linked to the one that they left. Raises VersionMissing when there
    is a living one."""
    before = await work.transaction.value(_BEFORE, person_id=person_id)
    try:
        return await insert_draft(
            work, person_id, kept, scope.division_code, _head_masked(kept), previous_id=before, **_place(scope)
        )
    except asyncpg.UniqueViolationError as taken:
        raise VersionMissing from taken


def _head_masked(kept: Mapping[str, Any]) -> str:
    return mask_name(str(kept.get("head", {}).get("name", "")))


def _place(scope: Scope) -> dict[str, UUID | None]:
    return {c: getattr(scope, c) for c in ("city_id", "district_id", "street_id", "unit_id")}


async def insert_draft(
    work: Work,
    person_id: UUID,
    kept: Mapping[str, Any],
    division_code: str,
    head_masked: str,
    *,
    previous_id: UUID | None = None,
    split_from_id: UUID | None = None,
    **place: UUID | None,
) -> UUID:
    """A new file of this person, as a draft. Raises asyncpg.UniqueViolationError when they have a living one."""
    household_id = new_id()
    serial = await work.transaction.value(_NEXT_NUMBER)
    await work.transaction.run(
        _INSERT,
        id=household_id,
        created_at=work.now,
        updated_at=work.now,
        number=f"DA-{division_code}-{work.today.year}-{serial:06d}",
        person_id=person_id,
        state="draft",
        round=1,
        version=1,
        form=work.keyring.seal(FORM, household_id, orjson.dumps(kept)),
        head_masked=head_masked,
        previous_id=previous_id,
        split_from_id=split_from_id,
        **place,
    )
    return household_id


async def submit(work: Work, actor: Actor, own_number_index: bytes, expected: int) -> Record:
    """File the draft; its members are now held to be of this household and no other.

    Raises HouseholdNotFound, StaleVersion, NotAllowedNow, Invalid, MemberElsewhere.
    """
    row = await _own(work, actor, expected)
    step = PATH.step(row["state"], "submit")
    kept = work.keyring.open_document(FORM, row["id"], row["form"])
    form = read_whole(HouseholdForm, kept, at="")
    wrong = unknown_codes(kept, work.today)
    if wrong:
        raise Invalid(*wrong)
    if work.keyring.blind_index(ID_NUMBER, form.head.id_number) != own_number_index:
        raise Invalid(FieldError("/head/id_number", "head_differs", "户主必须是您本人，与实名信息一致。"))
    await hold(work, row["id"], belongings(kept))
    again = row["submitted_at"] is not None
    if again:
        await still_assisted(work, row)
    return await take(work, row, step, Signature(actor.person_id), again=again)


async def withdraw(work: Work, actor: Actor, expected: int) -> Record:
    """Take the file back before the district has it. Raises HouseholdNotFound, StaleVersion, NotAllowedNow."""
    row = await _own(work, actor, expected)
    return await take(work, row, PATH.step(row["state"], "withdraw"), Signature(actor.person_id))


async def _own(work: Work, actor: Actor, expected: int) -> Record:
    row = await living(work.transaction, actor.person_id, locked=True)
    if row is None:
        raise HouseholdNotFound
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    return row
