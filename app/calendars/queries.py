"""Reading the working-day calendar."""

import time
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, tuple_

from app.calendars.tables import CalendarChange, CalendarDay, CalendarYear
from app.db import paging
from app.db.base import table_of
from app.db.database import Database
from app.db.statements import Statement, statement
from app.db.transaction import Record, Sight, Transaction
from app.kernel.errors import NotFound
from app.kernel.working_days import Calendar

KEPT_SECONDS = 300.0
DAY, YEAR, CHANGE = table_of(CalendarDay), table_of(CalendarYear), table_of(CalendarChange)
_DAYS = statement(select(DAY.c.day, DAY.c.works))
_YEARS = statement(select(YEAR.c.year))
_SOURCE = statement(select(YEAR.c.source).where(YEAR.c.year == bindparam("year")))
_DAYS_OF_YEAR = statement(
    select(DAY.c.day, DAY.c.works, DAY.c.source)
    .where(DAY.c.day.between(bindparam("first"), bindparam("last")))
    .order_by(DAY.c.day)
)
_CHANGE = statement(select(CHANGE).where(CHANGE.c.id == bindparam("id")))


class CalendarChangeNotFound(NotFound):
    """没有找到这项工作日历的变动。"""


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


async def is_known(transaction: Transaction, year: int) -> bool:
    """Whether the notice of a year was entered."""
    return await transaction.value(_SOURCE, year=year) is not None


async def change(transaction: Transaction, change_id: UUID) -> Record:
    """A change that was proposed. Raises CalendarChangeNotFound."""
    row = await transaction.row(_CHANGE, id=change_id)
    if row is None:
        raise CalendarChangeNotFound
    return row


@cache
def _changes(waiting: bool, after: bool) -> Statement:
    query = select(CHANGE)
    if waiting:
        query = query.where(CHANGE.c.state == literal_column("'proposed'"))
    if after:
        place = paging.place(CHANGE.c.created_at, CHANGE.c.id)
        query = query.where(tuple_(CHANGE.c.created_at, CHANGE.c.id) < place)
    return statement(query.order_by(CHANGE.c.created_at.desc(), CHANGE.c.id.desc()).limit(bindparam("size")))


async def changes(
    transaction: Transaction, size: int, after: tuple[datetime, UUID] | None, *, waiting: bool
) -> list[Record]:
    """What was proposed, newest first; `waiting`: only what nobody has confirmed or taken back."""
    return await transaction.rows(_changes(waiting, after is not None), size=size, **paging.values(after))


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
