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
MOST_SECONDS = 10.0
"""For one document; one of 5,000 lines takes about two seconds."""
MOST_WAITING = 8
MOST_DOCUMENTS, LARGE_BYTES = 500, 500_000
"""A press is replaced after so many documents, and after a large one: what typst remembers is given back only so."""
_log = structlog.get_logger("aid.documents")


class NotPrinted(Unavailable):
    """打印系统繁忙，请稍后再试。"""


class Press:
    """One press, started with the first job and again after it was replaced. One job at a time, a few wait."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._alone = asyncio.Lock()
        self._waiting = 0
        self._printed = 0

    async def pdf(self, form: Path, data: Mapping[str, Any], made_at: datetime) -> bytes:
        """A form (.typ) filled in with data; equal data of the same instant give equal bytes. Raises NotPrinted."""
        return await self._print({"as": "pdf", "form": str(form), "data": data, "made_at": made_at.isoformat()})

    async def xlsx(self, paper: Mapping[str, Any], made_at: datetime) -> bytes:
        """The worksheet of a paper. Raises NotPrinted."""
        return await self._print({"as": "xlsx", "form": "", "data": paper, "made_at": made_at.isoformat()})

    async def close(self) -> None:
        """End the press, and with it what it is working on."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _print(self, job: dict[str, Any]) -> bytes:
        if self._waiting >= MOST_WAITING:
            raise NotPrinted
        self._waiting += 1
        try:
            async with self._alone:
                return await self._through(job)
        finally:
            self._waiting -= 1

    async def _through(self, job: dict[str, Any]) -> bytes:
        answer, ended = b"", False
        try:
            async with asyncio.timeout(MOST_SECONDS):
                answer = await _exchange(await self._running(), orjson.dumps(job))
            ended = True
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as lost:
            _log.error("not_printed", form=Path(job["form"]).name, why=type(lost).__name__)
            raise NotPrinted from None
        finally:
            self._printed += 1
            if not ended or self._printed >= MOST_DOCUMENTS or len(answer) > LARGE_BYTES:
                # Also when whoever asked has gone: the answer that is still to come would be taken for the next one.
                await self.close()
        if not answer.startswith(DONE):
            _log.error("not_printed", form=Path(job["form"]).name, why=answer[1:].decode())
            raise NotPrinted
        return answer[1:]

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._printed = 0
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.documents.press", stdin=PIPE, stdout=PIPE, env={"PATH": "/usr/bin:/bin"}
            )
        return self._process


async def _exchange(process: Process, job: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(framed(job))
    await process.stdin.drain()
    length = length_of(await process.stdout.readexactly(LENGTH_BYTES))
    return await process.stdout.readexactly(length)
