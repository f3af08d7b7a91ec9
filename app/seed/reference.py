"""What every database holds from its first day: the working-day calendar, and the policies shipped with the service."""

from datetime import datetime

import asyncpg

from app.calendars.commands import load_known_years
from app.db.database import open_database
from app.db.transaction import Sight
from app.policies.commands import load_shipped
from app.programmes import shipped
from app.settings import settings


async def write_reference(dsn: str, now: datetime) -> None:
    """Add what is not there yet to a migrated database. Raises InvalidPolicy for a shipped version that was edited."""
    database = await open_database(dsn, "aid_jobs", size=1)
    try:
        async with database.begin(Sight("job")) as transaction:
            await load_known_years(transaction)
            await load_shipped(transaction, shipped(), now)
    finally:
        await database.close()
    await _set_terms(dsn)


async def _set_terms(dsn: str) -> None:
    """Only a demonstration or a test takes notices that are shorter than their working days (`notice_term`)."""
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute("update notice_term set may_be_short = $1", settings().env != "production")
    finally:
        await owner.close()
