"""Running a function in a child process that may take only so much memory and time.

For whatever reads files of strangers: a picture, a PDF or a spreadsheet may hang, eat memory or abort the process that
reads it. Here that is an answer, `Failed`, and no exception. A new interpreter for each call costs 25 ms and what the
function imports (docs/measurements.md); nothing that one file did to it can meet the next.
"""

import asyncio
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.confined import frames

Why = Literal["memory", "time", "crashed", "raised"]
MIB: Final = 1024 * 1024
AT_ONCE: Final = 2
"""So many children of one process at a time; the others wait for their turn."""
_MODULE: Final = "app.confined.child"
# No secret, and no thread for each processor, each of which would take address space before anything is read.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1"}
_COMMAND: Final = (sys.executable, "-I", "-m", _MODULE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may take. `seconds` is how long the parent waits for it in all, not counting its own work between
    two answers."""

    memory_bytes: int = 512 * MIB
    cpu_seconds: int = 10
    seconds: float = 20.0
    file_bytes: int = 0
    """The largest file that it may write, into a folder of its own that is removed afterwards; 0: none."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The child did not come to an end: it took too much `memory` or `time`, `crashed`, or `raised` (`name`)."""

    why: Why
    name: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """Everything that the function answered."""

    values: tuple[Any, ...]


async def run(function: Callable[..., Any], *arguments: Any, limits: Limits = Limits()) -> Done | Failed:
    """Call a module-level function with JSON values and bytes; it answers with such a value, or yields several."""
    values: list[Any] = []
    async with aclosing(stream(function, *arguments, limits=limits)) as answers:
        async for answer in answers:
            if isinstance(answer, Failed):
                return answer
            values.append(answer)
    return Done(tuple(values))


async def stream(
    function: Callable[..., Any],
    *arguments: Any,
    limits: Limits = Limits(),
) -> AsyncGenerator[Any]:
    """The same, one value after the other as the child yields them; if it fails, the last one is a `Failed`.

    The child waits while nobody takes its values, so that what it yields never piles up here.
    """
    with _folder(limits) as folder:
        order = {
            "function": f"{function.__module__}:{function.__qualname__}",
            "folder": folder,
            "cpu_seconds": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
        }
        async with _turn(), _child() as process:
            telling = asyncio.create_task(_tell(process, (order, *arguments)))
            try:
                async with aclosing(_answers(process, limits)) as answers:
                    async for answer in answers:
                        yield answer
            finally:
                telling.cancel()


@contextmanager
def _folder(limits: Limits) -> Iterator[str]:
    if limits.file_bytes:
        with tempfile.TemporaryDirectory(prefix="aid-confined-") as folder:
            yield folder
    else:
        yield ""


_turns: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _turn() -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        for ended in [other for other in _turns if other.is_closed()]:
            del _turns[ended]
        _turns[loop] = asyncio.Semaphore(AT_ONCE)
    return _turns[loop]


@asynccontextmanager
async def _child() -> AsyncIterator[Process]:
    """A child without environment; whatever happens, it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=_ENVIRONMENT, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _tell(process: Process, values: tuple[Any, ...]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):  # it died; its end says why
        for part in frames.written(values):
            process.stdin.write(part)
            await process.stdin.drain()
        process.stdin.close()


async def _answers(process: Process, limits: Limits) -> AsyncGenerator[Any]:
    assert process.stdout is not None
    loop, left = asyncio.get_running_loop(), limits.seconds
    while True:
        asked = loop.time()
        try:
            async with asyncio.timeout(left):
                kind, content = await _frame(process.stdout)
        except TimeoutError:
            yield Failed("time")
            return
        except (asyncio.IncompleteReadError, ValueError):
            yield await _end(process)
            return
        left -= loop.time() - asked
        if kind == frames.END:
            return
        if kind == frames.RAISED:
            name = content.decode("ascii", "replace")
            yield Failed("memory") if name == "MemoryError" else Failed("raised", name)
            return
        yield content if kind == frames.BYTES else frames.value_of(kind, content)


async def _frame(source: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = frames.head(await source.readexactly(frames.HEAD_BYTES))
    return kind, await source.readexactly(length)


async def _end(process: Process) -> Failed:
    """Why a child fell silent: by the signal that ended it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await process.wait()
    spent = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    return Failed("time" if spent else "crashed")
