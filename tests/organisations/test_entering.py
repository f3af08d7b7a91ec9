"""Administrators enter unions under their own, rename them, and say which one receives workers without a union."""

import asyncio
import json
from collections import Counter

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.calling import every_item, post
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.organisations.making import PATH, enter, entered, entry, listed, receive, rename

MARKUP = "<script>alert(1)</script>&\"'工会"
SCOPE = "select city_id, district_id, street_id, unit_id, parent_id, tier from organisation where code = $1"
AUDITED = "select person_id, action, details from audit_entry where subject_id = $1 order by created_at, id"


@pytest.fixture
async def admin(world: World, town: Town) -> Someone:
    return await world.staff(Role.SYSTEM_ADMIN, town.city, consents=())


async def test_a_union_stands_where_its_parent_stands(
    client: httpx.AsyncClient, town: Town, admin: Someone, owner: asyncpg.Connection
) -> None:
    union = await entered(client, admin, town.streets[0], name="新厂工会")
    assert (union["name"], union["level"], union["parent_code"]) == ("新厂工会", "unit", town.streets[0].code)
    row = await owner.fetchrow(SCOPE, union["code"])
    assert tuple(row) == (
        town.city.id, town.districts[0].id, town.streets[0].id, row["unit_id"], town.streets[0].id, "unit",
    )  # fmt: skip
    assert str(row["unit_id"]) == union["id"]
    industry = await entered(client, admin, town.city, "industry")
    row = await owner.fetchrow(SCOPE, industry["code"])
    assert (row["tier"], str(row["district_id"]), row["street_id"]) == ("district", industry["id"], None)
    (audited,) = await owner.fetch(AUDITED, row["district_id"])
    assert (audited["person_id"], audited["action"]) == (admin.id, "organisation.entered")
    assert json.loads(audited["details"]) == {"code": industry["code"], "name": "新工会"}
    # And workers find it at once, whatever signs are in its code.
    dotted = await entered(client, admin, town.districts[0], code=make.unique("N_./-"), name=make.unique())
    second = await entered(client, admin, town.streets[1], code=f"{dotted['code']}.2", name=dotted["name"])
    found = await every_item(client, "/organisations", limit=1, q=dotted["name"])
    assert [each["code"] for each in found] == [dotted["code"], second["code"]]


async def test_the_same_said_twice_is_one_union(
    client: httpx.AsyncClient, town: Town, admin: Someone, owner: asyncpg.Connection
) -> None:
    body = entry(town.streets[0])
    first, second = [await post(client, admin, PATH, body) for _ in range(2)]
    assert first.json() == second.json()
    for given in ({"name": "别的工会"}, {"parent_code": town.streets[1].code}, {"division_code": "440500"}):
        refused(await post(client, admin, PATH, body | given), 409, "organisation_code_taken")
    refused(await enter(client, admin, town.districts[0], code=town.units[3].code), 409, "organisation_code_taken")
    renamed = [await rename(client, admin, first.json()["id"], "改名工会") for _ in range(2)]
    assert [answer.json()["name"] for answer in renamed] == ["改名工会"] * 2
    rows = await owner.fetch(AUDITED, first.json()["id"])
    assert [row["action"] for row in rows] == ["organisation.entered", "organisation.renamed"]
    assert json.loads(rows[1]["details"]) == {"code": body["code"], "name": "新工会", "to": "改名工会"}


async def test_of_entries_at_once_one_is_made(
    client: httpx.AsyncClient, town: Town, admin: Someone, owner: asyncpg.Connection
) -> None:
    body = entry(town.streets[0])
    answers = await asyncio.gather(*(post(client, admin, PATH, body) for _ in range(6)))
    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    others = [body | {"code": make.unique("N-"), "name": name} for name in ("甲工会", "乙工会")]
    others[1]["code"] = others[0]["code"]
    answers = await asyncio.gather(*(post(client, admin, PATH, others[n % 2]) for n in range(6)))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 409: 3}
    made = await owner.fetchval(
        "select count(*) from organisation where code = any($1)", [body["code"], others[0]["code"]]
    )
    assert made == 2


async def test_names_are_text_and_nothing_else(client: httpx.AsyncClient, town: Town, admin: Someone) -> None:
    union = await entered(client, admin, town.streets[0], name=f"  {MARKUP} ")
    assert union["name"] == MARKUP
    (found,) = await every_item(client, PATH, by=admin, q="<script>")
    assert found == union
    assert await listed(client, admin, q="%") == []
    renamed = await rename(client, admin, union["id"], "<b>100%</b>")
    assert renamed.json() == union | {"name": "<b>100%</b>"}
    assert await listed(client, admin, q="0%<") == [union["code"]]
    for name in ("", " ", "工\n会", "\u202e工会", "工" * 101):
        problem = refused(await rename(client, admin, union["id"], name), 422, "invalid")
        assert [error["pointer"] for error in problem["errors"]] == ["/name"]


