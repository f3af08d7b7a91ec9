"""What the database lets the API's role see and write of money, whatever a query forgets."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from app.db.database import Database, open_database
from app.db.transaction import Sight
from app.funds.ledger import Event, Leg, keep_balances, post
from tests.funds.making import Treasury, treasury_of
from tests.make import AMOUNT_FEN, World, unique
from tests.notices.making import jobs_of

TABLES = "fund budget allocation drawing waiting ledger_transaction ledger_entry ledger_checkpoint".split()
MAY_NOT = (
    "update budget set reserved_fen = 0",
    "update budget set spent_fen = 0",
    "update fund set source = 'interest', archive_levels = null",
    "update allocation set amount_fen = 1",
    "insert into drawing select * from drawing",
    "update drawing set state = 'released'",
    "insert into waiting select * from waiting",
    "update waiting set waits_from = now() - interval '1 year'",
    "update ledger_entry set amount_fen = 1",
    "delete from ledger_entry",
    "insert into ledger_checkpoint select * from ledger_checkpoint",
    "select draw_funds(gen_random_uuid(), 1, 1, now())",
    "select shift_drawings(gen_random_uuid(), '{}', 'spent', 1, now(), null, false)",
)


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, "aid_api", size=2)
    yield database
    await database.close()


@pytest.fixture
async def treasury(client: httpx.AsyncClient, world: World) -> Treasury:
    """A city with a row in each table: one case is funded, one waits, and something is entered in the books."""
    treasury = await treasury_of(world)
    fund = await world.fund(treasury.town.city, room_fen=AMOUNT_FEN)
    for _ in range(2):
        assert (await treasury.act(client, await treasury.case(), 1)).status_code == 200
    async with jobs_of(world).work() as work:
        await post(
            work, Event(unique("t:"), "grant", None), [Leg(fund, None, "source", -1), Leg(fund, None, "unallocated", 1)]
        )
        await keep_balances(work)
    return treasury


async def counted(api: Database, sight: Sight, city: object) -> dict[str, int]:
    """The rows of a city that are seen, table by table."""
    queries = {
        "fund": "city_id = $1",
        "budget": "city_id = $1",
        "waiting": "city_id = $1",
        "drawing": "budget_id in (select id from budget where city_id = $1) or application_id in "
        "(select id from application where city_id = $1)",
        "ledger_entry": "fund_id in (select id from fund where city_id = $1)",
    }
    async with api.begin(sight) as transaction:
        return {
            table: await transaction.connection.fetchval(f"select count(*) from {table} where {where}", city)
            for table, where in queries.items()
        }


async def test_each_sees_what_is_theirs(api: Database, world: World, treasury: Treasury) -> None:
    city = treasury.town.city.id
    nothing = dict.fromkeys(("fund", "budget", "waiting", "drawing", "ledger_entry"), 0)
    staff = Sight("staff", treasury.maker.id, (city,))
    assert await counted(api, staff, city) == {
        "fund": 1, "budget": 3, "waiting": 1, "drawing": 1, "ledger_entry": 2,
    }  # fmt: skip
    stranger = await world.union("city")
    abroad = Sight("staff", treasury.maker.id, (stranger.id,))
    assert await counted(api, abroad, city) == nothing | {"fund": 1}, "which funds there are is no secret to staff"
    assert await counted(api, Sight("worker", treasury.maker.id), city) == nothing
    assert await counted(api, Sight("public"), city) == nothing
    unit = Sight("staff", treasury.maker.id, (treasury.town.units[0].id,))
    assert await counted(api, unit, city) == nothing | {"fund": 1, "waiting": 1, "drawing": 1}


async def test_without_settings_nothing_is_seen(owner: asyncpg.Connection, treasury: Treasury) -> None:
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        for table in TABLES:
            assert await owner.fetchval(f"select count(*) from {table}") == 0, table


@pytest.mark.parametrize("statement", MAY_NOT)
async def test_what_only_the_trigger_does_the_api_cannot(api: Database, treasury: Treasury, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with api.begin(Sight("staff", treasury.maker.id, (treasury.town.city.id,))) as transaction:
            await transaction.connection.execute(statement)
