"""Acting on household files as their workers, their unions and the jobs do: what the life of files is made of."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from hypothesis.stateful import RuleBasedStateMachine, initialize

from app.db.database import Database
from app.db.transaction import Sight
from app.db.work import Work
from app.households.changes import AFTER, BEFORE
from app.households.history import ABSENT, Change
from app.households.queries import FORM
from app.kernel.actor import Actor, Place, Post, Role, Tier
from app.kernel.errors import DomainError
from app.kernel.working_days import Calendar
from app.programmes import shipped
from tests import make
from tests.make import Guild, Someone, World

PEOPLE, UNITS = 4, 2
ROLES = (Role.UNIT_CLERK, Role.UNIT_CHAIR, Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER, Role.CITY_LEADER)


async def _holds(work: Work, row: Any) -> None:
    """What stands at the gates has tests of its own."""


class _Gates(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        return _holds

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


GATES = _Gates()


def place_of(union: Guild) -> Place:
    return Place(union.id, union.code, union.name, union.tier, Tier(union.tier))


class Acting(RuleBasedStateMachine):
    """A few people, their files, and staff at every desk of two unions. A refusal is an answer."""

    loop: asyncio.AbstractEventLoop
    world: World
    api: Database
    owner: asyncpg.Connection
    done: Counter[str]

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    @initialize()
    def begin(self) -> None:
        self.dead: dict[UUID, Any] = {}
        self.looked_at: dict[UUID, int] = {}
        self.first: dict[UUID, Any] = {}
        """What each file said when it was first submitted, or came into being submitted."""
        self.run(self._begin())

    async def _begin(self) -> None:
        """Two files stand already, one of them with a member who could have a file of their own."""
        town = await self.world.town()
        self.city, self.unions = town.city, town.units[:UNITS]
        over = [*self.unions, town.districts[0], town.city]
        self.people = [await self.world.person(home=self.unions[0]) for _ in range(PEOPLE)]
        self.staff, self.receiver = [], await self.world.person()
        for role in ROLES:
            person = await self.world.person()
            self.staff.append(Actor(person.id, person.session_id, tuple(Post(role, place_of(each)) for each in over)))
        first, second, third, _ = self.people
        members = [make.member("son", number=third.id_number, name=third.name), make.member()]
        await self.world.household(first, self.unions[0], members=members)
        await self.world.household(second, self.unions[1], members=[make.member()])

    # ---- acting ----

    async def _in(self, sight: Sight, name: str, use: Callable[[Work], Awaitable[Any]]) -> Any:
        """A use case in a transaction of its own; None where it is refused."""
        try:
            async with self.api.begin(sight) as transaction:
                work = Work(transaction, self.world.keyring, Calendar({}, frozenset()), make.NOW, shipped())
                answer = await use(work)
        except DomainError as refused:
            self.done[f"{name}: {refused.code}"] += 1
            return None
        self.done[name] += 1
        return answer if answer is not None else True

    def as_staff(self, by: int, name: str, use: Callable[[Work, Actor], Awaitable[Any]]) -> Any:
        actor = self.staff[by % len(self.staff)]
        under = tuple(post.place.id for post in actor.posts)
        return self.run(self._in(Sight("staff", actor.person_id, under), name, lambda work: use(work, actor)))

    def as_worker(self, who: Someone, name: str, use: Callable[[Work, Actor], Awaitable[Any]]) -> Any:
        actor = Actor(who.id, who.session_id, ())
        return self.run(self._in(Sight("worker", who.id), name, lambda work: use(work, actor)))

    async def as_job(self, use: Callable[[Work], Awaitable[Any]]) -> Any:
        async with self.world.jobs.begin(Sight("job")) as transaction:
            return await use(Work(transaction, self.world.keyring, Calendar({}, frozenset()), make.NOW, shipped()))

    def files(self, *states: str) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = self.run(
            self.owner.fetch(
                "select * from household where city_id = $1 and ($2::text[] = '{}' or state = any($2)) order by id",
                self.city.id, list(states),
            )
        )  # fmt: skip
        return rows

    def pick(self, n: int, *states: str) -> asyncpg.Record | None:
        found = self.files(*states)
        return found[n % len(found)] if found else None

    def members(self, someone: Someone, n: int) -> list[dict[str, Any]]:
        other = self.people[n % PEOPLE]
        if n >= PEOPLE or other.id == someone.id:
            return [make.member()]
        return [make.member("spouse", number=other.id_number, name=other.name)]

    def form(self, row: Any) -> Any:
        return orjson.loads(self.world.keyring.open(FORM, row["id"], row["form"]))

    def changes(self, file_id: UUID) -> list[Change]:
        rows = self.run(
            self.owner.fetch(
                "select * from household_change where household_id = $1 order by household_version desc, id desc",
                file_id,
            )
        )
        seal = self.world.keyring
        return [
            Change(
                row["pointer"],
                ABSENT if row["before"] is None else seal.open_document(BEFORE, row["id"], row["before"]),
                ABSENT if row["after"] is None else seal.open_document(AFTER, row["id"], row["after"]),
            )
            for row in rows
        ]
