"""The last approval reserves, and whatever takes it back gives the room back; from which funds, to the fen."""

from datetime import timedelta

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.funds.rules import HOLDS
from app.kernel.actor import Role
from tests.calling import post
from tests.funds.making import (
    Treasury,
    budget,
    check_sums,
    held,
    line,
    state,
    treasury_of,
    version,
    work_off,
)
from tests.http.refusals import refused
from tests.make import AMOUNT_FEN, NOW, World
from tests.paying import answered, built, carded, confirmed, stepped, turn


@pytest.fixture
async def treasury(world: World) -> Treasury:
    return await treasury_of(world)


@pytest.mark.parametrize("kind", [Kind.HARDSHIP_AID, Kind.SECONDARY_MEDICAL])
async def test_the_last_approval_reserves_and_payment_commits_and_spends(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury, kind: Kind
) -> None:
    await world.fund(treasury.town.city, name="工会经费", room_fen=AMOUNT_FEN)
    officer = await world.staff(Role.MUTUAL_AID_OFFICER, treasury.town.city)
    case = await treasury.case(kind=kind)
    by = officer if kind is Kind.SECONDARY_MEDICAL else None
    moved = await treasury.act(client, case, 1, by=by)
    assert moved.json()["state"] == ("approved" if kind is Kind.SECONDARY_MEDICAL else "public_notice"), moved.text
    assert "waiting" not in moved.json()
    assert await held(owner, case, "reserved") == {"工会经费": AMOUNT_FEN}
    assert await budget(owner, treasury.town.city, kind) == (AMOUNT_FEN, 0, 0)
    if kind is not Kind.SECONDARY_MEDICAL:
        return
    await carded(world, case.applicant)
    batch = await confirmed(client, treasury.maker, treasury.checker, treasury.town.city)
    assert await budget(owner, treasury.town.city, kind) == (0, AMOUNT_FEN, 0)
    await answered(client, treasury.checker, await stepped(client, treasury.maker, batch, "export"))
    assert await budget(owner, treasury.town.city, kind) == (0, 0, AMOUNT_FEN)
    entries = await owner.fetch(
        "select account, e.amount_fen from ledger_entry e join ledger_transaction t on t.id = e.transaction_id "
        "where t.event_key = $1 order by account",
        f"payment:{case.id}:4",
    )
    assert [tuple(row) for row in entries] == [("allocated", -AMOUNT_FEN), ("granted", AMOUNT_FEN)]
    await check_sums(owner, treasury.town)


