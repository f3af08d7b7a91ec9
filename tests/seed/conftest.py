"""Two migrated databases on the server of the tests: one seeded once, one empty."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app.db import embedded
from app.db.database import Database, open_database
from app.db.migrations import upgrade
from app.db.sealing import Keyring
from app.seed.commands import seed_demo
from app.seed.reference import write_reference

APPID = "wx0000000000000sim"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=timezone(timedelta(hours=8)))
KEYRING = Keyring({1: b"m" * 32}, b"i" * 32)


@pytest.fixture(scope="session")
def seed_server(postgres: embedded.Server) -> embedded.Server:
    server = embedded.start(postgres.folder, databases=("seeded", "unseeded"))
    for name in ("seeded", "unseeded"):
        upgrade(server.dsn(name))
        asyncio.run(write_reference(server.dsn(name), NOW))
    return server


@pytest.fixture(scope="session")
async def seed_database(seed_server: embedded.Server) -> AsyncIterator[Database]:
    database = await open_database(seed_server.dsn("seeded"), "aid_jobs", size=2)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def empty_database(seed_server: embedded.Server) -> AsyncIterator[Database]:
    database = await open_database(seed_server.dsn("unseeded"), "aid_jobs", size=2)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def told(seed_database: Database) -> dict[str, Any]:
    """What the first seeding said."""
    return await seed_demo(seed_database, KEYRING, appid=APPID, now=NOW)
