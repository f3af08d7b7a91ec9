"""A household file is offered to another union, which takes it or not."""

import asyncio
from collections import Counter
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.kernel.actor import Role
from tests.http.household_acts import act, offer, reply, seen
from tests.make import Someone, Town, World


async def test_a_file_moves_when_the_other_union_takes_it(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone = await world.person(home=town.units[0])
    file = await world.household(someone, town.units[0])
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    twice = await offer(client, office["clerk"], file, town.units[3])
    assert (twice.status_code, twice.json()["code"]) == (409, "transfer_open")
    assert (await client.get(f"/staff/households/{file}", headers=there.headers)).status_code == 404
    listed = (await client.get("/staff/households/transfers", headers=there.headers)).json()["items"]
    assert [(each["id"], each["from_organisation"]) for each in listed] == [(offered["id"], town.units[0].name)]
    assert someone.name not in str(listed)
    assert (await reply(client, office["clerk"], offered, "accept")).status_code == 403
    taken = await reply(client, there, offered, "accept")
    assert (taken.status_code, taken.json()["state"]) == (200, "accepted"), taken.text
    assert (await client.get(f"/staff/households/{file}", headers=office["clerk"].headers)).status_code == 404
    shown = (await client.get(f"/staff/households/{file}", headers=there.headers)).json()
    assert (shown["opinions"][-1]["action"], shown["opinions"][-1]["organisation"]) == ("transfer", town.units[2].name)
    me = (await client.get("/me", headers=someone.headers)).json()
    assert me["organisation"]["code"] == town.units[2].code if "organisation" in me else True
    again = await reply(client, there, taken.json(), "accept")
    assert (again.status_code, again.json()["code"]) == (409, "transfer_ended")
    fact = await owner.fetchval(
        "select body from out_message where name = 'HouseholdMoved' and body ->> 'household_id' = $1 "
        "order by id desc limit 1", str(file),
    )  # fmt: skip
    assert orjson.loads(fact)["action"] == "transfer"


@pytest.mark.parametrize("action", ["refuse", "withdraw"])
async def test_an_offer_that_is_not_taken_leaves_everything_as_it_was(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], action: str
) -> None:
    file = await world.household(await world.person(), town.units[0])
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    stranger = await world.staff(Role.UNIT_CLERK, town.units[3])
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    assert (await reply(client, stranger, offered, "accept")).status_code == 404
    by = {"refuse": there, "withdraw": office["clerk"]}[action]
    assert (await reply(client, by, offered, action)).status_code == 200
    shown = await client.get(f"/staff/households/{file}", headers=office["clerk"].headers)
    assert (shown.status_code, shown.json()["version"]) == (200, 1)
    assert (await offer(client, office["clerk"], file, town.units[2])).status_code == 201


async def test_a_file_goes_to_a_basic_union_of_the_city_and_no_other(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0])
    elsewhere = (await world.town()).units[0]
    for to, code in (
        (town.districts[1], "organisation_not_basic"),
        (town.units[0], "organisation_not_basic"),
        (elsewhere, "organisation_not_here"),
    ):
        refused = await offer(client, office["clerk"], file, to)
        assert refused.json()["errors"][0]["code"] == code
    out = await act(client, office["district"], seen(file), action="transfer_out", note="随单位迁往广州")
    assert out.json()["state"] == "transferred"


async def test_of_taking_refusing_and_taking_back_at_once_one_counts(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    for _ in range(6):
        file = await world.household(await world.person(), town.units[0])
        offered = (await offer(client, office["clerk"], file, town.units[2])).json()
        answers = await asyncio.gather(
            reply(client, there, offered, "accept"),
            reply(client, there, offered, "refuse"),
            reply(client, office["clerk"], offered, "withdraw"),
        )
        counted = Counter(answer.status_code for answer in answers)
        assert counted[200] == 1, [answer.text for answer in answers]
        state = await owner.fetchval("select state from household_transfer where id = $1", UUID(offered["id"]))
        unit = await owner.fetchval("select unit_id from household where id = $1", file)
        assert unit == (town.units[2].id if state == "accepted" else town.units[0].id)
