"""Printing from the API's process: hands jobs to the press and never waits for it on the event loop."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import structlog

from app.documents.frames import DONE, LENGTH_BYTES, framed, length_of
from app.kernel.errors import Unavailable

Format = Literal["pdf", "xlsx"]
MEDIA_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_SECONDS = 12.0
"""For one document that somebody waits for, waiting included."""
MOST_WAITING = 8
LARGE_BYTES = 200_000
"""Of what is printed: from here on it goes to the second press, so that no card waits for a list of thousands."""
MOST_DOCUMENTS = 500
_SURROUNDINGS = {"PATH": "/usr/bin:/bin"} | dict.fromkeys(
    ("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9"
)
"""Nothing of ours: no secret, and no way to the network, where a form has no business."""
_log = structlog.get_logger("aid.documents")


class NotPrinted(Unavailable):
    """打印系统繁忙，请稍后再试。"""


class Press:
    """Two presses, each started with its first job: one for cards and forms, one for long lists."""

    def __init__(self, seconds: float | None = None) -> None:
        """`seconds`: for one document, where nobody waits for it; None: MOST_SECONDS."""
        self._quick, self._slow = _Machine(MOST_DOCUMENTS, seconds), _Machine(1, seconds)

    async def pdf(self, form: Path, data: Mapping[str, Any], made_at: datetime) -> bytes:
        """A form (.typ) filled in with data; equal data of the same instant give equal bytes. Raises NotPrinted."""
        return await self._print({"as": "pdf", "form": str(form), "data": data, "made_at": made_at.isoformat()})

    async def png(self, form: Path, data: Mapping[str, Any], made_at: datetime) -> bytes:
        """A form of one page as a picture. Raises NotPrinted."""
        job = {"as": "png", "form": str(form), "data": data, "made_at": made_at.isoformat(), "ppi": 144.0}
        return await self._print(job)

    async def xlsx(self, paper: Mapping[str, Any], made_at: datetime) -> bytes:
        """The worksheet of a paper. Raises NotPrinted."""
        return await self._print({"as": "xlsx", "form": "", "data": paper, "made_at": made_at.isoformat()})

    async def close(self) -> None:
        """End both, and with them what they are working on."""
        await self._quick.stop()
        await self._slow.stop()

    async def _print(self, job: dict[str, Any]) -> bytes:
        asked = orjson.dumps(job)
        machine = self._quick if len(asked) < LARGE_BYTES else self._slow
        try:
            answer = await machine.run(asked)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as lost:
            _log.error("not_printed", form=Path(job["form"]).name, why=type(lost).__name__)
            raise NotPrinted from None
        if not answer.startswith(DONE):
            _log.error("not_printed", form=Path(job["form"]).name, why=answer[1:].decode())
            raise NotPrinted
        return answer[1:]


class _Machine:
    """A process of `app.documents.press`. One job at a time, a few wait; replaced after so many jobs: what typst
    remembers is given back only so."""

    def __init__(self, most_jobs: int, seconds: float | None) -> None:
        self._most_jobs, self._seconds = most_jobs, seconds
        self._process: Process | None = None
        self._alone = asyncio.Lock()
        self._waiting = self._jobs = 0

    async def run(self, job: bytes) -> bytes:
        """The answer to a job. Raises NotPrinted, TimeoutError, OSError, IncompleteReadError."""
        if self._waiting >= MOST_WAITING:
            raise NotPrinted
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds or MOST_SECONDS), self._alone:
                return await self._through(job)
        finally:
            self._waiting -= 1

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _through(self, job: bytes) -> bytes:
        ended = False
        try:
            answer = await _exchange(await self._running(), job)
            ended = True
            return answer
        finally:
            self._jobs += 1
            if not ended or self._jobs >= self._most_jobs:
                # Also when whoever asked has gone: the answer that is still to come would be taken for the next one.
                await self.stop()

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._jobs = 0
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.documents.press", stdin=PIPE, stdout=PIPE, env=_SURROUNDINGS
            )
        return self._process


async def _exchange(process: Process, job: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(framed(job))
    await process.stdin.drain()
    length = length_of(await process.stdout.readexactly(LENGTH_BYTES))
    return await process.stdout.readexactly(length)
