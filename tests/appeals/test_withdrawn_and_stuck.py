"""An appeal is taken back by whoever lodged it; and goes a level up where nobody may decide it any more."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import structlog

from app.applications.path import State
from app.jobs.appeals import step_up_all
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.appeals.making import Office, decide, granted, lodge, lodged, office, own, refused, waiting
from tests.http.refusals import refused as refusal
from tests.make import Case, Someone, World

DISTRICT = (Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER)


@pytest.fixture
async def desks(world: World) -> Office:
    return await office(world)


async def withdrawn(
    client: httpx.AsyncClient, case: Case, appeal: dict[str, Any], version: int = 1, by: Someone | None = None
) -> httpx.Response:
    headers = (by or case.applicant).headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/applications/{case.id}/appeals/{appeal['id']}/withdraw", headers=headers)


async def gone(owner: asyncpg.Connection, *people: Someone) -> None:
    """They hold no post any more."""
    await owner.execute("update post set ended_at = now() where person_id = any($1)", [each.id for each in people])


def of_the_district(desks: Office) -> list[Someone]:
    return [people[role] for people in (desks.first, desks.again) for role in DISTRICT]


# ---- taken back ----


async def test_an_appeal_that_is_taken_back_leaves_the_refusal_as_it_was(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    appeal = await lodged(client, case)
    assert appeal["open_actions"] == ["withdraw"]
    done = await withdrawn(client, case, appeal)
    assert (done.status_code, done.json()["state"], done.headers["etag"]) == (200, "withdrawn", '"2"'), done.text
    assert (done.json()["open_actions"], done.json()["overdue"]) == ([], False)
    shown = await own(client, case)
    assert (shown["state"], shown["open_actions"]) == ("rejected", [])
    assert [step["action"] for step in shown["timeline"]][-2:] == ["appeal", "withdraw_appeal"]
    leader = desks.again[Role.DISTRICT_LEADER]
    assert appeal["id"] not in await waiting(client, leader)
    refusal(await decide(client, leader, appeal, "uphold", version=2), 409, "not_allowed_now")
    # Nor is it lodged, or taken back, a second time.
    refusal(await lodge(client, case, shown["version"]), 409, "already_appealed")
    refusal(await withdrawn(client, case, appeal, 2), 409, "not_allowed_now")
    audited = await owner.fetchval("select action from audit_entry where subject_id = $1 order by id desc limit 1",
                                   UUID(appeal["id"]))  # fmt: skip
    assert audited == "appeal.withdrawn"


async def test_what_was_granted_but_too_low_goes_on_when_its_appeal_is_taken_back(
    client: httpx.AsyncClient, desks: Office
) -> None:
    case = await granted(client, desks)
    appeal = await lodged(client, case)
    before = await own(client, case)
    assert (await withdrawn(client, case, appeal)).json()["state"] == "withdrawn"
    shown = await own(client, case)
    assert (shown["state"], shown["version"]) == ("public_notice", before["version"] + 1)
    assert shown["timeline"][-1]["action"] == "withdraw_appeal"


async def test_taking_back_is_for_whoever_lodged_it_and_wants_its_version(
    client: httpx.AsyncClient, desks: Office, world: World
) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    appeal = await lodged(client, case)
    for stranger in (await world.person(), desks.again[Role.DISTRICT_LEADER]):
        refusal(await withdrawn(client, case, appeal, by=stranger), 404, "appeal_not_found")
    other = await refused(client, desks, State.UNIT_REVIEW)
    path = f"/applications/{other.id}/appeals/{appeal['id']}/withdraw"
    headers = other.applicant.headers | make.keyed() | {"If-Match": '"1"'}
    refusal(await client.post(path, headers=headers), 404, "appeal_not_found")
    assert refusal(await withdrawn(client, case, appeal, 7), 412)["version"] == 1
    bare = case.applicant.headers | make.keyed()
    refusal(await client.post(f"/applications/{case.id}/appeals/{appeal['id']}/withdraw", headers=bare), 428)


async def test_of_taking_back_and_deciding_at_once_one_is_taken(client: httpx.AsyncClient, desks: Office) -> None:
    for _ in range(3):
        case = await refused(client, desks, State.UNIT_REVIEW)
        appeal = await lodged(client, case)
        answers = await asyncio.gather(
            withdrawn(client, case, appeal),
            decide(client, desks.again[Role.DISTRICT_LEADER], appeal, "uphold"),
            withdrawn(client, case, appeal),
        )
        assert Counter(answer.status_code for answer in answers)[200] == 1, [answer.text for answer in answers]
        assert (await own(client, case))["state"] == "rejected"


# ---- nobody is free ----


async def test_where_everybody_of_the_district_has_signed_it_goes_to_the_city_at_once(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    """It came back from the district once, where all of them had signed; then the unit refused it."""
    case = await refused(client, desks, State.UNIT_REVIEW)
    await owner.execute(
        "insert into passage (id, created_at, application_id, round, person_id, post_role, organisation_name, action, "
        "from_state, to_state, counts_as_review) select gen_random_uuid(), now() - interval '2 days', $1, 1, "
        "who, 'district_reviewer', 'x', 'approve', 'district_review', 'city_approval', false from unnest($2::uuid[]) "
        "as who", case.id, [each.id for each in of_the_district(desks)],
    )  # fmt: skip
    appeal = await lodged(client, case)
    assert (appeal["state"], appeal["stepped_up_at"]) == ("at_city", None)
    assert appeal["id"] in await waiting(client, desks.again[Role.CITY_LEADER])
    assert (await decide(client, desks.again[Role.CITY_LEADER], appeal, "uphold")).status_code == 200


async def test_where_the_district_has_nobody_it_goes_to_the_city_at_once(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    await gone(owner, *of_the_district(desks))
    assert (await lodged(client, case))["state"] == "at_city"


async def test_whoever_cannot_be_told_from_a_relative_is_nobody_who_may_decide(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection, world: World
) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    await gone(owner, *of_the_district(desks))
    await world.staff(Role.DISTRICT_LEADER, desks.town.districts[0], verified=False, consents=())
    await world.staff(Role.DISTRICT_LEADER, desks.town.districts[1], consents=())
    assert (await lodged(client, case))["state"] == "at_city"


async def test_one_that_has_come_to_stand_goes_up_once_and_those_above_are_told(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection, background: Jobs
) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    beside = await refused(client, desks, State.UNIT_REVIEW)
    appeal, free = await lodged(client, case), await lodged(client, beside)
    assert (appeal["state"], free["state"]) == ("at_district", "at_district")
    await step_up_all(background)
    assert await states(owner, appeal, free) == ["at_district", "at_district"]
    await decide(client, desks.again[Role.DISTRICT_LEADER], free, "uphold")
    await gone(owner, *of_the_district(desks))
    await asyncio.gather(*(step_up_all(background) for _ in range(3)))
    assert await states(owner, appeal, free) == ["at_city", "upheld"]
    facts = await owner.fetch(
        "select body::text from out_message where name = 'AppealSteppedUp' and body ->> 'appeal_id' = $1", appeal["id"]
    )
    assert len(facts) == 1
    for _ in range(2):
        for handler in HANDLERS["AppealSteppedUp"]:
            async with background.work() as work:
                await handler(work, {"appeal_id": appeal["id"], "application_id": str(case.id), "state": "at_city"})
    leader = desks.again[Role.CITY_LEADER]
    messages = (await client.get("/me/messages", headers=leader.headers)).json()["items"]
    assert [each["title"] for each in messages if each["subject_id"] == appeal["id"]] == ["有申诉待复核"]
    mine = (await client.get(f"/applications/{case.id}/appeals", headers=case.applicant.headers)).json()["items"]
    assert (mine[0]["state"], mine[0]["version"], mine[0]["stepped_up_at"] is None) == ("at_city", 2, False)
    assert mine[0]["due_at"] == appeal["due_at"]
    assert (await decide(client, leader, appeal, "change", version=2)).status_code == 200


async def test_in_the_city_it_stays_and_is_said(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection, background: Jobs
) -> None:
    case = await refused(client, desks, State.CITY_APPROVAL)
    appeal = await lodged(client, case)
    city = (Role.CITY_REVIEWER, Role.CITY_LEADER)
    await gone(owner, *(people[role] for people in (desks.first, desks.again) for role in city))
    with structlog.testing.capture_logs() as logs:
        await step_up_all(background)
    assert await states(owner, appeal) == ["at_city"]
    (said,) = [each for each in logs if each["event"] == "appeals_without_decider"]
    assert said["count"] >= 1
    # It can still be taken back.
    assert (await withdrawn(client, case, appeal)).status_code == 200


async def test_looking_for_somebody_free_leaves_the_transaction_as_it_was(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    """The function asks as each of them; whoever asked is who they were afterwards."""
    case = await refused(client, desks, State.UNIT_REVIEW)
    async with owner.transaction():
        await owner.execute("select set_config('app.person', $1, true)", str(case.applicant.id))
        roles = [role.value for role in DISTRICT]
        for expected in (roles, ["unit_clerk_of_nowhere"]):
            found = await owner.fetchval("select appeal_has_decider($1, $2, current_date)", case.id, expected)
            assert found is (expected is roles)
            assert await owner.fetchval("select current_setting('app.person')") == str(case.applicant.id)


async def states(owner: asyncpg.Connection, *appeals: dict[str, Any]) -> list[str]:
    return [await owner.fetchval("select state from appeal where id = $1", UUID(each["id"])) for each in appeals]
