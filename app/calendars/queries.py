"""Reading the working-day calendar."""

from sqlalchemy import select

from app.calendars.tables import CalendarDay, CalendarYear
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Transaction
from app.kernel.working_days import Calendar

_DAYS = statement(select(table_of(CalendarDay).c.day, table_of(CalendarDay).c.works))
_YEARS = statement(select(table_of(CalendarYear).c.year))


async def calendar(transaction: Transaction) -> Calendar:
    """The whole calendar: a few hundred days."""
    days = await transaction.rows(_DAYS)
    years = await transaction.rows(_YEARS)
    return Calendar({row["day"]: row["works"] for row in days}, frozenset(row["year"] for row in years))
