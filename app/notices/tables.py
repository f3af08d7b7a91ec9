"""Public notices (公示): frozen lists, their lines, objections to a line, and what is made of them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import UUID as PG_UUID
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from app.db.base import Named, Row, blind_index, instant, sealed, version_column

OPEN = "state = 'open'"
COUNTS = "state in ('open','suspended','ended')"
"""Of one subject and round there is one such line: being shown, looked into, or over without objection."""


class NoticeBatch(Row, table=True):
    """A list as one union published it: never changed. A change is another batch.

    The database itself checks the hash, and that each line says what its list says (`notice_guard`).
    """

    __tablename__ = "notice_batch"
    __table_args__ = (
        CheckConstraint("level in ('unit','district','city')", name="level"),
        CheckConstraint("sha256 = encode(sha256(content), 'hex')", name="sha256"),
        CheckConstraint("ends_at > created_at", name="period"),
        CheckConstraint("working_days >= 5", name="working_days"),
        *(
            Index(f"ix_notice_batch_{tier}", f"{tier}_id", "created_at", "id")
            for tier in ("city", "district", "street", "unit")
        ),
    )

    organisation_id: UUID = Field(foreign_key="organisation.id")
    """The union that publishes; its ancestors, for who may see the list once it is over."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    kind: str = Field(max_length=20)
    level: str = Field(max_length=10)
    policy_version: str = Field(max_length=60)
    lines: int
    content: bytes = Field(sa_type=LargeBinary)
    """Canonical JSON of all that is shown (`app.notices.rules.frozen`)."""
    sha256: str = Field(max_length=64)
    working_days: int
    ends_at: datetime = instant()


class Notice(Row, table=True):
    """One line: an application or a household file. Whom it is about, and who signed, is never shown."""

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("ends_at > created_at", name="period"),
        Index("ix_notice_due", "ends_at", postgresql_where=text(OPEN)),
        Index("ix_notice_published", "created_at", "id", postgresql_where=text(OPEN)),
        CheckConstraint("(application_id is null) <> (household_id is null)", name="subject"),
        CheckConstraint("household_id is null or amount_fen is null", name="amount"),
        CheckConstraint("state in ('open','suspended','ended','renewed','upheld','withdrawn')", name="state"),
        CheckConstraint("(closed_at is null) = (state in ('open','suspended'))", name="closed"),
        CheckConstraint("state <> 'ended' or closed_at >= ends_at", name="ended"),
        CheckConstraint("objections >= 0 and (state <> 'suspended' or objections > 0)", name="objections"),
        UniqueConstraint("batch_id", "serial"),
        Index(
            "uq_notice_application",
            "application_id",
            "round",
            unique=True,
            postgresql_where=text(f"application_id is not null and {COUNTS}"),
        ),
        Index("ix_notice_application", "application_id", "round"),
        Index("ix_notice_person", "person_id", postgresql_where=text(OPEN)),
        Index(
            "uq_notice_household",
            "household_id",
            "round",
            "kind",
            unique=True,
            postgresql_where=text(f"household_id is not null and {COUNTS}"),
        ),
    )

    batch_id: UUID | None = Field(default=None, foreign_key="notice_batch.id")
    """None: published before lists were frozen."""
    serial: int | None = Field(default=None)
    application_id: UUID | None = Field(default=None, foreign_key="application.id")
    household_id: UUID | None = Field(default=None, foreign_key="household.id")
    person_id: UUID = Field(foreign_key="person.id")
    signer_ids: list[UUID] = Field(default=[], sa_column=Column(ARRAY(PG_UUID), nullable=False))
    """Who signed this round: they look into no objection to it."""
    agreed: bool = Field(default=True)
    """Whether they had consented to being published when it was."""
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    round: int
    number: str = Field(max_length=40)
    kind: str = Field(max_length=20)
    name_masked: str = Field(max_length=60)
    organisation_name: str = Field(max_length=100)
    amount_fen: int | None = Field(default=None, sa_type=BigInteger)
    amount_band: str | None = Field(default=None, max_length=60)
    working_days: int
    ends_at: datetime = instant()
    state: str = Field(default="open", max_length=10)
    objections: int = Field(default=0)
    closed_at: datetime | None = instant(nullable=True)


class NoticeInvestigation(Row, table=True):
    """What an objection sets off: one for each line that was objected to, under the id of the line."""

    __tablename__ = "notice_investigation"
    __table_args__ = (
        CheckConstraint("state in ('open','upheld','dismissed')", name="state"),
        CheckConstraint(
            "(state = 'open') = (decided_by is null) and (state = 'open') = (decided_at is null)"
            " and (state = 'open') = (note is null)",
            name="decided",
        ),
        CheckConstraint("decided_by <> person_id and decided_by <> all (signer_ids)", name="kept_apart"),
        CheckConstraint("reply is null or state <> 'open'", name="reply"),
        *(
            Index(f"ix_notice_investigation_open_{tier}", f"{tier}_id", "created_at", "id", postgresql_where=text(OPEN))
            for tier in ("city", "district")
        ),
    )

    id: UUID = Field(primary_key=True, foreign_key="notice.id")
    person_id: UUID = Field(foreign_key="person.id")
    """Whom the line is about: they see neither this nor who objected."""
    signer_ids: list[UUID] = Field(default=[], sa_column=Column(ARRAY(PG_UUID), nullable=False))
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    number: str = Field(max_length=40)
    kind: str = Field(max_length=20)
    state: str = Field(default="open", max_length=10)
    due_on: date
    version: int = version_column()
    note: bytes | None = sealed()
    reply: bytes | None = sealed()
    """What those who objected read of it, by the code of their receipt."""
    decided_by: UUID | None = Field(default=None)
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
    decided_at: datetime | None = instant(nullable=True)


class NoticeObjection(Row, table=True):
    """What somebody says against a line. Appended, never changed; sealed."""

    __tablename__ = "notice_objection"
    __table_args__ = (
        CheckConstraint("objector_id is not null or anonymous", name="anonymous"),
        CheckConstraint("anonymous = (objector_masked is null)", name="masked"),
        Index("ix_notice_objection_line", "notice_id", "id"),
        Index(
            "uq_notice_objection_receipt",
            "receipt_index",
            unique=True,
            postgresql_where=text("receipt_index is not null"),
        ),
        Index(
            "uq_notice_objection_objector",
            "notice_id",
            "objector_id",
            unique=True,
            postgresql_where=text("objector_id is not null"),
        ),
    )

    notice_id: UUID = Field(foreign_key="notice.id")
    objector_id: UUID | None = Field(default=None, foreign_key="person.id")
    """Never told to anybody else: so that they can follow it, and object once."""
    anonymous: bool
    objector_masked: str | None = Field(default=None, max_length=60)
    words: bytes = sealed(nullable=False)
    contact: bytes | None = sealed()
    receipt_index: bytes | None = blind_index()
    """Of the code by which its outcome is asked for. None: objected before there were codes."""


class NoticeTerm(Named, table=True):
    """Whether this database takes notices that are shorter than their working days: a demonstration, or a test."""

    __tablename__ = "notice_term"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    may_be_short: bool
