"""While a change to the file is asked for, nothing is paid."""

import asyncio
import random
from collections import Counter
from typing import Any

import asyncpg
import httpx

from app.applications.path import State
from app.jobs.handlers import stop_payments_elsewhere
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.http.change_requests import Place, ask, decide
from tests.make import Case, Guild, Someone, World


async def pay(client: httpx.AsyncClient, by: Someone, case: Case, version: int, action: str) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/staff/applications/{case.id}/actions", json={"action": action}, headers=headers)


async def test_what_was_not_yet_sent_is_stopped_and_may_be_started_again_by_the_same_hands(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    given = {"state": State.APPROVED, "household_id": place.household_id}
    case = await world.application(place.worker, place.town.units[0], **given)
    approved_at = await owner.fetchval("select approved_at from application where id = $1", case.id)
    assert (await pay(client, place.maker, case, 1, "start_payment")).json()["state"] == "paying"
    asked = await ask(client, place, place.clerk, kind="household_size", field="/members/0")
    shown = (await client.get(f"/applications/{case.id}", headers=place.worker.headers)).json()
    assert (shown["state"], shown["version"]) == ("approved", 3)
    last = shown["timeline"][-1]
    assert (last["action"], last["from_state"], last["to_state"], last["by"]["who"]) == (
        "stop_payment", "paying", "approved", "system",
    )  # fmt: skip
    refused = await pay(client, place.maker, case, 3, "start_payment")
    assert (refused.status_code, refused.json()["code"]) == (409, "household_change_pending")
    assert (await decide(client, place.chair, asked.json())).status_code == 200
    seen = await client.get(f"/staff/applications/{case.id}", headers=place.maker.headers)
    assert seen.json()["open_actions"] == ["start_payment"]
    assert (await pay(client, place.maker, case, 3, "start_payment")).json()["state"] == "paying"
    assert (await pay(client, place.checker, case, 4, "confirm_payment")).json()["state"] == "paid"
    assert await owner.fetchval("select approved_at from application where id = $1", case.id) == approved_at


async def test_a_maker_who_started_twice_still_confirms_nothing(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    city = place.town.city
    both = await world.person(posts=((Role.FINANCE_MAKER, city), (Role.FINANCE_CHECKER, city)))
    case = await world.application(place.worker, place.town.units[0], state=State.APPROVED)
    assert (await pay(client, both, case, 1, "start_payment")).status_code == 200
    asked = await ask(client, place, place.clerk, kind="household_size", field="/members/0")
    assert (await decide(client, place.chair, asked.json())).status_code == 200
    assert (await pay(client, both, case, 3, "start_payment")).status_code == 200
    refused = await pay(client, both, case, 4, "confirm_payment")
    assert (refused.status_code, refused.json()["code"]) == (403, "already_signed")


async def test_what_is_being_paid_under_another_union_is_not_confirmed_and_is_stopped_by_a_job(
    client: httpx.AsyncClient,
    world: World,
    place: Place,
    owner: asyncpg.Connection,
    background: Jobs,
) -> None:
    there: Guild = place.town.units[2]
    case = await world.application(place.worker, there, state=State.PAYING, household_id=place.household_id)
    asked = await ask(client, place, place.clerk, kind="household_size", field="/members/0")
    refused = await pay(client, place.checker, case, 1, "confirm_payment")
    assert (refused.status_code, refused.json()["code"]) == (409, "household_change_pending")
    for _ in range(2):
        async with background.work() as work:
            await stop_payments_elsewhere(work, {"request_id": asked.json()["id"]})
    assert (
        await owner.fetchval("select (state, version)::text from application where id = $1", case.id) == "(approved,2)"
    )


async def test_nothing_is_ever_being_paid_while_a_request_is_open(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    clerk, maker = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.staff(Role.FINANCE_MAKER, town.city)
    dice, seen = random.Random(7), Counter[str]()

    async def schedule(n: int) -> None:
        worker = await world.person(home=town.units[0])
        household_id = await world.household(worker, town.units[0])
        place = Place(town, worker, household_id, clerk, clerk, maker, maker)
        case = await world.application(worker, town.units[0], state=State.APPROVED, household_id=household_id)
        pauses = [dice.random() * 0.01, dice.random() * 0.01] if n % 4 else [0.0, 0.0]

        async def later(pause: float, what: Any) -> httpx.Response:
            await asyncio.sleep(pause)
            answer: httpx.Response = await what
            return answer

        asking = ask(client, place, clerk if n % 2 else worker, kind="household_size", field="/members/0")
        paying = pay(client, maker, case, 1, "start_payment")
        asked, paid = await asyncio.gather(later(pauses[0], asking), later(pauses[1], paying))
        assert asked.status_code == 201, asked.text
        assert paid.status_code in (200, 409), paid.text
        row = await owner_row(case)
        assert row == "approved", (n, row)
        seen["stopped" if paid.status_code == 200 else paid.json()["code"]] += 1

    lock = asyncio.Lock()

    async def owner_row(case: Case) -> Any:
        async with lock:
            return await owner.fetchval("select state from application where id = $1", case.id)

    for first in range(0, 200, 4):
        await asyncio.gather(*(schedule(n) for n in range(first, first + 4)))
    assert set(seen) <= {"stopped", "household_change_pending"}, seen
    assert sum(seen.values()) == 200
