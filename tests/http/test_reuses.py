"""A bill that is claimed for again: found whatever was done to its picture and number, answered by people, and no
approval beyond the unit before that."""

import asyncio
from dataclasses import replace
from random import Random
from uuid import UUID

import httpx
import pytest

from app.applications.path import State
from app.jobs.reuse.search import look_at, look_at_all
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.seed.bills import retyped
from tests import make
from tests.http.refusals import refused
from tests.make import World
from tests.reuse.making import claimed, hints, next_one, photo, say, scan, some_bill, step, uploaded


@pytest.fixture
def seed() -> int:
    """Bills of no other test."""
    return Random().getrandbits(40)


async def test_a_photograph_of_the_same_paper_with_one_digit_changed_is_found_across_districts(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    here, there = town.units[0], town.units[2]
    before = await claimed(world, background, first, here, paper=scan(first))
    again = await claimed(world, background, retyped(first, Random(seed)), there, paper=photo(first))
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[1])
    (shown,) = await hints(client, reviewer)
    assert {each["code"] for each in shown["evidence"]} == {"picture", "number_near", "amounts", "stay"}
    assert shown["differs"] == ["结算单号"]
    assert shown["score"] == 100
    assert (shown["this"]["application_id"], shown["this"]["in_reach"]) == (str(again.id), True)
    assert shown["other"] == {
        "in_reach": False, "number": before.number, "organisation": here.name, "application_id": None,
    }  # fmt: skip
    read = await client.get(f"/staff/reuses/{shown['id']}", headers=reviewer.headers)
    assert read.json()["pictures"] == []
    assert str(before.id) not in read.text
    assert before.applicant.name not in read.text
    city = await world.staff(Role.CITY_REVIEWER, town.city)
    both = (await client.get(f"/staff/reuses/{shown['id']}", headers=city.headers)).json()
    assert len(both["pictures"]) == 1
    assert both["other"]["application_id"] == str(before.id)


async def test_a_paper_whose_form_was_invented_altogether_is_found_by_its_picture_alone(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    await claimed(world, background, first, town.units[0], paper=scan(first))
    await claimed(world, background, some_bill(seed + 1), town.units[1], paper=photo(first))
    (shown,) = await hints(client, await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]))
    assert [each["code"] for each in shown["evidence"]] == ["picture"]
    assert "结算单号" in shown["differs"]


