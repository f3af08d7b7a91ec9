"""Two at the same moment, one of them held still in the middle of its transaction."""

import asyncio
from collections.abc import Awaitable
from types import ModuleType
from typing import Any

import asyncpg
import pytest

WAITING = "select exists (select 1 from pg_locks where not granted)"


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


async def waits(owner: asyncpg.Connection, what: Awaitable[Any]) -> "asyncio.Future[Any]":
    """Begin it, and see that it waits for a lock of the database; it does so for two seconds at most."""
    task = asyncio.ensure_future(what)
    async with asyncio.timeout(20):
        while not await owner.fetchval(WAITING):
            assert not task.done(), task.result()
            await asyncio.sleep(0.02)
    return task
