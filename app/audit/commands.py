"""Writing the audit trail."""

from typing import Literal
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
    await _write(work, new_id(), person_id, action, (subject_kind, subject_id, subject_person_id), details)


async def _write(
    work: Work,
    entry_id: UUID,
    person_id: UUID | None,
    action: str,
    subject: tuple[str, UUID, UUID | None],
    details: dict[str, str],
) -> None:
    subject_kind, subject_id, subject_person_id = subject
    await work.transaction.run(
        _INSERT,
        id=entry_id,
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
    subject = (kind, row["id"], subject_person_id)
    await _write(work, entry_id, actor.person_id, f"{kind}.{done}", subject, why | by | details)
    return entry_id
