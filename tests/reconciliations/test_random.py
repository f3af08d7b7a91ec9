"""Random payments, and a statement and books that were changed at random: the breaks are the changes, nothing else.

`AID_RECONCILE_EXAMPLES=1000` for many; `AID_RECONCILE_SEED=…` repeats one.
"""

import logging
import os
import random
from collections.abc import Callable, Sequence
from uuid import UUID

import asyncpg
import httpx

from app.jobs.running import Jobs
from app.kernel.ids import new_id
from tests.make import World, unique
from tests.reconciliations.making import Books, Line, Told, books_of, in_order

EXAMPLES = int(os.environ.get("AID_RECONCILE_EXAMPLES", "5"))
SEED = int(os.environ.get("AID_RECONCILE_SEED", "20261130"))
STATES = ("paid", "failed", "returned", "written_off")
log = logging.getLogger(__name__)
Statement = dict[UUID, list[Told]]
"""What a bank tells of each line."""


class Story:
    """One example: its payments, what is told of them, and what of it was changed."""

    def __init__(self, dice: random.Random, books: Books, lines: Sequence[Line]) -> None:
        self.dice, self.books, self.lines = dice, books, lines
        self.told: Statement = {line.id: in_order(line) for line in lines}
        self.strange, self.expected = list[Told](), set[tuple[str, str]]()
        for line in lines:  # a bank may also take what it refuses and bring it back
            if line.state == "failed" and dice.random() < 0.3:
                self.told[line.id] = [line.out(), line.back()]

    def break_of(self, kind: str, line: Line) -> None:
        self.expected.add((kind, str(line.id)))

    async def change(self, line: Line) -> None:
        ways = OF_PAID if line.state == "paid" else OF_UNPAID
        await self.dice.choice(ways)(self, line)

    async def drop(self, line: Line) -> None:
        self.told[line.id] = []
        self.break_of("not_at_bank", line)

    async def miscount(self, line: Line) -> None:
        self.told[line.id] = [line.out(line.fen + self.dice.choice([-1, 1, 100_000]))]
        self.break_of("amount_differs", line)

    async def double(self, line: Line) -> None:
        self.told[line.id] += [line.out()]
        self.break_of("paid_twice", line)

    async def bring_back(self, line: Line) -> None:
        self.told[line.id] += [line.back()]
        self.break_of("returned_at_bank", line)

    async def bring_back_twice(self, line: Line) -> None:
        self.told[line.id] += [line.back(), line.back()]
        self.break_of("returned_unpaid", line)

    async def pay(self, line: Line) -> None:
        self.told[line.id] += [line.out()]
        self.break_of("paid_at_bank", line)

    async def forget_books(self, line: Line) -> None:
        await self.books.past(
            "delete from ledger_entry where transaction_id in (select id from ledger_transaction "
            "where application_id = $1)", line.application_id,
        )  # fmt: skip
        self.expected.add(("ledger_differs", str(line.application_id)))

    async def approve_otherwise(self, line: Line) -> None:
        fen = line.fen + self.dice.choice([1, 5_000])
        await self.books.past("update application set amount_fen = $2 where id = $1", line.application_id, fen)
        self.expected.add(("approved_differs", str(line.application_id)))

    async def lose_result(self, line: Line) -> None:
        await self.books.past(
            "update payment_line set state = 'sent', answered_at = null where id = $1", line.id
        )  # fmt: skip
        await self.books.past("update application set state = 'paying' where id = $1", line.application_id)
        await self.forget_books(line)
        self.expected.discard(("ledger_differs", str(line.application_id)))
        self.break_of("result_missing", line)

    def add_strangers(self, count: int) -> None:
        for _ in range(count):
            direction = self.dice.choice(["out", "in"])
            remark = self.dice.choice(["手续费", f"转账 {new_id().hex.upper()}", "利息", "1" * 31])
            self.strange.append(Told(direction, self.dice.randint(1, 10**7), remark=remark, reference=unique("X")))


Way = Callable[[Story, Line], object]
OF_PAID = (
    Story.drop, Story.miscount, Story.double, Story.bring_back, Story.bring_back_twice, Story.forget_books,
    Story.approve_otherwise, Story.lose_result,
)  # fmt: skip
OF_UNPAID = (Story.pay,)


async def example(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, jobs: Jobs, seed: str
) -> tuple[int, int]:
    dice, books = random.Random(seed), await books_of(world, owner)
    wanted = [(dice.randint(1, 10**7), dice.choices(STATES, (6, 1, 2, 1))[0]) for _ in range(dice.randint(5, 40))]
    lines = await books.plant(wanted)
    story = Story(dice, books, lines)
    changed = dice.sample(lines, k=dice.randint(0, min(12, len(lines))))
    for line in changed:
        await story.change(line)
    story.add_strangers(dice.randint(0, 5))
    told = [*story.strange, *(each for of_line in story.told.values() for each in of_line)]
    dice.shuffle(told)
    for part in (told[::2], told[1::2]):
        if part:
            await books.told(client, part)
    if not told:
        await books.told(client, [Told("out", 1, reference="only")])
        story.strange.append(Told("out", 1, reference="only"))
    run = await books.reconciled(client, jobs)
    rows = await owner.fetch(
        "select id, bank_reference from bank_statement_line where organisation_id = $1", books.city.id
    )
    ids = {row["bank_reference"]: str(row["id"]) for row in rows}
    kinds = {"out": "unknown_payment", "in": "unknown_receipt"}
    expected = story.expected | {(kinds[each.direction], ids[each.reference]) for each in story.strange}
    assert await books.found(client) == expected, seed
    assert run["opened"] == len(expected), seed
    agrees = {kind for kind, _ in expected} <= {"unknown_payment", "unknown_receipt"}
    assert run["figures"]["agree"] or not agrees, seed
    again = await books.reconciled(client, jobs)
    assert (again["opened"], again["mended"]) == (0, 0), seed
    return len(lines), len(expected)


async def test_the_breaks_are_what_was_changed_and_nothing_else(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, background: Jobs
) -> None:
    payments = breaks = 0
    for n in range(EXAMPLES):
        lines, found = await example(client, world, owner, background, f"{SEED} {n}")
        payments, breaks = payments + lines, breaks + found
    log.info("seed %d: %d examples, %d payments, %d breaks", SEED, EXAMPLES, payments, breaks)
    assert breaks > 0
