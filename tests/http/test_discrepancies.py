"""Discrepancies over HTTP: shown with source and date, answered, resolved, and never a verdict on the household."""

import asyncio
import itertools
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.work import Work
from app.discrepancies import commands
from app.discrepancies.commands import Correction, open_discrepancy
from app.discrepancies.path import ANSWER_WORKING_DAYS, OUTCOMES, PATH
from app.discrepancies.queries import open_count
from app.households.path import PATH as HOUSEHOLD_PATH
from app.jobs.transfers import follow
from app.kernel.actor import Actor, Permission, Place, Post, Role, Tier
from app.kernel.ids import new_id
from tests import make
from tests.discrepancies.making import discrepancy_of, found, household_of, working
from tests.http.refusals import refused
from tests.make import NOW, Someone, Town, World

LONG_AGO = NOW - timedelta(days=60)


async def answered(client: httpx.AsyncClient, someone: Someone, row_id: Any, version: int = 1) -> httpx.Response:
    headers = someone.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"text": "去年有一次性补偿金，不是每年都有", "file_ids": []}
    return await client.post(f"/me/discrepancies/{row_id}/answer", json=body, headers=headers)


async def resolved(
    client: httpx.AsyncClient, someone: Someone, row_id: Any, version: int, outcome: str = "explained", **given: Any
) -> httpx.Response:
    headers = someone.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"action": "resolve", "outcome": outcome, "note": "已看过补偿协议"} | given
    return await client.post(f"/staff/discrepancies/{row_id}/actions", json=body, headers=headers)


@pytest.fixture
async def reviewer(world: World, town: Town) -> Someone:
    return await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])


