"""Whatever is done to household files, in whatever order: filed, left, come back, merged, split, handed on.

A short run is part of every suite. A long one: AID_LIFE_EXAMPLES=500 AID_LIFE_STEPS=60; AID_LIFE_SEED=… repeats a run.
"""

import asyncio
import os
import secrets
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from app.applications.path import State
from app.db.database import Database, open_database
from app.db.sealing import Keyring
from app.db.work import Work
from app.households import commands, exits, merging, splitting, steps, transfers
from app.households.exits import Proposal
from app.households.history import undone
from app.households.members import ID_NUMBER
from app.households.path import DEAD_STATES, IN_FORCE, PATH, REASONS
from app.households.queries import by_id_locked
from app.households.steps import Signature
from app.kernel.actor import Actor, Post, Role
from app.organisations.queries import organisation
from tests import make
from tests.households.living import GATES, PEOPLE, UNITS, Acting, place_of
from tests.make import World

PICK = st.integers(0, 9)
ACTIONS = st.sampled_from([a for a in PATH.actions if a not in ("submit", "withdraw", "merge", "propose_exit")])
AWAITED = [State.SUBMITTED, State.DISTRICT_REVIEW, State.APPROVED, State.PAYING]
EXITS = {
    "lifted": (60_000_00, 0, 8), "relieved": (60_000_00, 0, None), "cancelled": (None, None, None),
}  # fmt: skip


