"""Everybody at the same moment: each vote counts once, and a meeting ends once. Many times: AID_CONTESTS=1000."""

import asyncio
import os

import asyncpg
import httpx
import pytest

from app.applications.path import State
from tests.make import World
from tests.meetings.making import City, case_seen, city_of, conclude, convene, convened, minuted, seen, vote

TURNS = int(os.environ.get("AID_CONTESTS", "6"))


@pytest.fixture(scope="module")
async def city(world: World) -> City:
    return await city_of(world, 7)


async def test_of_one_member_who_votes_twice_at_once_one_vote_counts(
    client: httpx.AsyncClient, city: City, owner: asyncpg.Connection
) -> None:
    for _ in range(TURNS):
        meeting = await convened(client, city, await city.case(), city.leaders[:3])
        answers = await asyncio.gather(
            *(vote(client, city.leaders[0], meeting, choice) for choice in ("for", "against"))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        cast = await owner.fetchval("select count(*) from meeting_vote where meeting_id = $1::uuid", meeting)
        assert (cast, (await seen(client, city.secretary, meeting))["tally"]["cast"]) == (1, 1)


async def test_seven_vote_at_once_and_each_counts(client: httpx.AsyncClient, city: City) -> None:
    for _ in range(TURNS):
        meeting = await convened(client, city, await city.case(), city.leaders)
        choices = ("for", "for", "for", "for", "against", "against", "abstain")
        answers = await asyncio.gather(*map(vote, [client] * 7, city.leaders, [meeting] * 7, choices))
        assert {answer.status_code for answer in answers} == {200}
        assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5, 6, 7, 8]
        await minuted(client, city, meeting)
        assert (await conclude(client, city.secretary, meeting)).json()["state"] == "carried"
        tally = (await seen(client, city.secretary, meeting))["tally"]
        assert tally == {"members": 7, "cast": 7, "in_favour": 4, "against": 2, "abstained": 1}


async def test_a_meeting_ends_once_while_the_last_votes_come_in(
    client: httpx.AsyncClient, city: City, owner: asyncpg.Connection
) -> None:
    """Whoever ends it does so by the votes that they have seen: the last vote is seen, or comes too late."""
    for _ in range(TURNS):
        case = await city.case()
        meeting = await convened(client, city, case, city.leaders[:4])
        for leader in city.leaders[:3]:
            await vote(client, leader, meeting, "for")
        await minuted(client, city, meeting)
        version = (await seen(client, city.secretary, meeting))["version"]
        late, *ends = await asyncio.gather(
            vote(client, city.leaders[3], meeting, "against"),
            *(conclude(client, who, meeting, version=version) for who in (city.secretary, *city.leaders[4:])),
        )
        ended = [answer for answer in ends if answer.status_code == 200]
        assert (late.status_code, len(ended)) in ((200, 0), (409, 1))
        assert {answer.status_code for answer in ends} <= {200, 409, 412}
        if not ended:
            assert (await conclude(client, city.secretary, meeting)).status_code == 200
        shown = await seen(client, city.secretary, meeting)
        assert shown["tally"]["cast"] == (3 if ended else 4)
        rows = await owner.fetch(
            "select action, count(*) as n from passage where application_id = $1 "
            "and action in ('carry', 'turn_down', 'vote') group by action", case.id,
        )  # fmt: skip
        assert {row["action"]: row["n"] for row in rows} == {"carry": 1, "vote": shown["tally"]["cast"]}
        facts = await owner.fetchval(
            "select count(*) from out_message where name = 'MeetingEnded' and body ->> 'meeting_id' = $1", meeting
        )
        assert facts == 1


async def test_two_who_convene_at_once_open_one_meeting(
    client: httpx.AsyncClient, city: City, owner: asyncpg.Connection
) -> None:
    for _ in range(TURNS):
        case = await city.case()
        who = (city.secretary, *city.leaders[5:])
        answers = await asyncio.gather(*(convene(client, each, case, city.leaders[:3]) for each in who))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
        assert await owner.fetchval("select count(*) from meeting where application_id = $1", case.id) == 1


async def test_a_meeting_is_ended_or_the_case_withdrawn_and_never_both(
    client: httpx.AsyncClient, city: City, owner: asyncpg.Connection
) -> None:
    for _ in range(TURNS):
        case = await city.case()
        meeting = await convened(client, city, case, city.leaders[:3])
        for leader in city.leaders[:3]:
            await vote(client, leader, meeting, "for")
        await minuted(client, city, meeting)
        version = (await seen(client, city.secretary, meeting))["version"]
        headers = case.applicant.headers | {"If-Match": '"1"', "Idempotency-Key": f"w-{case.id}"}
        ended, withdrawn = await asyncio.gather(
            conclude(client, city.secretary, meeting, version=version),
            client.post(f"/applications/{case.id}/withdraw", headers=headers),
        )
        assert sorted((ended.status_code, withdrawn.status_code))[0] == 200
        assert max(ended.status_code, withdrawn.status_code) in (409, 412)
        state = await owner.fetchval("select state from application where id = $1", case.id)
        assert state == (State.PUBLIC_NOTICE if ended.status_code == 200 else State.WITHDRAWN)
        assert await owner.fetchval("select state from meeting where id = $1::uuid", meeting) == (
            "carried" if ended.status_code == 200 else "open"
        )
        assert (await case_seen(client, city.secretary, case))["state"] == state
