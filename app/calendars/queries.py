"""Reading the working-day calendar."""

import time
from dataclasses import dataclass

from sqlalchemy import select

from app.calendars.tables import CalendarDay, CalendarYear
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Database, Sight, Transaction
from app.kernel.working_days import Calendar

KEPT_SECONDS = 300.0
_DAYS = statement(select(table_of(CalendarDay).c.day, table_of(CalendarDay).c.works))
_YEARS = statement(select(table_of(CalendarYear).c.year))


async def calendar(transaction: Transaction) -> Calendar:
    """The whole calendar: a few hundred days."""
    days = await transaction.rows(_DAYS)
    years = await transaction.rows(_YEARS)
    return Calendar({row["day"]: row["works"] for row in days}, frozenset(row["year"] for row in years))


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
