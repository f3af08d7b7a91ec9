"""Staff fill in an application for a worker, who confirms; whoever assisted decides nothing of it and pays nothing."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import calling, make
from tests.calling import upload
from tests.files.samples import picture
from tests.http.refusals import refused
from tests.make import FORMS, Guild, Someone, Town, World
from tests.paying import answered, built, carded, stepped, turn, why_out
from tests.relatives.making import declared


@dataclass(frozen=True)
class Returned:
    """What was returned, a body that fills it in anew, and who has dealt with it."""

    body: dict[str, Any]
    case: dict[str, Any]
    author: Someone
    second: Someone
    clerk: Someone
    chair: Someone


ALL = [purpose.value for purpose in Purpose]


def filing(someone: Someone | None, union: Guild, kind: Kind = Kind.HARDSHIP_AID, **given: Any) -> dict[str, Any]:
    who = {"name": someone.name, "id_number": someone.id_number} if someone else {}
    body = {"phone": "13800138000", "organisation_code": union.code, "kind": kind.value, "form": FORMS[kind]()}
    return who | body | given


async def post(client: httpx.AsyncClient, by: Someone, path: str, body: Any = None, version: int = 1) -> httpx.Response:
    return await calling.post(client, by, path, body, version)


async def filed(client: httpx.AsyncClient, by: Someone, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, by, "/staff/proxy_applications", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def confirmed(client: httpx.AsyncClient, worker: Someone, one: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, worker, f"/me/proxy_applications/{one['id']}/confirm")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def on_paper(
    client: httpx.AsyncClient, world: World, by: Someone, one: dict[str, Any], consents: list[str] = ALL
) -> httpx.Response:
    paper = {"signature_file_id": str(await world.file(by)), "consents": consents}
    return await post(client, by, f"/staff/proxy_applications/{one['id']}/confirm_on_paper", paper)


async def act(client: httpx.AsyncClient, by: Someone, case: dict[str, Any], action: str, **more: Any) -> httpx.Response:
    path = f"/staff/applications/{case['id']}/actions"
    return await post(client, by, path, {"action": action} | more, case["version"])


async def moved(client: httpx.AsyncClient, by: Someone, case: dict[str, Any], action: str, **more: Any) -> Any:
    answer = await act(client, by, case, action, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def everything(world: World, town: Town) -> Someone:
    """Somebody who may file, review, approve and pay alone, if they had not assisted."""
    unit = town.units[0]
    here = [(role, unit) for role in (Role.UNIT_CLERK, Role.UNIT_CHAIR)]
    above = [(Role.DISTRICT_REVIEWER, town.districts[0])]
    city = [
        (role, town.city)
        for role in (Role.CITY_LEADER, Role.MUTUAL_AID_OFFICER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER)
    ]
    return await world.person(posts=(*here, *above, *city))


# ---- in the app ----


@pytest.mark.parametrize("kind", Kind)
async def test_what_the_worker_confirms_is_submitted_in_their_name_and_its_author_takes_no_step_of_any_round(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, kind: Kind
) -> None:
    town = await world.town()
    unit, child = town.units[0], make.member()
    worker = await world.worker(unit, members=[child])
    author = await everything(world, town)
    form = FORMS[kind](child["id_number"]) if kind is Kind.GOLDEN_AUTUMN else FORMS[kind]()
    one = await filed(client, author, filing(worker, unit, kind, form=form))
    assert (one["state"], one["kind"], one["name_masked"]) == ("open", kind, "陈*明")
    assert (await client.get("/applications", headers=worker.headers)).json()["items"] == []
    (waiting,) = (await client.get("/me/proxy_applications", headers=worker.headers)).json()["items"]
    assert (waiting["id"], waiting["warnings"], waiting["filed_by"]["role"]) == (one["id"], [], "unit_clerk")
    case = await confirmed(client, worker, one)
    assert (case["state"], case["decision"]["outcome"]) == ("submitted", "eligible")
    desks = [(Role.UNIT_CLERK, unit), (Role.UNIT_CHAIR, unit), (Role.DISTRICT_REVIEWER, town.districts[0])]
    city = Role.MUTUAL_AID_OFFICER if kind is Kind.SECONDARY_MEDICAL else Role.CITY_LEADER
    desks += [(city, town.city), (Role.FINANCE_MAKER, town.city), (Role.FINANCE_CHECKER, town.city)]
    clerk, chair, district, leader, maker, checker = [await world.staff(role, place) for role, place in desks]
    for _ in range(3):
        refused(await act(client, author, case, "accept"), 403, "already_signed")
        case = await moved(client, clerk, case, "accept")
        refused(await act(client, author, case, "return", note="请补充"), 403, "already_signed")
        case = await moved(client, chair, case, "return", note="请补充")
        case = (await post(client, worker, f"/applications/{case['id']}/submit", version=case["version"])).json()
        assert case["state"] == "submitted"
    shown = (await client.get(f"/staff/applications/{case['id']}", headers=author.headers)).json()
    assert shown["open_actions"] == []
    assists = [step for step in shown["timeline"] if step["action"] == "assist"]
    assert [(step["by"]["role"], step["to_state"]) for step in assists] == [
        ("unit_clerk", "draft"), *[("unit_clerk", "returned")] * 3,
    ]  # fmt: skip
    case = await moved(client, clerk, case, "accept")
    for reviewer in (chair, district, leader):
        refused(await act(client, author, case, "approve"), 403, "already_signed")
        case = await moved(client, reviewer, case, "approve")
    if case["state"] == "public_notice":
        await world.noticed(UUID(case["id"]), worker, unit, kind, round=4)
        await owner.execute(
            "update application set state = 'approved', approved_at = now() where id = $1", UUID(case["id"])
        )
    await carded(world, worker)
    number = (await client.get(f"/applications/{case['id']}", headers=worker.headers)).json()["number"]
    assert await why_out(client, author, town.city) == {number: "already_signed"}
    batch = await stepped(client, maker, await built(client, maker, town.city), "freeze")
    refused(await turn(client, author, batch, "confirm"), 403, "already_signed")
    batch = await stepped(client, checker, batch, "confirm")
    await answered(client, checker, await stepped(client, maker, batch, "export"))
    assert (await client.get(f"/applications/{case['id']}", headers=worker.headers)).json()["state"] == "paid"
    audited = await owner.fetch(
        "select person_id, action from audit_entry where subject_person_id = $1 and action in "
        "('proxy_application.assisted', 'proxy_application.confirmed') order by id", worker.id,
    )  # fmt: skip
    assert [tuple(row) for row in audited] == [
        (author.id, "proxy_application.assisted"), (worker.id, "proxy_application.confirmed"),
    ]  # fmt: skip


async def test_the_database_itself_takes_no_review_from_whoever_assisted(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    unit = (await world.town()).units[0]
    worker, author = await world.worker(unit), await world.staff(Role.UNIT_CLERK, unit)
    case = await confirmed(client, worker, await filed(client, author, filing(worker, unit)))
    signed = (
        "insert into passage (id, created_at, application_id, round, person_id, action, from_state, to_state, "
        "counts_as_review) values (gen_random_uuid(), now(), $1, $2, $3, $4, 'submitted', 'unit_review', $5)"
    )
    for action in ("accept", "approve", "start_payment", "confirm_payment"):
        with pytest.raises(asyncpg.UniqueViolationError, match="uq_passage_reviewer"):
            await owner.execute(signed, UUID(case["id"]), 1, author.id, action, True)
    chair = await world.staff(Role.UNIT_CHAIR, unit)
    await owner.execute(signed, UUID(case["id"]), 1, chair.id, "return", True)
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_passage_reviewer"):
        await owner.execute(signed, UUID(case["id"]), 2, author.id, "accept", True)
    await owner.execute(signed, UUID(case["id"]), 2, chair.id, "accept", True)


async def test_nothing_is_submitted_without_what_the_worker_themselves_would_need(
    client: httpx.AsyncClient, world: World
) -> None:
    unit = (await world.town()).units[0]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    bare = await world.worker(unit, consents=(Purpose.PRIVACY_POLICY,))
    one = await filed(client, clerk, filing(bare, unit))
    path = f"/me/proxy_applications/{one['id']}/confirm"
    problem = refused(await post(client, bare, path), 403, "consents_missing")
    assert problem["purposes"] == "public_notice,sensitive_finance"
    worker = await world.worker(unit)
    part = await filed(client, clerk, filing(worker, unit, form={"item": "living"}))
    (waiting,) = (await client.get("/me/proxy_applications", headers=worker.headers)).json()["items"]
    assert {each["pointer"] for each in waiting["warnings"]} == {"/form/requested_fen", "/form/reason"}
    path = f"/me/proxy_applications/{part['id']}/confirm"
    refused(await post(client, worker, path), 422, "invalid")
    refused(await post(client, worker, path, version=7), 412, "stale_version")
    assert (await client.get("/applications", headers=worker.headers)).json()["items"] == []
    assert len((await client.get("/me/proxy_applications", headers=worker.headers)).json()["items"]) == 1


async def test_the_same_rules_refuse_it_with_the_same_reasons(client: httpx.AsyncClient, world: World) -> None:
    unit = (await world.town()).units[0]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    worker, other = await world.person(home=unit), await world.person(home=unit)
    case = await confirmed(client, worker, await filed(client, clerk, filing(worker, unit)))
    draft = await post(client, other, "/applications", {"kind": "hardship_aid", "form": make.living_aid()})
    own = (await post(client, other, f"/applications/{draft.json()['id']}/submit")).json()
    assert (case["state"], case["decision"]) == ("rejected", own["decision"])


async def test_of_two_confirmations_at_once_one_submits_and_a_declined_filing_is_gone(
    client: httpx.AsyncClient, world: World
) -> None:
    unit = (await world.town()).units[0]
    clerk, worker = await world.staff(Role.UNIT_CLERK, unit), await world.worker(unit)
    one = await filed(client, clerk, filing(worker, unit))
    refused(await post(client, clerk, "/staff/proxy_applications", filing(worker, unit)), 409, "proxy_application_open")
    path = f"/me/proxy_applications/{one['id']}/confirm"
    answers = await asyncio.gather(*(post(client, worker, path) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert len((await client.get("/applications", headers=worker.headers)).json()["items"]) == 1
    second = await filed(client, clerk, filing(worker, unit))
    declined = await post(client, worker, f"/me/proxy_applications/{second['id']}/decline")
    assert (declined.status_code, declined.json()["state"]) == (200, "declined")
    for path in (f"/me/proxy_applications/{second['id']}/{step}" for step in ("confirm", "decline")):
        refused(await post(client, worker, path, version=2), 404, "proxy_application_not_found")
    assert (await client.get("/staff/proxy_applications", headers=clerk.headers)).json()["items"] == []


async def test_what_the_clerk_uploaded_becomes_the_workers_and_can_be_used_again_after_a_return(
    client: httpx.AsyncClient, world: World
) -> None:
    unit = (await world.town()).units[0]
    clerk, worker = await world.staff(Role.UNIT_CLERK, unit), await world.worker(unit)
    other, chair = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CHAIR, unit)
    proof, foreign = (await upload(client, clerk, picture())).json(), str(await world.file(worker))
    with_foreign = filing(worker, unit, form=make.living_aid(file_ids=[foreign]))
    problem = refused(await post(client, clerk, "/staff/proxy_applications", with_foreign), 422, "invalid")
    assert problem["errors"][0]["pointer"] == "/form/file_ids/0"
    form = make.living_aid(file_ids=[proof["id"]])
    one = await filed(client, clerk, filing(worker, unit, form=form))
    refused(await client.get(f"/files/{proof['id']}", headers=worker.headers), 404, "file_not_found")
    case = await confirmed(client, worker, one)
    for someone in (worker, chair, clerk):
        assert (await client.get(f"/files/{proof['id']}", headers=someone.headers)).status_code == 200
    case = await moved(client, other, case, "return", note="请补充")
    changed = await client.put(
        f"/applications/{case['id']}", json={"form": form | {"reason": "补充"}},
        headers=worker.headers | {"If-Match": f'"{case["version"]}"'},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text


# ---- on paper ----


async def test_a_paper_is_confirmed_by_a_second_member_of_staff_and_neither_decides(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    unit = town.units[0]
    author, second = await everything(world, town), await everything(world, town)
    number = make.id_number()
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿伯", id_number=number, form=aid)
    one = await filed(client, author, body)
    listed = (await client.get("/staff/proxy_applications", headers=second.headers)).json()["items"]
    assert [each["id"] for each in listed] == [one["id"]]
    refused(await on_paper(client, world, author, one), 403, "second_signer_needed")
    problem = refused(await on_paper(client, world, second, one, ["privacy_policy"]), 403, "consents_missing")
    assert problem["purposes"] == "public_notice,sensitive_finance"
    done = await on_paper(client, world, second, one)
    assert done.status_code == 200, done.text
    case = done.json()
    assert case["state"] == "submitted", case["decision"]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    for assistant in (author, second):
        refused(await act(client, assistant, case, "accept"), 403, "already_signed")
    case = await moved(client, clerk, case, "accept")
    for assistant in (author, second):
        refused(await act(client, assistant, case, "approve"), 403, "already_signed")
    row = await owner.fetchrow(
        "select p.id, p.openid is null as on_paper, p.phone_masked, s.person_id as submitted_by from application a "
        "join person p on p.id = a.applicant_id join passage s on s.application_id = a.id and s.action = 'submit' "
        "where a.id = $1", UUID(case["id"]),
    )  # fmt: skip
    assert tuple(row)[1:] == (True, "138****8000", second.id)
    audited = await owner.fetch(
        "select person_id, action from audit_entry where subject_person_id = $1 and action <> 'consent.given' "
        "order by id",
        row["id"],
    )
    assert [tuple(each) for each in audited][:4] == [
        (second.id, "person.entered"), (author.id, "proxy_application.assisted"),
        (second.id, "proxy_application.confirmed"), (second.id, "application.submit"),
    ]  # fmt: skip
    # The next one is for the same worker, under the same name alone.
    other_name = await filed(client, author, body | {"name": "林阿婆", "form": make.living_aid(item="living")})
    refused(await on_paper(client, world, second, other_name), 409, "name_on_file_differs")
    again = await filed(client, author, body | {"form": make.living_aid(item="medical")} | {"name": "林阿伯"})
    refused(await on_paper(client, world, second, again), 422, "invalid")


async def test_a_paper_does_not_stand_for_somebody_who_has_an_account(client: httpx.AsyncClient, world: World) -> None:
    unit = (await world.town()).units[0]
    worker = await world.worker(unit)
    author, second = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(2)]
    one = await filed(client, author, filing(worker, unit))
    refused(await on_paper(client, world, second, one), 409, "has_account")
    assert (await client.get("/applications", headers=worker.headers)).json()["items"] == []


async def test_a_filing_stays_within_the_reach_and_with_those_who_may_assist(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    worker = await world.worker(town.units[0])
    clerk, other = [await world.staff(Role.UNIT_CLERK, unit) for unit in town.units[:2]]
    body = filing(worker, town.units[0])
    refused(await post(client, other, "/staff/proxy_applications", body), 404, "organisation_not_found")
    one = await filed(client, clerk, body)
    refused(await on_paper(client, world, other, one), 404, "proxy_application_not_found")
    assert (await client.get("/staff/proxy_applications", headers=other.headers)).json()["items"] == []
    for role in set(Role) - {Role.UNIT_CLERK}:
        idle = await world.staff(role, town.units[0], consents=())
        assert (await post(client, idle, "/staff/proxy_applications", body)).status_code == 403, role
        assert (await client.get("/staff/proxy_applications", headers=idle.headers)).status_code == 403
    assert (await post(client, clerk, "/staff/proxy_applications", filing(clerk, town.units[0]))).status_code == 403
    stranger = await world.person()
    assert (await client.get("/me/proxy_applications", headers=stranger.headers)).json()["items"] == []
    for step in ("confirm", "decline"):
        path = f"/me/proxy_applications/{one['id']}/{step}"
        refused(await post(client, stranger, path), 404, "proxy_application_not_found")


@pytest.fixture
async def returned(client: httpx.AsyncClient, world: World, town: Town) -> Returned:
    """An application of somebody without WeChat that was accepted and sent back."""
    unit = town.units[0]
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    chair = await world.staff(Role.UNIT_CHAIR, unit)
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), form=aid)
    case = (await on_paper(client, world, second, await filed(client, author, body))).json()
    case = await moved(client, clerk, case, "accept")
    case = await moved(client, chair, case, "return", note="请补充")
    return Returned(body | {"returned_application_id": case["id"]}, case, author, second, clerk, chair)


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
