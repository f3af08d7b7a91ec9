"""Keeping files true (动态管理): verifications, the reminders before one is due, and the watch over who has left."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Row, instant, sealed, version_column

_TIERS = ("city", "district", "street", "unit")


class HouseholdVerification(Row, table=True):
    """That a file was found to be true, or not, on a day: by a visit, a match or a declaration. Appended only."""

    __tablename__ = "household_verification"
    __table_args__ = (
        Index("ix_household_verification_household", "household_id", "verified_on", "id"),
        CheckConstraint("way in ('visit','match','declaration')", name="way"),
        CheckConstraint("finding in ('unchanged','changed','may_leave')", name="finding"),
        CheckConstraint("next_due_on > verified_on", name="next_due"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    way: str = Field(max_length=12)
    reference: str = Field(max_length=100)
    """Where it can be looked up: the number of the visit, of the match, or of the paper."""
    verified_on: date
    finding: str = Field(max_length=12)
    note: bytes | None = sealed()
    next_due_on: date
    person_id: UUID
    post_role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)


class Reminder(Row, table=True):
    """A reminder that went out; the same one never goes out twice."""

    __tablename__ = "reminder"
    __table_args__ = (
        Index("uq_reminder", "household_id", "about", "due_on", "days", unique=True),
        CheckConstraint("about in ('review','watch')", name="about"),
        CheckConstraint("days in (30,7,0)", name="days"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    about: str = Field(max_length=10)
    due_on: date
    days: int
    """How many days before the due date it is sent at the earliest."""


class WatchTask(Row, table=True):
    """To ask, six and twelve months after a household was lifted, how it is (返困监测). It carries the file's scope."""

    __tablename__ = "watch_task"
    __table_args__ = (
        Index("uq_watch_task", "household_id", "months", unique=True),
        *(
            Index(f"ix_watch_task_open_{tier}", f"{tier}_id", "due_on", "id", postgresql_where=text("done_at is null"))
            for tier in _TIERS
        ),
        Index("ix_watch_task_due", "due_on", "id", postgresql_where=text("done_at is null")),
        CheckConstraint("months in (6,12)", name="months"),
        CheckConstraint("outcome in ('stable','relapse_risk','unreachable')", name="outcome"),
        CheckConstraint("(done_at is null) = (outcome is null)", name="done"),
    )

    household_id: UUID = Field(foreign_key="household.id")
    head_id: UUID = Field(foreign_key="person.id")
    """The head of the household: nobody watches over themselves."""
    head_masked: str = Field(max_length=60)
    city_id: UUID = Field(foreign_key="organisation.id")
    district_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    street_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    unit_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    months: int
    due_on: date
    version: int = version_column()
    done_at: datetime | None = instant(nullable=True)
    outcome: str | None = Field(default=None, max_length=12)
    note: bytes | None = sealed()
    done_by: UUID | None = None
    post_role: str | None = Field(default=None, max_length=32)
    organisation_name: str | None = Field(default=None, max_length=100)
