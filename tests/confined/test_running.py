"""A child that hangs, eats memory, aborts or is killed is an answer of the parent, never its end.

The functions are the standard library's own, so that nothing has to be written for the tests into the app.
"""

import asyncio
import base64
import collections
import json
import math
import os
import signal
import time
from contextlib import aclosing
from pathlib import Path

import pytest

from app.confined.running import AT_ONCE, MIB, Done, Failed, Limits, run, stream

SHORT = Limits(cpu_seconds=1, seconds=3)


async def test_a_function_answers_from_another_process() -> None:
    assert await run(os.getpid) != Done((os.getpid(),))
    assert await run(math.gcd, 12, 18) == Done((6,))


async def test_bytes_go_there_and_come_back_whole() -> None:
    data = os.urandom(3 * MIB)
    assert await run(base64.b64encode, data) == Done((base64.b64encode(data),))


async def test_a_generator_answers_one_value_after_the_other() -> None:
    answers = [answer async for answer in stream(map, "no")]  # a class is no function of ours: it raises
    assert answers == [Failed("raised", "TypeError")]
    assert (await run(json.loads, "[1, 2]")) == Done(([1, 2],))
    assert (await run(reversed, [1, 2, 3])) == Done((3, 2, 1))


@pytest.mark.parametrize(
    ("function", "arguments", "limits", "why"),
    [
        (time.sleep, (60,), Limits(seconds=0.5), "time"),
        (math.factorial, (10**8,), SHORT, "time"),
        (bytes, (2**31,), SHORT, "memory"),
        (os.abort, (), SHORT, "crashed"),
        (os._exit, (0,), SHORT, "crashed"),
        (signal.raise_signal, (int(signal.SIGSEGV),), SHORT, "crashed"),
        (math.sqrt, (-1,), SHORT, "raised"),
        (time.sleep, ("x",), SHORT, "raised"),
    ],
)
async def test_whatever_becomes_of_the_child_has_a_name(
    function: object, arguments: tuple[object, ...], limits: Limits, why: str
) -> None:
    failed = await run(function, *arguments, limits=limits)  # type: ignore[arg-type]
    assert isinstance(failed, Failed)
    assert failed.why == why


async def test_the_loop_goes_on_while_a_child_works_and_is_left_in_peace() -> None:
    turns = 0
    working = asyncio.create_task(run(math.factorial, 10**8, limits=SHORT))
    while not working.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert await working == Failed("time")
    assert turns > 5  # waiting for the child would have left one


async def test_a_child_sees_no_environment_and_may_not_write() -> None:
    assert await run(os.getenv, "PATH") == Done((None,))
    failed = await run(Path.write_text, "x", "y")
    assert isinstance(failed, Failed)


async def test_nobody_is_left_behind_when_the_parent_loses_interest() -> None:
    async with aclosing(stream(reversed, list(range(100_000)))) as answers:
        async for answer in answers:
            assert answer == 99_999
            break
    working = asyncio.create_task(run(time.sleep, 60))
    await asyncio.sleep(0.3)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    children = await asyncio.to_thread(_children)
    assert [name for name in children if "app.confined.child" in name] == []


async def test_so_many_run_at_once_and_the_others_wait() -> None:
    begun = time.monotonic()
    answers = await asyncio.gather(*(run(time.sleep, 0.3) for _ in range(2 * AT_ONCE)))
    assert collections.Counter(type(answer) for answer in answers) == {Done: 2 * AT_ONCE}
    assert time.monotonic() - begun > 0.6


def _children() -> list[str]:
    """The commands of the living children of this process."""
    own, found = os.getpid(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == own:
                found.append((folder / "cmdline").read_text())
        except (OSError, ValueError):
            continue
    return found
