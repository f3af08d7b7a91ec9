"""A post is delegated for some days, within bounds, and ended early by either of the two or by an administrator."""

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.delegations.rules import standing
from app.kernel.actor import Role
from tests.calling import post
from tests.delegations.making import end, give, given, listed
from tests.http.refusals import refused
from tests.make import TODAY, Someone, Town, World

CHAIR = Role.UNIT_CHAIR


def day(n: int) -> str:
    return str(TODAY + timedelta(days=n))


@pytest.fixture
async def chair(world: World, town: Town) -> Someone:
    return await world.staff(CHAIR, town.units[0], consents=(), name="林大勇")


@pytest.fixture
async def clerk(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CLERK, town.units[0], consents=(), name="陈小明")


async def test_a_post_is_delegated_with_its_days_its_kinds_and_its_steps(
    client: httpx.AsyncClient, town: Town, chair: Someone, clerk: Someone, owner: asyncpg.Connection
) -> None:
    shown = await given(
        client, chair, CHAIR, town.units[0], clerk, kinds=["golden_autumn"], starts_on=day(0), ends_on=day(29)
    )
    told = {name: shown[name] for name in ("role", "organisation", "kinds", "permissions", "state", "given", "reason")}
    assert told == {
        "role": "unit_chair", "organisation": town.units[0].name, "kinds": ["golden_autumn"],
        "permissions": ["case:review:unit", "case:read"], "state": "running", "given": True, "reason": "外出培训",
    }  # fmt: skip
    assert (shown["from_masked"], shown["to_masked"]) == ("林*勇", "陈*明")
    assert await listed(client, clerk) == await listed(client, chair) == [shown["id"]]
    entries = await owner.fetch("select action, person_id from audit_entry where subject_id = $1", shown["id"])
    assert [tuple(entry) for entry in entries] == [("delegation.given", chair.id)]
    facts = await owner.fetch("select name from out_message where body ->> 'delegation_id' = $1", shown["id"])
    assert [fact["name"] for fact in facts] == ["PostDelegated"]
    reason = await owner.fetchval("select reason from delegation where id = $1", shown["id"])
    assert "外出培训".encode() not in reason


@pytest.mark.parametrize(
    ("given_days", "pointer", "code"),
    [
        ({"starts_on": day(-1)}, "/starts_on", "day_passed"),
        ({"starts_on": day(3), "ends_on": day(2)}, "/ends_on", "days_reversed"),
        ({"starts_on": day(0), "ends_on": day(30)}, "/ends_on", "days_too_many"),
        ({"starts_on": day(181), "ends_on": day(182)}, "/starts_on", "day_too_far"),
    ],
)
async def test_days_are_at_most_thirty_and_none_has_passed(
    client: httpx.AsyncClient, town: Town, chair: Someone, clerk: Someone, given_days: dict[str, Any], pointer: str,
    code: str,
) -> None:  # fmt: skip
    problem = refused(await give(client, chair, CHAIR, town.units[0], clerk, **given_days), 422)
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(pointer, code)]


async def test_it_goes_to_somebody_who_reads_cases_at_the_same_union_or_above_it(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone
) -> None:
    above = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0], consents=())
    elsewhere = [
        await world.staff(Role.UNIT_CHAIR, town.units[1], consents=()),
        await world.staff(Role.DISTRICT_REVIEWER, town.districts[1], consents=()),
        await world.staff(Role.HOME_VISITOR, town.units[0], consents=()),
        await world.staff(Role.SYSTEM_ADMIN, town.city, consents=()),
        await world.person(),
        chair,
    ]
    query = {"role": "unit_chair", "organisation_code": town.units[0].code}
    offered = (await client.get("/staff/delegates", params=query, headers=chair.headers)).json()["items"]
    assert [item["person_id"] for item in offered] == [str(clerk.id), str(above.id)]
    await given(client, chair, CHAIR, town.units[0], above)
    for other in elsewhere:
        problem = refused(await give(client, chair, CHAIR, town.units[0], other), 422)
        assert problem["errors"][0]["code"] == "delegate_unknown"


async def test_only_a_post_of_ones_own_is_delegated_and_not_on(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone
) -> None:
    """What one was given is nobody's post to give on."""
    third = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0], consents=())
    refused(await give(client, clerk, CHAIR, town.units[0], third), 403, "post_not_held")
    await given(client, chair, CHAIR, town.units[0], clerk)
    refused(await give(client, clerk, CHAIR, town.units[0], third), 403, "post_not_held")
    query = {"role": "unit_chair", "organisation_code": town.units[0].code}
    refused(await client.get("/staff/delegates", params=query, headers=clerk.headers), 403, "post_not_held")


