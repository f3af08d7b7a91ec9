"""What is large is decided by several together: who may be named, each one's vote, the minutes, the count, the end."""

from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.applications.path import STAGES, Kind, State
from app.applications.routes import KIND, ApprovalRoutes
from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.policies.commands import load_shipped
from app.policies.rules import read
from app.policy.book import PolicyBook
from tests import make
from tests.calling import post, upload
from tests.files.samples import picture
from tests.http.refusals import refused
from tests.make import Case, Someone, World
from tests.meetings.making import (
    LARGE_FEN,
    City,
    cancel,
    candidates,
    case_seen,
    city_of,
    conclude,
    convene,
    convened,
    decided,
    minuted,
    seen,
    vote,
)
from tests.paying import why_out
from tests.policies.making import document


@pytest.fixture(scope="module")
async def city(world: World) -> City:
    return await city_of(world)


@pytest.fixture(scope="module")
async def insured(app: FastAPI, jobs: Database) -> dict[str, Any]:
    """The way of an insurance claim under a version, of days long past, that has meetings on them as well."""
    terms = {"members": 3, "quorum": 2, "majority": "of_votes"}
    whole = document(KIND, version="insured", in_force_from="2014-01-01")
    for each in whole["routes"]:
        each["bands"] = [{"stages": list(STAGES), "meeting": terms}]
    version = read(ApprovalRoutes, whole)
    async with jobs.begin(Sight("job")) as transaction:
        await load_shipped(transaction, PolicyBook({KIND: (version,)}), make.NOW)
    app.state.service.policies._look_again_at = 0.0  # instead of the seconds until it looks by itself
    return {"kind": Kind.SECONDARY_MEDICAL, "route_version": "insured"}


async def act(client: httpx.AsyncClient, by: Someone, case: Case, version: int, action: str, **more: Any) -> Any:
    return await post(client, by, f"/staff/applications/{case.id}/actions", {"action": action} | more, version)


# ---- how it ends ----


@pytest.mark.parametrize("published", [True, False])
async def test_what_is_carried_goes_on_as_if_the_city_had_approved_it(
    client: httpx.AsyncClient, city: City, insured: dict[str, Any], published: bool
) -> None:
    case = await city.case(**({} if published else insured))
    meeting = await decided(client, city, case, ("for", "for", "against"))
    shown = await seen(client, city.leaders[0], meeting)
    assert (shown["state"], shown["stands"]) == ("carried", False)
    assert shown["tally"] == {"members": 3, "cast": 3, "in_favour": 2, "against": 1, "abstained": 0}
    after = await case_seen(client, city.desks[Role.AUDITOR], case)
    assert after["state"] == ("public_notice" if published else "approved")
    told = [(step["action"], step["from_state"], step["to_state"], step["by"]["role"]) for step in after["timeline"]]
    assert told[1:] == [
        ("convene", "meeting", "meeting", "city_reviewer"),
        *[("vote", "meeting", "meeting", "city_leader")] * 3,
        ("carry", "meeting", after["state"], "city_reviewer"),
    ]


async def test_what_is_turned_down_is_rejected_with_the_reason_that_the_worker_reads(
    client: httpx.AsyncClient, city: City
) -> None:
    case = await city.case()
    words = {"note": "会议认为困难程度没有达到", "reason_code": "not_in_hardship"}
    meeting = await decided(client, city, case, ("for", "against", "abstain"), **words)
    assert (await seen(client, city.leaders[0], meeting))["reason_code"] == "not_in_hardship"
    mine = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    last = mine["timeline"][-1]
    assert (mine["state"], last["action"], last["note"]) == ("rejected", "turn_down", words["note"])
    assert (last["reason_code"], last["reason_text"]) == ("not_in_hardship", "家庭困难程度未达到帮扶标准")
    assert "appeal" in mine["open_actions"]
    assert not any("choice" in step for step in mine["timeline"])


