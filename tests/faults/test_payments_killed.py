"""kill -9 of the API at each step of a payment: a line is sent once or not at all, and its state says which.

Many kills a point: AID_KILLS=100; one of each is part of every suite.
"""

import asyncio
import logging
import os
import random
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.audit.chain import verify
from app.db.database import Database
from app.db.sealing import Keyring
from app.db.transaction import Sight
from app.kernel.actor import Role
from tests import make
from tests.faults.processes import Api
from tests.make import Guild, Someone, World
from tests.paying import BATCHES, carded, lines_of, result_file, tell

KILLS = int(os.environ.get("AID_KILLS", "1"))
SEED = int(os.environ.get("AID_KILL_SEED", "7"))
LINES = 12
POINTS = ("build", "freeze", "confirm", "export", "import")
LATEST = {"build": 0.09, "freeze": 0.06, "confirm": 0.12, "export": 0.09, "import": 0.45}
"""Seconds after it was asked for at which the process is killed at the latest; by then it is mostly done."""
log = logging.getLogger(__name__)


class Payers:
    """A town with a unit of its own for each run, and what two of finance ask for."""

    def __init__(self, api: Api, world: World, owner: asyncpg.Connection) -> None:
        self.api, self.world, self.owner = api, world, owner

    async def settle(self) -> None:
        self.town = await self.world.town()
        self.maker = await self.world.staff(Role.FINANCE_MAKER, self.town.city, consents=())
        self.checker = await self.world.staff(Role.FINANCE_CHECKER, self.town.city, consents=())

    async def approved(self) -> Guild:
        """A unit with as many payments waiting as a batch here has."""
        home = await self.world.union("unit", self.town.streets[0])
        for _ in range(LINES):
            someone = await self.world.person(home=home, consents=())
            await carded(self.world, someone)
            await self.world.application(someone, home, kind=Kind.SECONDARY_MEDICAL, state=State.APPROVED)
        return home

    async def ask(self, point: str, home: Guild, key: str) -> httpx.Response:
        """What takes the payment through this point. A process that dies raises httpx.TransportError."""
        async with self.api.client() as client:
            if point == "build":
                return await self._post(client, self.maker, BATCHES, key, {"organisation_code": home.code})
            batch = await self.batch(home)
            if point == "import":
                lines = await lines_of(client, self.checker, batch)
                rows = [(line["reference"], line["amount_fen"], "0000") for line in lines]
                return await tell(client, self.checker, batch, result_file(rows))
            by = self.checker if point == "confirm" else self.maker
            path = f"{BATCHES}/{batch['id']}/actions"
            return await self._post(client, by, path, key, {"action": point}, batch["version"])

    async def _post(
        self, client: httpx.AsyncClient, by: Someone, path: str, key: str, body: Any, version: int | None = None
    ) -> httpx.Response:
        headers = by.headers | {"Idempotency-Key": key} | ({"If-Match": f'"{version}"'} if version else {})
        return await client.post(path, json=body, headers=headers)

    async def batch(self, home: Guild) -> dict[str, Any]:
        row = await self.owner.fetchrow(
            "select id, version, sha256 from payment_batch where organisation_id = $1 and state <> 'cancelled'", home.id
        )
        return {"id": str(row["id"]), "version": row["version"], "sha256": row["sha256"]}

    async def stands(self, home: Guild) -> tuple[str | None, frozenset[tuple[Any, ...]]]:
        """How the batch of a unit stands, and its lines with their applications: one of each, or it is half done."""
        state = await self.owner.fetchval("select state from payment_batch where organisation_id = $1", home.id)
        rows = await self.owner.fetch(
            """
            select a.state, l.state as line, l.sent_at is not null as sent,
              (select count(*) from payment_line x where x.application_id = a.id) as lines,
              (select count(*) from passage p where p.application_id = a.id and p.action = 'start_payment') as started,
              (select count(*) from passage p where p.application_id = a.id and p.action = 'confirm_payment') as paid
            from application a left join payment_line l on l.application_id = a.id where a.unit_id = $1
            """,
            home.id,
        )
        assert len(rows) == LINES
        return state, frozenset(tuple(row) for row in rows)


WHOLE: dict[str | None, tuple[Any, ...]] = {
    None: ("approved", None, False, 0, 0, 0),
    "built": ("approved", "waiting", False, 1, 0, 0),
    "frozen": ("approved", "waiting", False, 1, 0, 0),
    "confirmed": ("paying", "waiting", False, 1, 1, 0),
    "exported": ("paying", "sent", True, 1, 1, 0),
    "settled": ("paid", "paid", True, 1, 1, 1),
}
"""How every line of a batch and its application stand, by how the batch does."""


@pytest.fixture
async def payers(api: Api, inside: Database, demo_keyring: Keyring, held: asyncpg.Connection) -> Payers:
    found = Payers(api, World(inside, demo_keyring), held)
    await found.settle()
    return found


@pytest.mark.parametrize("point", POINTS)
async def test_a_payment_that_was_killed_has_passed_a_point_whole_or_not_at_all(
    payers: Payers, inside: Database, point: str
) -> None:
    dice, seen = random.Random(f"{SEED} {point}"), Counter[str | None]()
    for run in range(KILLS):
        home = await payers.approved()
        for earlier in POINTS[: POINTS.index(point)]:
            before = await payers.ask(earlier, home, make.unique())
            assert before.is_success, before.text
        key = make.unique()
        asking = asyncio.create_task(payers.ask(point, home, key))
        await asyncio.sleep(dice.random() * LATEST[point])
        payers.api.kill()
        try:
            answer: httpx.Response | None = await asking
        except httpx.TransportError:
            answer = None
        payers.api.start()
        await payers.api.until_ready()
        state, lines = await payers.stands(home)
        assert lines == {WHOLE[state]}, (run, state, lines)
        done = state == ("built", "frozen", "confirmed", "exported", "settled")[POINTS.index(point)]
        assert answer is None or done, (run, state)
        seen[state] += 1
        # Whoever asks again, the same or anew, gets it done once.
        again = await payers.ask(point, home, key if answer is None and not done else make.unique())
        assert again.is_success is not done, (again.status_code, again.text)
        for later in POINTS[POINTS.index(point) + 1 :]:
            assert (await payers.ask(later, home, make.unique())).is_success
        assert await payers.stands(home) == ("settled", frozenset({WHOLE["settled"]}))
    log.info("%s: %s AID_KILL_SEED=%s AID_KILLS=%s", point, dict(seen), SEED, KILLS)
    print(f"{point}: {dict(seen)} AID_KILL_SEED={SEED} AID_KILLS={KILLS}")  # noqa: T201 - what was tried
    async with inside.begin(Sight("job")) as transaction:
        assert (await verify(transaction))[1] == []
    assert "Traceback" not in payers.api.log
