"""The one transaction that a request or a job has; app/db/database.py opens it.

The first round trip of a transaction begins it and tells the database who is looking: row-level
security, the second wall, reads these settings (alembic/versions, `app_*` functions).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from uuid import UUID

import asyncpg

from app.db.statements import Statement

COMMAND_SECONDS = 5.0
SNAPSHOT_SECONDS = 120.0
"""For each statement of a job that goes through everything: what it counts and reads may have to come from the disk."""
Door = Literal["worker", "staff", "sign_in", "public", "wechat", "job"]
Record = Mapping[str, Any]
"""A row as it came from the database, by column name."""


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
    """One transaction of one request. It is committed only by `Database.begin`."""

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
