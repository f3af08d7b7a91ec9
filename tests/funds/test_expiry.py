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
from tests.make import AMOUNT_FEN, NOW, World
from tests.notices.making import jobs_of


@pytest.fixture
async def treasury(world: World) -> Treasury:
    return await treasury_of(world, room_fen=AMOUNT_FEN)


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
    await owner.execute(
        "update drawing set created_at = created_at - interval '181 days' where application_id = $1", slow.id
    )
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
    await owner.execute(
        "update drawing set created_at = created_at - interval '181 days' where application_id = $1", case.id
    )
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
