"""The second wall: what the database itself lets the API's role see, whatever a query forgets."""

from datetime import UTC, datetime

import asyncpg
import pytest

from app.db.database import Database
from app.db.statements import Statement
from app.db.transaction import Door, Sight
from app.http.service import ACTOR_OF_SESSION
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.db.lots import IN_REACH, OWN, PERSONAL, Lot, as_staff, as_worker, counts, seen, touched
from tests.make import World
from tests.visits.making import visit_of, visitor


async def test_without_settings_nothing_personal_is_seen(database_url: str, lots: tuple[Lot, Lot]) -> None:
    connection = await asyncpg.connect(database_url, server_settings={"role": "aid_api"})
    try:
        assert await counts(connection) == dict.fromkeys(PERSONAL, 0)
        async with connection.transaction():
            await connection.execute("select set_config('app.door', '', true), set_config('app.person', '', true), "
                                     "set_config('app.organisations', '', true)")  # fmt: skip
            assert await counts(connection) == dict.fromkeys(PERSONAL, 0)
    finally:
        await connection.close()


@pytest.mark.parametrize("door", ["worker", "staff", "public", "job"])
async def test_a_door_without_a_person_shows_nothing_personal(api: Database, lots: tuple[Lot, Lot], door: Door) -> None:
    async with api.begin(Sight(door)) as transaction:
        assert await counts(transaction.connection) == dict.fromkeys(PERSONAL, 0)


async def test_signing_in_sees_accounts_and_no_case(api: Database, lots: tuple[Lot, Lot]) -> None:
    async with api.begin(Sight("sign_in")) as transaction:
        found = {table for table, count in (await counts(transaction.connection)).items() if count}
    assert found == {"person", "post", "session", "refresh_token", "consent"}


@pytest.mark.parametrize("table", OWN)
async def test_a_worker_sees_their_own_rows_only(api: Database, lots: tuple[Lot, Lot], table: str) -> None:
    for one in lots:
        assert await seen(api, as_worker(one.someone), table) == one.ids[table]
        assert await seen(api, as_worker(one.clerk), table) <= {one.clerk.session_id}


@pytest.mark.parametrize("table", IN_REACH)
async def test_staff_see_the_rows_under_their_union_only(api: Database, lots: tuple[Lot, Lot], table: str) -> None:
    for one in lots:
        assert await seen(api, as_staff(one), table) == one.ids[table]


@pytest.mark.parametrize("table", sorted({*OWN, *IN_REACH}))
async def test_a_glance_sees_what_a_transaction_sees_and_leaves_nothing_behind(
    api: Database, lots: tuple[Lot, Lot], table: str
) -> None:
    """One connection alone: each look follows one with other eyes. Read with and without a parameter of its own."""
    everything = Statement(f"select id from {table}", (), {})
    among = Statement(f"select id from {table} where id = any($1)", ("ids",), {})
    for one in lots:
        for sight in (as_worker(one.someone), as_staff(one), as_worker(one.clerk), Sight("public")):
            there = await seen(api, sight, table)
            async with api.glance(sight) as glance:
                assert {row["id"] for row in await glance.rows(everything)} == there
                assert {row["id"] for row in await glance.rows(among, ids=list(one.ids[table]))} == (
                    there & one.ids[table]
                )
                assert await glance.connection.fetchval(f"select count(*) from {table}") == 0


async def test_a_glance_does_not_write(api: Database, lots: tuple[Lot, Lot]) -> None:
    change = Statement("update application set version = version", (), {})
    async with api.glance(as_worker(lots[0].someone)) as glance:
        with pytest.raises(TypeError, match="does not write"):
            await glance.run(change)
        with pytest.raises(TypeError, match="does not write"):
            await glance.many(change, [{}])


async def test_the_workers_door_opens_no_reach_and_the_staff_door_nothing_of_ones_own(
    api: Database, lots: tuple[Lot, Lot]
) -> None:
    first, other = lots
    wide = Sight("worker", first.someone.id, (other.home.id,))
    assert await seen(api, wide, "application") == first.ids["application"]
    elsewhere = Sight("staff", first.someone.id, (other.home.id,))
    assert await seen(api, elsewhere, "application") == other.ids["application"]
    assert await seen(api, elsewhere, "bank_card") == set()


