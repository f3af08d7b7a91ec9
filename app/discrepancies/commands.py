"""Opening, answering and resolving discrepancies. None of it moves the household: that stays with its own path."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record
from app.db.base import table_of
from app.db.scope import post_over
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.discrepancies.events import DiscrepancyAnswered, DiscrepancyOpened, DiscrepancyResolved
from app.discrepancies.path import PATH, Outcome, Source
from app.discrepancies.queries import D, discrepancy, own
from app.discrepancies.tables import Discrepancy
from app.households.upkeep import upkeep_policy
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.workflow.path import check_words

IN_FILE, FOUND, ANSWER, NOTE = (f"discrepancy.{column}" for column in ("in_file", "found", "answer", "note"))
TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
_COLUMNS = (
    *"id created_at household_id person_id source source_id field in_file found found_on said_by state due_on".split(),
    *TIERS,
    "version",
)
_OPEN = statement(
    insert(table_of(Discrepancy))
    .values({column: bindparam(column, type_=D.c[column].type) for column in _COLUMNS})
    .on_conflict_do_nothing()
)
_KNOWN = statement(
    select(D.c.id).where(
        D.c.household_id == bindparam("household_id"),
        D.c.field == bindparam("field"),
        D.c.source_id == bindparam("source_id"),
    )
)


def _change(*columns: str) -> Any:
    values = {column: bindparam(column, type_=D.c[column].type) for column in columns}
    version = {"version": D.c.version + literal_column("1")}
    return statement(update(D).where(D.c.id == bindparam("row_id")).values(values | version))


_ANSWER = _change("state", "answer", "answered_at")
_RESOLVE = _change("state", "outcome", "note", "resolved_by", "resolved_at")


class AnswerAwaited(Conflict):
    """申请人还在说明期限内，未作说明之前不能这样认定。"""


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody found to be otherwise than the file says. `source_id`: the visit, or the batch of a department."""

    source: Source
    source_id: UUID
    field: str
    in_file: Any
    found: Any
    found_on: date
    said_by: str
    """Who says so, as people read it: a department with its date, or the union of a visit."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A field of the file that was found to be wrong, with the value that is right."""

    discrepancy_id: UUID
    household_id: UUID
    field: str
    value: Any
    source: Source
    by: UUID


Propose = Callable[[Work, Correction], Awaitable[None]]
"""How the household file is told of a correction, in the same transaction."""


async def open_discrepancy(work: Work, household: Record, found: Found) -> UUID:
    """Ask the worker about a difference; the same field of the same source is asked about once.

    Raises NoPolicyInForce when nobody knows how long the worker has to answer.
    """
    limit = upkeep_policy(work.policies, work.today).discrepancy
    known: dict[str, Any] = {
        "household_id": household["id"],
        "field": found.field,
        "source_id": found.source_id,
    }
    row_id, keyring = new_id(), work.keyring
    opened = await work.transaction.run(
        _OPEN,
        id=row_id,
        created_at=work.now,
        person_id=household["person_id"],
        source=found.source,
        in_file=keyring.seal_document(IN_FILE, row_id, found.in_file),
        found=keyring.seal_document(FOUND, row_id, found.found),
        found_on=found.found_on,
        said_by=found.said_by,
        state="open",
        due_on=work.calendar.after_working_days(work.today, limit.answer_working_days),
        version=1,
        **{tier: household[tier] for tier in TIERS},
        **known,
    )
    if not opened:
        there: UUID = await work.transaction.value(_KNOWN, **known)
        return there
    await emit(work, DiscrepancyOpened(row_id, household["id"], found.source))
    return row_id


async def answer(
    work: Work, actor: Actor, discrepancy_id: UUID, expected: int, text: str, file_ids: Sequence[UUID]
) -> Record:
    """The worker says how it is. Raises DiscrepancyNotFound, StaleVersion, NotAllowedNow."""
    row = await own(work.transaction, actor.person_id, discrepancy_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], "answer")
    said = {"text": text, "file_ids": [str(file_id) for file_id in file_ids]}
    sealed = work.keyring.seal_document(ANSWER, row["id"], said)
    await work.transaction.run(_ANSWER, row_id=row["id"], state=step.to, answer=sealed, answered_at=work.now)
    await _told(work, actor, row, "answer")
    await emit(work, DiscrepancyAnswered(row["id"], row["household_id"]))
    return dict(row) | {"state": step.to, "answer": sealed, "answered_at": work.now, "version": row["version"] + 1}


async def resolve(
    work: Work,
    actor: Actor,
    discrepancy_id: UUID,
    expected: int,
    *,
    outcome: Outcome,
    note: str | None,
    propose: Propose | None = None,
) -> Record:
    """Somebody of the district decides which is right; what was found to be right is proposed as a change of the file.

    Until the worker has answered, or had their time, only the file can be found right.
    Raises DiscrepancyNotFound, StaleVersion, NotAllowedNow, NotAllowed, Invalid, AnswerAwaited.
    """
    row = await discrepancy(work.transaction, actor, discrepancy_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], "resolve")
    if post_over(actor, step.by, row) is None:
        raise NotAllowed
    check_words(step, note, None, ())
    if step.at == "open" and outcome != "file_right" and work.today <= row["due_on"]:
        raise AnswerAwaited(due_on=row["due_on"].isoformat())
    assert note is not None
    await work.transaction.run(
        _RESOLVE,
        row_id=row["id"],
        state=step.to,
        outcome=outcome,
        note=work.keyring.seal_text(NOTE, row["id"], note),
        resolved_by=actor.person_id,
        resolved_at=work.now,
    )
    if outcome == "found_right" and propose is not None:
        value = work.keyring.open_document(FOUND, row["id"], row["found"])
        await propose(
            work,
            Correction(row["id"], row["household_id"], row["field"], value, row["source"], actor.person_id),
        )
    await _told(work, actor, row, "resolve", outcome=outcome)
    await emit(work, DiscrepancyResolved(row["id"], row["household_id"], outcome))
    return dict(row) | {"state": step.to, "version": row["version"] + 1}


async def _told(work: Work, actor: Actor, row: Record, action: str, **details: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"discrepancy.{action}",
        subject_kind="discrepancy",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
        **details,
    )
