"""One plan, its measures and the help under them: over HTTP, as the unit and the household see it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.plans.rules import terms_of
from tests import make
from tests.calling import post
from tests.make import Someone, Town, World
from tests.paying import answered, built, carded, lines_of, sent, why_out

DUE = str(make.TODAY + timedelta(days=60))


async def put(client: httpx.AsyncClient, by: Someone, measure: dict[str, Any], **change: Any) -> httpx.Response:
    headers = by.headers | {"If-Match": f'"{measure["version"]}"'}
    return await client.put(f"/staff/measures/{measure['id']}", json=change, headers=headers)


async def unplanned(world: World, town: Town, **given: Any) -> UUID:
    return await world.household(await world.person(), town.units[0], plan=None, **given)


async def shown(client: httpx.AsyncClient, by: Someone, household_id: UUID) -> list[dict[str, Any]]:
    answer = await client.get(f"/staff/households/{household_id}/plans", headers=by.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_plan_is_opened_with_measures_that_somebody_answers_for(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    head = await world.person()
    household_id = await world.household(head, town.units[0], plan=None)
    assert (await client.get("/me/household/plan", headers=head.headers)).status_code == 404
    measures = [{"kind": "legal", "take": True}, {"kind": "training", "due_on": DUE}]
    opened = await post(client, clerk, f"/staff/households/{household_id}/plans", {"measures": measures})
    assert opened.status_code == 201, opened.text
    (plan,) = await shown(client, clerk, household_id)
    assert (plan["id"], plan["state"], plan["origin"]) == (opened.json()["id"], "open", "staff")
    legal, training = plan["measures"]
    assert (legal["kind"], legal["state"], legal["responsible"]["name"]) == ("legal", "running", clerk.name)
    assert (training["state"], training["responsible"], training["due_on"]) == ("proposed", None, DUE)
    own = await client.get("/me/household/plan", headers=head.headers)
    assert [each["kind"] for each in own.json()["measures"]] == ["legal", "training"]
    assert str(clerk.id) not in own.text
    assert await owner.fetchval("select has_open_plan from household where id = $1", household_id)


async def test_a_new_plan_closes_the_old_with_its_result_and_never_silently(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    household_id = await unplanned(world, town)
    path = f"/staff/households/{household_id}/plans"
    first = (await post(client, clerk, path, {"measures": [{"kind": "legal", "take": True}]})).json()["id"]
    again = await post(client, clerk, path, {})
    assert (again.status_code, again.json()["code"], again.json()["plan_id"]) == (409, "plan_already_open", first)
    wrong = await post(client, clerk, path, {"replaces": {"plan_id": str(new_id()), "result": "partly"}})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "plan_replaced_meanwhile")
    replacing = {"plan_id": first, "result": "partly", "note": "孩子毕业了"}
    assert (await post(client, clerk, path, {"replaces": replacing})).status_code == 201
    new, old = await shown(client, clerk, household_id)
    assert (new["state"], old["state"], old["result"], old["result_note"]) == ("open", "closed", "partly", "孩子毕业了")
    assert old["measures"][0]["state"] == "running"


async def test_a_plan_wants_a_file_and_somebody_of_its_unit(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    for state in ("submitted", "lifted"):
        household_id = await unplanned(world, town, state=state)
        refused = await post(client, clerk, f"/staff/households/{household_id}/plans", {})
        assert (refused.status_code, refused.json()["code"]) == (409, "household_not_in_file")
    household_id = await unplanned(world, town)
    path = f"/staff/households/{household_id}/plans"
    for role, union, status in (
        (Role.UNIT_CHAIR, town.units[1], 404),
        (Role.DISTRICT_REVIEWER, town.districts[1], 404),
        (Role.DISTRICT_REVIEWER, town.districts[0], 403),
        (Role.CITY_LEADER, town.city, 403),
        (Role.UNIT_CHAIR, town.units[0], 201),
    ):
        someone = await world.staff(role, union)
        assert (await post(client, someone, path, {})).status_code == status, role
    reader = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert len(await shown(client, reader, household_id)) == 1


async def test_what_belongs_to_a_plan_out_of_reach_does_not_exist(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    mine = await world.person(posts=((Role.UNIT_CLERK, town.units[0]),))
    own = await world.household(mine, town.units[0], plan=None)
    elsewhere = await world.household(await world.person(), town.units[2], plan=None)
    service = {"given_on": str(make.TODAY), "provider": "某单位", "quantity": 1, "unit": "hour"}
    for household_id, by in ((elsewhere, clerk), (own, mine)):
        plan_id = await world.plan(household_id, ("legal",))
        measure = {"id": str(world.measures[household_id, "legal"]), "version": 1}
        answers = [
            await post(client, by, f"/staff/plans/{plan_id}/measures", {"kind": "training"}),
            await post(client, by, f"/staff/plans/{plan_id}/close", {"result": "achieved"}, 1),
            await put(client, by, measure, state="running", due_on=DUE),
            await post(client, by, f"/staff/measures/{measure['id']}/services", service),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    reader = await world.staff(Role.CITY_LEADER, town.city)
    refused = [
        await post(client, reader, f"/staff/plans/{plan_id}/measures", {"kind": "training"}),
        await post(client, reader, f"/staff/plans/{plan_id}/close", {"result": "achieved"}, 1),
        await put(client, reader, measure, state="running", due_on=DUE),
        await post(client, reader, f"/staff/measures/{measure['id']}/services", service),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4


async def test_a_measure_is_taken_on_and_ends_with_a_result(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone
) -> None:
    household_id = await unplanned(world, town)
    path = f"/staff/households/{household_id}/plans"
    plan_id = (await post(client, clerk, path, {"measures": [{"kind": "employment"}]})).json()["id"]
    (measure,) = (await shown(client, clerk, household_id))[0]["measures"]
    nobody = await put(client, clerk, measure, state="running", due_on=DUE)
    assert nobody.json()["errors"][0]["code"] == "responsible_required"
    taken = await put(client, clerk, measure, state="running", due_on=DUE, take=True)
    assert (taken.status_code, taken.headers["etag"]) == (200, '"2"')
    assert (await put(client, clerk, measure, state="dropped", due_on=DUE)).status_code == 412
    measure = {"id": measure["id"], "version": 2}
    no_result = await put(client, clerk, measure, state="done", due_on=DUE)
    assert no_result.json()["errors"][0]["code"] == "result_required"
    twice = await post(client, clerk, f"/staff/plans/{plan_id}/measures", {"kind": "employment"})
    assert (twice.status_code, twice.json()["code"]) == (409, "measure_already_there")
    assert (await put(client, clerk, measure, state="done", due_on=DUE, result="achieved")).status_code == 200
    assert (await post(client, clerk, f"/staff/plans/{plan_id}/measures", {"kind": "employment"})).status_code == 201


async def test_services_without_money_count_as_help(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    household_id = await unplanned(world, town)
    await world.plan(household_id, ("counselling",))
    path = f"/staff/measures/{world.measures[household_id, 'counselling']}/services"
    service = {
        "given_on": str(make.TODAY),
        "provider": "心理咨询中心",
        "quantity": 3,
        "unit": "session",
        "note": "私事",
    }
    tomorrow = await post(client, clerk, path, service | {"given_on": str(make.TODAY + timedelta(days=1))})
    assert tomorrow.json()["errors"][0]["code"] == "day_in_future"
    given = await post(client, clerk, path, service)
    assert given.status_code == 201, given.text
    helped = await owner.fetchval("select last_helped_at from household where id = $1", household_id)
    assert business_date(helped) == make.TODAY
    assert (await post(client, clerk, path, service | {"given_on": "2026-01-01"})).status_code == 201
    assert await owner.fetchval("select last_helped_at from household where id = $1", household_id) == helped
    (measure,) = (await shown(client, clerk, household_id))[0]["measures"]
    assert [each["given_on"] for each in measure["services"]] == ["2026-01-01", str(make.TODAY)]
    assert measure["services"][1]["note"] == "私事"
    kept = await owner.fetchval("select note from service where id = $1", UUID(given.json()["id"]))
    assert "私事".encode() not in kept


async def test_a_closed_plan_is_frozen_even_for_the_database(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection
) -> None:
    household_id = await unplanned(world, town)
    plan_id = await world.plan(household_id, ("legal",))
    measure = {"id": str(world.measures[household_id, "legal"]), "version": 1}
    closed = await post(client, clerk, f"/staff/plans/{plan_id}/close", {"result": "not_achieved"}, 1)
    assert (closed.status_code, closed.headers["etag"]) == (200, '"2"')
    service = {"given_on": str(make.TODAY), "provider": "某单位", "quantity": 1, "unit": "hour"}
    answers = [
        await post(client, clerk, f"/staff/plans/{plan_id}/measures", {"kind": "training"}),
        await put(client, clerk, measure, state="running", due_on=DUE),
        await post(client, clerk, f"/staff/measures/{measure['id']}/services", service),
        await post(client, clerk, f"/staff/plans/{plan_id}/close", {"result": "achieved"}, 2),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(409, "plan_already_closed")}
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("update measure set due_on = '2030-01-01' where plan_id = $1", plan_id)
    assert not await owner.fetchval("select has_open_plan from household where id = $1", household_id)


@pytest.mark.parametrize("count", [2, 8])
async def test_of_plans_that_are_opened_at_once_one_wins(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection, count: int
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    household_id = await unplanned(world, town)
    path, body = f"/staff/households/{household_id}/plans", {"measures": [{"kind": "legal", "take": True}]}
    answers = await asyncio.gather(*(post(client, (clerk, chair)[n % 2], path, body) for n in range(count)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: count - 1}
    opened = await owner.fetch("select state from plan where household_id = $1", household_id)
    assert [row["state"] for row in opened] == ["open"]
    first = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    replacing = {"replaces": {"plan_id": first, "result": "achieved"}}
    answers = await asyncio.gather(*(post(client, (clerk, chair)[n % 2], path, replacing) for n in range(count)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: count - 1}
    states = await owner.fetch("select state from plan where household_id = $1 order by created_at", household_id)
    assert [row["state"] for row in states] == ["closed", "open"]


async def test_two_open_plans_are_refused_by_the_database_itself(world: World, town: Town) -> None:
    household_id = await unplanned(world, town)
    answers = await asyncio.gather(*(world.plan(household_id, ()) for _ in range(4)), return_exceptions=True)
    assert Counter(type(answer) for answer in answers) == {UUID: 1, asyncpg.UniqueViolationError: 3}


# ---- payments ----


@pytest.mark.parametrize(
    ("kind", "item", "wanted"),
    [
        (Kind.HARDSHIP_AID, "living", "living_aid"),
        (Kind.HARDSHIP_AID, "accident", "living_aid"),
        (Kind.HARDSHIP_AID, "medical", "medical"),
        (Kind.GOLDEN_AUTUMN, "undergraduate", "schooling"),
    ],
)
async def test_a_payment_waits_for_its_measure_and_points_to_it(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    clerk: Someone,
    owner: asyncpg.Connection,
    background: Jobs,
    kind: Kind,
    item: str,
    wanted: str,
) -> None:
    maker, checker = [await world.staff(r, town.city) for r in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)]
    head = await world.person()
    household_id = await world.household(head, town.units[0], plan=("legal",))
    case = await world.application(
        head, town.units[0], kind=kind, state=State.APPROVED, item=item, household_id=household_id
    )
    await carded(world, head)
    preview = await post(client, maker, "/staff/batches/preview", {"organisation_code": town.city.code})
    (left_out,) = preview.json()["left_out"]
    assert (left_out["code"], left_out["measure_name"]) == ("measure_missing", terms_of(wanted).name)
    assert left_out["household_id"] == str(household_id)
    plan_id = (await shown(client, clerk, household_id))[0]["id"]
    added = await post(client, clerk, f"/staff/plans/{plan_id}/measures", {"kind": wanted, "due_on": DUE})
    assert await why_out(client, maker, town.city) == {case.number: "measure_missing"}
    await put(client, clerk, {"id": added.json()["id"], "version": 1}, state="running", due_on=DUE, take=True)
    batch = await sent(client, maker, checker, town.city)
    await post(client, clerk, f"/staff/plans/{plan_id}/close", {"result": "achieved"}, 1)
    await answered(client, checker, batch)
    measure_id = await owner.fetchval("select measure_id from application where id = $1", case.id)
    assert str(measure_id) == added.json()["id"]
    for _ in range(2):
        async with background.work() as work:
            fact = {"action": "confirm_payment", "to_state": "paid", "application_id": str(case.id)}
            for handle in HANDLERS["ApplicationMoved"]:
                await handle(work, fact)
    helped, paid = await owner.fetchrow(
        "select h.last_helped_at, a.paid_at from household h join application a on a.household_id = h.id "
        "where a.id = $1", case.id,
    )  # fmt: skip
    assert helped == paid is not None


@pytest.mark.parametrize(("kind", "item"), [(Kind.SECONDARY_MEDICAL, None), (Kind.HARDSHIP_AID, "temporary")])
async def test_what_is_no_aid_to_a_household_needs_no_measure(
    client: httpx.AsyncClient, world: World, town: Town, kind: Kind, item: str | None
) -> None:
    maker, head = await world.staff(Role.FINANCE_MAKER, town.city), await world.person()
    case = await world.application(head, town.units[0], kind=kind, state=State.APPROVED, item=item)
    await carded(world, head)
    assert await why_out(client, maker, town.city) == {}
    assert [line["number"] for line in await lines_of(client, maker, await built(client, maker, town.city))] == [
        case.number
    ]


async def test_the_database_lets_no_household_be_paid_without_a_measure_or_under_anothers(
    world: World, town: Town, owner: asyncpg.Connection
) -> None:
    head, other = await world.person(), await world.person()
    household_id, elsewhere = [await world.household(each, town.units[0]) for each in (head, other)]
    case = await world.application(head, town.units[0], state=State.APPROVED, household_id=household_id)
    with pytest.raises(asyncpg.CheckViolationError, match="ck_application_measure"):
        await owner.execute("update application set state = 'paying' where id = $1", case.id)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await owner.execute(
            "update application set measure_id = $2 where id = $1", case.id, world.measures[elsewhere, "living_aid"]
        )


# ---- what follows from the life of a file ----


async def test_a_file_that_is_opened_gets_a_proposed_plan_and_a_day_for_its_verification_once(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    household_id = await unplanned(world, town, secondary_causes=["child_schooling"], columns={"review_due_on": None})
    fact = {"household_id": str(household_id), "from_state": "district_review", "to_state": "active"}
    for _ in range(2):
        async with background.work() as work:
            for handle in HANDLERS["HouseholdMoved"]:
                await handle(work, fact)
    (plan,) = await shown(client, clerk, household_id)
    assert plan["origin"] == "system"
    kinds = [each["kind"] for each in plan["measures"]]
    assert kinds == ["medical", "living_aid", "counselling", "schooling"]
    assert {each["state"] for each in plan["measures"]} == {"proposed"}
    due_on = await owner.fetchval("select review_due_on from household where id = $1", household_id)
    assert (due_on.year, due_on.month) == (make.TODAY.year + 1, make.TODAY.month)


async def test_a_household_that_leaves_ends_its_plan(
    client: httpx.AsyncClient, world: World, town: Town, clerk: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    household_id = await unplanned(world, town)
    await world.plan(household_id, ("legal",))
    await owner.execute(
        "update household set state = 'cancelled', cancel_code = 'voluntary' where id = $1", household_id
    )
    fact = {"household_id": str(household_id), "from_state": "exit_notice", "to_state": "cancelled"}
    for _ in range(2):
        async with background.work() as work:
            for handle in HANDLERS["HouseholdMoved"]:
                await handle(work, fact)
    (plan,) = await shown(client, clerk, household_id)
    assert (plan["state"], plan["result"]) == ("closed", "left")
