"""The figures that everyone may read, counted once a day: no visitor makes the database count anything."""

from datetime import datetime, time

from app.db.transaction import Sight
from app.figures.commands import tell
from app.figures.queries import counted, is_taken
from app.jobs.running import Jobs
from app.kernel.business_time import SHANGHAI


async def tell_figures(jobs: Jobs) -> bool:
    """Count, and write down what may be told, unless that was done today. Safe to run twice, or at once."""
    async with jobs.work() as work:
        if await is_taken(work.transaction, work.today):
            return False
        since = datetime.combine(work.today.replace(year=work.today.year - 1, month=1, day=1), time(), SHANGHAI)
    async with jobs.database.begin(Sight("job", snapshot=True)) as transaction:
        cells, names = await counted(transaction, since)
    async with jobs.work() as work:
        return await tell(work, cells, names)
