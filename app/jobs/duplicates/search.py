"""The search for duplicates. Pages of files are held in memory, never the files.

Keys are written and committed before pairs are looked for: of two files that move at once, whoever looks later sees the
keys of both.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.db.work import Work
from app.duplicates import commands
from app.duplicates.commands import File
from app.duplicates.queries import beside, pairs
from app.duplicates.rules import Likeness, compare
from app.duplicates.weights import Weights, weights_on
from app.jobs.duplicates.queries import FIRST, LAST, how_many, page, these
from app.jobs.running import Jobs

KEPT_FILES: Final = 4_000
"""Files whose features stay in memory while pairs are compared: pairs lie anywhere."""


@dataclass(slots=True)
class Tally:
    """How far a search is. `total` counts each file twice: once for its keys, once for its pairs."""

    total: int = 0
    seen: int = 0
    files: int = 0
    compared: int = 0
    flagged: int = 0
    cleared: int = 0


async def look_at(jobs: Jobs, household_id: UUID) -> None:
    """One file that has moved: its keys, its pairs, and what is no suspicion any more. Twice is once."""
    before = UUID(int=household_id.int - 1)
    async with jobs.work() as work:
        files = await these(work.transaction, jobs.keyring, [household_id])
        await commands.keep_keys(work.transaction, jobs.keyring, files, before, household_id)
    async with jobs.work() as work:
        weights = weights_on(work.today)
        files = await these(work.transaction, jobs.keyring, [household_id])
        others = await beside(work.transaction, household_id, weights.crowd) if files else []
        near = await these(work.transaction, jobs.keyring, others)
        found = _alike([(files[0], other) for other in near], weights)
        await commands.raise_flags(work.transaction, jobs.keyring, found, weights.version, work.now)
        still = [other.household_id for _, other, _ in found]
        await commands.clear_of(work.transaction, household_id, still, work.now)


async def search(jobs: Jobs) -> AsyncGenerator[Tally]:
    """Every living file against every other that shares a key with it; what is not found again is cleared."""
    async with jobs.work() as work:
        began, tally = work.now, Tally(total=2 * await how_many(work.transaction))
    after = FIRST
    while after != LAST:
        async with jobs.work() as work:
            files, upto = await page(work.transaction, jobs.keyring, after)
            await commands.keep_keys(work.transaction, jobs.keyring, files, after, upto)
        after = upto
        tally.files += len(files)
        tally.seen += len(files)
        yield tally
        await asyncio.sleep(0)  # others wait in this process too
    after, kept = FIRST, OrderedDict[UUID, File]()
    while after != LAST:
        async with jobs.work() as work:
            files, after = await page(work.transaction, jobs.keyring, after)
            await _compare(work, files, kept, tally)
        tally.seen += len(files)
        yield tally
        await asyncio.sleep(0)
    async with jobs.work() as work:
        tally.cleared = await commands.clear_unseen(work.transaction, began, work.now)
    tally.seen = tally.total
    yield tally


async def _compare(work: Work, files: Sequence[File], kept: OrderedDict[UUID, File], tally: Tally) -> None:
    """A page of files against those that share keys with them."""
    weights = weights_on(work.today)
    brought = await pairs(work.transaction, [file.household_id for file in files], weights.crowd)
    for file in files:
        kept[file.household_id] = file
    missing = {other for _, other in brought} - kept.keys()
    for file in await these(work.transaction, work.keyring, list(missing)):
        kept[file.household_id] = file
    found = _alike([(kept[a], kept[b]) for a, b in brought if a in kept and b in kept], weights)
    await commands.raise_flags(work.transaction, work.keyring, found, weights.version, work.now)
    tally.compared += len(brought)
    tally.flagged += len(found)
    while len(kept) > KEPT_FILES:
        kept.popitem(last=False)


def _alike(brought: Sequence[tuple[File, File]], weights: Weights) -> list[tuple[File, File, Likeness]]:
    compared = ((a, b, compare(a.features, b.features, weights)) for a, b in brought)
    return [each for each in compared if each[2].score >= weights.threshold]
