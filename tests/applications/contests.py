"""Two people, or a person and a timer, who do something to one application at the same moment.

Each acts through a process of the API of its own, with its own connections, or as the worker process does. A seed
says who begins how much later, and how long each of their statements hesitates: a schedule that fails is named by its
seed, and `AID_CONTEST_SEED=… AID_CONTESTS=1` tries it again. What the database does meanwhile is its own affair: not
every failure comes again at the first attempt.

A contest is a `Contest`: how the ground is laid, two callables, and what must be so afterwards.
"""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from app.db.sealing import Keyring
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.main import create_app
from app.settings import Settings
from tests.applications.story import Row, Story, check, follows, story
from tests.contract import hold_to_the_contract
from tests.make import Case, World
from tests.notices.making import jobs_of

SCHEDULES = int(os.environ.get("AID_CONTESTS", "25"))
SEED = int(os.environ.get("AID_CONTEST_SEED") or secrets.randbelow(2**31))
APART_SECONDS = 0.012
"""How much later one of two begins at most; a step takes about as long."""
HESITATES_SECONDS = 0.003
STATEMENTS = ("fetch", "fetchrow", "fetchval", "execute")
BUSY = "busy"
"""Somebody waited too long and was told to try again: seldom, where other work takes the machine. Who stands in each
other's way is told so as well, but far more often than that."""
TOLD = {409, 412, 403}
"""How whoever comes second is told."""
_pace: ContextVar[random.Random | None] = ContextVar("pace", default=None)


def pace() -> float:
    """Somewhere from 0 to 1, as the seed of whoever asks has it."""
    found = _pace.get()
    return found.random() if found else 0.0


@dataclass
class Arena:
    """Where contests are held: two processes of the API and one of the worker, the world, and somebody who
    sees everything."""

    world: World
    owner: asyncpg.Connection
    keyring: Keyring
    first: httpx.AsyncClient
    second: httpx.AsyncClient
    jobs: Jobs
    kept: dict[str, Any] = field(default_factory=dict)
    """What one schedule leaves to the next: people, who need not be new each time."""


@asynccontextmanager
async def arena(configured: Settings, world: World, owner: asyncpg.Connection) -> AsyncIterator[Arena]:
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            app = create_app(configured)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            http = httpx.AsyncClient(
                transport=transport, base_url="http://aid.test/api/v1",
                event_hooks={"response": [hold_to_the_contract]},
            )  # fmt: skip
            clients.append(await stack.enter_async_context(http))
        yield Arena(world, owner, world.keyring, *clients, jobs_of(world))


@contextmanager
def hesitating() -> Iterator[None]:
    """Until the end of the block every statement of somebody who has a pace waits a moment first."""
    plain = {name: getattr(asyncpg.Connection, name) for name in STATEMENTS}

    def slowly(statement: Any) -> Any:
        async def hesitate(self: Any, *args: Any, **given: Any) -> Any:
            pace = _pace.get()
            if pace is not None and pace.random() < 0.5:
                await asyncio.sleep(pace.random() * HESITATES_SECONDS)
            return await statement(self, *args, **given)

        return hesitate

    for name, statement in plain.items():
        setattr(asyncpg.Connection, name, slowly(statement))
    try:
        yield
    finally:
        for name, statement in plain.items():
            setattr(asyncpg.Connection, name, statement)


Move = Callable[[Arena, httpx.AsyncClient, Case], Awaitable[httpx.Response | None]]
"""What one of the two does; its answer, or None of a timer."""


@dataclass(frozen=True)
class Ended:
    """How a contest has ended."""

    case: Case
    before: Story
    after: Story
    answers: tuple[httpx.Response | None, httpx.Response | None]

    @property
    def steps(self) -> tuple[Row, ...]:
        """What was added to the timeline."""
        return self.after.passages[len(self.before.passages) :]

    @property
    def done(self) -> list[str]:
        """The actions of these steps, sorted."""
        return sorted(step["action"] for step in self.steps)

    def won(self, n: int) -> bool:
        answer = self.answers[n]
        return answer is not None and answer.is_success

    def lost(self, n: int, *codes: str) -> None:
        """The answer of that one is a refusal with one of these codes."""
        answer = self.answers[n]
        assert answer is not None
        assert answer.status_code in TOLD, f"{answer.status_code} {answer.text}"
        assert answer.json()["code"] in codes, answer.text


Judge = Callable[[Ended], str]
"""Raises AssertionError unless all is as it should be; answers a word for how it came out."""


@dataclass(frozen=True)
class Contest:
    """`prepare` lays the ground, anew for each schedule; `made_in`: the state that it puts the application into."""

    name: str
    prepare: Callable[[Arena], Awaitable[Case]]
    first: Move
    second: Move
    judge: Judge
    made_in: str
    outcomes: frozenset[str]
    """Every way in which it may come out; tried often enough, each of them does."""


async def held(contest: Contest, arena: Arena, seed: int) -> str:
    """One schedule. Raises AssertionError, naming the seed."""
    draw, since = random.Random(seed), new_id()
    case = await contest.prepare(arena)
    before = await story(arena.owner, case.id, since)
    barrier = asyncio.Barrier(2)

    async def side(move: Move, client: httpx.AsyncClient, seed: int, later: float) -> httpx.Response | None:
        _pace.set(random.Random(seed))
        await barrier.wait()
        await asyncio.sleep(later)
        return await move(arena, client, case)

    later = draw.choice([(0.0, 0.0), (draw.random(), 0.0), (0.0, draw.random())])
    sides = ((contest.first, arena.first), (contest.second, arena.second))
    try:
        answers = await asyncio.gather(
            *(
                asyncio.create_task(side(move, client, draw.getrandbits(32), wait * APART_SECONDS))
                for (move, client), wait in zip(sides, later, strict=True)
            )
        )
        after = await story(arena.owner, case.id, since)
        check(after, arena.keyring, made_in=contest.made_in)
        follows(before, after)
        if any(answer is not None and answer.status_code == httpx.codes.SERVICE_UNAVAILABLE for answer in answers):
            return BUSY
        return contest.judge(Ended(case, before, after, (answers[0], answers[1])))
    except Exception as failed:
        raise AssertionError(f"{contest.name}: AID_CONTEST_SEED={seed} AID_CONTESTS=1: {failed!r}") from failed


async def hold(contest: Contest, arena: Arena) -> Counter[str]:
    """As many schedules as were asked for; how often it came out in which way."""
    with hesitating():
        return Counter([await held(contest, arena, SEED + n) for n in range(SCHEDULES)])
