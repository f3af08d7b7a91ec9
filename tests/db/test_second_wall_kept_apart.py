"""What the functions that know who is near whom tell to whom."""

import asyncpg
import pytest

from app.applications.path import Action
from app.db.database import Database
from app.db.statements import Statement
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.proxy_filings.tables import ProxyFiling
from tests import make
from tests.make import Town, World
from tests.relatives.making import declared, sign

FACTS = Statement("select facts_of_staff($1, $2)", ("asked", "today"), {})
NEAR = Statement("select is_near_number($1)", ("asked",), {})
HELPED = Statement("select has_helped($1)", ("asked",), {})


async def test_facts_are_told_only_while_somebody_comes_in(api: Database, world: World, town: Town) -> None:
    clerk, relative = await world.staff(Role.UNIT_CLERK, town.units[0]), await world.person()
    await declared(world, clerk, relative)
    for sight in (Sight("staff", clerk.id, (town.city.id,)), Sight("worker", clerk.id), Sight("public")):
        async with api.begin(sight) as transaction:
            assert await transaction.value(FACTS, asked=clerk.id, today=make.TODAY) is None
    async with api.begin(Sight("sign_in")) as transaction:
        facts = await transaction.value(FACTS, asked=clerk.id, today=make.TODAY)
    assert facts == {"near": [str(relative.id)], "homes": [], "away": [str(relative.id)], "lent": [], "lifted": []}


@pytest.mark.parametrize(
    "function", ["numbers_near(uuid)", "kept_apart_from(uuid)", "is_recused(uuid, uuid)", "keep_file_apart()"]
)
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


async def test_who_helped_somebody_on_paper_is_said_of_the_caller_and_those_near_alone(
    api: Database, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """Wherever it was and whatever they see of it; also of a number that was put right since."""
    worker = await world.person()
    drafter, confirmer, helper, relative, stranger = [
        await world.staff(Role.UNIT_CLERK, town.units[0], consents=()) for _ in range(5)
    ]
    index = world.keyring.blind_index("person.id_number", worker.id_number)
    household_id = await world.household(worker, town.units[0])
    scope = {f"{tier}_id": union for tier, union in town.units[0].ancestors.items()}
    await world.insert(
        ProxyFiling, id=new_id(), created_at=make.NOW, id_number_index=index, id_number=b"-", name=b"-",
        name_masked="*", phone=b"-", phone_masked="*", division_code="-", form=b"-", state="confirmed", version=2,
        assisted_by=drafter.id, post_role="unit_clerk", organisation_name="-", household_id=household_id,
        confirmed_by=confirmer.id, signature_file_id=new_id(), **scope,
    )  # fmt: skip
    await sign(world, await world.application(worker, town.units[0]), helper, Action.ASSIST)
    await declared(world, relative, helper)

    async def told(asked: bytes) -> list[bool]:
        found = []
        for each in (drafter, confirmer, helper, relative, stranger):
            async with api.begin(Sight("staff", each.id, (town.units[1].id,))) as transaction:
                found.append(await transaction.value(HELPED, asked=asked))
        return found

    assert await told(index) == [True, True, True, True, False]
    assert await told(world.keyring.blind_index("person.id_number", make.id_number())) == [False] * 5
    corrected = world.keyring.blind_index("person.id_number", make.id_number())
    await owner.execute("update person set id_number_index = $2 where id = $1", worker.id, corrected)
    assert await told(corrected) == [False, False, True, True, False]
