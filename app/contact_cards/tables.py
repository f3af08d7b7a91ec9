"""Who is responsible for helping a household (帮扶责任人), and the contact cards (帮扶联系卡) that name them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed


class ResponsiblePerson(Row, table=True):
    """A member of a union's staff who is responsible for a household from a day on; one at a time."""

    __tablename__ = "responsible_person"
    __table_args__ = (
        Index("uq_responsible_person_now", "household_id", unique=True, postgresql_where=text("until_date is null")),
        UniqueConstraint("household_id", "sequence"),
        CheckConstraint("sequence >= 1", name="sequence"),
        CheckConstraint("until_date >= from_date", name="term"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    sequence: int
    person_id: UUID = Field(index=True)
    name: bytes = sealed(nullable=False)
    phone: bytes = sealed(nullable=False)
    """The number that the union publishes for this person."""
    organisation_name: str = Field(max_length=100)
    from_date: date
    until_date: date | None = None
    assigned_by: UUID


class ContactCard(Row, table=True):
    """A card as it was issued. What it says is kept, so that it can be printed again as it was."""

    __tablename__ = "contact_card"
    __table_args__ = (
        Index("uq_contact_card_now", "household_id", unique=True, postgresql_where=text("superseded_at is null")),
        UniqueConstraint("household_id", "sequence"),
        CheckConstraint("sequence >= 1", name="sequence"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("drawn_by ~ '^[0-9a-f]{64}$'", name="drawn_by"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    sequence: int
    serial: str = Field(unique=True, max_length=50)
    responsible_id: UUID = Field(foreign_key="responsible_person.id")
    content: bytes = sealed(nullable=False)
    drawn_by: str | None = Field(default=None, max_length=64)
    """The hash of its form and of what draws it (`card.drawn_by`). None: issued before that was written down."""
    sha256: str | None = Field(default=None, max_length=64)
    """Of the PDF: whoever holds a card can be told whether it is one of ours, and the current one. None until it was
    drawn for the first time."""
    superseded_at: datetime | None = instant(nullable=True)
