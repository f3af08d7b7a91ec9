"""Writing the audit trail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from app.audit.tables import AuditEntry
from app.db.base import table_of
from app.db.scope import post_over
from app.db.statements import insertion
from app.db.transaction import Record
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


async def record_reading(
    work: Work,
    actor: Actor,
    *,
    kind: str,
    row: Record,
    subject_person_id: UUID,
    purpose: ReadingPurpose | None,
    waits: bool,
    done: str = "opened",
    **details: str,
) -> UUID:
    """A member of staff looked at something: through which post, and why. Answers the id of the entry.

    Who gives no purpose reviews what waits for them, and otherwise consults it.
    """
    entry_id = new_id()
    post = post_over(actor, Permission.READ_CASES, row)
    by = {"role": post.role.value, "organisation": post.place.name} if post else {}
    why = {"purpose": purpose or ("review" if waits else "consultation")}
    entry = Entry(actor.person_id, f"{kind}.{done}", kind, row["id"], subject_person_id, why | by | details)
    await work.transaction.run(_INSERT, **_values(work, entry_id, entry))
    return entry_id
