"""What is overdue is told to the level above, once for each version of a case, and to nobody else."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.escalations.commands import Pile, escalate, piles
from app.applications.escalations.rules import ACTS, level_told
from app.applications.path import WHOLE_PATHS, Kind, State
from app.applications.standards import WAITS
from app.calendars.queries import KeptCalendar
from app.db.database import Database, open_database
from app.db.sealing import Keyring
from app.files.store import FileStore
from app.jobs import daily
from app.jobs.daily import escalate_all
from app.jobs.running import Jobs
from app.kernel.actor import Role, Tier
from app.kernel.errors import Unavailable
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import Settings
from tests import make
from tests.calling import every_item
from tests.http.matrix import READERS, Actor, Matrix, Thing, above, build, each, get, listed
from tests.make import Case, Someone, Town, World

ABOVE_BY_HAND = {
    ("unit", State.SUBMITTED): "district",
    ("unit", State.UNIT_REVIEW): "district",
    ("unit", State.DISTRICT_REVIEW): "city",
    ("street", State.SUBMITTED): "district",
    ("street", State.UNIT_REVIEW): "district",
    ("street", State.DISTRICT_REVIEW): "city",
    ("district", State.SUBMITTED): "city",
    ("district", State.UNIT_REVIEW): "city",
    ("district", State.DISTRICT_REVIEW): "city",
    ("city", State.SUBMITTED): "city",
    ("city", State.UNIT_REVIEW): "city",
    ("city", State.DISTRICT_REVIEW): "city",
} | {
    (tier, state): "city"
    for tier in ("unit", "street", "district", "city")
    for state in (
        *(State.CITY_APPROVAL, State.MEETING),
        *(State.APPROVED, State.PAYING, State.PAYMENT_FAILED),
    )
}
"""Who is told of a case that hangs on a union of this level, in the states in which somebody should act."""


def worker_on(database: Database, keyring: Keyring, files: FileStore) -> Jobs:
    return Jobs(database, keyring, KeptCalendar(database), KeptPolicies(database, MODELS), files)


@pytest.fixture(scope="module")
async def matrix(world: World, jobs: Database, keyring: Keyring, files: FileStore) -> Matrix:
    built = await build(world)
    await escalate_all(worker_on(jobs, keyring, files))
    return built


# ---- the list ----


def is_told(actor: Actor, thing: Thing) -> bool:
    """By hand: overdue, and a reading post of theirs stands on the level above, over the case."""
    assert thing.case is not None
    level = ABOVE_BY_HAND.get((thing.home.tier, thing.case.state)) if thing.overdue else None
    posts = [union for role, union in actor.posts if role in READERS and union.tier == level]
    return thing.owner is not actor.someone and any(above(union, thing.home) for union in posts)


def ids(things: Iterable[Thing]) -> list[str]:
    return sorted(str(thing.id) for thing in things)


def filters(told: Sequence[Thing]) -> Iterable[tuple[dict[str, Any], list[Thing]]]:
    yield {}, list(told)
    for kind in Kind:
        yield {"kind": kind.value}, [t for t in told if t.case and t.case.kind is kind]
    for state in (State.SUBMITTED, State.DISTRICT_REVIEW, State.PAYING, State.PUBLIC_NOTICE):
        yield {"state": state.value}, [t for t in told if t.state == state]


async def test_every_role_is_told_exactly_what_a_scan_by_hand_finds(client: httpx.AsyncClient, matrix: Matrix) -> None:
    told_at = set()

    async def check(actor: Actor) -> None:
        if not actor.reads:
            assert (await get(client, actor, "/staff/escalations")).status_code == 403, actor.name
            return
        told = [case for case in matrix.cases if is_told(actor, case)]
        told_at.update((case.home.tier, case.state) for case in told)
        for query, kept in filters(told):
            found, said = await listed(client, actor, "/staff/escalations", **query)
            counted = (await get(client, actor, "/staff/escalations/count", **query)).json()
            assert (sorted(found), counted) == (ids(kept), {"count": len(kept)}), (actor.name, query)
            assert matrix.strangers(actor, said, own=False) == set(), actor.name

    await each(check, ((actor,) for actor in matrix.actors))
    assert told_at == {
        at for at in ABOVE_BY_HAND if any(c.overdue and (c.home.tier, c.state) == at for c in matrix.cases)
    }


async def test_the_longest_overdue_comes_first_and_pages_lose_nothing(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    town = await world.town()
    leader = await world.staff(Role.DISTRICT_LEADER, town.districts[0])
    applicant = await world.person()
    made = [await overdue(world, town, days, applicant=applicant) for days in (3, 1, 2, 5, 4, 2, 2)]
    await escalate_all(background)
    found = await every_item(client, "/staff/escalations", by=leader, limit=2)
    assert [row["due_at"] for row in found] == sorted(row["due_at"] for row in found)
    assert {row["application_id"] for row in found} == {str(case.id) for case in made}
    assert len(found) == len(made)
    shown = {name: found[0][name] for name in ("number", "kind", "state", "told", "version", "organisation")}
    assert shown == {
        "number": made[3].number, "kind": "hardship_aid", "state": "submitted", "told": "district", "version": 1,
        "organisation": town.units[0].name,
    }  # fmt: skip


# ---- who is above ----


def test_every_state_that_waits_for_a_union_has_a_level_above() -> None:
    waiting = {state for state, waits in WAITS.items() if waits == "union"}
    assert set(ACTS) == waiting - {State.APPEALED, State.WAITING_FUNDS} == {state for _, state in ABOVE_BY_HAND}
    assert waiting <= {State(state) for path in WHOLE_PATHS.values() for state in path.states}


@pytest.mark.parametrize(("tier", "state"), ABOVE_BY_HAND)
def test_the_level_above_is_told(tier: str, state: State) -> None:
    chain = ["unit", "street", "district", "city"]
    present = [Tier(each) for each in chain[chain.index(tier) :]]
    assert level_told(state, present) == ABOVE_BY_HAND[tier, state]


def test_a_union_without_a_district_reports_to_the_city_and_a_district_too() -> None:
    for state in (State.SUBMITTED, State.UNIT_REVIEW, State.DISTRICT_REVIEW):
        assert level_told(state, [Tier.UNIT, Tier.CITY]) == "city"
        assert level_told(state, [Tier.DISTRICT, Tier.CITY]) == "city"


# ---- exactly once ----


async def overdue(
    world: World, town: Town, days: int, *, applicant: Someone | None = None, state: State = State.SUBMITTED
) -> Case:
    due = make.NOW - timedelta(days=days)
    return await world.application(
        applicant or await world.person(), town.units[0], state=state, submitted_at=due - timedelta(days=9), due_at=due
    )


async def told_of(owner: asyncpg.Connection, case: Case) -> list[tuple[int, str, bool]]:
    rows = await owner.fetch(
        "select version, told, settled_at is not null as settled from case_escalation where application_id = $1 "
        "order by version", case.id,
    )  # fmt: skip
    return [(row["version"], row["told"], row["settled"]) for row in rows]


async def facts_of(owner: asyncpg.Connection, case: Case) -> list[str]:
    rows = await owner.fetch(
        "select body ->> 'version' as version from out_message "
        "where name = 'CaseEscalated' and body ->> 'application_id' = $1 order by 1", str(case.id),
    )  # fmt: skip
    return [row["version"] for row in rows]


async def test_workers_at_once_tell_once(
    world: World, configured: Settings, keyring: Keyring, files: FileStore, owner: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    town = await world.town()
    cases = [await overdue(world, town, 1 + n % 3) for n in range(12)]
    assert configured.database_url is not None
    url = configured.database_url.get_secret_value()
    pools = [await open_database(url, "aid_jobs", size=2) for _ in range(4)]
    monkeypatch.setattr("app.applications.escalations.commands.BATCH", 5)  # so that they meet in the middle of a pile
    monkeypatch.setattr(daily, "BATCH", 5)
    try:
        counts = await asyncio.gather(*(escalate_all(worker_on(pool, keyring, files)) for pool in pools))
    finally:
        for pool in pools:
            await pool.close()
    assert sum(counts) >= len(cases)
    for case in cases:
        assert (await told_of(owner, case), await facts_of(owner, case)) == ([(1, "district", False)], ["1"])


async def test_a_worker_that_dies_before_it_commits_has_told_nothing_and_the_next_tells_once(
    world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    case = await overdue(world, town, 1)
    pile = Pile(town.city.id, State.SUBMITTED)

    async def dies() -> None:
        async with background.work() as work:
            assert await escalate(work, pile) == (None, 1)
            await owner.execute("select pg_terminate_backend($1)", work.transaction.connection.get_server_pid())
            await piles(work.transaction)

    with pytest.raises((Unavailable, asyncpg.InterfaceError)):
        await dies()
    assert (await told_of(owner, case), await facts_of(owner, case)) == ([], [])
    for expected in (1, 0):
        async with background.work() as work:
            assert await escalate(work, pile) == (None, expected)
    assert (await told_of(owner, case), await facts_of(owner, case)) == ([(1, "district", False)], ["1"])


async def test_a_step_settles_it_at_once_and_another_delay_is_told_anew(
    client: httpx.AsyncClient, world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    clerk, leader = (
        await world.staff(Role.UNIT_CLERK, town.units[0]),
        await world.staff(Role.DISTRICT_LEADER, town.districts[0]),
    )
    case = await overdue(world, town, 2, applicant=await world.worker(town.units[0]))
    await escalate_all(background)
    assert await shown_to(client, leader) == [str(case.id)]
    headers = clerk.headers | make.keyed() | {"If-Match": '"1"'}
    moved = await client.post(f"/staff/applications/{case.id}/actions", json={"action": "accept"}, headers=headers)
    assert moved.status_code == 200, moved.text
    assert await shown_to(client, leader) == []
    await escalate_all(background)
    assert await told_of(owner, case) == [(1, "district", True)]
    settled_at, stepped_at = await owner.fetchrow(
        "select e.settled_at, a.updated_at from case_escalation e join application a on a.id = e.application_id "
        "where a.id = $1", case.id,
    )  # fmt: skip
    assert settled_at == stepped_at
    await owner.execute("update application set due_at = now() - interval '1 hour' where id = $1", case.id)
    await escalate_all(background)
    await escalate_all(background)
    assert await told_of(owner, case) == [(1, "district", True), (2, "district", False)]
    assert await facts_of(owner, case) == ["1", "2"]
    assert await shown_to(client, leader) == [str(case.id)]


async def shown_to(client: httpx.AsyncClient, leader: Someone) -> list[str]:
    page = await client.get("/staff/escalations", headers=leader.headers)
    return [row["application_id"] for row in page.json()["items"]]


async def test_what_is_in_time_waits_for_the_worker_or_the_public_or_has_ended_is_not_told(
    world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    quiet = [s for s in State if WAITS[s] != "union"]
    cases = [await overdue(world, town, 3, state=state) for state in quiet if state is not State.DRAFT]
    cases += [await overdue(world, town, -1, state=state) for state in ACTS]
    await escalate_all(background)
    assert [await told_of(owner, case) for case in cases] == [[]] * len(cases)


@pytest.mark.parametrize("size", [1, 2, 1_000])
async def test_batches_of_any_size_find_the_same(
    world: World, background: Jobs, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    town = await world.town()
    cases = [
        await overdue(world, town, days, state=s) for s, days in product((State.SUBMITTED, State.PAYING), (1, -1, 2))
    ]
    monkeypatch.setattr("app.applications.escalations.commands.BATCH", size)
    places: list[Pile | None] = [Pile(town.city.id, state) for state in ACTS]
    told = 0
    while places:
        place = places.pop()
        async with background.work() as work:
            following, count = await escalate(work, place) if place else (None, 0)
        told += count
        places += [following] if following else []
    assert told == 4
    found = {
        row["application_id"]
        for row in await owner.fetch("select * from case_escalation where city_id = $1", town.city.id)
    }
    assert found == {UUID(str(case.id)) for n, case in enumerate(cases) if n % 3 != 1}
