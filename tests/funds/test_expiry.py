"""What is held and not paid in time goes back, and its case begins anew in line; many cases at once."""

from datetime import timedelta

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.jobs import funding
from app.kernel.actor import Role
from tests.calling import post
from tests.funds.making import Treasury, budget, check_sums, line, state, treasury_of, work_off
from tests.make import AMOUNT_FEN, NOW, Case, World
from tests.notices.making import jobs_of


@pytest.fixture
async def treasury(world: World) -> Treasury:
    return await treasury_of(world, room_fen=AMOUNT_FEN)


async def long_ago(owner: asyncpg.Connection, case: Case) -> None:
    """It was approved, and its money held, 181 days before."""
    for table, column, of in (("drawing", "created_at", "application_id"), ("application", "approved_at", "id")):
        await owner.execute(f"update {table} set {column} = {column} - interval '181 days' where {of} = $1", case.id)


async def test_a_reservation_that_is_not_used_goes_to_whoever_waits(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    officer = await world.staff(Role.MUTUAL_AID_OFFICER, treasury.town.city)
    slow, fresh = [
        await treasury.case(kind=Kind.SECONDARY_MEDICAL, submitted_at=NOW + timedelta(seconds=n)) for n in range(2)
    ]
    for case, expected in ((slow, "approved"), (fresh, "waiting_funds")):
        assert (await treasury.act(client, case, 1, by=officer)).json()["state"] == expected
    await funding.expire_all(jobs_of(world))
    assert await state(owner, slow) == "approved", "its days are not over"
    await long_ago(owner, slow)
    listed = (await client.get("/staff/reservations", headers=treasury.maker.headers)).json()["items"]
    assert [each["application_id"] for each in listed] == [str(slow.id)]
    assert await funding.expire_all(jobs_of(world)) >= 1
    assert await line(owner, treasury.town) == [fresh.id, slow.id], "at the end of the line"
    await work_off(world, owner, NOW, treasury.town)
    assert [await state(owner, case) for case in (slow, fresh)] == ["waiting_funds", "approved"]
    await check_sums(owner, treasury.town)


async def test_after_its_notice_a_case_goes_on_to_its_payment_and_is_not_published_again(
    owner: asyncpg.Connection, world: World, treasury: Treasury
) -> None:
    case = await treasury.case(State.APPROVED)
    await owner.execute(
        "update application set amount_fen = amount_fen - 1, version = version + 1 where id = $1", case.id
    )
    await long_ago(owner, case)
    assert await funding.expire_all(jobs_of(world)) >= 1
    assert await line(owner, treasury.town) == [case.id]
    await work_off(world, owner, NOW, treasury.town)
    assert await state(owner, case) == "approved"
    assert await budget(owner, treasury.town.city) == (AMOUNT_FEN - 1, 0, 0)


async def test_many_are_approved_at_once_as_far_as_the_money_goes(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World
) -> None:
    treasury = await treasury_of(world, room_fen=7 * AMOUNT_FEN)
    home = treasury.town.units[0]
    someone = await world.person(home=home)
    cases = [
        await world.application(someone, home, state=State.CITY_APPROVAL, submitted_at=NOW + timedelta(seconds=-n))
        for n in range(20)
    ]
    items = [{"application_id": str(case.id), "version": 1} for case in cases]
    body = {"action": "approve", "items": items}
    shown = (await post(client, treasury.approver, "/staff/batch_actions/preview", body)).json()
    done = await post(client, treasury.approver, "/staff/batch_actions", {"token": shown["token"]})
    states = [item["state"] for item in done.json()["items"]]
    assert (states.count("public_notice"), states.count("waiting_funds")) == (7, 13), done.text
    first = sorted(cases, key=lambda case: (case.submitted_at, case.id))
    assert await line(owner, treasury.town) == [case.id for case in first[7:]]
    await work_off(world, owner, NOW, treasury.town)
    assert await line(owner, treasury.town) == [case.id for case in first[7:]]
    await check_sums(owner, treasury.town)


@pytest.mark.parametrize("was", [State.APPROVED, State.PAID])
async def test_what_an_appeal_adds_is_held_beside_what_was_held_or_paid(
    owner: asyncpg.Connection, world: World, was: State
) -> None:
    treasury = await treasury_of(world, room_fen=10 * AMOUNT_FEN)
    case = await treasury.case(kind=Kind.SECONDARY_MEDICAL)

    async def becomes(state: State, more: int = 0, rounds: int = 0) -> None:
        await owner.execute(
            "update application set state = $2, amount_fen = amount_fen + $3, round = round + $4, "
            "version = version + 1, approved_at = now(), paid_at = now() where id = $1",
            case.id, str(state), more, rounds,
        )  # fmt: skip

    way = [State.APPROVED] if was is State.APPROVED else [State.APPROVED, State.PAYING, State.PAID]
    for each in way:
        await becomes(each)
    await becomes(State.APPROVED, 5_00, 1)
    paid = AMOUNT_FEN if was is State.PAID else 0
    assert await budget(owner, treasury.town.city, case.kind) == (AMOUNT_FEN + 5_00 - paid, 0, paid)
    if was is State.PAID:
        await owner.execute("update application set paid_before_fen = $2 where id = $1", case.id, paid)
    await check_sums(owner, treasury.town)
    await becomes(State.PAYING)
    await becomes(State.PAID)
    assert await budget(owner, treasury.town.city, case.kind) == (0, 0, AMOUNT_FEN + 5_00)
    # The bank sends back what was paid last, and nothing that was paid before.
    await owner.execute("update application set state = 'payment_failed', version = version + 1 where id = $1", case.id)
    back = 5_00 if was is State.PAID else AMOUNT_FEN + 5_00
    assert await budget(owner, treasury.town.city, case.kind) == (back, 0, AMOUNT_FEN + 5_00 - back)
    kept = await owner.fetchval(
        "select sum(amount_fen) from ledger_entry where organisation_id = $1 and account = 'returned'",
        treasury.town.city.id,
    )
    assert kept == back
    await becomes(State.WITHDRAWN)
    assert await budget(owner, treasury.town.city, case.kind) == (0, 0, AMOUNT_FEN + 5_00 - back)
    sides = await owner.fetch(
        "select t.kind, sum(e.amount_fen)::bigint from ledger_entry e join ledger_transaction t "
        "on t.id = e.transaction_id where e.organisation_id = $1 and e.account = 'returned' group by 1",
        treasury.town.city.id,
    )
    assert dict(sides) == {"return": back, "write_off": -back}
