"""Two files that look like one: found by the jobs, shown as far as the reach goes, judged by people."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.jobs.duplicates.search import Tally, look_at, search
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.identifiers import check_digit
from app.people.tables import BankCard
from tests import make
from tests.calling import every_item
from tests.http.refusals import refused
from tests.make import Someone, Town, World

PATH = "/staff/duplicates"
_DAYS = count(100, 401)


def mistyped(number: str) -> str:
    """One digit of the year wrong, and the check digit made right."""
    wrong = number[:9] + str((int(number[9]) + 1) % 10) + number[10:17]
    return wrong + check_digit(wrong)


def birthday() -> date:
    """One that no other test's people have."""
    return date(1950, 1, 1) + timedelta(days=next(_DAYS))


@dataclass(frozen=True)
class Pair:
    """The same person filed in unit 0 of the first district and in unit 2 of the second."""

    town: Town
    here: UUID
    there: UUID
    first: Someone
    second: Someone


async def filed(world: World, someone: Someone, unit: Any, number: str, name: str, **given: Any) -> UUID:
    head = {"name": name, "id_number": number, "health": "weak"}
    return await world.household(someone, unit, head=head, members=[], address="龙湖区金霞街道", **given)


async def alike(world: World, *, name: str = "陈晓明", other: str = "陈小鸣") -> Pair:
    town = await world.town()
    one, two = await world.person(name=name, born=birthday()), await world.person(name=other)
    here = await filed(world, one, town.units[0], one.id_number, name)
    there = await filed(world, two, town.units[2], mistyped(one.id_number), other)
    return Pair(town, here, there, one, two)


async def compared(world: World, background: Jobs, **names: str) -> Pair:
    """Two files that look alike, after the worker process has looked at both."""
    pair = await alike(world, **names)
    await look_at(background, pair.here)
    await look_at(background, pair.there)
    return pair


async def listed(client: httpx.AsyncClient, who: Someone, state: str = "open") -> list[dict[str, Any]]:
    items = await every_item(client, PATH, by=who, state=state)
    counted = await client.get(f"{PATH}/count?state={state}", headers=who.headers)
    assert counted.json() == {"count": len(items)}
    return items


async def judge(
    client: httpx.AsyncClient, who: Someone, flag: dict[str, Any], action: str, note: str | None = "已电话核对"
) -> httpx.Response:
    headers = who.headers | make.keyed() | {"If-Match": f'"{flag["version"]}"'}
    return await client.post(f"{PATH}/{flag['id']}/actions", json={"action": action, "note": note}, headers=headers)


async def test_a_homophone_with_a_mistyped_number_is_found_when_the_file_moves(
    client: httpx.AsyncClient, world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    pair = await compared(world, background)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[0])

    [flag] = await listed(client, reviewer)

    assert flag["state"] == "open"
    assert [reason["code"] for reason in flag["reasons"]] == ["near_number_sounding_name"]
    assert flag["score"] == 70
    ours, theirs = (flag["a"], flag["b"]) if flag["a"]["in_reach"] else (flag["b"], flag["a"])
    assert (ours["household_id"], ours["head_masked"]) == (str(pair.here), "陈*明")
    beyond = {"in_reach": False, "organisation": pair.town.units[2].name, "people": []}
    assert theirs == beyond | dict.fromkeys(("household_id", "number", "state", "head_masked"))
    kept = await owner.fetchval("select string_agg(f::text, '') from duplicate_flag f where id = $1", UUID(flag["id"]))
    for said in (pair.first.id_number, "陈晓明", "陈小鸣"):
        assert said not in kept


