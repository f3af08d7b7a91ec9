"""Many approvals at the same moment against less room than they need: exactly what fits is held, the rest is in line.

`AID_BUDGET_SEEDS` says how many schedules are tried (2 in the suite, 1,000 in a thorough run); `AID_BUDGET_SEED` with
which the first begins.
"""

import asyncio
import os
import random
from datetime import timedelta

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests.funds.making import Treasury, budget, check_sums, line, treasury_of, work_off
from tests.make import AMOUNT_FEN, NOW, Case, World

SEEDS = int(os.environ.get("AID_BUDGET_SEEDS", "2"))
FIRST = int(os.environ.get("AID_BUDGET_SEED", "1"))
CASES, ROOM = 200, 37
AT_ONCE = 20


async def cases_of(treasury: Treasury, count: int, chance: random.Random) -> list[Case]:
    """Of one worker, submitted in an order of its own."""
    home = treasury.town.units[0]
    someone = await treasury.world.person(home=home)
    after = chance.sample(range(count), count)
    return [
        await treasury.world.application(
            someone, home, state="city_approval", submitted_at=NOW - timedelta(days=1) + timedelta(seconds=n)
        )
        for n in after
    ]


async def together(treasury: Treasury, client: httpx.AsyncClient, cases: list[Case], action: str, version: int) -> None:
    """So many calls at a time, each of a reviewer in turn."""
    approvers = [await treasury.world.staff(Role.CITY_REVIEWER, treasury.town.city, consents=()) for _ in range(4)]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(n: int, case: Case) -> None:
        async with places:
            for _ in range(20):  # whoever waited too long for the row of the budget tries again, as a phone does
                answer = await treasury.act(client, case, version, action, by=approvers[n % len(approvers)])
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
        assert answer.status_code == 200, answer.text

    await asyncio.gather(*(one(n, case) for n, case in enumerate(cases)))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
async def test_two_hundred_approvals_against_room_for_thirty_seven(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, seed: int
) -> None:
    chance = random.Random(seed)
    treasury = await treasury_of(world)
    # Over two funds, neither of which divides by what one of them takes.
    first = chance.randrange(1, ROOM * AMOUNT_FEN)
    await world.fund(treasury.town.city, source="match", room_fen=first)
    await world.fund(treasury.town.city, room_fen=ROOM * AMOUNT_FEN - first)
    await owner.execute("update fund set archive_levels = null where city_id = $1", treasury.town.city.id)
    cases = await cases_of(treasury, CASES, chance)
    chance.shuffle(cases)
    await together(treasury, client, cases, "approve", 1)
    states = dict(
        await owner.fetch(
            "select state, count(*) from application where city_id = $1 group by state", treasury.town.city.id
        )
    )
    assert states == {"public_notice": ROOM, "waiting_funds": CASES - ROOM}, seed
    assert await budget(owner, treasury.town.city) == (ROOM * AMOUNT_FEN, 0, 0)
    waiting = await line(owner, treasury.town)
    by_submission = sorted(cases, key=lambda case: (case.submitted_at, case.id))
    assert waiting == [case.id for case in by_submission if case.id in set(waiting)], "the order is that of its keys"
    await check_sums(owner, treasury.town)
    # What comes back goes to the head of the line, and to nobody else.
    back = [case for case in cases if case.id not in set(waiting)][:3]
    await together(treasury, client, back, "object", 2)
    await work_off(world, owner, NOW - timedelta(days=1), treasury.town)
    assert await line(owner, treasury.town) == waiting[3:]
    await check_sums(owner, treasury.town)


async def test_a_budget_holds_under_any_mix_of_approving_undoing_and_withdrawing(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World
) -> None:
    chance = random.Random(FIRST)
    treasury = await treasury_of(world, room_fen=5 * AMOUNT_FEN)
    cases = await cases_of(treasury, 20, chance)
    versions = {case.id: 1 for case in cases}

    async def live(case: Case) -> None:
        for _ in range(6):
            action, by = chance.choice([("approve", None), ("undo", treasury.leader), ("object", None)])
            answer = await treasury.act(client, case, versions[case.id], action, by=by)
            if answer.status_code == 200:
                versions[case.id] = answer.json()["version"]

    await asyncio.gather(*(live(case) for case in cases))
    await check_sums(owner, treasury.town)
    await work_off(world, owner, NOW - timedelta(days=1), treasury.town)
    await check_sums(owner, treasury.town)
    reserved, _, _ = await budget(owner, treasury.town.city)
    assert reserved == 5 * AMOUNT_FEN or await line(owner, treasury.town) == [], "there is room, and somebody waits"
