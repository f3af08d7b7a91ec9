"""Facts that go out, what persons are told, and requests that were answered."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary
from sqlalchemy import text as sql
from sqlmodel import Field

from app.db.base import Named, Row, document, instant

MISSED_STATES: Final = ("refused", "no_credit", "in_app", "failed", "unknown", "timed_out")
"""How a message ends that did not reach its person by WeChat, as far as anybody knows."""
MISSED: Final = "state in ({}) and told_at is null".format(",".join(f"'{state}'" for state in MISSED_STATES))


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


class MessageSending(Row, table=True):
    """A message of the app on its way to the person's WeChat; the message itself stays in the app whatever becomes of
    this."""

    __tablename__ = "message_sending"
    __table_args__ = (
        CheckConstraint(
            "state in ('queued','sending','sent','delivered','refused','no_credit','in_app','failed','unknown',"
            "'timed_out')",
            name="state",
        ),
        Index("uq_message_sending_message", "message_id", unique=True),
        Index("ix_message_sending_person", "person_id", "created_at"),
        Index("ix_message_sending_due", "due_at", postgresql_where=sql("state = 'queued'")),
        Index(
            "ix_message_sending_open",
            "moved_at",
            postgresql_where=sql("state in ('queued','sending','sent','unknown')"),
        ),
        Index("uq_message_sending_reference", "reference", unique=True, postgresql_where=sql("reference is not null")),
        *(
            Index(f"ix_message_sending_missed_{tier}", f"{tier}_id", "created_at", "id", postgresql_where=sql(MISSED))
            for tier in ("city", "district", "street", "unit")
        ),
        Index("ix_message_sending_missed", "created_at", postgresql_where=sql(MISSED)),
        # WeChat takes one message to a person at a time.
        Index("uq_message_sending_at_once", "person_id", unique=True, postgresql_where=sql("state = 'sending'")),
    )

    message_id: UUID = Field(foreign_key="message.id")
    person_id: UUID = Field(foreign_key="person.id")
    kind: str = Field(max_length=20)
    """The message's: by it the database knows whose business it is besides the person's own."""
    template: str | None = Field(default=None, max_length=20)
    state: str = Field(max_length=10)
    due_at: datetime = instant()
    moved_at: datetime = instant()
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    grant_id: UUID | None = Field(default=None)
    """The subscription that it used (app/wechat/tables.py)."""
    reference: str | None = Field(default=None, max_length=64)
    """The id by which WeChat's event speaks of it."""
    errcode: int | None = Field(default=None)
    city_id: UUID | None = Field(default=None)
    district_id: UUID | None = Field(default=None)
    street_id: UUID | None = Field(default=None)
    unit_id: UUID | None = Field(default=None)
    """Of the union that the person belonged to when the message was told."""
    person_masked: str | None = Field(default=None, max_length=60)
    told_at: datetime | None = instant(nullable=True)
    """When somebody told them otherwise, by telephone: WeChat did not."""
    told_by: UUID | None = Field(default=None, foreign_key="person.id")
