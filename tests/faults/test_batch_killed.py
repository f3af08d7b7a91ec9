"""kill -9 of the API in the middle of a bulk approval: all of it has happened or nothing, and the token goes on."""

import asyncio
import logging

import asyncpg
import httpx

from app.applications.path import State
from app.audit.chain import verify
from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.actor import Role
from tests import make
from tests.faults.conftest import SCALE
from tests.faults.heap import Heap
from tests.faults.processes import Api
from tests.http.batches import PREVIEW, RUN
from tests.make import Case, Someone, Town

CASES = max(200, int(1_000 * SCALE))
INSTANTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
"""Seconds after the token was sent at which the process is killed."""
log = logging.getLogger(__name__)


async def waiting(heap: Heap, held: asyncpg.Connection, town: Town) -> tuple[Someone, list[Case]]:
    home = town.units[0]
    chair = await heap.staff(Role.UNIT_CHAIR, home)
    cases = [await heap.application(await heap.person(home=home, consents=()), home, state=State.UNIT_REVIEW)
             for _ in range(CASES)]  # fmt: skip
    await heap.pour(held)
    return chair, cases


async def token_for(api: Api, chair: Someone, cases: list[Case]) -> str:
    async with api.client() as client:
        body = {"action": "approve", "items": [{"application_id": str(case.id)} for case in cases]}
        shown = await client.post(PREVIEW, json=body, headers=chair.headers | make.keyed())
    assert shown.status_code == 200, shown.text
    token: str = shown.json()["token"]
    return token


async def sent(api: Api, chair: Someone, token: str) -> httpx.Response | None:
    async with api.client() as client:
        try:
            return await client.post(RUN, json={"token": token}, headers=chair.headers | make.keyed())
        except httpx.TransportError:
            return None


async def standing(held: asyncpg.Connection, cases: list[Case]) -> set[tuple[int, ...]]:
    """How often each case moved, by its version, timeline, trail and facts. One tuple: no half state."""
    rows = await held.fetch(
        """
        select a.version - 1 as moved,
          (select count(*) from passage p where p.application_id = a.id and p.action = 'approve') as passages,
          (select count(*) from audit_entry e where e.subject_id = a.id and e.action = 'application.approve') as trail,
          (select count(*) from out_message m where (m.body ->> 'application_id')::uuid = a.id) as facts
        from application a where a.id = any($1)
        """,
        [case.id for case in cases],
        timeout=60,
    )
    return {tuple(row) for row in rows}


async def test_a_batch_that_was_killed_has_happened_whole_or_not_at_all(
    api: Api, heap: Heap, town: Town, held: asyncpg.Connection, inside: Database
) -> None:
    chair, cases = await waiting(heap, held, town)
    await held.execute("create index on out_message (((body ->> 'application_id')::uuid))")
    token, lost = await token_for(api, chair, cases), 0
    for instant in INSTANTS:
        asking = asyncio.create_task(sent(api, chair, token))
        await asyncio.sleep(instant)
        api.kill()
        answer = await asking
        lost += answer is None
        api.start()
        await api.until_ready()
        seen = await standing(held, cases)
        assert seen in ({(0, 0, 0, 0)}, {(1, 1, 1, 1)}), seen
        assert answer is None or seen == {(1, 1, 1, 1)}
        log.info("killed after %.2f s: %s, %s", instant, "no answer" if answer is None else "answered", seen)
    assert lost > 0
    first, second = await sent(api, chair, token), await sent(api, chair, token)
    assert first is not None
    assert second is not None
    assert first.json()["totals"] == {"done": CASES, "skipped": 0, "amount_fen": CASES * make.AMOUNT_FEN}
    assert first.content == second.content
    assert await standing(held, cases) == {(1, 1, 1, 1)}
    async with inside.begin(Sight("job")) as transaction:
        assert (await verify(transaction))[1] == []
    assert "Traceback" not in api.log
