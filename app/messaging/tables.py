"""Facts that go out, and requests that were answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field

from app.db.base import Named, Row, document, instant


class OutMessage(Row, table=True):
    """A fact (outbox row), written in the transaction that made it true and relayed by the worker."""

    __tablename__ = "out_message"
    __table_args__ = (Index("ix_out_message_waiting", "id", postgresql_where=text("relayed_at is null")),)

    name: str = Field(max_length=60)
    body: dict[str, str] = document()
    relayed_at: datetime | None = instant(nullable=True)


class KeyedAnswer(Named, table=True):
    """The first answer to an Idempotency-Key of a person; the same request gets it again."""

    __tablename__ = "keyed_answer"

    person_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=255)
    row_id: UUID
    """Binds the sealed answer to this row."""
    fingerprint: bytes = Field(sa_type=LargeBinary)
    status: int
    etag: str | None = Field(default=None, max_length=40)
    answer: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()
