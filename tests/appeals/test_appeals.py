"""An appeal goes to the next level, is answered by somebody who had no part in the decision, and moves the money."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.appeals.making import (
    Office,
    act,
    decide,
    family,
    granted,
    lodge,
    lodged,
    office,
    own,
    refused,
    waiting,
)
from tests.make import World
from tests.paying import why_out

LEVELS = [
    (Kind.HARDSHIP_AID, State.UNIT_REVIEW, "at_district", Role.DISTRICT_LEADER),
    (Kind.HARDSHIP_AID, State.DISTRICT_REVIEW, "at_city", Role.CITY_LEADER),
    (Kind.GOLDEN_AUTUMN, State.CITY_APPROVAL, "at_city", Role.CITY_LEADER),
    (Kind.SECONDARY_MEDICAL, State.CITY_APPROVAL, "at_city", Role.MUTUAL_AID_OFFICER),
]


@pytest.fixture
async def desks(world: World) -> Office:
    return await office(world)


@pytest.mark.parametrize(("kind", "decided_at", "state", "role"), LEVELS)
async def test_an_appeal_goes_to_the_level_above_or_to_somebody_else_of_the_city(
    client: httpx.AsyncClient, desks: Office, kind: Kind, decided_at: State, state: str, role: Role
) -> None:
    case = await refused(client, desks, decided_at, kind=kind)
    assert (await own(client, case))["open_actions"] == ["appeal"]
    appeal = await lodged(client, case)
    assert (appeal["state"], appeal["ground"], appeal["before_fen"], appeal["overdue"]) == (state, "refused", 0, False)
    assert (await own(client, case))["state"] == "appealed"
    assert (await own(client, case))["open_actions"] == []
    assert appeal["id"] in await waiting(client, desks.again[role])
    others = {Role.DISTRICT_LEADER, Role.CITY_LEADER, Role.MUTUAL_AID_OFFICER} - {role}
    for other in others:
        assert appeal["id"] not in await waiting(client, desks.again[other]), other
        forbidden = await decide(client, desks.again[other], appeal, "uphold")
        assert (forbidden.status_code, forbidden.json()["code"]) == (403, "not_allowed"), (other, forbidden.text)
    done = await decide(client, desks.again[role], appeal, "uphold")
    assert (done.status_code, done.json()["state"], done.headers["etag"]) == (200, "upheld", '"2"'), done.text


async def test_what_the_rules_refused_goes_to_the_district(client: httpx.AsyncClient, desks: Office) -> None:
    worker = await desks.world.person(home=desks.town.units[0])
    drafted = await client.post(
        "/applications", json={"kind": "hardship_aid", "form": make.living_aid()}, headers=worker.headers | make.keyed()
    )
    path = f"/applications/{drafted.json()['id']}"
    filed = await client.post(f"{path}/submit", headers=worker.headers | make.keyed() | {"If-Match": '"1"'})
    assert filed.json()["state"] == "rejected"
    appeal = await client.post(
        f"{path}/appeals", json={"reason": "有档案"}, headers=worker.headers | make.keyed() | {"If-Match": '"2"'}
    )
    assert appeal.json()["state"] == "at_district", appeal.text
    # Nothing has changed: the rules would refuse it again, and nobody may grant what they do not give.
    refusal = await decide(client, desks.again[Role.DISTRICT_LEADER], appeal.json(), "change")
    assert (refusal.status_code, refusal.json()["code"]) == (409, "still_ineligible"), refusal.text
    await desks.world.household(worker, desks.town.units[0])
    done = await decide(client, desks.again[Role.DISTRICT_LEADER], appeal.json(), "change")
    assert done.json()["state"] == "changed", done.text
    shown = (await client.get(path, headers=worker.headers)).json()
    assert (shown["state"], shown["amount_fen"]) == ("city_approval", 3_000_00)
    assert shown["decision"]["outcome"] == "eligible"


async def test_an_upheld_decision_stands_and_the_worker_reads_why(client: httpx.AsyncClient, desks: Office) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    appeal = await lodged(client, case)
    await decide(client, desks.again[Role.DISTRICT_LEADER], appeal, "uphold", note="缺少收入证明，维持原决定。")
    mine = (await client.get(f"/applications/{case.id}/appeals", headers=case.applicant.headers)).json()["items"]
    assert [(each["state"], each["reply"], each["decided_by_role"], each["amount_fen"]) for each in mine] == [
        ("upheld", "缺少收入证明，维持原决定。", "district_leader", None)
    ]
    shown = await own(client, case)
    assert (shown["state"], shown["amount_fen"], shown["open_actions"]) == ("rejected", make.AMOUNT_FEN, [])
    assert [step["action"] for step in shown["timeline"]][-2:] == ["appeal", "uphold_decision"]
    second = await lodge(client, case, shown["version"])
    assert (second.status_code, second.json()["code"]) == (409, "already_appealed")


async def test_a_change_by_the_district_goes_on_to_the_city(client: httpx.AsyncClient, desks: Office) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    appeal = await lodged(client, case)
    done = await decide(client, desks.again[Role.DISTRICT_LEADER], appeal, "change", amount_fen=2_000_00)
    assert done.json()["state"] == "changed", done.text
    shown = await own(client, case)
    assert (shown["state"], shown["amount_fen"]) == ("city_approval", 2_000_00)
    approved = await act(client, desks.first[Role.CITY_REVIEWER], case, shown["version"], {"action": "approve"})
    assert approved.json()["state"] == "public_notice", approved.text


async def test_a_change_by_the_city_is_published_and_its_decider_pays_nothing(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    both = await desks.world.person(
        posts=((Role.CITY_LEADER, desks.town.city), (Role.FINANCE_MAKER, desks.town.city)), consents=()
    )
    case = await refused(client, desks, State.CITY_APPROVAL)
    done = await decide(client, both, await lodged(client, case), "change")
    assert done.json()["state"] == "changed", done.text
    shown = await own(client, case)
    assert (shown["state"], shown["amount_fen"]) == ("public_notice", 3_000_00)
    assert await owner.fetchval("select round from application where id = $1", case.id) == 2
    await owner.execute("update application set state = 'approved', approved_at = now() where id = $1", case.id)
    assert await why_out(client, both, desks.town.city) == {case.number: "already_signed"}


async def test_insured_claims_need_no_notice(client: httpx.AsyncClient, desks: Office) -> None:
    case = await refused(client, desks, State.CITY_APPROVAL, kind=Kind.SECONDARY_MEDICAL)
    done = await decide(client, desks.again[Role.MUTUAL_AID_OFFICER], await lodged(client, case), "change")
    assert done.json()["state"] == "changed", done.text
    assert (await own(client, case))["state"] == "approved"


# ---- too low ----


async def test_too_low_an_amount_goes_on_meanwhile_and_is_raised(client: httpx.AsyncClient, desks: Office) -> None:
    case = await granted(client, desks)
    assert (await own(client, case))["open_actions"] == ["appeal"]
    appeal = await lodged(client, case)
    assert (appeal["ground"], appeal["state"], appeal["before_fen"]) == ("too_low", "at_city", 1_000_00)
    shown = await own(client, case)
    assert (shown["state"], shown["version"], shown["open_actions"]) == ("public_notice", 3, [])
    done = await decide(client, desks.again[Role.CITY_LEADER], appeal, "change", amount_fen=2_500_00)
    assert done.status_code == 200, done.text
    shown = await own(client, case)
    assert (shown["state"], shown["amount_fen"], shown["paid_before_fen"]) == ("public_notice", 2_500_00, None)


@pytest.mark.parametrize("amount_fen", [0, 1_000_00, 3_000_01, 10**12])
async def test_an_amount_is_more_than_before_and_no_more_than_the_rules_give(
    client: httpx.AsyncClient, desks: Office, amount_fen: int
) -> None:
    case = await granted(client, desks)
    appeal = await lodged(client, case)
    out = await decide(client, desks.again[Role.CITY_LEADER], appeal, "change", amount_fen=amount_fen)
    assert (out.status_code, out.json()["errors"][0]["code"]) == (422, "amount_out_of_range"), out.text
    assert (await own(client, case))["amount_fen"] == 1_000_00


async def test_the_caps_know_what_was_granted_since(client: httpx.AsyncClient, desks: Office) -> None:
    """Nearly all of the year's living aid went to another application meanwhile."""
    case = await refused(client, desks, State.CITY_APPROVAL)
    appeal = await lodged(client, case)
    household_id = await _household_of(desks, case)
    most = (await client.post(f"/applications/{case.id}/preview", headers=case.applicant.headers | make.keyed())).json()
    cap = next(step["amount_fen"] for step in most["trace"] if step["step"] == "yearly_cap")
    await desks.world.application(
        case.applicant, desks.town.units[0], state=State.PAID, household_id=household_id, item="living",
        amount_fen=cap - 500_00,
    )  # fmt: skip
    out = await decide(client, desks.again[Role.CITY_LEADER], appeal, "change", amount_fen=500_01)
    assert (out.status_code, out.json()["errors"][0]["code"]) == (422, "amount_out_of_range"), out.text
    done = await decide(client, desks.again[Role.CITY_LEADER], appeal, "change", amount_fen=500_00)
    assert done.status_code == 200, done.text


