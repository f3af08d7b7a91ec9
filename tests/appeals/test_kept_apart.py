"""Nobody decides an appeal who is near the case: took a step on it, lives with the applicant, or is the applicant."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.db.database import open_database
from app.db.transaction import Sight
from app.kernel.actor import Role
from tests import make
from tests.appeals.making import Office, act, decide, family, lodged, office, refused, waiting
from tests.make import Someone, World


@pytest.fixture
async def desks(world: World) -> Office:
    return await office(world)


async def kept_away(client: httpx.AsyncClient, by: Someone, appeal: dict[str, Any]) -> None:
    """Neither the list, nor the count, nor the page, nor a decision is open to them."""
    assert appeal["id"] not in await waiting(client, by)
    shown = await client.get(f"/staff/appeals/{appeal['id']}", headers=by.headers)
    assert shown.status_code == 200, shown.text
    assert shown.json()["open_actions"] == []
    for action in ("uphold", "change"):
        refusal = await decide(client, by, appeal, action)
        assert (refusal.status_code, refusal.json()["code"]) == (403, "near_the_case"), refusal.text


async def test_whoever_refused_it_does_not_look_at_it_again(client: httpx.AsyncClient, desks: Office) -> None:
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    await kept_away(client, desks.first[Role.CITY_REVIEWER], appeal)
    shown = await client.get(f"/staff/appeals/{appeal['id']}", headers=desks.again[Role.CITY_LEADER].headers)
    assert shown.json()["open_actions"] == ["uphold", "change"]


async def test_nor_does_whoever_took_any_earlier_step(client: httpx.AsyncClient, desks: Office, world: World) -> None:
    """They accepted it as a clerk; by now they sit at the city."""
    both = await world.person(posts=((Role.UNIT_CLERK, desks.town.units[0]), (Role.CITY_LEADER, desks.town.city)))
    worker, household_id = await family(desks)
    case = await world.application(worker, desks.town.units[0], household_id=household_id)
    assert (await act(client, both, case, 1, {"action": "accept"})).status_code == 200
    for version, (role, action) in enumerate(
        [(Role.UNIT_CHAIR, "approve"), (Role.DISTRICT_REVIEWER, "approve"), (Role.CITY_REVIEWER, "reject")], 2
    ):
        words = {"note": "不足", "reason_code": "documents_not_valid"} if action == "reject" else {}
        assert (await act(client, desks.first[role], case, version, {"action": action} | words)).status_code == 200
    await kept_away(client, both, await lodged(client, case, 5))


async def test_nor_under_an_account_that_was_closed(
    client: httpx.AsyncClient, desks: Office, world: World, owner: asyncpg.Connection
) -> None:
    """The same identity number: whoever refused it closed that account, and came back with another."""
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    again, before = desks.again[Role.CITY_LEADER], desks.first[Role.CITY_REVIEWER]
    await owner.execute("update person set closed_at = now() where id = $1", before.id)
    await owner.execute(
        "update person set id_number_index = (select id_number_index from person where id = $1) where id = $2",
        before.id,
        again.id,
    )
    await kept_away(client, again, appeal)


@pytest.mark.parametrize("living", [True, False])
async def test_nor_does_somebody_of_the_household(
    client: httpx.AsyncClient, desks: Office, world: World, owner: asyncpg.Connection, living: bool
) -> None:
    leader = desks.again[Role.CITY_LEADER]
    worker, household_id = await family(desks, members=[make.member("spouse", number=leader.id_number)])
    case = await world.application(worker, desks.town.units[0], state=State.CITY_APPROVAL, household_id=household_id)
    await owner.execute("update household_member set living = $2 where household_id = $1", household_id, living)
    body = {"action": "reject", "note": "不足", "reason_code": "documents_not_valid"}
    assert (await act(client, desks.first[Role.CITY_REVIEWER], case, 1, body)).status_code == 200
    await kept_away(client, leader, await lodged(client, case))


async def test_an_applicant_with_every_post_does_not_find_their_own_appeal(
    client: httpx.AsyncClient, desks: Office, world: World
) -> None:
    me = await world.person(posts=tuple((role, desks.town.city) for role in Role), home=desks.town.units[0])
    case = await world.application(me, desks.town.units[0], state=State.CITY_APPROVAL)
    body = {"action": "reject", "note": "不足", "reason_code": "documents_not_valid"}
    assert (await act(client, desks.first[Role.CITY_REVIEWER], case, 1, body)).status_code == 200
    appeal = await lodged(client, case)
    assert appeal["id"] not in await waiting(client, me)
    assert (await client.get(f"/staff/appeals/{appeal['id']}", headers=me.headers)).status_code == 404
    assert (await decide(client, me, appeal, "uphold")).status_code == 404


async def test_nor_does_the_applicant_under_another_account(
    client: httpx.AsyncClient, desks: Office, world: World, owner: asyncpg.Connection
) -> None:
    case = await refused(client, desks, State.CITY_APPROVAL)
    appeal = await lodged(client, case)
    leader = desks.again[Role.CITY_LEADER]
    await owner.execute("update person set closed_at = now() where id = $1", case.applicant.id)
    await owner.execute(
        "update person set id_number_index = (select id_number_index from person where id = $1) where id = $2",
        case.applicant.id,
        leader.id,
    )
    await kept_away(client, leader, appeal)


async def test_who_decides_has_proved_who_they_are(client: httpx.AsyncClient, desks: Office, world: World) -> None:
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    nobody = await world.staff(Role.CITY_LEADER, desks.town.city, verified=False, consents=())
    assert appeal["id"] not in await waiting(client, nobody)
    refusal = await decide(client, nobody, appeal, "uphold")
    assert (refusal.status_code, refusal.json()["code"]) == (409, "identity_required"), refusal.text


async def test_a_foreign_union_finds_no_appeal(client: httpx.AsyncClient, desks: Office, world: World) -> None:
    appeal = await lodged(client, await refused(client, desks, State.UNIT_REVIEW))
    for place in (desks.town.districts[1], (await world.town()).city):
        stranger = await world.person(posts=tuple((role, place) for role in Role))
        assert appeal["id"] not in await waiting(client, stranger)
        assert (await client.get(f"/staff/appeals/{appeal['id']}", headers=stranger.headers)).status_code == 404
        assert (await decide(client, stranger, appeal, "uphold")).status_code == 404


async def test_another_worker_finds_no_appeal(client: httpx.AsyncClient, desks: Office, world: World) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    await lodged(client, case)
    other = await world.person()
    assert (await client.get(f"/applications/{case.id}/appeals", headers=other.headers)).status_code == 404


# ---- what the database says, whatever a query forgets ----

_DECIDE = (
    "update appeal set state = 'upheld', decided_at = now(), decided_by = $2, reply = 'x', version = 2 where id = $1"
)


async def written(database_url: str, desks: Office, by: Someone, appeal: dict[str, Any], named: Someone) -> str | None:
    """The constraint that refuses a decision written under the API's own role; None when it is taken."""
    database = await open_database(database_url, "aid_api", size=1)
    try:
        async with database.begin(Sight("staff", by.id, (desks.town.city.id,))) as transaction:
            await transaction.connection.execute(_DECIDE, appeal["id"], named.id)
        return None
    except asyncpg.CheckViolationError as refusal:
        return str(refusal.constraint_name)
    finally:
        await database.close()


async def test_the_database_refuses_whoever_is_near_and_whoever_names_another(
    client: httpx.AsyncClient, desks: Office, database_url: str
) -> None:
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    near, apart = desks.first[Role.CITY_REVIEWER], desks.again[Role.CITY_LEADER]
    assert await written(database_url, desks, near, appeal, near) == "ck_appeal_decider"
    assert await written(database_url, desks, near, appeal, apart) == "ck_appeal_decider"
    assert await written(database_url, desks, apart, appeal, apart) is None
