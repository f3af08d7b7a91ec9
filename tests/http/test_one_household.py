"""One living household for a person, one living membership for an identity number: whatever happens at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.sealing import Keyring
from app.households.members import ID_NUMBER, belongings
from app.households.queries import FORM
from app.kernel.actor import Role
from tests import make
from tests.http import household_notices
from tests.http.household_acts import CANCELLED, act, merge, of, offer, propose, reply, save, split, submit
from tests.make import Someone, Town, World

SCHEDULES = 8
Deed = Callable[[], Awaitable[httpx.Response]]


async def at_once(schedule: int, *deeds: Deed) -> list[httpx.Response]:
    """All begun within a few milliseconds, in an order and at distances that the schedule tells."""
    rng = random.Random(schedule)
    delays = [rng.random() * rng.choice((0, 0.002, 0.01)) for _ in deeds]

    async def later(deed: Deed, delay: float) -> httpx.Response:
        await asyncio.sleep(delay)
        return await deed()

    answers = await asyncio.gather(*(later(deed, delay) for deed, delay in zip(deeds, delays, strict=True)))
    assert {answer.status_code for answer in answers} <= {200, 201, 403, 404, 409, 412, 428}, [a.text for a in answers]
    return list(answers)


async def sound(owner: asyncpg.Connection, keyring: Keyring, *numbers: str) -> dict[str, int]:
    """How many living memberships each number has; and every file that stands holds just those whom it names."""
    indexes = {keyring.blind_index(ID_NUMBER, number): number for number in numbers}
    rows = await owner.fetch(
        "select id_number_index, household_id from household_member where living and id_number_index = any($1)",
        list(indexes),
    )
    for household_id in {row["household_id"] for row in rows}:
        file = await owner.fetchrow("select * from household where id = $1", household_id)
        if file["state"] == "draft":
            continue
        held = await owner.fetch(
            "select id_number_index from household_member where living and household_id = $1", household_id
        )
        form = keyring.open_document(FORM, household_id, file["form"])
        named = {keyring.blind_index(ID_NUMBER, each.id_number) for each in belongings(form)}
        assert {row["id_number_index"] for row in held} == named
    twice = await owner.fetchval(
        "select count(*) from (select 1 from household where state not in "
        "('rejected','withdrawn','lifted','cancelled','transferred') group by person_id having count(*) > 1) t"
    )
    assert twice == 0
    counted = Counter(indexes[row["id_number_index"]] for row in rows)
    return {number: counted[number] for number in numbers}


async def drafted(client: httpx.AsyncClient, world: World, town: Town, *members: dict[str, Any]) -> Deed:
    someone = await world.person()
    saved = await save(client, someone, of(someone, town.units[0], members=list(members)))
    return lambda: submit(client, someone, saved.headers["etag"])


@pytest.mark.parametrize("schedule", range(SCHEDULES))
async def test_of_many_who_name_the_same_member_one_is_first(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection, keyring: Keyring, schedule: int
) -> None:
    # Two children in both orders: nobody waits in a ring.
    one, two = make.member("son"), make.member()
    deeds = [await drafted(client, world, town, *(pair)) for pair in ((one, two), (two, one), (one,), (two, one))]
    answers = await at_once(schedule, *deeds)
    counted = await sound(owner, keyring, one["id_number"], two["id_number"])
    assert max(counted.values()) == 1
    filed = [answer for answer in answers if answer.status_code == 200]
    assert 1 <= len(filed) <= 2
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"member_elsewhere"}


@pytest.mark.parametrize("schedule", range(SCHEDULES))
async def test_a_split_and_a_submission_want_the_same_member(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    keyring: Keyring, schedule: int,
) -> None:  # fmt: skip
    head, child = await world.person(), make.member()
    members = [make.member("son", number=head.id_number), child]
    file = await world.household(await world.person(), town.units[0], members=members)
    rival = await drafted(client, world, town, child)
    answers = await at_once(schedule, lambda: split(client, office["district"], file, 0, 1), rival)
    assert [answer.status_code for answer in answers] == [200, 409]
    assert await sound(owner, keyring, child["id_number"], head.id_number) == {child["id_number"]: 1, head.id_number: 1}


@pytest.mark.parametrize("schedule", range(SCHEDULES))
async def test_a_head_opens_a_file_while_they_are_split_off(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    keyring: Keyring, schedule: int,
) -> None:  # fmt: skip
    head = await world.person()
    file = await world.household(
        await world.person(), town.units[0], members=[make.member("son", number=head.id_number)]
    )
    answers = await at_once(
        schedule,
        lambda: split(client, office["district"], file, 0),
        lambda: save(client, head, of(head, town.units[0])),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 428]), [a.text for a in answers]
    assert await sound(owner, keyring, head.id_number) == {head.id_number: 1}


@pytest.mark.parametrize("schedule", range(SCHEDULES))
async def test_two_files_merge_while_a_third_names_their_member(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    keyring: Keyring, schedule: int,
) -> None:  # fmt: skip
    child, leader = make.member(), await world.staff(Role.DISTRICT_LEADER, town.districts[0])
    goes = await world.household(await world.person(), town.units[0], members=[child])
    stays, other = [await world.household(await world.person(), town.units[1], members=[]) for _ in range(2)]
    rival = await drafted(client, world, town, child)
    answers = await at_once(
        schedule,
        lambda: merge(client, office["district"], goes, stays),
        lambda: merge(client, leader, goes, other),
        rival,
    )
    statuses = [answer.status_code for answer in answers]
    assert (sorted(statuses[:2]), statuses[2]) == ([200, 412], 409), [answer.text for answer in answers]
    assert await sound(owner, keyring, child["id_number"]) == {child["id_number"]: 1}


@pytest.mark.parametrize("schedule", range(SCHEDULES))
async def test_a_file_is_cancelled_while_it_moves(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    schedule: int,
) -> None:  # fmt: skip
    file = await world.household(await world.person(), town.units[0])
    there = await world.staff(Role.UNIT_CLERK, town.units[2])
    offered = (await offer(client, office["clerk"], file, town.units[2])).json()
    answers = await at_once(
        schedule,
        lambda: reply(client, there, offered, "accept"),
        lambda: act(client, office["district"], {"id": file, "version": 1}, action="transfer_out", note="迁往外地"),
    )
    assert sorted(answer.status_code == 200 for answer in answers) == [False, True], [a.text for a in answers]
    row = await owner.fetchrow("select state, unit_id from household where id = $1", file)
    offer_state = await owner.fetchval("select state from household_transfer where id = $1", UUID(offered["id"]))
    moved = (row["state"], row["unit_id"], offer_state)
    assert moved in (
        ("active", town.units[2].id, "accepted"),
        ("transferred", town.units[0].id, "withdrawn"),
    )


@pytest.mark.parametrize("schedule", range(SCHEDULES))
async def test_who_comes_back_has_one_file_and_takes_nobody_from_another(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    keyring: Keyring, schedule: int,
) -> None:  # fmt: skip
    someone, child = await world.person(), make.member()
    file = await world.household(someone, town.units[0], members=[child])
    moved = (await propose(client, world, office, {"id": file, "version": 1}, CANCELLED)).json()
    await act(client, office["district"], moved, action="approve")
    rival = await drafted(client, world, town, child)
    await asyncio.gather(household_notices.end(world, file), rival())  # the child is free only once the file is left
    form = of(someone, town.units[0], members=[child])
    saved = await at_once(schedule, *[lambda: save(client, someone, form)] * 4)
    assert Counter(answer.status_code for answer in saved) == {200: 1, 428: 3}
    back = next(answer for answer in saved if answer.status_code == 200)
    assert back.json()["previous_id"] == str(file)
    await submit(client, someone, back.headers["etag"])
    assert (await sound(owner, keyring, child["id_number"]))[child["id_number"]] == 1


async def test_an_exact_hit_tells_the_union_that_keeps_the_file_and_nothing_of_it(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    child, keeper = make.member(name="陈天佑"), await world.person(name="司徒雷登")
    file = await world.household(keeper, town.units[3], members=[child])
    someone = await world.person()
    saved = await save(client, someone, of(someone, town.units[0], members=[child]))
    refused = await submit(client, someone, saved.headers["etag"])
    told = refused.json()
    assert (refused.status_code, told["code"]) == (409, "member_elsewhere")
    assert told["organisation"] == town.units[3].name
    assert set(told) == {"type", "title", "status", "code", "detail", "request_id", "organisation"}
    number = await owner.fetchval("select number from household where id = $1", file)
    for secret in (child["id_number"], keeper.name, keeper.id_number, number, str(file), str(keeper.id)):
        assert secret not in refused.text
