"""Who waits for a connection is served in turn, and every connection comes back from whoever gave up."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.db import database as databases
from app.db.database import Database, open_database
from app.db.transaction import Sight
from app.kernel.errors import Unavailable

ANYBODY = Sight("public")


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[Database]:
    """A pool of two connections."""
    database = await open_database(database_url, "aid_api", size=2)
    yield database
    await database.close()


async def test_whoever_came_first_is_served_first(pair: Database) -> None:
    await all_are_back(pair)  # both connections are made
    came: list[int] = []
    served: list[int] = []

    async def ask(n: int, times: int) -> None:
        for _ in range(times):
            came.append(n)
            async with pair.glance(ANYBODY) as glance:
                served.append(n)
                await glance.connection.execute("select 1")

    async with asyncio.TaskGroup() as group:
        for n in range(16):
            group.create_task(ask(n, 5))
    # Whoever has just been served is not served again before those who came meanwhile.
    assert served == came


async def test_a_connection_that_ended_or_rested_too_long_is_made_anew(
    pair: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair.glance(ANYBODY) as glance:
        first = glance.connection
    async with pair.glance(ANYBODY) as glance:
        assert glance.connection is first
    first.terminate()
    async with pair.glance(ANYBODY) as glance:
        second = glance.connection
        assert await second.fetchval("select 1") == 1
    assert second is not first
    monkeypatch.setattr(databases, "IDLE_SECONDS", -1.0)
    async with pair.glance(ANYBODY) as glance:
        assert glance.connection is not second
        with pytest.raises(asyncpg.InterfaceError):  # it has left the pool
            second.is_closed()
        assert await glance.connection.fetchval("select 1") == 1
    await all_are_back(pair)
    assert pair.pool.get_size() <= 2


async def test_a_full_pool_is_told_as_unavailable(pair: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "ACQUIRE_SECONDS", 0.1)
    async with pair.glance(ANYBODY), pair.glance(ANYBODY):
        with pytest.raises(Unavailable):
            async with pair.glance(ANYBODY):
                pass
    await all_are_back(pair)


async def test_a_request_that_is_given_up_leaves_its_connection_behind(pair: Database) -> None:
    async def hang() -> None:
        async with pair.begin(ANYBODY) as transaction:
            await transaction.connection.execute("select pg_sleep(3)")

    hanging = [asyncio.create_task(hang()) for _ in range(4)]
    await asyncio.sleep(0.1)
    for task in hanging:
        task.cancel()
    ends = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(end) for end in ends} == {asyncio.CancelledError}
    await all_are_back(pair)


async def test_whoever_comes_after_a_reading_that_was_given_up_is_served(pair: Database) -> None:
    async def read() -> None:
        async with pair.glance(ANYBODY) as glance:
            await glance.connection.fetchval("select pg_sleep(3)")

    for _ in range(5):
        reading = [asyncio.create_task(read()) for _ in range(2)]
        await asyncio.sleep(0.05)
        for task in reading:
            task.cancel()
        ends = await asyncio.gather(*reading, return_exceptions=True)
        assert {type(end) for end in ends} == {asyncio.CancelledError}
        await all_are_back(pair)


async def all_are_back(pair: Database) -> None:
    """Both connections can be had at the same time, out of any transaction."""
    async with asyncio.timeout(5), pair.glance(ANYBODY) as one, pair.glance(ANYBODY) as other:
        assert await one.connection.fetchval("select 1") == await other.connection.fetchval("select 1") == 1
        assert not any(each.connection.is_in_transaction() for each in (one, other))