async def test_another_bill_of_the_same_hospital_days_and_the_next_number_is_no_hint(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    other = next_one(first, seed + 1)
    await claimed(world, background, first, town.units[0], paper=scan(first))
    case = await claimed(world, background, other, town.units[1], paper=photo(other))
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert await hints(client, reviewer) == []
    seen = (await client.get(f"/staff/applications/{case.id}", headers=reviewer.headers)).json()
    assert (seen["reuse"], seen["reuses"]) == (None, [])


async def test_beyond_the_unit_nobody_approves_before_the_hint_is_answered(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    unit, district = town.units[0], town.districts[0]
    await claimed(world, background, first, town.units[2])
    again = await claimed(world, background, retyped(first, Random(seed)), unit, state=State.UNIT_REVIEW)
    chair, reviewer = await world.staff(Role.UNIT_CHAIR, unit), await world.staff(Role.DISTRICT_REVIEWER, district)
    tasks = (await client.get("/staff/tasks", headers=chair.headers)).json()["items"]
    assert [each["reuse"] for each in tasks if each["application_id"] == str(again.id)] == ["open"]
    assert (await step(client, chair, again, "approve")).status_code == 200
    seen = (await client.get(f"/staff/applications/{again.id}", headers=reviewer.headers)).json()
    assert "approve" not in seen["open_actions"]
    assert (seen["reuse"], seen["reuses"][0]["asked_of_this"]) == ("open", True)
    refused(await step(client, reviewer, again, "approve"), 409, "reuse_unanswered")
    (shown,) = await hints(client, reviewer)
    refused(await say(client, reviewer, shown, "different", note=None), 422, "invalid")
    same = await say(client, reviewer, shown, "same")
    assert same.json()["state"] == "same"
    refused(await say(client, reviewer, shown, "different"), 412, "stale_version")
    refused(await step(client, reviewer, again, "approve"), 409, "reuse_confirmed")
    assert (await say(client, reviewer, same.json(), "different", "重新核对：是两次住院")).status_code == 200
    assert (await step(client, reviewer, again, "approve")).status_code == 200


async def test_only_whoever_reviews_the_second_case_answers_and_nobody_about_themselves(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    mine = await world.person(home=town.units[2], posts=((Role.DISTRICT_REVIEWER, town.districts[0]),))
    await claimed(world, background, first, town.units[2], who=mine)
    await claimed(world, background, retyped(first, Random(seed)), town.units[0])
    assert await hints(client, mine) == []
    elsewhere = await world.staff(Role.DISTRICT_REVIEWER, town.districts[1])
    assert await hints(client, elsewhere) == []
    (shown,) = await hints(client, await world.staff(Role.CITY_REVIEWER, town.city))
    seen = await client.get(f"/staff/reuses/{shown['id']}", headers=elsewhere.headers)
    assert (seen.status_code, seen.json()["open_actions"]) == (200, [])
    assert seen.json()["this"]["application_id"] is None
    refused(await say(client, elsewhere, shown, "different"), 404, "reuse_not_found")
    refused(await client.get(f"/staff/reuses/{shown['id']}", headers=mine.headers), 404, "reuse_not_found")
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    refused(await say(client, clerk, shown, "different"), 403, "not_allowed")


async def test_two_answers_at_once_leave_one(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    await claimed(world, background, first, town.units[1])
    await claimed(world, background, retyped(first, Random(seed)), town.units[0])
    one, two = [await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]) for _ in range(2)]
    (shown,) = await hints(client, one)
    answers = await asyncio.gather(say(client, one, shown, "same"), say(client, two, shown, "different"))
    assert sorted(each.status_code for each in answers) == [200, 412]


async def test_two_claims_that_come_at_once_raise_one_hint(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    pair = [
        await claimed(world, background, said, town.units[0], looked=False)
        for said in (first, retyped(first, Random(seed)))
    ]
    await asyncio.gather(*(look_at(background, case.id) for case in pair))
    assert len(await hints(client, await world.staff(Role.CITY_REVIEWER, town.city))) == 1


async def test_a_hint_is_cleared_when_either_claim_is_over_and_its_case_goes_on(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    before = await claimed(world, background, first, town.units[1])
    again = await claimed(world, background, retyped(first, Random(seed)), town.units[0], state=State.DISTRICT_REVIEW)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert (await step(client, reviewer, again, "approve")).status_code == 409
    taken_back = await client.post(
        f"/applications/{before.id}/withdraw", headers=before.applicant.headers | make.keyed() | {"If-Match": '"1"'}
    )
    assert taken_back.status_code == 200, taken_back.text
    await look_at(background, before.id)
    assert await hints(client, reviewer) == []
    assert len(await hints(client, reviewer, "cleared")) == 1
    assert (await step(client, reviewer, again, "approve")).status_code == 200


async def test_an_approval_that_did_not_know_of_the_hint_is_too_late(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    await claimed(world, background, first, town.units[1])
    again = await claimed(
        world, background, retyped(first, Random(seed)), town.units[0], state=State.DISTRICT_REVIEW, looked=False
    )
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    seen = (await client.get(f"/staff/applications/{again.id}", headers=reviewer.headers)).json()
    await look_at(background, again.id)
    headers = reviewer.headers | make.keyed() | {"If-Match": f'"{seen["version"]}"'}
    body = {"action": "approve"}
    late = await client.post(f"/staff/applications/{again.id}/actions", json=body, headers=headers)
    refused(late, 412, "stale_version")


async def test_one_household_may_claim_for_one_bill_under_two_kinds_of_aid(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    worker, paper = await world.person(home=town.units[0]), scan(first)
    household_id = await world.household(worker, town.units[0])
    await claimed(world, background, first, town.units[0], paper=paper, who=worker, household_id=household_id)
    medical = {"self_paid_fen": 100_00, "mutual_aid_paid_fen": 0, "settled_on": str(first.discharged_on)}
    form = make.living_aid(item="medical", medical=medical)
    aid = await world.application(worker, town.units[0], form=form, household_id=household_id)
    await uploaded(world, background, worker, aid, paper)
    await look_at(background, aid.id)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert await hints(client, reviewer) == []
    stranger = await world.person(home=town.units[1])
    other = await world.application(stranger, town.units[1], form=form)
    await uploaded(world, background, stranger, other, paper)
    await look_at(background, other.id)
    codes = {each["code"] for shown in await hints(client, reviewer) for each in shown["evidence"]}
    assert "file" in codes


async def test_looking_twice_changes_nothing_and_what_was_answered_stays_answered(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    await claimed(world, background, first, town.units[1])
    again = await claimed(world, background, retyped(first, Random(seed)), town.units[0])
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    (shown,) = await hints(client, reviewer)
    await look_at(background, again.id)
    assert (await hints(client, reviewer))[0]["version"] == shown["version"]
    assert (await say(client, reviewer, shown, "different")).status_code == 200
    await look_at(background, again.id)
    assert await hints(client, reviewer) == []
    (kept,) = await hints(client, reviewer, "different")
    assert kept["id"] == shown["id"]


async def test_a_sheet_number_is_one_number_however_it_is_spelt(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    spelt = replace(first, number=f"{first.number[:6]}-{first.number[6:]}")
    await claimed(world, background, first, town.units[0])
    await claimed(world, background, spelt, town.units[1])
    (shown,) = await hints(client, await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]))
    assert "number" in {each["code"] for each in shown["evidence"]}


async def test_what_was_not_read_does_not_stop_the_others(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    """A file that is gone from the store, and one that is no picture, have no print; the claim is compared all the
    same."""
    town, first = await world.town(), some_bill(seed)
    case = await claimed(world, background, first, town.units[0], paper=b"no picture at all", looked=False)
    missing = await uploaded(world, background, case.applicant, case, b"soon gone")
    await background.files.remove(UUID(missing))
    await look_at(background, case.id)
    await claimed(world, background, retyped(first, Random(seed)), town.units[1], paper=scan(first))
    (shown,) = await hints(client, await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]))
    assert {each["code"] for each in shown["evidence"]} == {"number_near", "amounts", "stay"}


async def test_all_claims_can_be_looked_at_anew_and_what_was_there_before_is_found(
    client: httpx.AsyncClient, world: World, background: Jobs, seed: int
) -> None:
    town, first = await world.town(), some_bill(seed)
    before = await claimed(world, background, first, town.units[0], looked=False)
    await claimed(world, background, retyped(first, Random(seed)), town.units[1], looked=False)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert await hints(client, reviewer) == []
    counted = [count async for count in look_at_all(background, UUID(int=before.id.int - 1))]
    assert counted[:2] == [1, 2]
    assert len(await hints(client, reviewer)) == 1
