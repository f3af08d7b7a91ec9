"""Running the rehearsals that were asked for: progress and findings are written as it goes, apart from the snapshot."""

from contextlib import aclosing
from uuid import UUID

import structlog
from pydantic import ValidationError

from app.jobs.rehearsal import Proposed, rehearse
from app.jobs.running import Jobs
from app.kernel.errors import Invalid, Unavailable
from app.policies.queries import policy
from app.policies.rules import read
from app.programmes import MODELS
from app.rehearsals import commands
from app.rehearsals.queries import by_id
from app.rehearsals.rules import Compared, Tally

log = structlog.get_logger("aid.rehearsals")
UNREADABLE, RULES_FAILED = "policy_unreadable", "rules_failed"


async def run(jobs: Jobs, rehearsal_id: UUID) -> None:
    """One rehearsal, from nothing; twice is once. Whatever breaks it fails it by name, and then nothing of it counts.

    Raises Unavailable, to be tried again, when the database is away.
    """
    async with jobs.work() as work:
        if not await commands.begin(work, rehearsal_id):
            return
    try:
        tally = await _go_through(jobs, rehearsal_id)
    except Unavailable:
        raise
    except (Invalid, ValidationError):
        await _failed(jobs, rehearsal_id, UNREADABLE)
    except Exception as broken:
        log.error("rehearsal_failed", id=str(rehearsal_id), error=type(broken).__name__)
        await _failed(jobs, rehearsal_id, RULES_FAILED)
    else:
        async with jobs.work() as work:
            await commands.end(work, rehearsal_id, tally)


async def _go_through(jobs: Jobs, rehearsal_id: UUID) -> Tally:
    async with jobs.work() as work:
        asked = await by_id(work.transaction, rehearsal_id)
        assert asked is not None
        row = await policy(work.transaction, asked["policy_id"])
        now = work.now
    proposed = Proposed(row["kind"], read(MODELS[row["kind"]], row["document"], ""))
    tally, waiting, reached = Tally(), list[Compared](), 0
    async with aclosing(rehearse(jobs.database, jobs.keyring, MODELS, proposed, now)) as pages:
        async for page in pages:
            tally = page.tally
            waiting += page.found
            if tally.percent > reached or len(waiting) > 1_000:
                reached = tally.percent
                await _advance(jobs, rehearsal_id, reached, waiting)
                waiting = []
    await _advance(jobs, rehearsal_id, tally.percent, waiting)
    return tally


async def _advance(jobs: Jobs, rehearsal_id: UUID, percent: int, found: list[Compared]) -> None:
    async with jobs.work() as work:
        await commands.advance(work, rehearsal_id, percent, found)


async def _failed(jobs: Jobs, rehearsal_id: UUID, why: str) -> None:
    async with jobs.work() as work:
        await commands.fail(work, rehearsal_id, why)
