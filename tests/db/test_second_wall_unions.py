"""The second wall before the unions: who administers one writes those below it, and little of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.organisations.tables import Post
from tests import make
from tests.db.lots import refused, touched
from tests.make import Guild, Someone, Town, World

TIERS = ("city", "district", "street", "unit")
INSERT = """
insert into organisation (id, created_at, code, name, level, tier, division_code, parent_id, city_id, district_id,
  street_id, unit_id, receives_unattached)
values ($1, now(), $2, '新工会', $3, $4, '440507', $5, $6, $7, $8, $9, false)
"""
PARENT = 4
RENAME = "update organisation set name = '新名称' where id = $1"


def row(parent: Guild, level: str, tier: str | None = None, **scope: Any) -> list[Any]:
    """The values of a union under another."""
    row_id, tier = new_id(), tier or level
    place = parent.ancestors | {tier: row_id} | scope
    return [row_id, make.unique("N-"), level, tier, parent.id, *(place[each] for each in TIERS)]


def as_admin(someone: Someone, *unions: Guild) -> Sight:
    return Sight("staff", someone.id, tuple(union.id for union in unions))


@pytest.fixture
async def admin(world: World, town: Town) -> Someone:
    return await world.staff(Role.SYSTEM_ADMIN, town.districts[0], consents=())


async def test_an_administrator_writes_below_their_own_union(api: Database, town: Town, admin: Someone) -> None:
    for parent, level in ((town.districts[0], "street"), (town.streets[0], "unit"), (town.districts[0], "unit")):
        assert await touched(api, as_admin(admin), INSERT, *row(parent, level)) == 1
    for union in (town.districts[0], town.streets[0], town.units[0]):
        assert await touched(api, as_admin(admin), RENAME, union.id) == 1
    for parent in (town.districts[1], town.streets[1], town.city):
        for level in ("unit", "street") if parent is town.districts[1] else ("unit",):
            said = await refused(api, as_admin(admin, town.city), INSERT, *row(parent, level))
            assert "row-level security" in said
    for union in (town.city, town.districts[1], town.units[2]):
        assert await touched(api, as_admin(admin, town.city), RENAME, union.id) == 0


async def test_nobody_else_writes_any(api: Database, world: World, town: Town, admin: Someone) -> None:
    sights: Sequence[Sight] = [
        as_admin(await world.staff(role, town.city, consents=()), town.city)
        for role in Role
        if role is not Role.SYSTEM_ADMIN
    ]
    ended = await world.staff(Role.SYSTEM_ADMIN, town.city, consents=())
    later = await world.person(consents=())
    await world.insert(
        Post, id=new_id(), created_at=make.NOW, person_id=later.id, organisation_id=town.city.id, role="system_admin",
        from_date=make.TODAY + timedelta(days=2),
    )  # fmt: skip
    async with world.jobs.begin(Sight("job")) as transaction:
        await transaction.connection.execute("update post set ended_at = now() where person_id = $1", ended.id)
    others = [as_admin(ended), as_admin(later), Sight("worker", admin.id), Sight("public"), Sight("sign_in", admin.id)]
    for sight in (*sights, *others):
        assert "row-level security" in await refused(api, sight, INSERT, *row(town.streets[0], "unit")), sight
        assert await touched(api, sight, RENAME, town.units[0].id) == 0, sight


async def test_where_it_stands_never_changes(api: Database, town: Town, admin: Someone) -> None:
    for column in ("code", "level", "tier", "division_code", "parent_id", "created_at", *(f"{t}_id" for t in TIERS)):
        said = await refused(
            api, as_admin(admin), f"update organisation set {column} = {column} where id = $1", town.units[0].id
        )
        assert "permission denied" in said, column
    await refused(api, as_admin(admin), "delete from organisation where id = $1", town.units[0].id)


async def test_a_union_stands_where_its_parent_stands_whoever_writes_it(
    api: Database, jobs: Database, town: Town, admin: Someone
) -> None:
    city, other = town.city, town.districts[1]
    orphan = row(town.districts[0], "unit")
    orphan[PARENT] = None
    forged = [
        row(town.streets[0], "unit", district=other.id),
        row(town.streets[0], "unit", street=town.streets[1].id),
        row(town.districts[0], "unit", street=town.streets[0].id),
        row(town.streets[0], "unit", unit=town.units[3].id),
        row(other, "unit", district=town.districts[0].id),
        row(town.units[0], "unit"),
        row(town.streets[0], "street"),
        row(city, "street", district=town.districts[0].id),
        row(city, "city"),
        row(town.districts[0], "street", "unit"),
        orphan,
    ]
    for values in forged:
        for database, sight in ((api, as_admin(admin)), (jobs, Sight("job"))):
            with pytest.raises(asyncpg.CheckViolationError):
                await touched(database, sight, INSERT, *values)
    assert await touched(jobs, Sight("job"), INSERT, *row(city, "industry", "district")) == 1


async def test_one_union_of_a_city_receives_the_unattached(jobs: Database, town: Town) -> None:
    sql = "update organisation set receives_unattached = true where id = any($1)"
    with pytest.raises(asyncpg.UniqueViolationError):
        await touched(jobs, Sight("job"), sql, [union.id for union in town.units])
