"""Acting on applications as their applicants, every desk of the union and the worker process do.

A refusal is an answer, and leaves nothing behind. What the table, the posts and the signatures allow is done.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
from hypothesis.stateful import RuleBasedStateMachine

from app.applications.path import BATCH, LINE, Action, gates_shut, path_of
from app.applications.supplements.commands import lapse
from app.db.database import open_database
from app.db.sealing import Keyring
from app.jobs.handlers import HANDLERS
from app.jobs.notices.opening import open_notice
from app.jobs.running import Jobs
from app.kernel.actor import Permission, Role
from app.kernel.ids import new_id
from app.main import create_app
from app.settings import Settings
from app.workflow.path import Step
from tests import make
from tests.applications.desks import Hand, act, applicant, ask, body_of, hand, may_undo, own, seated
from tests.applications.story import SIGNERS, Row, Story, follows, stories
from tests.contract import hold_to_the_contract
from tests.make import Someone, World
from tests.notices.making import jobs_of
from tests.paying import carded

MOST_CASES = 5
SEATS: tuple[tuple[Role, ...], ...] = (
    (Role.UNIT_CLERK,), (Role.UNIT_CLERK,), (Role.UNIT_CHAIR,), (Role.UNIT_CHAIR,),
    (Role.UNIT_CLERK, Role.UNIT_CHAIR),
    (Role.DISTRICT_REVIEWER,), (Role.DISTRICT_LEADER,), (Role.DISTRICT_REVIEWER, Role.CITY_REVIEWER),
    (Role.CITY_REVIEWER,), (Role.CITY_LEADER,), (Role.MUTUAL_AID_OFFICER,), (Role.MUTUAL_AID_OFFICER,),
    (Role.FINANCE_MAKER,), (Role.FINANCE_MAKER,), (Role.FINANCE_CHECKER,), (Role.FINANCE_CHECKER,),
    (Role.FINANCE_MAKER, Role.FINANCE_CHECKER), (Role.CITY_LEADER, Role.FINANCE_MAKER),
    (Role.AUDITOR,),
)  # fmt: skip
"""Who sits where; some of them on two chairs."""
EXCUSED: Mapping[str, tuple[str, ...]] = {
    Action.SUBMIT: ("subject_already_aided",),
}
"""Why a step that the table, the posts and the signatures allow may be refused all the same."""
PAST, LONG = timedelta(minutes=10), timedelta(hours=-1)
"""When the worker process publishes: so long ago that the time is over, or so that it lasts."""


@dataclass
class Told:
    """An answer, as far as it matters here."""

    status: int
    body: Any

    @property
    def done(self) -> bool:
        return self.status < 300

    @property
    def code(self) -> str:
        return "done" if self.done else str(self.body["code"])


@dataclass
class Stage:
    """What a run stands on: a loop, the API in it, the database as its owner sees it. Opened once for all examples."""

    loop: asyncio.AbstractEventLoop
    stack: AsyncExitStack
    world: World
    owner: asyncpg.Connection
    http: httpx.AsyncClient
    jobs: Jobs
    done: Counter[str]

    def close(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()


def staged(configured: Settings, keyring: Keyring) -> Stage:
    loop = asyncio.new_event_loop()

    async def opened() -> Stage:
        assert configured.database_url is not None
        url, stack = configured.database_url.get_secret_value(), AsyncExitStack()
        jobs = await open_database(url, "aid_jobs", size=4)
        stack.push_async_callback(jobs.close)
        owner = await asyncpg.connect(url)
        stack.push_async_callback(owner.close)
        app = create_app(configured)
        await stack.enter_async_context(app.router.lifespan_context(app))
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://aid.test/api/v1", event_hooks={"response": [hold_to_the_contract]},
        )  # fmt: skip
        await stack.enter_async_context(http)
        world = World(jobs, keyring)
        return Stage(loop, stack, world, owner, http, jobs_of(world), Counter())

    return loop.run_until_complete(opened())


class Acting(RuleBasedStateMachine):
    """Two workers and one who sits everywhere too, their applications, and a town with somebody at every desk."""

    stage: Stage

    def run(self, awaitable: Any) -> Any:
        return self.stage.loop.run_until_complete(awaitable)

    def begin(self) -> None:
        self.since = new_id()
        self.cases: list[UUID] = []
        self.seen: dict[UUID, Story] = {}
        self.batch: dict[str, Any] | None = None
        """The one that is on its way."""
        self.heard: set[UUID] = set()
        """Facts that the worker process has dealt with."""
        self.run(self._begin())

    async def _begin(self) -> None:
        world = self.stage.world
        town = await world.town()
        self.home = town.units[0]
        self.hands = [await seated(world, town, *roles) for roles in SEATS]
        everywhere = tuple((role, town.city) for role in Role)
        self.applicants = [await applicant(world, self.home) for _ in range(2)]
        self.applicants.append(await applicant(world, self.home, posts=everywhere))
        self.hands.append(Hand(self.applicants[-1][0], everywhere))
        for someone, _ in self.applicants:
            await carded(world, someone)
        self.hands.append(await hand(world, *((role, town.districts[1]) for role in Role)))

    # ---- what is there ----

    def pick(self, n: int) -> Story | None:
        return self.seen[self.cases[n % len(self.cases)]] if self.cases else None

    def where(self, n: int, holds: Callable[[Story], Any]) -> Story | None:
        """One of those of which this is so, if there is any: what can be done is found more often than by chance."""
        found = [story for story in self.seen.values() if holds(story)]
        return found[n % len(found)] if found else None

    def of(self, story: Story) -> Someone:
        return next(who for who, _ in self.applicants if who.id == story.row["applicant_id"])

    def student(self, story: Story) -> str:
        return next(student for who, student in self.applicants if who.id == story.row["applicant_id"])

    def look(self) -> None:
        """See how everything stands now, after what it was before."""
        now = self.run(stories(self.stage.owner, self.cases, self.since))
        for case_id, story in now.items():
            if case_id in self.seen:
                follows(self.seen[case_id], story)
        self.seen = now

    # ---- acting ----

    async def _sent(self, by: Someone, method: str, path: str, body: Any, version: int | None) -> Told:
        headers = by.headers | (make.keyed() if method == "POST" else {})
        headers |= {"If-Match": f'"{version}"'} if version is not None else {}
        return told_of(await self.stage.http.request(method, path, json=body, headers=headers))

    def send(
        self, what: str, by: Someone, path: str, body: Any, version: int | None = None, *, put: bool = False
    ) -> Told:
        return self.settle(what, self.run(self._sent(by, "PUT" if put else "POST", path, body, version)))

    def settle(self, what: str, told: Told) -> Told:
        """Whatever was asked for is counted; what was refused has left everything as it was."""
        self.stage.done[str(what) if told.done else f"{what}: {told.code}"] += 1
        assert told.status in (200, 201, 403, 404, 409, 412, 422), told
        before = self.seen
        self.look()
        if not told.done:
            assert all(_same(before[case_id], self.seen[case_id]) for case_id in before), told
        return told

    def step(self, story: Story, by: Hand, action: str, *, stale: bool = False, words: bool = True) -> Told:
        """A step by staff; done exactly if it may be."""
        row = story.row
        step = row_of(story, action)
        body = body_of(action, step) if words else {"action": action}
        version = row["version"] - stale
        told = self.settle(action, told_of(self.run(act(self.stage.http, by.who, row["id"], version, body))))
        mine, signed = by.who.id == row["applicant_id"], _signed(story, by, action)
        may = step is not None and self._may(story, by, step) and not mine and row["submitted_at"] is not None
        if may and not stale and (words or not step.needs_note) and not (signed and step.counts_as_review):
            assert told.done or told.code in EXCUSED.get(action, ()), (action, told)
        else:
            assert not told.done, (action, told)
        return told

    def _may(self, story: Story, by: Hand, step: Step) -> bool:
        """Whether their posts, and how the case stands, allow a step at /actions."""
        if step.action == Action.UNDO:
            last = last_move(story)
            assert last is not None
            mine = last["person_id"] == by.who.id
            appealed = any(each["decided_at"] is None and each["withdrawn_at"] is None for each in story.appeals)
            free = story.row["supplement"] != "open" and not appealed and not mine
            return free and may_undo(path_of(story.row), step, by, self.home, last["post_role"])
        if step.action == Action.ASK_SUPPLEMENT or step.carries in (BATCH, LINE):
            return False  # it has a door of its own
        return by.may(step.by, self.home) and not _shut(story, step)

    def asks(self, story: Story, by: Hand) -> Told:
        """A reviewer asks for more; done exactly if they may."""
        row, step = story.row, row_of(story, Action.ASK_SUPPLEMENT)
        answer = self.run(ask(self.stage.http, by.who, row["id"], row["version"]))
        told = self.settle(Action.ASK_SUPPLEMENT, told_of(answer))
        mine = by.who.id == row["applicant_id"]
        may = step is not None and by.may(step.by, self.home) and not mine and not _shut(story, step)
        signed = _signed(story, by, Action.ASK_SUPPLEMENT)
        assert told.done is (may and not signed), told
        return told

    def theirs(self, story: Story, action: str, *, stale: bool = False) -> Told:
        """A step by the applicant."""
        row = story.row
        answer = self.run(own(self.stage.http, self.of(story), row["id"], row["version"] - stale, action))
        told = self.settle(action, told_of(answer))
        step = row_of(story, action)
        if step is None or stale or _shut(story, step):
            assert not told.done, (action, told)
        elif action != Action.APPEAL:
            assert told.done or told.code in EXCUSED.get(action, ()), (action, told)
        return told

    def with_permission(self, permission: Permission, first: int) -> list[Hand]:
        """Who may, beginning somewhere."""
        found = [each for each in self.hands if each.may(permission, self.home)]
        return found[first % len(found) :] + found[: first % len(found)] if found else []

    # ---- the worker process ----

    async def _hear(self, ago: timedelta) -> int:
        """Deal with the facts that it has not heard of yet; what it publishes, as if that were so long ago."""
        facts = await self.stage.owner.fetch(
            """
            select id, name, body from out_message where id > $1 and not id = any($2) and (
              name = 'ApplicationMoved' and (body->>'application_id')::uuid = any($3)
              or name = 'InvestigationDecided' and (body->>'notice_id')::uuid in (
                select id from notice where application_id = any($3)))
            order by id
            """,
            self.since, list(self.heard), self.cases,
        )  # fmt: skip
        for fact in facts:
            body = orjson.loads(fact["body"])
            for handle in HANDLERS[fact["name"]]:
                publishes = handle is open_notice or body.get("outcome") == "dismissed"
                async with self.stage.jobs.work() as work:
                    await handle(replace(work, now=work.now - ago * publishes), body)
            self.heard.add(fact["id"])
        return len(facts)

    async def lapsed(self, story: Story, *, late: bool) -> bool:
        """The worker process looks at what was asked for; `late`: after its days."""
        if late:
            await self.stage.owner.execute(
                "update supplement set created_at = created_at - interval '60 days', "
                "due_at = due_at - interval '60 days' where application_id = $1 and state = 'open'",
                story.row["id"],
            )
        async with self.stage.jobs.work() as work:
            return await lapse(work, story.row["id"])

    def hear(self, ago: timedelta) -> None:
        self.stage.done["facts heard of"] += self.run(self._hear(ago))
        self.look()


def told_of(answer: httpx.Response) -> Told:
    return Told(answer.status_code, answer.json())


def _same(before: Story, now: Story) -> bool:
    return all(
        [dict(row) for row in getattr(before, part)] == [dict(row) for row in getattr(now, part)]
        for part in ("passages", "facts", "entries", "notices", "appeals", "supplements")
    ) and dict(before.row) == dict(now.row)


def _signed(story: Story, by: Hand, action: str) -> bool:
    """Whether they signed this round, in a way that keeps them from this action."""
    if action == Action.UNDO:
        # Of the round that this ends, only what was signed before the decision stands in the next.
        last = last_move(story)
        before = story.passages[: story.passages.index(last)] if last else ()
        return any(_signs(step, story, by) and step["action"] in SIGNERS for step in before)
    return any(_signs(step, story, by) for step in story.passages)


def _signs(step: Row, story: Story, by: Hand) -> bool:
    mine = step["round"] == story.row["round"] and step["person_id"] == by.who.id
    return mine and bool(step["counts_as_review"])


def _shut(story: Story, step: Step) -> bool:
    return bool(gates_shut(story.row["supplement"]).intersection(step.gates))


def last_move(story: Story) -> Row | None:
    """What led to where it stands; nothing to a draft that was never handed in."""
    moves = [step for step in story.passages if step["from_state"] != step["to_state"]]
    return moves[-1] if moves else None


def row_of(story: Story, action: str) -> Step | None:
    """What the table says of an action now, after what led here."""
    came_from = None
    if action == Action.UNDO and (last := last_move(story)):
        if last["action"] not in (Action.APPROVE, Action.REJECT):
            return None
        came_from = last["from_state"]
    steps = path_of(story.row).steps
    found = (step for step in steps if (step.at, step.action, step.when) == (story.row["state"], action, came_from))
    return next(found, None)


def line_of(story: Story) -> Row | None:
    """The line that is shown, or stands still."""
    return next((line for line in story.notices if line["closed_at"] is None), None)
