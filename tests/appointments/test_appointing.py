"""Giving posts and ending them: one administrator proposes, another confirms, and it is so at once."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.appointments.rules import LEVELS, OFFICERS, is_apart
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import PERMISSIONS, Permission, Role
from tests import make
from tests.calling import every_item, post
from tests.http.refusals import refused
from tests.make import Guild, Someone, Town, World

POSTS, CHANGES = "/staff/posts", "/staff/post_changes"
BASIS = "汕工任〔2026〕12号"


@dataclass(frozen=True)
class Officers:
    town: Town
    system: Someone
    security: Someone
    auditor: Someone


@pytest.fixture
async def officers(world: World, town: Town) -> Officers:
    found = [await world.staff(role, town.city) for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR)]
    return Officers(town, *found)


def wanted(who: Someone, role: Role, union: Guild, **given: Any) -> dict[str, Any]:
    asked = {"name": who.name, "id_number": who.id_number, "role": role.value, "organisation_code": union.code}
    return asked | {"basis": BASIS} | given


async def proposed(client: httpx.AsyncClient, by: Someone, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, by, POSTS, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    client: httpx.AsyncClient, by: Someone, change: dict[str, Any], how: str = "confirm", **given: Any
) -> httpx.Response:
    return await post(client, by, f"{CHANGES}/{change['id']}/{how}", given or None, change["version"])


async def appointed(client: httpx.AsyncClient, officers: Officers, who: Someone, role: Role, union: Guild) -> Any:
    done = await decide(client, officers.security, await proposed(client, officers.system, wanted(who, role, union)))
    assert done.status_code == 200, done.text
    return done.json()


def seconds_later(app: FastAPI, *people: Someone) -> None:
    """What each of them may do is remembered for a few seconds."""
    for who in people:
        app.state.service.forget(who.session_id)


async def roles(client: httpx.AsyncClient, who: Someone) -> list[str]:
    return [each["role"] for each in (await client.get("/me", headers=who.headers)).json()["staff"]]


# ---- the way ----


async def test_somebody_is_given_a_post_by_two_and_may_use_it_at_once(
    app: FastAPI, client: httpx.AsyncClient, world: World, officers: Officers, background: Jobs
) -> None:
    unit, who = officers.town.units[0], await world.person(name="林小雁")
    refused(await client.get("/staff/tasks", headers=who.headers), 403, "not_allowed")
    change = await proposed(client, officers.system, wanted(who, Role.UNIT_CLERK, unit))
    assert (change["state"], change["person_name"], change["person_masked"], change["from_date"]) == (
        "proposed", "林小雁", "林*雁", make.TODAY.isoformat(),
    )  # fmt: skip
    assert who.id_number not in str(change)
    assert await roles(client, who) == []
    refused(await decide(client, officers.system, change), 403, "not_allowed")
    refused(await decide(client, officers.auditor, change), 403, "not_allowed")
    done = await decide(client, officers.security, change)
    assert (done.status_code, done.json()["state"], done.json()["version"]) == (200, "confirmed", 2), done.text
    seconds_later(app, who)
    assert await roles(client, who) == ["unit_clerk"]
    assert (await client.get("/staff/tasks", headers=who.headers)).status_code == 200
    (held,) = [each for each in await every_item(client, POSTS, by=officers.auditor) if each["role"] == "unit_clerk"]
    assert (held["person_name"], held["organisation_code"], held["from_date"]) == (
        "林小雁", unit.code, make.TODAY.isoformat(),
    )  # fmt: skip
    log = [each["action"] for each in await every_item(client, "/me/access_log", by=who)]
    assert log == ["post_change.confirmed", "post_change.proposed"]
    for name, fact in (("PostChangeProposed", {}), ("PostChangeDecided", {"state": "confirmed"})):
        for handle in HANDLERS[name] * 2:
            async with background.work() as work:
                await handle(work, {"change_id": change["id"]} | fact)
    messages = await every_item(client, "/me/messages", by=who)
    assert [(each["title"], unit.name in each["text"]) for each in messages] == [("岗位任命", True)]


async def test_a_post_ends_as_it_began(
    app: FastAPI, client: httpx.AsyncClient, world: World, officers: Officers
) -> None:
    unit, who = officers.town.units[0], await world.person()
    await appointed(client, officers, who, Role.UNIT_CHAIR, unit)
    (held,) = await every_item(client, POSTS, by=officers.system, role="unit_chair")
    ended = await post(client, officers.system, f"{POSTS}/{held['id']}/end", {"basis": "汕工免〔2026〕3号"})
    assert (ended.status_code, ended.json()["kind"], ended.json()["from_date"]) == (201, "end", None), ended.text
    again = await post(client, officers.system, f"{POSTS}/{held['id']}/end", {"basis": BASIS})
    refused(again, 409, "post_change_waits")
    assert await roles(client, who) == ["unit_chair"]
    assert (await decide(client, officers.security, ended.json())).status_code == 200
    assert await roles(client, who) == []
    assert await every_item(client, POSTS, by=officers.system, role="unit_chair") == []
    seconds_later(app, who)
    refused(await client.get("/staff/tasks", headers=who.headers), 403, "not_allowed")
    gone = await post(client, officers.system, f"{POSTS}/{held['id']}/end", {"basis": BASIS})
    refused(gone, 404, "post_not_found")
    # And may begin anew.
    await appointed(client, officers, who, Role.UNIT_CHAIR, unit)
    assert await roles(client, who) == ["unit_chair"]


async def test_what_is_refused_or_taken_back_changes_nothing(
    client: httpx.AsyncClient, world: World, officers: Officers, background: Jobs
) -> None:
    who = await world.person()
    body = wanted(who, Role.UNIT_CLERK, officers.town.units[0])
    change = await proposed(client, officers.system, body)
    refused(await decide(client, officers.security, change, "refuse"), 422, "invalid")
    done = await decide(client, officers.security, change, "refuse", note="文件上不是这个人")
    assert (done.status_code, done.json()["state"], done.json()["note"]) == (200, "refused", "文件上不是这个人")
    refused(await decide(client, officers.security, change | {"version": 2}), 409, "post_change_settled")
    async with background.work() as work:
        for handle in HANDLERS["PostChangeDecided"]:
            await handle(work, {"change_id": change["id"], "state": "refused"})
    titles = [each["title"] for each in await every_item(client, "/me/messages", by=officers.system)]
    assert "任免没有通过核对" in titles
    second = await proposed(client, officers.system, body)
    refused(await decide(client, officers.security, second, "withdraw"), 403, "not_allowed")
    refused(await decide(client, officers.system, second | {"version": 7}, "withdraw"), 412, "stale_version")
    assert (await decide(client, officers.system, second, "withdraw")).json()["state"] == "withdrawn"
    assert await roles(client, who) == []
    listed = await every_item(client, CHANGES, by=officers.auditor, limit=1)
    assert [each["state"] for each in listed] == ["withdrawn", "refused"]
    assert await every_item(client, CHANGES, by=officers.auditor, waiting="true") == []


async def test_a_post_of_a_later_day_begins_on_it(
    client: httpx.AsyncClient, world: World, officers: Officers, owner: asyncpg.Connection
) -> None:
    unit, who = officers.town.units[0], await world.person()
    for days, allowed in ((-1, False), (91, False), (7, True)):
        day = (make.TODAY + timedelta(days=days)).isoformat()
        answer = await post(client, officers.system, POSTS, wanted(who, Role.UNIT_CLERK, unit, from_date=day))
        assert answer.is_success is allowed, answer.text
        if not allowed:
            assert answer.json()["errors"][0]["code"] == "from_date_out_of_range"
    assert (await decide(client, officers.security, answer.json())).status_code == 200
    assert await roles(client, who) == []
    await owner.execute("update post set from_date = current_date - 1 where person_id = $1", who.id)
    assert await roles(client, who) == ["unit_clerk"]


# ---- who is kept from it ----


async def test_three_people_take_part(
    app: FastAPI, client: httpx.AsyncClient, world: World, officers: Officers, town: Town, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    mine = wanted(officers.system, Role.UNIT_CLERK, unit)
    refused(await post(client, officers.system, POSTS, mine), 409, "officers_apart")
    # An administrator who has left it in the meantime, and would confirm their own.
    other = await world.person()
    change = await proposed(client, officers.system, wanted(other, Role.UNIT_CLERK, unit))
    await owner.execute(
        "insert into post (id, created_at, person_id, organisation_id, role, from_date) "
        "values (gen_random_uuid(), now(), $1, $2, 'security_admin', current_date - 1)", other.id, town.city.id,
    )  # fmt: skip
    refused(await decide(client, other, change), 403, "own_post_change")
    # Whoever proposed it, under another post or another account.
    await owner.execute(
        "insert into post (id, created_at, person_id, organisation_id, role, from_date) "
        "values (gen_random_uuid(), now(), $1, $2, 'security_admin', current_date - 1)",
        officers.system.id, town.city.id,
    )  # fmt: skip
    seconds_later(app, officers.system)
    refused(await decide(client, officers.system, change), 403, "own_post_change")
    await owner.execute("update person set closed_at = now() where id = $1", officers.system.id)
    await owner.execute(
        "update person set id_number_index = (select id_number_index from person where id = $1) where id = $2",
        officers.system.id, officers.security.id,
    )  # fmt: skip
    refused(await decide(client, officers.security, change), 403, "own_post_change")
    assert await roles(client, other) == ["security_admin"]


async def test_the_three_officers_hold_nothing_else(
    client: httpx.AsyncClient, world: World, officers: Officers, town: Town
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    for role in OFFICERS:
        refused(await post(client, officers.system, POSTS, wanted(clerk, role, town.city)), 409, "officers_apart")
    refused(
        await post(client, officers.system, POSTS, wanted(officers.auditor, Role.CITY_LEADER, town.city)),
        409, "officers_apart",
    )  # fmt: skip
    # Proposed while it was allowed, confirmed when it is no more.
    who = await world.person()
    both = [
        await proposed(client, officers.system, wanted(who, role, union))
        for role, union in ((Role.AUDITOR, town.city), (Role.UNIT_CLERK, town.units[0]))
    ]
    answers = await asyncio.gather(*(decide(client, officers.security, change) for change in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await roles(client, who)) == 1
    # What goes together: several posts of the ordinary kind.
    await appointed(client, officers, clerk, Role.UNIT_CHAIR, town.units[0])
    assert sorted(await roles(client, clerk)) == ["unit_chair", "unit_clerk"]


async def test_administrators_of_a_district_give_its_posts_and_no_officers(
    client: httpx.AsyncClient, world: World, officers: Officers, town: Town
) -> None:
    here, there = town.districts[:2]
    system, security = [await world.staff(role, here) for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)]
    who = await world.person()
    change = await proposed(client, system, wanted(who, Role.DISTRICT_REVIEWER, here))
    beyond = await world.staff(Role.SECURITY_ADMIN, there)
    refused(await decide(client, beyond, change), 404, "post_change_not_found")
    assert (await decide(client, security, change)).status_code == 200
    for union in (there, town.city):
        role = Role.DISTRICT_REVIEWER if union is there else Role.CITY_REVIEWER
        refused(await post(client, system, POSTS, wanted(who, role, union)), 404, "organisation_not_found")
    refused(await post(client, system, POSTS, wanted(await world.person(), Role.AUDITOR, here)), 403, "not_allowed")
    held = await every_item(client, POSTS, by=system)
    assert {each["organisation_code"] for each in held} == {here.code}
    assert await every_item(client, POSTS, by=beyond, organisation_code=here.code) == []
    of_there = (await every_item(client, POSTS, by=officers.system, organisation_code=there.code))[0]
    refused(await post(client, system, f"{POSTS}/{of_there['id']}/end", {"basis": BASIS}), 404, "post_not_found")


@pytest.mark.parametrize("role", sorted(set(Role) - OFFICERS))
async def test_nobody_else_sees_or_gives_posts(client: httpx.AsyncClient, world: World, town: Town, role: Role) -> None:
    who = await world.staff(role, town.city, consents=())
    body = wanted(await world.person(), Role.UNIT_CLERK, town.units[0])
    for answer in (
        await client.get(POSTS, headers=who.headers),
        await client.get(CHANGES, headers=who.headers),
        await post(client, who, POSTS, body),
        await post(client, who, f"{POSTS}/{body['id_number'] and town.city.id}/end", {"basis": BASIS}),
    ):
        refused(answer, 403, "not_allowed")


# ---- what is wrong with it ----


async def test_only_somebody_who_has_proved_who_they_are_is_given_a_post(
    client: httpx.AsyncClient, world: World, officers: Officers, town: Town, owner: asyncpg.Connection
) -> None:
    unit, who, unproved = town.units[0], await world.person(), await world.person(verified=False)
    on_paper = await world.person()
    await owner.execute("update person set openid = null, openid_index = null where id = $1", on_paper.id)
    for body in (
        wanted(who, Role.UNIT_CLERK, unit, name="别人"),
        wanted(who, Role.UNIT_CLERK, unit, id_number=make.id_number()),
        wanted(unproved, Role.UNIT_CLERK, unit),
        wanted(on_paper, Role.UNIT_CLERK, unit),
    ):
        problem = refused(await post(client, officers.system, POSTS, body), 422, "invalid")
        assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/id_number", "person_unknown")]
        assert body["id_number"] not in str(problem)
    number = who.id_number[:-1] + ("0" if who.id_number[-1] != "0" else "1")
    mistyped = wanted(who, Role.UNIT_CLERK, unit, id_number=number)
    problem = refused(await post(client, officers.system, POSTS, mistyped), 422, "invalid")
    assert problem["errors"][0]["code"] != "person_unknown", "that it cannot be a number is said first"


async def test_a_role_belongs_to_its_level(client: httpx.AsyncClient, world: World, officers: Officers) -> None:
    town, who = officers.town, await world.person()
    for role, union in (
        (Role.CITY_LEADER, town.districts[0]), (Role.UNIT_CLERK, town.city), (Role.STREET_REVIEWER, town.units[0]),
    ):  # fmt: skip
        problem = refused(await post(client, officers.system, POSTS, wanted(who, role, union)), 422, "invalid")
        assert [error["code"] for error in problem["errors"]] == ["role_not_at_level"]
    missing = wanted(who, Role.UNIT_CLERK, town.units[0]) | {"organisation_code": "nowhere"}
    refused(await post(client, officers.system, POSTS, missing), 404, "organisation_not_found")


async def test_a_post_is_given_once(
    client: httpx.AsyncClient, world: World, officers: Officers, town: Town, owner: asyncpg.Connection
) -> None:
    who = await world.person()
    body = wanted(who, Role.UNIT_CLERK, town.units[0])
    answers = await asyncio.gather(*(post(client, officers.system, POSTS, body) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    (change,) = [answer.json() for answer in answers if answer.status_code == 201]
    other = await world.staff(Role.SECURITY_ADMIN, town.city)
    done = await asyncio.gather(*(decide(client, by, change) for by in (officers.security, other)))
    assert sorted(answer.status_code for answer in done) in ([200, 409], [200, 412])
    assert await owner.fetchval("select count(*) from post where person_id = $1", who.id) == 1
    refused(await post(client, officers.system, POSTS, body), 409, "post_already_held")


def test_every_role_has_its_levels_and_officers_stand_alone() -> None:
    assert set(LEVELS) == set(Role)
    for role in OFFICERS:
        assert is_apart(role, ()), role
        assert not is_apart(role, ["unit_clerk"])
        assert not is_apart(Role.UNIT_CLERK, [role.value])
    assert is_apart(Role.UNIT_CLERK, ["unit_chair"])


def test_who_gives_posts_reaches_no_case() -> None:
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN):
        assert PERMISSIONS[role].isdisjoint({Permission.READ_CASES, Permission.ASSIST, Permission.READ_FUNDS})


# ---- the second wall ----


async def test_the_database_itself_lets_nobody_write_a_post(
    world: World, officers: Officers, town: Town, owner: asyncpg.Connection
) -> None:
    who = await world.person()
    grants = await owner.fetch(
        "select privilege_type from information_schema.role_table_grants "
        "where table_name = 'post' and grantee = 'aid_api'"
    )
    assert {each["privilege_type"] for each in grants} == {"SELECT"}
    change_id = await owner.fetchval(
        "insert into post_change (id, created_at, kind, person_id, person_masked, role, organisation_id, "
        "organisation_name, city_id, person_name, from_date, basis, state, version, proposed_by, proposed_masked) "
        "values (gen_random_uuid(), now(), 'appoint', $1, '*', 'city_leader', $2, '*', $2, '', current_date, '*', "
        "'proposed', 1, $3, '*') "
        "returning id", who.id, town.city.id, officers.system.id,
    )  # fmt: skip
    for decider, constraint in (
        (officers.auditor.id, "ck_post_change_decider"),
        (officers.system.id, "ck_post_change_decider"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refusal:
            await owner.execute(
                "update post_change set state = 'confirmed', decided_by = $2, decided_masked = '*', decided_at = now() "
                "where id = $1", change_id, decider,
            )  # fmt: skip
        assert refusal.value.constraint_name == constraint
    assert await owner.fetchval("select count(*) from post where person_id = $1", who.id) == 0
    assert isinstance(change_id, UUID)
