"""A transaction whose backend dies: whoever began it is told that the database is away, or what went wrong before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import text

from app.db.database import Database, open_database
from app.db.statements import statement
from app.db.transaction import Sight, Transaction
from app.kernel.errors import Conflict, Unavailable

_PID = statement(text("select pg_backend_pid()"))
_ONE = statement(text("select 1"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    found = await open_database(database_url, "aid_api", size=1)
    yield found
    await found.close()


async def killed(owner: asyncpg.Connection, transaction: Transaction, *, noticed: bool) -> None:
    """The backend of this transaction ends; `noticed`: asyncpg has read that it did."""
    pid = await transaction.value(_PID)
    assert await owner.fetchval("select pg_terminate_backend($1, 5000)", pid)
    if noticed:
        for _ in range(200):
            if transaction.connection._con is None:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("asyncpg has not noticed")


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("door", ["begin", "glance"])
async def test_a_statement_on_a_backend_that_died_says_that_the_database_is_away(
    database: Database, owner: asyncpg.Connection, door: str, noticed: bool
) -> None:
    async def asked_of_the_dead() -> None:
        async with getattr(database, door)(Sight("public")) as transaction:
            await killed(owner, transaction, noticed=noticed)
            await transaction.value(_ONE)

    with pytest.raises(Unavailable):
        await asked_of_the_dead()
    await still_serves(database)


@pytest.mark.parametrize("noticed", [True, False])
async def test_what_cannot_be_committed_any_more_is_no_success(
    database: Database, owner: asyncpg.Connection, noticed: bool
) -> None:
    with pytest.raises(Unavailable):
        async with database.begin(Sight("public")) as transaction:
            await killed(owner, transaction, noticed=noticed)
    await still_serves(database)


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("door", ["begin", "glance"])
async def test_a_refusal_is_not_hidden_by_the_end_of_its_connection(
    database: Database, owner: asyncpg.Connection, door: str, noticed: bool
) -> None:
    async def refused() -> None:
        async with getattr(database, door)(Sight("public")) as transaction:
            await killed(owner, transaction, noticed=noticed)
            raise Conflict

    with pytest.raises(Conflict):
        await refused()
    await still_serves(database)


async def still_serves(database: Database) -> None:
    """The one place of the pool was given back.

    Whoever comes next may be given the connection whose end nobody has read yet, and be told so; the one after is not.
    """
    with suppress(Unavailable):
        await asked(database)
    assert await asked(database) == 1


async def asked(database: Database) -> int:
    async with database.glance(Sight("public")) as again:
        return await again.value(_ONE)
