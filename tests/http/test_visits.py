"""Home visits over HTTP: planned, gone on, written down, confirmed; and what a volunteer may see of it all."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from app.discrepancies.queries import open_count
from app.http.routing import api_routes
from app.jobs.transfers import follow
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.programmes import shipped
from app.visits.queries import confirmed_admission_visit
from tests import make
from tests.discrepancies.making import household_of, working
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.visits.making import ADDRESS_TOLD, SHA256, act, answers, edit, photo, plan, sync, visit_of, visitor

V1 = "/api/v1"


@pytest.fixture
async def town(world: World) -> Town:
    return await world.town()


class Household:
    """A family at the step of the home visit, with the clerk of its union and two volunteers."""

    def __init__(self, town: Town, worker: Someone, id_: Any, clerk: Someone, volunteers: tuple[Someone, ...]) -> None:
        self.town, self.worker, self.id, self.clerk, self.volunteers = town, worker, id_, clerk, volunteers


@pytest.fixture
async def family(world: World, town: Town) -> Household:
    unit = town.units[0]
    worker = await world.person(home=unit)
    household_id = await world.household(worker, unit, state="home_visit")
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    volunteers = (await visitor(world, unit, name="温若琳"), await visitor(world, town.districts[0], name="詹国栋"))
    return Household(town, worker, household_id, clerk, volunteers)


async def confirmed(
    client: httpx.AsyncClient, worker: Someone, visit_id: Any, version: int, **given: Any
) -> httpx.Response:
    headers = worker.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/me/visits/{visit_id}/confirm", json={"agrees": True, **given}, headers=headers)


async def shown(client: httpx.AsyncClient, who: Someone, visit_id: Any) -> dict[str, Any]:
    answer = await client.get(f"/staff/visits/{visit_id}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{body["version"]}"'
    return body


async def passed(world: World, household_id: Any, round_: int = 1) -> bool:
    async with working(world) as work:
        return await confirmed_admission_visit(work.transaction, household_id, round_)


# ---- from the plan to the worker's word ----


async def test_a_visit_from_the_plan_to_the_workers_confirmation(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    first, second = family.volunteers
    choices = await client.get(f"/staff/households/{family.id}/visitors", headers=family.clerk.headers)
    assert {item["person_id"] for item in choices.json()["items"]} == {
        str(each.id) for each in (first, second, family.clerk)
    }
    assert {item["name_masked"] for item in choices.json()["items"]} == {"温*琳", "詹*栋", "陈*明"}
    planned = await plan(client, family.clerk, family.id, family.volunteers)
    assert (planned.status_code, planned.json()["state"]) == (201, "planned"), planned.text
    visit_id = planned.json()["id"]
    (mine,) = (await client.get("/staff/visits", headers=first.headers)).json()["items"]
    assert (mine["id"], mine["head_masked"], len(mine["visitors"])) == (visit_id, "陈*明", 2)
    seen = await shown(client, first, visit_id)
    assert (seen["address"], seen["household_id"], seen["open_actions"]) == (ADDRESS_TOLD, None, ["start"])
    assert seen["photos_required"] == 1
    assert (await act(client, first, visit_id, 1, "start")).json()["state"] == "started"
    found = {"income": 60_000_00, "private_car": True}
    half = await sync(client, second, visit_id, *(await answers(world, second, 2, **found))[:4])
    assert half.status_code == 200, half.text
    refused(await act(client, first, visit_id, half.json()["version"], "end"), 422, "invalid")
    full = await sync(client, first, visit_id, *await answers(world, first, half.json()["version"], **found))
    ended = await act(client, second, visit_id, full.json()["version"], "end")
    assert (ended.status_code, ended.json()["state"]) == (200, "ended"), ended.text
    (own,) = (await client.get("/me/visits", headers=family.worker.headers)).json()["items"]
    said = {each["text"]: each["shown"] for each in own["answers"]}
    assert (said["全家上一年度总收入"], said["住房类型"], own["photos"]) == ("60000.00 元", "租房", 1)
    assert not await passed(world, family.id)
    signed = await act(client, first, visit_id, ended.json()["version"], "sign")
    assert (signed.status_code, signed.json()["state"]) == (200, "ended"), signed.text
    done = await confirmed(client, family.worker, visit_id, signed.json()["version"])
    assert (done.status_code, done.json()["state"]) == (200, "confirmed")
    assert await passed(world, family.id)
    assert not await passed(world, family.id, 2)
    moves = await owner.fetch(
        "select body ->> 'action' as action from out_message where body ->> 'visit_id' = $1 order by id", visit_id
    )
    assert [move["action"] for move in moves] == ["plan", "start", "end", "sign", "confirm"]


async def test_answers_that_contradict_the_file_are_asked_about_and_move_nothing(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = await visit_of(
        world, family.id, family.worker, family.town.units[0], family.volunteers, purpose="admission"
    )
    said = await answers(world, family.volunteers[0], 1, income=60_000_00, private_car=True, members=3)
    full = await sync(client, family.volunteers[0], visit_id, *said)
    before = await owner.fetchrow("select state, version, form from household where id = $1", family.id)
    assert (await act(client, family.volunteers[1], visit_id, full.json()["version"], "end")).status_code == 200
    asked = (await client.get("/me/household/discrepancies", headers=family.worker.headers)).json()["items"]
    assert {(each["field"], str(each["in_file"]), str(each["found"])) for each in asked} == {
        ("/income_fen_yearly", "2400000", "6000000"),
        ("/private_car", "None", "True"),
        ("/members", "{'count': 2}", "{'count': 3}"),
    }
    assert {(each["source"], each["state"]) for each in asked} == {("visit", "open")}
    assert asked[0]["said_by"].startswith("入户走访（")
    assert await owner.fetchrow("select state, version, form from household where id = $1", family.id) == before
    async with working(world) as work:
        assert await open_count(work.transaction, family.id) == 3


async def test_answers_that_agree_open_nothing(client: httpx.AsyncClient, world: World, family: Household) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers)
    full = await sync(client, family.volunteers[0], visit_id, *await answers(world, family.volunteers[0], 1))
    assert (await act(client, family.volunteers[1], visit_id, full.json()["version"], "end")).status_code == 200
    assert (await client.get("/me/household/discrepancies", headers=family.worker.headers)).json()["items"] == []


async def test_the_worker_objects_with_words_and_may_confirm_later(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    visit_id = await visit_of(
        world, family.id, family.worker, family.town.units[0], family.volunteers, purpose="admission", state="ended",
        ended_at=make.NOW,
    )  # fmt: skip
    refused(await confirmed(client, family.worker, visit_id, 1, agrees=False), 422, "invalid")
    objected = await confirmed(client, family.worker, visit_id, 1, agrees=False, text="收入多写了一位数")
    assert (objected.status_code, objected.json()["state"], objected.json()["version"]) == (200, "ended", 2)
    assert not await passed(world, family.id)
    seen = await shown(client, family.clerk, visit_id)
    assert (seen["objection"], seen["objected"]) == ("收入多写了一位数", True)
    refused(await confirmed(client, family.worker, visit_id, 1), 412, "stale_version")
    assert (await confirmed(client, family.worker, visit_id, 2)).json()["state"] == "confirmed"
    refused(await confirmed(client, family.worker, visit_id, 3), 409, "not_allowed_now")


@pytest.mark.parametrize("state", ["planned", "started"])
async def test_what_has_not_ended_is_not_confirmed_and_not_shown(
    client: httpx.AsyncClient, world: World, family: Household, state: str
) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers, state=state)
    refused(await confirmed(client, family.worker, visit_id, 1), 409, "not_allowed_now")
    if state == "started":
        await sync(client, family.volunteers[0], visit_id, edit("/findings", "家中有冰箱", 1))
    own = await client.get("/me/visits", headers=family.worker.headers)
    assert (own.json()["items"][0]["answers"], own.json()["items"][0]["findings"]) == ([], None)


# ---- planning ----


async def test_as_many_visitors_as_the_policy_asks_for_and_all_different(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    first, second = family.volunteers
    for visitors in ((first,), (first, first)):
        problem = refused(await plan(client, family.clerk, family.id, visitors), 422, "invalid")
        assert problem["errors"][0]["code"] == "visitors_too_few"
    refused(await plan(client, family.clerk, family.id, (first, first), purpose="spot"), 422)
    assert (await plan(client, family.clerk, family.id, (first,), purpose="spot")).status_code == 201
    assert (await plan(client, family.clerk, family.id, (first, second))).status_code == 201
    refused(await plan(client, family.clerk, family.id, (first, second)), 409, "visit_already_planned")


async def test_only_those_whose_post_reaches_the_household_are_sent(
    client: httpx.AsyncClient, world: World, family: Household
) -> None:
    first = family.volunteers[0]
    beside = await visitor(world, family.town.units[1])
    finance = await world.staff(Role.FINANCE_MAKER, family.town.city)
    for unfit in (beside, finance, family.worker, await world.person()):
        problem = refused(await plan(client, family.clerk, family.id, (first, unfit)), 422, "invalid")
        assert problem["errors"] == [
            {"pointer": "/visitor_ids/1", "code": "visitor_unknown", "message": problem["errors"][0]["message"]}
        ]


async def test_nobody_visits_their_own_household(client: httpx.AsyncClient, world: World, town: Town) -> None:
    unit = town.units[0]
    head = await world.person(home=unit, posts=((Role.HOME_VISITOR, unit), (Role.UNIT_CLERK, unit)))
    household_id = await world.household(head, unit, state="home_visit")
    clerk, other = await world.staff(Role.UNIT_CLERK, unit), await visitor(world, unit)
    refused(await plan(client, clerk, household_id, (other, head)), 422)
    refused(await plan(client, head, household_id, (other, clerk)), 404, "household_not_found")


@pytest.mark.parametrize(
    ("purpose", "state", "status"),
    [
        ("admission", "home_visit", 201),
        ("admission", "active", 409),
        ("annual", "active", 201),
        ("annual", "annual_review", 201),
        ("annual", "home_visit", 409),
        ("watch", "lifted", 201),
        ("watch", "active", 409),
        ("spot", "district_review", 201),
        ("spot", "rejected", 409),
    ],
)
async def test_a_file_is_visited_for_what_its_state_allows(
    client: httpx.AsyncClient, world: World, town: Town, purpose: str, state: str, status: int
) -> None:
    unit = town.units[0]
    household_id = await world.household(await world.person(), unit, state=state)
    clerk, pair = await world.staff(Role.UNIT_CLERK, unit), (await visitor(world, unit), await visitor(world, unit))
    answer = await plan(client, clerk, household_id, pair, purpose=purpose)
    assert answer.status_code == status, answer.text


async def test_who_plans_and_when(client: httpx.AsyncClient, world: World, family: Household) -> None:
    refused(await plan(client, family.clerk, family.id, family.volunteers, days=-1), 422)
    refused(await plan(client, family.volunteers[0], family.id, family.volunteers), 403, "not_allowed")
    auditor = await world.staff(Role.AUDITOR, family.town.city)
    refused(await plan(client, auditor, family.id, family.volunteers), 403, "not_allowed")
    beside = await world.staff(Role.UNIT_CLERK, family.town.units[1])
    refused(await plan(client, beside, family.id, family.volunteers), 404, "household_not_found")
    chair = await world.staff(Role.UNIT_CHAIR, family.town.units[0])
    assert (await plan(client, chair, family.id, family.volunteers)).status_code == 201


async def test_of_two_plans_at_once_one_counts(client: httpx.AsyncClient, family: Household) -> None:
    statuses = [
        answer.status_code
        for answer in await asyncio.gather(
            *(plan(client, family.clerk, family.id, family.volunteers) for _ in range(6))
        )
    ]
    assert sorted(statuses) == [201, 409, 409, 409, 409, 409]


async def test_a_cancelled_visit_says_why_and_makes_room_for_another(
    client: httpx.AsyncClient, family: Household
) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    refused(await act(client, family.volunteers[0], visit_id, 1, "cancel", note="下雨"), 403, "not_allowed")
    refused(await act(client, family.clerk, visit_id, 1, "cancel"), 422)
    assert (await act(client, family.clerk, visit_id, 1, "cancel", note="台风")).json()["state"] == "cancelled"
    assert (await shown(client, family.clerk, visit_id))["cancelled_because"] == "台风"
    assert (await plan(client, family.clerk, family.id, family.volunteers)).status_code == 201


async def test_the_position_is_kept_only_where_the_worker_agrees(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    here = {"latitude_e6": 23_353_000, "longitude_e6": 116_682_000}
    problem = refused(await act(client, family.volunteers[0], visit_id, 1, "start", position=here), 422)
    assert problem["errors"][0]["code"] == "position_not_agreed"
    started = await act(client, family.volunteers[0], visit_id, 1, "start", position=here, position_agreed=True)
    assert started.status_code == 200
    kept = await owner.fetchval("select position from visit where id = $1", started.json()["id"])
    assert b"23353000" not in kept
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("update visit set position_agreed = false where id = $1", started.json()["id"])


async def test_a_file_that_goes_to_another_union_takes_its_visits_along(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    there = family.town.units[2]
    values = [there.ancestors[tier] for tier in ("city", "district", "street", "unit")]
    await owner.execute(
        "update household set city_id=$1, district_id=$2, street_id=$3, unit_id=$4 where id=$5", *values, family.id
    )
    async with working(world) as work:
        await follow(work.transaction, await household_of(work, family.id))
    clerk = await world.staff(Role.UNIT_CLERK, there)
    assert (await shown(client, clerk, visit_id))["id"] == visit_id
    refused(await client.get(f"/staff/visits/{visit_id}", headers=family.clerk.headers), 404)


async def test_a_visit_keeps_the_questionnaire_that_it_began_with(client: httpx.AsyncClient, family: Household) -> None:
    visit_id = (await plan(client, family.clerk, family.id, family.volunteers)).json()["id"]
    seen = await shown(client, family.clerk, visit_id)
    policy = shipped().versions["home_visits"][-1]
    assert (seen["policy_version"], seen["policy_source"]) == (policy.version, policy.source)


# ---- a volunteer's eyes ----


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
    found: list[str] = []
    url = "/staff/visits?limit=2"
    while True:
        page = (await client.get(url, headers=someone.headers)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        url = f"/staff/visits?limit=2&cursor={page['next_cursor']}"
    assert found == ids


async def test_no_answer_and_no_photo_name_stands_in_the_clear(
    client: httpx.AsyncClient, world: World, family: Household, owner: asyncpg.Connection
) -> None:
    visit_id = await visit_of(world, family.id, family.worker, family.town.units[0], family.volunteers)
    taken = edit(await photo(world, family.volunteers[0]), SHA256, 1)
    await sync(client, family.volunteers[0], visit_id, edit("/findings", "ZQ-secret-words", 1), taken)
    for table in ("visit", "visit_operation"):
        rows = await owner.fetch(f"select t::text as said from {table} t")
        assert all("ZQ-secret-words" not in row["said"] and b"ZQ-secret-words".hex() not in row["said"] for row in rows)
