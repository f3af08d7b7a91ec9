"""The database killed, restarted, frozen: people are told to try again, soon, and nothing acknowledged is lost."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
import httpx

from tests import make
from tests.faults.conftest import SCALE
from tests.faults.heap import Heap, drafts
from tests.faults.processes import Api, Postgres
from tests.make import Case, Someone, Town

SUBMITS = max(100, int(600 * SCALE))
CLIENTS = 20
AWAY_SECONDS = 3.0
FROZEN_SECONDS = 8.0
LONGEST_ANSWER = 7.0
log = logging.getLogger(__name__)


@dataclass
class Seen:
    """What came back, and when."""

    statuses: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)
    succeeded_at: list[float] = field(default_factory=list)

    def note(self, answer: httpx.Response, begun: float) -> None:
        now = time.monotonic()
        self.slowest = max(self.slowest, now - begun)
        if answer.status_code == 503:
            self.statuses["503"] += 1
            if answer.headers["content-type"] != "application/problem+json" or "retry-after" not in answer.headers:
                self.wrong.append(str(answer.headers))
        elif answer.status_code < 300:
            self.statuses["done"] += 1
            self.succeeded_at.append(now)
        else:
            self.statuses[str(answer.status_code)] += 1
            self.wrong.append(answer.text)


async def insist(client: httpx.AsyncClient, case: Case, seen: Seen) -> None:
    headers = case.applicant.headers | make.keyed() | {"If-Match": '"1"'}
    while True:
        begun = time.monotonic()
        answer = await client.post(f"/applications/{case.id}/submit", headers=headers)
        seen.note(answer, begun)
        if answer.status_code != 503:
            return
        await asyncio.sleep(0.1)


async def filed(held: asyncpg.Connection, cases: list[Case]) -> Counter[int]:
    """How many steps of filing each of these applications has."""
    rows = await held.fetch(
        "select application_id, count(*) from passage where action = 'submit' and application_id = any($1) group by 1",
        [case.id for case in cases],
    )
    return Counter(row["count"] for row in rows)


async def write_while(
    api: Api, cases: list[Case], seen: Seen, trouble: Callable[[], Awaitable[float]]
) -> tuple[float, float]:
    """Everybody submits while the trouble comes and goes; when it ended, and when the first success came after it."""
    waiting = iter(cases)
    async with api.client() as client:

        async def one_phone() -> None:
            for case in waiting:
                await insist(client, case, seen)

        ended, *_ = await asyncio.gather(trouble(), *(one_phone() for _ in range(CLIENTS)))
    return ended, next(at for at in seen.succeeded_at if at > ended) - ended


async def test_a_killed_database_costs_a_pause_and_nothing_else(
    api: Api, durable: Postgres, heap: Heap, town: Town, held: asyncpg.Connection
) -> None:
    cases = list(await drafts(heap, held, town.units[0], SUBMITS))
    await held.close()
    seen = Seen()

    async def kill_and_restart() -> float:
        await asyncio.sleep(0.5)
        durable.kill()
        await asyncio.sleep(AWAY_SECONDS)
        assert seen.statuses["503"] > 0
        await asyncio.to_thread(durable.start)
        return time.monotonic()

    _, pause = await write_while(api, cases, seen, kill_and_restart)
    log.info("%s, first success %.2f s after the database's return, slowest %.1f s",
             dict(seen.statuses), pause, seen.slowest)  # fmt: skip
    assert seen.wrong == []
    assert seen.statuses["done"] == SUBMITS
    assert pause < 10
    again = await asyncpg.connect(durable.dsn)
    assert await filed(again, cases) == {1: SUBMITS}
    await again.close()


async def test_connections_cut_by_the_database_cost_at_most_a_retry(
    api: Api, heap: Heap, town: Town, held: asyncpg.Connection
) -> None:
    cases = list(await drafts(heap, held, town.units[0], SUBMITS))
    seen = Seen()

    async def cut() -> float:
        for _ in range(5):
            await asyncio.sleep(0.2)
            await held.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'aid_api'"
            )
        return time.monotonic()

    _, pause = await write_while(api, cases, seen, cut)
    log.info("%s, first success after %.2f s", dict(seen.statuses), pause)
    assert seen.wrong == []
    assert await filed(held, cases) == {1: SUBMITS}


async def test_a_backend_that_crashes_takes_the_others_along_and_nobody_sees_an_error(
    api: Api, durable: Postgres, heap: Heap, town: Town, held: asyncpg.Connection
) -> None:
    """PostgreSQL then ends every connection and recovers: they are told of a crash of another process."""
    cases = list(await drafts(heap, held, town.units[0], SUBMITS))
    pid = await held.fetchval("select pid from pg_stat_activity where application_name = 'aid_api' limit 1")
    await held.close()
    seen = Seen()

    async def crash() -> float:
        await asyncio.sleep(0.3)
        durable.crash(pid)
        return time.monotonic()

    _, pause = await write_while(api, cases, seen, crash)
    log.info("%s, first success after %.2f s", dict(seen.statuses), pause)
    assert seen.wrong == []
    assert pause < 10
    again = await asyncpg.connect(durable.dsn)
    assert await filed(again, cases) == {1: SUBMITS}
    await again.close()


async def test_a_frozen_database_keeps_nobody_waiting(
    api: Api, durable: Postgres, heap: Heap, town: Town, held: asyncpg.Connection
) -> None:
    people = [case.applicant for case in await drafts(heap, held, town.units[0], 60)]
    seen, living = Seen(), list[float]()
    frozen = asyncio.Event()
    async with api.client() as client:

        async def ask(who: Someone) -> None:
            while not frozen.is_set() or durable.frozen:
                begun = time.monotonic()
                seen.note(await client.get("/me", headers=who.headers), begun)
                await asyncio.sleep(0.05)

        async def look() -> None:
            while not frozen.is_set() or durable.frozen:
                begun = time.monotonic()
                answer = await client.get(f"{api.url}/health/live")
                assert answer.status_code == 200
                living.append(time.monotonic() - begun)
                await asyncio.sleep(0.1)

        async def freeze() -> None:
            await asyncio.sleep(0.5)
            durable.freeze()
            frozen.set()
            await asyncio.sleep(FROZEN_SECONDS)
            durable.thaw()

        await asyncio.gather(freeze(), look(), *(ask(who) for who in people))
        begun = time.monotonic()
        while (await client.get("/me", headers=people[0].headers)).status_code != 200:
            assert time.monotonic() - begun < 10
    log.info("%s, slowest %.2f s, alive within %.3f s, back after %.2f s",
             dict(seen.statuses), seen.slowest, max(living), time.monotonic() - begun)  # fmt: skip
    assert seen.wrong == []
    assert seen.statuses["503"] >= len(people)
    assert seen.slowest < LONGEST_ANSWER
    assert max(living) < 0.5


async def test_no_error_of_the_database_was_unexpected_and_none_told_a_value(api: Api) -> None:
    assert "unhandled_error" not in api.log
    assert "Traceback" not in api.log
