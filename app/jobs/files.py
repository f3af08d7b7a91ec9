"""What becomes of uploaded files: scanned where there is a scanner, removed where no form names them."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from app.files import commands
from app.files.commands import LOOSE_KEPT
from app.files.queries import by_id, known, loose
from app.gateways.clamd import ScannerAway, is_clean
from app.jobs.running import Jobs
from app.kernel.errors import Unavailable

BATCH: Final = 200
ORPHANED_AFTER: Final = timedelta(days=1)
"""A content without a row is of an upload that did not end well, or is still under way."""


async def scan(jobs: Jobs, file_id: UUID, scanner: str | None) -> None:
    """One file. Raises Unavailable, to be tried again, while the scanner or the store is away."""
    async with jobs.work() as work:
        row = await by_id(work.transaction, file_id)
    if row is None or row["state"] != "pending" or scanner is None:
        return
    content = await jobs.files.get(file_id)
    if content is None:
        return
    try:
        clean = await is_clean(scanner, content)
    except ScannerAway as away:
        raise Unavailable from away
    async with jobs.work() as work:
        await commands.scanned(work, file_id, clean=clean)
    if not clean:
        await jobs.files.remove(file_id)


async def forget_loose_files(jobs: Jobs) -> int:
    """Remove files that no form has named for thirty days, and contents that have no row. Answers how many.

    The row goes first, in the same moment in which no form names it: a content that is left over is an orphan.
    """
    count, ids = 0, await _loose(jobs)
    while ids:
        async with jobs.work() as work:
            forgotten = await commands.forget(work, ids)
        for file_id in forgotten:
            await jobs.files.remove(file_id)
        count += len(forgotten)
        ids = await _loose(jobs) if forgotten else []
    return count + await _forget_orphans(jobs)


async def _loose(jobs: Jobs) -> list[UUID]:
    async with jobs.work() as work:
        return await loose(work.transaction, work.now - LOOSE_KEPT, BATCH)


async def _forget_orphans(jobs: Jobs) -> int:
    count = 0
    async with jobs.work() as work:
        before = work.now - ORPHANED_AFTER
    async for ids in jobs.files.older_than(before):
        async with jobs.work() as work:
            orphans = set(ids) - await known(work.transaction, ids)
        for file_id in orphans:
            await jobs.files.remove(file_id)
        count += len(orphans)
    return count
