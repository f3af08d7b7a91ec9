"""Workers killed in the middle of sending: nothing goes twice, nothing is lost, and what nobody knows is called so."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.bench.messages import EACH, fill
from app.jobs.wechat.sending import BATCH, LANES
from app.settings import DEMO_WECHAT_APPID
from app.wechat.sending_commands import GIVEN_UP_AFTER
from tests.faults.conftest import SCALE
from tests.faults.processes import Aid, Postgres, worker_of
from tests.faults.test_worker import until

MESSAGES = int(1_600 * max(SCALE, 1))
KILLS = 2
log = logging.getLogger(__name__)


@pytest.fixture
async def worker(durable: Postgres, folder: Path, simulator: str) -> AsyncIterator[Aid]:
    running = worker_of(durable.dsn, folder, AID_WECHAT_BASE_URL=simulator)
    yield running
    running.end()


async def states(held: asyncpg.Connection) -> Counter[str]:
    rows = await held.fetch("select state, count(*) as count from message_sending group by state")
    return Counter({row["state"]: row["count"] for row in rows})


async def test_killed_workers_send_nothing_twice_and_lose_nothing(
    worker: Aid, durable: Postgres, held: asyncpg.Connection, simulator: str
) -> None:
    people = MESSAGES // EACH
    await fill(durable.dsn, people, MESSAGES)
    async with httpx.AsyncClient(base_url=simulator, trust_env=False, timeout=60) as wechat:
        await wechat.post("/_sim/reset")
        crowd = {"appid": DEMO_WECHAT_APPID, "prefix": "w", "count": people, "templates": {"sim-progress": EACH}}
        (await wechat.post("/_sim/crowd", json=crowd)).raise_for_status()
        await held.execute("update message_sending set due_at = now()")

        for kill in range(1, KILLS + 1):
            worker.start()

            async def so_far(kill: int = kill) -> bool:
                return (await states(held))["sent"] >= MESSAGES * kill * 0.2

            await until(so_far, 60)
            worker.kill()
            # Two minutes later; a worker that has been killed says nothing any more.
            await asyncio.sleep(0.2)
            passed = GIVEN_UP_AFTER + timedelta(seconds=30)
            await held.execute("update message_sending set moved_at = moved_at - $1::interval", passed)
        worker.start()

        async def nothing_waits() -> bool:
            # As the timer of every minute does, which a test does not wait for.
            await held.execute(
                "update message_sending set state = 'unknown' "
                "where state = 'sending' and moved_at < now() - $1::interval",
                GIVEN_UP_AFTER,
            )
            found = await states(held)
            return found["queued"] + found["sending"] == 0

        await until(nothing_waits, 90)
        sent = Counter(item["data"]["thing1"] for item in (await wechat.get("/_sim/sent")).json()["items"])
    found = await states(held)
    log.warning("%d messages, %d kills: %s", MESSAGES, KILLS, dict(found))
    assert set(sent.values()) == {1}, "nothing goes twice"
    assert found["sent"] + found["unknown"] == MESSAGES, "nothing is lost"
    assert 0 <= len(sent) - found["sent"] <= found["unknown"] <= KILLS * LANES * BATCH
    left = await held.fetchval("select count(*) from wechat_grant where used_at is null")
    assert left == 0, "each message used its own subscription"
