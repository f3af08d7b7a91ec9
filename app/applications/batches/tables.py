"""What was looked at before many cases were dealt with at once, and what came of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Integer
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field

from app.db.base import Row, instant, sealed


class BatchAction(Row, table=True):
    """One action on many cases, as it was previewed: whose, which cases, and each of them at which version. Its id is
    the token; it is run once, and what came of it is kept with it."""

    __tablename__ = "batch_action"
    __table_args__ = (
        CheckConstraint("action in ('accept','approve','return','start_payment','confirm_payment')", name="action"),
        CheckConstraint("cardinality(application_ids) between 1 and 1000", name="size"),
        CheckConstraint("cardinality(versions) = cardinality(application_ids)", name="versions"),
        CheckConstraint("expires_at > created_at", name="expires"),
        CheckConstraint("(ran_at is null) = (outcome is null)", name="ran"),
        Index("ix_batch_action_created", "created_at"),
    )

    person_id: UUID = Field(foreign_key="person.id")
    """Who looked, and alone may act."""
    action: str = Field(max_length=20)
    note: bytes | None = sealed()
    reason_code: str | None = Field(default=None, max_length=40)
    application_ids: list[UUID] = Field(sa_column=Column(ARRAY(PG_UUID), nullable=False))
    versions: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    """0 where there was no such case within their reach."""
    expires_at: datetime = instant()
    ran_at: datetime | None = instant(nullable=True)
    outcome: bytes | None = sealed()
    """The answer, word for word: whoever asks again gets it again."""
