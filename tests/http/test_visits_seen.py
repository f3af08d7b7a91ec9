"""What a volunteer, the staff and the worker see of a visit, and what a volunteer may see of everything else."""

import asyncpg
import httpx

from app.http.routing import api_routes
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.calling import every_item
from tests.http.refusals import refused
from tests.make import Town, World
from tests.visits.making import (
    SHA256,
    Household,
    act,
    answers,
    confirmed,
    edit,
    photo,
    plan,
    shown,
    sync,
    visit_of,
    visitor,
)

V1 = "/api/v1"


async def test_a_volunteer_sees_the_visits_assigned_to_them_and_nothing_else_at_all(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    unit, (first, second) = family.town.units[0], family.volunteers
    stranger = await visitor(world, unit)
    visit_id = (await plan(client, family.clerk, family.id, (first, second))).json()["id"]
    for path in ("/staff/visits", "/staff/visits?mine=true"):
        assert (await client.get(path, headers=stranger.headers)).json()["items"] == []
    assert (await client.get("/staff/visits/count", headers=stranger.headers)).json() == {"count": 0}
    assert (await client.get("/staff/visits/count", headers=first.headers)).json() == {"count": 1}
    absent = new_id()
    for method, path in (
        ("GET", "/staff/visits/{}"),
        ("POST", "/staff/visits/{}/actions"),
        ("POST", "/staff/visits/{}/operations"),
        ("POST", f"/staff/visits/{{}}/conflicts/{new_id()}"),
    ):
        body = {
            "actions": {"action": "start"},
            "operations": {"operations": [edit("/findings", "x", 1)]},
            "conflicts": {"choose": "mine"},
        }.get(path.split("/")[4] if path.count("/") > 3 else "")
        said = []
        for id_ in (visit_id, absent):
            headers = stranger.headers | make.keyed() | {"If-Match": '"1"', "X-Request-Id": "same"}
            answer = await client.request(method, path.format(id_), json=body, headers=headers)
            refused(answer, 404, "visit_not_found")
            said.append(answer.content)
        assert said[0] == said[1]


async def test_every_other_door_is_shut_to_a_volunteer(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    """Every staff route of the contract but those of a visit, with the household that they are sent to."""
    first = family.volunteers[0]
    case = await world.application(family.worker, family.town.units[0])
    await plan(client, family.clerk, family.id, family.volunteers)
    tried = 0
    for path, route in api_routes():
        if not path.startswith(f"{V1}/staff/") or path.startswith(f"{V1}/staff/visits"):
            continue
        for method in route.methods or ():
            url = path.removeprefix(V1).replace("{household_id}", str(family.id))
            url = url.replace("{application_id}", str(case.id))
            url = url.replace("{", "").replace("}", "") if "{" not in url else _filled(url)
            answer = await client.request(
                method, url, json={} if method == "POST" else None,
                headers=first.headers | make.keyed() | {"If-Match": '"1"'},
            )  # fmt: skip
            assert answer.status_code in (403, 422), (method, path, answer.text)
            if answer.status_code == 422:  # the body is read before the door is opened
                assert {error["code"] for error in answer.json()["errors"]} <= {"missing"}, answer.text
            tried += 1
    assert tried >= 20


def _filled(url: str) -> str:
    parts = [str(new_id()) if part.startswith("{") else part for part in url.split("/")]
    return "/".join(parts)


async def test_a_volunteer_with_a_post_elsewhere_keeps_both_apart(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    """A clerk of the unit beside who is a volunteer here sees the one visit here, and the cases of their own union."""
    town = family.town
    both = await world.person(
        posts=((Role.UNIT_CLERK, town.units[1]), (Role.HOME_VISITOR, town.units[0])), name="方静娴"
    )
    visit_id = (await plan(client, family.clerk, family.id, (family.volunteers[0], both))).json()["id"]
    refused(await client.get(f"/staff/households/{family.id}", headers=both.headers), 404)
    refused(await act(client, both, visit_id, 1, "cancel", note="x"), 403, "not_allowed")
    assert [each["id"] for each in (await client.get("/staff/visits?mine=true", headers=both.headers)).json()["items"]]
    assert (await client.get("/staff/visits", headers=both.headers)).json()["items"] == []
    seen = await shown(client, both, visit_id)
    assert (seen["household_id"], seen["open_actions"]) == (None, ["start"])
    assert (await act(client, both, visit_id, 1, "start")).status_code == 200
    full = await sync(client, both, visit_id, *await answers(world, both, 2, housing="commercial"))
    assert (await act(client, both, visit_id, full.json()["version"], "end")).status_code == 200
    asked = (await client.get("/me/household/discrepancies", headers=family.worker.headers)).json()["items"]
    assert [each["field"] for each in asked] == ["/housing"]


async def test_staff_who_are_not_sent_may_look_and_not_write(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, family.town.districts[0])
    assert (await shown(client, reviewer, visit_id))["household_id"] == str(family.id)
    refused(await sync(client, reviewer, visit_id, edit("/findings", "x", 1)), 403, "not_allowed")
    refused(await act(client, reviewer, visit_id, 1, "end"), 403, "not_allowed")
    listed = (await client.get("/staff/visits", headers=reviewer.headers)).json()["items"]
    assert [each["id"] for each in listed] == [str(visit_id)]
    assert (await client.get("/staff/visits?mine=true", headers=reviewer.headers)).json()["items"] == []


async def test_a_volunteer_no_longer_sees_a_closed_visit_and_the_union_sees_every_one(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    visit_id = await visit_of(
        world, family.id, family.worker, family.town.units[0], family.volunteers, state="ended", ended_at=make.NOW
    )
    assert (await shown(client, family.volunteers[0], visit_id))["id"] == str(visit_id)
    assert (await confirmed(client, family.worker, visit_id, 1)).status_code == 200
    refused(await client.get(f"/staff/visits/{visit_id}", headers=family.volunteers[0].headers), 404)
    assert (await shown(client, family.clerk, visit_id))["state"] == "confirmed"
    page = await client.get(f"/staff/households/{family.id}/visits", headers=family.clerk.headers)
    assert [(each["id"], each["state"]) for each in page.json()["items"]] == [(str(visit_id), "confirmed")]
    assert (await client.get("/staff/visits", headers=family.clerk.headers)).json()["items"] == []


async def test_the_worker_sees_who_looked(client: httpx.AsyncClient, world: World, family: Household) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers)
    await shown(client, family.volunteers[0], visit_id)
    log = (await client.get("/me/access_log", headers=family.worker.headers)).json()["items"]
    assert [entry["action"] for entry in log if entry["action"].startswith("visit.")] == ["visit.opened"]


async def test_nobody_elses_visit_is_confirmed(client: httpx.AsyncClient, world: World, family: Household) -> None:
    visit_id = await visit_of(
        world, family.id, family.worker, family.town.units[0], family.volunteers, state="ended", ended_at=make.NOW
    )
    for someone in (await world.person(), family.clerk, family.volunteers[0]):
        refused(await confirmed(client, someone, visit_id, 1), 404, "visit_not_found")


async def test_the_list_goes_on_where_a_page_ended(client: httpx.AsyncClient, world: World, town: Town) -> None:
    someone, ids = await visitor(world, town.units[0]), []
    for _ in range(5):
        worker = await world.person()
        household_id = await world.household(worker, town.units[0])
        ids.append(str(await visit_of(world, household_id, worker, town.units[0], (someone,))))
    assert [item["id"] for item in await every_item(client, "/staff/visits", by=someone, limit=2)] == ids


async def test_no_answer_and_no_photo_name_stands_in_the_clear(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers)
    taken = edit(await photo(world, family.volunteers[0]), SHA256, 1)
    await sync(client, family.volunteers[0], visit_id, edit("/findings", "ZQ-secret-words", 1), taken)
    for table in ("visit", "visit_operation"):
        rows = await owner.fetch(f"select t::text as said from {table} t")
        assert all("ZQ-secret-words" not in row["said"] and b"ZQ-secret-words".hex() not in row["said"] for row in rows)
