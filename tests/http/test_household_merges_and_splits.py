"""Two files of one household become one, and one file of two households becomes two."""

import asyncio
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.http.household_acts import merge, of, save, split, submit
from tests.make import Someone, Town, World


async def test_two_files_of_one_household_become_one(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    first, second = await world.person(name="陈大明"), await world.person(name="陈二明")
    stays = await world.household(first, town.units[0], members=[make.member()])
    goes = await world.household(second, town.units[1], members=[make.member("son")])
    moved = await merge(client, office["district"], goes, stays)
    assert (moved.status_code, moved.json()["state"]) == (200, "cancelled"), moved.text
    gone = await owner.fetchrow("select cancel_code, merged_into_id from household where id = $1", goes)
    assert tuple(gone) == ("duplicate", stays)
    shown = (await client.get(f"/staff/households/{stays}", headers=office["district"].headers)).json()
    assert [member["relation"] for member in shown["members"]] == ["daughter", "sibling", "other"]
    living = "select household_id, count(*) from household_member where household_id = any($1) and living group by 1"
    assert [tuple(row) for row in await owner.fetch(living, [stays, goes])] == [(stays, 4)]
    assert shown["opinions"][-1]["action"] == "take_in"


@pytest.mark.parametrize(
    ("state", "code"), [("district_review", "other_file_not_standing"), ("draft", "household_not_found")]
)
async def test_only_what_stands_takes_another_in(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], state: str, code: str
) -> None:
    goes = await world.household(await world.person(), town.units[0])
    stays = await world.household(await world.person(), town.units[0], state=state)
    assert (await merge(client, office["district"], goes, stays)).json()["code"] == code
    itself = await merge(client, office["district"], goes, goes)
    assert itself.json()["errors"][0]["code"] == "merge_into_itself"
    abroad = await world.household(await world.person(), town.units[2])
    assert (await merge(client, office["district"], goes, abroad)).status_code == 404


async def test_of_two_merges_that_cross_one_is_done(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    leader = await world.staff(Role.DISTRICT_LEADER, town.districts[0])
    for _ in range(5):
        one, two = [await world.household(await world.person(), town.units[0]) for _ in range(2)]
        answers = await asyncio.gather(merge(client, office["district"], one, two), merge(client, leader, two, one))
        assert sorted(answer.status_code for answer in answers) == [200, 412], [a.text for a in answers]
        states = await owner.fetch("select state from household where id = any($1)", [one, two])
        assert sorted(row["state"] for row in states) == ["active", "cancelled"]


async def test_members_leave_into_a_file_of_their_own(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    someone, son = await world.person(), await world.person(name="陈小军")
    members = [make.member("spouse"), make.member("son", number=son.id_number, name=son.name), make.member()]
    file = await world.household(someone, town.units[0], members=members)
    parted = await split(client, office["district"], file, 1, 2)
    assert parted.status_code == 200, parted.text
    new = UUID(parted.json()["new_household_id"])
    mine = (await client.get("/me/household", headers=son.headers)).json()
    assert (mine["id"], mine["state"], mine["form"]["head"]["name"]) == (str(new), "draft", son.name)
    assert "/members/0/relation" in {warning["pointer"] for warning in mine["warnings"]}
    assert await owner.fetchval("select split_from_id from household where id = $1", new) == file
    living = "select count(*) from household_member where household_id = $1 and living"
    assert [await owner.fetchval(living, each) for each in (file, new)] == [2, 2]
    shown = (await client.get(f"/staff/households/{file}", headers=office["district"].headers)).json()
    assert [member["relation"] for member in shown["members"]] == ["spouse"]
    # Those who left belong to the new file at once, although it is a draft.
    other = await world.person()
    saved = await save(client, other, of(other, town.units[0], members=[members[2]]))
    assert (await submit(client, other, saved.headers["etag"])).json()["code"] == "member_elsewhere"
    saved = await save(client, son, of(son, town.units[0], members=[members[2]]), '"1"')
    assert (await submit(client, son, saved.headers["etag"])).status_code == 200


async def test_a_new_head_is_a_person_who_can_have_a_file(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0])
    assert (await split(client, office["district"], file, 0)).json()["code"] == "new_head_not_registered"
    assert (await split(client, office["district"], file, 7)).json()["errors"][0]["code"] == "member_unknown"
    assert (await split(client, office["district"], file, 0, 0)).json()["errors"][0]["code"] == "member_unknown"
    son = await world.person()
    await save(client, son, of(son, town.units[0]))
    members = [make.member("son", number=son.id_number)]
    file = await world.household(await world.person(), town.units[0], members=members)
    assert (await split(client, office["district"], file, 0)).json()["code"] == "new_head_has_file"
