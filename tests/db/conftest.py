"""Two people with everything, and the database as the API sees it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.db.database import Database, open_database
from tests.db.lots import Lot, lot
from tests.make import World


@pytest.fixture(scope="module")
async def lots(world: World, database_url: str) -> tuple[Lot, Lot]:
    connection = await asyncpg.connect(database_url)
    both = await lot(world, connection), await lot(world, connection)
    await connection.close()
    return both


@pytest.fixture(scope="module")
async def api(database_url: str) -> AsyncIterator[Database]:
    """The database as the API sees it, over one connection alone."""
    database = await open_database(database_url, "aid_api", size=1)
    yield database
    await database.close()
