"""An identity number that two people have corrected is the right one wherever somebody is found by it."""

from dataclasses import replace
from datetime import date

import asyncpg
import httpx
import pytest

from app.covers.queries import of_holder
from app.db.sealing import Keyring
from tests import make
from tests.discrepancies.making import working
from tests.http.change_requests import Place, ask, decide
from tests.make import World


@pytest.mark.parametrize("field", ["/head", "/members/1"])
async def test_the_covers_of_a_corrected_number_are_found_by_the_right_one(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection, keyring: Keyring, field: str
) -> None:
    form = (await client.get("/me/household", headers=place.worker.headers)).json()["form"]
    person = form["head"] if field == "/head" else form["members"][1]
    wrong, right = person["id_number"], make.id_number()
    indexes = [keyring.blind_index("person.id_number", number) for number in (wrong, right)]
    elsewhere = (await world.town()).units[0]  # whoever enrolled them: nobody at this desk reaches it
    holder = replace(place.worker, id_number=wrong)
    first = await world.cover(holder, elsewhere)
    twice, found = [await world.cover(replace(holder, id_number=number), elsewhere, starts_on=date(2024, 1, 1))
                    for number in (wrong, right)]  # fmt: skip
    identity = {"kind": "identity", "field": field, "name": person["name"], "id_number": right}
    asked = await ask(client, place, place.clerk, **identity)
    assert asked.status_code == 201, asked.text
    assert (await decide(client, place.chair, asked.json())).status_code == 200
    async with working(world) as work:
        assert {row["id"] for row in await of_holder(work.transaction, indexes[1])} == {first, found}
        assert [row["id"] for row in await of_holder(work.transaction, indexes[0])] == [twice]
    living = "select household_id from household_member where id_number_index = $1 and living"
    assert [await owner.fetchval(living, index) for index in indexes] == [None, place.household_id]
    audited = "select subject_id from audit_entry where action = 'cover.holder_corrected' and subject_id = any($1)"
    assert [row["subject_id"] for row in await owner.fetch(audited, [first, twice, found])] == [first]


async def test_covers_do_not_follow_without_a_request_nor_from_somebody_whose_number_it_is(
    world: World, place: Place, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    cover = await world.cover(place.worker, place.town.units[0])
    was, becomes = (keyring.blind_index("person.id_number", n) for n in (place.worker.id_number, make.id_number()))
    assert await owner.fetch("select covers_follow($1, $2, $3)", cover, was, becomes) == []
    kept = await owner.fetchval("select id_number_index from cover where id = $1", cover)
    assert kept == was
