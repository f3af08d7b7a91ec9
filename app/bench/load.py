"""The load: one process, keep-alive connections with one request in flight each, requests that are bytes already."""

import asyncio
import gc
import os
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import uvloop

PATIENCE_SECONDS = 30.0
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Measured:
    """What a burst of load saw. Times in seconds; `busy`: the share of a processor the generator itself took."""

    answers: int
    seconds: float
    p50: float
    p99: float
    busy: float
    refused: dict[str, int]
    """Answers that were not 2xx by what they said, and connections that were lost."""

    @property
    def rps(self) -> float:
        return self.answers / self.seconds


@dataclass(slots=True)
class _Tally:
    requests: Iterator[bytes]
    until: float
    latencies: "array[float]"
    refused: Counter[str]


class _Client(asyncio.Protocol):
    """A connection that asks, waits for the whole answer, and asks again."""

    def __init__(self, tally: _Tally, done: "asyncio.Future[None]") -> None:
        self._tally, self._done, self._held, self._asked = tally, done, b"", 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        now = time.perf_counter()
        request = next(self._tally.requests, None) if now < self._tally.until else None
        if request is None:
            self._end()
        else:
            self._asked = now
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        head = data.find(_END_OF_HEAD)
        if head < 0 or len(data) < head + 4 + _length_of(data, head):
            self._held = data
            return
        self._held = b""
        if data[9:10] == b"2":
            self._tally.latencies.append(time.perf_counter() - self._asked)
        else:
            self._tally.refused[data[9:12].decode() + " " + data[head + 4 :].decode(errors="replace")[:300]] += 1
        self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self._done.done():
            self._tally.refused["connection lost"] += 1
            self._done.set_result(None)

    def _end(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        self._transport.close()


def _length_of(data: bytes, head: int) -> int:
    at = data.find(_LENGTH, 0, head)
    return int(data[at + len(_LENGTH) : data.index(b"\r\n", at)]) if at >= 0 else 0


def ready(core: int | None) -> None:
    """Make this process a generator, on a processor of its own choice or on this one."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    gc.freeze()


def drive(port: int, requests: Sequence[bytes], *, clients: int, seconds: float, again: bool) -> Measured:
    """Ask for so many seconds, or until the requests run out; `again`: from the first once more when they do."""
    return uvloop.run(_drive(port, cycle(requests) if again else iter(requests), clients, seconds))


async def _drive(port: int, requests: Iterator[bytes], clients: int, seconds: float) -> Measured:
    loop = asyncio.get_running_loop()
    began, busy = time.perf_counter(), time.process_time()
    tally = _Tally(requests, began + seconds, array("d"), Counter())
    ends = [loop.create_future() for _ in range(clients)]
    for end in ends:
        await loop.create_connection(partial(_Client, tally, end), "127.0.0.1", port)
    await asyncio.wait_for(asyncio.gather(*ends), seconds + PATIENCE_SECONDS)
    took = time.perf_counter() - began
    ordered = sorted(tally.latencies) or [0.0]
    return Measured(
        answers=len(tally.latencies),
        seconds=took,
        p50=ordered[len(ordered) // 2],
        p99=ordered[len(ordered) * 99 // 100],
        busy=(time.process_time() - busy) / took,
        refused=dict(tally.refused.most_common(5)),
    )
