"""What only bytes on a socket can do: lie about their length, come without end, or be no HTTP at all."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI

from tests.http.raw import Answer, exchange, listening

KIB = 1024
HEAD = b"POST /api/v1/sessions HTTP/1.1\r\nHost: aid.test\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with listening(app) as number:
        yield number


def too_large(answer: Answer) -> None:
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    assert json.loads(answer.body)["code"] == "body_too_large"
    assert answer.headers["x-request-id"] == json.loads(answer.body)["request_id"]


def chunks(count: int) -> Iterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    for _ in range(count):
        yield b"10000\r\n" + b" " * 65_536 + b"\r\n"
    yield b"0\r\n\r\n"


async def test_a_chunked_body_is_refused_while_it_is_still_coming(port: int) -> None:
    (answer,) = await exchange(port, chunks(40))
    too_large(answer)


async def test_large_bodies_at_once_cost_no_memory(port: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for found in await asyncio.gather(*(exchange(port, chunks(160)) for _ in range(20))):
        too_large(found[0])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * KIB  # kilobytes, of 200 MiB sent


async def test_a_body_that_is_announced_as_too_large_is_refused_before_it_comes(port: int) -> None:
    (answer,) = await exchange(port, [HEAD + b"Content-Length: 10000000000\r\n\r\n{"])
    too_large(answer)


async def test_what_comes_after_the_announced_length_is_not_taken_for_the_body(port: int) -> None:
    lying = HEAD + b'Content-Length: 2\r\n\r\n{}{"code": "sim:smuggled"}'
    found = await exchange(port, [lying], due=2, patience=2)
    assert [answer.status for answer in found] in ([400], [422], [422, 400])


async def test_a_refused_body_does_not_harm_the_next_request_on_its_connection(port: int) -> None:
    body = b" " * (1024 * KIB + 1)
    both = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    first, *second = await exchange(port, [both], due=2, patience=2)
    too_large(first)
    assert [answer.status for answer in second] in ([], [200])


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n{}",
        HEAD + b"Content-Length: 1e1\r\n\r\n{}",
        HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n{}",
        HEAD + b"Content-Length : 2\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
        b"GET /health/live HTTP/1.1\nHost: x\n\n\x00",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"GET /api/v1/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"G" * 70_000,
    ],
)
async def test_what_is_no_proper_http_breaks_nothing(port: int, request_bytes: bytes) -> None:
    found = await exchange(port, [request_bytes], patience=0.5)
    assert all(answer.status < 500 for answer in found)
    (alive,) = await exchange(port, [b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
    assert alive.status == 200


async def test_a_slow_sender_who_leaves_is_no_error_of_ours(port: int) -> None:
    before = await unhandled(port)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b'Content-Length: 50\r\n\r\n{"code"')
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.1)
    assert await unhandled(port) == before


async def unhandled(port: int) -> bytes:
    (metrics,) = await exchange(port, [b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
    (line,) = (line for line in metrics.body.splitlines() if line.startswith(b"aid_unhandled_errors_total "))
    return line
