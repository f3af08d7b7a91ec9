"""What follows a changed decision: another notice in place of the first, and a replay that finds nothing."""

from dataclasses import asdict

import asyncpg
import httpx
import pytest

from app.applications.events import ApplicationMoved
from app.applications.path import Action, State
from app.calendars.queries import KeptCalendar
from app.db.database import Database
from app.db.sealing import Keyring
from app.files.store import FileStore
from app.jobs.notices.ending import take_down
from app.jobs.notices.opening import open_notice
from app.jobs.replay import Snapshot
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.policies.queries import KeptPolicies
from app.programmes import MODELS, REPLAYERS, shipped
from tests.appeals.making import decide, granted, lodged, office
from tests.make import Case, World


@pytest.fixture
def worker(jobs: Database, keyring: Keyring, files: FileStore) -> Jobs:
    return Jobs(jobs, keyring, KeptCalendar(jobs), KeptPolicies(jobs, MODELS), files)


async def told(worker: Jobs, case: Case, action: Action, round_: int) -> None:
    """The fact of a step that led to the notice, twice: as the queue may tell it."""
    fact = ApplicationMoved(case.id, case.kind, action, "x", State.PUBLIC_NOTICE, round_)
    for _ in range(2):
        for handler in (open_notice, take_down):
            async with worker.work() as work:
                await handler(work, {name: str(value) for name, value in asdict(fact).items()})


async def notices(owner: asyncpg.Connection, case: Case) -> list[tuple[int, int, bool]]:
    rows = await owner.fetch(
        "select round, amount_fen, closed_at is null as open from notice where application_id = $1 order by round",
        case.id,
    )
    return [tuple(row) for row in rows]


async def test_a_changed_decision_is_published_anew_and_the_old_notice_comes_down(
    client: httpx.AsyncClient, world: World, worker: Jobs, owner: asyncpg.Connection
) -> None:
    desks = await office(world)
    case = await granted(client, desks)
    await told(worker, case, Action.APPROVE, 1)
    assert await notices(owner, case) == [(1, 1_000_00, True)]
    done = await decide(client, desks.again[Role.CITY_LEADER], await lodged(client, case), "change")
    assert done.status_code == 200, done.text
    await told(worker, case, Action.CHANGE_DECISION, 2)
    assert await notices(owner, case) == [(1, 1_000_00, False), (2, 3_000_00, True)]


async def test_a_changed_decision_is_made_again_to_the_byte(
    client: httpx.AsyncClient, world: World, keyring: Keyring, owner: asyncpg.Connection
) -> None:
    desks = await office(world)
    case = await granted(client, desks)
    assert (
        await decide(client, desks.again[Role.CITY_LEADER], await lodged(client, case), "change")
    ).status_code == 200
    row = await owner.fetchrow("select *, '440507' as division_code from application where id = $1", case.id)
    found = Snapshot(keyring, shipped(), MODELS, REPLAYERS).again(row)
    assert (found.differs, found.other_code) == ((), False)
