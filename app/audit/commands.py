"""Writing the audit trail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from app.audit.tables import AuditEntry
from app.db.base import table_of
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import TOLD, Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.kernel.ids import new_id

COLUMNS = ("id", "created_at", "shard", "sequence", "hash", "person_id", "action", "subject_kind", "subject_id")
_INSERT = insertion(table_of(AuditEntry), *COLUMNS, "subject_person_id", "details")

ReadingPurpose = Literal["review", "inquiry", "verification", "supervision", "consultation"]


async def record(
    work: Work,
    *,
    person_id: UUID | None,
    action: str,
    subject_kind: str,
    subject_id: UUID,
    subject_person_id: UUID | None,
    **details: str,
) -> None:
    """Write what was done, by whom, to what; in the transaction of the act. Details are never personal data."""
    entry = Entry(person_id, action, subject_kind, subject_id, subject_person_id, details)
    await work.transaction.run(_INSERT, **_values(work, new_id(), entry))


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done, by whom, to what."""

    person_id: UUID | None
    action: str
    subject_kind: str
    subject_id: UUID
    subject_person_id: UUID | None
    details: Mapping[str, str] = field(default_factory=dict)


async def record_many(work: Work, entries: Iterable[Entry]) -> None:
    """The same for many acts at once."""
    await work.transaction.many(_INSERT, [_values(work, new_id(), entry) for entry in entries])


def _values(work: Work, entry_id: UUID, entry: Entry) -> dict[str, Any]:
    # The trigger gives an entry its place in a chain.
    return {
        "id": entry_id,
        "created_at": work.now,
        "shard": 0,
        "sequence": 0,
        "hash": b"",
        "person_id": entry.person_id,
        "action": entry.action,
        "subject_kind": entry.subject_kind,
        "subject_id": entry.subject_id,
        "subject_person_id": entry.subject_person_id,
        "details": dict(entry.details),
    }


@dataclass(frozen=True, slots=True)
class Reading:
    """A member of staff looks at something: through which post, and why."""

    actor: Actor
    kind: str
    row: Record
    subject_person_id: UUID | None
    """None: of somebody who has no account yet."""
    purpose: ReadingPurpose | None
    waits: bool

    def entry(self, done: str, **details: str) -> Entry:
        """Who gives no purpose reviews what waits for them, and otherwise consults it."""
        post = post_over(self.actor, Permission.READ_CASES, self.row)
        by = {"role": post.role.value, "organisation": post.place.name} if post else {}
        why = {"purpose": self.purpose or ("review" if self.waits else "consultation")}
        action = f"{self.kind}.{done}"
        subject = self.subject_person_id
        return Entry(self.actor.person_id, action, self.kind, self.row["id"], subject, why | by | details)


async def record_reading(
    work: Work,
    actor: Actor,
    *,
    kind: str,
    row: Record,
    subject_person_id: UUID | None,
    purpose: ReadingPurpose | None,
    waits: bool,
    done: str = "opened",
    **details: str,
) -> UUID:
    """Write down that a member of staff looked at something, in the transaction that shows it. Answers the id of the
    entry."""
    entry_id, reading = new_id(), Reading(actor, kind, row, subject_person_id, purpose, waits)
    await work.transaction.run(_INSERT, **_values(work, entry_id, reading.entry(done, **details)))
    return entry_id


_LOOKED = statement(
    text(
        f"""
        with sight as materialized (select {TOLD} as told)
        insert into audit_entry (id, created_at, shard, sequence, hash, person_id, action, subject_kind, subject_id,
          subject_person_id, details)
        select cast(:id as uuid), cast(:created_at as timestamptz), cast(:shard as int), cast(:sequence as bigint),
          cast(:hash as bytea), cast(:person_id as uuid), cast(:action as text), cast(:subject_kind as text),
          cast(:subject_id as uuid), cast(:subject_person_id as uuid), cast(:details as jsonb)
        from sight where told is not null
        """  # noqa: S608 - a piece of our own; every value is a parameter
    )
)


async def record_look(work: Work, reading: Reading) -> None:
    """The same without a transaction around it: what was read is answered only when this is written."""
    await work.transaction.stroke(_LOOKED, **_values(work, new_id(), reading.entry("opened")))
