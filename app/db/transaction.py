"""The pool, and the one transaction that a request or a job has.

The first round trip of a transaction begins it and tells the database who is looking: row-level
security, the second wall, reads these settings (alembic/versions, `app_*` functions).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from uuid import UUID

import asyncpg
import orjson

from app.db.statements import Statement
from app.kernel.errors import Unavailable

ACQUIRE_SECONDS = 3.0
IDLE_SECONDS = 300.0
"""After so long without use a connection is made anew: firewalls forget it."""
COMMAND_SECONDS = 5.0
SNAPSHOT_SECONDS = 120.0
"""For each statement of a job that goes through everything: what it counts and reads may have to come from the disk."""
Door = Literal["worker", "staff", "sign_in", "public", "wechat", "job"]
DatabaseRole = Literal["aid_api", "aid_jobs"]
Record = Mapping[str, Any]
"""A row as it came from the database, by column name."""
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
class Sight:
    """What the database lets this transaction see: the person's own rows, or those under these organisations."""

    door: Door
    person_id: UUID | None = None
    organisation_ids: tuple[UUID, ...] = ()
    lock: int | None = None
    """An advisory lock (64 bits) to try for until the end; the setting `app.locked` says whether it was free."""
    alone: int | None = None
    """An advisory lock (64 bits) to wait for and hold until the end; not waited for where `lock` was not free."""
    snapshot: bool = False
    """Read only, and from first to last the database as it was when the transaction began."""

    def opening(self) -> str:
        """BEGIN and the settings, in one simple query. Only UUIDs, numbers and fixed words are written into it."""
        organisations = ",".join(str(organisation_id) for organisation_id in self.organisation_ids)
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if self.snapshot else "BEGIN"
        return (
            f"{begin}; SELECT set_config('app.door','{self.door}',true),"
            f"set_config('app.person','{self.person_id or ''}',true),"
            f"set_config('app.organisations','{{{organisations}}}',true){self._locks()}{self._patience()}"
        )

    def _patience(self) -> str:
        return f",set_config('statement_timeout','{SNAPSHOT_SECONDS:.0f}s',true)" if self.snapshot else ""

    def _locks(self) -> str:
        alone = "" if self.alone is None else f"pg_advisory_xact_lock({self.alone})"
        if self.lock is None:
            return f",{alone}" if alone else ""
        free = f"'true'||{alone}::text" if alone else "'true'"
        tried = f"case when pg_try_advisory_xact_lock({self.lock}) then {free} else 'false' end"
        return f",set_config('app.locked',{tried},true)"

    def told(self) -> tuple[str, str, str]:
        """The same settings as parameters, for `Glance`."""
        return self.door, str(self.person_id or ""), f"{{{','.join(map(str, self.organisation_ids))}}}"


_SIGHT = (
    "select current_setting('app.door', true), current_setting('app.person', true), "
    "current_setting('app.organisations', true)"
)
_SEE = (
    "select set_config('app.door', $1, true), set_config('app.person', $2, true), "
    "set_config('app.organisations', $3, true)"
)


