"""Staff declare their relatives by identity number; what they signed across the relation before is listed."""

from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.applications.path import Action, State
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.relatives.events import RelativeDeclared
from tests import make
from tests.calling import every_item, post
from tests.http.refusals import refused
from tests.make import Case, Someone, Town, World
from tests.relatives.making import act, declare, declared, open_actions, queue, sign


@pytest.fixture
async def chair(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CHAIR, town.units[0], consents=())


async def listed(client: httpx.AsyncClient, by: Someone, **query: Any) -> list[dict[str, Any]]:
    return await every_item(client, "/staff/conflicts", by=by, **query)


async def told(background: Jobs, owner: asyncpg.Connection) -> None:
    """What the worker process does about every declaration so far."""
    for row in await owner.fetch("select body from out_message where name = $1", RelativeDeclared.__name__):
        fact = orjson.loads(row["body"])
        for handle in HANDLERS[RelativeDeclared.__name__]:
            async with background.work() as work:
                await handle(work, fact)


# ---- declaring ----


async def test_a_declaration_is_kept_sealed_and_keeps_apart_at_once(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    applicant = await world.person(name="陈大文")
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW)
    assert await queue(client, chair, case) == (True, 1)
    made = await declare(client, chair, id_number=applicant.id_number, relation="collateral")
    assert made.status_code == 201, made.text
    shown = made.json()
    assert {name: shown[name] for name in ("name", "relation", "ended_at", "end_note")} == {
        "name": "陈大文", "relation": "collateral", "ended_at": None, "end_note": None,
    }  # fmt: skip
    assert applicant.id_number not in made.text
    row = await owner.fetchrow("select * from declared_relative where id = $1", shown["id"])
    assert "大文" not in str(dict(row))
    assert applicant.id_number not in str(dict(row))
    entries = await owner.fetch("select action from audit_entry where subject_id = $1", row["id"])
    assert [entry["action"] for entry in entries] == ["relative.declared"]
    assert await queue(client, chair, case) == (False, 0)
    assert await open_actions(client, chair, case) == []
    refused(await act(client, chair, case, 1), 403, "recused")


async def test_what_is_ended_says_why_and_keeps_nobody_apart(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    applicant = await world.person()
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW)
    made = (await declare(client, chair, id_number=applicant.id_number)).json()
    path = f"/me/relatives/{made['id']}/end"
    ended = await post(client, chair, path, {"note": "婚姻关系已经解除"})
    assert ended.status_code == 200, ended.text
    assert (ended.json()["ended_at"] is not None, ended.json()["end_note"]) == (True, "婚姻关系已经解除")
    refused(await post(client, chair, path, {"note": "再来一次"}), 409, "declaration_ended")
    assert await queue(client, chair, case) == (True, 1)
    again = await declare(client, chair, id_number=applicant.id_number)
    page = (await client.get("/me/relatives", headers=chair.headers)).json()
    assert [item["id"] for item in page["items"]] == [again.json()["id"], made["id"]]


