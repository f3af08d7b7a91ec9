"""Whatever is done to a household's plans, in whatever order: one is open at most, and the closed never change."""

import asyncio
from typing import Any

import asyncpg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.db.database import Database, open_database
from app.db.sealing import Keyring
from app.db.transaction import Sight
from app.db.work import Work
from app.households.queries import file
from app.kernel.actor import Actor, Place, Post, Role, Tier
from app.kernel.errors import DomainError
from app.kernel.working_days import Calendar
from app.plans.commands import (
    Change,
    Given,
    NewMeasure,
    Replaced,
    add_measure,
    change_measure,
    close_plan,
    record_service,
    start_plan,
)
from app.plans.rules import MEASURE_KINDS
from app.policy.book import PolicyBook
from tests import make
from tests.make import World

KINDS = st.sampled_from(MEASURE_KINDS[:4])
STATES = st.sampled_from(("proposed", "running", "done", "dropped"))
PICK = st.integers(0, 9)


class Life(RuleBasedStateMachine):
    """A model beside the database: the plans with their state, the measures with theirs."""

    loop: asyncio.AbstractEventLoop
    world: World
    api: Database
    owner: asyncpg.Connection

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    @initialize()
    def begin(self) -> None:
        self.plans: list[list[Any]] = []  # [id, version, state]
        self.measures: list[list[Any]] = []  # [id, plan's place, kind, version, state]
        self.frozen: dict[Any, tuple[Any, ...]] = {}
        self.home = self.run(self._home())
        self.household_id = self.run(self._household())

    async def _home(self) -> make.Guild:
        return (await self.world.town()).units[0]

    async def _household(self) -> Any:
        clerk = await self.world.staff(Role.UNIT_CLERK, self.home)
        place = Place(self.home.id, self.home.code, self.home.name, "unit", Tier.UNIT)
        self.actor = Actor(clerk.id, clerk.session_id, (Post(Role.UNIT_CLERK, place),))
        return await self.world.household(await self.world.person(), self.home, plan=None)

    async def _do(self, use: Any) -> Any:
        """The outcome of a use case in a transaction of its own, or the code of its refusal."""
        try:
            async with self.api.begin(Sight("staff", self.actor.person_id, (self.home.id,))) as transaction:
                return await use(
                    Work(transaction, self.world.keyring, Calendar({}, frozenset()), make.NOW, PolicyBook({}))
                )
        except DomainError as refused:
            return refused.code

    def open_plan(self) -> list[Any] | None:
        return next((plan for plan in self.plans if plan[2] == "open"), None)

    @rule(kind=KINDS, take=st.booleans(), replaced=st.sampled_from(("none", "open", "another")))
    def start(self, kind: Any, take: bool, replaced: str) -> None:
        before = self.open_plan()
        named = {"none": None, "open": before and before[0], "another": self.plans[0][0] if self.plans else None}
        old = Replaced(named[replaced], "partly") if named[replaced] else None

        async def use(work: Work) -> Any:
            row = await file(work.transaction, self.actor, self.household_id, locked=True)
            return await start_plan(work, self.actor, row, [NewMeasure(kind, None, take)], old)

        found = self.run(self._do(use))
        if before is not None and old is None:
            assert found == "plan_already_open"
        elif old is not None and (before is None or old.plan_id != before[0]):
            assert found == "plan_replaced_meanwhile"
        else:
            if before is not None:
                before[1], before[2] = before[1] + 1, "closed"
                self._freeze()
            self.plans.append([found, 1, "open"])
            (measure_id,) = [row["id"] for row in self.run(self._measures(found))]
            self.measures.append([measure_id, len(self.plans) - 1, kind, 1, "running" if take else "proposed"])

    @rule(n=PICK, kind=KINDS, take=st.booleans())
    def add(self, n: int, kind: Any, take: bool) -> None:
        if not self.plans:
            return
        place = n % len(self.plans)
        plan = self.plans[place]
        found = self.run(self._do(lambda work: add_measure(work, self.actor, plan[0], NewMeasure(kind, None, take))))
        there = any(m[1] == place and m[2] == kind and m[4] in ("proposed", "running") for m in self.measures)
        if plan[2] == "closed":
            assert found == "plan_already_closed"
        elif there:
            assert found == "measure_already_there"
        else:
            self.measures.append([found, place, kind, 1, "running" if take else "proposed"])

    @rule(n=PICK, state=STATES, stale=st.booleans())
    def change(self, n: int, state: Any, stale: bool) -> None:
        if not self.measures:
            return
        measure = self.measures[n % len(self.measures)]
        result = "achieved" if state in ("done", "dropped") else None
        change = Change(state, make.TODAY, result, None, take=True)
        expected = measure[3] - stale
        found = self.run(self._do(lambda work: change_measure(work, self.actor, measure[0], expected, change)))
        others = any(
            m is not measure and m[1:3] == measure[1:3] and m[4] in ("proposed", "running") for m in self.measures
        )
        if stale:
            assert found == "stale_version"
        elif self.plans[measure[1]][2] == "closed":
            assert found == "plan_already_closed"
        elif others and state in ("proposed", "running"):
            assert found == "measure_already_there"
        else:
            assert found == measure[3] + 1
            measure[3], measure[4] = found, state

    @rule(n=PICK)
    def serve(self, n: int) -> None:
        if not self.measures:
            return
        measure = self.measures[n % len(self.measures)]
        given = Given(make.TODAY, "某单位", 1, "hour", None)
        found = self.run(self._do(lambda work: record_service(work, self.actor, measure[0], given)))
        if self.plans[measure[1]][2] == "closed":
            assert found == "plan_already_closed"
        elif measure[4] != "running":
            assert found == "measure_not_running"
        else:
            assert not isinstance(found, str)

    @rule(n=PICK)
    def close(self, n: int) -> None:
        if not self.plans:
            return
        plan = self.plans[n % len(self.plans)]
        found = self.run(self._do(lambda work: close_plan(work, self.actor, plan[0], plan[1], "achieved", None)))
        if plan[2] == "closed":
            assert found == "plan_already_closed"
        else:
            assert found == plan[1] + 1
            plan[1], plan[2] = found, "closed"
            self._freeze()

    async def _measures(self, plan_id: Any) -> list[Any]:
        rows: list[Any] = await self.owner.fetch("select * from measure where plan_id = $1 order by id", plan_id)
        return rows

    def _freeze(self) -> None:
        for plan in self.plans:
            if plan[2] == "closed" and plan[0] not in self.frozen:
                self.frozen[plan[0]] = tuple(tuple(row.values()) for row in self.run(self._measures(plan[0])))

    @invariant()
    def one_is_open_at_most_and_the_file_knows(self) -> None:
        if not hasattr(self, "household_id"):
            return
        states = [plan[2] for plan in self.plans]
        assert states.count("open") <= 1
        found = self.run(self.owner.fetch("select id, state from plan where household_id = $1", self.household_id))
        assert {row["id"]: row["state"] for row in found} == {plan[0]: plan[2] for plan in self.plans}
        told = self.run(self.owner.fetchval("select has_open_plan from household where id = $1", self.household_id))
        assert told is ("open" in states)

    @invariant()
    def the_measures_of_closed_plans_are_frozen(self) -> None:
        for plan_id, before in getattr(self, "frozen", {}).items():
            assert tuple(tuple(row.values()) for row in self.run(self._measures(plan_id))) == before


def test_one_plan_is_open_at_most_and_what_is_closed_never_changes(database_url: str, keyring: Keyring) -> None:
    loop = asyncio.new_event_loop()

    async def opened() -> tuple[Database, Database, asyncpg.Connection]:
        jobs = await open_database(database_url, "aid_jobs", size=2)
        return jobs, await open_database(database_url, "aid_api", size=2), await asyncpg.connect(database_url)

    jobs, Life.api, Life.owner = loop.run_until_complete(opened())
    Life.loop, Life.world = loop, World(jobs, keyring)
    try:
        run_state_machine_as_test(
            Life, settings=settings(max_examples=25, stateful_step_count=25, deadline=None, print_blob=True)
        )
    finally:
        for closing in (jobs.close(), Life.api.close(), Life.owner.close()):
            loop.run_until_complete(closing)
        loop.close()