async def test_what_is_granted_beside_money_that_is_being_paid_is_held_with_it(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    await world.fund(treasury.town.city, name="工会经费", room_fen=AMOUNT_FEN + 1)
    officer = await world.staff(Role.MUTUAL_AID_OFFICER, treasury.town.city)
    case = await treasury.case(kind=Kind.SECONDARY_MEDICAL)
    await treasury.act(client, case, 1, by=officer)
    await carded(world, case.applicant)
    await confirmed(client, treasury.maker, treasury.checker, treasury.town.city)
    await owner.execute("update application set amount_fen = amount_fen + 1 where id = $1", case.id)
    assert await held(owner, case, "committed") == {"工会经费": AMOUNT_FEN + 1}
    assert await budget(owner, treasury.town.city, Kind.SECONDARY_MEDICAL) == (0, AMOUNT_FEN + 1, 0)
    await check_sums(owner, treasury.town)


async def test_a_case_without_any_budget_waits_and_is_told_its_place(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury
) -> None:
    first, second = [await treasury.case(submitted_at=NOW + timedelta(minutes=n)) for n in (0, 1)]
    for case, place in ((first, 1), (second, 2)):
        moved = (await treasury.act(client, case, 1)).json()
        assert (moved["state"], moved["waiting"]["place"]) == ("waiting_funds", place)
        assert f"第{place}位" in moved["waiting"]["text"]
        shown = (await client.get(f"/staff/applications/{case.id}", headers=treasury.approver.headers)).json()
        assert (shown["state"], shown["funding"], shown["waiting"]["place"]) == ("waiting_funds", [], place)
        mine = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
        assert (mine["waiting"]["place"], "withdraw" in mine["open_actions"]) == (place, True)
    assert await line(owner, treasury.town) == [first.id, second.id]
    listed = (await client.get("/staff/waiting_list", headers=treasury.maker.headers)).json()["items"]
    assert [(each["application_id"], each["place"]) for each in listed] == [(str(first.id), 1), (str(second.id), 2)]


async def test_an_earlier_applicant_is_ahead_however_late_they_are_approved(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury
) -> None:
    late = await treasury.case(submitted_at=NOW)
    early = await treasury.case(submitted_at=NOW - timedelta(days=3))
    assert (await treasury.act(client, late, 1)).json()["waiting"]["place"] == 1
    assert (await treasury.act(client, early, 1)).json()["waiting"]["place"] == 1
    assert await line(owner, treasury.town) == [early.id, late.id]


async def test_money_is_drawn_in_the_stated_order_and_split_to_the_fen(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    town = treasury.town
    for source, room, home in (
        ("interest", 10**9, town.city), ("union", 50_01, town.city), ("union", 70_02, town.units[0]),
        ("match", 30_03, town.districts[0]), ("central", 20_04, town.city), ("donation", 40_05, town.city),
    ):  # fmt: skip
        await world.fund(home, source=source, name=f"{source}@{home.tier}", room_fen=room)
    national = {"category": "deep", "archive_level": "national"}
    case = await treasury.case(filed=national)
    assert (await treasury.act(client, case, 1)).json()["state"] == "public_notice"
    drawn = await held(owner, case)
    before = 20_04 + 30_03 + 70_02 + 50_01 + 40_05
    assert drawn == {
        "central@city": 20_04, "match@district": 30_03, "union@unit": 70_02, "union@city": 50_01,
        "donation@city": 40_05, "interest@city": AMOUNT_FEN - before,
    }  # fmt: skip
    shown = (await client.get(f"/staff/applications/{case.id}", headers=treasury.approver.headers)).json()
    assert sum(part["amount_fen"] for part in shown["funding"]) == AMOUNT_FEN
    assert {part["fund"]: part["amount_fen"] for part in shown["funding"]} == drawn
    await check_sums(owner, town)


@pytest.mark.parametrize(
    ("limits", "filed", "funded"),
    [
        ({"source": "central"}, {"category": "deep", "archive_level": "national"}, True),
        ({"source": "central"}, {"category": "deep", "archive_level": "municipal"}, False),
        ({"source": "provincial"}, None, False),
        ({"categories": ["deep"]}, {"category": "relative", "archive_level": "municipal"}, False),
        ({"categories": ["deep", "relative"]}, {"category": "relative", "archive_level": "municipal"}, True),
        ({"source": "donation", "categories": ["accident"]}, {"category": "deep", "archive_level": "county"}, False),
        ({"kinds": ["golden_autumn"]}, {"category": "deep", "archive_level": "national"}, False),
        ({"year": NOW.year - 1}, None, True),  # what counts is the year of the budget
    ],
)
async def test_a_fund_is_used_within_its_intent_alone(
    client: httpx.AsyncClient,
    owner: asyncpg.Connection,
    world: World,
    treasury: Treasury,
    limits: dict[str, object],
    filed: dict[str, str] | None,
    funded: bool,
) -> None:
    await world.fund(treasury.town.city, room_fen=10**8, **limits)  # type: ignore[arg-type]
    case = await treasury.case(filed=filed)
    moved = (await treasury.act(client, case, 1)).json()
    assert moved["state"] == ("public_notice" if funded else "waiting_funds")


async def test_the_money_of_another_unit_district_city_or_year_is_out_of_reach(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    town = treasury.town
    for home in (town.units[1], town.districts[1], await world.union("city")):
        await world.fund(home, room_fen=10**8)
    old = await world.fund(town.city, room_fen=10**8)
    await owner.execute("update budget set year = year - 1 where fund_id = $1", old)
    case = await treasury.case()
    assert (await treasury.act(client, case, 1)).json()["state"] == "waiting_funds"


async def test_taking_a_decision_back_gives_the_room_to_the_next_in_line(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    await world.fund(treasury.town.city, name="工会经费", room_fen=AMOUNT_FEN)
    first, second, third = [await treasury.case(submitted_at=NOW + timedelta(seconds=n)) for n in range(3)]
    states = [(await treasury.act(client, case, 1)).json()["state"] for case in (first, third, second)]
    assert states == ["public_notice", "waiting_funds", "waiting_funds"]
    assert (await treasury.act(client, first, 2, "object")).json()["state"] == "district_review"
    assert await held(owner, first) == {}
    await work_off(world, owner, NOW, treasury.town)
    assert await state(owner, second) == "public_notice"
    assert await line(owner, treasury.town) == [third.id]
    assert (await treasury.act(client, second, 3, "undo", by=treasury.leader)).status_code == 409, "it was funded since"
    await check_sums(owner, treasury.town)


async def test_an_approval_that_waits_is_taken_back_and_a_worker_may_withdraw_it(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury
) -> None:
    undone, withdrawn = await treasury.case(), await treasury.case()
    for case in (undone, withdrawn):
        assert (await treasury.act(client, case, 1)).json()["state"] == "waiting_funds"
    moved = await treasury.act(client, undone, 2, "undo", by=treasury.leader)
    assert (moved.status_code, moved.json()["state"]) == (200, "city_approval"), moved.text
    gone = await post(client, withdrawn.applicant, f"/applications/{withdrawn.id}/withdraw", None, 2)
    assert gone.json()["state"] == "withdrawn", gone.text
    assert await line(owner, treasury.town) == []


async def test_undoing_an_approval_gives_its_money_back(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    await world.fund(treasury.town.city, room_fen=AMOUNT_FEN)
    case = await treasury.case()
    assert (await treasury.act(client, case, 1)).json()["state"] == "public_notice"
    assert (await treasury.act(client, case, 2, "undo", by=treasury.leader)).json()["state"] == "city_approval"
    assert await budget(owner, treasury.town.city) == (0, 0, 0)
    again = (await treasury.act(client, case, 3)).json()
    assert again["state"] == "public_notice"
    await check_sums(owner, treasury.town)


async def test_nobody_overtakes_whoever_waits_for_the_same_budget(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    fund = await world.fund(treasury.town.city, room_fen=AMOUNT_FEN)
    large = await treasury.case(amount_fen=AMOUNT_FEN + 1, submitted_at=NOW)
    small = await treasury.case(amount_fen=100, submitted_at=NOW + timedelta(seconds=1))
    assert (await treasury.act(client, large, 1)).json()["state"] == "waiting_funds"
    assert (await treasury.act(client, small, 1)).json()["waiting"]["place"] == 2, "there is room, and somebody ahead"
    # A budget that whoever is ahead may not draw on is free.
    away = await treasury.case(unit=2, submitted_at=NOW + timedelta(seconds=2))
    await world.budget(fund, treasury.town.districts[1], "hardship_aid", AMOUNT_FEN)
    assert (await treasury.act(client, away, 1)).json()["state"] == "public_notice"
    assert await held(owner, away) != {}
    await check_sums(owner, treasury.town)


async def test_the_same_request_again_is_answered_as_before(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury
) -> None:
    case = await treasury.case()
    headers = treasury.approver.headers | {"Idempotency-Key": f"k-{case.id}", "If-Match": '"1"'}
    path = f"/staff/applications/{case.id}/actions"
    first, again = [await client.post(path, json={"action": "approve"}, headers=headers) for _ in range(2)]
    assert first.json()["state"] == "waiting_funds"
    assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
    assert await version(owner, case) == 2


async def test_what_was_approved_before_there_were_budgets_is_not_paid_without_one(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    kind = Kind.SECONDARY_MEDICAL
    case = await treasury.case(State.APPROVED, kind=kind, approved_at=NOW)
    await carded(world, case.applicant)
    batch = await stepped(client, treasury.maker, await built(client, treasury.maker, treasury.town.city), "freeze")
    refused(await turn(client, treasury.checker, batch, "confirm"), 409, "no_room")
    await world.fund(treasury.town.city, room_fen=AMOUNT_FEN)
    assert (await turn(client, treasury.checker, batch, "confirm")).json()["state"] == "confirmed"
    assert await budget(owner, treasury.town.city, kind) == (0, AMOUNT_FEN, 0)


async def test_the_database_and_the_rules_agree_on_what_a_state_holds(owner: asyncpg.Connection) -> None:
    for each in (*State, "payment_failed"):
        assert await owner.fetchval("select money_class($1)", str(each)) == HOLDS.get(each), each


async def test_the_last_line_is_a_check_of_the_table(
    owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    fund = await world.fund(treasury.town.city, room_fen=100)
    for column in ("reserved_fen", "committed_fen", "spent_fen"):
        with pytest.raises(asyncpg.CheckViolationError, match="ck_budget_room"):
            await owner.execute(f"update budget set {column} = 101 where fund_id = $1", fund)
        with pytest.raises(asyncpg.CheckViolationError, match="ck_budget_amounts"):
            await owner.execute(f"update budget set {column} = -1 where fund_id = $1", fund)