@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"level": "city"}, "/level", "literal_error"),
        ({"level": "street"}, "/parent_code", "parent_level"),
        ({"level": "district"}, "/parent_code", "parent_level"),
        ({"code": "工会"}, "/code", "code_characters"),
        ({"code": "U" * 41}, "/code", "code_too_long"),
        ({"division_code": "4405"}, "/division_code", "division_code_format"),
        ({"receives_unattached": True}, "", "extra_forbidden"),
    ],
)
async def test_what_no_union_can_be_is_refused(
    client: httpx.AsyncClient, town: Town, admin: Someone, given: dict[str, object], pointer: str, code: str
) -> None:
    problem = refused(await post(client, admin, PATH, entry(town.streets[0]) | given), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, code)]


async def test_an_administrator_keeps_the_unions_under_their_own(
    client: httpx.AsyncClient, world: World, town: Town, admin: Someone
) -> None:
    district = await world.staff(Role.SYSTEM_ADMIN, town.districts[0], consents=())
    mine = sorted(union.code for union in (town.districts[0], town.streets[0], *town.units[:2]))
    assert await listed(client, district, limit=2) == mine
    assert await listed(client, district, parent_code=town.streets[0].code) == sorted(u.code for u in town.units[:2])
    assert await listed(client, district, parent_code=town.streets[1].code) == []
    assert await listed(client, district, parent_code=town.city.code) == [town.districts[0].code]
    assert await listed(client, admin, q=town.streets[1].name) == [town.streets[1].code]
    everything = [town.city, *town.districts, *town.streets, *town.units]
    assert sorted(await listed(client, admin)) == sorted(union.code for union in everything)

    assert (await enter(client, district, town.districts[0], "street")).status_code == 201
    other = await world.union("city")
    for parent in (town.city, town.districts[1], town.streets[1], other):
        refused(await enter(client, district, parent), 404, "organisation_not_found")
    refused(await enter(client, district, town.streets[0], parent_code="NO-SUCH"), 404, "organisation_not_found")
    for union in (town.city, town.districts[1], town.units[2], other):
        refused(await rename(client, district, union.id, "新名称"), 404, "organisation_not_found")
        refused(await receive(client, district, union.id), 404, "organisation_not_found")
    assert (await rename(client, district, town.districts[0].id, "本区总工会")).json()["name"] == "本区总工会"


async def test_one_union_of_a_city_receives_workers_without_a_union(
    client: httpx.AsyncClient, world: World, town: Town, admin: Someone, owner: asyncpg.Connection
) -> None:
    district = await world.staff(Role.SYSTEM_ADMIN, town.districts[0], consents=())
    refused(await receive(client, district, town.units[0].id), 403, "city_names_receiver")
    problem = refused(await receive(client, admin, town.districts[0].id), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == ["receiver_level"]
    for union in (town.units[0], town.units[0], town.streets[1]):
        assert (await receive(client, admin, union.id)).json()["receives_unattached"] is True
    received = "select array_agg(code) from organisation where receives_unattached and city_id = $1"
    assert await owner.fetchval(received, town.city.id) == [town.streets[1].code]
    for union, times in ((town.units[0], 1), (town.streets[1], 1)):
        actions = [row["action"] for row in await owner.fetch(AUDITED, union.id)]
        assert actions == ["organisation.receives_unattached"] * times
    answers = await asyncio.gather(*(receive(client, admin, union.id) for union in (*town.units, *town.streets)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await owner.fetchval(received, town.city.id)) == 1
    await owner.execute("update organisation set receives_unattached = false where city_id = $1", town.city.id)


async def test_nobody_else_keeps_unions(client: httpx.AsyncClient, world: World, town: Town) -> None:
    others = [await world.staff(role, town.city, consents=()) for role in Role if role is not Role.SYSTEM_ADMIN]
    for someone in (*others, await world.worker(town.units[0])):
        asked = [
            await client.get(PATH, headers=someone.headers),
            await enter(client, someone, town.streets[0]),
            await rename(client, someone, town.units[0].id, "新名称"),
            await receive(client, someone, town.units[0].id),
        ]
        for answer in asked:
            refused(answer, 403, "not_allowed")


async def test_a_post_that_ended_meanwhile_writes_nothing(
    client: httpx.AsyncClient, town: Town, admin: Someone, owner: asyncpg.Connection
) -> None:
    """The service remembers for some seconds who somebody is; the database does not."""
    await entered(client, admin, town.streets[0])
    await owner.execute("update post set ended_at = now() where person_id = $1", admin.id)
    refused(await enter(client, admin, town.streets[0]), 403, "not_allowed")
    refused(await rename(client, admin, town.units[0].id, "新名称"), 403, "not_allowed")
    refused(await receive(client, admin, town.units[0].id), 403, "not_allowed")
