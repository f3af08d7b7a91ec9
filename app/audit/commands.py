"""Writing the audit trail."""

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
    await work.transaction.run(
        _INSERT,
        id=new_id(),
        created_at=work.now,
        shard=0,
        sequence=0,
        hash=b"",
        person_id=person_id,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_person_id=subject_person_id,
        details=details,
    )
