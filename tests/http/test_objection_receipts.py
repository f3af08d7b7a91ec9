"""Whoever objected, with a name or without, learns by the code of their receipt what came of it, and nothing else."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import httpx
import pytest

from app.db.database import Database, open_database
from app.db.sealing import Keyring
from app.db.transaction import Sight
from app.http.routes import notices as routes
from app.http.visitors import NOBODY
from app.kernel.actor import Role
from app.notices.receipts import ALPHABET, LENGTH, as_kept, new_code
from app.settings import Settings
from tests import make
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.notices.making import objected, published, reviewers, settled

PATH = "/public/objections/status"


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def office(world: World, town: Town) -> dict[str, Someone]:
    return await reviewers(world, town)


@pytest.fixture(autouse=True)
def nobody_was_here() -> None:
    routes._turnstile._passed.clear()
    routes._wrong_codes._passed.clear()


@pytest.fixture(scope="module")
async def api(configured: Settings) -> AsyncIterator[Database]:
    assert configured.database_url is not None
    database = await open_database(configured.database_url.get_secret_value(), "aid_api", size=2)
    yield database
    await database.close()


async def status(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await client.post(PATH, json={"receipt_code": code})


async def decide(client: httpx.AsyncClient, by: Someone, notice_id: object, action: str, **said: str) -> None:
    done = await client.post(
        f"/staff/notices/investigations/{notice_id}/actions",
        json={"action": action, "note": "内部核查情况：户主名下确有房产"} | said,
        headers=by.headers | make.keyed() | {"If-Match": '"1"'},
    )
    assert done.status_code == 200, done.text


async def test_somebody_unknown_follows_their_objection_to_its_end(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    case, line = await published(world, town.units[0])
    received = await objected(client, line["id"], contact="晚上七点后")
    code = received.json()["receipt_code"]
    told = await status(client, code)
    assert told.status_code == 200, told.text
    found = told.json()
    assert (found["number"], found["state"], found["overdue"], found["reply"]) == (case.number, "open", False, None)
    assert (found["decided_at"], found["decided_by"]) == (None, None)
    await decide(client, office["district"], line["id"], "uphold", reply="已取消拟发放，谢谢您的监督。")
    await settled(world, line["id"])
    found = (await status(client, code)).json()
    assert (found["state"], found["reply"]) == ("upheld", "已取消拟发放，谢谢您的监督。")
    assert found["text"] == "经核查，异议成立：原公示不再继续，退回区县工会重新审核。"
    assert found["decided_by"] == town.districts[0].name
    # Nothing that was said to others, and nobody's name.
    for word in ("房产", "晚上七点", case.applicant.name, str(case.applicant.id)):
        assert word not in str(found)
    shown = await client.get(f"/staff/notices/investigations/{line['id']}", headers=office["district"].headers)
    assert shown.json()["reply"] == "已取消拟发放，谢谢您的监督。"
    assert code not in shown.text


async def test_each_objection_has_a_code_of_its_own_which_a_retry_repeats_and_the_database_does_not_know(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    _, line = await published(world, town.units[0])
    key, body = make.keyed(), {"text": "此人名下另有房产"}
    first, again = [
        (await client.post(f"/public/notices/{line['id']}/objections", json=body, headers=key)).json() for _ in range(2)
    ]
    assert first == again
    known = (await objected(client, line["id"], await world.person())).json()
    codes = [first["receipt_code"], known["receipt_code"]]
    assert len(set(codes)) == 2
    rows = await owner.fetch("select * from notice_objection where notice_id = $1 order by id", line["id"])
    for code, row in zip(codes, rows, strict=True):
        kept = code.replace("-", "")
        assert row["receipt_index"] == keyring.blind_index("notice_objection.receipt", kept)
        for value in row.values():
            assert kept.encode() not in (value if isinstance(value, bytes) else str(value).encode())
    assert [(await status(client, code)).status_code for code in codes] == [200, 200]


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", " "), lambda code: code.replace("0", "o")])
async def test_a_code_is_taken_as_it_was_meant(
    client: httpx.AsyncClient, world: World, town: Town, typed: object
) -> None:
    _, line = await published(world, town.units[0])
    code = (await objected(client, line["id"])).json()["receipt_code"]
    assert callable(typed)
    assert (await status(client, typed(code))).status_code == 200


@pytest.mark.parametrize("code", ["0000-0000-0000-0000", "异议", "x", "U" * 16, "' or true --"])
async def test_a_code_of_nobody_finds_nothing(client: httpx.AsyncClient, code: str) -> None:
    refused(await status(client, code), 404, "receipt_unknown")


async def test_wrong_codes_are_few_a_minute_and_keep_nobody_out_who_has_one(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    _, line = await published(world, town.units[0])
    code = (await objected(client, line["id"])).json()["receipt_code"]
    answers = [(await status(client, new_code())).status_code for _ in range(routes.MOST_WRONG + 3)]
    assert answers == [404] * routes.MOST_WRONG + [429] * 3
    assert (await status(client, code)).status_code == 200


async def test_it_is_overdue_after_its_day(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    _, line = await published(world, town.units[0])
    code = (await objected(client, line["id"])).json()["receipt_code"]
    before = (await status(client, code)).json()
    await owner.execute("update notice_investigation set due_on = due_on - 60 where id = $1", line["id"])
    after = (await status(client, code)).json()
    assert (before["overdue"], after["overdue"]) == (False, True)
    assert make.date.fromisoformat(after["due_on"]) + timedelta(days=60) == make.date.fromisoformat(before["due_on"])


async def test_at_the_public_door_the_database_shows_an_objection_by_its_receipt_alone(
    client: httpx.AsyncClient, world: World, town: Town, api: Database, keyring: Keyring
) -> None:
    _, line = await published(world, town.units[0])
    code = (await objected(client, line["id"])).json()["receipt_code"]
    index = keyring.blind_index("notice_objection.receipt", code.replace("-", ""))
    async with api.begin(Sight("public", NOBODY)) as transaction:
        found = await transaction.connection.fetch("select * from objection_of_receipt($1)", index)
        assert [row["investigation_id"] for row in found] == [line["id"]]
        assert set(found[0].keys()) == {
            "investigation_id", "received_at", "number", "kind", "state", "due_on", "decided_at", "organisation_name",
            "reply",
        }  # fmt: skip
        for table in ("notice_objection", "notice_investigation"):
            assert await transaction.connection.fetchval(f"select count(*) from {table}") == 0


async def test_a_known_objector_finds_the_outcome_among_their_messages_too_and_nobody_else_does(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    accused = await world.person(home=town.units[0])
    objector = await world.person(home=town.units[0], posts=((Role.UNIT_CLERK, town.units[0]),))
    _, line = await published(world, town.units[0], who=accused)
    await objected(client, line["id"], objector, anonymous=True)
    await decide(client, office["city"], line["id"], "dismiss", reply="房产已于去年出售。")
    await settled(world, line["id"])
    told = {
        name: [
            (each["title"], each["text"])
            for each in (await client.get("/me/messages", headers=who.headers)).json()["items"]
            if each["subject_id"] == str(line["id"])
        ]
        for name, who in {"objector": objector, "accused": accused, "chair": office["chair"]}.items()
    }
    assert [title for title, _ in told["objector"]] == ["异议已经核查"]
    assert told["objector"][0][1].endswith("工会答复：房产已于去年出售。")
    assert (told["accused"], told["chair"]) == ([], [])


def test_codes_are_eighty_bits_without_letters_that_look_alike() -> None:
    codes = {new_code() for _ in range(500)}
    assert len(codes) == 500
    assert len(ALPHABET) ** LENGTH == 2**80
    assert not set("OILU") & set(ALPHABET)
    for code in codes:
        assert as_kept(code) == code.replace("-", "")
        assert [len(part) for part in code.split("-")] == [4] * 4
