"""The household file (家庭档案), the members that make it unique, its exits and its moves between unions."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, blind_index, instant, sealed, version_column
from app.households.criteria import CLASS_NAMES
from app.households.levels import ArchiveLevel
from app.households.path import CANCEL_REASONS, PATH

_TIERS = ("city", "district", "street", "unit")
_SUBMITTED = text("submitted_at is not null")
_LIVING = text("state not in ('rejected','withdrawn','lifted','cancelled','transferred')")
IN_FILE = "state in ('active','annual_review','relieved')"
"""The file stands, and is looked after: planned for, helped, verified every year."""
CHANGED_AT = "changed_at"
"""The column that says when the file was last changed."""
WATCHED: dict[str, tuple[str, str]] = {
    "unchanged": (CHANGED_AT, IN_FILE),
    "never_helped": ("active_at", f"{IN_FILE} and last_helped_at is null"),
    "no_plan": ("active_at", f"{IN_FILE} and not has_open_plan"),
    "overdue": ("review_due_on", IN_FILE),
}
"""The lists of files that need looking after: what each is ordered by, and which files its indexes hold."""


def _listed(words: Iterable[str]) -> str:
    return ",".join(f"'{word}'" for word in words)


class Household(Row, table=True):
    """One file for one household. What it says is sealed as a whole; the columns serve scope and queues."""

    __tablename__ = "household"
    __table_args__ = (
        Index("uq_household_living", "person_id", unique=True, postgresql_where=_LIVING),
        # What staff see is what was submitted: in every state, or in one of them.
        *(
            Index(f"ix_household_file_{tier}", f"{tier}_id", "submitted_at", "id", postgresql_where=_SUBMITTED)
            for tier in _TIERS
        ),
        *(
            Index(
                f"ix_household_state_{tier}", f"{tier}_id", "state", "submitted_at", "id", postgresql_where=_SUBMITTED
            )
            for tier in _TIERS
        ),
        Index("ix_household_previous", "previous_id", postgresql_where=text("previous_id is not null")),
        *(
            Index(f"ix_household_{name}_{tier}", f"{tier}_id", by, "id", postgresql_where=text(which))
            for name, (by, which) in WATCHED.items()
            for tier in _TIERS
        ),
        Index("ix_household_review_due", "review_due_on", "id", postgresql_where=text(IN_FILE)),
        CheckConstraint("round >= 1", name="round"),
        CheckConstraint(f"state in ({_listed(PATH.states)})", name="state"),
        CheckConstraint(f"archive_level in ({_listed(get_args(ArchiveLevel))})", name="archive_level"),
        CheckConstraint(f"category in ({_listed(CLASS_NAMES)})", name="category"),
        CheckConstraint("cohort_2016 = (cohort_fixed_on is not null)", name="cohort"),
        CheckConstraint(f"cancel_code in ({_listed(CANCEL_REASONS)})", name="cancel_code"),
        CheckConstraint("(state = 'cancelled') = (cancel_code is not null)", name="cancelled"),
        CheckConstraint("merged_into_id is null or cancel_code = 'duplicate'", name="merged"),
        CheckConstraint(
            "state_before is null or state in ('suspended','exit_proposed','exit_notice')", name="state_before"
        ),
    )

    number: str = Field(unique=True, max_length=40)
    person_id: UUID = Field(foreign_key="person.id", index=True)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    state: str = Field(max_length=20)
    state_before: str | None = Field(default=None, max_length=20)
    """Where a suspended file, or one whose exit is proposed, goes back to."""
    round: int = Field(default=1)
    version: int = version_column()
    form: bytes = sealed(nullable=False)
    category: str | None = Field(default=None, max_length=20)
    """The class of hardship as staff confirmed it; of either generation of the criteria."""
    archive_level: str | None = Field(default=None, max_length=12)
    cohort_2016: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """Of the cohort of 2016-10-31 (解困脱困对象), as the city fixed it on a day."""
    cohort_fixed_on: date | None = Field(default=None)
    previous_id: UUID | None = Field(default=None, foreign_key="household.id")
    """The file that the same head left before (返困)."""
    merged_into_id: UUID | None = Field(default=None, foreign_key="household.id")
    split_from_id: UUID | None = Field(default=None, foreign_key="household.id")
    cancel_code: str | None = Field(default=None, max_length=40)
    left_at: datetime | None = instant(nullable=True)
    """When it was lifted, cancelled or transferred."""
    relieved_at: datetime | None = instant(nullable=True)
    head_masked: str = Field(max_length=60)
    submitted_at: datetime | None = instant(nullable=True)
    active_at: datetime | None = instant(nullable=True)
    updated_at: datetime = instant()
    changed_at: datetime | None = instant(nullable=True)
    """When the form was last changed, or first submitted."""
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


class HouseholdExit(Row, table=True):
    """An exit as it was proposed: why, on what evidence, and what the rules said of it."""

    __tablename__ = "household_exit"
    __table_args__ = (
        CheckConstraint("kind in ('lifted','relieved','cancelled')", name="kind"),
        CheckConstraint("(kind = 'cancelled') = (code is not null)", name="code"),
        CheckConstraint("state in ('open','ended','dropped')", name="state"),
        Index("uq_household_exit_open", "household_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_household_exit_household", "household_id", "created_at"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    kind: str = Field(max_length=12)
    code: str | None = Field(default=None, max_length=40)
    evidence: bytes = sealed(nullable=False)
    """The income and spending as they are now, and the files that show it."""
    decision: bytes | None = sealed()
    """What the rules said of it; None: nothing had to be computed (注销)."""
    proposed_by: UUID
    state: str = Field(default="open", max_length=8)
    ended_at: datetime | None = instant(nullable=True)


class HouseholdTransfer(Row, table=True):
    """A file that one union hands to another: proposed by the one, accepted by the other. Its columns are the union
    that is to have it, on each tier."""

    __tablename__ = "household_transfer"
    __table_args__ = (
        CheckConstraint("state in ('proposed','accepted','refused','withdrawn')", name="state"),
        CheckConstraint("(state = 'proposed') = (ended_at is null)", name="ended"),
        Index("uq_household_transfer_open", "household_id", unique=True, postgresql_where=text("state = 'proposed'")),
        *(
            Index(
                f"ix_household_transfer_{tier}",
                f"{tier}_id",
                "created_at",
                "id",
                postgresql_where=text("state = 'proposed'"),
            )
            for tier in _TIERS
        ),
    )

    household_id: UUID = Field(foreign_key="household.id", index=True)
    number: str = Field(max_length=40)
    head_masked: str = Field(max_length=60)
    from_organisation_id: UUID = Field(foreign_key="organisation.id")
    from_organisation_name: str = Field(max_length=100)
    to_organisation_id: UUID = Field(foreign_key="organisation.id")
    to_organisation_name: str = Field(max_length=100)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    state: str = Field(default="proposed", max_length=10)
    version: int = version_column()
    note: bytes | None = sealed()
    proposed_by: UUID
    ended_by: UUID | None = Field(default=None)
    ended_at: datetime | None = instant(nullable=True)
