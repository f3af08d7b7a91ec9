"""Anything in any order, against a model that says what every budget, drawing and account must be.

`AID_LIFE_EXAMPLES=500 AID_LIFE_STEPS=40` for a thorough run; `AID_LIFE_SEED` repeats one.
"""

import asyncio
import os
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.applications.path import Kind, State
from tests.make import NOW, Someone, Town, World

EXAMPLES = int(os.environ.get("AID_LIFE_EXAMPLES", "8"))
STEPS = int(os.environ.get("AID_LIFE_STEPS", "25"))
PICK = st.integers(0, 7)
NEXT: dict[str, tuple[str, ...]] = {
    "city_approval": ("approved", "rejected"),
    "waiting_funds": ("approved", "withdrawn", "city_approval"),
    "approved": ("paying", "city_approval", "waiting_funds"),
    "paying": ("paid", "approved", "payment_failed"),
    "paid": ("payment_failed",),
    "payment_failed": ("approved", "withdrawn"),
    "rejected": ("city_approval",),
    "withdrawn": (),
}
"""Where a case may be moved, by whoever pays it as well."""
CLASSES = {"approved": 0, "payment_failed": 0, "paying": 1, "paid": 2}


class Case:
    """One case of the model: its state, its amount, and what of that came back from the bank and is held."""

    def __init__(self, case_id: UUID, amount: int) -> None:
        self.id, self.amount, self.state, self.back = case_id, amount, "city_approval", 0


class Money(RuleBasedStateMachine):
    """Two funds of one city, drawn in their order; all by statements as the service and its jobs write them."""

    world: World
    owner: asyncpg.Connection
    loop: asyncio.AbstractEventLoop

    def do(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)

    @initialize(first=st.integers(0, 3_000), second=st.integers(0, 6_000))
    def begin(self, first: int, second: int) -> None:
        self.cases: list[Case] = []
        self.books: Counter[str] = Counter()
        self.town: Town = self.do(self.world.town(room_fen=0))
        self.who: Someone = self.do(self.world.person(home=self.town.units[0]))
        self.room = first + second
        for source, room in (("union", first), ("donation", second)):
            self.do(self.world.fund(self.town.city, source=source, room_fen=room))

    @rule(fen=st.integers(1, 2_000))
    def somebody_applies(self, fen: int) -> None:
        if len(self.cases) < 8:
            made = self.do(
                self.world.application(
                    self.who, self.town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.CITY_APPROVAL,
                    amount_fen=fen, submitted_at=NOW,
                )
            )  # fmt: skip
            self.cases.append(Case(made.id, fen))

    def held(self) -> int:
        return sum(case.amount for case in self.cases if case.state in CLASSES)

    def waits_ahead(self, case: Case) -> bool:
        return any(other.state == "waiting_funds" and other.id < case.id for other in self.cases)

    @rule(n=PICK, which=st.integers(0, 2))
    def a_case_is_moved(self, n: int, which: int) -> None:
        if n >= len(self.cases):
            return
        case = self.cases[n]
        ways = NEXT[case.state]
        if which >= len(ways):
            return
        to, holds = ways[which], case.state in CLASSES
        fits = holds or to not in CLASSES or (
            self.held() + case.amount <= self.room and not self.waits_ahead(case)
        )  # fmt: skip
        moved = self.do(self.moved(case, to))
        assert moved is fits, (case.state, to)
        if moved:
            self.posted(case, to)
            case.state = to

    def posted(self, case: Case, to: str) -> None:
        """What the books must say of it."""
        if to == "paid":
            self.books["returned"] -= case.back
            self.books["allocated"] -= case.amount - case.back
            self.books["granted"] += case.amount
            case.back = 0
        elif case.state == "paid":
            self.books["granted"] -= case.amount
            self.books["returned"] += case.amount
            case.back = case.amount
        elif case.state in CLASSES and to not in CLASSES:
            self.written_off(case)

    def written_off(self, case: Case) -> None:
        self.books["returned"] -= case.back
        self.books["allocated"] += case.back
        case.back = 0

    @rule(n=PICK, fen=st.integers(1, 2_000))
    def more_or_less_is_granted(self, n: int, fen: int) -> None:
        """While it is held: more is drawn beside it; of less all is let go of, and drawn anew."""
        if n >= len(self.cases) or self.cases[n].state not in ("approved", "payment_failed", "paying"):
            return
        case = self.cases[n]
        fits = fen == case.amount or (self.held() - case.amount + fen <= self.room and not self.waits_ahead(case))
        assert self.do(self.moved(case, case.state, fen)) is fits, (case.state, case.amount, fen)
        if fits:
            if fen < case.amount:
                self.written_off(case)
            case.amount = fen

    async def moved(self, case: Case, to: str, fen: int | None = None) -> bool:
        try:
            await self.owner.execute(
                "update application set state = $2, version = version + 1, approved_at = coalesce(approved_at, $3), "
                "paid_at = coalesce(paid_at, $3), updated_at = $3, amount_fen = coalesce($4, amount_fen) where id = $1",
                case.id, to, NOW, fen,
            )  # fmt: skip
        except asyncpg.CheckViolationError as refused:
            if refused.constraint_name != "budget_room":
                raise
            return False
        return True

    @invariant()
    def budgets_drawings_and_books_are_those_of_the_model(self) -> None:
        if not hasattr(self, "town"):
            return
        expected = [0, 0, 0]
        for case in self.cases:
            if case.state in CLASSES:
                expected[CLASSES[case.state]] += case.amount
        row = self.do(
            self.owner.fetchrow(
                "select coalesce(sum(reserved_fen), 0)::bigint, coalesce(sum(committed_fen), 0)::bigint, "
                "coalesce(sum(spent_fen), 0)::bigint from budget where city_id = $1",
                self.town.city.id,
            )
        )
        assert list(row) == expected
        drawn = self.do(
            self.owner.fetch(
                "select application_id, sum(amount_fen)::bigint from drawing d join budget b on b.id = d.budget_id "
                "where b.city_id = $1 and d.state <> 'released' group by 1",
                self.town.city.id,
            )
        )
        assert dict(drawn) == {case.id: case.amount for case in self.cases if case.state in CLASSES}
        waiting = self.do(self.owner.fetch("select id from waiting where city_id = $1", self.town.city.id))
        assert {row["id"] for row in waiting} == {case.id for case in self.cases if case.state == "waiting_funds"}
        books = self.do(
            self.owner.fetch(
                "select account, sum(amount_fen)::bigint from ledger_entry e where organisation_id = $1 group by 1",
                self.town.city.id,
            )
        )
        assert {name: fen for name, fen in dict(books).items() if fen} == {k: v for k, v in self.books.items() if v}


async def test_money_is_where_the_model_says(world: World, owner: asyncpg.Connection) -> None:
    loop = asyncio.get_running_loop()

    class Here(Money):
        pass

    Here.world, Here.owner, Here.loop = world, owner, loop
    wanted = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    machine = seed(int(os.environ.get("AID_LIFE_SEED", "1")))(Here)
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=wanted)
