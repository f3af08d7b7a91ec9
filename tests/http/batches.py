"""Cases by the hundred, and the two calls that deal with them together."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.applications.path import State
from tests.calling import post
from tests.faults.heap import Heap
from tests.make import Case, Guild, Someone, World

PREVIEW, RUN = "/staff/batch_actions/preview", "/staff/batch_actions"


async def many(
    world: World, owner: asyncpg.Connection, home: Guild, count: int, *, state: State = State.UNIT_REVIEW
) -> Sequence[Case]:
    """As many cases that wait in one state, each of somebody else."""
    heap = Heap(world.jobs, world.keyring)
    cases = [await heap.application(await heap.person(home=home, consents=()), home, state=state) for _ in range(count)]
    await heap.pour(owner)
    return cases


async def few(world: World, home: Guild, count: int = 3, **given: Any) -> list[Case]:
    given.setdefault("state", State.UNIT_REVIEW)
    return [await world.application(await world.person(home=home), home, **given) for _ in range(count)]


async def asked(
    client: httpx.AsyncClient, by: Someone, cases: Sequence[Case | UUID], action: str = "approve", **more: Any
) -> httpx.Response:
    ids = [case.id if isinstance(case, Case) else case for case in cases]
    items = [{"application_id": str(each)} for each in ids]
    return await post(client, by, PREVIEW, {"action": action, "items": items, **more})


async def previewed(
    client: httpx.AsyncClient, by: Someone, cases: Sequence[Case | UUID], action: str = "approve", **more: Any
) -> dict[str, Any]:
    answer = await asked(client, by, cases, action, **more)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def run(client: httpx.AsyncClient, by: Someone, token: str, **more: Any) -> httpx.Response:
    return await post(client, by, RUN, {"token": token, **more})


async def done(client: httpx.AsyncClient, by: Someone, token: str) -> dict[str, Any]:
    answer = await run(client, by, token)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def codes(shown: dict[str, Any]) -> list[str | None]:
    return [item["code"] for item in shown["items"]]


async def traces(owner: asyncpg.Connection, cases: Sequence[Case], action: str = "approve") -> dict[str, list[int]]:
    """How often each case has this step in its timeline, in the audit trail, and among the facts."""
    ids = [case.id for case in cases]
    asked_of = {
        "passages": "select application_id as id, count(*) from passage where action = $2 and application_id = any($1)",
        "audited": "select subject_id as id, count(*) from audit_entry "
        "where action = 'application.' || $2 and subject_id = any($1)",
        "facts": "select (body ->> 'application_id')::uuid as id, count(*) from out_message "
        "where name = 'ApplicationMoved' and body ->> 'action' = $2 and (body ->> 'application_id')::uuid = any($1)",
    }
    found = {}
    for name, query in asked_of.items():
        counts = dict(tuple(row) for row in await owner.fetch(f"{query} group by 1", ids, action))
        found[name] = [counts.get(each, 0) for each in ids]
    return found


def each_with(counts: list[int]) -> dict[str, list[int]]:
    """So often in the timeline, in the trail and among the facts."""
    return {"passages": counts, "audited": counts, "facts": counts}
