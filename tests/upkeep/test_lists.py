"""The lists of files that need looking after hold exactly what going through every file would find."""

import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.db.database import Database
from app.db.transaction import Sight, Transaction
from app.kernel.actor import Actor, Place, Post, Role, Tier
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.upkeep.queries import Looked, files_counted, files_listed
from tests import make
from tests.calling import every_item
from tests.make import Guild, Someone, Town, World

LISTS = ("unchanged", "never_helped", "no_plan", "overdue")
IN_FILE = {"active", "annual_review", "relieved"}
STATES = (*IN_FILE, "draft", "submitted", "district_review", "lifted", "cancelled")
FILES = 160


def brute_force(name: str, row: Any) -> bool:
    if row["state"] not in IN_FILE:
        return False
    match name:
        case "unchanged":
            return bool(row["changed_at"] < make.NOW - timedelta(days=365))
        case "never_helped":
            return row["last_helped_at"] is None
        case "no_plan":
            return not row["has_open_plan"]
        case _:
            return row["review_due_on"] is not None and row["review_due_on"] < business_date(make.NOW)


KEY = {"unchanged": "changed_at", "never_helped": "active_at", "no_plan": "active_at", "overdue": "review_due_on"}


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def rows(world: World, town: Town, database_url: str) -> list[Any]:
    """Files of every kind at every union of a town, as they stand in the database."""
    chance = random.Random(20261125)
    homes = [*town.units, *town.streets, town.city]
    days = (0, 1, 6, 200, 364, 366, 400, 900)
    for _ in range(FILES):
        active_at = make.NOW - timedelta(days=chance.choice(days), seconds=chance.randrange(5))
        state = chance.choice(STATES)
        await world.household(
            await world.person(consents=()),
            chance.choice(homes),
            state=state,
            plan=None,
            columns={
                "active_at": active_at if state in IN_FILE else None,
                "changed_at": make.NOW - timedelta(days=chance.choice(days), hours=1),
                "review_due_on": chance.choice(
                    (None, make.TODAY, make.TODAY + timedelta(days=chance.randint(-99, 99)))
                ),
                "last_helped_at": chance.choice((None, active_at)),
                "has_open_plan": chance.random() < 0.5,
            },
        )
    connection = await asyncpg.connect(database_url)
    found: list[Any] = await connection.fetch("select * from household where city_id = $1", town.city.id)
    await connection.close()
    return found


def expected(name: str, rows: Iterable[Any], unions: Iterable[Guild], but: Someone | None = None) -> list[str]:
    nodes = {(f"{union.tier}_id", union.id) for union in unions}
    seen = [
        row
        for row in rows
        if brute_force(name, row)
        and any(row[tier] == union_id for tier, union_id in nodes)
        and (but is None or row["person_id"] != but.id)
    ]
    return [str(row["id"]) for row in sorted(seen, key=lambda row: (row[KEY[name]], row["id"]))]


async def all_pages(client: httpx.AsyncClient, by: Someone, name: str, limit: int) -> list[str]:
    items = await every_item(client, f"/staff/households/lists/{name}", by=by, limit=limit)
    return [item["household_id"] for item in items]


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_equals_a_scan_of_every_file_on_every_tier(
    client: httpx.AsyncClient, world: World, town: Town, rows: list[Any], name: str
) -> None:
    desks = [
        ((Role.UNIT_CLERK, town.units[0]),),
        ((Role.STREET_REVIEWER, town.streets[1]),),
        ((Role.DISTRICT_LEADER, town.districts[0]),),
        ((Role.CITY_LEADER, town.city),),
        ((Role.UNIT_CHAIR, town.units[3]), (Role.DISTRICT_REVIEWER, town.districts[0])),
        ((Role.AUDITOR, town.city), (Role.UNIT_CLERK, town.units[1])),
    ]
    found = 0
    for posts in desks:
        someone = await world.person(posts=posts, consents=())
        wanted = expected(name, rows, [union for _, union in posts])
        assert await all_pages(client, someone, name, 7) == wanted, posts
        counted = await client.get(f"/staff/households/lists/{name}/count", headers=someone.headers)
        assert counted.json() == {"count": len(wanted)}
        found += len(wanted)
    assert found > 10


async def test_ones_own_file_and_other_towns_are_on_no_list(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    columns = {"active_at": make.NOW - timedelta(days=400), "changed_at": make.NOW - timedelta(days=400),
               "review_due_on": make.TODAY - timedelta(days=1)}  # fmt: skip
    leader = await world.staff(Role.CITY_LEADER, town.city)
    await world.household(leader, town.units[0], plan=None, columns=columns)
    other = await world.household(await world.person(), town.units[0], plan=None, columns=columns)
    stranger = await world.staff(Role.CITY_LEADER, (await world.town()).city)
    nobody = await world.staff(Role.PUBLICITY_EDITOR, town.city)
    for name in LISTS:
        assert await all_pages(client, leader, name, 100) == [str(other)]
        assert await all_pages(client, stranger, name, 100) == []
        for path in (f"/staff/households/lists/{name}", f"/staff/households/lists/{name}/count"):
            assert (await client.get(path, headers=nobody.headers)).status_code == 403
    unknown = await client.get("/staff/households/lists/forgotten", headers=leader.headers)
    assert unknown.status_code == 422


class Counted(Transaction):
    """Counts the statements that go over it."""

    __slots__ = ("asked",)

    def __init__(self, connection: asyncpg.Connection) -> None:
        super().__init__(connection)
        self.asked = 0

    async def rows(self, *given: Any, **values: Any) -> Any:
        self.asked += 1
        return await super().rows(*given, **values)

    async def value(self, *given: Any, **values: Any) -> Any:
        self.asked += 1
        return await super().value(*given, **values)


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_and_a_count_are_one_statement_each_however_many_files_there_are(
    jobs: Database, town: Town, rows: list[Any], name: Any
) -> None:
    home = Place(town.city.id, town.city.code, town.city.name, "city", Tier.CITY)
    actor = Actor(new_id(), new_id(), (Post(Role.CITY_LEADER, home),))
    looked = Looked(name, make.NOW, make.TODAY)
    async with jobs.begin(Sight("job")) as transaction:
        for size in (1, 10, 100):
            counted = Counted(transaction.connection)
            found = await files_listed(counted, actor, looked, size, None)
            assert len(found) <= size
            assert counted.asked == 1
        counted = Counted(transaction.connection)
        assert await files_counted(counted, actor, looked) == len(expected(name, rows, [town.city]))
        assert counted.asked == 1
