"""Loading the official calendar into our own table, where staff enter what it lacks and correct it."""

from collections.abc import Mapping
from datetime import date, timedelta

import chinese_calendar
from sqlalchemy.dialects.postgresql import insert

from app.calendars.tables import CalendarDay, CalendarYear
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Transaction
from app.kernel.errors import Conflict

FIRST_YEAR = 2016


def _unless_there(table: type[CalendarDay] | type[CalendarYear]) -> Statement:
    return statement(insert(table_of(table)).on_conflict_do_nothing())


_OF_DAY = insert(table_of(CalendarDay))
_SET_DAY = statement(
    _OF_DAY.on_conflict_do_update(
        index_elements=["day"], set_={"works": _OF_DAY.excluded.works, "source": _OF_DAY.excluded.source}
    )
)


class YearKnown(Conflict):
    """这一年的放假安排已经录入，有变动的请逐日更正。"""


async def enter_year(transaction: Transaction, year: int, source: str, days: Mapping[date, bool]) -> None:
    """Make a provisional year known: which of its days differ from the weekday rule. Raises YearKnown."""
    if not await transaction.run(_unless_there(CalendarYear), year=year, source=source):
        raise YearKnown
    for day, works in days.items():
        await set_day(transaction, day, works, source)


async def set_day(transaction: Transaction, day: date, works: bool, source: str) -> None:
    """Say of one day whether it works; processes know it within `queries.KEPT_SECONDS`."""
    await transaction.run(_SET_DAY, day=day, works=works, source=source)


async def load_known_years(transaction: Transaction) -> int:
    """Add the announced years that the table lacks; rows that staff corrected stay. Answers how many are known."""
    year = FIRST_YEAR
    while _announced(year):
        source = f"国务院办公厅关于{year}年部分节假日安排的通知"
        await transaction.run(_unless_there(CalendarYear), year=year, source=source)
        day = date(year, 1, 1)
        while day.year == year:
            works = chinese_calendar.is_workday(day)
            if works != (day.weekday() < 5):
                await transaction.run(_unless_there(CalendarDay), day=day, works=works, source=source)
            day += timedelta(days=1)
        year += 1
    return year - FIRST_YEAR


def _announced(year: int) -> bool:
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True
