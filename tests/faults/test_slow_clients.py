"""Those who hold connections without speaking are hung up on, and nobody else notices them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from app.db.transaction import Sight
from app.http.deadline import DeadlineProtocol
from tests.http.raw import exchange, listening

SLOW = 200
HEAD = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
PROBE = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Hasty(DeadlineProtocol):
    """The same clock, set to a test's patience."""

    HEADER_SECONDS = 1.0
    BODY_SECONDS = 2.0


@pytest.fixture(scope="module")
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with listening(app, protocol=Hasty) as number:
        yield number


async def held_for(port: int, first: bytes, drip: bytes) -> float:
    """How long the server bears somebody who sends so much at once and then a byte at a time."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(first)
        closed = asyncio.create_task(reader.read())
        while not closed.done() and time.monotonic() - begun < 10:
            writer.write(drip)
            await asyncio.wait({closed}, timeout=0.2)
        assert closed.done()
        with contextlib.suppress(ConnectionResetError):
            assert await closed == b""
    finally:
        writer.transport.abort()
    return time.monotonic() - begun


async def probe(port: int, seconds: float) -> list[float]:
    """How long quick questions took meanwhile. Every one was answered."""
    took, begun = [], time.monotonic()
    while time.monotonic() - begun < seconds:
        asked = time.monotonic()
        (answer,) = await exchange(port, [PROBE])
        assert answer.status == 200
        took.append(time.monotonic() - asked)
        await asyncio.sleep(0.02)
    return took


@pytest.mark.parametrize(
    ("first", "drip", "deadline"),
    [
        (b"", b"", Hasty.HEADER_SECONDS),
        (b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"a", Hasty.HEADER_SECONDS),
        (HEAD, b" ", Hasty.BODY_SECONDS),
        (HEAD.replace(b"Content-Length: 60000", b"Transfer-Encoding: chunked"), b"1\r\n \r\n", Hasty.BODY_SECONDS),
    ],
    ids=["silent", "slow headers", "slow body", "slow chunks"],
)
async def test_slow_senders_are_hung_up_on_at_the_deadline_and_nobody_waits_for_them(
    port: int, first: bytes, drip: bytes, deadline: float
) -> None:
    crowd = asyncio.gather(*(held_for(port, first, drip) for _ in range(SLOW)))
    took = await probe(port, deadline)
    held = await crowd
    assert deadline - 0.1 < min(held) <= max(held) < deadline + 1.5
    assert sorted(took)[len(took) // 2] < 0.25


async def test_a_body_that_keeps_its_deadline_is_answered(port: int) -> None:
    body = b'{"code": "x y"}'
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD.replace(b"60000", str(len(body)).encode()))
    for byte in body:
        writer.write(bytes([byte]))
        await asyncio.sleep(Hasty.BODY_SECONDS / len(body) / 2)
    assert (await reader.readline()).startswith(b"HTTP/1.1 422 ")
    writer.close()


async def test_a_connection_may_rest_between_two_requests(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(PROBE.replace(b"close", b"keep-alive"))
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(Hasty.HEADER_SECONDS * 1.3)
    writer.close()


async def test_an_answer_may_take_longer_than_a_question(port: int, app: FastAPI) -> None:
    service = app.state.service
    async with asyncio.timeout(20):
        async with contextlib.AsyncExitStack() as held:
            for _ in range(service.settings.database_pool_size):
                await held.enter_async_context(service.database.glance(Sight("public")))
            asking = asyncio.create_task(
                exchange(port, [b"GET /api/v1/organisations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
            )
            await asyncio.sleep(Hasty.BODY_SECONDS + 0.3)
        (answer,) = await asking
    assert answer.status == 200


def test_the_service_gives_ten_seconds_for_the_headers_and_thirty_for_the_body() -> None:
    assert (DeadlineProtocol.HEADER_SECONDS, DeadlineProtocol.BODY_SECONDS) == (10.0, 30.0)
