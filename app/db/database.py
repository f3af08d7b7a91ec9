"""The connections of a process, and how a transaction begins and ends on one of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import asyncpg
import orjson

from app.db.statements import Statement
from app.db.transaction import COMMAND_SECONDS, SNAPSHOT_SECONDS, Glance, Record, Sight, Transaction
from app.kernel.errors import Unavailable

ACQUIRE_SECONDS = 3.0
IDLE_SECONDS = 300.0
"""After so long without use a connection is made anew: firewalls forget it."""
DatabaseRole = Literal["aid_api", "aid_jobs"]
_CONNECTION_LOST = (
    OSError,  # and with it TimeoutError
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection whose end it has read but not yet acted upon
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)


@dataclass(frozen=True, slots=True)
class Database:
    """The connections of a process, under one database role.

    The pool makes them; at hand they are kept here. A pool that gives one out and takes it back needs a task and two
    timers each time, and lets newcomers overtake those who wait.
    """

    pool: asyncpg.Pool
    places: asyncio.Semaphore
    """As many as the pool has connections; they are waited for in turn."""
    at_hand: list[tuple[asyncpg.Connection, float]] = field(default_factory=list)
    """Connections that nobody uses, and since when (`time.monotonic`); the one used last is used next."""

    async def look(self, statement: Statement, /, patience: float = COMMAND_SECONDS, **values: Any) -> Record | None:
        """One row outside any transaction, for a statement that is one in itself. Raises Unavailable."""
        connection = await self._take()
        try:
            row: Record | None = await connection.fetchrow(
                statement.sql, *statement.arguments(values), timeout=patience
            )
        except _CONNECTION_LOST as lost:
            _end(connection)
            raise Unavailable from lost
        finally:
            await self._give_back(connection)
        return row

    @asynccontextmanager
    async def begin(self, sight: Sight) -> AsyncIterator[Transaction]:
        """A transaction: committed when the block ends well, rolled back when it raises.

        Raises Unavailable when no connection can be had or the connection is lost.
        """
        connection = await self._take()
        try:
            # It also asks whether the connection still lives: with that of `acquire` its patience stays below 7 s.
            await connection.execute(sight.opening(), timeout=ACQUIRE_SECONDS)
            yield Transaction(connection, SNAPSHOT_SECONDS if sight.snapshot else None)
            await connection.execute("COMMIT")
        except _CONNECTION_LOST as lost:
            _end(connection)
            raise Unavailable from lost
        finally:
            await self._give_back(connection)

    @asynccontextmanager
    async def glance(self, sight: Sight) -> AsyncIterator[Glance]:
        """A connection to read with. Raises Unavailable when none can be had or it is lost."""
        connection = await self._take()
        try:
            yield Glance(connection, sight)
        except _CONNECTION_LOST as lost:
            _end(connection)
            raise Unavailable from lost
        finally:
            await self._give_back(connection)

    async def _take(self) -> asyncpg.Connection:
        try:
            waits = self.places.locked() or not self.at_hand
            async with asyncio.timeout(ACQUIRE_SECONDS if waits else None):
                return await self._placed()
        except (asyncpg.TooManyConnectionsError, *_CONNECTION_LOST) as lost:
            raise Unavailable from lost

    async def _placed(self) -> asyncpg.Connection:
        await self.places.acquire()
        try:
            return await self._living() or await self.pool.acquire()
        except BaseException:
            self.places.release()
            raise

    async def _living(self) -> asyncpg.Connection | None:
        """A connection that is at hand; those that ended meanwhile, or rested too long, go back to the pool."""
        while self.at_hand:
            connection, since = self.at_hand.pop()
            if _has_ended(connection):
                await self._part_with(connection)
            elif since + IDLE_SECONDS < time.monotonic():
                _end(connection)
                await self._part_with(connection)
            else:
                return connection
        return None

    async def _give_back(self, connection: asyncpg.Connection) -> None:
        """Out of any transaction; a connection that will not come out of one is closed."""
        try:
            if not _has_ended(connection) and connection.is_in_transaction():
                await connection.execute("ROLLBACK", timeout=COMMAND_SECONDS)
        except _CONNECTION_LOST:
            _end(connection)
        finally:
            try:
                if _has_ended(connection):
                    await self._part_with(connection)
                else:
                    self.at_hand.append((connection, time.monotonic()))
            finally:
                self.places.release()

    async def _part_with(self, connection: asyncpg.Connection) -> None:
        # What was committed stays committed: a connection that is lost only now is closed, and nobody is told.
        with suppress(*_CONNECTION_LOST):
            await self.pool.release(connection)

    async def close(self) -> None:
        while self.at_hand:
            await self._part_with(self.at_hand.pop()[0])
        try:
            await asyncio.wait_for(self.pool.close(), timeout=COMMAND_SECONDS)
        except TimeoutError:
            self.pool.terminate()


async def open_database(dsn: str, role: DatabaseRole, *, size: int = 10) -> Database:
    """A pool whose every connection runs under `role`, with short patience (reliability: no hangs).

    Connections are made when they are needed, so a process can start while its database is away.
    """
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        command_timeout=COMMAND_SECONDS,
        timeout=ACQUIRE_SECONDS,
        statement_cache_size=512,
        max_inactive_connection_lifetime=IDLE_SECONDS,
        init=_prepare,
        reset=_rest,
        server_settings={
            "role": role,
            "application_name": role,
            "statement_timeout": "5s",
            "lock_timeout": "2s",
            "idle_in_transaction_session_timeout": "15s",
            "jit": "off",
            # Every statement is written to be planned once; the planner would try each five times on every connection.
            "plan_cache_mode": "force_generic_plan",
            # And planned while its tables may still be empty: a plan has to be as good when they are full.
            "enable_seqscan": "off",
            "timezone": "UTC",
        },
    )
    return Database(await pool, asyncio.Semaphore(size))


def _has_ended(connection: asyncpg.Connection) -> bool:
    """One that the server closed has left the pool's hands by itself, and answers no more."""
    with suppress(asyncpg.InterfaceError):
        return bool(connection.is_closed())
    return True


def _end(connection: asyncpg.Connection) -> None:
    """Close it at once, unless it has ended by itself."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=_from_jsonb
    )


def _to_jsonb(value: Any) -> bytes:
    # The job queue's library brings JSON that is text already; we ourselves only store objects.
    return b"\x01" + (value.encode() if isinstance(value, str) else orjson.dumps(value))


def _from_jsonb(data: bytes) -> Any:
    return orjson.loads(data[1:])


async def _rest(_: asyncpg.Connection) -> None:
    """Settings are local to each transaction, so nothing is left to reset between two."""