async def test_who_looked_is_seen_by_the_looker_and_by_whose_data_it_was(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, other = lots
    for someone in (first.someone, first.clerk):
        assert len(await seen(api, as_worker(someone), "audit_entry")) == 1
    assert (
        await seen(api, as_worker(other.someone), "audit_entry")
        & await seen(api, as_worker(first.someone), "audit_entry")
        == set()
    )


async def test_a_visitor_sees_the_visit_and_the_household_they_are_sent_to_while_it_lasts(
    api: Database, world: World, lots: tuple[Lot, Lot], owner: asyncpg.Connection
) -> None:
    one, _ = lots
    household_id = next(iter(one.ids["household"]))
    sent, idle = await visitor(world, one.home), await visitor(world, one.home)
    visit_id = await visit_of(world, household_id, one.someone, one.home, (sent,), purpose="watch")
    # A post of a visitor opens no subtree: the door tells the database of no union.
    eyes, others = Sight("staff", sent.id), Sight("staff", idle.id)
    try:
        assert await seen(api, eyes, "visit") == {visit_id}
        assert await seen(api, eyes, "household") == {household_id}
        assert len(await seen(api, eyes, "visit_visitor")) == 1
        for table in ("visit", "visit_visitor", "household", "application", "discrepancy"):
            assert await seen(api, others, table) == set(), table
        assert await seen(api, eyes, "application") == set()
        assert await touched(api, eyes, "update household set version = version") == 0
        assert await seen(api, Sight("worker", sent.id), "visit") == set()
        await owner.execute("update visit set state = 'ended', ended_at = now() where id = $1", visit_id)
        assert await seen(api, eyes, "visit") == {visit_id}
        assert await seen(api, eyes, "household") == set()
    finally:
        await owner.execute("delete from visit_visitor where visit_id = $1", visit_id)
        await owner.execute("delete from visit where id = $1", visit_id)


async def test_staff_see_of_their_colleagues_those_who_may_be_sent_on_a_visit(
    api: Database, world: World, lots: tuple[Lot, Lot]
) -> None:
    one, other = lots
    volunteer = await visitor(world, one.home)
    auditor = await world.staff(Role.AUDITOR, one.home, consents=())
    people = await seen(api, as_staff(one), "person")
    assert {one.clerk.id, volunteer.id} <= people
    assert people.isdisjoint({auditor.id, one.someone.id, other.clerk.id, other.someone.id})
    assert volunteer.id not in await seen(api, as_staff(other), "person")
    assert await seen(api, as_worker(one.clerk), "person") == {one.clerk.id}
    assert await seen(api, Sight("staff", volunteer.id), "person") == {volunteer.id}
    assert await touched(api, as_staff(one), "update person set version = version where id = $1", volunteer.id) == 0


async def test_what_one_transaction_might_see_the_next_one_may_not(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, other = lots
    assert await seen(api, as_staff(first), "application") == first.ids["application"]
    assert await seen(api, Sight("public"), "application") == set()
    assert await seen(api, as_worker(other.someone), "application") == other.ids["application"]
    assert await seen(api, Sight("worker"), "application") == set()


async def test_settings_end_with_a_transaction_that_fails(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, _ = lots
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with api.begin(as_staff(first)) as transaction:
            await transaction.connection.fetchval("select 1 / 0")
    with pytest.raises(RuntimeError):
        async with api.begin(as_staff(first)):
            raise RuntimeError
    connection, _ = api.at_hand[-1]
    settings = await connection.fetchrow(
        "select current_setting('app.door', true) as door, current_setting('app.person', true) as person, "
        "current_setting('app.organisations', true) as organisations, current_setting('role') as role"
    )
    assert {settings[name] or "" for name in ("door", "person", "organisations")} == {""}
    assert settings["role"] == "aid_api"
    assert await counts(connection) == dict.fromkeys(PERSONAL, 0)


async def test_the_look_at_who_signed_in_leaves_no_door_open(api: Database, lots: tuple[Lot, Lot]) -> None:
    someone, now = lots[0].clerk, datetime.now(UTC)
    found = await api.look(ACTOR_OF_SESSION, asked=someone.session_id, at=now, today=make.TODAY)
    assert found is not None
    assert (found["person_id"], [post["role"] for post in found["posts"]]) == (someone.id, ["unit_clerk"])
    connection, _ = api.at_hand[-1]
    assert await counts(connection) == dict.fromkeys(PERSONAL, 0)
    assert await api.look(ACTOR_OF_SESSION, asked=new_id(), at=now, today=make.TODAY) is None
