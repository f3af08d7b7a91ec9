"""Staff deal with nobody's file in whose household they live themselves."""

from uuid import UUID

import asyncpg
import httpx

from app.kernel.actor import Role
from tests import make
from tests.calling import every_item
from tests.http.household_acts import LIFTED, act, merge, offer, propose, put, reply, seen, split
from tests.http.refusals import refused
from tests.make import Someone, Town, World


async def with_member(world: World, town: Town, relative: Someone, **given: object) -> UUID:
    members = [make.member("spouse", number=relative.id_number, name=relative.name)]
    return await world.household(await world.person(), town.units[0], members=members, **given)  # type: ignore[arg-type]


async def waiting(client: httpx.AsyncClient, by: Someone) -> set[str]:
    return {item["household_id"] for item in await every_item(client, "/staff/households/tasks", by=by)}


async def test_the_file_of_ones_own_household_waits_for_others_and_is_refused(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    relative, colleague = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(2)]
    file = await with_member(world, town, relative, state="submitted")
    other = await world.household(await world.person(), town.units[0], state="submitted")
    assert str(file) in await waiting(client, colleague)
    seen_by_relative = await waiting(client, relative)
    assert str(other) in seen_by_relative
    assert str(file) not in seen_by_relative
    refused(await act(client, relative, seen(file), action="accept"), 403, "member_of_household")
    assert await owner.fetchval("select version from household where id = $1", file) == 1
    assert (await act(client, relative, seen(other), action="accept")).status_code == 200
    assert (await act(client, colleague, seen(file), action="accept")).status_code == 200


async def test_who_has_moved_out_is_a_relative_no_more(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    once = await world.staff(Role.UNIT_CLERK, town.units[0])
    file = await with_member(world, town, once, state="submitted")
    index = world.keyring.blind_index("person.id_number", once.id_number)
    await owner.execute("update household_member set living = false where id_number_index = $1", index)
    assert str(file) in await waiting(client, once)
    assert (await act(client, once, seen(file), action="accept")).status_code == 200


async def test_nor_is_it_corrected_left_merged_split_or_moved_by_them(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    district = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    there = await world.staff(Role.UNIT_CLERK, town.units[1])
    members = [make.member("son", number=each.id_number, name=each.name) for each in (clerk, district, there)]
    file = await world.household(await world.person(), town.units[0], members=members)
    other = await world.household(await world.person(), town.units[0])
    office = {"clerk": clerk}
    answers = [
        await put(client, clerk, seen(file), "form", form={"address": "新地址"}, reason="更正"),
        await propose(client, world, office, seen(file), LIFTED),
        await offer(client, clerk, file, town.units[1]),
        await split(client, district, file, 0),
        await merge(client, district, file, other),
        await merge(client, district, other, file),
        await put(client, district, seen(file), "class", category="deep", archive_level="county"),
    ]
    for answer in answers:
        refused(answer, 403, "member_of_household")
    colleague = await world.staff(Role.UNIT_CLERK, town.units[0])
    offered = (await offer(client, colleague, file, town.units[1])).json()
    refused(await reply(client, there, offered, "accept"), 403, "member_of_household")
    taken = await reply(client, await world.staff(Role.UNIT_CLERK, town.units[1]), offered, "accept")
    assert taken.status_code == 200, taken.text
