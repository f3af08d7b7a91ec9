"""Loading the official calendar into our own table."""

from datetime import date, timedelta

import chinese_calendar
from sqlalchemy.dialects.postgresql import insert

from app.calendars.tables import CalendarDay, CalendarYear
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Transaction

FIRST_YEAR = 2016


def _unless_there(table: type[CalendarDay] | type[CalendarYear]) -> Statement:
    return statement(insert(table_of(table)).on_conflict_do_nothing())


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
