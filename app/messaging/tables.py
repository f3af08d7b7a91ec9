"""Facts that go out, what persons are told, and requests that were answered."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from app.db.base import Named, Row, document, instant


class OutMessage(Row, table=True):
    """A fact (outbox row), written in the transaction that made it true and relayed by the worker."""

    __tablename__ = "out_message"
    __table_args__ = (Index("ix_out_message_waiting", "id", postgresql_where=sql("relayed_at is null")),)

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


class Message(Row, table=True):
    """Something that a person is told in the app. `text` names nobody but by what lists show of them."""

    __tablename__ = "message"
    __table_args__ = (
        Index("uq_message_once", "person_id", "once", unique=True),
        Index("ix_message_person", "person_id", "created_at", "id"),
        Index("ix_message_unread", "person_id", postgresql_where=sql("read_at is null")),
    )

    person_id: UUID = Field(foreign_key="person.id")
    once: str = Field(max_length=120)
    """What it tells: the same person is never told the same twice."""
    kind: str = Field(max_length=20)
    title: str = Field(max_length=60)
    text: str = Field(max_length=300)
    subject_kind: str = Field(max_length=20)
    subject_id: UUID
    read_at: datetime | None = instant(nullable=True)
