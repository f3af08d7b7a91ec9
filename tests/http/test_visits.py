"""Home visits over HTTP: gone on, written down, confirmed by whose household it is."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.discrepancies.queries import open_count
from app.jobs.transfers import follow
from app.kernel.actor import Role
from app.programmes import shipped
from app.visits.queries import confirmed_admission_visit
from tests import make
from tests.discrepancies.making import household_of, working
from tests.http.refusals import refused
from tests.make import World
from tests.visits.making import ADDRESS_TOLD, Household, act, answers, confirmed, edit, plan, shown, sync, visit_of


async def passed(world: World, household_id: Any, round_: int = 1) -> bool:
    async with working(world) as work:
        return await confirmed_admission_visit(work.transaction, household_id, round_)


async def test_a_visit_from_the_plan_to_the_workers_confirmation(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    first, second = family.volunteers
    choices = await client.get(f"/staff/households/{family.id}/visitors", headers=family.clerk.headers)
    assert {item["person_id"] for item in choices.json()["items"]} == {
        str(each.id) for each in (first, second, family.clerk)
    }
    assert {item["name_masked"] for item in choices.json()["items"]} == {"温*琳", "詹*栋", "陈*明"}
    planned = await plan(client, family.clerk, family.id, family.volunteers)
    assert (planned.status_code, planned.json()["state"]) == (201, "planned"), planned.text
    visit_id = planned.json()["id"]
    (mine,) = (await client.get("/staff/visits", headers=first.headers)).json()["items"]
    assert (mine["id"], mine["head_masked"], len(mine["visitors"])) == (visit_id, "陈*明", 2)
    seen = await shown(client, first, visit_id)
    assert (seen["address"], seen["household_id"], seen["open_actions"]) == (ADDRESS_TOLD, None, ["start"])
    assert seen["photos_required"] == 1
    assert (await act(client, first, visit_id, 1, "start")).json()["state"] == "started"
    found = {"income": 60_000_00, "private_car": True}
    half = await sync(client, second, visit_id, *(await answers(world, second, 2, **found))[:4])
    assert half.status_code == 200, half.text
    refused(await act(client, first, visit_id, half.json()["version"], "end"), 422, "invalid")
    full = await sync(client, first, visit_id, *await answers(world, first, half.json()["version"], **found))
    ended = await act(client, second, visit_id, full.json()["version"], "end")
    assert (ended.status_code, ended.json()["state"]) == (200, "ended"), ended.text
    (own,) = (await client.get("/me/visits", headers=family.worker.headers)).json()["items"]
    said = {each["text"]: each["shown"] for each in own["answers"]}
    assert (said["全家上一年度总收入"], said["住房类型"], own["photos"]) == ("60000.00 元", "租房", 1)
    assert not await passed(world, family.id)
    done = await confirmed(client, family.worker, visit_id, ended.json()["version"])
    assert (done.status_code, done.json()["state"]) == (200, "confirmed")
    assert await passed(world, family.id)
    assert not await passed(world, family.id, 2)
    moves = await owner.fetch(
        "select body ->> 'action' as action from out_message where body ->> 'visit_id' = $1 order by id", visit_id
    )
    assert [move["action"] for move in moves] == ["plan", "start", "end", "confirm"]


async def test_answers_that_contradict_the_file_are_asked_about_and_move_nothing(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = await visit_of(
        world, family.id, family.worker, family.town.units[0], family.volunteers, purpose="admission"
    )
    said = await answers(world, family.volunteers[0], 1, income=60_000_00, private_car=True, members=3)
    full = await sync(client, family.volunteers[0], visit_id, *said)
    before = await owner.fetchrow("select state, version, form from household where id = $1", family.id)
    assert (await act(client, family.volunteers[1], visit_id, full.json()["version"], "end")).status_code == 200
    asked = (await client.get("/me/household/discrepancies", headers=family.worker.headers)).json()["items"]
    assert {(each["field"], str(each["in_file"]), str(each["found"])) for each in asked} == {
        ("/income_fen_yearly", "2400000", "6000000"),
        ("/private_car", "None", "True"),
        ("/members", "{'count': 2}", "{'count': 3}"),
    }
    assert {(each["source"], each["state"]) for each in asked} == {("visit", "open")}
    assert asked[0]["said_by"].startswith("入户走访（")
    assert await owner.fetchrow("select state, version, form from household where id = $1", family.id) == before
    async with working(world) as work:
        assert await open_count(work.transaction, family.id) == 3


async def test_answers_that_agree_open_nothing(client: httpx.AsyncClient, world: World, family: Household) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers)
    full = await sync(client, family.volunteers[0], visit_id, *await answers(world, family.volunteers[0], 1))
    assert (await act(client, family.volunteers[1], visit_id, full.json()["version"], "end")).status_code == 200
    assert (await client.get("/me/household/discrepancies", headers=family.worker.headers)).json()["items"] == []


async def test_the_worker_objects_with_words_and_may_confirm_later(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    visit_id = await visit_of(
        world, family.id, family.worker, family.town.units[0], family.volunteers, purpose="admission", state="ended",
        ended_at=make.NOW,
    )  # fmt: skip
    refused(await confirmed(client, family.worker, visit_id, 1, agrees=False), 422, "invalid")
    objected = await confirmed(client, family.worker, visit_id, 1, agrees=False, text="收入多写了一位数")
    assert (objected.status_code, objected.json()["state"], objected.json()["version"]) == (200, "ended", 2)
    assert not await passed(world, family.id)
    seen = await shown(client, family.clerk, visit_id)
    assert (seen["objection"], seen["objected"]) == ("收入多写了一位数", True)
    refused(await confirmed(client, family.worker, visit_id, 1), 412, "stale_version")
    assert (await confirmed(client, family.worker, visit_id, 2)).json()["state"] == "confirmed"
    refused(await confirmed(client, family.worker, visit_id, 3), 409, "not_allowed_now")


@pytest.mark.parametrize("state", ["planned", "started"])
async def test_what_has_not_ended_is_not_confirmed_and_not_shown(
    client: httpx.AsyncClient, world: World, family: Household, state: str
) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers, state=state)
    refused(await confirmed(client, family.worker, visit_id, 1), 409, "not_allowed_now")
    if state == "started":
        await sync(client, family.volunteers[0], visit_id, edit("/findings", "家中有冰箱", 1))
    own = await client.get("/me/visits", headers=family.worker.headers)
    assert (own.json()["items"][0]["answers"], own.json()["items"][0]["findings"]) == ([], None)


async def test_the_position_is_kept_only_where_the_worker_agrees(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    here = {"latitude_e6": 23_353_000, "longitude_e6": 116_682_000}
    problem = refused(await act(client, family.volunteers[0], visit_id, 1, "start", position=here), 422)
    assert problem["errors"][0]["code"] == "position_not_agreed"
    started = await act(client, family.volunteers[0], visit_id, 1, "start", position=here, position_agreed=True)
    assert started.status_code == 200
    kept = await owner.fetchval("select position from visit where id = $1", started.json()["id"])
    assert b"23353000" not in kept
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("update visit set position_agreed = false where id = $1", started.json()["id"])


async def test_a_file_that_goes_to_another_union_takes_its_visits_along(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    there = family.town.units[2]
    values = [there.ancestors[tier] for tier in ("city", "district", "street", "unit")]
    await owner.execute(
        "update household set city_id=$1, district_id=$2, street_id=$3, unit_id=$4 where id=$5", *values, family.id
    )
    async with working(world) as work:
        await follow(work.transaction, await household_of(work, family.id))
    clerk = await world.staff(Role.UNIT_CLERK, there)
    assert (await shown(client, clerk, visit_id))["id"] == visit_id
    refused(await client.get(f"/staff/visits/{visit_id}", headers=family.clerk.headers), 404)


async def test_a_visit_keeps_the_questionnaire_that_it_began_with(client: httpx.AsyncClient, family: Household) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    seen = await shown(client, family.clerk, visit_id)
    policy = shipped().versions["home_visits"][-1]
    assert (seen["policy_version"], seen["policy_source"]) == (policy.version, policy.source)
