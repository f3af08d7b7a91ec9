"""One durable PostgreSQL for the tests of a file, migrated, with a town in it; and the API that uses it."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.db import migrations
from app.db.database import Database, open_database
from app.db.sealing import Keyring, keyring_of
from app.seed.reference import write_reference
from app.settings import Settings
from tests.faults.heap import Heap
from tests.faults.processes import Api, Postgres, api_of
from tests.make import NOW, Town, World
from tests.throwaway import throwaway_folder

SCALE = float(os.environ.get("AID_FAULT_SCALE", "1"))
"""How much of the full load the tests of this folder bring; 1 is all of it."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """On a disk: what is killed here must find again what it had synced."""
    with throwaway_folder("aid-faults-", Path("/tmp")) as path:
        yield path


@pytest.fixture(scope="module")
def durable(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "postgres")
    server.start()
    migrations.upgrade(server.dsn)
    asyncio.run(write_reference(server.dsn, NOW))
    yield server
    server.stop()


@pytest.fixture(scope="module")
async def api(durable: Postgres, folder: Path) -> AsyncIterator[Api]:
    running = api_of(durable.dsn, folder)
    running.start()
    await running.until_ready()
    yield running
    running.end()


@pytest.fixture(scope="module")
def demo_keyring() -> Keyring:
    return keyring_of(Settings(env="demo"))


@pytest.fixture
async def held(durable: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner of the tables."""
    connection = await asyncpg.connect(durable.dsn)
    yield connection
    if not connection.is_closed():
        await connection.close(timeout=5)


@pytest.fixture
async def inside(durable: Postgres) -> AsyncIterator[Database]:
    database = await open_database(durable.dsn, "aid_jobs", size=2)
    yield database
    await database.close()


@pytest.fixture
async def heap(inside: Database, demo_keyring: Keyring) -> Heap:
    return Heap(inside, demo_keyring)


@pytest.fixture
async def town(inside: Database, demo_keyring: Keyring) -> Town:
    return await World(inside, demo_keyring).town()
