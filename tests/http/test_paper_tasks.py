"""What waits for somebody without WeChat: those who may help see it and hear of it, and look at what they confirm."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.applications.path import State
from app.jobs.daily import lift_all
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.business_time import answered
from app.kernel.ids import new_id
from tests import make
from tests.calling import every_item, upload
from tests.files.samples import picture
from tests.forms import filing as household_filing
from tests.http.paperwork import Returned, act, filed, filing, moved, on_paper, post, returned_on_paper
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.notices.making import published
from tests.relatives.making import declared

TASKS = "/staff/paper_tasks"
HELPERS = {role for role, held in PERMISSIONS.items() if Permission.ASSIST in held}


@pytest.fixture
async def returned(client: httpx.AsyncClient, world: World, town: Town) -> Returned:
    return await returned_on_paper(client, world, town)


async def tasks(client: httpx.AsyncClient, by: Someone, **query: Any) -> list[dict[str, Any]]:
    return await every_item(client, TASKS, by=by, **query)


async def told(client: httpx.AsyncClient, who: Someone) -> list[str]:
    return [each["title"] for each in await every_item(client, "/me/messages", by=who) if each["kind"] == "paper_task"]


async def work_off(owner: asyncpg.Connection, background: Jobs, subject_id: str) -> None:
    """What the worker process does about every fact of a case or a file; twice, as it may."""
    facts = await owner.fetch("select name, body from out_message where body::text like '%' || $1 || '%'", subject_id)
    assert facts
    for row in [*facts, *facts]:
        for handle in HANDLERS.get(row["name"], ()):
            if handle.__name__.startswith("tell_"):
                async with background.work() as work:
                    await handle(work, orjson.loads(row["body"]))


# ---- the list ----


async def test_what_was_returned_waits_for_those_who_may_help_until_it_is_filled_in_anew(
    client: httpx.AsyncClient, world: World, town: Town, returned: Returned
) -> None:
    street = await world.staff(Role.STREET_REVIEWER, town.streets[0])
    district = await world.staff(Role.UNIT_CLERK, town.districts[0])
    shown = (await client.get(f"/staff/applications/{returned.case['id']}", headers=returned.chair.headers)).json()
    (task,) = await tasks(client, returned.author)
    assert task == {
        "about": "application", "id": returned.case["id"], "number": shown["number"], "kind": "hardship_aid",
        "what": "fill_in_anew", "name_masked": "林*伯", "organisation": town.units[0].name,
        "submitted_at": shown["submitted_at"], "due_at": None, "version": shown["version"], "filing_id": None,
    }  # fmt: skip
    assert [await tasks(client, each) for each in (street, district)] == [[task], [task]]
    one = await filed(client, returned.clerk, returned.body)
    assert await tasks(client, street) == [task | {"filing_id": one["id"]}]
    # The next level confirms it: a unit need not have two clerks.
    assert (await on_paper(client, world, street, one)).status_code == 200
    assert await tasks(client, returned.author) == []


async def test_what_somebody_with_wechat_has_to_bring_waits_for_them_alone(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    clerk, worker = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.worker(town.units[0])
    await world.application(worker, town.units[0], state=State.RETURNED)
    await world.household(await world.person(), town.units[0], state="returned")
    assert await tasks(client, clerk) == []


async def test_it_is_seen_within_the_reach_of_those_who_may_help_and_not_by_who_must_stand_aside(
    client: httpx.AsyncClient, world: World, town: Town, returned: Returned, owner: asyncpg.Connection
) -> None:
    for role in set(Role) - HELPERS:
        refused(await client.get(TASKS, headers=(await world.staff(role, town.units[0])).headers), 403, "not_allowed")
    refused(await client.get(TASKS, headers=(await world.worker(town.units[0])).headers), 403, "not_allowed")
    assert await tasks(client, await world.staff(Role.UNIT_CLERK, town.units[1])) == []
    near = await world.staff(Role.UNIT_CLERK, town.units[0])
    number = returned.body["id_number"]
    applicant = Someone(new_id(), "林阿伯", number, new_id(), "")
    await declared(world, near, applicant)
    assert await tasks(client, near) == []
    assert len(await tasks(client, returned.author)) == 1


async def test_the_list_goes_on_where_a_page_ended(client: httpx.AsyncClient, world: World, town: Town) -> None:
    cases = [await returned_on_paper(client, world, town) for _ in range(3)]
    clerk = cases[0].author
    found = await tasks(client, clerk, limit=1)
    assert [each["id"] for each in found] == [each.case["id"] for each in cases]
    assert found == await tasks(client, clerk)


async def test_a_returned_file_waits_too(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    body = household_filing(
        None, unit, name="林阿伯", id_number=make.id_number(), household=make.household_form(author)
    )
    one = (await post(client, author, "/staff/proxy_households", body)).json()
    signature = {"signature_file_id": str(await world.file(second))}
    done = (await post(client, second, f"/staff/proxy_households/{one['id']}/confirm_on_paper", signature)).json()
    path = f"/staff/households/{done['id']}/actions"
    await post(client, clerk, path, {"action": "return", "note": "请补充住址"}, done["version"])
    (task,) = await tasks(client, author)
    assert (task["about"], task["id"], task["kind"], task["what"], task["filing_id"]) == (
        "household", done["id"], None, "fill_in_anew", None,
    )  # fmt: skip
    await work_off(owner, background, done["id"])
    assert [await told(client, each) for each in (author, second, clerk)] == [["没有微信的职工需要补正"]] * 3
    again = (await post(client, author, "/staff/proxy_households", body)).json()
    assert [each["filing_id"] for each in await tasks(client, clerk)] == [again["id"]]


# ---- who hears of it ----


async def test_those_who_may_help_at_the_unit_hear_that_an_application_came_back(
    client: httpx.AsyncClient, world: World, town: Town, returned: Returned, background: Jobs, owner: asyncpg.Connection
) -> None:
    street = await world.staff(Role.STREET_REVIEWER, town.streets[0])
    near = await world.staff(Role.UNIT_CLERK, town.units[0])
    await declared(world, near, Someone(new_id(), "林阿伯", returned.body["id_number"], new_id(), ""))
    await work_off(owner, background, returned.case["id"])
    assert [await told(client, each) for each in (returned.author, returned.clerk)] == [["没有微信的职工需要补正"]] * 2
    assert [await told(client, each) for each in (street, near, returned.chair)] == [[]] * 3
    (message,) = [m for m in await every_item(client, "/me/messages", by=returned.author) if m["kind"] == "paper_task"]
    assert (message["subject_kind"], message["subject_id"]) == ("application", returned.case["id"])
    assert "林" not in message["text"]


async def test_where_a_unit_has_no_clerk_the_next_level_hears_of_it(
    client: httpx.AsyncClient, world: World, town: Town, returned: Returned, background: Jobs, owner: asyncpg.Connection
) -> None:
    street = await world.staff(Role.STREET_REVIEWER, town.streets[0])
    await owner.execute(
        "update post set ended_at = now() where organisation_id = $1 and role = 'unit_clerk'", town.units[0].id
    )
    await work_off(owner, background, returned.case["id"])
    assert await told(client, street) == ["没有微信的职工需要补正"]


async def test_what_was_asked_for_waits_until_its_last_day(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    chair = await world.person(posts=((Role.UNIT_CLERK, unit), (Role.UNIT_CHAIR, unit)))
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), form=aid)
    case = (await on_paper(client, world, second, await filed(client, author, body))).json()
    case = await moved(client, clerk, case, "accept")
    path = f"/staff/applications/{case['id']}"
    asked = await post(client, chair, f"{path}/supplements", {"text": "请补充病历"}, case["version"])
    assert asked.status_code == 201, asked.text
    (task,) = await tasks(client, author)
    due_at = await owner.fetchval("select due_at from application where id = $1", UUID(case["id"]))
    assert (task["what"], task["version"]) == ("hand_in", asked.json()["version"])
    assert task["due_at"] == answered(due_at).isoformat()
    await work_off(owner, background, case["id"])
    # Not whoever asked, nor who has decided something: they cannot hand it in.
    assert [await told(client, each) for each in (author, second, chair, clerk)] == [
        ["没有微信的职工需要补充材料"], ["没有微信的职工需要补充材料"], [], [],
    ]  # fmt: skip
    brought = {"note": "病历遗失", "signature_file_id": str(await world.file(author))}
    handed = await post(client, author, f"{path}/supplement_on_paper", brought, task["version"])
    assert handed.status_code == 200, handed.text
    assert await tasks(client, author) == []


# ---- looking at what is confirmed ----


async def test_the_second_person_compares_what_was_filled_in_with_the_paper(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    author, second = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(2)]
    proof = (await upload(client, author, picture())).json()["id"]
    number = make.id_number()
    aid = make.living_aid(item="temporary", requested_fen=1_000_00) | {"file_ids": [proof]}
    body = filing(None, unit, name="林阿伯", id_number=number, form=aid)
    one = await filed(client, author, body)
    path = f"/staff/proxy_applications/{one['id']}"
    shown = await client.get(path, headers=second.headers)
    assert shown.status_code == 200, shown.text
    assert shown.headers["etag"] == '"1"'
    assert shown.json()["form"]["requested_fen"] == 1_000_00
    assert number not in shown.text
    beside = await world.staff(Role.UNIT_CLERK, town.units[1])
    refused(await client.get(path, headers=beside.headers), 404, "proxy_application_not_found")
    refused(await client.get(path, headers=(await world.staff(Role.UNIT_CHAIR, unit)).headers), 403, "not_allowed")
    near = await world.staff(Role.UNIT_CLERK, unit)
    await declared(world, near, Someone(new_id(), "林阿伯", number, new_id(), ""))
    refused(await client.get(path, headers=near.headers), 403, "recused")
    readers = (second, beside, near)
    answers = [(await client.get(f"/files/{proof}", headers=each.headers)).status_code for each in readers]
    assert answers == [200, 404, 404]
    looks = await owner.fetch(
        "select person_id, details ->> 'purpose' as purpose from audit_entry "
        "where action = 'proxy_application.opened' and subject_id = $1", UUID(one["id"]),
    )  # fmt: skip
    assert [tuple(each) for each in looks] == [(second.id, "verification")]
    assert (await on_paper(client, world, second, one)).status_code == 200
    refused(await client.get(path, headers=second.headers), 404, "proxy_application_not_found")


async def test_whose_application_it_is_sees_who_looked(client: httpx.AsyncClient, world: World, town: Town) -> None:
    worker = await world.worker(town.units[0])
    author, second = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(2)]
    one = await filed(client, author, filing(worker, town.units[0]))
    await client.get(f"/staff/proxy_applications/{one['id']}", headers=second.headers)
    log = await every_item(client, "/me/access_log", by=worker)
    assert [(look["action"], look["purpose"], look["by"]["role"]) for look in log] == [
        ("proxy_application.opened", "verification", "unit_clerk")
    ]


async def test_a_household_filing_is_looked_at_as_well(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    unit, worker = town.units[0], await world.person()
    author, second = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(2)]
    proof = (await upload(client, author, picture())).json()["id"]
    form = make.household_form(worker) | {"file_ids": [proof]}
    body = household_filing(worker, unit, household={k: v for k, v in form.items() if k != "housing"})
    one = (await post(client, author, "/staff/proxy_households", body)).json()
    path = f"/staff/proxy_households/{one['id']}"
    shown = await client.get(path, headers=second.headers)
    assert shown.status_code == 200, shown.text
    told_ = shown.json()
    assert told_["form"]["members"][0]["income_fen_yearly"] == form["members"][0]["income_fen_yearly"]
    assert "/housing" in [warning["pointer"] for warning in told_["warnings"]]
    for hidden in (worker.id_number, worker.name, form["members"][0]["id_number"]):
        assert hidden not in shown.text
    readers = (second, await world.staff(Role.UNIT_CHAIR, unit), await world.staff(Role.UNIT_CLERK, town.units[1]))
    answers = [(await client.get(f"/files/{proof}", headers=each.headers)).status_code for each in readers]
    assert answers == [200, 404, 404]
    log = await every_item(client, "/me/access_log", by=worker)
    assert {(look["action"], look["by"]["role"]) for look in log} >= {("proxy_filing.opened", "unit_clerk")}
    assert "file.read" in {look["action"] for look in log}, "and that the document was read"
    beside = readers[2]
    refused(await client.get(path, headers=beside.headers), 404, "proxy_filing_not_found")
    await declared(world, second, worker)
    refused(await client.get(path, headers=second.headers), 403, "recused")


# ---- what was handed in before ----


async def test_the_documents_of_the_round_before_are_named_again(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    proof = (await upload(client, author, picture())).json()["id"]
    number, other = make.id_number(), make.id_number()
    form = make.living_aid(item="temporary", requested_fen=1_000_00) | {"file_ids": [proof]}
    body = filing(None, unit, name="林阿伯", id_number=number, form=form)
    case = (await on_paper(client, world, second, await filed(client, author, body))).json()
    case = await moved(client, clerk, case, "return", note="请补充")
    assert await owner.fetchval("select person_id from file where id = $1", UUID(proof)) != author.id
    again = await filed(client, second, body | {"returned_application_id": case["id"]})
    done = await on_paper(client, world, author, again)
    assert done.status_code == 200, done.text
    shown = (await client.get(f"/staff/applications/{case['id']}", headers=clerk.headers)).json()
    assert proof in str(shown["form"])
    # Nobody else's.
    strange = filing(None, unit, name="林阿婆", id_number=other, form=form)
    problem = refused(await post(client, author, "/staff/proxy_applications", strange), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == ["file_unknown"]
    elsewhere = await world.staff(Role.UNIT_CLERK, town.units[1])
    there = filing(None, town.units[1], name="林阿伯", id_number=number, form=form)
    refused(await post(client, elsewhere, "/staff/proxy_applications", there), 422, "invalid")


async def test_what_somebody_said_without_their_name_is_named_for_nobody(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    """Whoever looks into an objection would otherwise try for whom its picture is taken."""
    unit = town.units[0]
    objector, innocent = await world.worker(unit), await world.worker(unit)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    clerk = await world.person(posts=((Role.UNIT_CLERK, unit), (Role.DISTRICT_REVIEWER, town.districts[0])))
    _, line = await published(world, unit)
    evidence = (await upload(client, objector, picture())).json()["id"]
    said = {"text": "这家有两套房", "anonymous": True, "file_ids": [evidence]}
    sent = await post(client, objector, f"/public/notices/{line['id']}/objections", said)
    assert sent.status_code == 201, sent.text
    assert (await client.get(f"/files/{evidence}", headers=reviewer.headers)).status_code == 200
    for someone in (objector, innocent):
        body = filing(someone, unit, form=make.living_aid(file_ids=[evidence]))
        problem = refused(await post(client, clerk, "/staff/proxy_applications", body), 422, "invalid")
        assert [error["code"] for error in problem["errors"]] == ["file_unknown"]


# ---- where nobody is left to go on ----


async def test_nothing_is_filled_in_for_a_union_where_nobody_accepts(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    street = await world.staff(Role.STREET_REVIEWER, town.streets[0])
    for union in (town.streets[0], town.units[0]):
        body = filing(None, union, name="林阿伯", id_number=make.id_number(), form=make.living_aid(item="temporary"))
        refused(await post(client, street, "/staff/proxy_applications", body), 409, "nobody_to_accept")
    await world.staff(Role.UNIT_CLERK, town.streets[0])
    assert (await post(client, street, "/staff/proxy_applications", body)).status_code == 201


async def test_a_file_on_paper_leaves_somebody_to_accept_it(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    """No level above would."""
    unit = town.units[0]
    clerk, street = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.STREET_REVIEWER, town.streets[0])
    body = household_filing(None, unit, name="林阿伯", id_number=make.id_number(), household=make.household_form(clerk))
    one = (await post(client, clerk, "/staff/proxy_households", body)).json()
    path = f"/staff/proxy_households/{one['id']}/confirm_on_paper"
    signature = {"signature_file_id": str(await world.file(street))}
    refused(await post(client, street, path, signature), 409, "nobody_to_accept")
    near = await world.staff(Role.UNIT_CLERK, unit)
    relation = await declared(world, near, clerk)
    refused(await post(client, street, path, signature), 409, "nobody_to_accept")
    assert (await post(client, near, f"/me/relatives/{relation}/end", {"note": "登记有误"})).status_code == 200
    assert (await post(client, street, path, signature)).status_code == 200


async def test_whose_relative_helped_stands_aside_as_if_they_had(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    unit = town.units[0]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    author, second = [await world.staff(Role.STREET_REVIEWER, town.streets[0]) for _ in range(2)]
    district = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    await declared(world, clerk, author)
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), form=aid)
    case = (await on_paper(client, world, second, await filed(client, author, body))).json()
    refused(await act(client, clerk, case, "accept"), 403, "kept_apart")
    await lift_all(background)
    assert case["id"] in {task["application_id"] for task in await every_item(client, "/staff/tasks", by=district)}
    await moved(client, district, case, "accept", note="经办人的亲属代为填写，由区总工会受理")


async def test_where_everybody_at_the_unit_helped_the_level_above_accepts(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    """A unit with one clerk, who fills in; the street confirms."""
    unit = town.units[0]
    clerk, street = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.STREET_REVIEWER, town.streets[0])
    district = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), form=aid)
    case = (await on_paper(client, world, street, await filed(client, clerk, body))).json()
    await lift_all(background)
    waiting = await every_item(client, "/staff/tasks", by=district)
    assert case["id"] in {task["application_id"] for task in waiting}
    refused(await act(client, clerk, case, "accept"), 403, "already_signed")
    accepted = await moved(client, district, case, "accept", note="基层工会代为填写，由区总工会受理")
    assert accepted["state"] == "unit_review"


async def test_where_somebody_at_the_unit_is_free_the_level_above_leaves_it_to_them(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    unit = town.units[0]
    clerk, free = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(2)]
    street = await world.staff(Role.STREET_REVIEWER, town.streets[0])
    district = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), form=aid)
    case = (await on_paper(client, world, street, await filed(client, clerk, body))).json()
    await lift_all(background)
    assert case["id"] not in {task["application_id"] for task in await every_item(client, "/staff/tasks", by=district)}
    refused(await act(client, district, case, "accept", note="代为受理"), 403, "not_allowed")
    await moved(client, free, case, "accept")
