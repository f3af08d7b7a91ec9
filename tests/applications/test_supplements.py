"""A supplement: a reviewer asks, the worker brings it, and the case goes on where it stood and in its place."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.jobs import supplements
from app.jobs.daily import escalate_all
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.applications.reviewing import REVIEWERS, Desks, act, ask, bring, case_at, desks_of, own, queue, seen
from tests.calling import upload
from tests.discrepancies.making import working
from tests.files.samples import picture
from tests.make import Case, World


@pytest.fixture(scope="module")
async def desks(world: World) -> Desks:
    return await desks_of(world)


async def over(owner: asyncpg.Connection, case: Case) -> None:
    """The days of what the case waits for are over."""
    await owner.execute(
        "update supplement set created_at = now() - interval '20 days', due_at = now() - interval '1 minute' "
        "where application_id = $1 and state = 'open'", case.id,
    )  # fmt: skip


async def told(client: httpx.AsyncClient, who: Any) -> list[str]:
    answer = await client.get("/me/messages", headers=who.headers)
    return [each["kind"] for each in answer.json()["items"]]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("state", list(REVIEWERS))
async def test_a_case_waits_where_it_stands_and_goes_on_from_there(
    client: httpx.AsyncClient, desks: Desks, kind: Kind, state: State
) -> None:
    case, reviewer = await case_at(desks, state, kind), desks.reviewer(state, kind)
    before = await seen(client, reviewer, case)
    assert "ask_supplement" in before["open_actions"]
    asked = await ask(client, reviewer, case, others=["单位证明"], text="学费由谁支付？")
    assert (asked.status_code, asked.json()["state"], asked.json()["version"]) == (201, state, 2), asked.text
    waiting = await own(client, case)
    assert (waiting["state"], waiting["supplement"]) == (state, "open")
    assert waiting["open_actions"] == ["withdraw", "supplement"]
    (supplement,) = waiting["supplements"]
    assert [item["name"] for item in supplement["items"]] == ["单位证明", "需要说明的问题"]
    assert (supplement["text"], supplement["missing"]) == ("学费由谁支付？", ["other_1", "question"])
    assert waiting["deadline"] == supplement["due_at"]
    assert waiting["clock"]["paused_because"] == "等申请人补充材料"
    assert "现在等您补充材料，已暂停计时" in waiting["clock"]["text"]
    assert (await seen(client, reviewer, case))["open_actions"] == ["withdraw_supplement"]
    assert case.number not in [task["number"] for task in await queue(client, reviewer)]
    brought = await bring(client, case, note="由本人支付", answers=[{"item": "other_1", "text": "单位已注销，开不出"}])
    assert (brought.status_code, brought.json()["state"], brought.json()["version"]) == (200, state, 3), brought.text
    again = await seen(client, reviewer, case)
    assert again["open_actions"] == before["open_actions"]
    assert again["supplements"][0]["answer"]["note"] == "由本人支付"
    assert (again["supplements"][0]["missing"], again["clock"]["paused_because"]) == ([], None)
    (task,) = [task for task in await queue(client, reviewer) if task["number"] == case.number]
    assert (task["supplement"], task["submitted_at"]) == ("answered", before["submitted_at"])


async def test_what_is_missing_is_named_by_the_kinds_own_list(client: httpx.AsyncClient, desks: Desks) -> None:
    case, chair = await case_at(desks, State.UNIT_REVIEW), desks.first[Role.UNIT_CHAIR]
    wrong = await ask(client, chair, case, documents=["income_proof", "tuition_receipt", "income_proof"])
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [
        ("/documents/1", "document_unknown"), ("/documents/2", "document_repeated"),
    ]  # fmt: skip
    nothing = await ask(client, chair, case, documents=[])
    assert (nothing.status_code, nothing.json()["errors"][0]["code"]) == (422, "supplement_empty")
    asked = await ask(client, chair, case, documents=["income_proof", "household_register"])
    assert asked.status_code == 201, asked.text
    items = (await own(client, case))["supplements"][0]["items"]
    assert [item["name"] for item in items] == ["近12个月收入证明或失业证明", "户口簿全部页"]


async def test_what_the_worker_brings_is_checked(client: httpx.AsyncClient, desks: Desks, world: World) -> None:
    case, chair = await case_at(desks, State.UNIT_REVIEW), desks.first[Role.UNIT_CHAIR]
    early = await bring(client, case, version=1)
    assert (early.status_code, early.json()["code"]) == (409, "nothing_asked")
    assert (await ask(client, chair, case, documents=["income_proof"])).status_code == 201
    strange = await world.file(await world.person())
    refused: list[tuple[dict[str, Any], str, str]] = [
        ({"file_ids": []}, "/answers", "supplement_empty"),
        ({"answers": [{"item": "income_proof"}], "note": "好"}, "/answers/0", "answer_empty"),
        ({"answers": [{"item": "receipt", "text": "好"}]}, "/answers/0/item", "item_unknown"),
        ({"answers": [{"item": "income_proof", "text": "好"}] * 2}, "/answers/1/item", "item_repeated"),
        ({"file_ids": [str(strange)]}, "/file_ids/0", "file_unknown"),
    ]
    for given, pointer, code in refused:
        answer = await bring(client, case, **given)
        assert answer.status_code == 422, answer.text
        assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]
    stale = await bring(client, case, version=1)
    assert stale.status_code == 412
    other = await client.post(
        f"/applications/{case.id}/supplement", json={"note": "好"},
        headers=(await world.person()).headers | make.keyed() | {"If-Match": '"2"'},
    )  # fmt: skip
    assert other.status_code == 404
    assert (await bring(client, case)).status_code == 200
    twice = await bring(client, case, version=3)
    assert (twice.status_code, twice.json()["code"]) == (409, "nothing_asked")


async def test_reviewers_of_the_case_read_what_was_brought_and_nobody_else(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, world: World
) -> None:
    case, reviewer = await case_at(desks, State.DISTRICT_REVIEW), desks.first[Role.DISTRICT_REVIEWER]
    file_id = (await upload(client, case.applicant, picture())).json()["id"]
    assert (await ask(client, reviewer, case, documents=["income_proof"])).status_code == 201
    brought = await bring(client, case, answers=[{"item": "income_proof", "file_ids": [file_id]}])
    assert brought.status_code == 200, brought.text
    use = await owner.fetchrow("select subject_kind, living from file_use where file_id = $1", file_id)
    assert (use["subject_kind"], use["living"]) == ("supplement", True)
    stranger = await world.staff(Role.DISTRICT_REVIEWER, desks.town.districts[1])
    for who, status in ((reviewer, 200), (desks.first[Role.CITY_REVIEWER], 200), (stranger, 404)):
        answer = await client.get(f"/files/{file_id}", headers=who.headers)
        assert answer.status_code == status, answer.text
    assert (await client.get(f"/files/{file_id}", headers=case.applicant.headers)).status_code == 200


async def test_what_was_signed_before_stands(client: httpx.AsyncClient, desks: Desks) -> None:
    case = await case_at(desks, State.UNIT_REVIEW)
    chair, reviewer = desks.first[Role.UNIT_CHAIR], desks.first[Role.DISTRICT_REVIEWER]
    assert (await act(client, chair, case, 1, "approve")).json()["state"] == "district_review"
    assert (await ask(client, reviewer, case, 2)).status_code == 201
    assert (await bring(client, case, 3)).status_code == 200
    shown = await seen(client, reviewer, case)
    assert [(s["action"], s["from_state"], s["to_state"]) for s in shown["timeline"][-3:]] == [
        ("approve", "unit_review", "district_review"),
        ("ask_supplement", "district_review", "district_review"),
        ("supplement", "district_review", "district_review"),
    ]
    done = await act(client, reviewer, case, 4, "approve")
    assert (done.status_code, done.json()["state"]) == (200, "city_approval"), done.text
    assert (await own(client, case))["supplement"] is None


async def test_nobody_decides_while_a_supplement_is_awaited_until_it_is_taken_back(
    client: httpx.AsyncClient, desks: Desks
) -> None:
    case, chair = await case_at(desks, State.UNIT_REVIEW), desks.first[Role.UNIT_CHAIR]
    assert (await ask(client, chair, case)).status_code == 201
    for action, words in (
        ("approve", {}),
        ("return", {"note": "请改"}),
        ("reject", {"note": "不足", "reason_code": "documents_not_valid"}),
    ):
        refused = await act(client, desks.second[Role.UNIT_CHAIR], case, 2, action, **words)
        assert (refused.status_code, refused.json()["code"]) == (409, "supplement_awaited"), refused.text
    again = await ask(client, chair, case, 2)
    assert (again.status_code, again.json()["code"]) == (409, "supplement_awaited")
    clerk = await act(client, desks.first[Role.UNIT_CLERK], case, 2, "withdraw_supplement")
    assert (clerk.status_code, clerk.json()["code"]) == (403, "not_allowed")
    back = await act(client, desks.second[Role.UNIT_CHAIR], case, 2, "withdraw_supplement")
    assert (back.status_code, back.json()["state"]) == (200, "unit_review"), back.text
    assert (await own(client, case))["supplements"][0]["state"] == "withdrawn"
    assert (await act(client, chair, case, 3, "approve")).json()["state"] == "district_review"


async def test_a_worker_who_withdraws_is_asked_for_nothing_any_more(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection
) -> None:
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await ask(client, desks.first[Role.UNIT_CHAIR], case)).status_code == 201
    headers = case.applicant.headers | make.keyed() | {"If-Match": '"2"'}
    assert (await client.post(f"/applications/{case.id}/withdraw", headers=headers)).status_code == 200
    states = await owner.fetchrow(
        "select a.supplement, s.state from application a join supplement s on s.application_id = a.id where a.id = $1",
        case.id,
    )
    assert tuple(states) == (None, "withdrawn")


# ---- the days are over ----


async def test_after_its_days_the_case_comes_back_marked_and_is_never_refused(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, background: Jobs
) -> None:
    case, chair = await case_at(desks, State.UNIT_REVIEW), desks.first[Role.UNIT_CHAIR]
    assert (await ask(client, chair, case)).status_code == 201
    async with working(desks.world, datetime.now(UTC)) as work:
        due = work.calendar.end_of_working_day(work.now, make.STANDARD.days_at("supplement") or 0)
    assert await owner.fetchval("select due_at from supplement where application_id = $1", case.id) == due
    await supplements.lapse_all(background)
    assert (await own(client, case))["supplement"] == "open"
    await over(owner, case)
    assert await supplements.lapse_all(background) >= 1
    shown = await seen(client, chair, case)
    assert (shown["state"], shown["supplement"], shown["version"]) == ("unit_review", "lapsed", 3)
    last = shown["timeline"][-1]
    assert (last["action"], last["by"]["who"]) == ("lapse_supplement", "system")
    (task,) = [task for task in await queue(client, chair) if task["number"] == case.number]
    assert task["supplement"] == "lapsed"
    late = await bring(client, case, 3)
    assert (late.status_code, late.json()["code"]) == (409, "nothing_asked")
    assert await supplements.lapse_all(background) == 0
    assert (await act(client, chair, case, 3, "approve")).status_code == 200


async def test_an_answer_counts_until_the_worker_process_has_ended_it(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, background: Jobs
) -> None:
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await ask(client, desks.first[Role.UNIT_CHAIR], case)).status_code == 201
    await over(owner, case)
    brought, _ = await asyncio.gather(bring(client, case), supplements.lapse_all(background))
    state = (await own(client, case))["supplement"]
    assert (brought.status_code, state) in ((200, "answered"), (412, "lapsed"), (409, "lapsed")), brought.text
    assert await owner.fetchval(
        "select array_agg(state) from supplement where application_id = $1", case.id
    ) == [state]  # fmt: skip


async def test_one_that_cannot_be_ended_holds_up_no_other(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, background: Jobs
) -> None:
    chair = desks.first[Role.UNIT_CHAIR]
    broken, sound = await case_at(desks, State.UNIT_REVIEW), await case_at(desks, State.UNIT_REVIEW)
    for case in (broken, sound):
        assert (await ask(client, chair, case)).status_code == 201
        await over(owner, case)
    await owner.execute(f"alter table passage add constraint planted check (application_id <> '{broken.id}') not valid")
    try:
        await supplements.lapse_all(background)
    finally:
        await owner.execute("alter table passage drop constraint planted")
    found = [(await own(client, case))["supplement"] for case in (broken, sound)]
    assert found == ["open", "lapsed"]
    await supplements.lapse_all(background)


async def test_the_worker_is_told_reminded_once_and_told_the_end_and_the_reviewer_too(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, background: Jobs, world: World
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, desks.town.units[0], consents=())
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await ask(client, chair, case)).status_code == 201
    fact = await owner.fetchval(
        "select body from out_message where name = 'SupplementAsked' and body ->> 'application_id' = $1", str(case.id)
    )
    supplement_id = str(await owner.fetchval("select id from supplement where application_id = $1", case.id))
    assert supplement_id in fact
    for _ in range(2):
        async with background.work() as work:
            await supplements.tell_asked(work, {"supplement_id": supplement_id})
        await supplements.remind_all(background)
    assert await told(client, case.applicant) == ["supplement_asked"]
    await owner.execute(
        "update supplement set due_at = $2 where application_id = $1", case.id, make.NOW + timedelta(days=1)
    )
    for _ in range(2):
        await supplements.remind_all(background)
    assert await told(client, case.applicant) == ["supplement_due", "supplement_asked"]
    await over(owner, case)
    await supplements.lapse_all(background)
    for _ in range(2):
        async with background.work() as work:
            await supplements.tell_closed(work, {"supplement_id": supplement_id, "outcome": "lapsed"})
    assert await told(client, case.applicant) == ["supplement_lapsed", "supplement_due", "supplement_asked"]
    assert await told(client, chair) == ["supplement_lapsed"]


async def test_what_waits_for_its_applicant_is_nobodys_delay(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, background: Jobs
) -> None:
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await ask(client, desks.first[Role.UNIT_CHAIR], case)).status_code == 201
    await owner.execute("update application set due_at = now() - interval '1 day' where id = $1", case.id)
    await escalate_all(background)
    assert await owner.fetchval("select count(*) from case_escalation where application_id = $1", case.id) == 0


# ---- at once ----


async def test_of_two_who_ask_at_once_one_does(client: httpx.AsyncClient, desks: Desks) -> None:
    case = await case_at(desks, State.UNIT_REVIEW)
    chairs = (desks.first[Role.UNIT_CHAIR], desks.second[Role.UNIT_CHAIR])
    answers = await asyncio.gather(*(ask(client, chair, case) for chair in chairs))
    assert sorted(a.status_code for a in answers) == [201, 412], [a.text for a in answers]
    assert len((await own(client, case))["supplements"]) == 1


async def test_of_two_answers_at_once_one_counts(client: httpx.AsyncClient, desks: Desks) -> None:
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await ask(client, desks.first[Role.UNIT_CHAIR], case)).status_code == 201
    answers = await asyncio.gather(bring(client, case, note="甲"), bring(client, case, note="乙"))
    assert sorted(a.status_code for a in answers) == [200, 412], [a.text for a in answers]


@pytest.mark.parametrize("asks", [True, False])
async def test_of_a_supplement_and_a_withdrawal_at_once_one_counts(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, asks: bool
) -> None:
    case, chair = await case_at(desks, State.UNIT_REVIEW), desks.first[Role.UNIT_CHAIR]
    version = 1
    if not asks:
        assert (await ask(client, chair, case)).status_code == 201
        version = 2
    headers = case.applicant.headers | make.keyed() | {"If-Match": f'"{version}"'}
    moved, left = await asyncio.gather(
        ask(client, chair, case) if asks else bring(client, case),
        client.post(f"/applications/{case.id}/withdraw", headers=headers),
    )
    assert sorted((moved.status_code < 300, left.status_code < 300)) == [False, True], (moved.text, left.text)
    open_ones = await owner.fetchval(
        "select count(*) from supplement s join application a on a.id = s.application_id "
        "where a.id = $1 and (s.state = 'open') <> (a.supplement is not distinct from 'open')", case.id,
    )  # fmt: skip
    assert open_ones == 0
