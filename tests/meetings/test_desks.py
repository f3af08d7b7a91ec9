"""Meetings by state, action and role: what the table of the meeting says, and nothing else; and who sees one at all."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.db.database import open_database
from app.db.transaction import Sight
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.ids import new_id
from app.meetings.path import FOLLOWS, PATH, MeetingAction, MeetingState
from app.workflow.path import NotAllowedNow
from tests import make
from tests.calling import every_item, post
from tests.http.refusals import refused
from tests.make import Someone, World
from tests.meetings.making import City, cancel, city_of, conclude, convene, convened, minuted, seen, vote

A, S = MeetingAction, MeetingState
HOLDS = {Role.CITY_REVIEWER, Role.CITY_LEADER}
VOTES = {Role.CITY_LEADER}
LEADS = {
    (S.OPEN, A.VOTE): S.OPEN,
    (S.OPEN, A.ATTACH_MINUTES): S.OPEN,
    (S.OPEN, A.CARRY): S.CARRIED,
    (S.OPEN, A.TURN_DOWN): S.TURNED_DOWN,
    (S.OPEN, A.CANCEL): S.CANCELLED,
}
CALLS: dict[str, dict[str, Any]] = {
    "votes": {"choice": "for"},
    "minutes": {"file_id": str(new_id())},
    "conclude": {"note": "同意"},
    "cancel": {"note": "改期"},
}


@pytest.fixture(scope="module")
async def city(world: World) -> City:
    return await city_of(world)


@pytest.fixture(scope="module")
async def everybody(world: World, city: City) -> dict[Role, Someone]:
    return {role: await world.staff(role, city.town.city, consents=()) for role in Role}


def test_the_roles_that_hold_meetings_and_that_vote_are_these() -> None:
    assert {role for role in Role if Permission.HOLD_MEETING in PERMISSIONS[role]} == HOLDS
    assert {role for role in Role if Permission.VOTE in PERMISSIONS[role]} == VOTES


@pytest.mark.parametrize(("state", "action"), list(product(S, A)))
def test_what_the_table_does_not_say_cannot_be_done(state: S, action: A) -> None:
    if (state, action) in LEADS:
        assert PATH.step(state, action).to == LEADS[state, action]
        return
    with pytest.raises(NotAllowedNow):
        PATH.step(state, action)


def test_a_case_follows_the_ends_that_decide_it_and_no_other() -> None:
    assert set(FOLLOWS) == {A.CARRY, A.TURN_DOWN}


async def ended(client: httpx.AsyncClient, city: City, state: S) -> str:
    """A meeting in a state."""
    meeting = await convened(client, city, await city.case(), city.leaders[:3])
    if state is S.CANCELLED:
        assert (await cancel(client, city.secretary, meeting)).status_code == 200
    elif state is not S.OPEN:
        for leader in city.leaders[:3]:
            await vote(client, leader, meeting, "for" if state is S.CARRIED else "against")
        await minuted(client, city, meeting)
        words = {} if state is S.CARRIED else {"note": "没有过半数", "reason_code": "facts_not_confirmed"}
        assert (await conclude(client, city.secretary, meeting, **words)).status_code == 200
    return meeting


@pytest.mark.parametrize(("state", "call"), list(product(S, CALLS)))
async def test_each_role_meets_the_same_door_in_every_state(
    client: httpx.AsyncClient, city: City, everybody: dict[Role, Someone], state: S, call: str
) -> None:
    meeting = await ended(client, city, state)
    version = (await seen(client, city.secretary, meeting))["version"]
    for role, someone in everybody.items():
        answer = await post(client, someone, f"/staff/meetings/{meeting}/{call}", CALLS[call], version)
        entitled = role in (VOTES if call == "votes" else HOLDS)
        if not entitled:
            refused(answer, 403, "not_allowed")
        elif state is not S.OPEN:
            refused(answer, 409, "not_allowed_now")
        elif call == "votes":
            refused(answer, 403, "not_a_member")
        elif call == "minutes":
            refused(answer, 422)
        elif call == "conclude":
            refused(answer, 409, "quorum_missing")
        else:
            assert answer.json()["state"] == "cancelled"
            break  # the next of them finds it ended


@pytest.mark.parametrize("state", sorted(set(State) - {State.DRAFT}))
async def test_only_those_who_hold_meetings_convene_one_and_only_where_a_case_waits_for_it(
    client: httpx.AsyncClient, city: City, everybody: dict[Role, Someone], state: State
) -> None:
    case = await city.case(state=state)
    for role, someone in everybody.items():
        answer = await convene(client, someone, case, city.leaders[:3])
        if role not in HOLDS:
            refused(answer, 403, "not_allowed")
        elif state is not State.MEETING:
            refused(answer, 409, "not_allowed_now")
        else:
            assert answer.status_code == 201, answer.text
            assert (await cancel(client, someone, answer.json()["id"])).status_code == 200


async def test_without_a_version_or_with_an_old_one_nothing_happens(client: httpx.AsyncClient, city: City) -> None:
    meeting = await convened(client, city, await city.case(), city.leaders[:3])
    for call in ("minutes", "conclude", "cancel"):
        path = f"/staff/meetings/{meeting}/{call}"
        refused(await post(client, city.secretary, path, CALLS[call]), 428, "version_missing")
        refused(await post(client, city.secretary, path, CALLS[call], 9), 412, "stale_version")
    body = {"application_id": str((await city.case()).id), "member_ids": [str(each.id) for each in city.leaders[:3]]}
    refused(await post(client, city.secretary, "/staff/meetings", body), 428, "version_missing")


# ---- who sees a meeting ----


async def test_another_citys_meeting_does_not_exist_nor_one_about_oneself(
    client: httpx.AsyncClient, city: City, world: World
) -> None:
    elsewhere = await city_of(world, 3)
    meeting = await convened(client, city, await city.case(), city.leaders[:3])
    district = city.desks[Role.DISTRICT_REVIEWER]
    me = await world.person(posts=((Role.CITY_LEADER, city.town.city),), home=city.town.units[0])
    mine = await world.application(
        me, city.town.units[0], state=State.MEETING, route="city_approval meeting", route_version="2026",
        route_fen=3_000_000,
    )  # fmt: skip
    about_me = await convened(client, city, mine, city.leaders[:3])
    for who, which in ((elsewhere.secretary, meeting), (district, meeting), (me, about_me)):
        missing = await client.get(f"/staff/meetings/{which}", headers=who.headers)
        refused(missing, 404, "meeting_not_found")
        assert which not in {item["id"] for item in await every_item(client, "/staff/meetings", by=who)}
        if who is not district:
            for call, body in CALLS.items():
                if call != "votes" or who is me:
                    refused(
                        await post(client, who, f"/staff/meetings/{which}/{call}", body, 1), 404, "meeting_not_found"
                    )
    refused(
        await convene(client, elsewhere.secretary, await city.case(), elsewhere.leaders), 404, "application_not_found"
    )
    path = f"/staff/applications/{mine.id}/meeting_candidates"
    refused(await client.get(path, headers=me.headers), 404, "application_not_found")
    refused(await client.get(path, headers=elsewhere.secretary.headers), 404, "application_not_found")


@pytest.fixture
async def through_the_api(database_url: str) -> AsyncIterator[Any]:
    database = await open_database(database_url, "aid_api", size=1)
    yield database
    await database.close()


async def test_the_second_wall_shows_a_meeting_to_its_city_alone_and_takes_only_ones_own_vote(
    client: httpx.AsyncClient, city: City, through_the_api: Any
) -> None:
    case = await city.case()
    meeting = UUID(await convened(client, city, case, city.leaders[:3]))
    await vote(client, city.leaders[0], str(meeting), "for")
    one, two = city.leaders[0], city.leaders[1]
    sights = {
        "city": Sight("staff", one.id, (city.town.city.id,)),
        "district": Sight("staff", one.id, (city.town.districts[0].id,)),
        "worker": Sight("worker", case.applicant.id),
        "public": Sight("public"),
    }
    for name, sight in sights.items():
        async with through_the_api.begin(sight) as transaction:
            counts = [
                await transaction.connection.fetchval(f"select count(*) from {table} where {column} = $1", meeting)
                for table, column in (
                    ("meeting", "id"),
                    ("meeting_member", "meeting_id"),
                    ("meeting_vote", "meeting_id"),
                )
            ]
        assert counts == ([1, 3, 1] if name == "city" else [0, 0, 0]), name
    insert = (
        "insert into meeting_vote (id, created_at, meeting_id, person_id, choice) values ($1, now(), $2, $3, 'for')"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with through_the_api.begin(sights["city"]) as transaction:
            await transaction.connection.execute(insert, new_id(), meeting, two.id)
    for change in ("update meeting_vote set choice = 'against'", "delete from meeting_vote", "delete from meeting"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with through_the_api.begin(sights["city"]) as transaction:
                await transaction.connection.execute(change)


async def test_the_database_lets_nobody_vote_twice_nor_who_is_kept_from_it(
    client: httpx.AsyncClient, city: City, owner: asyncpg.Connection, world: World
) -> None:
    case = await city.case()
    meeting = UUID(await convened(client, city, case, city.leaders[:3]))
    insert = "insert into meeting_vote (id, created_at, meeting_id, person_id, choice) values ($1, now(), $2, $3, $4)"
    name = "insert into meeting_member values ($1, $2, 9, '*', 'city_leader', '*')"
    await owner.execute("select set_config('app.door', 'job', false)")
    await owner.execute(insert, new_id(), meeting, city.leaders[0].id, "for")
    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute(insert, new_id(), meeting, city.leaders[0].id, "against")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await owner.execute(insert, new_id(), meeting, city.leaders[4].id, "for")
    with pytest.raises(asyncpg.CheckViolationError) as refused_:
        await owner.execute(name, meeting, case.applicant.id)
    assert refused_.value.constraint_name == "ck_meeting_apart"
    with pytest.raises(asyncpg.CheckViolationError) as refused_:
        await owner.execute("update meeting set state = 'carried', ended_at = now(), ended_by = $2 where id = $1",
                            meeting, city.secretary.id)  # fmt: skip
    assert refused_.value.constraint_name == "ck_meeting_minutes"


async def test_who_may_vote_is_answered_to_the_city_of_the_case_alone(city: City, through_the_api: Any) -> None:
    case = await city.case()
    ask = "select count(*) from meeting_candidates($1, $2)"
    kept = "select is_kept_from_meeting($1, $2)"
    for sight, few in (
        (Sight("staff", city.secretary.id, (city.town.city.id,)), False),
        (Sight("staff", city.secretary.id, (city.town.districts[0].id,)), True),
        (Sight("worker", case.applicant.id), True),
        (Sight("public"), True),
    ):
        async with through_the_api.begin(sight) as transaction:
            found = await transaction.connection.fetchval(ask, case.id, make.TODAY)
            is_kept = await transaction.connection.fetchval(kept, case.id, city.leaders[0].id)
        assert ((found == 0), is_kept) == (few, few), sight
