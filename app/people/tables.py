"""People (人员): who they are, how they signed in, what they consented to, where they are paid."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field

from app.db.base import Named, Row, blind_index, instant, sealed, version_column


class Person(Row, table=True):
    """A person bound to a WeChat identity. Everything that names them is sealed or masked."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("(openid is null) = (openid_index is null)", name="openid"),
        CheckConstraint("openid is not null or id_number_index is not null", name="known"),
        Index("uq_person_openid", "openid_index", unique=True, postgresql_where=text("closed_at is null")),
        # Empty, once all have been filled in (app/jobs/phones.py).
        Index(
            "ix_person_phone_unfound",
            "id",
            postgresql_where=text("phone is not null and phone_index is null"),
        ),
        Index("ix_person_phone", "phone_index", postgresql_where=text("closed_at is null and phone_index is not null")),
        Index("uq_person_id_number", "id_number_index", unique=True, postgresql_where=text("closed_at is null")),
        # Who follows the official account is looked for by it (app/wechat).
        Index(
            "ix_person_unionid",
            "unionid_index",
            postgresql_where=text("unionid_index is not null and closed_at is null"),
        ),
        # Those without WeChat, who are few: what waits for them is looked for by it.
        Index("ix_person_on_paper", "id", postgresql_where=text("openid_index is null and closed_at is null")),
        # Closed accounts as well: who signs is compared by number.
        Index("ix_person_number", "id_number_index"),
    )

    openid_index: bytes | None = blind_index()
    """None: they have no WeChat; staff filed for them, and they signed on paper."""
    openid: bytes | None = sealed()
    unionid_index: bytes | None = blind_index()
    name: bytes | None = sealed()
    name_masked: str | None = Field(default=None, max_length=60)
    id_number: bytes | None = sealed()
    id_number_index: bytes | None = blind_index()
    phone: bytes | None = sealed()
    phone_index: bytes | None = blind_index()
    """Whether two accounts have the same one; not unique: a family may share a phone."""
    phone_masked: str | None = Field(default=None, max_length=20)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    verified_at: datetime | None = instant(nullable=True)
    closed_at: datetime | None = instant(nullable=True)
    version: int = version_column()
    has_near: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Whether somebody may be near them: another account, a household, a declared relative, a post given away. Set by
    the database alone, and only ever set: whoever signs is then looked at closely."""


class BankCard(Row, table=True):
    """The card that aid is paid to. One is current; a change after the first waits for a second person."""

    __tablename__ = "bank_card"
    __table_args__ = (
        CheckConstraint("state in ('current','pending','replaced','refused','withdrawn')", name="state"),
        CheckConstraint("checked in ('passed','failed')", name="checked"),
        Index("uq_bank_card_current", "person_id", unique=True, postgresql_where=text("state = 'current'")),
        Index("uq_bank_card_pending", "person_id", unique=True, postgresql_where=text("state = 'pending'")),
        # Whether others are paid to the same one (app/reuse).
        Index("ix_bank_card_number", "number_index", postgresql_where=text("state in ('current','pending')")),
    )

    person_id: UUID = Field(foreign_key="person.id", index=True)
    holder: bytes = sealed(nullable=False)
    number: bytes = sealed(nullable=False)
    number_index: bytes = blind_index(nullable=False)
    number_masked: str = Field(max_length=30)
    bank_name: str = Field(max_length=100)
    branch: str | None = Field(default=None, max_length=100)
    state: str = Field(max_length=16)
    checked: str | None = Field(default=None, max_length=6)
    """What a bank says of it, as two of finance have confirmed (app/payments); None: nobody has asked yet. Set by the
    database alone."""


class Session(Row, table=True):
    """A signed-in device: one family of refresh tokens (会话)."""

    __tablename__ = "session"

    person_id: UUID = Field(foreign_key="person.id", index=True)
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    end_reason: str | None = Field(default=None, max_length=32)


class RefreshToken(Row, table=True):
    """A refresh token, kept as a hash. One that is used again ends its whole session."""

    __tablename__ = "refresh_token"

    session_id: UUID = Field(foreign_key="session.id", index=True)
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    used_at: datetime | None = instant(nullable=True)


class Attempt(Named, table=True):
    """How often something was tried since an instant, by whoever it belongs to, as a keyed hash."""

    __tablename__ = "attempt"
    __table_args__ = (CheckConstraint("count >= 0", name="count"),)

    kind: str = Field(primary_key=True, max_length=20)
    subject_index: bytes = Field(primary_key=True, sa_type=LargeBinary)
    began_at: datetime = instant()
    count: int


class Consent(Row, table=True):
    """A consent (同意) to one purpose, with the hash of the text that was shown. Never deleted."""

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "uq_consent_in_force",
            "person_id",
            "purpose",
            "text_version",
            unique=True,
            postgresql_where=text("withdrawn_at is null"),
        ),
    )

    person_id: UUID = Field(foreign_key="person.id", index=True)
    purpose: str = Field(max_length=32)
    text_version: str = Field(max_length=16)
    text_sha256: str = Field(max_length=64)
    withdrawn_at: datetime | None = instant(nullable=True)
