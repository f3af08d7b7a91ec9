"""The audit trail: inserted in the transaction of the act, chained by the database, never changed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger
from sqlmodel import Field

from app.db.base import Named, Row, document, instant


class AuditEntry(Row, table=True):
    """One act. `shard`, `sequence` and `hash` are written by the database's own trigger."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("uq_audit_entry_chain", "shard", "sequence", unique=True),
        Index("ix_audit_entry_subject_person", "subject_person_id", "created_at", "id"),
    )

    shard: int = Field(sa_type=SmallInteger)
    sequence: int = Field(default=0, sa_type=BigInteger)
    person_id: UUID | None = None
    """Who acted; None for the system."""
    action: str = Field(max_length=40)
    subject_kind: str = Field(max_length=30)
    subject_id: UUID
    subject_person_id: UUID | None = None
    """Whose data it was, so that they can see who looked."""
    details: dict[str, str] = document()
    hash: bytes = Field(default=b"", sa_type=LargeBinary)


class AuditChain(Named, table=True):
    """The head of each chain; written only by the trigger."""

    __tablename__ = "audit_chain"

    shard: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    length: int = Field(default=0, sa_type=BigInteger)
    head: bytes = Field(default=b"", sa_type=LargeBinary)
    updated_at: datetime | None = instant(nullable=True)
