"""A step by staff takes no lock of the case: of those who act at once one does it, and the others are told."""

import asyncio

import asyncpg
import httpx

from app.applications.path import State
from app.kernel.actor import Role
from tests import make
from tests.http.refusals import refused
from tests.make import Case, Guild, Someone, World

TURNS = 20


async def waiting(world: World, home: Guild) -> Case:
    return await world.application(await world.person(home=home), home, state=State.UNIT_REVIEW)


async def approve(client: httpx.AsyncClient, who: Someone, case: Case, key: dict[str, str]) -> httpx.Response:
    headers = key | who.headers | {"If-Match": '"1"'}
    return await client.post(f"/staff/applications/{case.id}/actions", json={"action": "approve"}, headers=headers)


async def passages(owner: asyncpg.Connection, *cases: Case) -> int:
    """Of the approvals that were asked for; the step that filed each case is another."""
    count: int = await owner.fetchval(
        "select count(*) from passage where application_id = any($1) and action = 'approve'",
        [case.id for case in cases],
    )
    return count


async def test_of_two_who_approve_at_once_one_does_and_the_other_is_told_the_version(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    home = (await world.town()).units[0]
    chairs = [await world.staff(Role.UNIT_CHAIR, home) for _ in range(2)]
    for _ in range(TURNS):
        case = await waiting(world, home)
        answers = await asyncio.gather(*(approve(client, who, case, make.keyed()) for who in chairs))
        second = max(answers, key=lambda answer: answer.status_code)
        assert {answer.status_code for answer in answers} == {200, 412}
        assert refused(second, 412, "stale_version")["version"] == 2
        assert await passages(owner, case) == 1


async def test_one_request_sent_twice_at_once_is_done_once_and_never_answered_otherwise(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    home = (await world.town()).units[0]
    chair = await world.staff(Role.UNIT_CHAIR, home)
    for _ in range(TURNS):
        case, key = await waiting(world, home), make.keyed()
        answers = await asyncio.gather(*(approve(client, chair, case, key) for _ in range(3)))
        assert {answer.json().get("code", "done") for answer in answers} <= {"done", "idempotency_in_progress"}
        done = [answer.json() for answer in answers if answer.status_code == 200]
        assert done
        assert all(each == done[0] for each in done)
        assert (await approve(client, chair, case, key)).json() == done[0]
        assert await passages(owner, case) == 1


async def test_one_key_for_two_cases_at_once_moves_one_of_them(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    home = (await world.town()).units[0]
    chair = await world.staff(Role.UNIT_CHAIR, home)
    for _ in range(TURNS):
        cases, key = [await waiting(world, home) for _ in range(2)], make.keyed()
        answers = await asyncio.gather(*(approve(client, chair, case, key) for case in cases))
        codes = {answer.json().get("code", "done") for answer in answers}
        assert codes <= {"done", "idempotency_key_reused", "idempotency_in_progress"}
        assert await passages(owner, *cases) == [answer.status_code for answer in answers].count(200) == 1


async def test_whoever_approves_while_the_worker_withdraws_is_told_or_the_worker_is(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    home = (await world.town()).units[0]
    chair = await world.staff(Role.UNIT_CHAIR, home)
    for _ in range(TURNS):
        case = await waiting(world, home)
        headers = make.keyed() | case.applicant.headers | {"If-Match": '"1"'}
        answers = await asyncio.gather(
            approve(client, chair, case, make.keyed()),
            client.post(f"/applications/{case.id}/withdraw", headers=headers),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412]
        state = await owner.fetchval("select state from application where id = $1", case.id)
        assert state == (State.DISTRICT_REVIEW if answers[0].status_code == 200 else State.WITHDRAWN)


async def test_closing_an_account_takes_back_what_could_still_be_submitted(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    home = (await world.town()).units[0]
    worker = await world.worker(home)
    cases = [
        await world.application(worker, home, state=state, note="请补充材料")
        for state in (State.DRAFT, State.RETURNED, State.PAID, State.REJECTED)
    ]
    assert (await client.delete("/me", headers=worker.headers)).status_code == 204
    states = [await owner.fetchval("select state from application where id = $1", case.id) for case in cases]
    assert states == [State.WITHDRAWN, State.WITHDRAWN, State.PAID, State.REJECTED]