@pytest.mark.parametrize(
    ("choices", "state"),
    [
        (("for", "for"), "carried"),  # of three named; the third stays away
        (("for", "against"), "turned_down"),
        (("for", "abstain"), "turned_down"),
        (("against", "against"), "turned_down"),
    ],
)
async def test_more_than_half_of_all_who_were_named_have_to_be_for_it(
    client: httpx.AsyncClient, city: City, choices: tuple[str, ...], state: str
) -> None:
    case = await city.case()
    meeting = await convened(client, city, case, city.leaders[:3])
    for leader, choice in zip(city.leaders, choices, strict=False):
        await vote(client, leader, meeting, choice)
    await minuted(client, city, meeting)
    expected = ["carry" if state == "carried" else "turn_down"]
    shown = await seen(client, city.secretary, meeting)
    assert [action for action in shown["open_actions"] if action in ("carry", "turn_down")] == expected
    words = {} if state == "carried" else {"note": "没有过半数", "reason_code": "facts_not_confirmed"}
    assert (await conclude(client, city.secretary, meeting, **words)).json()["state"] == state


async def test_nobody_chooses_how_it_ends(client: httpx.AsyncClient, city: City) -> None:
    lost, won = await city.case(), await city.case()
    meeting = await convened(client, city, lost, city.leaders[:3])
    for leader in city.leaders[:3]:
        await vote(client, leader, meeting, "against")
    await minuted(client, city, meeting)
    problem = refused(await conclude(client, city.secretary, meeting, note="同意"), 422)
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/reason_code", "reason_required")]
    other = await convened(client, city, won, city.leaders[:3])
    for leader in city.leaders[:3]:
        await vote(client, leader, other, "for")
    await minuted(client, city, other)
    words = {"note": "不同意", "reason_code": "not_in_hardship"}
    problem = refused(await conclude(client, city.secretary, other, **words), 422)
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/reason_code", "reason_not_asked")]
    assert (await case_seen(client, city.secretary, won))["state"] == "meeting"


async def test_it_does_not_end_before_its_quorum_nor_without_its_minutes(client: httpx.AsyncClient, city: City) -> None:
    case = await city.case()
    meeting = await convened(client, city, case, city.leaders)
    shown = await seen(client, city.secretary, meeting)
    assert (shown["members"], shown["quorum"], shown["majority"]) == (5, 4, "of_members")  # two of three, rounded up
    for leader in city.leaders[:3]:
        await vote(client, leader, meeting, "for")
    await minuted(client, city, meeting)
    problem = refused(await conclude(client, city.secretary, meeting), 409, "quorum_missing")
    assert (problem["needed"], problem["cast"]) == (4, 3)
    again = await convened(client, city, other := await city.case(), city.leaders[:3])
    for leader in city.leaders[:3]:
        await vote(client, leader, again, "for")
    refused(await conclude(client, city.secretary, again), 409, "minutes_missing")
    assert (await case_seen(client, city.secretary, other))["state"] == "meeting"


async def test_whoever_ends_it_has_seen_every_vote(client: httpx.AsyncClient, city: City) -> None:
    case = await city.case()
    meeting = await convened(client, city, case, city.leaders[:3])
    for leader in city.leaders[:2]:
        await vote(client, leader, meeting, "for")
    await minuted(client, city, meeting)
    looked = (await seen(client, city.secretary, meeting))["version"]
    await vote(client, city.leaders[2], meeting, "against")
    refused(await conclude(client, city.secretary, meeting, version=looked), 412, "stale_version")
    assert (await conclude(client, city.secretary, meeting)).json()["state"] == "carried"


# ---- who votes ----


