"""SIGTERM: no new work is asked for, then none is taken, what is in hand is finished, and the process ends well."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.cli.serving import DRAIN_SECONDS
from tests import make
from tests.faults.heap import Heap, drafts
from tests.faults.processes import Api, Postgres, api_of, children_of, free_port, is_running, words_of
from tests.make import Town

HELD_SECONDS = DRAIN_SECONDS + 0.3
"""The port is closed by then, unless the machine is busy: a request waits two seconds for a lock and no longer."""


@pytest.fixture
async def mortal(durable: Postgres, folder: Path) -> AsyncIterator[Api]:
    """An API for this test alone."""
    running = api_of(durable.dsn, folder)
    running.start()
    await running.until_ready()
    yield running
    running.end()


async def test_what_is_in_hand_is_finished_and_no_request_is_lost(
    mortal: Api, heap: Heap, town: Town, held: asyncpg.Connection
) -> None:
    slow, quick = await drafts(heap, held, town.units[0], 2)
    async with mortal.client() as client:
        headers = slow.applicant.headers | make.keyed() | {"If-Match": '"1"'}
        async with held.transaction():
            await held.execute("select from application where id = $1 for update", slow.id)
            in_hand = asyncio.create_task(client.post(f"/applications/{slow.id}/submit", headers=headers))
            await until_somebody_waits(held)
            begun = time.monotonic()
            mortal.signal(signal.SIGTERM)
            asking = asyncio.gather(
                until_closed(client, f"{mortal.url}/health/ready", {}, begun),
                *(until_closed(client, f"/applications/{quick.id}", quick.applicant.headers, begun) for _ in range(4)),
            )
            await asyncio.wait({asking}, timeout=HELD_SECONDS)
        readiness, *streams = await asking
        answer = await in_hand
    assert (answer.status_code, answer.json().get("state")) == (200, "submitted"), answer.text
    assert mortal.wait(20) == 0
    assert {status for sent, status in readiness if sent > 0.2} - {None} == {503}
    for sent, status in (each for stream in streams for each in stream):
        # What came before the port closed was answered; at that very instant a connection may be cut.
        assert status == 200 or (status is None and sent > DRAIN_SECONDS - 0.1), (sent, status)
    assert sum(len(stream) for stream in streams) > 20
    assert "Traceback" not in mortal.log
    assert "unhandled_error" not in mortal.log


async def until_somebody_waits(owner: asyncpg.Connection) -> None:
    """Until the request has come as far as the lock that is held."""
    while not await owner.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def until_closed(
    client: httpx.AsyncClient, address: str, headers: dict[str, str], begun: float
) -> list[tuple[float, int | None]]:
    """Ask again and again until there is no answer; when each was asked, and what came."""
    seen: list[tuple[float, int | None]] = []
    while not seen or seen[-1][1] is not None:
        sent = time.monotonic() - begun
        try:
            seen.append((sent, (await client.get(address, headers=headers)).status_code))
        except httpx.TransportError:
            seen.append((sent, None))
        await asyncio.sleep(0.01)
    return seen


async def test_an_idle_service_ends_soon_and_well(mortal: Api) -> None:
    begun = time.monotonic()
    mortal.signal(signal.SIGTERM)
    assert mortal.wait(10) == 0
    assert time.monotonic() - begun < DRAIN_SECONDS + 4


async def test_a_second_signal_does_not_wait_for_the_first(mortal: Api) -> None:
    begun = time.monotonic()
    mortal.signal(signal.SIGTERM)
    await asyncio.sleep(0.1)
    mortal.signal(signal.SIGTERM)
    assert mortal.wait(10) == 0
    assert time.monotonic() - begun < DRAIN_SECONDS + 4


async def test_a_service_whose_database_is_away_ends_well_too(mortal: Api, durable: Postgres) -> None:
    durable.freeze()
    try:
        async with mortal.client() as client:
            refused = await client.get("/organisations")
            assert refused.status_code == 503
            mortal.signal(signal.SIGTERM)
            assert mortal.wait(15) == 0
    finally:
        durable.thaw()


async def test_the_worker_and_the_simulator_end_with_the_api(durable: Postgres, folder: Path) -> None:
    whole = api_of(durable.dsn, folder)
    whole.command = (*whole.command, "--with-worker", "--with-simulator", "--simulator-port", str(free_port()))
    whole.start()
    try:
        await whole.until_ready()
        companions = children_of(whole.pid)
        assert len(companions) == 2
        whole.signal(signal.SIGTERM)
        assert whole.wait(30) == 0
        assert [pid for pid in companions if is_running(pid)] == []
    finally:
        whole.end()


async def test_a_service_that_cannot_start_says_so(durable: Postgres, folder: Path, mortal: Api) -> None:
    second = api_of(durable.dsn, folder)
    second.command = mortal.command
    second.start()
    assert second.wait(30) != 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_worker_that_ends_by_itself_takes_the_service_along_which_says_so(
    durable: Postgres, folder: Path, how: signal.Signals
) -> None:
    """Facts would wait and notices not end, and nobody would see it: whoever looks after the service starts it anew."""
    whole = api_of(durable.dsn, folder)
    whole.command = (*whole.command, "--with-worker")
    whole.start()
    try:
        await whole.until_ready()
        (worker,) = [pid for pid in children_of(whole.pid) if "worker" in words_of(pid)]
        os.kill(worker, how)
        assert whole.wait(30) == 4
        said = [json.loads(line) for line in whole.log.splitlines() if "companion_ended" in line]
        assert [(each["level"], each["name"]) for each in said] == [("error", "worker")]
        assert (said[0]["status"] == -signal.SIGKILL) is (how is signal.SIGKILL)
        assert "Traceback" not in whole.log
    finally:
        whole.end()


async def test_a_service_that_is_stopped_together_with_its_worker_ends_well(durable: Postgres, folder: Path) -> None:
    """As whatever stops all processes of a service at once does."""
    whole = api_of(durable.dsn, folder)
    whole.command = (*whole.command, "--with-worker")
    whole.start()
    try:
        await whole.until_ready()
        for pid in (whole.pid, *children_of(whole.pid)):
            os.kill(pid, signal.SIGTERM)
        assert whole.wait(30) == 0
        assert "companion_ended" not in whole.log
    finally:
        whole.end()
