"""Every visitor whom the policy asks for signs a visit before it counts; one that is cancelled lets its photos go."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.http.refusals import refused
from tests.http.test_visits import confirmed, passed, shown
from tests.make import Someone, Town, World
from tests.visits.making import act, answers, plan, sync, visit_of, visitor


@pytest.fixture
async def clerk(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CLERK, town.units[0])


async def ended(
    client: httpx.AsyncClient, world: World, clerk: Someone, household_id: Any, *visitors: Someone
) -> dict[str, Any]:
    """A visit that its first visitor has ended."""
    visit_id = (await plan(client, clerk, household_id, visitors)).json()["id"]
    started = await act(client, visitors[0], visit_id, 1, "start")
    full = await sync(client, visitors[0], visit_id, *await answers(world, visitors[0], started.json()["version"]))
    done = await act(client, visitors[0], visit_id, full.json()["version"], "end")
    assert done.status_code == 200, done.text
    found: dict[str, Any] = done.json()
    return found


async def test_one_of_two_visitors_ends_a_visit_and_the_other_makes_it_count(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    worker = await world.person(home=town.units[0])
    household_id = await world.household(worker, town.units[0], state="home_visit")
    first, second = [await visitor(world, town.units[0]) for _ in range(2)]
    visit = await ended(client, world, clerk, household_id, first, second)
    own = (await client.get("/me/visits", headers=worker.headers)).json()["items"]
    assert own[0]["open_actions"] == []
    refused(await confirmed(client, worker, visit["id"], visit["version"]), 409, "visit_not_signed")
    objected = await confirmed(client, worker, visit["id"], visit["version"], agrees=False, text="不对")
    refused(objected, 409, "visit_not_signed")
    seen = await shown(client, first, visit["id"])
    assert (seen["open_actions"], seen["signatures_needed"], seen["signatures"]) == ([], 2, 1)
    refused(await act(client, first, visit["id"], visit["version"], "sign"), 403, "already_signed_visit")
    refused(await act(client, clerk, visit["id"], visit["version"], "sign"), 403, "not_allowed")
    refused(await act(client, second, visit["id"], visit["version"] - 1, "sign"), 412, "stale_version")
    assert (await shown(client, second, visit["id"]))["open_actions"] == ["sign"]
    signed = await act(client, second, visit["id"], visit["version"], "sign")
    assert (signed.status_code, signed.json()["state"]) == (200, "ended"), signed.text
    assert not await passed(world, household_id)
    assert (await confirmed(client, worker, visit["id"], signed.json()["version"])).status_code == 200
    assert await passed(world, household_id)


async def test_where_one_visitor_is_enough_nobody_else_is_waited_for(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    worker = await world.person(home=town.units[0])
    household_id = await world.household(worker, town.units[0])
    alone, along = [await visitor(world, town.units[0]) for _ in range(2)]
    visit_id = (await plan(client, clerk, household_id, (alone, along), purpose="spot")).json()["id"]
    started = await act(client, alone, visit_id, 1, "start")
    full = await sync(client, alone, visit_id, *(await answers(world, alone, started.json()["version"]))[:-1])
    done = await act(client, alone, visit_id, full.json()["version"], "end")
    refused(await act(client, along, visit_id, done.json()["version"], "sign"), 409, "not_allowed_now")
    assert (await confirmed(client, worker, visit_id, done.json()["version"])).status_code == 200


async def test_the_database_knows_no_confirmed_visit_that_lacks_a_signature(
    world: World, town: Town, owner: asyncpg.Connection
) -> None:
    worker = await world.person()
    household_id = await world.household(worker, town.units[0])
    visitors = (await visitor(world, town.units[0]), await visitor(world, town.units[0]))
    given = {"state": "ended", "ended_at": make.NOW, "signatures_needed": 2}
    visit_id = await visit_of(world, household_id, worker, town.units[0], visitors, **given)
    with pytest.raises(asyncpg.CheckViolationError, match="ck_visit_signed"):
        await owner.execute("update visit set state = 'confirmed', confirmed_at = now() where id = $1", visit_id)


async def test_a_visit_that_is_cancelled_lets_its_photos_go(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    worker = await world.person(home=town.units[0])
    household_id = await world.household(worker, town.units[0], state="home_visit")
    first, second = [await visitor(world, town.units[0]) for _ in range(2)]
    visit_id = (await plan(client, clerk, household_id, (first, second))).json()["id"]
    started = await act(client, first, visit_id, 1, "start")
    full = await sync(client, first, visit_id, *await answers(world, first, started.json()["version"]))
    named = "select living from file_use where subject_kind = 'visit' and subject_id = $1::text::uuid"
    assert [row["living"] for row in await owner.fetch(named, visit_id)] == [True]
    gone = await act(client, clerk, visit_id, full.json()["version"], "cancel", note="职工外出")
    assert gone.status_code == 200, gone.text
    assert [row["living"] for row in await owner.fetch(named, visit_id)] == [False]
