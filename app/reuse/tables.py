"""What may have been claimed for twice (一票多用): prints of papers, hashes of claims, hints; and shared bank cards."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY, BIT
from sqlmodel import Field

from app.db.base import Named, Row, blind_index, document, instant, sealed, version_column

BITS = 256
BAND_BITS = 16
WAITING = "state = 'open'"


class PicturePrint(Named, table=True):
    """What a page of an uploaded bill looks like, in 256 bits (app/reuse/pictures.py). Jobs alone read it."""

    __tablename__ = "picture_print"
    __table_args__ = (Index("ix_picture_print_bands", "bands", postgresql_using="gin"),)

    file_id: UUID = Field(primary_key=True, foreign_key="file.id", ondelete="CASCADE")
    page: int = Field(primary_key=True)
    person_id: UUID
    """Who uploaded it: one's own papers are no other claimant's."""
    bits: Any = Field(sa_column=Column(BIT(BITS), nullable=False))
    """As the page lies."""
    turned: Any = Field(sa_column=Column(BIT(3 * BITS), nullable=False))
    """The same page turned by one, two and three quarters: what it is looked for by."""
    bands: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    """The sixteen parts of the bits, each with its place: prints that are near share one."""
    codes: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    """Keyed hashes of the codes that can be scanned on it."""


class ClaimMark(Named, table=True):
    """Keyed hashes of what a claim says, by which claims are brought together. Jobs alone read it."""

    __tablename__ = "claim_mark"
    __table_args__ = (Index("ix_claim_mark_keys", "keys", postgresql_using="gin"),)

    application_id: UUID = Field(primary_key=True, foreign_key="application.id")
    keys: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))


class ReuseHint(Row, table=True):
    """Two claims that may stand on one bill. It asks whoever reviews the one that came second; it decides nothing."""

    __tablename__ = "reuse_hint"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="ordered"),
        CheckConstraint("application_id <> other_id and application_id in (low_id, high_id)", name="pair"),
        CheckConstraint("other_id in (low_id, high_id)", name="other"),
        CheckConstraint("state in ('open','same','different','cleared')", name="state"),
        CheckConstraint("score between 0 and 100", name="score"),
        CheckConstraint(
            "(state in ('same','different')) = (decided_by is not null)"
            " and (decided_by is null) = (decided_at is null) and (decided_by is null) = (note is null)",
            name="decided",
        ),
        Index("uq_reuse_hint_pair", "low_id", "high_id", unique=True),
        Index("ix_reuse_hint_application", "application_id"),
        Index("ix_reuse_hint_other", "other_id"),
        Index("ix_reuse_hint_state", "state", "created_at", "id"),
    )

    application_id: UUID = Field(foreign_key="application.id")
    """The claim that was submitted second, and is asked of."""
    other_id: UUID = Field(foreign_key="application.id")
    applicant_id: UUID
    other_applicant_id: UUID
    """Whose they are: to neither of the two anything is shown."""
    low_id: UUID
    high_id: UUID
    number: str = Field(max_length=40)
    organisation_name: str = Field(max_length=100)
    other_number: str = Field(max_length=40)
    other_organisation_name: str = Field(max_length=100)
    """Beyond one's reach the number and the union are all that is told."""
    score: int
    evidence: dict[str, Any] = document()
    """What is equal and what is not, by names; never what stands there. Of pictures, which files."""
    state: str = Field(max_length=10)
    seen_at: datetime = instant()
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
    note: bytes | None = sealed()
    version: int = version_column()


class CardAlert(Row, table=True):
    """Two people of different households who are paid to one bank card, for as long as they are."""

    __tablename__ = "card_alert"
    __table_args__ = (
        CheckConstraint("person_a_id < person_b_id", name="ordered"),
        CheckConstraint("state in ('open','cleared')", name="state"),
        CheckConstraint("(state = 'open') = (cleared_at is null)", name="cleared"),
        Index("uq_card_alert_pair", "person_a_id", "person_b_id", "number_index", unique=True),
        Index("ix_card_alert_b", "person_b_id"),
        Index("ix_card_alert_open", "created_at", "id", postgresql_where=text(WAITING)),
    )

    number_index: bytes = blind_index(nullable=False)
    number_masked: str = Field(max_length=30)
    person_a_id: UUID = Field(foreign_key="person.id")
    person_b_id: UUID = Field(foreign_key="person.id")
    organisation_a_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    organisation_b_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    household_a_number: str | None = Field(default=None, max_length=40)
    household_b_number: str | None = Field(default=None, max_length=40)
    state: str = Field(max_length=10)
    cleared_at: datetime | None = instant(nullable=True)
