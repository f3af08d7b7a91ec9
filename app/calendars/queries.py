"""Reading the working-day calendar."""

import time
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from sqlalchemy import bindparam, select

from app.calendars.tables import CalendarDay, CalendarYear
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Database, Record, Sight, Transaction
from app.kernel.working_days import Calendar

KEPT_SECONDS = 300.0
_D, _Y = table_of(CalendarDay), table_of(CalendarYear)
_DAYS = statement(select(_D.c.day, _D.c.works))
_YEARS = statement(select(_Y.c.year))
_SOURCE = statement(select(_Y.c.source).where(_Y.c.year == bindparam("year")))
_DAYS_OF_YEAR = statement(
    select(_D.c.day, _D.c.works, _D.c.source)
    .where(_D.c.day.between(bindparam("first"), bindparam("last")))
    .order_by(_D.c.day)
)


class Year(NamedTuple):
    """A year of the calendar as it is kept: the notice, if it is known, and the days that differ."""

    source: str | None
    days: list[Record]


async def calendar(transaction: Transaction) -> Calendar:
    """The whole calendar: a few hundred days."""
    days = await transaction.rows(_DAYS)
    years = await transaction.rows(_YEARS)
    return Calendar({row["day"]: row["works"] for row in days}, frozenset(row["year"] for row in years))


async def year_of(transaction: Transaction, year: int) -> Year:
    """A year as it is in the table now."""
    source: str | None = await transaction.value(_SOURCE, year=year)
    days = await transaction.rows(_DAYS_OF_YEAR, first=date(year, 1, 1), last=date(year, 12, 31))
    return Year(source, days)


@dataclass
class KeptCalendar:
    """The calendar as one process last read it: staff change it a few times a year."""

    database: Database
    _kept: tuple[Calendar, float] | None = None

    async def get(self) -> Calendar:
        if self._kept is None or self._kept[1] <= time.monotonic():
            async with self.database.begin(Sight("public")) as transaction:
                self._kept = (await calendar(transaction), time.monotonic() + KEPT_SECONDS)
        return self._kept[0]
