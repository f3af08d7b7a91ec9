"""The history of household files as it is kept: every change of a form that was submitted, and the file of a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy import bindparam, literal_column, select, text, tuple_, update

from app.db import paging
from app.db.base import table_of
from app.db.sealing import Keyring
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.households.forms import HouseholdForm
from app.households.history import ABSENT, Change, differences, undone
from app.households.queries import FORM, H
from app.households.tables import HouseholdChange
from app.kernel.business_time import SHANGHAI
from app.kernel.ids import new_id
from app.kernel.masking import mask_name

BEFORE, AFTER, REASON = (f"household_change.{c}" for c in ("before", "after", "reason"))
Source = Literal["self", "staff", "import", "match"]
C = table_of(HouseholdChange)
_KEEP = insertion(
    C,
    *"id created_at household_id household_version pointer before after source reason person_id post_role".split(),
    "organisation_name",
)
_CHANGED = statement(
    update(H).where(H.c.id == bindparam("row_id")).values(changed_at=bindparam("changed_at", type_=H.c.changed_at.type))
)
_REPLACE = statement(
    update(H)
    .where(H.c.id == bindparam("row_id"))
    .values(
        form=bindparam("form", type_=H.c.form.type),
        head_masked=bindparam("head_masked", type_=H.c.head_masked.type),
        updated_at=bindparam("now", type_=H.c.updated_at.type),
        version=H.c.version + literal_column("1"),
    )
)
# By version, not by instant: of two changes around midnight the later version is undone with the earlier one.
_SINCE = statement(
    text(
        """
        select id, pointer, before, after from household_change
        where household_id = :household_id and household_version >= (
          select min(household_version) from household_change where household_id = :household_id and created_at >= :end)
        order by household_version desc, id desc
        """
    )
)
# The state that the last step before the instant led to; where there is none, what the first one after it left.
_STATE = statement(
    text(
        """
        select coalesce(
          (select to_state from household_passage where household_id = :household_id and created_at < :end
             and from_state <> to_state order by created_at desc, id desc limit 1),
          (select from_state from household_passage where household_id = :household_id and created_at >= :end
             and from_state <> to_state order by created_at, id limit 1))
        """
    )
)
_OWN_THEN = statement(
    select(H)
    .where(H.c.person_id == bindparam("person_id"), H.c.submitted_at < bindparam("end", type_=H.c.submitted_at.type))
    .order_by(H.c.submitted_at.desc())
    .limit(literal_column("1"))
)
_OWN_LATEST = statement(
    select(H.c.id)
    .where(H.c.person_id == bindparam("person_id"), H.c.submitted_at.is_not(None))
    .order_by(H.c.submitted_at.desc())
    .limit(literal_column("1"))
)


@dataclass(frozen=True, slots=True)
class By:
    """Who changed something; `person_id` None: the system; with a post where it was staff."""

    person_id: UUID | None = None
    post_role: str | None = None
    organisation_name: str | None = None


async def keep_changes(
    work: Work,
    household: Record,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    source: Source,
    reason: str | None,
    by: By,
) -> tuple[Change, ...]:
    """Keep what differs between the forms of a file that was submitted before; of a mere draft nothing is kept.

    `household` is the row before the change, which raises its version by one. Whoever replaces a form calls this.
    """
    found = differences(old, new) if household["submitted_at"] is not None else ()
    if not found:
        return ()
    seal = work.keyring
    rows = []
    for change in found:
        row_id = new_id()
        rows.append(
            {
                "id": row_id,
                "created_at": work.now,
                "household_id": household["id"],
                "household_version": household["version"] + 1,
                "pointer": change.pointer,
                "before": None if change.before is ABSENT else seal.seal_document(BEFORE, row_id, change.before),
                "after": None if change.after is ABSENT else seal.seal_document(AFTER, row_id, change.after),
                "source": source,
                "reason": seal.seal_text(REASON, row_id, reason) if reason else None,
                "person_id": by.person_id,
                "post_role": by.post_role,
                "organisation_name": by.organisation_name,
            }
        )
    await work.transaction.many(_KEEP, rows)
    await work.transaction.run(_CHANGED, row_id=household["id"], changed_at=work.now)
    return found


async def replace_form(
    work: Work, household: Record, new: Mapping[str, Any], source: Source, reason: str | None, by: By
) -> int:
    """Put another form into a locked file, with its history; answers the new version."""
    old = work.keyring.open_document(FORM, household["id"], household["form"])
    await work.transaction.run(
        _REPLACE,
        row_id=household["id"],
        form=work.keyring.seal(FORM, household["id"], orjson.dumps(new)),
        head_masked=mask_name(str(new.get("head", {}).get("name", ""))),
        now=work.now,
    )
    await keep_changes(work, household, old, new, source, reason, by)
    version: int = household["version"] + 1
    return version


def end_of(day: date) -> datetime:
    """The first instant after a business day."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)


