"""The real parts that every test may use: PostgreSQL, the app, the WeChat simulator."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

# Before anything of the app reads its settings.
os.environ["AID_ENV"] = "test"
os.environ["AID_PUBLIC_NOTICE_SECONDS"] = "1"
gc.disable()  # what is imported and collected stays to the end: see `pytest_collection_finish`

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.calendars.queries import KeptCalendar
from app.db import embedded, migrations
from app.db.database import Database, open_database
from app.db.sealing import Keyring, keyring_of
from app.files.store import FileStore, open_store
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.main import create_app
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.seed.reference import write_reference
from app.settings import Settings
from app.simulator.app import create_app as create_simulator
from app.wechat.accounts import Accounts, open_accounts
from tests import scheduling, thorough
from tests.contract import hold_to_the_contract
from tests.gateways.steering import Steering
from tests.make import NOW, Someone, Town, World
from tests.recording import recording
from tests.serving import serving
from tests.throwaway import memory, throwaway_folder

assert thorough.thorough  # no property test has a deadline

UNSAFE_AND_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "300",
    "shared_buffers": "128MB",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=scheduling.come_last)


@pytest.hookimpl(optionalhook=True)  # while the rules are mutated, there is one process only
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.Scheduling:
    return scheduling.Scheduling(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()
    twice = [name for name, times in Counter(item.nodeid for item in session.items).items() if times > 1]
    if twice:  # of tests with one name, several processes together would run one and say nothing of the others
        raise pytest.UsageError(f"several tests are called {twice[0]}")


def pytest_sessionfinish() -> None:
    if (record := recording()) is not None:
        record.write()


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.Server]:
    """A server of this test process alone, in memory where there is a memory file system."""
    with throwaway_folder("aid-tests-", memory()) as folder:
        yield embedded.start(folder, parameters=UNSAFE_AND_FAST, databases=("aid",))


@pytest.fixture(scope="session")
def database_url(postgres: embedded.Server) -> str:
    """A database that was built by the migrations, with the calendar and the shipped policies in it."""
    url = postgres.dsn()
    migrations.upgrade(url)
    asyncio.run(write_reference(url, NOW))
    return url


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """The address of a WeChat simulator that is really listening."""
    with serving(create_simulator()) as url:
        yield url


@pytest.fixture
def steering(simulator: str) -> Iterator[Steering]:
    """The controls of the simulator that the app and the jobs talk to, as just started."""
    with httpx.Client(base_url=simulator, trust_env=False, verify=False) as http:
        found = Steering(http)
        found.post("reset")
        yield found


@pytest.fixture
async def accounts(configured: Settings, jobs: Database, keyring: Keyring) -> AsyncIterator[Accounts]:
    """What the worker process has."""
    found = open_accounts(configured, jobs, keyring)
    yield found
    await found.aclose()


@pytest.fixture(scope="session")
def files_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the contents of uploaded files lie."""
    return tmp_path_factory.mktemp("contents")


@pytest.fixture(scope="session")
def files(configured: Settings, keyring: Keyring) -> FileStore:
    """The store of uploaded files, the very one of the app."""
    return open_store(configured.files_url, configured.data_folder, keyring)


@pytest.fixture(scope="session")
def configured(database_url: str, simulator: str, files_folder: Path) -> Settings:
    return Settings(
        env="test",
        database_url=SecretStr(database_url),
        wechat_base_url=simulator,
        files_url=files_folder.as_uri(),
        public_notice_seconds=1,
        log_level="error",
    )


@pytest.fixture(scope="session")
def keyring(configured: Settings) -> Keyring:
    return keyring_of(configured)


@pytest.fixture(scope="session")
async def app(configured: Settings) -> AsyncIterator[FastAPI]:
    """The app as it is served, with its own pool under the API's role."""
    application = create_app(configured)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Calls the app as HTTP would, without a socket; every answer must be one that the contract promises."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    hooks = {"response": [hold_to_the_contract]}
    async with httpx.AsyncClient(transport=transport, base_url="http://aid.test/api/v1", event_hooks=hooks) as http:
        yield http


@pytest.fixture(scope="session")
async def jobs(configured: Settings) -> AsyncIterator[Database]:
    """The database as the background jobs see it: everything."""
    assert configured.database_url is not None
    database = await open_database(configured.database_url.get_secret_value(), "aid_jobs", size=4)
    yield database
    await database.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner of the tables, outside every wall."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def world(jobs: Database, keyring: Keyring) -> World:
    """Makes what a test needs (tests/make.py)."""
    return World(jobs, keyring)


@pytest.fixture
def background(jobs: Database, keyring: Keyring, files: FileStore) -> Jobs:
    """What the handlers and the timers of the worker process work with."""
    return Jobs(jobs, keyring, KeptCalendar(jobs), KeptPolicies(jobs, MODELS), files)


@pytest.fixture
async def town(world: World) -> Town:
    """A city that no other test knows of."""
    return await world.town()


@pytest.fixture
async def clerk(world: World, town: Town) -> Someone:
    """The clerk of the town's first unit."""
    return await world.staff(Role.UNIT_CLERK, town.units[0])
