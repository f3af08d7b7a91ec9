"""Home visits are planned: who goes, where to, what for, and once."""

import asyncio

import httpx
import pytest

from app.kernel.actor import Role
from tests.http.refusals import refused
from tests.make import Town, World
from tests.visits.making import Household, act, plan, shown, visitor


async def test_as_many_visitors_as_the_policy_asks_for_and_all_different(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    first, second = family.volunteers
    for visitors in ((first,), (first, first)):
        problem = refused(await plan(client, family.clerk, family.id, visitors), 422, "invalid")
        assert problem["errors"][0]["code"] == "visitors_too_few"
    refused(await plan(client, family.clerk, family.id, (first, first), purpose="spot"), 422)
    assert (await plan(client, family.clerk, family.id, (first,), purpose="spot")).status_code == 201
    assert (await plan(client, family.clerk, family.id, (first, second))).status_code == 201
    refused(await plan(client, family.clerk, family.id, (first, second)), 409, "visit_already_planned")


async def test_only_those_whose_post_reaches_the_household_are_sent(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    first = family.volunteers[0]
    beside = await visitor(world, family.town.units[1])
    finance = await world.staff(Role.FINANCE_MAKER, family.town.city)
    for unfit in (beside, finance, family.worker, await world.person()):
        problem = refused(await plan(client, family.clerk, family.id, (first, unfit)), 422, "invalid")
        assert problem["errors"] == [
            {"pointer": "/visitor_ids/1", "code": "visitor_unknown", "message": problem["errors"][0]["message"]}
        ]


async def test_nobody_visits_their_own_household(client: httpx.AsyncClient, world: World, town: Town) -> None:
    unit = town.units[0]
    head = await world.person(home=unit, posts=((Role.HOME_VISITOR, unit), (Role.UNIT_CLERK, unit)))
    household_id = await world.household(head, unit, state="home_visit")
    clerk, other = await world.staff(Role.UNIT_CLERK, unit), await visitor(world, unit)
    refused(await plan(client, clerk, household_id, (other, head)), 422)
    refused(await plan(client, head, household_id, (other, clerk)), 404, "household_not_found")


@pytest.mark.parametrize(
    ("purpose", "state", "status"),
    [
        ("admission", "home_visit", 201),
        ("admission", "active", 409),
        ("annual", "active", 201),
        ("annual", "annual_review", 201),
        ("annual", "home_visit", 409),
        ("watch", "lifted", 201),
        ("watch", "active", 409),
        ("spot", "district_review", 201),
        ("spot", "rejected", 409),
    ],
)
async def test_a_file_is_visited_for_what_its_state_allows(
    client: httpx.AsyncClient, world: World, town: Town, purpose: str, state: str, status: int
) -> None:
    unit = town.units[0]
    household_id = await world.household(await world.person(), unit, state=state)
    clerk, pair = await world.staff(Role.UNIT_CLERK, unit), (await visitor(world, unit), await visitor(world, unit))
    answer = await plan(client, clerk, household_id, pair, purpose=purpose)
    assert answer.status_code == status, answer.text


async def test_who_plans_and_when(client: httpx.AsyncClient, world: World, family: Household) -> None:
    refused(await plan(client, family.clerk, family.id, family.volunteers, days=-1), 422)
    refused(await plan(client, family.volunteers[0], family.id, family.volunteers), 403, "not_allowed")
    auditor = await world.staff(Role.AUDITOR, family.town.city)
    refused(await plan(client, auditor, family.id, family.volunteers), 403, "not_allowed")
    beside = await world.staff(Role.UNIT_CLERK, family.town.units[1])
    refused(await plan(client, beside, family.id, family.volunteers), 404, "household_not_found")
    chair = await world.staff(Role.UNIT_CHAIR, family.town.units[0])
    assert (await plan(client, chair, family.id, family.volunteers)).status_code == 201


async def test_of_two_plans_at_once_one_counts(client: httpx.AsyncClient, family: Household) -> None:
    statuses = [
        answer.status_code
        for answer in await asyncio.gather(
            *(plan(client, family.clerk, family.id, family.volunteers) for _ in range(6))
        )
    ]
    assert sorted(statuses) == [201, 409, 409, 409, 409, 409]


async def test_a_cancelled_visit_says_why_and_makes_room_for_another(
    client: httpx.AsyncClient, family: Household
) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    refused(await act(client, family.volunteers[0], visit_id, 1, "cancel", note="下雨"), 403, "not_allowed")
    refused(await act(client, family.clerk, visit_id, 1, "cancel"), 422)
    assert (await act(client, family.clerk, visit_id, 1, "cancel", note="台风")).json()["state"] == "cancelled"
    assert (await shown(client, family.clerk, visit_id))["cancelled_because"] == "台风"
    assert (await plan(client, family.clerk, family.id, family.volunteers)).status_code == 201
