"""Reconciling money: what somebody asked for, and what is asked each night of everything."""

from collections import Counter
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter as Metric

from app.jobs.running import Jobs
from app.reconciliations.invariant_queries import INVARIANTS
from app.reconciliations.run_commands import begin_nightly, keep_law, take_step

BREAKS: Final = Metric("aid_money_breaks_total", "Breaks of money that were opened, by kind", ["kind"])
log = structlog.get_logger("aid.reconciliations")


async def run(jobs: Jobs, run_id: UUID) -> None:
    """From where it stands to its end, each step in a transaction of its own; twice, or at once, is as once."""
    while True:
        async with jobs.work() as work:
            opened = await take_step(work, run_id)
        if opened is None:
            return
        _say(opened)


async def reconcile_all(jobs: Jobs) -> int:
    """For each account the last month and this one, once a night; answers how many were run."""
    async with jobs.work() as work:
        begun = await begin_nightly(work)
    for run_id in begun:
        await run(jobs, run_id)
    return len(begun)


async def keep_laws(jobs: Jobs) -> int:
    """Ask everything whether the laws of money hold; answers how many breaks were opened. Safe to run twice."""
    count = 0
    for kind in INVARIANTS:
        async with jobs.work() as work:
            opened = await keep_law(work, kind)
        _say(opened)
        count += opened.total()
    return count


def _say(opened: Counter[str]) -> None:
    for kind, count in opened.items():
        BREAKS.labels(kind).inc(count)
        log.error("money_breaks_opened", name=kind, count=count)
