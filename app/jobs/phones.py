"""Telephones that were kept before they could be found get their blind index: the keys are no migration's to use."""

from uuid import UUID

from app.jobs.running import Jobs
from app.people.phone_commands import fill_phone_indexes


async def fill_all_phone_indexes(jobs: Jobs) -> int:
    """All that are missing, batch by batch, each in a transaction of its own; answers how many were filled in.

    Safe to run twice, at once, or to be stopped: whoever has their index is not looked at again, and where there is
    nobody left it costs one look into an empty index.
    """
    count, place = 0, UUID(int=0)
    while True:
        async with jobs.work() as work:
            following, filled = await fill_phone_indexes(work, place)
        count += filled
        if following is None:
            return count
        place = following
