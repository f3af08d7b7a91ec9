"""The token that all processes share (W03): with real processes, a real database and a real server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from app.db.database import Database, open_database
from app.db.sealing import Keyring, keyring_of
from app.gateways.wechat.errors import OperatorMustAct, Unreachable
from app.gateways.wechat.miniprogram import ISSUER, PHONE, MiniProgram
from app.settings import Settings
from app.wechat.keeper import SharedKeeper
from tests.gateways.steering import APPID, NUMBER, PHONE_CODE, SECRET, Steering

ROOT = Path(__file__).parents[2]
PROCESSES, CALLERS = 4, 25


@pytest.fixture
async def nobody_has_one(owner: asyncpg.Connection, simulator: Steering) -> AsyncIterator[None]:
    """Before, and after: other tests know nothing of this simulator's tokens."""
    await owner.execute("delete from wechat_token")
    yield
    await owner.execute("delete from wechat_token")


@pytest.fixture(scope="session")
async def api(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, "aid_api", size=4)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """That of the tests' settings; these tests have a simulator of their own."""
    return keyring_of(Settings(env="test"))


@asynccontextmanager
async def process(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.gateways.keeping", *words, cwd=ROOT, stdin=pipe, stdout=pipe
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def line(of: asyncio.subprocess.Process) -> str:
    assert of.stdout is not None
    return (await asyncio.wait_for(of.stdout.readline(), 60)).decode().strip()


@pytest.mark.usefixtures("nobody_has_one")
async def test_a_hundred_callers_in_four_processes_fetch_one_token_when_theirs_is_dead(
    database_url: str, base_url: str, simulator: Steering
) -> None:
    async with AsyncExitStack() as stack:
        words = (database_url, base_url, APPID, SECRET)
        processes = [
            await stack.enter_async_context(process(*words, str(n * CALLERS), str(CALLERS))) for n in range(PROCESSES)
        ]
        assert [await line(each) for each in processes] == ["ready"] * PROCESSES
        assert simulator.calls(ISSUER) == 1, "they started with one token between them"

        simulator.post("tokens/revoke")
        for each in processes:
            assert each.stdin is not None
            each.stdin.write(b"go\n")
        told = [json.loads(await line(each)) for each in processes]

    numbers = [[str(13_800_000_000 + n * CALLERS + m) for m in range(CALLERS)] for n in range(PROCESSES)]
    assert told == numbers
    assert simulator.calls(ISSUER) == 2, "one more, for all hundred"
    assert simulator.calls(PHONE) <= 2 * PROCESSES * CALLERS


@asynccontextmanager
async def two(base_url: str, api: Database, keyring: Keyring, secret: str = SECRET) -> AsyncIterator[list[MiniProgram]]:
    """Two clients that know nothing of each other but the database."""
    found = [
        MiniProgram(base_url, APPID, secret, keeper=SharedKeeper(database=api, keyring=keyring, appid=APPID))
        for _ in range(2)
    ]
    yield found
    for each in found:
        await each.aclose()


@pytest.mark.usefixtures("nobody_has_one")
async def test_who_comes_late_with_the_dead_token_takes_the_new_one(
    base_url: str, api: Database, keyring: Keyring, simulator: Steering
) -> None:
    async with two(base_url, api, keyring) as (first, second):
        dead = await first.access_token()
        assert await second.access_token() == dead
        simulator.post("tokens/expire")

        assert await first.phone_number(PHONE_CODE) == NUMBER
        assert await second.phone_number("simphone:13800000002") == "13800000002"

        assert await first.access_token() == await second.access_token() != dead
    assert simulator.calls(ISSUER) == 2


@pytest.mark.usefixtures("nobody_has_one")
async def test_in_another_process_as_well_who_waited_fails_with_the_one_that_asked(
    base_url: str, api: Database, keyring: Keyring, simulator: Steering
) -> None:
    simulator.spoil(ISSUER, delay_s=0.3)
    async with two(base_url, api, keyring, "a-wrong-secret") as clients:
        found = await asyncio.gather(*(each.access_token() for each in clients * 5), return_exceptions=True)

    assert {type(each) for each in found} == {OperatorMustAct}
    assert simulator.calls(ISSUER) == 1


@pytest.mark.usefixtures("nobody_has_one")
async def test_a_caller_who_leaves_in_the_middle_holds_nobody_up(
    base_url: str, api: Database, keyring: Keyring, simulator: Steering
) -> None:
    async with two(base_url, api, keyring) as (first, second):
        simulator.spoil(ISSUER, delay_s=2, times=1)
        leaving = asyncio.create_task(first.access_token())
        await asyncio.sleep(0.3)

        leaving.cancel()
        await asyncio.wait([leaving])

        assert len(await asyncio.wait_for(second.access_token(), 1)) > 100
    assert simulator.calls(ISSUER) == 2


@pytest.mark.usefixtures("nobody_has_one")
async def test_a_process_that_died_with_the_lease_holds_the_others_up_until_it_ends(
    base_url: str, api: Database, keyring: Keyring, owner: asyncpg.Connection, simulator: Steering
) -> None:
    async with two(base_url, api, keyring) as (first, second):
        await first.access_token()
        simulator.post("tokens/revoke")
        await owner.execute("update wechat_token set fetching_until = clock_timestamp() + interval '0.4 seconds'")

        assert await second.phone_number(PHONE_CODE) == NUMBER

        await owner.execute("update wechat_token set fetching_until = clock_timestamp() + interval '9 seconds'")
        simulator.post("tokens/revoke")
        second.total_s = 0.5
        with pytest.raises(Unreachable, match="in time"):
            await second.phone_number("simphone:13800000002")


@pytest.mark.usefixtures("nobody_has_one")
async def test_the_token_lies_sealed_and_only_its_own_door_sees_it(
    base_url: str, api: Database, keyring: Keyring, owner: asyncpg.Connection
) -> None:
    async with two(base_url, api, keyring) as (first, _):
        token = await first.access_token()
    row = await owner.fetchrow("select * from wechat_token")
    assert row is not None
    assert token.encode() not in row["token"]
    assert token not in repr(dict(row))
    for door in ("worker", "staff", "public", "sign_in"):
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            await owner.execute("select set_config('app.door', $1, true)", door)
            assert await owner.fetchval("select count(*) from wechat_token") == 0