async def test_those_who_may_be_named_hold_a_post_of_the_city_and_had_no_part_in_the_case(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    city = await city_of(world, 6)
    kin, twin, signer, *free = city.leaders
    worker = await world.person(home=city.town.units[0])
    household_id = await world.household(
        worker, city.town.units[0], members=[make.member("spouse", number=kin.id_number)]
    )
    case = await world.application(
        worker, city.town.units[0], state=State.CITY_APPROVAL, household_id=household_id,
        route="unit_review district_review city_approval meeting", route_version="2026", route_fen=LARGE_FEN,
    )  # fmt: skip
    # The applicant under another account: one identity number may stand on two once the first is closed.
    await owner.execute(
        "update person set id_number_index = (select id_number_index from person where id = $1), closed_at = now() "
        "where id = $2", twin.id, worker.id,
    )  # fmt: skip
    assert (await act(client, signer, case, 1, "approve")).json()["state"] == "meeting"
    found = (await candidates(client, city.secretary, case)).json()["items"]
    assert {each["person_id"] for each in found} == {str(each.id) for each in free}
    assert {each["name"] for each in found} == {each.name for each in free}
    for leader in (kin, twin, signer, city.secretary, city.desks[Role.UNIT_CHAIR]):
        body = {"application_id": str(case.id), "member_ids": [str(each.id) for each in (*free[:2], leader)]}
        problem = refused(await post(client, city.secretary, "/staff/meetings", body, 2), 422)
        told = [(error["pointer"], error["code"]) for error in problem["errors"]]
        assert told == [("/member_ids/2", "member_not_eligible")], leader.name


async def test_the_database_refuses_whoever_came_near_after_they_were_named(
    client: httpx.AsyncClient, world: World
) -> None:
    city = await city_of(world, 3)
    case = await city.case()
    meeting = await convened(client, city, case, city.leaders)
    await world.household(
        case.applicant, city.town.units[0], members=[make.member("spouse", number=city.leaders[0].id_number)]
    )
    refused(await vote(client, city.leaders[0], meeting, "for"), 403, "kept_from_meeting")
    assert (await vote(client, city.leaders[1], meeting, "for")).status_code == 200


async def test_too_few_or_the_same_twice_are_no_meeting(client: httpx.AsyncClient, city: City) -> None:
    case = await city.case()
    problem = refused(await convene(client, city.secretary, case, city.leaders[:2]), 409, "too_few_members")
    assert (problem["needed"], problem["named"]) == (3, 2)
    one, two, *_ = city.leaders
    problem = refused(await convene(client, city.secretary, case, (one, two, one)), 422)
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/member_ids/2", "member_repeated")]
    assert (await case_seen(client, city.secretary, case))["open_actions"] == ["convene"]


async def test_each_votes_once_and_only_who_was_named(client: httpx.AsyncClient, city: City) -> None:
    meeting = await convened(client, city, await city.case(), city.leaders[:3])
    assert (await seen(client, city.leaders[0], meeting))["open_actions"] == ["vote", "attach_minutes", "cancel"]
    assert (await vote(client, city.leaders[0], meeting, "for", note="同意")).json()["version"] == 2
    for choice in ("for", "against"):
        refused(await vote(client, city.leaders[0], meeting, choice), 409, "already_voted")
    refused(await vote(client, city.leaders[3], meeting, "for"), 403, "not_a_member")
    refused(await vote(client, city.secretary, meeting, "for"), 403, "not_allowed")
    refused(await vote(client, city.leaders[1], meeting, "perhaps"), 422)
    shown = await seen(client, city.leaders[1], meeting)
    assert shown["tally"] == {"members": 3, "cast": 1, "in_favour": None, "against": None, "abstained": None}
    assert [(m["voted"], m["choice"], m["note"]) for m in shown["members_named"]] == [
        (True, None, None), (False, None, None), (False, None, None),
    ]  # fmt: skip


async def test_how_each_voted_is_told_once_it_has_ended(client: httpx.AsyncClient, city: City) -> None:
    meeting = await decided(client, city, await city.case(), ("for", "for", "abstain"))
    shown = await seen(client, city.leaders[3], meeting)
    assert [member["choice"] for member in shown["members_named"]] == ["for", "for", "abstain"]
    assert shown["members_named"][0]["name_masked"] == "陈*明"
    refused(await vote(client, city.leaders[0], meeting, "against"), 409, "not_allowed_now")


async def test_whoever_voted_takes_no_other_step_of_that_round(
    client: httpx.AsyncClient, world: World, insured: dict[str, Any]
) -> None:
    city = await city_of(world, 2)
    both = await world.person(
        posts=tuple((role, city.town.city) for role in (Role.CITY_LEADER, Role.FINANCE_MAKER)), consents=()
    )
    case = await city.case(**insured)
    meeting = await convened(client, city, case, (*city.leaders, both))
    for leader in (*city.leaders, both):
        await vote(client, leader, meeting, "for")
    await minuted(client, city, meeting)
    await conclude(client, city.secretary, meeting)
    assert await why_out(client, both, city.town.city) == {case.number: "already_signed"}
    assert await why_out(client, city.desks[Role.FINANCE_MAKER], city.town.city) == {case.number: "card_missing"}


async def test_whoever_voted_decides_no_appeal_against_it(client: httpx.AsyncClient, city: City) -> None:
    case = await city.case()
    words = {"note": "没有过半数", "reason_code": "facts_not_confirmed"}
    await decided(client, city, case, ("against", "against", "against"), **words)
    lodged = await post(client, case.applicant, f"/applications/{case.id}/appeals", {"reason": "请再看一次"}, 2)
    assert lodged.json()["state"] == "at_city", lodged.text
    body = {"action": "uphold", "note": "维持"}
    path = f"/staff/appeals/{lodged.json()['id']}/actions"
    refused(await post(client, city.leaders[0], path, body, 1), 403, "near_the_case")
    assert (await post(client, city.leaders[4], path, body, 1)).json()["state"] == "upheld"


# ---- one meeting for each round ----


async def test_one_round_has_one_meeting_and_a_cancelled_one_makes_room(client: httpx.AsyncClient, city: City) -> None:
    case = await city.case()
    meeting = await convened(client, city, case, city.leaders[:3])
    await vote(client, city.leaders[0], meeting, "for")
    again = refused(await convene(client, city.secretary, case, city.leaders[:3]), 409, "meeting_already_open")
    assert again["meeting_id"] == meeting
    refused(await cancel(client, city.secretary, meeting, note=None), 422)
    assert (await cancel(client, city.secretary, meeting)).json()["state"] == "cancelled"
    other = await convened(client, city, case, city.leaders[:3])
    assert other != meeting
    assert (await vote(client, city.leaders[0], other, "against")).status_code == 200
    refused(await vote(client, city.leaders[1], meeting, "for"), 409, "not_allowed_now")


async def test_a_case_that_was_withdrawn_leaves_its_meeting_void(client: httpx.AsyncClient, city: City) -> None:
    case = await city.case()
    meeting = await convened(client, city, case, city.leaders[:3])
    for leader in city.leaders[:2]:
        await vote(client, leader, meeting, "for")
    await minuted(client, city, meeting)
    assert (await post(client, case.applicant, f"/applications/{case.id}/withdraw", None, 1)).status_code == 200
    shown = await seen(client, city.leaders[2], meeting)
    assert (shown["stands"], shown["case_state"], shown["open_actions"]) == (
        False,
        "withdrawn",
        ["attach_minutes", "cancel"],
    )
    assert (
        refused(await vote(client, city.leaders[2], meeting, "for"), 409, "meeting_void")["case_state"] == "withdrawn"
    )
    refused(await conclude(client, city.secretary, meeting), 409, "meeting_void")
    assert (await cancel(client, city.secretary, meeting)).status_code == 200


async def test_only_a_case_that_waits_for_a_meeting_gets_one(client: httpx.AsyncClient, city: City) -> None:
    for state in (State.CITY_APPROVAL, State.PUBLIC_NOTICE, State.REJECTED):
        case = await city.case(state=state)
        refused(await convene(client, city.secretary, case, city.leaders[:3]), 409, "not_allowed_now")
    case = await city.case()
    refused(await convene(client, city.secretary, case, city.leaders[:3], version=2), 412, "stale_version")
    for action in ("convene", "carry", "turn_down", "vote", "approve", "reject"):
        words = {"note": "同意", "reason_code": "not_in_hardship"}
        refused(await act(client, city.leaders[0], case, 1, action, **words), 409, "not_allowed_now")


# ---- the minutes ----


async def test_the_minutes_are_an_upload_of_ones_own_and_the_others_of_the_city_read_them(
    client: httpx.AsyncClient, city: City, world: World
) -> None:
    meeting = await convened(client, city, case := await city.case(), city.leaders[:3])
    path = f"/staff/meetings/{meeting}/minutes"
    for state, code in (("clean", "file_unknown"), ("rejected", "file_rejected"), ("pending", "file_pending")):
        owner = city.leaders[0] if state == "clean" else city.secretary
        file_id = await world.file(owner, state=state)
        problem = refused(await post(client, city.secretary, path, {"file_id": str(file_id)}, 1), 422)
        assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/file_id", code)]
    kept = await upload(client, city.secretary, picture())
    file_id = kept.json()["id"]
    assert (await post(client, city.secretary, path, {"file_id": file_id}, 1)).json()["version"] == 2
    assert (await seen(client, city.leaders[0], meeting))["minutes_file_id"] == file_id
    refused(await post(client, city.leaders[3], path, {"file_id": file_id}, 2), 422)  # somebody else's upload
    elsewhere = await city_of(world, 1)
    for who, status in (
        (city.leaders[0], 200), (city.desks[Role.AUDITOR], 200), (city.desks[Role.DISTRICT_REVIEWER], 404),
        (elsewhere.secretary, 404), (case.applicant, 404),
    ):  # fmt: skip
        assert (await client.get(f"/files/{file_id}", headers=who.headers)).status_code == status
    looks = (await client.get("/me/access_log", headers=case.applicant.headers)).json()["items"]
    assert "file.read" in {look["action"] for look in looks}  # whom the minutes are about may see who read them
    replaced = await minuted(client, city, meeting)
    assert (await seen(client, city.leaders[0], meeting))["minutes_file_id"] == str(replaced)
    refused(await client.get(f"/files/{file_id}", headers=city.leaders[0].headers), 404, "file_not_found")


# ---- lists ----


async def test_what_waits_for_a_meeting_is_in_the_queue_and_what_waits_for_my_vote_in_its_list(
    client: httpx.AsyncClient, world: World
) -> None:
    city = await city_of(world, 4)
    case, large = await city.case(), await city.case()
    queue = await client.get("/staff/tasks", params={"state": "meeting"}, headers=city.secretary.headers)
    assert {item["application_id"] for item in queue.json()["items"]} == {str(case.id), str(large.id)}
    first = await convened(client, city, case, city.leaders[:3])
    second = await convened(client, city, large, city.leaders[1:])

    async def listed(by: Someone, **query: Any) -> list[str]:
        answer = await client.get("/staff/meetings", params=query, headers=by.headers)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await listed(city.leaders[0], to_vote=True) == [first]
    assert await listed(city.leaders[1], to_vote=True) == [second, first]
    await vote(client, city.leaders[1], first, "for")
    assert await listed(city.leaders[1], to_vote=True) == [second]
    assert await listed(city.secretary, to_vote=True) == []
    await cancel(client, city.secretary, second)
    assert await listed(city.secretary, state="cancelled") == [second]
    assert await listed(city.secretary, state="open") == [first]
    page = await client.get("/staff/meetings", params={"limit": 1}, headers=city.secretary.headers)
    rest = {"limit": 1, "cursor": page.json()["next_cursor"]}
    assert [item["id"] for item in page.json()["items"]] + await listed(city.secretary, **rest) == [second, first]