async def as_of(transaction: Transaction, keyring: Keyring, row: Record, day: date) -> Record | None:
    """The file as it was at the end of a business day: the row with the form (plain, under `then`) and the state of
    that day; None when it had not been submitted by then."""
    end = end_of(day)
    if row["submitted_at"] is None or row["submitted_at"] >= end:
        return None
    changes = [
        Change(each["pointer"], _opened(keyring, BEFORE, each), _opened(keyring, AFTER, each))
        for each in await transaction.rows(_SINCE, household_id=row["id"], end=end)
    ]
    state = await transaction.value(_STATE, household_id=row["id"], end=end)
    form = undone(keyring.open_document(FORM, row["id"], row["form"]), changes)
    active_at = row["active_at"] if row["active_at"] and row["active_at"] < end else None
    return dict(row) | {"then": form, "state": state or row["state"], "active_at": active_at}


def form_then(row: Record | None) -> HouseholdForm | None:
    """What a file of a day in the past said; None without one, or while its owner had it back and it was not whole."""
    try:
        return None if row is None else HouseholdForm.model_validate(row["then"])
    except ValidationError:
        return None


async def own_as_of(transaction: Transaction, keyring: Keyring, person_id: UUID, day: date) -> Record | None:
    """The person's own file of that day, which may have ended since."""
    row = await transaction.row(_OWN_THEN, person_id=person_id, end=end_of(day))
    return None if row is None else await as_of(transaction, keyring, row, day)


async def latest_own(transaction: Transaction, person_id: UUID) -> UUID | None:
    """The file of a person that was submitted last, living or not."""
    found: UUID | None = await transaction.value(_OWN_LATEST, person_id=person_id)
    return found


@cache
def _page(after: bool) -> Statement:
    query = select(C).where(C.c.household_id == bindparam("household_id"))
    if after:
        position = paging.place(C.c.created_at, C.c.id)
        query = query.where(tuple_(C.c.created_at, C.c.id) < position)
    return statement(query.order_by(C.c.created_at.desc(), C.c.id.desc()).limit(bindparam("size")))


async def changes_of(
    transaction: Transaction, household_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> Sequence[Record]:
    """The changes of a file that the caller was shown to be theirs or within their reach, newest first."""
    position = paging.values(after)
    return await transaction.rows(_page(after is not None), household_id=household_id, size=size, **position)


def told(keyring: Keyring, row: Record) -> tuple[Any, Any, str | None]:
    """What a change says: before, after (or ABSENT) and the reason."""
    reason = keyring.open_text(REASON, row["id"], row["reason"]) if row["reason"] else None
    return _opened(keyring, BEFORE, row), _opened(keyring, AFTER, row), reason


def _opened(keyring: Keyring, column: str, row: Record) -> Any:
    sealed = row[column.rpartition(".")[2]]
    return ABSENT if sealed is None else keyring.open_document(column, row["id"], sealed)
