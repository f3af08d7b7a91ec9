"""Giving posts and ending them (任免): what one administrator proposes and another confirms."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant, long_text, sealed, version_column

_TIERS = ("city", "district", "street", "unit")


class PostChange(Row, table=True):
    """That somebody is given a post, or that a post ends. It carries the scope of the post's union.

    The database carries it out as it is confirmed, and looks once more at who confirms: the API writes no post itself.
    """

    __tablename__ = "post_change"
    __table_args__ = (
        CheckConstraint("kind in ('appoint','end')", name="kind"),
        CheckConstraint("state in ('proposed','confirmed','refused','withdrawn')", name="state"),
        CheckConstraint("(kind = 'appoint') = (from_date is not null)", name="from_date"),
        CheckConstraint("(kind = 'appoint' and state <> 'confirmed') = (post_id is null)", name="post"),
        CheckConstraint(
            "(state = 'proposed') = (decided_at is null) and (state = 'proposed') = (decided_by is null)",
            name="decided",
        ),
        CheckConstraint("state not in ('confirmed','refused') or decided_by <> proposed_by", name="second_person"),
        CheckConstraint("person_id <> proposed_by and (state <> 'confirmed' or person_id <> decided_by)", name="own"),
        CheckConstraint("state <> 'refused' or note is not null", name="refused"),
        Index(
            "uq_post_change_proposed",
            *("person_id", "role", "organisation_id"),
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        *(Index(f"ix_post_change_{tier}", f"{tier}_id", "created_at", "id") for tier in _TIERS),
    )

    kind: str = Field(max_length=10)
    person_id: UUID = Field(foreign_key="person.id")
    person_masked: str = Field(max_length=60)
    person_name: bytes = sealed(nullable=False)
    """As the document says it: whoever confirms compares it."""
    role: str = Field(max_length=32)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    post_id: UUID | None = Field(default=None, foreign_key="post.id")
    """The post that ends, or the one that somebody was given."""
    from_date: date | None = None
    basis: str = long_text()
    """By which document: 任免文件."""
    state: str = Field(max_length=10)
    version: int = version_column()
    proposed_by: UUID
    proposed_masked: str = Field(max_length=60)
    decided_by: UUID | None = None
    decided_masked: str | None = Field(default=None, max_length=60)
    decided_at: datetime | None = instant(nullable=True)
    note: str | None = long_text(nullable=True)
    """Why it was refused."""