async def _household_of(desks: Office, case: Any) -> Any:
    async with desks.world.jobs.begin(Sight("job")) as transaction:
        return await transaction.connection.fetchval("select household_id from application where id = $1", case.id)


async def test_what_was_paid_already_is_not_paid_again(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    case = await granted(client, desks)
    await desks.world.noticed(case.id, case.applicant, case.home, case.kind)
    await owner.execute(
        "update application set state = 'paid', approved_at = now(), paid_at = now(), measure_id = $2 where id = $1",
        case.id,
        desks.world.measures[await _household_of(desks, case), "living_aid"],
    )
    done = await decide(client, desks.again[Role.CITY_LEADER], await lodged(client, case), "change")
    assert done.status_code == 200, done.text
    shown = await own(client, case)
    assert (shown["state"], shown["amount_fen"], shown["paid_before_fen"]) == ("public_notice", 3_000_00, 1_000_00)


async def test_nothing_changes_while_a_payment_is_under_way(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    case = await granted(client, desks)
    appeal = await lodged(client, case)
    await desks.world.noticed(case.id, case.applicant, case.home, case.kind)
    await owner.execute(
        "update application set state = 'paying', approved_at = now(), measure_id = $2 where id = $1",
        case.id,
        desks.world.measures[await _household_of(desks, case), "living_aid"],
    )
    wait = await decide(client, desks.again[Role.CITY_LEADER], appeal, "change")
    assert (wait.status_code, wait.json()["code"], wait.json()["state"]) == (409, "not_allowed_now", "paying")
    assert (await decide(client, desks.again[Role.CITY_LEADER], appeal, "uphold")).status_code == 200
    assert (await own(client, case))["state"] == "paying"


# ---- in time, with reasons, by its version ----


async def test_after_the_window_no_appeal_is_taken(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    case = await refused(client, desks, State.UNIT_REVIEW)
    await owner.execute("alter table passage disable trigger append_only")
    try:
        await owner.execute(
            "update passage set created_at = created_at - interval '60 days' where application_id = $1", case.id
        )
    finally:
        await owner.execute("alter table passage enable trigger append_only")
    assert (await own(client, case))["open_actions"] == []
    late = await lodge(client, case)
    assert (late.status_code, late.json()["code"]) == (409, "appeal_too_late"), late.text


@pytest.mark.parametrize("state", sorted(set(State) - {State.REJECTED}))
async def test_only_what_was_decided_can_be_appealed(client: httpx.AsyncClient, desks: Office, state: State) -> None:
    worker, household_id = await family(desks)
    case = await desks.world.application(worker, desks.town.units[0], state=state, household_id=household_id)
    refusal = await lodge(client, case, 1)
    assert (refusal.status_code, refusal.json()["code"]) == (409, "not_allowed_now"), refusal.text


@pytest.mark.parametrize("action", ["uphold", "change"])
async def test_every_answer_says_why(client: httpx.AsyncClient, desks: Office, action: str) -> None:
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    silent = await decide(client, desks.again[Role.CITY_LEADER], appeal, action, note=None)
    assert (silent.status_code, silent.json()["errors"][0]["code"]) == (422, "note_required"), silent.text


async def test_appealing_and_deciding_want_the_version(client: httpx.AsyncClient, desks: Office) -> None:
    case = await refused(client, desks, State.CITY_APPROVAL)
    path, body = f"/applications/{case.id}/appeals", {"reason": "x"}
    missing = await client.post(path, json=body, headers=case.applicant.headers | make.keyed())
    stale = await lodge(client, case, 1)
    assert (missing.status_code, stale.status_code, stale.json()["version"]) == (428, 412, 2)
    appeal = await lodged(client, case)
    leader = desks.again[Role.CITY_LEADER]
    missing = await client.post(
        f"/staff/appeals/{appeal['id']}/actions", json={"action": "uphold"}, headers=leader.headers | make.keyed()
    )
    stale = await decide(client, leader, appeal, "uphold", version=7)
    assert (missing.status_code, stale.status_code, stale.json()["version"]) == (428, 412, 1)


async def test_an_answered_appeal_is_not_answered_again(client: httpx.AsyncClient, desks: Office) -> None:
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    leader = desks.again[Role.CITY_LEADER]
    assert (await decide(client, leader, appeal, "uphold")).status_code == 200
    for action in ("uphold", "change"):
        again = await decide(client, leader, appeal, action, version=2)
        assert (again.status_code, again.json()["code"], again.json()["allowed"]) == (409, "not_allowed_now", "")
    assert appeal["id"] not in await waiting(client, leader)


async def test_what_is_overdue_is_seen_in_the_list(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    first, second = [await lodged(client, await refused(client, desks, State.CITY_APPROVAL)) for _ in range(2)]
    leader = desks.again[Role.CITY_LEADER]
    assert await waiting(client, leader) == [first["id"], second["id"]]
    assert await waiting(client, leader, overdue="true") == []
    await owner.execute("update appeal set due_at = now() - interval '1 hour' where id = $1", second["id"])
    assert await waiting(client, leader, overdue="true") == [second["id"]]
    page = (await client.get("/staff/appeals", params={"limit": 1}, headers=leader.headers)).json()
    assert [(item["id"], item["overdue"]) for item in page["items"]] == [(first["id"], False)]
    following = {"limit": 1, "cursor": page["next_cursor"]}
    rest = (await client.get("/staff/appeals", params=following, headers=leader.headers)).json()
    assert [(item["id"], item["overdue"]) for item in rest["items"]] == [(second["id"], True)]
    for query, count in (({}, 2), ({"overdue": "true"}, 1)):
        answer = await client.get("/staff/appeals/count", params=query, headers=leader.headers)
        assert answer.json() == {"count": count}


async def test_the_deadline_is_counted_in_working_days(client: httpx.AsyncClient, desks: Office) -> None:
    appeal = await lodged(client, await refused(client, desks, State.CITY_APPROVAL))
    days = (make.datetime.fromisoformat(appeal["due_at"]) - make.NOW) / timedelta(days=1)
    assert 15 < days < 40  # fifteen working days, and whatever holidays lie between


# ---- at once ----


async def test_of_two_appeals_against_one_decision_at_once_one_is_taken(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    for case in [await refused(client, desks, State.UNIT_REVIEW), await granted(client, desks)]:
        answers = await asyncio.gather(*(lodge(client, case) for _ in range(5)))
        assert Counter(answer.status_code for answer in answers)[201] == 1, [answer.text for answer in answers]
        assert {answer.status_code for answer in answers} <= {201, 409, 412}
        assert await owner.fetchval("select count(*) from appeal where application_id = $1", case.id) == 1


async def test_the_database_takes_one_appeal_for_a_decision(
    client: httpx.AsyncClient, desks: Office, database_url: str
) -> None:
    """On connections of their own, without anything of ours in between."""
    case = await refused(client, desks, State.UNIT_REVIEW)
    await lodged(client, case)
    copy = (
        "insert into appeal select $1, created_at, application_id, decision_id, kind, ground, applicant_id, city_id, "
        "district_id, street_id, unit_id, state, version, reason, before_fen, due_at from appeal "
        "where application_id = $2"
    )

    async def again() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute(copy, new_id(), case.id)
        finally:
            await connection.close()

    outcomes = await asyncio.gather(*(again() for _ in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncpg.UniqueViolationError}


async def test_of_five_deciders_at_once_one_answers(
    client: httpx.AsyncClient, desks: Office, owner: asyncpg.Connection
) -> None:
    leaders = [await desks.world.staff(Role.CITY_LEADER, desks.town.city, consents=()) for _ in range(5)]
    case = await refused(client, desks, State.CITY_APPROVAL)
    appeal = await lodged(client, case)
    actions = ("uphold", "change", "uphold", "change", "change")
    answers = await asyncio.gather(
        *(decide(client, leader, appeal, action) for leader, action in zip(leaders, actions, strict=True))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 4}, [a.text for a in answers]
    steps = (
        "select count(*) from passage where application_id = $1 and action in ('uphold_decision', 'change_decision')"
    )
    assert await owner.fetchval(steps, case.id) == 1
