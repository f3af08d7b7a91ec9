"""What every database holds from its first day: the working-day calendar, and the policies shipped with the service."""

from datetime import datetime

from app.calendars.commands import load_known_years
from app.db.transaction import Sight, open_database
from app.policies.commands import load_shipped
from app.programmes import shipped


async def write_reference(dsn: str, now: datetime) -> None:
    """Add what is not there yet to a migrated database. Raises InvalidPolicy for a shipped version that was edited."""
    database = await open_database(dsn, "aid_jobs", size=1)
    try:
        async with database.begin(Sight("job")) as transaction:
            await load_known_years(transaction)
            await load_shipped(transaction, shipped(), now)
    finally:
        await database.close()
