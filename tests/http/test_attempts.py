"""Guessing is counted, over all processes: a 429 says how long to wait, and nobody else is kept out."""

import asyncio
from collections import Counter
from datetime import timedelta

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.jobs.daily import forget_old_answers
from app.jobs.running import Jobs
from app.main import create_app
from app.people.attempt_commands import NUMBERS, PHONE_CODES, REFUSED_CODES, SIGN_INS, SUBJECT, Limit
from app.settings import Settings
from tests import make
from tests.calling import bearer, sign_in
from tests.contract import hold_to_the_contract
from tests.http.refusals import refused
from tests.make import Someone, World


def told_to_wait(answer: httpx.Response, limit: Limit) -> None:
    problem = refused(answer, 429, "too_many_attempts")
    seconds = limit.within.total_seconds()
    assert seconds - 120 <= int(answer.headers["retry-after"]) <= seconds
    assert str(problem["retry_after"]) == answer.headers["retry-after"]


async def use_up(owner: asyncpg.Connection, world: World, limit: Limit, subject: str, left: int = 0) -> None:
    """As if all attempts but these had been made just now."""
    await owner.execute(
        "insert into attempt (kind, subject_index, began_at, count) values ($1, $2, now(), $3) "
        "on conflict (kind, subject_index) do update set began_at = now(), count = $3",
        limit.kind, world.keyring.blind_index(SUBJECT, limit.kind, subject), limit.most - left,
    )  # fmt: skip


async def later(owner: asyncpg.Connection, world: World, limit: Limit, subject: str) -> None:
    """As if the time of the limit had gone by."""
    await owner.execute(
        "update attempt set began_at = began_at - $3::interval where kind = $1 and subject_index = $2",
        limit.kind, world.keyring.blind_index(SUBJECT, limit.kind, subject), limit.within,
    )  # fmt: skip


async def call_from(app: FastAPI, address: str, code: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(address, 1), raise_app_exceptions=False)
    hooks = {"response": [hold_to_the_contract]}
    async with httpx.AsyncClient(transport=transport, base_url="http://aid.test/api/v1", event_hooks=hooks) as http:
        return await http.post("/sessions", json={"code": code})


async def identity(client: httpx.AsyncClient, who: Someone, number: str) -> httpx.Response:
    return await client.put("/me/identity", json={"name": "林一", "id_number": number}, headers=who.headers)


async def test_refused_codes_of_an_address_are_told_to_wait_and_a_right_one_signs_in_all_the_same(
    app: FastAPI, owner: asyncpg.Connection, world: World
) -> None:
    address, beside = "198.51.100.7", "198.51.100.8"
    await use_up(owner, world, REFUSED_CODES, address, left=2)
    for _ in range(2):
        refused(await call_from(app, address, "guess"), 401, "wechat_code_invalid")
    for _ in range(2):
        told_to_wait(await call_from(app, address, "guess"), REFUSED_CODES)
    assert (await call_from(app, address, f"sim:p#{make.unique()}")).status_code == 201
    refused(await call_from(app, beside, "guess"), 401, "wechat_code_invalid")
    await later(owner, world, REFUSED_CODES, address)
    refused(await call_from(app, address, "guess"), 401, "wechat_code_invalid")


async def test_somebody_who_signs_in_without_end_is_stopped_and_no_other(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World
) -> None:
    name = make.unique("again-")
    answers = [await sign_in(client, name) for _ in range(SIGN_INS.most)]
    assert {answer.status_code for answer in answers} == {201}
    told_to_wait(await sign_in(client, name), SIGN_INS)
    assert (await sign_in(client, make.unique("other-"))).status_code == 201
    assert (await client.get("/me", headers=bearer(answers[0]))).status_code == 200


async def test_numbers_of_others_are_guessed_a_few_times_and_the_right_one_waits_too(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World
) -> None:
    guesser, other = await world.person(verified=False), await world.person(verified=False)
    taken = (await world.person()).id_number
    for _ in range(NUMBERS.most):
        refused(await identity(client, guesser, taken), 409, "identity_taken")
    told_to_wait(await identity(client, guesser, taken), NUMBERS)
    own = make.id_number()
    told_to_wait(await identity(client, guesser, own), NUMBERS)
    assert (await identity(client, other, make.id_number())).status_code == 200
    await later(owner, world, NUMBERS, str(guesser.id))
    assert (await identity(client, guesser, own)).status_code == 200


async def test_a_number_that_is_written_wrongly_is_no_guess(client: httpx.AsyncClient, world: World) -> None:
    someone = await world.person(verified=False)
    for _ in range(NUMBERS.most + 2):
        refused(await identity(client, someone, "990101198001010010"), 422)
    assert (await identity(client, someone, make.id_number())).status_code == 200


async def test_guesses_at_once_and_over_two_processes_count_as_one_after_the_other(
    client: httpx.AsyncClient, configured: Settings, world: World
) -> None:
    guesser, taken = await world.person(verified=False), (await world.person()).id_number
    second = create_app(configured)
    async with second.router.lifespan_context(second):
        transport = httpx.ASGITransport(second, raise_app_exceptions=False)
        hooks = {"response": [hold_to_the_contract]}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://aid.test/api/v1", event_hooks=hooks
        ) as elsewhere:
            answers = await asyncio.gather(
                *(identity(each, guesser, taken) for each in (client, elsewhere) for _ in range(NUMBERS.most))
            )
    assert Counter(answer.status_code for answer in answers) == {409: NUMBERS.most, 429: NUMBERS.most}


async def phone(client: httpx.AsyncClient, who: Someone, code: str) -> httpx.Response:
    return await client.put("/me/phone", json={"code": code}, headers=who.headers)


async def test_codes_for_a_phone_number_are_counted_until_one_is_right(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World
) -> None:
    someone, other = await world.person(), await world.person()
    await use_up(owner, world, PHONE_CODES, str(someone.id), left=2)
    refused(await phone(client, someone, "guess"), 401, "wechat_code_invalid")
    assert (await phone(client, someone, f"simphone:13800138000#{make.unique()}")).status_code == 200
    answers = await asyncio.gather(*(phone(client, someone, "guess") for _ in range(PHONE_CODES.most + 3)))
    assert Counter(answer.status_code for answer in answers) == {401: PHONE_CODES.most, 429: 3}
    told_to_wait(await phone(client, someone, f"simphone:13800138000#{make.unique()}"), PHONE_CODES)
    assert (await phone(client, other, f"simphone:13800138001#{make.unique()}")).status_code == 200


@pytest.mark.parametrize(("age", "left"), [(timedelta(days=3), 0), (timedelta(days=1), 1)])
async def test_counts_are_forgotten_once_no_limit_looks_back_at_them(
    owner: asyncpg.Connection, world: World, background: Jobs, age: timedelta, left: int
) -> None:
    index = make.unique().encode()
    await owner.execute("insert into attempt values ('number', $1, now() - $2::interval, 1)", index, age)
    async with background.work() as work:
        await forget_old_answers(work)
    assert await owner.fetchval("select count(*) from attempt where subject_index = $1", index) == left