async def test_only_steps_of_that_post_are_delegated(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone
) -> None:
    wrong = {"permissions": ["case:review:unit", "case:review:district"]}
    problem = refused(await give(client, chair, CHAIR, town.units[0], clerk, **wrong), 422)
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [("/permissions/1", "not_delegable")]
    auditor = await world.staff(Role.AUDITOR, town.city, consents=())
    other = await world.staff(Role.CITY_LEADER, town.city, consents=())
    problem = refused(await give(client, auditor, Role.AUDITOR, town.city, other), 422)
    assert problem["errors"][0]["code"] == "nothing_to_delegate"
    refused(await give(client, chair, CHAIR, town.units[0], clerk, kinds=[]), 422)


async def test_nobody_gets_both_halves_of_a_payment(client: httpx.AsyncClient, world: World, town: Town) -> None:
    maker, checker, both, third = [
        await world.staff(role, town.city, consents=())
        for role in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.CITY_REVIEWER, Role.CITY_LEADER)
    ]
    refused(await give(client, maker, Role.FINANCE_MAKER, town.city, checker), 409, "payment_pair")
    refused(await give(client, checker, Role.FINANCE_CHECKER, town.city, maker), 409, "payment_pair")
    await given(client, maker, Role.FINANCE_MAKER, town.city, both)
    refused(await give(client, checker, Role.FINANCE_CHECKER, town.city, both), 409, "payment_pair")
    await given(client, checker, Role.FINANCE_CHECKER, town.city, both, starts_on=day(7), ends_on=day(8))
    answers = await asyncio.gather(
        give(client, maker, Role.FINANCE_MAKER, town.city, third),
        give(client, checker, Role.FINANCE_CHECKER, town.city, third),
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_the_same_days_are_delegated_once(
    client: httpx.AsyncClient, town: Town, chair: Someone, clerk: Someone
) -> None:
    first = await given(client, chair, CHAIR, town.units[0], clerk)
    refused(await give(client, chair, CHAIR, town.units[0], clerk, starts_on=day(6)), 409, "already_delegated")
    await given(client, chair, CHAIR, town.units[0], clerk, starts_on=day(7), ends_on=day(9))
    assert (await end(client, chair, first)).status_code == 200
    await given(client, chair, CHAIR, town.units[0], clerk)


async def test_either_of_the_two_or_an_administrator_ends_it_and_nobody_else(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, clerk: Someone, owner: asyncpg.Connection
) -> None:
    admin = await world.staff(Role.SYSTEM_ADMIN, town.city, consents=())
    strangers = [
        await world.staff(Role.SYSTEM_ADMIN, town.districts[1], consents=()),
        await world.staff(Role.SECURITY_ADMIN, (await world.town()).city, consents=()),
        await world.person(posts=tuple((r, town.city) for r in Role if not r.endswith("_admin")), consents=()),
    ]
    for by in (chair, clerk, admin):
        delegation = await given(client, chair, CHAIR, town.units[0], clerk)
        for stranger in strangers:
            assert delegation["id"] not in await listed(client, stranger)
            refused(await end(client, stranger, delegation), 404, "delegation_not_found")
        assert delegation["id"] in await listed(client, by)
        ended = await end(client, by, delegation)
        assert (ended.status_code, ended.json()["state"]) == (200, "ended"), ended.text
        refused(await end(client, chair, delegation), 409, "delegation_over")
        who = await owner.fetchval("select ended_by from delegation where id = $1", delegation["id"])
        assert who == by.id
    worker = await world.person()
    refused(await client.get("/staff/delegations", headers=worker.headers), 403)
    refused(await post(client, worker, f"/staff/delegations/{delegation['id']}/end"), 403)


async def test_an_administrator_reaches_no_case_by_it(client: httpx.AsyncClient, world: World, town: Town) -> None:
    case = await world.application(await world.person(), town.units[0])
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN):
        admin = await world.staff(role, town.city, consents=())
        refused(await client.get("/staff/tasks", headers=admin.headers), 403)
        refused(await client.get(f"/staff/applications/{case.id}", headers=admin.headers), 403)


def test_where_a_delegation_stands_follows_its_days() -> None:
    first, last = date(2026, 8, 3), date(2026, 8, 9)
    found = [standing(first, last, None, first + timedelta(days=n)) for n in (-1, 0, 6, 7)]
    assert found == ["planned", "running", "running", "over"]
