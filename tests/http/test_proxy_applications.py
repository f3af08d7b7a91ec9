"""Staff fill in an application for a worker, who confirms; whoever assisted decides nothing of it and pays nothing."""

import asyncio
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind
from app.jobs.handlers import HANDLERS
from app.jobs.running import Jobs
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.people.consents import Purpose
from tests import make
from tests.calling import every_item, upload
from tests.files.samples import picture
from tests.forms import filing as household_filing
from tests.http.paperwork import act, confirmed, everything, filed, filing, moved, on_paper, post
from tests.http.refusals import refused
from tests.make import FORMS, Someone, World
from tests.paying import answered, built, carded, stepped, turn, why_out

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
    # They see what they confirm; nobody else does.
    assert (await client.get(f"/files/{proof['id']}", headers=worker.headers)).status_code == 200
    stranger = await world.worker(unit)
    refused(await client.get(f"/files/{proof['id']}", headers=stranger.headers), 404, "file_not_found")
    case = await confirmed(client, worker, one)
    for someone in (worker, chair, clerk):
        assert (await client.get(f"/files/{proof['id']}", headers=someone.headers)).status_code == 200
    case = await moved(client, other, case, "return", note="请补充")
    changed = await client.put(
        f"/applications/{case['id']}", json={"form": form | {"reason": "补充"}},
        headers=worker.headers | {"If-Match": f'"{case["version"]}"'},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text


async def test_a_worker_with_wechat_hears_of_what_was_filled_in_for_them_as_long_as_it_waits(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    unit = (await world.town()).units[0]
    clerk, worker, other = await world.staff(Role.UNIT_CLERK, unit), await world.worker(unit), await world.worker(unit)

    async def handled(name: str, filing_id: str) -> None:
        for handle in HANDLERS[name] * 2:
            async with background.work() as work:
                await handle(work, {"filing_id": filing_id})

    async def told(who: Someone) -> list[str]:
        return [each["title"] for each in await every_item(client, "/me/messages", by=who)]

    one = await filed(client, clerk, filing(worker, unit))
    file = await post(client, clerk, "/staff/proxy_households", household_filing(worker, unit))
    await handled("ApplicationFilledIn", one["id"])
    await handled("FileFilledIn", file.json()["id"])
    assert await told(worker) == ["工会代您填写了家庭档案", "工会代您填写了申请"]
    late = await filed(client, clerk, filing(other, unit))
    await confirmed(client, other, late)
    nobody = await filed(client, clerk, filing(None, unit, name="林阿伯", id_number=make.id_number()))
    for each in (late, nobody):
        await handled("ApplicationFilledIn", each["id"])
    assert await told(other) == []


async def test_what_a_worker_declines_is_none_of_theirs(client: httpx.AsyncClient, world: World) -> None:
    unit = (await world.town()).units[0]
    clerk, worker = await world.staff(Role.UNIT_CLERK, unit), await world.worker(unit)
    proof = (await upload(client, clerk, picture())).json()["id"]
    one = await filed(client, clerk, filing(worker, unit, form=make.living_aid(file_ids=[proof])))
    second = await world.staff(Role.UNIT_CLERK, unit)
    assert (await client.get(f"/files/{proof}", headers=second.headers)).status_code == 200
    assert (await post(client, worker, f"/me/proxy_applications/{one['id']}/decline")).status_code == 200
    for someone in (worker, second):
        refused(await client.get(f"/files/{proof}", headers=someone.headers), 404, "file_not_found")


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
    for role in {role for role, held in PERMISSIONS.items() if Permission.ASSIST not in held}:
        idle = await world.staff(role, town.units[0], consents=())
        assert (await post(client, idle, "/staff/proxy_applications", body)).status_code == 403, role
        assert (await client.get("/staff/proxy_applications", headers=idle.headers)).status_code == 403
    assert (await post(client, clerk, "/staff/proxy_applications", filing(clerk, town.units[0]))).status_code == 403
    stranger = await world.person()
    assert (await client.get("/me/proxy_applications", headers=stranger.headers)).json()["items"] == []
    for step in ("confirm", "decline"):
        path = f"/me/proxy_applications/{one['id']}/{step}"
        refused(await post(client, stranger, path), 404, "proxy_application_not_found")