async def test_what_was_found_is_shown_with_source_and_date_and_answered_and_resolved(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    worker = await world.worker(town.units[0])
    row_id = await discrepancy_of(world, worker, town.units[0])
    (shown,) = (await client.get("/me/household/discrepancies", headers=worker.headers)).json()["items"]
    assert (shown["said_by"], shown["found_on"]) == ("市民政局核对", make.TODAY.isoformat())
    assert (shown["in_file"], shown["found"], shown["state"]) == (24_000_00, 60_000_00, "open")
    assert shown["open_actions"] == ["answer"]
    answer = await answered(client, worker, row_id)
    assert (answer.status_code, answer.json()["state"], answer.headers["etag"]) == (200, "answered", '"2"')
    case = (await client.get(f"/staff/discrepancies/{row_id}", headers=reviewer.headers)).json()
    assert (case["answer"]["text"], case["open_actions"]) == ("去年有一次性补偿金，不是每年都有", ["resolve"])
    done = await resolved(client, reviewer, row_id, 2)
    assert (done.status_code, done.json()["state"]) == (200, "resolved")
    (shown,) = (await client.get("/me/household/discrepancies", headers=worker.headers)).json()["items"]
    assert (shown["outcome"], shown["note"], shown["open_actions"]) == ("explained", "已看过补偿协议", [])
    assert (await client.get("/staff/discrepancies", headers=reviewer.headers)).json()["items"] == []
    log = (await client.get("/me/access_log", headers=worker.headers)).json()["items"]
    assert {entry["action"] for entry in log} >= {"discrepancy.opened", "discrepancy.resolve"}


async def test_names_and_numbers_are_masked_for_staff_and_whole_for_the_worker(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    worker, member = await world.worker(town.units[0]), make.member()
    number = member["id_number"]
    row_id = await discrepancy_of(world, worker, town.units[0], field="/members/0", in_file=member, found=None)
    staff_sees = (await client.get(f"/staff/discrepancies/{row_id}", headers=reviewer.headers)).json()
    assert staff_sees["in_file"]["name"] == "陈*雨"
    assert number not in str(staff_sees)
    worker_sees = await client.get("/me/household/discrepancies", headers=worker.headers)
    assert worker_sees.json()["items"][0]["in_file"]["id_number"] == number


async def test_the_same_field_of_the_same_source_is_asked_about_once(world: World, town: Town) -> None:
    worker = await world.worker(town.units[0])
    source_id = new_id()
    ids = await asyncio.gather(*(discrepancy_of(world, worker, town.units[0], source_id=source_id) for _ in range(6)))
    again = await discrepancy_of(world, worker, town.units[0], source_id=source_id, found=1)
    other = await discrepancy_of(world, worker, town.units[0], source_id=source_id, field="/homes")
    assert {*ids, again} == {ids[0]}
    assert other != ids[0]
    async with working(world) as work:
        household_id = await work.transaction.connection.fetchval(
            "select household_id from discrepancy where id = $1", other
        )
        assert await open_count(work.transaction, household_id) == 2


async def test_until_the_worker_has_answered_or_had_their_time_only_the_file_can_be_found_right(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    worker = await world.worker(town.units[0])
    fresh = await discrepancy_of(world, worker, town.units[0])
    for outcome in ("found_right", "explained"):
        refused(await resolved(client, reviewer, fresh, 1, outcome), 409, "answer_awaited")
    assert (await resolved(client, reviewer, fresh, 1, "file_right")).status_code == 200
    late = await discrepancy_of(world, worker, town.units[0], now=LONG_AGO)
    assert (await resolved(client, reviewer, late, 1, "found_right")).status_code == 200


async def test_the_time_to_answer_is_counted_in_working_days(world: World, town: Town) -> None:
    row_id = await discrepancy_of(world, await world.person(), town.units[0])
    async with working(world) as work:
        due = await work.transaction.connection.fetchval("select due_on from discrepancy where id = $1", row_id)
        assert due == work.calendar.after_working_days(make.TODAY, ANSWER_WORKING_DAYS)


async def test_the_oldest_comes_first_and_the_overdue_are_found(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    worker = await world.worker(town.units[0])
    fresh = await discrepancy_of(world, worker, town.units[0])
    late = await discrepancy_of(world, worker, town.units[0], now=LONG_AGO)
    first = (await client.get("/staff/discrepancies?limit=1", headers=reviewer.headers)).json()
    assert ([item["id"] for item in first["items"]], first["items"][0]["overdue"]) == ([str(late)], True)
    url = f"/staff/discrepancies?limit=1&cursor={first['next_cursor']}"
    second = (await client.get(url, headers=reviewer.headers)).json()
    assert ([item["id"] for item in second["items"]], second["next_cursor"]) == ([str(fresh)], None)
    overdue = (await client.get("/staff/discrepancies?overdue=true", headers=reviewer.headers)).json()["items"]
    assert [item["id"] for item in overdue] == [str(late)]
    counts = [
        (await client.get(f"/staff/discrepancies/count{query}", headers=reviewer.headers)).json()["count"]
        for query in ("", "?overdue=true")
    ]
    assert counts == [2, 1]


async def test_answered_and_resolved_at_once_one_of_them_counts(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    ends = Counter()
    for _ in range(8):
        worker = await world.worker(town.units[0])
        row_id = await discrepancy_of(world, worker, town.units[0], now=LONG_AGO)
        both = await asyncio.gather(
            answered(client, worker, row_id), resolved(client, reviewer, row_id, 1, "found_right")
        )
        assert sorted(answer.status_code for answer in both) == [200, 412]
        (shown,) = (await client.get("/me/household/discrepancies", headers=worker.headers)).json()["items"]
        ends[shown["state"]] += 1
        assert shown["version"] == 2
    assert set(ends) <= {"answered", "resolved"}


async def test_who_may_resolve_and_who_may_answer(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    worker = await world.worker(town.units[0])
    row_id = await discrepancy_of(world, worker, town.units[0], now=LONG_AGO)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    refused(await resolved(client, chair, row_id, 1), 403, "not_allowed")
    refused(await resolved(client, reviewer, row_id, 1, note=None), 422)
    refused(await answered(client, chair, row_id), 404, "discrepancy_not_found")
    assert (await answered(client, worker, row_id)).status_code == 200
    refused(await answered(client, worker, row_id, 2), 409, "not_allowed_now")
    assert (await resolved(client, reviewer, row_id, 2)).status_code == 200
    refused(await resolved(client, reviewer, row_id, 3), 409, "not_allowed_now")
    refused(await answered(client, worker, row_id, 3), 409, "not_allowed_now")


async def test_ones_own_discrepancy_is_not_ones_work(client: httpx.AsyncClient, world: World, town: Town) -> None:
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0], home=town.units[0])
    row_id = await discrepancy_of(world, reviewer, town.units[0], now=LONG_AGO)
    refused(await resolved(client, reviewer, row_id, 1), 404, "discrepancy_not_found")
    assert (await client.get("/staff/discrepancies", headers=reviewer.headers)).json()["items"] == []


async def test_what_was_found_to_be_right_is_proposed_as_a_change_of_the_file(world: World, town: Town) -> None:
    proposed: list[Correction] = []

    async def propose(_: Work, correction: Correction) -> None:
        proposed.append(correction)

    district, someone = town.districts[0], await world.person()
    place = Place(district.id, district.code, district.name, "district", Tier.DISTRICT)
    actor = Actor(someone.id, someone.session_id, (Post(Role.DISTRICT_REVIEWER, place),))
    worker = await world.worker(town.units[0])
    for outcome in OUTCOMES:
        row_id = await discrepancy_of(world, worker, town.units[0], now=LONG_AGO)
        async with working(world) as work:
            await commands.resolve(work, actor, row_id, 1, outcome=outcome, note="已核实", propose=propose)
    (correction,) = proposed
    assert (correction.field, correction.value, correction.source) == ("/income_fen_yearly", 60_000_00, "match")
    assert correction.by == someone.id


async def test_a_file_that_goes_to_another_union_takes_its_discrepancies_along(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone, owner: asyncpg.Connection
) -> None:
    worker, there = await world.worker(town.units[0]), town.units[2]
    row_id = await discrepancy_of(world, worker, town.units[0])
    values = [there.ancestors[tier] for tier in ("city", "district", "street", "unit")]
    await owner.execute(
        "update household set city_id=$1, district_id=$2, street_id=$3, unit_id=$4 where person_id=$5",
        *values, worker.id,
    )  # fmt: skip
    household_id = await owner.fetchval("select household_id from discrepancy where id = $1", row_id)
    async with working(world) as work:
        await follow(work.transaction, await household_of(work, household_id))
    beyond = await world.staff(Role.DISTRICT_REVIEWER, town.districts[1])
    assert (await client.get(f"/staff/discrepancies/{row_id}", headers=reviewer.headers)).status_code == 404
    assert (await client.get(f"/staff/discrepancies/{row_id}", headers=beyond.headers)).status_code == 200


async def test_what_was_found_to_be_right_stands_in_the_file_with_its_history(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone
) -> None:
    worker = await world.worker(town.units[0], members=[make.member()])
    income = await discrepancy_of(world, worker, town.units[0])
    people = await discrepancy_of(world, worker, town.units[0], field="/members", in_file=1, found={"count": 2})
    for row_id in (income, people):
        assert (await answered(client, worker, row_id)).status_code == 200
        assert (await resolved(client, reviewer, row_id, 2, "found_right")).status_code == 200
    file = (await client.get("/me/household", headers=worker.headers)).json()
    assert (file["form"]["income_fen_yearly"], len(file["form"]["members"]), file["version"]) == (60_000_00, 1, 2)
    (change,) = (await client.get("/me/household/changes", headers=worker.headers)).json()["items"]
    assert (change["pointer"], change["source"], change["before"], change["after"]) == (
        "/income_fen_yearly", "match", 24_000_00, 60_000_00,
    )  # fmt: skip


# ---- never a verdict ----


def test_no_step_of_a_household_is_taken_by_a_discrepancy() -> None:
    assert set(PATH.states) == {"open", "answered", "resolved"}
    assert not set(PATH.actions) & set(HOUSEHOLD_PATH.actions)
    assert not set(PATH.states) & set(HOUSEHOLD_PATH.states)
    assert {step.by for step in PATH.steps} == {Permission.OWN, Permission.REVIEW_AT_DISTRICT}


EVENTS = ("found by a visit", "found by a department", "answered", "resolved")
FILE = "select state, round, category, archive_level from household where id = $1"
HOUSEHOLD_STATES = sorted(set(HOUSEHOLD_PATH.states) | {"home_visit", "means_check", "annual_review"})


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_in_no_order_of_events_does_a_discrepancy_move_the_household(
    client: httpx.AsyncClient, world: World, town: Town, reviewer: Someone, owner: asyncpg.Connection, outcome: str
) -> None:
    """Every order of two findings, an answer and a resolution, twice over; the states of the file in turn."""
    states = itertools.cycle(state for state in HOUSEHOLD_STATES if state != "draft")
    taken: Counter[str] = Counter()
    for order in itertools.permutations(EVENTS):
        worker, state = await world.person(home=town.units[0]), next(states)
        household_id = await world.household(worker, town.units[0], state=state)
        before = await owner.fetchrow(FILE, household_id)
        ids = {"visit": new_id(), "match": new_id()}
        for event in (*order, *order):
            taken[event] += await happen(client, world, (worker, reviewer), household_id, ids, event, outcome)
            assert await owner.fetchrow(FILE, household_id) == before, (state, order, event)
    assert all(taken[event] for event in EVENTS)


async def happen(
    client: httpx.AsyncClient,
    world: World,
    people: tuple[Someone, Someone],
    household_id: UUID,
    ids: dict[str, UUID],
    event: str,
    outcome: str,
) -> bool:
    """Let it happen to every discrepancy of the household; whether anything did."""
    worker, reviewer = people
    if event.startswith("found"):
        source = "visit" if "visit" in event else "match"
        async with working(world, LONG_AGO) as work:
            given = found(source=source, source_id=ids[source])
            await open_discrepancy(work, await household_of(work, household_id), given)
        return True
    async with working(world) as work:
        rows = await work.transaction.connection.fetch(
            "select id, version from discrepancy where household_id = $1", household_id
        )
    statuses = []
    for row in rows:
        if event == "answered":
            answer = await answered(client, worker, row["id"], row["version"])
        else:
            answer = await resolved(client, reviewer, row["id"], row["version"], outcome)
        statuses.append(answer.status_code)
    assert set(statuses) <= {200, 409}
    return 200 in statuses
