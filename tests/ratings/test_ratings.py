"""A worker rates a paid application once; leaders see each union's sum, and nothing of a group that is too small."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.applications.path import Kind, State
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.ratings.rules import summary
from tests import make
from tests.calling import every_item
from tests.make import Case, Guild, Someone, Town, World


@pytest.fixture
async def town(world: World) -> Town:
    return await world.town()


async def paid(world: World, home: Guild, someone: Someone | None = None) -> Case:
    return await world.application(
        someone or await world.person(home=home, consents=()), home, kind=Kind.SECONDARY_MEDICAL, state=State.PAID
    )


async def rate(client: httpx.AsyncClient, case: Case, score: Any, **given: Any) -> httpx.Response:
    headers = case.applicant.headers | make.keyed()
    return await client.post(f"/applications/{case.id}/rating", json={"score": score} | given, headers=headers)


async def of_unions(client: httpx.AsyncClient, leader: Someone) -> dict[str, dict[str, Any]]:
    return {item["organisation_code"]: item for item in await every_item(client, "/staff/ratings", by=leader)}


async def test_a_rating_is_given_once_and_stays(client: httpx.AsyncClient, world: World, town: Town) -> None:
    case = await paid(world, town.units[0])
    unrated = await client.get(f"/applications/{case.id}/rating", headers=case.applicant.headers)
    assert (unrated.status_code, unrated.json()["code"]) == (404, "rating_not_found")
    given = await rate(client, case, 4, text="办得快")
    assert (given.status_code, given.json()["score"], given.json()["text"]) == (201, 4, "办得快"), given.text
    for score in (4, 1):
        again = await rate(client, case, score)
        assert (again.status_code, again.json()["code"]) == (409, "already_rated")
    kept = await client.get(f"/applications/{case.id}/rating", headers=case.applicant.headers)
    assert kept.json() == given.json()


@pytest.mark.parametrize("state", sorted(set(State) - {State.PAID}))
async def test_only_what_was_paid_is_rated(client: httpx.AsyncClient, world: World, town: Town, state: State) -> None:
    someone = await world.person(home=town.units[0])
    case = await world.application(someone, town.units[0], kind=Kind.SECONDARY_MEDICAL, state=state)
    refusal = await rate(client, case, 5)
    assert (refusal.status_code, refusal.json()["code"]) == (409, "not_allowed_now"), refusal.text


@pytest.mark.parametrize("score", [0, 6, -1, 4.5, "5", True, None, 10**12])
async def test_a_score_is_a_whole_number_from_one_to_five(
    client: httpx.AsyncClient, world: World, town: Town, score: Any
) -> None:
    assert (await rate(client, await paid(world, town.units[0]), score)).status_code == 422


async def test_of_five_ratings_at_once_one_counts(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    case = await paid(world, town.units[0])
    answers = await asyncio.gather(*(rate(client, case, score) for score in range(1, 6)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}
    assert await owner.fetchval("select count(*) from rating where application_id = $1", case.id) == 1


async def test_nobody_rates_what_is_not_theirs(client: httpx.AsyncClient, world: World, town: Town) -> None:
    case, other = await paid(world, town.units[0]), await world.person()
    headers = other.headers | make.keyed()
    assert (await client.post(f"/applications/{case.id}/rating", json={"score": 1}, headers=headers)).status_code == 404
    assert (await client.get(f"/applications/{case.id}/rating", headers=other.headers)).status_code == 404


async def test_leaders_see_the_share_of_the_satisfied_and_no_small_group(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    for home, scores in ((town.units[0], (5, 4, 3, 2, 5)), (town.units[1], (1, 1, 1, 1)), (town.streets[0], (5,))):
        for score in scores:
            assert (await rate(client, await paid(world, home), score, text="谢谢陈主席")).status_code == 201
    leader = await world.staff(Role.DISTRICT_LEADER, town.districts[0], consents=())
    shown = await of_unions(client, leader)
    assert set(shown) == {union.code for union in (town.districts[0], town.streets[0], *town.units[:2])}
    large = shown[town.units[0].code]
    assert (large["count"], large["satisfied_bp"], large["scores"]) == (5, 6_000, [0, 1, 1, 1, 2])
    for union in (town.units[1], town.streets[0], town.districts[0]):
        few = shown[union.code]
        assert (few["enough"], few["count"], few["satisfied_bp"], few["scores"]) == (False, None, None, None)
    whole = await client.get("/staff/ratings", headers=leader.headers)
    assert "谢谢" not in whole.text
    chair = await of_unions(client, await world.staff(Role.UNIT_CHAIR, town.units[1], consents=()))
    assert set(chair) == {town.units[1].code}


async def test_the_list_goes_on_where_it_ended(client: httpx.AsyncClient, world: World, town: Town) -> None:
    leader = await world.staff(Role.CITY_LEADER, town.city, consents=())
    found = [item["organisation_code"] for item in await every_item(client, "/staff/ratings", by=leader, limit=2)]
    everything = [town.city, *town.districts, *town.streets, *town.units]
    assert sorted(found) == sorted(union.code for union in everything)


async def test_only_leaders_and_auditors_see_them(client: httpx.AsyncClient, world: World, town: Town) -> None:
    for role in Role:
        by = await world.staff(role, town.city, consents=())
        answer = await client.get("/staff/ratings", headers=by.headers)
        allowed = role in (Role.UNIT_CHAIR, Role.DISTRICT_LEADER, Role.CITY_LEADER, Role.AUDITOR)
        assert answer.status_code == (200 if allowed else 403), role
        assert (Permission.READ_RATINGS in PERMISSIONS[role]) is allowed


async def test_a_rating_is_never_changed(world: World, owner: asyncpg.Connection) -> None:
    for statement in ("update rating set score = 5", "delete from rating"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(statement)


@given(st.lists(st.integers(0, 1_000), min_size=5, max_size=5), st.integers(2, 50))
def test_a_summary_is_the_rounded_share_of_the_satisfied_or_nothing(scores: list[int], at_least: int) -> None:
    found = summary(scores, at_least)
    if sum(scores) < at_least:
        assert found is None
        return
    assert found is not None
    assert found.count == sum(scores)
    assert abs(found.satisfied_bp * found.count - (scores[3] + scores[4]) * 10_000) * 2 <= found.count
