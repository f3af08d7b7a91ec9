"""Nobody overwrites what they have not seen: ETag and If-Match."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.make import Someone, World

UNREADABLE = ["", "*", '"', '""', 'W/"1"', '"1', '"-1"', '"1.0"', '"0x1"', '"1 "', '"1", "2"', '"9999999999"',
              '"' + "1" * 4_000 + '"', '"abc"', "\u4e00".encode(), "\uff11".encode()]  # fmt: skip


async def drafted(client: httpx.AsyncClient, world: World) -> tuple[Someone, httpx.Response]:
    worker = await world.worker((await world.town()).units[0])
    answer = await client.post(
        "/applications", json={"kind": "hardship_aid", "form": make.living_aid()}, headers=worker.headers | make.keyed()
    )
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    return worker, answer


async def put(
    client: httpx.AsyncClient, worker: Someone, draft: httpx.Response, version: Any, fen: int = 1_000_00
) -> httpx.Response:
    headers: dict[str, Any] = worker.headers | ({} if version is None else {"If-Match": version})
    form = make.living_aid(requested_fen=fen)
    return await client.put(f"/applications/{draft.json()['id']}", json={"form": form}, headers=headers)


async def test_a_change_without_a_version_is_asked_for_one(client: httpx.AsyncClient, world: World) -> None:
    worker, draft = await drafted(client, world)
    answer = await put(client, worker, draft, None)
    assert (answer.status_code, answer.json()["code"]) == (428, "version_missing")


async def test_a_change_of_what_was_seen_succeeds_and_shows_the_next_version(
    client: httpx.AsyncClient, world: World
) -> None:
    worker, draft = await drafted(client, world)
    answer = await put(client, worker, draft, draft.headers["etag"])
    assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"2"', 2)
    again = await put(client, worker, draft, answer.headers["etag"])
    assert (again.status_code, again.headers["etag"]) == (200, '"3"')


async def test_a_change_of_an_older_version_is_refused_with_the_current_one(
    client: httpx.AsyncClient, world: World
) -> None:
    worker, draft = await drafted(client, world)
    await put(client, worker, draft, '"1"')
    stale = await put(client, worker, draft, '"1"', fen=5)
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (412, "stale_version", 2)
    shown = await client.get(f"/applications/{draft.json()['id']}", headers=worker.headers)
    assert shown.json()["form"]["requested_fen"] == 1_000_00


@pytest.mark.parametrize("version", UNREADABLE)
async def test_a_version_that_nobody_gave_out_matches_none(
    client: httpx.AsyncClient, world: World, version: str | bytes
) -> None:
    worker, draft = await drafted(client, world)
    answer = await put(client, worker, draft, version)
    assert (answer.status_code, answer.json()["code"], answer.json()["version"]) == (412, "stale_version", 1)


async def test_of_concurrent_changes_of_one_version_one_wins(client: httpx.AsyncClient, world: World) -> None:
    worker, draft = await drafted(client, world)
    answers = await asyncio.gather(*(put(client, worker, draft, '"1"', fen=n) for n in range(1, 21)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 19}
    winner = next(answer for answer in answers if answer.status_code == 200)
    shown = await client.get(f"/applications/{draft.json()['id']}", headers=worker.headers)
    assert (shown.json()["version"], shown.json()["form"]) == (2, winner.json()["form"])


async def test_of_a_change_and_a_submission_at_once_one_wins(client: httpx.AsyncClient, world: World) -> None:
    worker, draft = await drafted(client, world)
    submit = client.post(
        f"/applications/{draft.json()['id']}/submit", headers=worker.headers | make.keyed() | {"If-Match": '"1"'}
    )
    answers = await asyncio.gather(put(client, worker, draft, '"1"'), submit)
    assert sorted(answer.status_code for answer in answers) == [200, 412]


@pytest.mark.parametrize("address", ["/applications/{id}/submit", "/applications/{id}/withdraw"])
async def test_every_step_of_an_application_wants_the_version(
    client: httpx.AsyncClient, world: World, address: str
) -> None:
    worker, draft = await drafted(client, world)
    path = address.format(id=draft.json()["id"])
    missing = await client.post(path, headers=worker.headers | make.keyed())
    stale = await client.post(path, headers=worker.headers | make.keyed() | {"If-Match": '"7"'})
    assert (missing.status_code, stale.status_code, stale.json()["version"]) == (428, 412, 1)


async def test_every_step_of_staff_wants_the_version(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    worker = await world.worker(town.units[0])
    draft = await client.post(
        "/applications", json={"kind": "hardship_aid", "form": make.living_aid()}, headers=worker.headers | make.keyed()
    )
    await client.post(
        f"/applications/{draft.json()['id']}/submit", headers=worker.headers | make.keyed() | {"If-Match": '"1"'}
    )
    path, body = f"/staff/applications/{draft.json()['id']}/actions", {"action": "accept"}
    missing = await client.post(path, json=body, headers=clerk.headers | make.keyed())
    stale = await client.post(path, json=body, headers=clerk.headers | make.keyed() | {"If-Match": '"1"'})
    right = await client.post(path, json=body, headers=clerk.headers | make.keyed() | {"If-Match": '"2"'})
    assert (missing.status_code, stale.status_code, stale.json()["version"]) == (428, 412, 2)
    assert (right.status_code, right.headers["etag"]) == (200, '"3"')


async def test_the_household_file_wants_the_version_once_there_is_one(client: httpx.AsyncClient, world: World) -> None:
    worker = await world.person(home=(await world.town()).units[0])
    form = make.household_form(worker)
    first = await client.put("/me/household", json=form, headers=worker.headers)
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    missing = await client.put("/me/household", json=form, headers=worker.headers)
    stale = await client.put("/me/household", json=form, headers=worker.headers | {"If-Match": '"9"'})
    right = await client.put("/me/household", json=form, headers=worker.headers | {"If-Match": '"1"'})
    assert (missing.status_code, stale.status_code, stale.json()["version"]) == (428, 412, 1)
    assert (right.status_code, right.headers["etag"]) == (200, '"2"')
    for step in ("submit", "withdraw"):
        unseen = await client.post(f"/me/household/{step}", headers=worker.headers | make.keyed())
        older = await client.post(f"/me/household/{step}", headers=worker.headers | make.keyed() | {"If-Match": '"1"'})
        assert (unseen.status_code, older.status_code, older.json()["version"]) == (428, 412, 2)


async def test_two_first_files_at_once_make_one(client: httpx.AsyncClient, world: World) -> None:
    worker = await world.person(home=(await world.town()).units[0])
    form = make.household_form(worker)
    answers = await asyncio.gather(*(client.put("/me/household", json=form, headers=worker.headers) for _ in range(5)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 428: 4}
