"""The working-day calendar (工作日历), kept in our own table so that staff, two of them, can correct it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from app.db.base import Named, Row, document, instant, version_column


class CalendarDay(Named, table=True):
    """A day that differs from the weekday rule: a holiday, or a weekend day that is worked (调休)."""

    __tablename__ = "calendar_day"

    day: date = Field(primary_key=True)
    works: bool
    source: str = Field(max_length=100)


class CalendarYear(Named, table=True):
    """A year whose official notice is known; any other year is provisional."""

    __tablename__ = "calendar_year"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    source: str = Field(max_length=100)


class CalendarChange(Row, table=True):
    """What one person proposed and another has to confirm: it moves deadlines that the law sets.

    The wall of the two tables above takes from staff only what a confirmed change says (alembic/versions).
    """

    __tablename__ = "calendar_change"
    __table_args__ = (
        CheckConstraint("about ~ '^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$'", name="about"),
        CheckConstraint("state in ('proposed','confirmed','withdrawn')", name="state"),
        CheckConstraint("state <> 'confirmed' or decided_by <> proposed_by", name="second_person"),
        CheckConstraint(
            "(state = 'proposed') = (decided_at is null) and (state = 'proposed') = (decided_by is null)",
            name="decided",
        ),
        Index("uq_calendar_change_proposed", "about", unique=True, postgresql_where=text("state = 'proposed'")),
        Index("ix_calendar_change_list", "created_at", "id"),
        Index("ix_calendar_change_about", "about"),
    )

    about: str = Field(max_length=10)
    """A year that becomes known (2027), or one day (2027-02-14)."""
    days: dict[str, bool] = document()
    """Each day that differs from the weekday rule, or the one day: whether it works."""
    source: str = Field(max_length=100)
    state: str = Field(max_length=10)
    version: int = version_column()
    proposed_by: UUID
    decided_by: UUID | None = None
    decided_at: datetime | None = instant(nullable=True)
