"""Who holds the cap of a household waits for a budget; who holds a budget never waits for a cap."""

from uuid import UUID

import asyncpg
import httpx

from app.applications.household_caps import HouseholdCap
from app.applications.path import Kind
from app.kernel.actor import Role
from tests import make
from tests.applications.test_household_caps import capped, waiting
from tests.make import World
from tests.paused import waits
from tests.paying import FROZEN_ACCOUNT, answered, sent
from tests.payments.conftest import Till, till

__all__ = ["capped", "till"]
HELD = "select id from budget where id = any($1::uuid[]) order by id for no key update {}"


async def budgets(owner: asyncpg.Connection, *cases: make.Case) -> list[UUID]:
    rows = await owner.fetch(
        "select b.id from application a join budget b on b.organisation_id = a.city_id and b.kind = a.kind "
        "where a.id = any($1::uuid[])", [case.id for case in cases],
    )  # fmt: skip
    return [row["id"] for row in rows]


async def test_many_approvals_hold_the_caps_before_the_budgets_as_one_approval_does(
    client: httpx.AsyncClient, world: World, capped: HouseholdCap, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    leader = await world.staff(Role.CITY_LEADER, town.city)
    cases = [*await waiting(world, town, 3_000_00), *await waiting(world, town, 3_000_00)]
    items = [{"application_id": str(case.id), "version": 1} for case in cases]
    seen = await client.post(
        "/staff/batch_actions/preview", json={"action": "approve", "items": items},
        headers=leader.headers | make.keyed(),
    )  # fmt: skip
    async with owner.transaction():
        # As one approval of the second household does it: its cap is held, its budget is not yet.
        await owner.execute(
            "select pg_advisory_xact_lock(hashtextextended('household_cap|' || a.household_id || '|' || date_trunc("
            "'year', a.submitted_at at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai', 0)) "
            "from application a where a.id = $1", cases[1].id,
        )  # fmt: skip
        many = await waits(
            owner,
            client.post(
                "/staff/batch_actions", json={"token": seen.json()["token"], "action": "approve"},
                headers=leader.headers | make.keyed(),
            )
        )  # fmt: skip
        assert await owner.fetch(HELD.format("nowait"), await budgets(owner, cases[1]))
    done = await many
    assert done.text.count("public_notice") == 2, done.text


async def test_a_result_holds_the_budgets_of_all_its_lines_in_one_order(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    """Of those that were paid and those that were not: two results never wait for one another."""
    pair = [await till.approved(kind=kind) for kind in (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN)]
    by_budget = sorted([((await budgets(owner, case))[0], case) for case in pair], key=lambda each: each[0])
    (low, failing), (high, _) = by_budget
    batch = await sent(client, till.maker, till.checker, till.town.city)
    async with owner.transaction():
        await owner.fetch(HELD.format(""), [low])
        reading = await waits(owner, answered(client, till.checker, batch, {failing.number: FROZEN_ACCOUNT}))
        assert await owner.fetch(HELD.format("nowait"), [high]), "those after the one that it waits for are free"
    done = await reading
    assert (done["paid"], done["failed"]) == (1, 1)