async def test_what_cannot_be_declared_is_said_plainly(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    relative = await world.person()
    assert (await declare(client, chair, id_number=relative.id_number)).status_code == 201
    refused(await declare(client, chair, id_number=relative.id_number), 409, "relative_already_declared")
    own = refused(await declare(client, chair, id_number=chair.id_number), 422)
    assert own["errors"][0]["code"] == "own_number"
    refused(await declare(client, chair, id_number="440507199001011234"), 422)
    refused(await declare(client, chair, relation="friend"), 422)
    refused(await declare(client, chair, name=""), 422)
    refused(await declare(client, relative), 403, "staff_only")
    unknown = await world.staff(Role.AUDITOR, town.city, verified=False, consents=())
    refused(await declare(client, unknown), 409, "identity_required")


async def test_nobody_else_sees_or_ends_a_declaration(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    made = (await declare(client, chair)).json()
    other = await world.person(posts=tuple((role, town.city) for role in Role), consents=())
    assert (await client.get("/me/relatives", headers=other.headers)).json()["items"] == []
    path = f"/me/relatives/{made['id']}/end"
    refused(await post(client, other, path, {"note": "不是我的"}), 404, "relative_not_found")
    assert (await client.get("/me/relatives", headers=chair.headers)).json()["items"][0]["ended_at"] is None


# ---- what was signed across it before ----


async def signed_by(world: World, town: Town, who: Someone, applicant: Someone, **given: Any) -> Case:
    case = await world.application(applicant, town.units[0], **given)
    await sign(world, case, who, Action.ACCEPT)
    return case


async def test_a_relative_declared_later_lists_what_was_signed_before(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    """By the applicant, by somebody of the household, and by who signed the same round; under every account."""
    relative, other = [await world.person(home=town.units[0]) for _ in range(2)]
    before = await world.staff(Role.UNIT_CLERK, town.units[0], consents=())
    await owner.execute(
        "update person set closed_at = now(), id_number_index = (select id_number_index from person where id = $2) "
        "where id = $1", before.id, chair.id,
    )  # fmt: skip
    own = await signed_by(world, town, chair, relative)
    under_old_account = await signed_by(world, town, before, relative)
    members = [make.member("spouse", number=relative.id_number, name=relative.name)]
    household_id = await world.household(other, town.units[0], members=members)
    of_household = await signed_by(world, town, chair, other, household_id=household_id)
    elsewhere = await signed_by(world, town, chair, await world.person())
    auditor = await world.staff(Role.AUDITOR, town.city, consents=())
    assert await listed(client, auditor) == []
    await declare(client, chair, id_number=relative.id_number, relation="lineal")
    await told(background, owner)
    found = {item["application_id"]: item for item in await listed(client, auditor)}
    assert set(found) == {str(case.id) for case in (own, under_old_account, of_household)}
    assert str(elsewhere.id) not in found
    assert {found[str(case.id)]["across"] for case in (own, under_old_account)} == {"applicant"}
    shown = found[str(of_household.id)]
    told_of = {name: shown[name] for name in ("across", "relation", "action", "number", "signed_role")}
    assert told_of == {
        "across": "household", "relation": "lineal", "action": "accept", "number": of_household.number,
        "signed_role": "unit_clerk",
    }  # fmt: skip
    assert "*" in shown["signed_by"]
    assert shown["signed_at"] <= shown["declared_at"]
    await told(background, owner)  # twice is once
    assert len(await listed(client, auditor)) == 3


async def test_two_relatives_who_signed_one_round_are_listed_for_both_steps(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0], consents=())
    case = await world.application(await world.person(), town.units[0])
    for who, action in ((clerk, Action.ACCEPT), (chair, Action.APPROVE)):
        await sign(world, case, who, action)
    apart = await world.application(await world.person(), town.units[0])
    await sign(world, apart, clerk, Action.RETURN)
    await sign(world, apart, chair, Action.APPROVE, round=2)
    await declare(client, chair, id_number=clerk.id_number)
    await told(background, owner)
    leader = await world.staff(Role.CITY_LEADER, town.city, consents=())
    found = await listed(client, leader)
    assert sorted((item["application_id"], item["action"], item["across"]) for item in found) == [
        (str(case.id), "accept", "signer"), (str(case.id), "approve", "signer"),
    ]  # fmt: skip


async def test_conflicts_are_for_auditors_and_city_leaders_in_their_reach_page_by_page(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    relative = await world.person()
    cases = [await signed_by(world, town, chair, relative) for _ in range(5)]
    await declare(client, chair, id_number=relative.id_number)
    await told(background, owner)
    auditor = await world.staff(Role.AUDITOR, town.districts[0], consents=())
    found = [item["application_id"] for item in await listed(client, auditor, limit=2)]
    assert sorted(found) == sorted(str(case.id) for case in cases)
    strangers = (
        await world.staff(Role.AUDITOR, town.districts[1], consents=()),
        await world.staff(Role.CITY_LEADER, (await world.town()).city, consents=()),
    )
    for stranger in strangers:
        assert await listed(client, stranger) == []
    for role in Role:
        if role not in (Role.AUDITOR, Role.CITY_LEADER):
            someone = await world.staff(role, town.city, consents=())
            answer = await client.get("/staff/conflicts", headers=someone.headers)
            assert answer.status_code == 403, role


async def test_a_relation_is_declared_by_either_and_holds_both_ways(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    applicant = await world.staff(Role.UNIT_CLERK, town.units[1])
    case = await world.application(applicant, town.units[0], state=State.UNIT_REVIEW)
    await declared(world, applicant, chair)
    assert await queue(client, chair, case) == (False, 0)
    refused(await act(client, chair, case, 1), 403, "recused")
