"""From a draft to the notice with a meeting on the way; and what leads to one again: an appeal, an objection."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.applications.path import State
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.calling import every_item, post
from tests.make import Case, Someone, World
from tests.meetings.making import City, case_seen, city_of, decided

MEETS = ["unit_review", "district_review", "city_approval", "meeting"]
WAY = (Role.UNIT_CHAIR, Role.DISTRICT_REVIEWER, Role.CITY_REVIEWER)


@pytest.fixture(scope="module")
async def city(world: World) -> City:
    return await city_of(world)


def medical(requested_fen: int) -> dict[str, Any]:
    settled_on = str(make.TODAY - timedelta(days=10))
    paid = {"self_paid_fen": 10_000_000, "mutual_aid_paid_fen": 0, "settled_on": settled_on}
    return {"item": "medical", "requested_fen": requested_fen, "reason": "住院自付较多", "medical": paid}


async def act(client: httpx.AsyncClient, by: Someone, case: Case, action: str, **more: Any) -> str:
    version = (await case_seen(client, by, case))["version"]
    answer = await post(client, by, f"/staff/applications/{case.id}/actions", {"action": action} | more, version)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["state"])


async def submitted(client: httpx.AsyncClient, city: City, requested_fen: int) -> Case:
    worker = await city.world.worker(city.town.units[0])
    body = {"kind": "hardship_aid", "form": medical(requested_fen)}
    drafted = (await post(client, worker, "/applications", body)).json()
    assert drafted["route"] == MEETS[:3]
    answer = await post(client, worker, f"/applications/{drafted['id']}/submit", None, drafted["version"])
    assert (answer.json()["state"], answer.json()["decision"]["amount_fen"]) == ("submitted", requested_fen), (
        answer.text
    )
    return Case(drafted["id"], drafted["number"], drafted["kind"], State.SUBMITTED, worker, city.town.units[0], None)


async def to_the_meeting(client: httpx.AsyncClient, city: City, case: Case) -> None:
    await act(client, city.desks[Role.UNIT_CLERK], case, "accept")
    states = [await act(client, city.desks[role], case, "approve") for role in WAY]
    assert states == ["district_review", "city_approval", "meeting"]


@pytest.mark.parametrize(("requested_fen", "meets"), [(2_000_000, False), (2_000_001, True)])
async def test_the_way_of_an_application_is_found_as_it_is_submitted(
    client: httpx.AsyncClient, city: City, requested_fen: int, meets: bool
) -> None:
    case = await submitted(client, city, requested_fen)
    mine = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    assert mine["route"] == (MEETS if meets else MEETS[:3])
    await act(client, city.desks[Role.UNIT_CLERK], case, "accept")
    states = [await act(client, city.desks[role], case, "approve") for role in WAY]
    assert states == ["district_review", "city_approval", "meeting" if meets else "public_notice"]


async def test_what_a_meeting_carries_is_published_and_paid_like_anything_else(
    client: httpx.AsyncClient, city: City, background: Jobs
) -> None:
    case = await submitted(client, city, 3_000_000)
    await to_the_meeting(client, city, case)
    mine = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    assert (mine["clock"]["waiting_for"], mine["deadline"] is not None) == ("union", True)
    await decided(client, city, case, ("for", "for", "abstain"))
    async with background.work() as work:
        fact = {"action": "carry", "to_state": "public_notice", "application_id": str(case.id), "kind": "hardship_aid"}
        for handle in HANDLERS["ApplicationMoved"]:
            await handle(work, fact)
    lines = await every_item(client, "/public/notices")
    assert [line["amount_fen"] for line in lines if line["number"] == case.number] == [3_000_000]


async def test_whoever_submits_again_with_less_needs_no_meeting(client: httpx.AsyncClient, city: City) -> None:
    case = await submitted(client, city, 3_000_000)
    await act(client, city.desks[Role.UNIT_CLERK], case, "return", note="请核对金额")
    form = {"form": medical(1_500_000)}
    headers = case.applicant.headers | {"If-Match": '"3"'}
    changed = await client.put(f"/applications/{case.id}", json=form, headers=headers)
    assert changed.status_code == 200, changed.text
    again = await post(client, case.applicant, f"/applications/{case.id}/submit", None, changed.json()["version"])
    assert again.json()["state"] == "submitted", again.text
    assert (await case_seen(client, city.secretary, case))["route"] == MEETS[:3]


async def test_an_objection_to_what_a_meeting_carried_leads_to_another_meeting(
    client: httpx.AsyncClient, city: City
) -> None:
    case = await submitted(client, city, 3_000_000)
    await to_the_meeting(client, city, case)
    first = await decided(client, city, case, ("for", "for", "for"))
    assert await act(client, city.desks[Role.CITY_REVIEWER], case, "object", note="异议成立") == "district_review"
    assert await act(client, city.desks[Role.DISTRICT_REVIEWER], case, "approve") == "city_approval"
    assert await act(client, city.desks[Role.CITY_REVIEWER], case, "approve") == "meeting"
    second = await decided(client, city, case, ("for", "for", "for"))
    assert first != second


@pytest.mark.parametrize(("refused_at", "level"), [(Role.UNIT_CHAIR, "district"), (Role.CITY_REVIEWER, "city")])
async def test_an_appeal_that_grants_so_much_is_decided_by_a_meeting(
    client: httpx.AsyncClient, city: City, refused_at: Role, level: str
) -> None:
    case = await submitted(client, city, 3_000_000)
    await act(client, city.desks[Role.UNIT_CLERK], case, "accept")
    words = {"note": "材料不足", "reason_code": "documents_not_valid"}
    for role in WAY:
        if role is refused_at:
            assert await act(client, city.desks[role], case, "reject", **words) == "rejected"
            break
        await act(client, city.desks[role], case, "approve")
    version = (await case_seen(client, city.secretary, case))["version"]
    appeal = await post(client, case.applicant, f"/applications/{case.id}/appeals", {"reason": "请再看一次"}, version)
    assert appeal.json()["state"] == f"at_{level}", appeal.text
    by = city.desks[Role.DISTRICT_REVIEWER] if level == "district" else city.leaders[4]
    body = {"action": "change", "note": "变更", "amount_fen": 2_500_000}
    changed = await post(client, by, f"/staff/appeals/{appeal.json()['id']}/actions", body, 1)
    assert changed.status_code == 200, changed.text
    shown = await case_seen(client, city.secretary, case)
    assert (shown["state"], shown["route"]) == ("city_approval" if level == "district" else "meeting", MEETS)
    if level == "district":
        assert await act(client, city.desks[Role.CITY_REVIEWER], case, "approve") == "meeting"
    await decided(client, city, case, ("for", "for", "for"))
    mine = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    assert (mine["state"], mine["amount_fen"]) == ("public_notice", 2_500_000)
    assert "appeal" in mine["open_actions"]
