"""Public notices of household files, opened and ended as the worker process does."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.calendars.queries import KeptCalendar
from app.db.statements import statement
from app.files.store import open_store
from app.jobs.notices.ending import end_notice
from app.jobs.notices.opening import open_household_notice
from app.jobs.running import Jobs
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from tests.make import World

_STATE = statement(text("select id, state, version from household where id = :id"))
_NOTICE = statement(
    text(
        "select id, application_id, household_id, round, kind from notice where household_id = :id "
        "and closed_at is null"
    )
)


async def publish(world: World, household_id: Any, *, ago: timedelta = timedelta()) -> None:
    """`ago`: as if it had been published then."""
    async with _jobs(world).work() as found:
        work = replace(found, now=found.now - ago)
        row = await work.transaction.row(_STATE, id=UUID(str(household_id)))
        assert row is not None
        await open_household_notice(work, {"household_id": str(row["id"]), "to_state": row["state"]})


async def end(world: World, household_id: Any) -> dict[str, Any]:
    """The notice of a file's state, opened and over; answers the file's state and version then."""
    await publish(world, household_id, ago=timedelta(minutes=1))
    async with _jobs(world).work() as work:
        for notice in await work.transaction.rows(_NOTICE, id=UUID(str(household_id))):
            await end_notice(work, notice)
        row = await work.transaction.row(_STATE, id=UUID(str(household_id)))
    assert row is not None
    return {"state": row["state"], "version": row["version"]}


def _jobs(world: World) -> Jobs:
    files = open_store(None, Path(tempfile.gettempdir()), world.keyring)  # nothing is put there
    return Jobs(world.jobs, world.keyring, KeptCalendar(world.jobs), KeptPolicies(world.jobs, MODELS), files)
