"""Submitting takes no lock of the person: whatever happens meanwhile is seen by the statement that writes."""

import asyncio

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.applications.path import State
from app.applications.steps import KEYED_STEP
from app.db.statements import Statement
from app.db.transaction import Sight
from app.http.service import Service
from app.kernel.ids import new_id
from tests import make
from tests.make import Case, Someone, World

EVERYTHING_FEN = 900_000_00
"""More than the caps of a year give."""


async def submit(client: httpx.AsyncClient, case: Case, headers: dict[str, str] | None = None) -> httpx.Response:
    headers = (headers or make.keyed()) | case.applicant.headers | {"If-Match": '"1"'}
    return await client.post(f"/applications/{case.id}/submit", headers=headers)


async def ready(world: World, count: int) -> list[Case]:
    """A worker with drafts that each ask for everything."""
    home = (await world.town()).units[0]
    worker = await world.worker(home)
    form = make.living_aid(requested_fen=EVERYTHING_FEN)
    return [await world.application(worker, home, state=State.DRAFT, form=form) for _ in range(count)]


async def given(owner: asyncpg.Connection, worker: Someone) -> list[int]:
    rows = await owner.fetch(
        "select amount_fen from application where applicant_id = $1 and state = 'submitted' order by submission_no",
        worker.id,
    )
    return [row["amount_fen"] for row in rows]


async def test_of_applications_submitted_at_once_each_sees_what_the_ones_before_it_were_given(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    (alone,) = await ready(world, 1)
    await submit(client, alone)
    (cap,) = await given(owner, alone.applicant)
    for _ in range(20):
        cases = await ready(world, 4)
        answers = await asyncio.gather(*(submit(client, case) for case in cases))
        assert {answer.status_code for answer in answers} == {200}
        assert sum(await given(owner, cases[0].applicant)) == cap
        counted = await owner.fetch(
            "select submission_no from application where applicant_id = $1", cases[0].applicant.id
        )
        assert sorted(row["submission_no"] for row in counted) == [1, 2, 3, 4]


async def test_one_draft_submitted_from_two_phones_at_once_is_filed_once(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    for _ in range(20):
        (case,) = await ready(world, 1)
        answers = await asyncio.gather(*(submit(client, case) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
        assert await owner.fetchval("select count(*) from passage where application_id = $1", case.id) == 1


async def test_a_key_used_for_two_drafts_at_once_files_one_of_them(client: httpx.AsyncClient, world: World) -> None:
    for _ in range(20):
        cases, key = await ready(world, 2), make.keyed()
        answers = await asyncio.gather(*(submit(client, case, key) for case in cases))
        codes = {answer.json().get("code", "filed") for answer in answers}
        assert codes <= {"filed", "idempotency_key_reused", "idempotency_in_progress"}
        assert [answer.status_code for answer in answers].count(200) == 1


async def test_an_account_is_closed_or_something_is_submitted_from_it_and_never_both(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    outcomes = set()
    for turn in range(30):
        (case,) = await ready(world, 1)

        async def close(case: Case = case, turn: int = turn) -> httpx.Response:
            await asyncio.sleep(turn % 6 / 1000)
            return await client.delete("/me", headers=case.applicant.headers)

        filed, closed = await asyncio.gather(submit(client, case), close())
        outcomes.add((filed.status_code, closed.status_code))
        state = await owner.fetchval("select state from application where id = $1", case.id)
        gone = await owner.fetchval("select closed_at is not null from person where id = $1", case.applicant.id)
        assert (state, gone) == (("submitted", False) if filed.status_code == 200 else ("withdrawn", True))
    assert outcomes <= {(200, 409), (401, 204), (404, 204)}


@pytest.mark.parametrize("whose", ["another", "nobody"])
async def test_the_writing_statement_sees_only_what_it_tells_the_database_it_may_see(
    app: FastAPI, world: World, owner: asyncpg.Connection, whose: str
) -> None:
    (case,), (other,) = await ready(world, 1), await ready(world, 1)
    service: Service = app.state.service
    sight = Sight("worker", other.applicant.id if whose == "another" else None)
    values = dict.fromkeys(_names(KEYED_STEP)) | {
        "id": case.id, "version": 1, "lock": 7, "to_state": "submitted",
        "from_state": "draft", "action": "submit", "round": 1, "step_round": 1, "now": make.NOW, "submission_no": 1,
        "passage_id": new_id(), "audit_id": new_id(), "message_id": new_id(), "counts_as_review": False,
        "details": {}, "body": {}, "submitted_at": make.NOW,
    }  # fmt: skip
    async with service.database.glance(sight) as glance:
        found = await glance.stroke(KEYED_STEP, **values)
    assert found is not None
    assert (found["version"], found["free"]) == (None, True)
    assert await owner.fetchval("select state from application where id = $1", case.id) == "draft"


def _names(statement: Statement) -> list[str]:
    return [name for name in statement.names if not name.startswith("told_")]
