"""How a household leaves its file, for one of several reasons, and comes back."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.db.sealing import Keyring
from app.households.exits import DECISION, EVIDENCE
from tests.calling import every_item
from tests.http import household_notices
from tests.http.household_acts import CANCELLED, LIFTED, RELIEVED, act, left, of, propose, save, seen, submit
from tests.make import Someone, Town, World


@pytest.mark.parametrize(("exit", "state"), [(LIFTED, "lifted"), (RELIEVED, "relieved"), (CANCELLED, "cancelled")])
async def test_each_way_out_ends_in_its_own_state(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    exit: dict[str, Any], state: str,
) -> None:  # fmt: skip
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    assert (await left(client, world, office, seen(file), exit))["state"] == state
    row = await owner.fetchrow("select cancel_code, left_at, relieved_at from household where id = $1", file)
    living = await owner.fetchval("select count(*) from household_member where household_id = $1 and living", file)
    if state == "relieved":
        assert (row["cancel_code"], row["left_at"], living) == (None, None, 3)
        assert row["relieved_at"] is not None
    else:
        assert (row["cancel_code"], living) == ("voluntary" if state == "cancelled" else None, 0)
        assert row["left_at"] is not None
    mine = await client.get("/me/household", headers=someone.headers)
    assert mine.status_code == (200 if state == "relieved" else 404)


async def test_the_recheck_is_kept_sealed_with_its_evidence(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection,
    keyring: Keyring,
) -> None:  # fmt: skip
    file = await world.household(await world.person(), town.units[0])
    await propose(client, world, office, seen(file), LIFTED)
    row = await owner.fetchrow("select * from household_exit where household_id = $1", file)
    assert b"income" not in row["evidence"] + row["decision"]
    decision = keyring.open_document(DECISION, row["id"], row["decision"])
    assert [(reason["rule"], reason["met"]) for reason in decision["reasons"]] == [
        ("exit_income_above_standard", True),
        ("exit_months_above_standard", True),
    ]
    assert decision["facts"]["members"] == 3
    assert keyring.open_document(EVIDENCE, row["id"], row["evidence"])["file_ids"] == [
        str(await owner.fetchval("select file_id from file_use where subject_id = $1", row["id"]))
    ]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"months_above": 5}, 409, "exit_months_above_standard"),
        ({"income_fen_yearly": 20_000_00}, 409, "exit_income_above_standard"),
        ({"months_above": None}, 422, "missing"),
        ({"rigid_spending_fen": None}, 422, "missing"),
        ({"file_ids": []}, 422, "evidence_required"),
        ({"code": "death"}, 422, "cancel_code_unwanted"),
        ({"kind": "cancelled"}, 422, "cancel_code_unknown"),
        ({"kind": "cancelled", "code": "whim"}, 422, "cancel_code_unknown"),
        ({"kind": "cancelled", "code": "duplicate"}, 422, "merge_instead"),
        ({"kind": "relieved", "income_fen_yearly": 0}, 409, "exit_level_reached"),
    ],
)
async def test_an_exit_that_is_not_supported_is_not_proposed(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], change: dict[str, Any],
    status: int, code: str,
) -> None:  # fmt: skip
    file = await world.household(await world.person(), town.units[0])
    refused = await propose(client, world, office, seen(file), LIFTED | change)
    assert refused.status_code == status, refused.text
    assert code in {error["code"] for error in refused.json()["errors"]}
    shown = await client.get(f"/staff/households/{file}", headers=office["clerk"].headers)
    assert (shown.json()["state"], shown.json()["version"]) == ("active", 1)


async def test_an_objection_to_an_exit_is_looked_into_and_published_again(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    file = await world.household(await world.person(), town.units[0])
    moved = (await propose(client, world, office, seen(file), LIFTED)).json()
    moved = (await act(client, office["district"], moved, action="approve")).json()
    await household_notices.publish(world, file)
    moved = (await act(client, office["district"], moved, action="object", note="邻居反映情况不实")).json()
    assert moved["state"] == "exit_proposed"
    # The first notice is over now; it ends nothing.
    assert (await household_notices.end(world, file))["state"] == "exit_proposed"
    moved = (await act(client, office["district"], moved, action="approve")).json()
    moved |= await household_notices.end(world, file)
    assert moved["state"] == "lifted"
    notices = await owner.fetch(
        "select round, kind, amount_fen from notice where household_id = $1 order by round", file
    )
    assert [tuple(notice) for notice in notices] == [(2, "household_exit", None), (3, "household_exit", None)]


async def test_an_exit_that_is_returned_leaves_the_file_as_it_was(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    file = await world.household(await world.person(), town.units[0], state="relieved")
    moved = (await propose(client, world, office, seen(file), CANCELLED)).json()
    moved = (await act(client, office["district"], moved, action="return", note="材料不足")).json()
    assert moved["state"] == "relieved"
    assert await owner.fetchval("select state from household_exit where household_id = $1", file) == "dropped"
    again = await propose(client, world, office, moved, RELIEVED)
    assert "already_relieved" in {error["code"] for error in again.json()["errors"]}
    assert (await propose(client, world, office, moved, CANCELLED)).status_code == 200


async def test_a_notice_of_a_file_shows_who_and_nothing_else(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    someone = await world.person(name="欧阳小明")
    file = await world.household(someone, town.units[0])
    moved = (await propose(client, world, office, seen(file), CANCELLED)).json()
    await act(client, office["district"], moved, action="approve")
    await household_notices.publish(world, file)
    (shown,) = [
        item
        for item in await every_item(client, "/public/notices")
        if item["organisation"] == town.units[0].name and item["name_masked"] == "欧***"
    ]
    assert (shown["kind"], shown["amount_fen"]) == ("household_exit", None)
    assert set(shown) == {
        "id", "number", "kind", "name_masked", "organisation", "amount_fen", "amount_band", "published_at", "ends_at",
        "working_days", "batch_id", "sha256",
    }  # fmt: skip
    alone = await client.get(f"/public/notices/{shown['id']}")
    assert alone.json() == shown
    assert "voluntary" not in alone.text


async def test_who_comes_back_opens_a_new_file_that_knows_the_old(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    await left(client, world, office, seen(file), LIFTED)
    saved = await save(client, someone, of(someone, town.units[0]))
    assert saved.json()["previous_id"] == str(file)
    again = (await submit(client, someone, saved.headers["etag"])).json()
    shown = await client.get(f"/staff/households/{again['id']}", headers=office["clerk"].headers)
    assert shown.json()["previous_id"] == str(file)


@pytest.mark.parametrize("state", ["rejected", "withdrawn", "transferred"])
async def test_a_file_that_was_not_left_is_not_come_back_from(
    client: httpx.AsyncClient, world: World, town: Town, state: str
) -> None:
    someone = await world.person()
    await world.household(someone, town.units[0], state=state)
    saved = await save(client, someone, of(someone, town.units[0]))
    assert saved.json()["previous_id"] is None
