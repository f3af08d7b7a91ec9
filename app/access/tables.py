"""Masked values that somebody had shown to them whole (查看完整信息), and why."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from app.access.rules import FIELDS
from app.db.base import Row, sealed


class Reveal(Row, table=True):
    """One value, shown once. Its id is that of the audit entry, which may not name anybody, as a reason may."""

    __tablename__ = "reveal"
    __table_args__ = (
        CheckConstraint(f"field in ({', '.join(repr(field) for field in FIELDS)})", name="field"),
        Index("ix_reveal_person", "person_id", "created_at"),
    )

    application_id: UUID = Field(foreign_key="application.id")
    person_id: UUID = Field(foreign_key="person.id")
    """Who looked."""
    subject_person_id: UUID = Field(foreign_key="person.id")
    field: str = Field(max_length=20)
    reason: bytes = sealed(nullable=False)
