"""The household file (家庭档案) in its simple form, and the members that make it unique."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column

DEAD_STATES = ("rejected", "withdrawn", "lifted", "cancelled", "transferred")
_LIVING = text("state not in ('rejected','withdrawn','lifted','cancelled','transferred')")
IN_FILE = "state in ('active','annual_review','relieved')"
"""The file stands, and is looked after: planned for, helped, verified every year."""
CHANGED_AT = "updated_at"
"""The column that says when the file was last changed."""
WATCHED: dict[str, tuple[str, str]] = {
    "unchanged": (CHANGED_AT, IN_FILE),
    "never_helped": ("active_at", f"{IN_FILE} and last_helped_at is null"),
    "no_plan": ("active_at", f"{IN_FILE} and not has_open_plan"),
    "overdue": ("review_due_on", IN_FILE),
}
"""The lists of files that need looking after: what each is ordered by, and which files its indexes hold."""
_TIERS = ("city", "district", "street", "unit")


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
            for tier in _TIERS
        ),
        *(
            Index(f"ix_household_{name}_{tier}", f"{tier}_id", by, "id", postgresql_where=text(which))
            for name, (by, which) in WATCHED.items()
            for tier in _TIERS
        ),
        Index("ix_household_review_due", "review_due_on", "id", postgresql_where=text(IN_FILE)),
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
    review_due_on: date | None = Field(default=None)
    """The last day for the yearly verification; set when the file is opened, and by each verification."""
    last_helped_at: datetime | None = instant(nullable=True)
    has_open_plan: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


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
