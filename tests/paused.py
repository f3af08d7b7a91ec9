"""Two at the same moment, one of them held still in the middle of its transaction."""

import asyncio
from collections.abc import Awaitable
from types import ModuleType
from typing import Any

import pytest

LONG_ENOUGH = 0.35
"""Seconds after which whoever has not come to an end is taken to wait."""


class Paused:
    """Whoever calls a function of a module stops before or after it, until it is let go."""

    def __init__(self, patch: pytest.MonkeyPatch, module: ModuleType, name: str, *, before: bool = False) -> None:
        self.reached, self.go, called = asyncio.Event(), asyncio.Event(), getattr(module, name)

        async def held(*given: Any, **named: Any) -> Any:
            answer = None if before else await called(*given, **named)
            self.reached.set()
            await self.go.wait()
            return await called(*given, **named) if before else answer

        patch.setattr(module, name, held)


async def waits(*those: Awaitable[Any]) -> list["asyncio.Future[Any]"]:
    """Begin these, and see that each of them waits for somebody."""
    tasks = [asyncio.ensure_future(each) for each in those]
    done, _ = await asyncio.wait(tasks, timeout=LONG_ENOUGH)
    assert not done, [each.result() for each in done]
    return tasks
