"""The household file (家庭档案) in its simple form, and the members that make it unique."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column

DEAD_STATES = ("rejected", "withdrawn", "lifted", "cancelled", "transferred")
_LIVING = text("state not in ('rejected','withdrawn','lifted','cancelled','transferred')")


class Household(Row, table=True):
    """One file for one household. What it says is sealed as a whole; the columns serve scope and queues."""

    __tablename__ = "household"
    __table_args__ = (
        Index("uq_household_living", "person_id", unique=True, postgresql_where=_LIVING),
        *(
            Index(
                f"ix_household_open_{tier}",
                f"{tier}_id",
                "state",
                "submitted_at",
                "id",
                postgresql_where=text("state in ('submitted','district_review')"),
            )
            for tier in ("city", "district", "street", "unit")
        ),
        CheckConstraint("round >= 1", name="round"),
    )

    number: str = Field(unique=True, max_length=40)
    person_id: UUID = Field(foreign_key="person.id", index=True)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    state: str = Field(max_length=20)
    round: int = Field(default=1)
    version: int = version_column()
    form: bytes = sealed(nullable=False)
    head_masked: str = Field(max_length=60)
    submitted_at: datetime | None = instant(nullable=True)
    active_at: datetime | None = instant(nullable=True)
    updated_at: datetime = instant()
    changed_at: datetime | None = instant(nullable=True)
    """When the form was last changed after it had been submitted; None: not since."""


class HouseholdMember(Row, table=True):
    """A living membership: one identity number belongs to one living household."""

    __tablename__ = "household_member"
    __table_args__ = (
        Index("uq_household_member_living", "id_number_index", unique=True, postgresql_where=text("living")),
    )

    household_id: UUID = Field(foreign_key="household.id", index=True)
    id_number_index: bytes = blind_index(nullable=False)
    relation: str = Field(max_length=20)
    living: bool = Field(default=True)


class HouseholdPassage(Row, table=True):
    """A step taken on a household file."""

    __tablename__ = "household_passage"
    __table_args__ = (
        Index(
            "uq_household_passage_reviewer",
            "household_id",
            "round",
            "person_id",
            unique=True,
            postgresql_where=text("counts_as_review"),
        ),
    )

    household_id: UUID = Field(foreign_key="household.id", index=True)
    round: int
    person_id: UUID | None = Field(default=None)
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
    action: str = Field(max_length=20)
    from_state: str = Field(max_length=20)
    to_state: str = Field(max_length=20)
    counts_as_review: bool
    note: bytes | None = sealed()
    reason_code: str | None = Field(default=None, max_length=40)


class HouseholdChange(Row, table=True):
    """One field of a submitted form that was changed (变更记录). Appended, never changed."""

    __tablename__ = "household_change"
    __table_args__ = (
        CheckConstraint("source in ('self','staff','import','match')", name="source"),
        CheckConstraint("household_version >= 2", name="household_version"),
        Index("ix_household_change_page", "household_id", "created_at", "id"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    household_version: int
    """The version that the file got by the change."""
    pointer: str = Field(max_length=200)
    before: bytes | None = sealed()
    """JSON; None: nothing stood there."""
    after: bytes | None = sealed()
    source: str = Field(max_length=10)
    reason: bytes | None = sealed()
    person_id: UUID | None = Field(default=None)
    """None when the system made the change."""
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
