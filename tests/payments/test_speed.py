"""A batch of a thousand is built, frozen and exported within two seconds. All of it: AID_PAYMENT_LINES=1000."""

import os
import time
from uuid import UUID

import asyncpg
import httpx

from app.applications.path import Kind, State
from app.kernel.ids import new_id
from app.kernel.masking import mask_card
from app.payments.rules import reference_of
from app.people.card_commands import CARD_NUMBER, HOLDER
from app.people.tables import BankCard
from tests import make
from tests.faults.heap import Heap
from tests.paying import SUCCESS, build, card_number, result_file, stepped, tell
from tests.payments.conftest import Till

LINES = int(os.environ.get("AID_PAYMENT_LINES", "200"))
SECONDS = 2.0


async def waiting(till: Till, owner: asyncpg.Connection, count: int) -> None:
    """So many insured claims that were approved, each of somebody else with a card that was checked."""
    heap, home = Heap(till.world.jobs, till.world.keyring), till.town.units[0]
    seal, index = till.world.keyring.seal_text, till.world.keyring.blind_index
    for _ in range(count):
        someone = await heap.person(home=home, consents=())
        card_id, digits = new_id(), card_number()
        await heap.insert(
            BankCard, id=card_id, created_at=make.NOW, person_id=someone.id, checked="passed", state="current",
            holder=seal(HOLDER, card_id, someone.name), number=seal(CARD_NUMBER, card_id, digits),
            number_index=index(CARD_NUMBER, digits), number_masked=mask_card(digits), bank_name="工行", branch="汕头",
        )  # fmt: skip
        await heap.application(someone, home, kind=Kind.SECONDARY_MEDICAL, state=State.APPROVED)
    await heap.pour(owner)


async def test_a_full_batch_is_built_frozen_and_exported_in_time_and_every_line_of_it_is_paid(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    await waiting(till, owner, LINES)
    took: dict[str, float] = {}

    begun = time.perf_counter()
    answer = await build(client, till.maker, till.town.city)
    took["build"] = time.perf_counter() - begun
    batch = answer.json()["batch"]
    assert (answer.status_code, batch["line_count"]) == (201, LINES)
    for action, by in (("freeze", till.maker), ("confirm", till.checker), ("export", till.maker)):
        begun = time.perf_counter()
        batch = await stepped(client, by, batch, action)
        took[action] = time.perf_counter() - begun
    print({what: round(seconds, 3) for what, seconds in took.items()}, f"AID_PAYMENT_LINES={LINES}")  # noqa: T201
    assert took["build"] + took["freeze"] + took["export"] <= SECONDS
    file = await client.get(f"/staff/batches/{batch['id']}/file", headers=till.maker.headers)
    assert len(file.content.decode("gb18030").splitlines()) == LINES + 2
    states = "select count(*) from payment_line where batch_id = $1 and state = 'sent'"
    assert await owner.fetchval(states, UUID(batch["id"])) == LINES
    rows = [(reference_of(each["id"]), each["amount_fen"], SUCCESS) for each in await owner.fetch(
        "select id, amount_fen from payment_line where batch_id = $1", UUID(batch["id"])
    )]  # fmt: skip
    begun = time.perf_counter()
    done = await tell(client, till.checker, batch, result_file(rows))
    print(f"import {time.perf_counter() - begun:.3f}")  # noqa: T201
    assert (done.json()["paid"], done.json()["missing"]) == (LINES, 0), done.text
