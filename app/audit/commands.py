"""Writing the audit trail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.audit.tables import AuditEntry
from app.db.base import table_of
from app.db.statements import insertion
from app.db.work import Work
from app.kernel.ids import new_id

COLUMNS = ("id", "created_at", "shard", "sequence", "hash", "person_id", "action", "subject_kind", "subject_id")
_INSERT = insertion(table_of(AuditEntry), *COLUMNS, "subject_person_id", "details")


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
    await work.transaction.run(_INSERT, **_values(work, entry))


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
    await work.transaction.many(_INSERT, [_values(work, entry) for entry in entries])


def _values(work: Work, entry: Entry) -> dict[str, Any]:
    # The trigger gives an entry its place in a chain.
    return {
        "id": new_id(),
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
