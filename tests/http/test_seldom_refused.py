"""Refusals that few people ever meet, each with its sentence: what they do instead, they are told."""

import httpx

from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.calling import post
from tests.forms import filing, household_form
from tests.http.change_requests import ask, placed
from tests.http.household_acts import act, merge, seen
from tests.http.refusals import refused
from tests.make import Someone, Town, World

CARD = {"holder": "陈小明", "number": "6222021234567890128", "bank_name": "中国工商银行"}


async def test_a_first_card_is_bound_and_needs_no_second_person(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    place = await placed(world, town)
    card = CARD | {"holder": place.worker.name}
    refused(await ask(client, place, place.worker, kind="bank_card", bank_card=card), 409, "card_needs_no_request")
    assert (await client.put("/me/bank_card", json=card, headers=place.worker.headers)).status_code == 200


async def test_a_file_that_was_sent_back_is_changed_by_its_owner(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    worker = await world.person(home=town.units[0])
    await world.household(worker, town.units[0], state="returned")
    joins = make.member("son", name="陈小军")
    body = {"kind": "household_size", "member_joins": joins, "reason": "儿子回家居住"}
    refused(await post(client, worker, "/me/household/change_requests", body), 409, "file_with_owner")


async def test_a_household_has_as_many_members_as_a_form_has_room_for(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    full = [make.member("sibling", name=f"陈阿{number}", number=make.id_number()) for number in "一二三四五六七八九十"]
    more = [make.member("sibling", name=f"林阿{number}", number=make.id_number()) for number in "一二三四五六七八九十"]
    stays = await world.household(await world.person(), town.units[0], members=full)
    goes = await world.household(await world.person(), town.units[0], members=more)
    refused(await merge(client, office["district"], goes, stays), 409, "household_too_large")


async def test_nobody_decides_about_the_household_of_a_relative_that_they_declared(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    cousin = await world.person(home=town.units[0])
    file = await world.household(cousin, town.units[0], state="submitted")
    relative = {"name": cousin.name, "id_number": cousin.id_number, "relation": "collateral"}
    assert (await post(client, clerk, "/me/relatives", relative)).status_code == 201
    refused(await act(client, clerk, seen(file), action="accept"), 403, "related_to_household")


async def test_what_was_filled_in_for_somebody_does_not_replace_what_they_wrote_themselves(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    unit = town.units[0]
    worker, clerk = await world.person(home=unit), await world.staff(Role.UNIT_CLERK, unit)
    assert (await post(client, clerk, "/staff/proxy_households", filing(worker, unit))).status_code == 201
    own = await client.put("/me/household", json=household_form(worker), headers=worker.headers)
    assert own.status_code == 200, own.text
    refused(await post(client, worker, "/me/household/confirm_proxy", version=1), 409, "household_exists")


async def test_a_change_to_what_is_there_already_is_none(client: httpx.AsyncClient, world: World, town: Town) -> None:
    place = await placed(world, town)
    same = {"name": place.worker.name, "id_number": place.worker.id_number}
    refused(await ask(client, place, place.worker, kind="identity", field="/head", **same), 409, "nothing_changes")


async def test_nobody_decides_about_a_budget_that_was_not_proposed(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    leader = await world.staff(Role.CITY_LEADER, town.city)
    answer = await post(client, leader, f"/staff/allocations/{new_id()}/actions", {"action": "approve"}, 1)
    refused(answer, 404, "allocation_not_found")
