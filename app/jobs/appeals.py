"""Appeals that have come to stand where nobody may decide them."""

from uuid import UUID

import structlog

from app.appeals.step_up_commands import step_up
from app.jobs.running import Jobs

log = structlog.get_logger("aid.appeals")


async def step_up_all(jobs: Jobs) -> int:
    """Each goes to the level above, batch by batch, each batch in its own transaction; answers how many did.

    Above the city there is no level: for what nobody of the city may decide somebody has to be given a post.
    """
    raised, stuck, place = 0, 0, UUID(int=0)
    while True:
        async with jobs.work() as work:
            following, more, without = await step_up(work, place)
        raised, stuck = raised + more, stuck + without
        if following is None:
            break
        place = following
    if stuck:
        log.error("appeals_without_decider", count=stuck)
    return raised
