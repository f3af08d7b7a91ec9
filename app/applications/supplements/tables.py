"""What applicants were asked to bring or to answer while their case waits (补充材料)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed


class Supplement(Row, table=True):
    """One request of a reviewer's, and what came of it. Its case says who may see it."""

    __tablename__ = "supplement"
    __table_args__ = (
        Index("uq_supplement_open", "application_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_supplement_application", "application_id", "created_at", "id"),
        Index("ix_supplement_due", "due_at", "id", postgresql_where=text("state = 'open'")),
        CheckConstraint("state in ('open','answered','lapsed','withdrawn')", name="state"),
        CheckConstraint("(state = 'open') = (closed_at is null)", name="closed"),
        CheckConstraint("(state = 'answered') = (answer is not null)", name="answered"),
        CheckConstraint("due_at > created_at", name="due"),
    )

    application_id: UUID = Field(foreign_key="application.id")
    applicant_id: UUID = Field(foreign_key="person.id")
    at_state: str = Field(max_length=20)
    """Where the case stood, and stays."""
    round: int
    asked_by: UUID
    asked_by_role: str = Field(max_length=32)
    asked_by_organisation: str = Field(max_length=100)
    request: bytes = sealed(nullable=False)
    """Which documents and questions, by their codes and in words."""
    due_at: datetime = instant()
    state: str = Field(default="open", max_length=10)
    closed_at: datetime | None = instant(nullable=True)
    answer: bytes | None = sealed()
    """What the worker says, with the ids of their files."""
