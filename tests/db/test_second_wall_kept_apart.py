"""What the functions that know who is near whom tell to whom."""

import asyncpg
import pytest

from app.db.database import Database
from app.db.statements import Statement
from app.db.transaction import Sight
from app.kernel.actor import Role
from tests import make
from tests.make import Town, World
from tests.relatives.making import declared

FACTS = Statement("select facts_of_staff($1, $2)", ("asked", "today"), {})
NEAR = Statement("select is_near_number($1)", ("asked",), {})


async def test_facts_are_told_only_while_somebody_comes_in(api: Database, world: World, town: Town) -> None:
    clerk, relative = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.person()
    await declared(world, clerk, relative)
    for sight in (Sight("staff", clerk.id, (town.city.id,)), Sight("worker", clerk.id), Sight("public")):
        async with api.begin(sight) as transaction:
            assert await transaction.value(FACTS, asked=clerk.id, today=make.TODAY) is None
    async with api.begin(Sight("sign_in")) as transaction:
        facts = await transaction.value(FACTS, asked=clerk.id, today=make.TODAY)
    assert facts == {"near": [str(relative.id)], "homes": [], "away": [str(relative.id)], "lent": [], "lifted": []}


@pytest.mark.parametrize("function", ["numbers_near(uuid)", "kept_apart_from(uuid)", "is_recused(uuid, uuid)"])
async def test_the_api_is_told_nothing_about_anybody(owner: asyncpg.Connection, function: str) -> None:
    assert not await owner.fetchval("select has_function_privilege('aid_api', $1, 'execute')", function)


async def test_whose_number_is_near_is_said_of_the_caller_alone(api: Database, world: World, town: Town) -> None:
    clerk, relative, stranger = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(3)]
    await declared(world, clerk, relative)
    index = world.keyring.blind_index("person.id_number", relative.id_number)
    found = []
    for each in (clerk, relative, stranger):
        async with api.begin(Sight("staff", each.id, (town.city.id,))) as transaction:
            found.append(await transaction.value(NEAR, asked=index))
    assert found == [True, True, False]
