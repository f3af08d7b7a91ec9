"""The working-day calendar (工作日历), kept in our own table so that staff can correct it."""

from datetime import date

from sqlmodel import Field

from app.db.base import Named


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