class Transaction:
    """One transaction of one request. It is committed only by `begin`, below."""

    __slots__ = ("connection", "patience")

    def __init__(self, connection: asyncpg.Connection, patience: float | None = None) -> None:
        """`patience`: seconds that one reading may take; None: what is usual for the connection."""
        self.connection = connection
        self.patience = patience

    async def rows(self, statement: Statement, /, **values: Any) -> list[Record]:
        rows: list[Record] = await self.connection.fetch(
            statement.sql, *statement.arguments(values), timeout=self.patience
        )
        return rows

    async def row(self, statement: Statement, /, **values: Any) -> Record | None:
        row: Record | None = await self.connection.fetchrow(
            statement.sql, *statement.arguments(values), timeout=self.patience
        )
        return row

    async def value(self, statement: Statement, /, **values: Any) -> Any:
        return await self.connection.fetchval(statement.sql, *statement.arguments(values), timeout=self.patience)

    async def run(self, statement: Statement, /, **values: Any) -> int:
        """How many rows the statement touched."""
        status = await self.connection.execute(statement.sql, *statement.arguments(values))
        return int(status.rsplit(" ", 1)[-1])

    @asynccontextmanager
    async def seen_by(self, sight: Sight) -> AsyncIterator[None]:
        """Until the end of the block the database shows what this sight sees, and then again what it showed before.

        A block that raises leaves it so: nothing of the transaction stays either.
        """
        before = await self.connection.fetchrow(_SIGHT)
        await self.connection.fetchrow(_SEE, *sight.told())
        yield
        await self.connection.fetchrow(_SEE, *(value or "" for value in before.values()))

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A block of which nothing stays when the database refuses something in it, and the transaction goes on."""
        await self.connection.execute("SAVEPOINT attempt")
        try:
            yield
        except asyncpg.IntegrityConstraintViolationError:
            await self.connection.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")
            raise
        await self.connection.execute("RELEASE SAVEPOINT attempt")

    async def stroke(self, statement: Statement, /, **values: Any) -> Record | None:
        raise TypeError("a stroke is a transaction of its own: this door has begun one already")

    async def many(self, statement: Statement, values: Sequence[dict[str, Any]], /) -> None:
        """The statement once for each of these sets of values, in one go."""
        await self.connection.executemany(statement.sql, [statement.arguments(each) for each in values])


class Glance(Transaction):
    """Reading without a transaction around it: each statement is one of its own and tells who is looking as it starts.

    A page that needs one statement then costs one round trip instead of three. Nothing is lost: between two statements
    of a READ COMMITTED transaction others may commit as well. It writes only by `stroke`.
    """

    __slots__ = ("_told",)

    def __init__(self, connection: asyncpg.Connection, sight: Sight) -> None:
        super().__init__(connection)
        self._told = sight.told()

    async def rows(self, statement: Statement, /, **values: Any) -> list[Record]:
        rows: list[Record] = await self.connection.fetch(
            _told_first(statement.sql, len(statement.names)), *statement.arguments(values), *self._told
        )
        return rows

    async def row(self, statement: Statement, /, **values: Any) -> Record | None:
        row: Record | None = await self.connection.fetchrow(
            _told_first(statement.sql, len(statement.names)), *statement.arguments(values), *self._told
        )
        return row

    async def value(self, statement: Statement, /, **values: Any) -> Any:
        row = await self.row(statement, **values)
        return None if row is None else next(iter(row.values()))

    async def stroke(self, statement: Statement, /, **values: Any) -> Record | None:
        """One statement that writes, as a transaction of its own: it begins with `TOLD` and goes on from there."""
        row: Record | None = await self.connection.fetchrow(
            statement.sql, *statement.arguments(values | dict(zip(_TOLD_NAMES, self._told, strict=True)))
        )
        return row

    async def run(self, statement: Statement, /, **values: Any) -> int:
        raise TypeError("a glance does not write: this door needs a transaction")

    async def many(self, statement: Statement, values: Sequence[dict[str, Any]], /) -> None:
        raise TypeError("a glance does not write: this door needs a transaction")


TOLD = """set_config('app.door', cast(:told_door as text), true)
          || set_config('app.person', cast(:told_person as text), true)
          || set_config('app.organisations', cast(:told_organisations as text), true)"""
"""Tells who is looking, in a statement for `Glance.stroke`. Everything else in it has to hang on the row that this
stands in: a row that was looked for earlier would not be seen, and nothing would be written."""
_TOLD_NAMES = ("told_door", "told_person", "told_organisations")


@cache
def _told_first(sql: str, parameters: int) -> str:
    """The statement behind one that tells who is looking; whichever way it is planned, that one comes first.

    The inner query hangs on what the outer one told (a lateral reference behind `offset 0`, which the planner does not
    look through), so it starts only then. Row-level security reads the settings once, when it meets its first row.
    """
    door, person, organisations = (f"${parameters + n}" for n in (1, 2, 3))
    return f"""
        with sight as materialized (
          select set_config('app.door', {door}, true) || set_config('app.person', {person}, true)
            || set_config('app.organisations', {organisations}, true) as told
        )
        select seen.* from sight
        cross join lateral (select r.* from ({sql}) r where sight.told is not null offset 0) seen
        """  # noqa: S608 - our own statement and numbers of parameters; no value is written into it


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
