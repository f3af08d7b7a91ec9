"""The second wall: what the database itself lets the API's role write, whatever a command forgets."""

import asyncpg
import pytest

from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.ids import new_id
from tests.db.lots import APPEND_ONLY, INSUFFICIENT, OWN, Lot, as_staff, as_worker, refused, touched


@pytest.mark.parametrize(
    "table", ["person", "session", "consent", "household", "household_member", "application", "bank_card"]
)
async def test_an_update_touches_no_foreign_row(api: Database, lots: tuple[Lot, Lot], table: str) -> None:
    first, other = lots
    foreign = other.ids.get(table, {other.someone.id})
    sql = f"update {table} set created_at = created_at where id = any($1)"
    for sight in (as_worker(first.someone), as_staff(first), Sight("public")):
        assert await touched(api, sight, sql, list(foreign)) == 0
    assert await touched(api, as_worker(other.someone), sql, list(foreign)) == len(foreign)


async def test_ones_own_row_cannot_be_given_away(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, other = lots
    mine, theirs = first.someone, other.someone
    for table, column in (("application", "applicant_id"), ("household", "person_id")):
        sql = f"update {table} set {column} = $1 where {column} = $2"
        assert "row-level security" in await refused(api, as_worker(mine), sql, theirs.id, mine.id)
    # A trigger is asked first: whose a card is never changes, not even for the jobs.
    given_away = "update bank_card set person_id = $1 where person_id = $2"
    with pytest.raises(asyncpg.CheckViolationError, match="another card"):
        await touched(api, as_worker(mine), given_away, theirs.id, mine.id)
    moved = "update application set city_id = $1, district_id = $1, street_id = $1, unit_id = $1"
    assert "row-level security" in await refused(api, as_staff(first), moved, other.home.id)


async def test_a_foreign_row_cannot_be_inserted(
    api: Database, lots: tuple[Lot, Lot], owner: asyncpg.Connection
) -> None:
    """The foreign rows that are there, once more with another id: everything about them is right but the owner."""
    first, other = lots
    for table in OWN:
        names = [
            row["column_name"]
            for row in await owner.fetch(
                "select column_name from information_schema.columns where table_name = $1 and column_name <> 'id'",
                table,
            )
        ]
        row = await owner.fetchrow(f"select {', '.join(names)} from {table} where id = any($1)", list(other.ids[table]))
        assert row is not None
        places = ", ".join(f"${n}" for n in range(2, len(names) + 2))
        sql = f"insert into {table} (id, {', '.join(names)}) values ($1, {places})"
        for sight in (as_worker(first.someone), as_staff(first), Sight("public"), Sight("worker")):
            assert "row-level security" in await refused(api, sight, sql, new_id(), *row.values()), (table, sight)


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_what_is_appended_is_never_changed(
    api: Database, jobs: Database, owner: asyncpg.Connection, lots: tuple[Lot, Lot], table: str
) -> None:
    statements = (f"update {table} set created_at = created_at", f"delete from {table}", f"truncate {table} cascade")
    for sql in statements:
        await refused(api, as_worker(lots[0].someone), sql)
        await refused(jobs, Sight("job"), sql)
        with pytest.raises(INSUFFICIENT, match="append-only"):
            await owner.execute(sql)


async def test_nobody_but_the_trigger_writes_the_heads_of_the_chains(api: Database, jobs: Database) -> None:
    for database in (api, jobs):
        await refused(database, Sight("job"), "update audit_chain set length = 0")
    await refused(api, Sight("job"), "select * from audit_chain")