async def test_the_city_sees_both_sides_masked_and_the_look_is_recorded(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    pair = await alike(world)
    await look_at(background, pair.there)
    await look_at(background, pair.here)
    city = await world.staff(Role.CITY_REVIEWER, pair.town.city)
    [flag] = await listed(client, city)

    answer = await client.get(f"{PATH}/{flag['id']}", headers=city.headers)

    shown = answer.json()
    assert answer.headers["etag"] == f'"{flag["version"]}"'
    assert {shown[side]["household_id"] for side in "ab"} == {str(pair.here), str(pair.there)}
    assert {shown[side]["people"][0]["name_masked"] for side in "ab"} == {"陈*明", "陈*鸣"}
    assert pair.first.id_number not in answer.text
    assert sorted(shown["open_actions"]) == ["different", "same"]
    seen = (await client.get("/me/access_log", headers=pair.first.headers)).json()
    assert "duplicate.opened" in str(seen)


async def test_elsewhere_and_at_the_owners_own_desk_there_is_no_such_pair(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    pair = await compared(world, background)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[0])
    [flag] = await listed(client, reviewer)
    other_town = await world.town()
    stranger = await world.staff(Role.CITY_REVIEWER, other_town.city)
    beside = await world.staff(Role.UNIT_CHAIR, pair.town.units[1])

    for who in (stranger, beside):
        assert await listed(client, who) == []
        refused(await client.get(f"{PATH}/{flag['id']}", headers=who.headers), 404, "duplicate_not_found")
    refused(await judge(client, stranger, flag, "same"), 404, "duplicate_not_found")
    for role in (Role.UNIT_CLERK, Role.AUDITOR):
        reader = await world.staff(role, pair.town.city)
        assert [each["id"] for each in await listed(client, reader)] == [flag["id"]]
        refused(await judge(client, reader, flag, "same"), 403, "not_allowed")
    for role in (Role.SYSTEM_ADMIN, Role.PUBLICITY_EDITOR):
        admin = await world.staff(role, pair.town.city)
        refused(await client.get(PATH, headers=admin.headers), 403, "not_allowed")


async def test_nobody_sees_or_judges_a_suspicion_about_their_own_file(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    town = await world.town()
    one = await world.staff(Role.DISTRICT_REVIEWER, town.districts[1], name="陈晓明", born=birthday())
    two = await world.person(name="陈小鸣")
    here = await filed(world, one, town.units[0], one.id_number, "陈晓明")
    await filed(world, two, town.units[2], mistyped(one.id_number), "陈小鸣")
    async for _ in search(background):
        pass
    city = await world.staff(Role.CITY_REVIEWER, town.city)
    flags = [each for each in await listed(client, city) if str(here) in str(each)]
    assert len(flags) == 1
    assert [each for each in await listed(client, one) if str(here) in str(each) or "陈" in str(each["b"])] == []
    refused(await client.get(f"{PATH}/{flags[0]['id']}", headers=one.headers), 404, "duplicate_not_found")


async def test_same_hints_at_a_merger_and_wants_a_note_and_the_version(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    pair = await compared(world, background)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[1])
    [flag] = await listed(client, reviewer)

    problem = refused(await judge(client, reviewer, flag, "same", note=None), 422, "invalid")
    assert problem["errors"][0]["pointer"] == "/note"
    stale = flag | {"version": flag["version"] + 5}
    refused(await judge(client, reviewer, stale, "same"), 412, "stale_version")
    answer = await judge(client, reviewer, flag, "same")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["hint"]) == ("same", "merge")
    again = flag | {"version": answer.json()["version"]}
    refused(await judge(client, reviewer, again, "different"), 409, "not_allowed_now")
    await look_at(background, pair.here)
    assert [each["id"] for each in await listed(client, reviewer, "same")] == [flag["id"]]


async def test_different_is_remembered_until_either_file_says_something_else(
    client: httpx.AsyncClient, world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    pair = await compared(world, background)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[0])
    [flag] = await listed(client, reviewer)
    assert (await judge(client, reviewer, flag, "different")).status_code == 200

    await look_at(background, pair.here)
    await look_at(background, pair.there)
    assert await listed(client, reviewer) == []

    await rewrite(world, owner, pair.here, pair.first, name="陈晓铭")
    await look_at(background, pair.here)
    [again] = await listed(client, reviewer)
    assert again["id"] == flag["id"]
    assert again["version"] > flag["version"] + 1
    shown = (await client.get(f"{PATH}/{flag['id']}", headers=reviewer.headers)).json()
    assert shown["note"] is None


async def rewrite(world: World, owner: asyncpg.Connection, file: UUID, someone: Someone, *, name: str) -> None:
    head = {"name": name, "id_number": someone.id_number, "health": "weak"}
    form = make.household_form(someone, members=[], head=head)
    sealed = world.keyring.seal_document("household.form", file, form)
    await owner.execute("update household set form = $1 where id = $2", sealed, file)


@pytest.mark.parametrize("change", ["corrected", "died", "with its owner"])
async def test_a_flag_clears_itself_when_its_cause_goes(
    client: httpx.AsyncClient, world: World, background: Jobs, owner: asyncpg.Connection, change: str
) -> None:
    pair = await compared(world, background)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[0])
    [flag] = await listed(client, reviewer)

    if change == "corrected":
        await rewrite(world, owner, pair.here, pair.first, name="林大海")
    else:
        state = "withdrawn" if change == "died" else "returned"
        await owner.execute("update household set state = $1 where id = $2", state, pair.here)
    await look_at(background, pair.here)

    assert await listed(client, reviewer) == []
    assert [each["id"] for each in await listed(client, reviewer, "cleared")] == [flag["id"]]
    if change == "died":
        assert await owner.fetchval("select count(*) from duplicate_key where household_id = $1", pair.here) == 0


