"""Whoever asked for a change takes it back: nothing changes, and what waited for it goes on."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.kernel.actor import Role
from tests import make
from tests.http.change_requests import Place, ask, decide
from tests.http.refusals import refused
from tests.http.test_change_requests import CARDS, bind, cards, requests
from tests.http.test_payments_held import HOLD, approved
from tests.make import Someone, World
from tests.paying import answered, built, confirmed, sent, stepped, turn, why_out


async def withdraw(
    client: httpx.AsyncClient, by: Someone, request: dict[str, Any], *, own: bool = False, version: int | None = None
) -> httpx.Response:
    path = "/me/household" if own else "/staff"
    headers = by.headers | make.keyed() | {"If-Match": f'"{version or request["version"]}"'}
    return await client.post(f"{path}/change_requests/{request['id']}/withdraw", headers=headers)


async def test_a_worker_takes_back_a_card_and_may_ask_for_another(client: httpx.AsyncClient, place: Place) -> None:
    for number in CARDS[:2]:
        await bind(client, place.worker, number)
    (listed,) = (await client.get("/me/household/change_requests", headers=place.worker.headers)).json()["items"]
    assert listed["open_actions"] == ["withdraw"]
    refused(await withdraw(client, place.worker, listed, own=True, version=7), 412, "stale_version")
    done = await withdraw(client, place.worker, listed, own=True)
    assert (done.status_code, done.json()["state"], done.json()["version"]) == (200, "withdrawn", 2), done.text
    assert await cards(client, place.worker) == [("0004", "current")]
    assert await requests(client, place.chair) == []
    again = await withdraw(client, place.worker, listed, own=True, version=2)
    refused(again, 409, "not_allowed_now")
    refused(await decide(client, place.chair, done.json()), 409, "not_allowed_now")
    (shown,) = (await client.get("/me/household/change_requests", headers=place.worker.headers)).json()["items"]
    assert (shown["state"], shown["open_actions"], shown["decided_by"]) == ("withdrawn", [], None)
    assert shown["withdrawn_at"]
    assert (await bind(client, place.worker, CARDS[2])).status_code == 200
    assert await cards(client, place.worker) == [("0004", "current"), ("0128", "pending")]


async def test_nobody_else_takes_it_back(client: httpx.AsyncClient, world: World, place: Place) -> None:
    asked = (await ask(client, place, place.clerk, kind="household_size", field="/members/0")).json()
    assert asked["open_actions"] == ["withdraw"]
    other = await world.staff(Role.UNIT_CLERK, place.town.units[0])
    elsewhere = await world.staff(Role.UNIT_CLERK, place.town.units[1])
    for stranger in (other, elsewhere):
        refused(await withdraw(client, stranger, asked), 404, "change_request_not_found")
    assert (await withdraw(client, place.chair, asked)).status_code == 403
    for stranger in (place.worker, await world.person()):
        refused(await withdraw(client, stranger, asked, own=True), 404, "change_request_not_found")
    assert (await withdraw(client, place.clerk, asked)).json()["state"] == "withdrawn"


async def test_what_it_stopped_is_started_again_by_the_same_hands_and_paid(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    case, city = await approved(world, place), place.town.city
    batch = await confirmed(client, place.maker, place.checker, city)
    asked = await ask(client, place, place.worker, **HOLD)
    await stepped(client, place.maker, batch, "cancel")
    assert await why_out(client, place.maker, city) == {case.number: "household_change_pending"}
    assert (await withdraw(client, place.worker, asked.json(), own=True)).status_code == 200
    await answered(client, place.checker, await sent(client, place.maker, place.checker, city))
    assert await owner.fetchval("select state from application where id = $1", case.id) == "paid"
    form = (await client.get("/me/household", headers=place.worker.headers)).json()["form"]
    assert len(form["members"]) == 2
    audited = await owner.fetch(
        "select person_id, action from audit_entry where subject_id = $1 order by id", UUID(asked.json()["id"])
    )
    assert [tuple(row) for row in audited] == [
        (place.worker.id, "change_request.asked"), (place.worker.id, "change_request.withdrawn"),
    ]  # fmt: skip


async def test_a_request_is_decided_or_taken_back_and_money_never_moves_while_it_is_open(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    """Each schedule decides, takes back and pays at once: one of the first two wins, and a payment either found the
    request open and was refused, or came after its end."""
    seen, lock = Counter[str](), asyncio.Lock()

    async def schedule(n: int) -> None:
        home = await world.union("unit", place.town.streets[0])
        chair = await world.staff(Role.UNIT_CHAIR, home, consents=())
        worker = await world.person(home=home)
        household_id = await world.household(worker, home)
        own = Place(place.town, worker, household_id, place.clerk, chair, place.maker, place.checker)
        case = await approved(world, own, home)
        maker = await world.staff(Role.FINANCE_MAKER, place.town.city, consents=())
        batch = await stepped(client, maker, await built(client, maker, home), "freeze")
        request = (await ask(client, own, worker, **HOLD)).json()

        async def later(pause: float, what: Any) -> httpx.Response:
            await asyncio.sleep(pause)
            answer: httpx.Response = await what
            return answer

        decided, taken_back, paid = await asyncio.gather(
            later(0.002 * (n % 3), decide(client, chair, request)),
            later(0.002 * (n % 2), withdraw(client, worker, request, own=True)),
            later(0.003 * (n % 4), turn(client, place.checker, batch, "confirm")),
        )
        assert sorted((decided.status_code, taken_back.status_code)) == [200, 412], (decided.text, taken_back.text)
        assert paid.status_code in (200, 409), paid.text
        if paid.status_code == 409:
            assert (paid.json()["code"], paid.json()["because"]) == ("batch_outdated", "household_change_pending")
            assert (await turn(client, place.checker, batch, "confirm")).json()["state"] == "confirmed"
        async with lock:
            row = await owner.fetchrow(
                "select r.state, h.released_at is not null as released, a.state as paying from change_request r "
                "join payment_hold h on h.id = r.id, application a where r.id = $1 and a.id = $2",
                UUID(request["id"]), case.id,
            )  # fmt: skip
        ended = "approved" if decided.status_code == 200 else "withdrawn"
        assert tuple(row) == (ended, True, "paying")
        members = (await client.get("/me/household", headers=worker.headers)).json()["form"]["members"]
        assert len(members) == (1 if ended == "approved" else 2)
        seen[ended] += 1

    for first in range(0, 20, 4):
        await asyncio.gather(*(schedule(n) for n in range(first, first + 4)))
    assert sum(seen.values()) == 20
