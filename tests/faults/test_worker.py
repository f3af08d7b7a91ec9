"""The worker killed in the middle of its work, and the database taken from under it: each fact has one effect."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from app.applications.events import ApplicationMoved
from app.applications.path import Action, Kind, State
from app.kernel.ids import new_id
from app.messaging.outbox import spelt
from app.messaging.tables import OutMessage
from app.upkeep.events import Reminded
from tests import make
from tests.faults.conftest import SCALE
from tests.faults.heap import Heap
from tests.faults.processes import Aid, Postgres, worker_of
from tests.make import Case

FACTS = max(60, int(500 * SCALE))
KILLS = 3
PATIENCE_SECONDS = 120.0
"""Nothing here is about speed: a busy machine may take its time."""
log = logging.getLogger(__name__)


@pytest.fixture
async def worker(durable: Postgres, folder: Path) -> AsyncIterator[Aid]:
    running = worker_of(durable.dsn, folder)
    yield running
    running.end()


async def approved_at_city(heap: Heap, owner: asyncpg.Connection, count: int) -> list[Case]:
    """As many applications that have just reached the public notice, each with its fact in the outbox.

    Each is of a city of its own: what waits under one union would be published as one list, by the first fact.
    """
    cases = []
    for _ in range(count):
        someone = await heap.person(consents=())
        case = await heap.application(
            someone, await heap.union("city"), kind=Kind.HARDSHIP_AID, state=State.PUBLIC_NOTICE
        )
        fact = ApplicationMoved(case.id, case.kind, Action.APPROVE, State.CITY_APPROVAL, State.PUBLIC_NOTICE, 1)
        await heap.insert(OutMessage, id=new_id(), created_at=make.NOW, name="ApplicationMoved", body=spelt(fact))
        cases.append(case)
    await heap.pour(owner)
    return cases


async def notices_of(owner: asyncpg.Connection, cases: list[Case]) -> tuple[int, int]:
    """How many notices there are, and of how many applications."""
    row = await owner.fetchrow(
        "select count(*) as notices, count(distinct application_id) as of from notice where application_id = any($1)",
        [case.id for case in cases],
    )
    return row["notices"], row["of"]


async def until(reached: Callable[[], Awaitable[bool]], seconds: float) -> float:
    begun = time.monotonic()
    while not await reached():
        assert time.monotonic() - begun < seconds, "it did not come to that"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def test_a_killed_worker_leaves_each_fact_with_one_effect(
    worker: Aid, heap: Heap, held: asyncpg.Connection
) -> None:
    cases = await approved_at_city(heap, held, FACTS)
    for number in range(1, KILLS + 1):
        worker.start()
        due = FACTS * number // (KILLS + 1)

        async def part_of_it(due: int = due) -> bool:
            return (await notices_of(held, cases))[0] >= due

        await until(part_of_it, PATIENCE_SECONDS)
        worker.kill()
        assert (await notices_of(held, cases))[0] < FACTS
    worker.start()

    async def all_of_it() -> bool:
        return (await notices_of(held, cases))[0] >= FACTS

    took = await until(all_of_it, PATIENCE_SECONDS)
    log.info("%d facts, %d kills, all handled %.1f s after the last", FACTS, KILLS, took)
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert await notices_of(held, cases) == (FACTS, FACTS)
    assert await held.fetchval("select count(*) from out_message where relayed_at is null") == 0
    assert "Traceback" not in worker.log


async def test_a_killed_worker_reminds_everybody_once(worker: Aid, heap: Heap, held: asyncpg.Connection) -> None:
    heads, town = [], await heap.town()
    for _ in range(FACTS):
        someone = await heap.person(consents=())
        household_id = await heap.household(someone, town.units[0], members=[], plan=None)
        fact = Reminded(household_id, "review", make.TODAY, 0)
        await heap.insert(OutMessage, id=new_id(), created_at=make.NOW, name="Reminded", body=spelt(fact))
        heads.append(someone.id)
    await heap.pour(held)
    count = "select count(*) as messages, count(distinct person_id) as persons from message where person_id = any($1)"

    async def reached(due: int) -> bool:
        return (await held.fetchrow(count, heads))["messages"] >= due

    for number in range(1, KILLS + 1):
        worker.start()
        await until(partial(reached, FACTS * number // (KILLS + 1)), PATIENCE_SECONDS)
        worker.kill()
    worker.start()
    await until(partial(reached, FACTS), PATIENCE_SECONDS)
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    row = await held.fetchrow(count, heads)
    assert (row["messages"], row["persons"]) == (FACTS, FACTS)
    assert "Traceback" not in worker.log


async def test_two_workers_share_the_facts(
    worker: Aid, durable: Postgres, folder: Path, heap: Heap, held: asyncpg.Connection
) -> None:
    cases = await approved_at_city(heap, held, FACTS)
    other = worker_of(durable.dsn, folder)
    worker.start()
    other.start()

    async def all_of_it() -> bool:
        return (await notices_of(held, cases))[0] >= FACTS

    async def both_run() -> bool:
        return all("worker_started" in each.log for each in (worker, other))

    try:
        await until(all_of_it, PATIENCE_SECONDS)
        await until(both_run, PATIENCE_SECONDS)
        for each in (worker, other):
            each.signal(signal.SIGTERM)
        assert (worker.wait(20), other.wait(20)) == (0, 0)
    finally:
        other.end()
    assert await notices_of(held, cases) == (FACTS, FACTS)


async def test_a_queue_that_hears_nothing_is_opened_again(worker: Aid, heap: Heap, held: asyncpg.Connection) -> None:
    """The library asks every ten seconds whether its LISTEN still hears, and gives up when it does not."""
    worker.start()

    async def listens() -> bool:
        return await _listener(held) is not None

    await until(listens, PATIENCE_SECONDS)
    deaf = await _listener(held)
    os.kill(deaf, signal.SIGSTOP)
    try:

        async def noticed() -> bool:
            return "queue_away" in worker.log

        await until(noticed, PATIENCE_SECONDS)
        cases = await approved_at_city(heap, held, 50)

        async def all_of_it() -> bool:
            return await notices_of(held, cases) == (50, 50)

        await until(all_of_it, PATIENCE_SECONDS)
    finally:
        os.kill(deaf, signal.SIGCONT)
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0


async def _listener(owner: asyncpg.Connection) -> int | None:
    return await owner.fetchval(
        "select pid from pg_stat_activity where application_name = 'aid_queue' and query ilike 'listen%'"
    )


@pytest.mark.parametrize("how", ["restarted", "killed"])
async def test_the_worker_outlives_its_database(
    worker: Aid, durable: Postgres, heap: Heap, held: asyncpg.Connection, how: str
) -> None:
    first = await approved_at_city(heap, held, 50)
    second = await approved_at_city(heap, held, 50)
    await held.execute("update out_message set relayed_at = now() where body->>'application_id' = any($1)",
                       [str(case.id) for case in second])  # fmt: skip
    worker.start()

    async def first_done() -> bool:
        return await notices_of(held, first) == (50, 50)

    await until(first_done, PATIENCE_SECONDS)
    await held.close()
    await asyncio.to_thread(durable.stop if how == "restarted" else durable.kill)
    await asyncio.sleep(2)
    await asyncio.to_thread(durable.start)
    again = await asyncpg.connect(durable.dsn)
    await again.execute("update out_message set relayed_at = null where body->>'application_id' = any($1)",
                        [str(case.id) for case in second])  # fmt: skip

    async def second_done() -> bool:
        return await notices_of(again, second) == (50, 50)

    took = await until(second_done, PATIENCE_SECONDS)
    log.info("handled %.1f s after the database's return", took)
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert await notices_of(again, first + second) == (100, 100)
    await again.close()
    assert "database_away" in worker.log
    assert "tick_failed" not in worker.log
    assert "Traceback" not in worker.log
