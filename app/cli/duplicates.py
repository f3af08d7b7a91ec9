"""`aid duplicates`: the whole search, as the worker makes it every night."""

import asyncio
import json
import sys
from contextlib import aclosing
from dataclasses import asdict

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.calendars.queries import KeptCalendar
from app.cli.database import console, database
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.files.store import open_store
from app.jobs.duplicates.search import Tally, search
from app.jobs.running import Jobs
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import settings


def duplicates() -> None:
    """Look for household files that are one (查重) in all living files; the counts as JSON."""
    with database() as url:
        tally = asyncio.run(_search(url))
    sys.stdout.write(json.dumps(asdict(tally)) + "\n")


async def _search(url: str) -> Tally:
    pool, tally = await open_database(url, "aid_jobs", size=1), Tally()
    configured = settings()
    keyring = keyring_of(configured)
    files = open_store(configured.files_url, configured.data_folder, keyring, **configured.bucket())
    jobs = Jobs(pool, keyring, KeptCalendar(pool), KeptPolicies(pool, MODELS), files)
    columns = (TextColumn("查重"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=None)
            async with aclosing(search(jobs)) as pages:
                async for tally in pages:
                    progress.update(task, total=tally.total, completed=tally.seen)
    finally:
        await pool.close()
    return tally
