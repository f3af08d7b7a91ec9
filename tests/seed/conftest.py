"""A migrated database of its own, seeded once for all tests of the seed."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from app.db.embedded import start, stop
from app.db.migrations import upgrade
from app.db.sealing import Keyring
from app.db.transaction import Database, open_database
from app.seed.commands import seed_demo

APPID = "wx0000000000000sim"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=timezone(timedelta(hours=8)))
QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "32MB"}
KEYRING = Keyring({1: b"m" * 32}, b"i" * 32)


@pytest.fixture(scope="session")
async def seed_dsn() -> AsyncIterator[str]:
    memory = Path("/dev", "shm")
    folder = Path(tempfile.mkdtemp(prefix="aid-seed-", dir=memory if os.access(memory, os.W_OK) else None))
    folder.chmod(0o755)
    server = await asyncio.to_thread(start, folder, parameters=QUICK, databases=("aid", "other"))
    for name in ("aid", "other"):
        await asyncio.to_thread(upgrade, server.dsn(name))
    yield server.dsn()
    await asyncio.to_thread(stop, folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def seed_database(seed_dsn: str) -> AsyncIterator[Database]:
    database = await open_database(seed_dsn, "aid_jobs")
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def empty_database(seed_dsn: str) -> AsyncIterator[Database]:
    database = await open_database(seed_dsn.replace("/aid?", "/other?"), "aid_jobs")
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def told(seed_database: Database) -> dict[str, Any]:
    """What the first seeding said."""
    return await seed_demo(seed_database, KEYRING, appid=APPID, now=NOW)
