"""What was returned to a worker is filled in anew by staff; what was filled in wrongly is taken back; the card that is
written down with it."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.http.paperwork import (
    Returned,
    act,
    confirmed,
    everything,
    filed,
    filing,
    moved,
    on_paper,
    post,
    returned_on_paper,
)
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.paying import answered, built, stepped
from tests.relatives.making import declared


@pytest.fixture
async def returned(client: httpx.AsyncClient, world: World, town: Town) -> Returned:
    return await returned_on_paper(client, world, town)


async def test_what_was_returned_to_somebody_without_wechat_is_filled_in_anew(
    client: httpx.AsyncClient, world: World, returned: Returned, town: Town
) -> None:
    form = returned.body["form"] | {"requested_fen": 900_00}
    # One of those who reviewed it fills it in this time: from now on they review it no more.
    one = await filed(client, returned.clerk, returned.body | {"form": form})
    assert one["returned_application_id"] == returned.case["id"]
    refused(await on_paper(client, world, returned.clerk, one), 403, "second_signer_needed")
    done = await on_paper(client, world, returned.second, one)
    assert done.status_code == 200, done.text
    case = done.json()
    assert (case["id"], case["state"]) == (returned.case["id"], "submitted")
    shown = (await client.get(f"/staff/applications/{case['id']}", headers=returned.chair.headers)).json()
    assert shown["form"]["requested_fen"] == 900_00
    assert [field["pointer"] for field in shown["changes"]["fields"]] == ["/requested_fen"]
    for assistant in (returned.author, returned.second, returned.clerk):
        refused(await act(client, assistant, case, "accept"), 403, "already_signed")
    other = await world.staff(Role.UNIT_CLERK, town.units[0])
    await moved(client, other, case, "accept")


async def test_a_relative_of_whoever_filled_it_in_first_does_not_fill_it_in_anew(
    client: httpx.AsyncClient, world: World, returned: Returned, town: Town
) -> None:
    relative = await world.staff(Role.UNIT_CLERK, town.units[0])
    one = await filed(client, relative, returned.body)
    relation = await declared(world, relative, returned.author)
    refused(await on_paper(client, world, returned.second, one), 403, "kept_apart")
    ended = await post(client, relative, f"/me/relatives/{relation}/end", {"note": "登记有误"})
    assert ended.status_code == 200, ended.text
    assert (await on_paper(client, world, returned.second, one)).status_code == 200


async def test_only_what_was_returned_to_this_worker_is_filled_in_anew(
    client: httpx.AsyncClient, world: World, returned: Returned, town: Town
) -> None:
    somebody = returned.body | {"id_number": make.id_number(), "name": "林阿婆"}
    for wrong in (somebody, returned.body | {"kind": "golden_autumn", "form": {}}):
        refused(await post(client, returned.author, "/staff/proxy_applications", wrong), 404, "application_not_found")
    elsewhere = await world.staff(Role.UNIT_CLERK, town.units[1])
    there = returned.body | {"organisation_code": town.units[1].code}
    refused(await post(client, elsewhere, "/staff/proxy_applications", there), 404, "application_not_found")
    plain = await filed(client, returned.author, returned.body | {"returned_application_id": None})
    open_already = refused(await on_paper(client, world, returned.second, plain), 409, "draft_already_open")
    assert open_already["application_id"] == returned.case["id"]


async def test_what_was_returned_is_filled_in_anew_by_its_own_union(
    client: httpx.AsyncClient, world: World, returned: Returned, town: Town
) -> None:
    here, there = town.units[:2]
    both = await world.person(posts=((Role.UNIT_CHAIR, here), (Role.UNIT_CLERK, there)))
    body = returned.body | {"organisation_code": there.code}
    refused(await post(client, both, "/staff/proxy_applications", body), 403, "not_allowed")
    above = await world.staff(Role.UNIT_CLERK, town.districts[0])
    problem = refused(await post(client, above, "/staff/proxy_applications", body), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [
        ("/organisation_code", "returned_elsewhere")
    ]


async def test_what_was_filled_in_before_it_was_returned_again_is_not_taken(
    client: httpx.AsyncClient, world: World, returned: Returned, owner: asyncpg.Connection
) -> None:
    one = await filed(client, returned.author, returned.body)
    await owner.execute("update application set updated_at = now() where id = $1", UUID(returned.case["id"]))
    refused(await on_paper(client, world, returned.second, one), 409, "not_returned")
    await post(client, returned.author, f"/staff/proxy_applications/{one['id']}/withdraw")
    right = await filed(client, returned.author, returned.body)
    assert (await on_paper(client, world, returned.second, right)).status_code == 200


async def test_what_was_submitted_meanwhile_is_not_filled_in_anew(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    unit = town.units[0]
    worker, author = await world.worker(unit), await world.staff(Role.UNIT_CLERK, unit)
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    case = await world.application(worker, unit, state=State.RETURNED, form=make.living_aid())
    body = filing(worker, unit, returned_application_id=str(case.id))
    first = await filed(client, author, body)
    path = f"/applications/{case.id}"
    version = (await client.get(path, headers=worker.headers)).json()["version"]
    assert (await post(client, worker, f"{path}/submit", version=version)).status_code == 200
    refused(await post(client, worker, f"/me/proxy_applications/{first['id']}/confirm"), 409, "not_returned")
    refused(await post(client, clerk, "/staff/proxy_applications", body), 409, "not_returned")


async def test_a_worker_confirms_what_the_union_filled_in_anew(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    unit = town.units[0]
    worker, author = await world.worker(unit), await world.staff(Role.UNIT_CLERK, unit)
    case = await world.application(worker, unit, state=State.RETURNED, form=make.living_aid())
    one = await filed(client, author, filing(worker, unit, returned_application_id=str(case.id)))
    (waiting,) = (await client.get("/me/proxy_applications", headers=worker.headers)).json()["items"]
    assert waiting["returned_application_id"] == str(case.id)
    done = await confirmed(client, worker, one)
    assert (done["id"], done["state"]) == (str(case.id), "submitted")


async def test_whoever_helped_decides_nothing_in_whichever_way_a_round_begins(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """An objection, an amount that is raised and an appeal begin one without a return."""
    author, worker = await everything(world, town), await world.worker(town.units[0])
    case = await confirmed(client, worker, await filed(client, author, filing(worker, town.units[0])))
    for round_ in (2, 3):
        await owner.execute(
            "update application set round = $2, state = 'unit_review' where id = $1", UUID(case["id"]), round_
        )
        refused(await act(client, author, case, "approve"), 403, "already_signed")


# ---- the card that is written down with it ----

CARD = {"number": "6222021234567890128", "bank_name": "中国工商银行"}


async def cards_of(owner: asyncpg.Connection, application_id: str) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        "select c.number_masked, c.state from bank_card c join application a on a.applicant_id = c.person_id "
        "where a.id = $1", UUID(application_id),
    )  # fmt: skip
    return [tuple(row) for row in rows]


async def test_the_card_of_somebody_without_wechat_is_written_down_by_one_and_confirmed_by_another(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    author, second = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(2)]
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    who = {"name": "林阿伯", "id_number": make.id_number(), "form": aid}
    wrong = filing(None, town.units[0], bank_card=CARD | {"number": "6222021234567890127"}, **who)
    problem = refused(await post(client, author, "/staff/proxy_applications", wrong), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/bank_card/number"]
    one = await filed(client, author, filing(None, town.units[0], bank_card=CARD, **who))
    assert one["bank_card_masked"].endswith("0128")
    assert CARD["number"] not in str(one)
    case = (await on_paper(client, world, second, one)).json()
    assert await cards_of(owner, case["id"]) == [(one["bank_card_masked"], "current")]
    audited = await owner.fetchval(
        "select person_id from audit_entry where action = 'person.bank_card_current' and subject_person_id = "
        "(select applicant_id from application where id = $1)", UUID(case["id"]),
    )  # fmt: skip
    assert audited == second.id


async def test_a_card_that_is_registered_stays(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    worker, author = await world.worker(unit), await world.staff(Role.UNIT_CLERK, unit)
    mine = CARD | {"holder": worker.name, "number": "6217001234567890122"}
    assert (await client.put("/me/bank_card", json=mine, headers=worker.headers)).status_code == 200
    case = await confirmed(client, worker, await filed(client, author, filing(worker, unit, bank_card=CARD)))
    ((masked, state),) = await cards_of(owner, case["id"])
    assert (masked[-4:], state) == ("0122", "current")


async def test_a_card_of_somebody_without_wechat_or_a_household_file_is_changed_by_two_people(
    client: httpx.AsyncClient, world: World, returned: Returned, town: Town, owner: asyncpg.Connection
) -> None:
    path = f"/staff/applications/{returned.case['id']}/change_requests"
    body = {"bank_card": CARD | {"holder": "林阿伯"}, "reason": "银行说户名不符，本人带来另一张"}
    for by, wrong, status, code in (
        (await world.staff(Role.UNIT_CLERK, town.units[1]), body, 404, "application_not_found"),
        (returned.chair, body, 403, "not_allowed"),
        (returned.author, body | {"bank_card": body["bank_card"] | {"holder": "林阿婆"}}, 422, "invalid"),
        (
            returned.author,
            body | {"bank_card": body["bank_card"] | {"number": CARD["number"][:-1] + "7"}},
            422,
            "invalid",
        ),
    ):
        refused(await post(client, by, path, wrong), status, code)
    near = await world.staff(Role.UNIT_CLERK, town.units[0])
    applicant = Someone(new_id(), "林阿伯", returned.body["id_number"], new_id(), "")
    await declared(world, near, applicant)
    refused(await post(client, near, path, body), 403, "recused")
    assert await cards_of(owner, returned.case["id"]) == []
    asked = await post(client, returned.author, path, body)
    assert asked.status_code == 201, asked.text
    assert await cards_of(owner, returned.case["id"]) == [("6222 **** **** 0128", "pending")]
    refused(await post(client, returned.clerk, path, body), 409, "change_request_open")
    decision = {"action": "approve", "note": "已核对银行卡原件"}
    actions = f"/staff/change_requests/{asked.json()['id']}/actions"
    refused(await post(client, returned.author, actions, decision), 403)
    done = await post(client, returned.chair, actions, decision)
    assert done.status_code == 200, done.text
    assert await cards_of(owner, returned.case["id"]) == [("6222 **** **** 0128", "current")]


async def test_a_card_is_changed_where_it_is_paid_to(
    client: httpx.AsyncClient, world: World, returned: Returned, town: Town, owner: asyncpg.Connection
) -> None:
    path = f"/staff/applications/{returned.case['id']}/change_requests"
    body = {"bank_card": CARD | {"holder": "林阿伯"}, "reason": "换卡"}
    await owner.execute("update application set state = 'withdrawn' where id = $1", UUID(returned.case["id"]))
    refused(await post(client, returned.author, path, body), 409, "case_over")
    await owner.execute("update application set state = 'returned' where id = $1", UUID(returned.case["id"]))
    someone = await owner.fetchval("select applicant_id from application where id = $1", UUID(returned.case["id"]))
    head = Someone(someone, "林阿伯", returned.body["id_number"], new_id(), "")
    await world.household(head, town.units[1])
    refused(await post(client, returned.author, path, body), 409, "card_of_household")


async def test_whoever_has_wechat_changes_their_card_themselves(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    worker, clerk = await world.worker(town.units[0]), await world.staff(Role.UNIT_CLERK, town.units[0])
    case = await world.application(worker, town.units[0], state=State.APPROVED)
    body = {"bank_card": CARD | {"holder": worker.name}, "reason": "换卡"}
    refused(await post(client, clerk, f"/staff/applications/{case.id}/change_requests", body), 409, "has_account")


async def test_a_claim_of_somebody_without_wechat_or_a_household_file_is_paid(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    unit = town.units[0]
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    number = make.id_number()
    await world.cover(replace(author, id_number=number), unit)
    body = filing(None, unit, Kind.SECONDARY_MEDICAL, name="林阿伯", id_number=number, bank_card=CARD)
    case = (await on_paper(client, world, second, await filed(client, author, body))).json()
    assert case["state"] == "submitted", case["decision"]
    desks = [(Role.UNIT_CHAIR, unit), (Role.DISTRICT_REVIEWER, town.districts[0]), (Role.MUTUAL_AID_OFFICER, town.city)]
    case = await moved(client, clerk, case, "accept")
    for role, place in desks:
        case = await moved(client, await world.staff(role, place), case, "approve")
    maker, checker = [await world.staff(role, town.city) for role in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)]
    (card,) = (await client.get("/staff/bank_cards", headers=maker.headers)).json()["items"]
    entered = {"method": "name_check", "items": [{"card_id": card["card_id"], "outcome": "passed"}]}
    checks = (await post(client, maker, "/staff/bank_cards/checks", entered)).json()["ids"]
    decided = {"action": "confirm", "check_ids": checks}
    assert (await post(client, checker, "/staff/bank_cards/checks/decisions", decided)).status_code == 200
    batch = await stepped(client, maker, await built(client, maker, town.city), "freeze")
    batch = await stepped(client, checker, batch, "confirm")
    await answered(client, checker, await stepped(client, maker, batch, "export"))
    assert await owner.fetchval("select state from application where id = $1", UUID(case["id"])) == "paid"


# ---- what was filled in wrongly ----


async def test_what_nobody_has_confirmed_is_taken_back_and_filled_in_again(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    unit = town.units[0]
    author, second = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(2)]
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿艮", id_number=make.id_number(), form=aid)
    one = await filed(client, author, body)
    refused(await post(client, second, "/staff/proxy_applications", body), 409, "proxy_application_open")
    path = f"/staff/proxy_applications/{one['id']}/withdraw"
    for by, status in (
        (await world.staff(Role.UNIT_CLERK, town.units[1]), 404),
        (await world.staff(Role.UNIT_CHAIR, unit), 403),
        (await world.worker(unit), 403),
    ):
        refused(await post(client, by, path), status)
    refused(await post(client, second, path, version=7), 412, "stale_version")
    answers = await asyncio.gather(*(post(client, by, path) for by in (author, second)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    (done,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (done["state"], done["version"]) == ("withdrawn", 2)
    refused(await post(client, author, path, version=2), 404, "proxy_application_not_found")
    refused(await on_paper(client, world, second, one | {"version": 2}), 412, "stale_version")
    right = await filed(client, author, body | {"name": "林阿根"})
    assert (await on_paper(client, world, second, right)).status_code == 200


async def test_what_one_union_has_open_is_no_business_of_anothers(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    worker = await world.worker(town.units[0])
    here, there = [await world.staff(Role.UNIT_CLERK, unit) for unit in town.units[:2]]
    first = await filed(client, there, filing(worker, town.units[1]))
    second = await filed(client, here, filing(worker, town.units[0]))
    waiting = (await client.get("/me/proxy_applications", headers=worker.headers)).json()["items"]
    assert [each["id"] for each in waiting] == [first["id"], second["id"]]
    assert (await confirmed(client, worker, second))["state"] == "submitted"


async def test_what_was_agreed_to_on_paper_is_kept(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    author, second = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(2)]
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    one = await filed(client, author, filing(None, town.units[0], name="林阿伯", id_number=make.id_number(), form=aid))
    agreed = ["privacy_policy", "public_notice", "sensitive_finance"]
    case = (await on_paper(client, world, second, one, agreed)).json()
    kept = await owner.fetch(
        "select purpose from consent where withdrawn_at is null and person_id = (select applicant_id from application "
        "where id = $1) order by purpose", UUID(case["id"]),
    )  # fmt: skip
    assert [row["purpose"] for row in kept] == agreed
