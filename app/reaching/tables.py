"""Text messages on their way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy import text as sql
from sqlmodel import Field

from app.db.base import Row, instant


class TextMessage(Row, table=True):
    """A message of the app that also goes as a text message, once: its words are the policy's, and the same for all."""

    __tablename__ = "text_message"
    __table_args__ = (
        CheckConstraint("state in ('queued','sending','sent','refused','unknown','lapsed')", name="state"),
        Index("uq_text_message_message", "message_id", unique=True),
        Index("ix_text_message_person", "person_id"),
        Index("ix_text_message_open", "due_at", postgresql_where=sql("state in ('queued','sending')")),
    )

    message_id: UUID = Field(foreign_key="message.id")
    person_id: UUID = Field(foreign_key="person.id")
    state: str = Field(max_length=8)
    due_at: datetime = instant()
    moved_at: datetime = instant()
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    reference: str | None = Field(default=None, max_length=64)
