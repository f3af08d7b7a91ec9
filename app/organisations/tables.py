"""The tree of unions (组织) and the posts (职务) held in it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant, long_text


class Organisation(Row, table=True):
    """A union (工会). `city_id … unit_id` name its ancestor on each tier, itself included."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint("level in ('city','district','industry','street','unit')", name="level"),
        CheckConstraint("tier in ('city','district','street','unit')", name="tier"),
        CheckConstraint("tier = case level when 'industry' then 'district' else level end", name="tier_of_level"),
        Index(
            "uq_organisation_receives_unattached", "city_id", unique=True, postgresql_where=text("receives_unattached")
        ),
    )

    code: str = Field(unique=True, max_length=40)
    name: str = Field(max_length=100)
    level: str = Field(max_length=16)
    """What it is: city, district, industry (产业工会), street or unit."""
    tier: str = Field(max_length=16)
    """Where it stands: an industry union reports to the city directly, so it stands on the district tier."""
    division_code: str = Field(max_length=12)
    parent_id: UUID | None = Field(default=None, foreign_key="organisation.id", index=True)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    receives_unattached: bool = Field(default=False)
    """The service centre (职工服务中心) that receives workers without a union of their own."""


class Post(Row, table=True):
    """A role that a person holds at an organisation from a day on; it reaches the subtree."""

    __tablename__ = "post"
    __table_args__ = (
        Index(
            "uq_post_person_role_organisation",
            "person_id",
            "role",
            "organisation_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
    )

    person_id: UUID = Field(foreign_key="person.id", index=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    role: str = Field(max_length=32)
    from_date: date
    ended_at: datetime | None = instant(nullable=True)
    note: str | None = long_text(nullable=True)
