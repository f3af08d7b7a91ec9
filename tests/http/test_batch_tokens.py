"""The token of a preview: whose it is, what it is for, how long, and that it is good for one run."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from app.jobs.daily import forget_old_answers
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.people.tokens import issue
from app.settings import DEMO_TOKEN_KEY
from tests import make
from tests.calling import post
from tests.http.batches import RUN, done, each_with, few, many, previewed, run, traces
from tests.http.refusals import refused
from tests.make import Someone, Town, World


@pytest.fixture
async def chair(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CHAIR, town.units[0])


async def test_the_same_token_twice_is_one_run_and_one_result(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    cases = await few(world, town.units[0], 2)
    token, key = (await previewed(client, chair, cases))["token"], make.keyed()
    first = await client.post(RUN, json={"token": token}, headers=chair.headers | key)
    again = await client.post(RUN, json={"token": token}, headers=chair.headers | key)
    otherwise = await run(client, chair, token)
    assert first.status_code == again.status_code == otherwise.status_code == 200
    assert first.content == again.content == otherwise.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in otherwise.headers
    assert await traces(owner, cases) == each_with([1, 1])


async def test_the_same_token_at_once_is_one_run_and_one_result(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    for _ in range(3):
        cases = await many(world, owner, town.units[0], 200)
        token = (await previewed(client, chair, cases))["token"]
        answers = await asyncio.gather(*(run(client, chair, token) for _ in range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["totals"]["done"] == 200
        assert await traces(owner, cases) == each_with([1] * 200)


async def test_two_looks_at_the_same_cases_are_two_runs_of_which_each_case_takes_one(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    cases = await few(world, town.units[0], 3)
    tokens = [(await previewed(client, chair, order))["token"] for order in (cases, cases[::-1])]
    results = await asyncio.gather(*(done(client, chair, token) for token in tokens))
    assert sorted(result["totals"]["done"] for result in results) == [0, 3]
    assert (await traces(owner, cases))["passages"] == [1, 1, 1]


async def test_a_token_is_nobody_elses(client: httpx.AsyncClient, world: World, town: Town, chair: Someone) -> None:
    cases = await few(world, town.units[0], 1)
    token = (await previewed(client, chair, cases))["token"]
    colleague = await world.staff(Role.UNIT_CHAIR, town.units[0])
    theirs = refused(await run(client, colleague, token), 404, "batch_not_found")
    never = refused(await run(client, colleague, str(new_id())), 404, "batch_not_found")
    assert {**theirs, "request_id": ""} == {**never, "request_id": ""}
    refused(await run(client, cases[0].applicant, token), 403)
    assert (await done(client, chair, token))["totals"]["done"] == 1


async def test_a_token_that_was_tampered_with_opens_nothing(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    token = (await previewed(client, chair, await few(world, town.units[0], 1)))["token"]
    changed = token[:-1] + ("0" if token[-1] != "0" else "1")
    refused(await run(client, chair, changed), 404, "batch_not_found")
    for wrong in ("", token[:-1], token + "0", token.replace("-", ""), 7, None, {"id": token}):
        refused(await post(client, chair, RUN, {"token": wrong}), 422, "invalid")


async def test_a_token_is_for_the_action_that_was_previewed(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    token = (await previewed(client, chair, await few(world, town.units[0], 1)))["token"]
    assert (
        refused(await run(client, chair, token, action="return"), 409, "batch_for_another_action")["action"]
        == "approve"
    )
    assert (await run(client, chair, token, action="approve")).status_code == 200
    refused(await run(client, chair, token, action="return"), 409, "batch_for_another_action")


async def test_after_half_an_hour_one_looks_again_but_a_result_stays(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    cases = await few(world, town.units[0], 2)
    ran, waiting = [(await previewed(client, chair, [case]))["token"] for case in cases]
    first = await run(client, chair, ran)
    await owner.execute(
        "update batch_action set created_at = created_at - interval '30 minutes', "
        "expires_at = expires_at - interval '30 minutes' where person_id = $1", chair.id,
    )  # fmt: skip
    refused(await run(client, chair, waiting), 409, "batch_expired")
    assert (await run(client, chair, ran)).content == first.content
    assert (await traces(owner, cases))["passages"] == [1, 0]


async def test_what_one_may_no_longer_do_is_not_done(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    """The token remembers what was seen, never what was allowed."""
    clerk = await world.person(posts=((Role.UNIT_CLERK, town.units[0]), (Role.UNIT_CHAIR, town.units[0])))
    cases = await few(world, town.units[0], 2)
    token = (await previewed(client, clerk, cases))["token"]
    await owner.execute("update post set ended_at = now() where person_id = $1 and role = 'unit_chair'", clerk.id)
    fresh = await world.session(clerk.id)
    someone = replace(clerk, session_id=fresh, token=issue(DEMO_TOKEN_KEY, clerk.id, fresh, datetime.now(UTC)))
    result = await done(client, someone, token)
    assert [item["code"] for item in result["items"]] == ["not_allowed"] * 2
    assert (await traces(owner, cases))["passages"] == [0, 0]


async def test_what_was_looked_at_is_written_once(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection
) -> None:
    """The API may note what came of a batch; which cases it was about it cannot change."""
    token = (await previewed(client, chair, await few(world, town.units[0], 1)))["token"]
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute("select set_config('app.door', 'staff', true), set_config('app.person', $1::text, true)",
                            str(chair.id))  # fmt: skip
        assert await owner.fetchval("select count(*) from batch_action") == 1
        await owner.execute("select set_config('app.person', $1::text, true)", str(new_id()))
        assert await owner.fetchval("select count(*) from batch_action") == 0
        await owner.execute("select set_config('app.person', $1::text, true)", str(chair.id))
        for column in ("application_ids = '{}'", "versions = '{}'", "person_id = null", "expires_at = now()"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with owner.transaction():
                    await owner.execute(f"update batch_action set {column} where id = $1", token)


async def test_batches_are_forgotten_with_the_answers(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, owner: asyncpg.Connection, background: Jobs
) -> None:
    kept, old = [(await previewed(client, chair, await few(world, town.units[0], 1)))["token"] for _ in range(2)]
    await owner.execute("update batch_action set created_at = created_at - interval '8 days' where id = $1", old)
    async with background.work() as work:
        await forget_old_answers(work)
    left = await owner.fetch("select id from batch_action where person_id = $1", chair.id)
    assert [str(row["id"]) for row in left] == [kept]
