"""The same request twice has one effect, whatever the network did in between."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest

from app.db.database import Database
from tests import make
from tests.make import Someone, World


async def draft(
    client: httpx.AsyncClient, worker: Someone, key: str, form: dict[str, Any] | None = None, kind: str = "hardship_aid"
) -> httpx.Response:
    return await client.post(
        "/applications",
        json={"kind": kind, "form": make.living_aid() if form is None else form},
        headers=worker.headers | {"Idempotency-Key": key},
    )


async def applications_of(owner: asyncpg.Connection, *people: Someone) -> int:
    count: int = await owner.fetchval(
        "select count(*) from application where applicant_id = any($1)", [person.id for person in people]
    )
    return count


async def test_the_same_key_and_body_get_the_first_answer_again(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    worker, key = await world.worker((await world.town()).units[0]), make.unique("k-")
    first, again = await draft(client, worker, key), await draft(client, worker, key)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"] == '"1"'
    assert await applications_of(owner, worker) == 1


async def test_a_replay_of_a_step_changes_nothing_more(client: httpx.AsyncClient, world: World) -> None:
    worker = await world.worker((await world.town()).units[0])
    drafted = await draft(client, worker, make.unique("k-"))
    headers = worker.headers | make.keyed() | {"If-Match": drafted.headers["etag"]}
    address = f"/applications/{drafted.json()['id']}/submit"
    first, again = await client.post(address, headers=headers), await client.post(address, headers=headers)
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again.headers["etag"] == first.headers["etag"] == '"2"'
    shown = await client.get(f"/applications/{drafted.json()['id']}", headers=worker.headers)
    assert [step["action"] for step in shown.json()["timeline"]] == ["submit"]


async def test_a_key_with_another_body_is_refused(client: httpx.AsyncClient, world: World) -> None:
    worker, key = await world.worker((await world.town()).units[0]), make.unique("k-")
    assert (await draft(client, worker, key)).status_code == 201
    other = await draft(client, worker, key, make.living_aid(requested_fen=1))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_with_the_same_body_at_another_address_is_refused(client: httpx.AsyncClient, world: World) -> None:
    worker, key = await world.worker((await world.town()).units[0]), make.unique("k-")
    drafted = await draft(client, worker, make.unique("k-"))
    headers = worker.headers | {"Idempotency-Key": key}
    assert (await client.post(f"/applications/{drafted.json()['id']}/preview", headers=headers)).status_code == 200
    other = await client.post(f"/applications/{drafted.json()['id']}/submit", headers=headers | {"If-Match": '"1"'})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", [None, "", " ", "a b", "k" * 256, "钥匙".encode(), b"\x7f", b"\xff"])
async def test_a_post_without_a_proper_key_is_refused(
    client: httpx.AsyncClient, world: World, key: str | bytes | None
) -> None:
    worker = await world.worker((await world.town()).units[0])
    headers: dict[str, Any] = worker.headers | ({} if key is None else {"Idempotency-Key": key})
    answer = await client.post("/applications", json={"kind": "hardship_aid", "form": {}}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_missing")


async def test_the_longest_key_is_accepted(client: httpx.AsyncClient, world: World) -> None:
    worker = await world.worker((await world.town()).units[0])
    assert (await draft(client, worker, make.unique().ljust(255, "~"))).status_code == 201


async def test_a_refusal_is_not_kept(client: httpx.AsyncClient, world: World, owner: asyncpg.Connection) -> None:
    worker, key = await world.worker((await world.town()).units[0]), make.unique("k-")
    refused = await draft(client, worker, key, {"requested_fen": "1"})
    assert refused.status_code == 422
    mended = await draft(client, worker, key)
    assert (mended.status_code, "idempotency-replayed" in mended.headers) == (201, False)
    conflict_key = make.unique("k-")
    conflict = await draft(client, worker, conflict_key)
    assert (conflict.status_code, conflict.json()["application_id"]) == (409, mended.json()["id"])
    gone = await client.post(
        f"/applications/{mended.json()['id']}/withdraw", headers=worker.headers | make.keyed() | {"If-Match": '"1"'}
    )
    assert gone.status_code == 200
    assert (await draft(client, worker, conflict_key)).status_code == 201
    assert await applications_of(owner, worker) == 2


async def test_a_key_belongs_to_one_person(client: httpx.AsyncClient, world: World, owner: asyncpg.Connection) -> None:
    unit, key = (await world.town()).units[0], make.unique("k-")
    one, other = await world.worker(unit), await world.worker(unit)
    first, second = await draft(client, one, key), await draft(client, other, key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotency-replayed" not in second.headers
    assert first.json()["id"] != second.json()["id"]
    assert await applications_of(owner, one, other) == 2


async def test_a_hundred_requests_on_ten_keys_have_ten_effects(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    unit = (await world.town()).units[0]
    workers = [await world.worker(unit) for _ in range(10)]
    keys = {worker.id: make.unique("k-") for worker in workers}

    async def insist(worker: Someone) -> list[httpx.Response]:
        answers = [await draft(client, worker, keys[worker.id])]
        while answers[-1].status_code == 409:
            await asyncio.sleep(0.02)
            answers.append(await draft(client, worker, keys[worker.id]))
        return answers

    told = await asyncio.gather(*(insist(worker) for _ in range(10) for worker in workers))
    waits = Counter(answer.json()["code"] for answers in told for answer in answers[:-1])
    assert set(waits) <= {"idempotency_in_progress"}
    last = [answers[-1] for answers in told]
    assert {answer.status_code for answer in last} == {201}
    assert Counter("idempotency-replayed" in answer.headers for answer in last) == {False: 10, True: 90}
    assert len({answer.content for answer in last}) == 10
    assert await applications_of(owner, *workers) == 10


async def test_of_drafts_opened_at_once_one_is_made_and_the_others_are_told_which(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    worker = await world.worker((await world.town()).units[0])
    answers = await asyncio.gather(*(draft(client, worker, make.unique("k-")) for _ in range(8)))
    (made,) = (answer.json()["id"] for answer in answers if answer.status_code == 201)
    told = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(problem["code"], problem["application_id"]) for problem in told} == {("draft_already_open", made)}
    assert len(told) == 7
    assert await applications_of(owner, worker) == 1


async def test_of_two_drafts_moved_to_one_school_year_at_once_one_stays_where_it_was(
    client: httpx.AsyncClient, world: World
) -> None:
    worker = await world.worker((await world.town()).units[0])
    year = make.golden_autumn()["academic_year"]
    drafts = [
        await draft(client, worker, make.unique("k-"), {"academic_year": year - n}, kind="golden_autumn")
        for n in (1, 2)
    ]
    headers = worker.headers | {"If-Match": '"1"'}
    body = {"form": {"academic_year": year}}
    answers = await asyncio.gather(
        *(client.put(f"/applications/{each.json()['id']}", json=body, headers=headers) for each in drafts)
    )
    moved, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert (moved.status_code, refused.status_code, refused.json()["code"]) == (200, 409, "draft_already_open")
    assert refused.json()["application_id"] == moved.json()["id"]


async def test_a_request_that_still_runs_is_said_to_be_in_progress(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    worker, key = await world.worker((await world.town()).units[0]), make.unique("k-")
    drafted = await draft(client, worker, make.unique("k-"))
    address = f"/applications/{drafted.json()['id']}/withdraw"
    headers = worker.headers | {"Idempotency-Key": key, "If-Match": '"1"'}
    async with owner.transaction():
        await owner.execute("select from application where id = $1 for update", drafted.json()["id"])
        running = asyncio.create_task(client.post(address, headers=headers))
        await _until_it_waits_for_a_lock(owner)
        second = await client.post(address, headers=headers)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    first = await running
    third = await client.post(address, headers=headers)
    assert (first.status_code, third.status_code, third.content) == (200, 200, first.content)


async def _until_it_waits_for_a_lock(owner: asyncpg.Connection) -> None:
    for _ in range(150):
        if await owner.fetchval("select exists (select from pg_stat_activity where wait_event_type = 'Lock')"):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the first request never came to the row")


async def test_a_second_try_that_comes_while_the_first_commits_never_acts(
    client: httpx.AsyncClient, world: World, jobs: Database, owner: asyncpg.Connection
) -> None:
    """The answer of the first must be seen by whoever gets the key's lock after it, at whatever instant that is."""
    unit = (await world.town()).units[0]
    workers = [await world.worker(unit) for _ in range(60)]

    async def twice(worker: Someone, pause: float) -> list[httpx.Response]:
        key = make.unique("k-")

        async def later(n: int) -> httpx.Response:
            await asyncio.sleep(n * pause)
            return await draft(client, worker, key)

        return await asyncio.gather(*(later(n) for n in range(8)))

    seen: Counter[str] = Counter()
    for n, worker in enumerate(workers):
        for answer in await twice(worker, n * 0.00005):
            seen[answer.json().get("code", str(answer.status_code))] += 1
    assert set(seen) <= {"201", "idempotency_in_progress"}, seen
    assert await applications_of(owner, *workers) == 60