async def test_of_two_files_that_move_at_once_the_pair_is_found_once(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    for _ in range(5):
        pair = await alike(world)
        await asyncio.gather(*(look_at(background, each) for each in (pair.here, pair.there, pair.here, pair.there)))
        reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[0])
        assert len(await listed(client, reviewer)) == 1


async def test_a_shared_card_and_telephone_are_no_suspicion_and_with_a_birthday_they_are(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    town = await world.town()
    born = birthday()
    people = [await world.person(name=name, born=born) for name in ("黄伟", "黄炜", "林大海")]
    for someone in people:
        await world.insert(
            BankCard, id=make.new_id(), created_at=make.NOW, person_id=someone.id, holder=b"-", number=b"-",
            number_index=b"card" + town.city.id.bytes, number_masked="*", bank_name="-", state="current",
        )  # fmt: skip
    files = [await filed(world, each, town.units[0], each.id_number, each.name) for each in people]
    for each in files:
        await look_at(background, each)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    flags = await listed(client, reviewer)
    assert len(flags) == 1
    assert {flags[0][side]["household_id"] for side in "ab"} == {str(files[0]), str(files[1])}
    # Their numbers follow each other, unless a thousand ends between the two.
    said = {reason["code"] for reason in flags[0]["reasons"]}
    assert said in ({"near_serial_sounding_name", "card"}, {"birth_sounding_name", "card"})


async def test_the_whole_search_finds_what_no_fact_told_and_is_the_same_twice(
    client: httpx.AsyncClient, world: World, background: Jobs, owner: asyncpg.Connection
) -> None:
    pair = await alike(world, name="欧阳靖远", other="欧阳静远")
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, pair.town.districts[0])
    first = await all_of(background)
    [flag] = await listed(client, reviewer)
    second = await all_of(background)
    assert await listed(client, reviewer) == [flag | {"seen_at": (await listed(client, reviewer))[0]["seen_at"]}]
    assert first.flagged == second.flagged >= 1
    assert first.seen == first.total == second.total
    await owner.execute("update household set state = 'withdrawn' where id = $1", pair.there)
    third = await all_of(background)
    assert third.cleared >= 1
    assert await listed(client, reviewer) == []


async def all_of(background: Jobs) -> Tally:
    tally = Tally()
    async for reached in search(background):
        tally = reached
    return tally


async def test_the_api_reads_no_key_and_a_worker_no_suspicion(
    world: World, background: Jobs, client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    assert not await owner.fetchval("select has_table_privilege('aid_api', 'duplicate_key', 'select')")
    pair = await compared(world, background)
    refused(await client.get(PATH, headers=pair.first.headers), 403, "not_allowed")
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute("select set_config('app.door', 'worker', true), set_config('app.person', $1, true)",
                            str(pair.first.id))  # fmt: skip
        assert await owner.fetchval("select count(*) from duplicate_flag") == 0
