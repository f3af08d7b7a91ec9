"""`aid reuses`: every living claim looked at anew, as the worker looks at each that is submitted."""

import asyncio
import json
import sys
from contextlib import aclosing

from rich.progress import Progress, TextColumn, TimeElapsedColumn

from app.calendars.queries import KeptCalendar
from app.cli.database import console, database
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.files.store import open_store
from app.jobs.reuse.search import look_at_all
from app.jobs.running import Jobs
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import settings


def reuses() -> None:
    """Look for bills that were claimed for before (一票多用) in all living claims; how many were looked at as JSON."""
    with database() as url:
        looked_at = asyncio.run(_look(url))
    sys.stdout.write(json.dumps({"looked_at": looked_at}) + "\n")


async def _look(url: str) -> int:
    pool, count = await open_database(url, "aid_jobs", size=1), 0
    configured = settings()
    keyring = keyring_of(configured)
    files = open_store(configured.files_url, configured.data_folder, keyring, **configured.bucket())
    jobs = Jobs(pool, keyring, KeptCalendar(pool), KeptPolicies(pool, MODELS), files)
    try:
        with Progress(TextColumn("{task.description}"), TimeElapsedColumn(), console=console) as progress:
            task = progress.add_task("一票多用")
            async with aclosing(look_at_all(jobs)) as looked:
                async for count in looked:
                    progress.update(task, description=f"一票多用 {count}")
    finally:
        await pool.close()
    return count
