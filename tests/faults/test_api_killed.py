"""kill -9 of the API, again and again, while people submit: nothing acknowledged is lost, nothing is done twice."""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import httpx

from app.audit.chain import verify
from app.db.database import Database
from app.db.transaction import Sight
from tests import make
from tests.faults.conftest import SCALE
from tests.faults.heap import Heap, drafts
from tests.faults.processes import Api
from tests.make import Case, Town

SUBMITS = max(200, int(5_000 * SCALE))
KILLS = max(3, int(10 * SCALE))
CLIENTS = 20
log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What the clients were told."""

    done: dict[str, bytes] = field(default_factory=dict)
    """The acknowledged answers by application."""
    tries: Counter[str] = field(default_factory=Counter)
    marks: dict[int, asyncio.Event] = field(default_factory=dict)
    """What happens when so many have been acknowledged."""

    def acknowledge(self, case: Case, answer: httpx.Response) -> None:
        self.tries["replayed" if "idempotency-replayed" in answer.headers else "answered"] += 1
        self.done[str(case.id)] = answer.content
        if len(self.done) in self.marks:
            self.marks[len(self.done)].set()


async def submit_until_answered(client: httpx.AsyncClient, case: Case, tally: Tally) -> None:
    """One key for all tries, as a phone does that does not know what became of its request."""
    headers = case.applicant.headers | make.keyed() | {"If-Match": '"1"'}
    while True:
        try:
            answer = await client.post(f"/applications/{case.id}/submit", headers=headers)
        except httpx.TransportError:
            tally.tries["lost"] += 1
            await asyncio.sleep(0.2)
            continue
        if answer.status_code == 200:
            tally.acknowledge(case, answer)
            return
        assert answer.status_code in (409, 503), answer.text
        assert answer.json()["code"] in ("idempotency_in_progress", "unavailable"), answer.text
        tally.tries[answer.json()["code"]] += 1
        await asyncio.sleep(0.05)


async def everybody_submits(api: Api, cases: Sequence[Case], tally: Tally) -> None:
    waiting = iter(cases)
    async with api.client() as client:

        async def one_phone() -> None:
            for case in waiting:
                await submit_until_answered(client, case, tally)

        await asyncio.gather(*(one_phone() for _ in range(CLIENTS)))


async def kill_now_and_then(api: Api, tally: Tally) -> list[float]:
    """A kill whenever the next part of the work is done, at an instant that nobody chose; how long each was felt."""
    chance, felt = random.Random(20261123), []
    tally.marks = {SUBMITS * number // (KILLS + 1): asyncio.Event() for number in range(1, KILLS + 1)}
    for mark in tally.marks.values():
        await mark.wait()
        await asyncio.sleep(chance.uniform(0, 0.05))
        api.kill()
        begun = time.monotonic()
        api.start()
        await api.until_ready()
        felt.append(time.monotonic() - begun)
    return felt


async def test_nothing_is_lost_and_nothing_is_done_twice(
    api: Api, heap: Heap, town: Town, held: asyncpg.Connection, inside: Database
) -> None:
    cases = await drafts(heap, held, town.units[0], SUBMITS)
    tally, begun = Tally(), time.monotonic()
    felt, _ = await asyncio.gather(kill_now_and_then(api, tally), everybody_submits(api, cases, tally))
    log.info("%d submits, %d kills, %.1f s, %s, ready again after %.1f s at most",
             SUBMITS, len(felt), time.monotonic() - begun, dict(tally.tries), max(felt))  # fmt: skip
    assert len(felt) == KILLS
    assert tally.tries["lost"] > 0
    assert max(felt) < 10
    assert set(tally.done) == {str(case.id) for case in cases}
    counted = await held.fetchrow(
        """
        select
          (select count(*) from application where state = 'submitted' and version = 2) as filed,
          (select count(*) from passage where action = 'submit') as steps,
          (select count(distinct application_id) from passage where action = 'submit') as stepped,
          (select count(*) from out_message) as facts,
          (select count(*) from keyed_answer) as answers,
          (select count(*) from audit_entry where action = 'application.submit') as audited
        """
    )
    assert dict(counted) == dict.fromkeys(("filed", "steps", "stepped", "facts", "answers", "audited"), SUBMITS)
    async with inside.begin(Sight("job")) as transaction:
        read, breaks = await verify(transaction)
    assert (read, breaks) == (SUBMITS, [])


async def test_the_api_said_nothing_of_errors_while_it_was_killed(api: Api) -> None:
    assert "unhandled_error" not in api.log
    assert "Traceback" not in api.log
