"""Posts that somebody else holds for some days (委托代办)."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, String, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed

_TIERS = ("city", "district", "street", "unit")


class Delegation(Row, table=True):
    """What of a post is delegated, from whom to whom, from one day to another. It carries the scope of its union."""

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("from_person_id <> to_person_id", name="another"),
        CheckConstraint("ends_on >= starts_on and ends_on - starts_on < 30", name="days"),
        CheckConstraint("cardinality(kinds) > 0", name="kinds"),
        CheckConstraint("cardinality(permissions) > 0", name="permissions"),
        CheckConstraint(
            "not permissions @> array['payment:start','payment:confirm']::varchar[]", name="one_of_payment"
        ),
        CheckConstraint("(ended_at is null) = (ended_by is null)", name="ended"),
        Index("ix_delegation_to", "to_person_id", "ends_on", postgresql_where=text("ended_at is null")),
        Index("ix_delegation_to_person", "to_person_id", "created_at", "id"),
        Index("ix_delegation_from_person", "from_person_id", "created_at", "id"),
        *(Index(f"ix_delegation_{tier}", f"{tier}_id", "created_at", "id") for tier in _TIERS),
    )

    post_id: UUID = Field(foreign_key="post.id")
    role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)
    from_person_id: UUID = Field(foreign_key="person.id")
    from_masked: str = Field(max_length=60)
    to_person_id: UUID = Field(foreign_key="person.id")
    to_masked: str = Field(max_length=60)
    starts_on: date
    ends_on: date
    """The last day, itself included."""
    kinds: list[str] = Field(sa_column=Column(ARRAY(String(20)), nullable=False))
    permissions: list[str] = Field(sa_column=Column(ARRAY(String(32)), nullable=False))
    reason: bytes = sealed(nullable=False)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    ended_at: datetime | None = instant(nullable=True)
    """When it was ended early: by either of the two, by an administrator, or with the post."""
    ended_by: UUID | None = Field(default=None)
