"""While a change to the file is asked for, nothing is paid that no bank knows of."""

import asyncio
import os
import random
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.jobs.handlers import stop_payments_elsewhere
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests.http.change_requests import Place, ask, decide
from tests.http.refusals import refused
from tests.make import Case, Guild, Someone, World
from tests.paying import answered, built, carded, confirmed, sent, stepped, turn, why_out

SCHEDULES = int(os.environ.get("AID_HELD_SCHEDULES", "16"))
HOLD = {"kind": "household_size", "field": "/members/0"}


async def approved(world: World, place: Place, home: Guild | None = None) -> Case:
    await carded(world, place.worker)
    given = {"state": State.APPROVED, "household_id": place.household_id}
    return await world.application(place.worker, home or place.town.units[0], **given)


async def shown(client: httpx.AsyncClient, case: Case) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    return found


async def test_what_was_not_yet_sent_is_stopped_and_may_be_started_again_by_the_same_hands(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    case = await approved(world, place)
    approved_at = await owner.fetchval("select approved_at from application where id = $1", case.id)
    batch = await confirmed(client, place.maker, place.checker, place.town.city)
    asked = await ask(client, place, place.clerk, **HOLD)
    now = await shown(client, case)
    last = now["timeline"][-1]
    assert (now["state"], last["action"], last["from_state"], last["to_state"], last["by"]["who"]) == (
        "approved", "stop_payment", "paying", "approved", "system",
    )  # fmt: skip
    # What was confirmed is what is sent, or nothing is.
    refused(await turn(client, place.maker, batch, "export"), 409, "batch_outdated")
    await stepped(client, place.maker, batch, "cancel")
    assert await why_out(client, place.maker, place.town.city) == {case.number: "household_change_pending"}
    assert (await decide(client, place.chair, asked.json())).status_code == 200
    seen = await client.get(f"/staff/applications/{case.id}", headers=place.maker.headers)
    assert seen.json()["open_actions"] == ["start_payment"]
    batch = await sent(client, place.maker, place.checker, place.town.city)
    await answered(client, place.checker, batch)
    assert (await shown(client, case))["state"] == "paid"
    assert await owner.fetchval("select approved_at from application where id = $1", case.id) == approved_at


async def test_what_a_bank_knows_of_is_stopped_by_nobody_and_paid_as_the_bank_says(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    case = await approved(world, place)
    batch = await sent(client, place.maker, place.checker, place.town.city)
    assert (await ask(client, place, place.clerk, **HOLD)).status_code == 201
    assert (await shown(client, case))["state"] == "paying"
    with pytest.raises(asyncpg.CheckViolationError, match="a bank has been told of this payment"):
        await owner.execute("update application set state = 'approved' where id = $1", case.id)
    await answered(client, place.checker, batch)
    assert (await shown(client, case))["state"] == "paid"


async def test_a_batch_is_not_confirmed_with_somebody_in_it_whose_change_is_looked_into(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    case = await approved(world, place)
    batch = await stepped(client, place.maker, await built(client, place.maker, place.town.city), "freeze")
    await ask(client, place, place.clerk, **HOLD)
    told = refused(await turn(client, place.checker, batch, "confirm"), 409, "batch_outdated")
    assert (told["because"], told["numbers"]) == ("household_change_pending", case.number)
    assert (await shown(client, case))["state"] == "approved"


async def test_what_is_being_paid_under_another_union_is_stopped_by_a_job(
    client: httpx.AsyncClient, world: World, place: Place, background: Jobs
) -> None:
    case = await approved(world, place, place.town.units[2])
    await confirmed(client, place.maker, place.checker, place.town.city)
    asked = await ask(client, place, place.clerk, **HOLD)
    for _ in range(2):
        async with background.work() as work:
            await stop_payments_elsewhere(work, {"request_id": asked.json()["id"]})
    assert (await shown(client, case))["state"] == "approved"


async def test_nothing_is_being_paid_while_a_request_is_open_unless_a_bank_knew_before(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    """Each schedule asks for a change while its batch is confirmed, or while it is sent."""
    town = await world.town()
    clerk, maker = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.staff(Role.FINANCE_MAKER, town.city)
    checker = await world.staff(Role.FINANCE_CHECKER, town.city)
    dice, seen, lock = random.Random(7), Counter[str](), asyncio.Lock()

    async def schedule(n: int) -> None:
        home = await world.union("unit", town.streets[0])
        worker = await world.person(home=home)
        place = Place(town, worker, await world.household(worker, home), clerk, clerk, maker, checker)
        case = await approved(world, place, home)
        own_maker: Someone = await world.staff(Role.FINANCE_MAKER, town.city, consents=())
        batch = await stepped(client, own_maker, await built(client, own_maker, home), "freeze")
        sends = bool(n % 2)
        if sends:
            batch = await stepped(client, checker, batch, "confirm")
        pauses = [dice.random() * 0.02, dice.random() * 0.02]

        async def later(pause: float, what: Any) -> httpx.Response:
            await asyncio.sleep(pause)
            answer: httpx.Response = await what
            return answer

        paying = turn(client, own_maker if sends else checker, batch, "export" if sends else "confirm")
        asking = ask(client, place, worker, **HOLD)
        asked, paid = await asyncio.gather(later(pauses[0], asking), later(pauses[1], paying))
        assert asked.status_code == 201, asked.text
        assert paid.status_code in (200, 409), paid.text
        async with lock:
            now = await owner.fetchrow(
                "select a.state, l.state as line from application a join payment_line l on l.application_id = a.id "
                "where a.id = $1", case.id,
            )  # fmt: skip
        went_out = sends and paid.status_code == 200
        assert tuple(now) == (("paying", "sent") if went_out else ("approved", "waiting")), (n, paid.text)
        seen["sent" if went_out else paid.json().get("code", "stopped")] += 1

    for first in range(0, SCHEDULES, 4):
        await asyncio.gather(*(schedule(n) for n in range(first, first + 4)))
    assert set(seen) <= {"stopped", "batch_outdated", "sent"}, seen