class Life(Acting):
    """The invariants hold after whatever was done, or refused."""

    # ---- the worker ----

    @rule(who=PICK, with_=PICK, unit=PICK)
    def a_worker_fills_in_and_submits(self, who: int, with_: int, unit: int) -> None:
        someone, union = self.people[who % PEOPLE], self.unions[unit % UNITS]
        form = make.household_form(someone, members=self.members(someone, with_))
        mine = [row for row in self.files("draft", "returned") if row["person_id"] == someone.id]
        before = [row for row in self.files("lifted", "cancelled") if row["person_id"] == someone.id]
        scope = commands.Scope("440507", **{f"{tier}_id": union.ancestors[tier] for tier in union.ancestors})  # type: ignore[arg-type]
        version = mine[0]["version"] if mine else None
        saved = self.as_worker(
            someone, "save", lambda work, actor: commands.save_draft(work, actor, form, scope, version)
        )
        if saved is None:
            return
        if not mine and any(row["merged_into_id"] is None for row in before):
            again = self.run(self.owner.fetchval("select previous_id from household where id = $1", saved.id))
            assert again in {row["id"] for row in before}
            self.done["relapse"] += 1
        index = self.world.keyring.blind_index(ID_NUMBER, someone.id_number)
        self.as_worker(someone, "submit", lambda work, actor: commands.submit(work, actor, index, saved.version))

    @rule(n=PICK)
    def a_worker_takes_it_back(self, n: int) -> None:
        row = self.pick(n, "draft", "returned", "submitted", "unit_review", "home_visit")
        if row is not None:
            someone = next(each for each in self.people if each.id == row["person_id"])
            self.as_worker(someone, "withdraw", lambda work, actor: commands.withdraw(work, actor, row["version"]))

    @rule(who=PICK, with_=PICK, unit=PICK)
    def a_file_of_long_standing(self, who: int, with_: int, unit: int) -> None:
        someone, members = self.people[who % PEOPLE], self.members(self.people[who % PEOPLE], with_)
        held = {someone.id_number, *(each["id_number"] for each in members)}
        indexes = [self.world.keyring.blind_index(ID_NUMBER, number) for number in held]
        taken = self.run(
            self.owner.fetchval(
                "select (select count(*) from household_member where living and id_number_index = any($1)) "
                "+ (select count(*) from household where person_id = $2 and state <> all($3))",
                indexes, someone.id, list(DEAD_STATES),
            )
        )  # fmt: skip
        if not taken:
            self.run(self.world.household(someone, self.unions[unit % UNITS], members=members))

    @rule(n=PICK, state=st.sampled_from(AWAITED))
    def somebody_waits_for_aid(self, n: int, state: State) -> None:
        row = self.pick(n, "active")
        measure = row and self.world.measures.get((row["id"], "living_aid"))
        if row is not None and (state is not State.PAYING or measure):
            head = next(each for each in self.people if each.id == row["person_id"])
            given = {"household_id": row["id"], "state": state}
            self.run(self.world.application(head, self.unions[0], **given))
            self.done["awaits aid"] += 1

    @rule(n=PICK)
    def an_application_is_over(self, n: int) -> None:
        self.run(
            self.owner.execute(
                "update application set state = 'withdrawn' where id in (select id from application "
                "where city_id = $1 and state not in ('paid', 'rejected', 'withdrawn') order by id offset $2 limit 2)",
                self.city.id, n % 2,
            )
        )  # fmt: skip

    # ---- the unions ----

    @rule(n=PICK, by=PICK, action=ACTIONS)
    def staff_take_a_step(self, n: int, by: int, action: str) -> None:
        row = self.pick(n)
        if row is None:
            return
        said = Signature(note="意见", reason_code=next(iter(REASONS)) if action == "reject" else None)
        self.as_staff(
            by, action, lambda work, actor: steps.act(work, actor, row["id"], row["version"], action, said, GATES)
        )

    @rule(n=PICK, by=PICK)
    def the_next_step_forward(self, n: int, by: int) -> None:
        """What leads on, so that files get somewhere."""
        row = self.pick(n, "submitted", "unit_review", "home_visit", "district_review", "means_check",
                        "city_approval", "exit_proposed")  # fmt: skip
        if row is None:
            return
        action = {"submitted": "accept", "home_visit": "report", "means_check": "conclude"}.get(row["state"], "approve")
        for hand in range(len(self.staff)):
            if self.as_staff(
                by + hand,
                f"on: {action}",
                lambda work, actor: steps.act(work, actor, row["id"], row["version"], action, Signature(), GATES),
            ):
                return

    @rule(n=PICK)
    def a_notice_is_over(self, n: int) -> None:
        row = self.pick(n, "public_notice", "exit_notice")
        if row is None:
            return

        async def end(work: Work) -> None:
            file = await by_id_locked(work.transaction, row["id"])
            assert file is not None
            if row["state"] == "exit_notice":
                ended = await exits.end(work, file)
                assert ended is not None
                self.done[ended["state"]] += 1
            else:
                await steps.take_as_system(work, file, "end_notice")

        self.run(self.as_job(end))

    @rule(n=PICK, kind=st.sampled_from(sorted(EXITS)))
    def an_exit_is_proposed(self, n: int, kind: Any) -> None:
        row = self.pick(n, *IN_FORCE)
        if row is None:
            return
        income, spending, months = EXITS[kind]
        code = "voluntary" if kind == "cancelled" else None
        proposal = Proposal(kind, code, (UUID(int=1),), income, spending, months, 0, 0)
        said = Signature(note="建议退出")
        self.as_staff(
            0,
            f"propose {kind}",
            lambda work, actor: exits.propose(work, actor, row["id"], row["version"], proposal, said, GATES),
        )

    @rule(n=PICK, into=PICK)
    def two_files_become_one(self, n: int, into: int) -> None:
        standing = self.files(*IN_FORCE, "suspended")
        if len(standing) < 2:
            return
        goes = standing.pop(n % len(standing))
        stays = standing[into % len(standing)]
        target = merging.Into(stays["id"], stays["version"], "sibling")
        said = Signature(note="同一家庭")
        self.as_staff(
            2,
            "merge",
            lambda work, actor: merging.merge(work, actor, goes["id"], goes["version"], target, said, GATES),
        )

    @rule(n=PICK, head=st.integers(0, 2), other=st.integers(0, 2))
    def one_file_becomes_two(self, n: int, head: int, other: int) -> None:
        row = self.pick(n, *IN_FORCE)
        if row is not None:
            leaving = splitting.Leaving(head, () if other == head else (other,))
            self.as_staff(
                3, "split", lambda work, actor: splitting.split(work, actor, row["id"], row["version"], leaving, "分户")
            )

    @rule(n=PICK, answer=st.sampled_from(["accept", "accept", "refuse"]), through=st.booleans())
    def a_file_is_handed_on(self, n: int, answer: Any, through: bool) -> None:
        row = self.pick(n, *IN_FORCE, "suspended")
        if row is None:
            return
        to = self.unions[1] if row["unit_id"] == self.unions[0].id else self.unions[0]

        async def offer(work: Work, actor: Actor) -> UUID:
            keeper, other = [await organisation(work.transaction, each) for each in (row["unit_id"], to.id)]
            return await transfers.propose(work, actor, row["id"], row["version"], keeper, other, "调动")

        offered = self.as_staff(0, "offer", offer)
        if offered is None or not through:
            return
        other = Actor(self.receiver.id, self.receiver.session_id, (Post(Role.UNIT_CLERK, place_of(to)),))
        self.staff.append(other)
        self.as_staff(-1, f"hand on: {answer}", lambda w, actor: transfers.end(w, actor, offered, 1, answer, None))
        self.staff.pop()

    # ---- what always holds ----

    @invariant()
    def one_living_household_for_each_person(self) -> None:
        living = Counter(row["person_id"] for row in self.files() if row["state"] not in DEAD_STATES)
        assert all(count == 1 for count in living.values())

    @invariant()
    def members_live_where_the_living_files_say(self) -> None:
        files = {row["id"]: row for row in self.files()}
        held: dict[UUID, set[bytes]] = {file_id: set() for file_id in files}
        rows = self.run(
            self.owner.fetch("select * from household_member where living and household_id = any($1)", list(files))
        )
        assert len({row["id_number_index"] for row in rows}) == len(rows)
        for row in rows:
            held[row["household_id"]].add(row["id_number_index"])
        for file_id, row in files.items():
            if row["state"] in DEAD_STATES:
                assert held[file_id] == set()
            elif row["submitted_at"] is not None and row["state"] != "returned":
                form = self.form(row)
                numbers = {form["head"]["id_number"], *(each["id_number"] for each in form["members"])}
                assert held[file_id] == {self.world.keyring.blind_index(ID_NUMBER, each) for each in numbers}

    @invariant()
    def the_dead_never_change(self) -> None:
        for row in self.files(*DEAD_STATES):
            assert self.dead.setdefault(row["id"], dict(row)) == dict(row)
        assert set(self.dead) == {row["id"] for row in self.files(*DEAD_STATES)}

    @invariant()
    def whoever_waits_for_aid_waits_on_a_living_file(self) -> None:
        astray = self.run(
            self.owner.fetch(
                "select a.number from application a join household h on h.id = a.household_id where a.city_id = $1 "
                "and a.state not in ('paid', 'rejected', 'withdrawn') and h.state = any($2)",
                self.city.id, list(DEAD_STATES),
            )
        )  # fmt: skip
        assert astray == []

    @invariant()
    def the_history_tells_how_it_came_to_be(self) -> None:
        for row in self.files():
            if self.looked_at.get(row["id"]) == row["version"]:
                continue
            self.looked_at[row["id"]] = row["version"]
            state = None
            passed = self.run(
                self.owner.fetch(
                    "select from_state, to_state from household_passage where household_id = $1 order by id", row["id"]
                )
            )
            for step in passed:
                assert state in (None, step["from_state"])
                state = step["to_state"]
            assert state in (None, row["state"])
            if row["submitted_at"] is not None:
                then = undone(self.form(row), self.changes(row["id"]))
                assert self.first.setdefault(row["id"], then) == then


def test_the_life_of_files_in_any_order(
    database_url: str, keyring: Keyring, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.new_event_loop()

    async def opened() -> tuple[Database, Database, asyncpg.Connection]:
        return (
            await open_database(database_url, "aid_jobs", size=2),
            await open_database(database_url, "aid_api", size=2),
            await asyncpg.connect(database_url),
        )

    jobs, Life.api, Life.owner = loop.run_until_complete(opened())
    Life.loop, Life.world, Life.done = loop, World(jobs, keyring), Counter()
    chosen = int(os.environ.get("AID_LIFE_SEED") or secrets.randbelow(2**32))
    print(f"AID_LIFE_SEED={chosen}")  # noqa: T201 - pytest shows it with a failure
    tried = settings(
        max_examples=int(os.environ.get("AID_LIFE_EXAMPLES", "8")),
        stateful_step_count=int(os.environ.get("AID_LIFE_STEPS", "40")),
        deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(chosen)(Life), settings=tried)
    finally:
        print(dict(sorted(Life.done.items())))  # noqa: T201 - what was tried
        for closing in (jobs.close(), Life.api.close(), Life.owner.close()):
            loop.run_until_complete(closing)
        loop.close()
