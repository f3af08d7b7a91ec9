"""Two towns, everybody in them, and an oracle of who may see what, written from the tree of unions alone."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, product
from typing import Any, Literal
from uuid import UUID

import httpx
import orjson
from sqlalchemy import text

from app.applications.path import Kind, State
from app.db.statements import statement
from app.db.transaction import Sight
from app.households.path import PATH
from app.kernel.actor import Role
from tests import make
from tests.calling import every_item
from tests.make import Case, Guild, Someone, World

READERS = frozenset({
    Role.UNIT_CLERK, Role.UNIT_CHAIR, Role.STREET_REVIEWER, Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER,
    Role.CITY_REVIEWER, Role.CITY_LEADER, Role.MUTUAL_AID_OFFICER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER,
    Role.AUDITOR,
})  # fmt: skip
ENROLLERS = frozenset({Role.UNIT_CLERK, Role.MUTUAL_AID_OFFICER})
_CITY = {(kind, State.CITY_APPROVAL) for kind in (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN)}
_CITY |= set(product(Kind, [State.MEETING]))
WAITS: dict[Role, set[tuple[Kind, State]]] = {
    Role.UNIT_CLERK: set(product(Kind, [State.SUBMITTED])),
    Role.UNIT_CHAIR: set(product(Kind, [State.UNIT_REVIEW])),
    Role.DISTRICT_REVIEWER: set(product(Kind, [State.DISTRICT_REVIEW])),
    Role.DISTRICT_LEADER: set(product(Kind, [State.DISTRICT_REVIEW])),
    Role.CITY_REVIEWER: _CITY,
    Role.CITY_LEADER: _CITY,
    Role.MUTUAL_AID_OFFICER: {(Kind.SECONDARY_MEDICAL, State.CITY_APPROVAL)},
    Role.FINANCE_MAKER: set(product(Kind, [State.APPROVED, State.PAYMENT_FAILED])),
}
FILES_WAIT: dict[Role, tuple[str, ...]] = {
    Role.UNIT_CLERK: ("submitted", "home_visit"),
    Role.UNIT_CHAIR: ("unit_review", "annual_review"),
    Role.DISTRICT_REVIEWER: ("district_review", "means_check", "exit_proposed"),
    Role.DISTRICT_LEADER: ("district_review", "means_check", "exit_proposed"),
    Role.CITY_REVIEWER: ("city_approval",),
    Role.CITY_LEADER: ("city_approval",),
}
DESKS: dict[Role, Literal["unit", "street", "district", "city"]] = {
    Role.UNIT_CLERK: "unit",
    Role.UNIT_CHAIR: "unit",
    Role.STREET_REVIEWER: "street",
    Role.DISTRICT_REVIEWER: "district",
    Role.DISTRICT_LEADER: "district",
    Role.HOME_VISITOR: "unit",
}
"""Where a role usually sits; the others sit at the city."""
FILE_STATES = (*PATH.states, "never submitted")
_TOKEN = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?:ZQ|BF-)[0-9A-F]{12}|DA-[0-9a-f]{12}")
_FILES = statement(text("select id, number, state, submitted_at from household where person_id = :person_id"))
_UNSUBMIT = statement(text("update household set submitted_at = null where id = :id"))
Post = tuple[Role, Guild]
BODIES: dict[str, dict[str, Any]] = {
    "/staff/applications/{}/actions": {"action": "return"},
    "/staff/applications/{}/supplements": {"text": "请说明"},
    "/applications/{}/supplement": {"note": "说明"},
    "/staff/households/{}/actions": {"action": "return"},
    "/staff/discrepancies/{}/actions": {"action": "resolve", "outcome": "explained", "note": "已核实"},
    "/staff/duplicates/{}/actions": {"action": "same", "note": "已核实"},
    "/staff/reuses/{}/actions": {"action": "different", "note": "已核实"},
    "/me/discrepancies/{}/answer": {"text": "情况属实"},
    "/staff/visits/{}/actions": {"action": "cancel", "note": "改期"},
    "/staff/visits/{}/operations": {
        "operations": [
            {
                "operation_id": "01a2087f-0000-7000-8000-000000000000",
                "field": "/findings",
                "value": "好",
                "base_version": 1,
            }
        ]
    },
    "/me/visits/{}/confirm": {"agrees": True},
    "/staff/households/{}/form": {"form": {}, "reason": "更正"},
    "/staff/households/{}/class": {"category": "deep", "archive_level": "municipal"},
    "/staff/households/{}/cohort": {"fixed_on": None},
    "/staff/households/{}/split": {"head": 0, "members": [], "note": "分户"},
    "/staff/households/{}/transfers": {"organisation_code": "U-1", "note": "调动"},
    "/applications/{}": {"form": {}},
    "/applications/{}/appeals": {"reason": "请再看一次"},
    "/applications/{}/rating": {"score": 5},
    "/staff/households/{}/plans": {
        "replaces": {"plan_id": "00000000-0000-7000-8000-000000000000", "result": "achieved"}
    },
}


@dataclass(frozen=True, eq=False)
class Thing:
    """An application or a household file, and the tokens that would betray it in an answer."""

    id: UUID
    state: str
    owner: Someone
    home: Guild
    submitted: bool
    tokens: frozenset[str]
    case: Case | None = None
    overdue: bool = False
    owner_posts: tuple[Post, ...] = ()
    """What the owner of a case holds: at a unit, it is for nobody there to review."""


@dataclass(frozen=True, eq=False)
class Actor:
    """Somebody with their posts, and what is their own."""

    name: str
    someone: Someone
    posts: tuple[Post, ...]
    case: Thing
    file: Thing

    @property
    def reads(self) -> bool:
        return any(role in READERS for role, _ in self.posts)

    @property
    def opens_files(self) -> bool:
        return any(role in FILES_WAIT for role, _ in self.posts)

    @property
    def enrols(self) -> bool:
        return any(role in ENROLLERS for role, _ in self.posts)

    def enrols_at(self, union: Guild) -> bool:
        return any(role in ENROLLERS and above(place, union) for role, place in self.posts)

    def sees(self, thing: Thing) -> bool:
        """As staff: what was submitted under a union where they hold a reading role, and is not their own."""
        return thing.submitted and self.reaches(thing)

    def reaches(self, thing: Thing) -> bool:
        """The same, whether it was submitted or not."""
        reach = any(role in READERS and above(union, thing.home) for role, union in self.posts)
        return reach and thing.owner is not self.someone

    def waits(self, thing: Thing) -> bool:
        """Whether it stands in their queue."""
        if self.is_colleague(thing):
            return False
        return self.sees(thing) and any(
            _due(role, thing) and above(union, thing.home) for role, union in self.posts if role in READERS
        )

    def is_colleague(self, thing: Thing) -> bool:
        """Whether they are clerk or chair where the applicant of a case holds a post."""
        mine = {union.id for role, union in self.posts if role in (Role.UNIT_CLERK, Role.UNIT_CHAIR)}
        return any(union.id in mine for _, union in thing.owner_posts)


def above(union: Guild, home: Guild) -> bool:
    """Whether a union is this one, or one of those that it belongs to."""
    return union.id in home.ancestors.values()


def _marked(kind: Kind, words: str) -> dict[str, Any]:
    """A whole form with these words in it."""
    form = make.FORMS[kind]()
    match kind:
        case Kind.HARDSHIP_AID:
            return form | {"reason": words}
        case Kind.GOLDEN_AUTUMN:
            return form | {"school": words}
        case Kind.SECONDARY_MEDICAL:
            return form | {"stay": form["stay"] | {"diagnosis": words}}


def _due(role: Role, thing: Thing) -> bool:
    if thing.case is None:
        return thing.state in FILES_WAIT.get(role, ())
    return (thing.case.kind, thing.case.state) in WAITS.get(role, ())


@dataclass
class Matrix:
    """Everybody and everything."""

    world: World
    unions: list[Guild]
    cases: list[Thing] = field(default_factory=list)
    files: list[Thing] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    usual: list[Actor] = field(default_factory=list)
    """Each role once, where it usually sits, a plain worker, and those with several posts."""
    by_token: dict[str, Thing] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    moved: list[tuple[Thing, Thing]] = field(default_factory=list)
    """Cases of those whose household file is under another union, with that file."""
    turns: Iterator[int] = field(default_factory=lambda: count(1))

    def strangers(self, actor: Actor, answer: str, *, own: bool) -> set[str]:
        """The tokens in an answer of what the actor may not see: through the worker's door, all but their own.

        Who a case belongs to is masked for everybody, so that the id of another person is always strange.
        """
        found = set(_TOKEN.findall(answer))
        things = {token: self.by_token[token] for token in found & self.by_token.keys()}
        strange = {t for t, thing in things.items() if not (thing.owner is actor.someone if own else actor.sees(thing))}
        return strange | (found & self.people - {str(actor.someone.id)})

    def of_residents(self, things: Iterable[Thing]) -> list[Thing]:
        """Without what belongs to the actors themselves."""
        actors = {actor.someone.id for actor in self.actors}
        return [thing for thing in things if thing.owner.id not in actors]

    def pairs(self, things: list[Thing]) -> Iterator[tuple[Actor, Thing]]:
        """The usual actors with everything of the residents, the others with an eighth of it, each with another."""
        shown = self.of_residents(things)
        for n, actor in enumerate(self.actors):
            yield from ((actor, thing) for thing in (shown if actor in self.usual else shown[n % 8 :: 8]))

    def keep(self, thing: Thing, into: list[Thing]) -> Thing:
        into.append(thing)
        self.by_token |= dict.fromkeys(thing.tokens, thing)
        self.people.add(str(thing.owner.id))
        return thing

    async def case(
        self,
        owner: Someone,
        home: Guild,
        kind: Kind,
        state: State,
        *,
        filed: bool = True,
        household: Thing | None = None,
        overdue: bool = False,
        owner_posts: tuple[Post, ...] = (),
    ) -> Thing:
        """An application that bears its marks in its number, its name, its form and its timeline."""
        at, overdue = make.NOW - timedelta(seconds=next(self.turns)), overdue and filed and state is not State.DRAFT
        mark, number, name, words = (make.unique("ZQ").upper() for _ in range(4))
        case = await self.world.application(
            owner,
            home,
            kind=kind,
            state=state,
            form=_marked(kind, words),
            note=mark,
            number=number,
            applicant_masked=name,
            submitted_at=at if filed else None,
            household_id=household.id if household else None,
            **({"due_at": make.NOW - timedelta(days=1)} if overdue else {}),
        )
        tokens = frozenset({str(case.id), mark, number, name, words})
        submitted = case.submitted_at is not None
        return self.keep(Thing(case.id, state, owner, home, submitted, tokens, case, overdue, owner_posts), self.cases)

    async def file(self, owner: Someone, home: Guild, state: str) -> Thing:
        mark = make.unique("ZQ").upper()
        kept = "withdrawn" if state == "never submitted" else state
        household_id = await self.world.household(owner, home, state=kept, demands=[mark])
        async with self.world.jobs.begin(Sight("job")) as transaction:
            if state == "never submitted":
                await transaction.run(_UNSUBMIT, id=household_id)
            row = await transaction.row(_FILES, person_id=owner.id)
        assert row is not None
        tokens = frozenset({str(row["id"]), row["number"], mark})
        submitted = row["submitted_at"] is not None
        return self.keep(Thing(row["id"], row["state"], owner, home, submitted, tokens), self.files)

    async def residents(self, home: Guild, turn: int) -> None:
        """What the workers of a union have applied for: every state, the kinds in turn, every other one overdue;
        and files in every state."""
        states: list[tuple[State, bool]] = [*((state, True) for state in State), (State.WITHDRAWN, False)]
        worker = await self.world.person(home=home, consents=())
        active = await self.file(worker, home, "active")
        for n, (state, filed) in enumerate(states, turn):
            kinds = [kind for kind in Kind if (kind, state) != (Kind.SECONDARY_MEDICAL, State.PUBLIC_NOTICE)]
            kind, overdue = kinds[n % len(kinds)], n % 2 == 1
            await self.case(worker, home, kind, state, filed=filed, household=active, overdue=overdue)
        for file_state in FILE_STATES:
            await self.file(await self.world.person(home=home, consents=()), home, file_state)

    async def mover(self, home: Guild, there: Guild) -> None:
        """Somebody whose file stayed at the union that they left, with a case at each: what one union may know."""
        someone = await self.world.person(home=home, consents=())
        file = await self.file(someone, there, "active")
        for union in (home, there):
            case = await self.case(someone, union, Kind.HARDSHIP_AID, State.SUBMITTED, household=file)
            self.moved.append((case, file))

    async def actor(self, name: str, home: Guild, *posts: Post) -> Actor:
        """Somebody whose own case and file wait where they themselves could decide them."""
        someone = await self.world.person(home=home, posts=posts, consents=())
        due = sorted(due for role, _ in posts for due in WAITS.get(role, ()))
        kind, state = due[0] if due else (Kind.HARDSHIP_AID, State.SUBMITTED)
        files_due = [FILES_WAIT[role][0] for role, _ in posts if role in FILES_WAIT]
        case = await self.case(someone, home, kind, state, overdue=True, owner_posts=posts)
        file = await self.file(someone, home, files_due[0] if files_due else "submitted")
        actor = Actor(name, someone, posts, case, file)
        self.actors.append(actor)
        return actor


async def build(world: World) -> Matrix:
    """Seven homes of cases around one unit, and every role on every tier above it."""
    town, other = await world.town(), await world.town()
    industry = await world.union("industry", town.city)
    own, beside = town.units[0], town.units[1]
    homes = [
        own,
        beside,
        town.units[2],
        town.streets[0],
        town.city,
        await world.union("unit", industry),
        other.units[0],
    ]
    matrix = Matrix(world, homes)
    await asyncio.gather(*(matrix.residents(home, turn) for turn, home in enumerate(homes)))
    await asyncio.gather(*(matrix.mover(own, there) for there in (beside, town.units[2], other.units[0])))
    chain = {"unit": own, "street": town.streets[0], "district": town.districts[0], "city": town.city}
    posts = [(role, tier) for role in Role for tier in chain]
    made = await asyncio.gather(
        *(matrix.actor(f"{role} at {tier}", chain[tier], (role, chain[tier])) for role, tier in posts)
    )
    matrix.usual += [actor for actor, (role, tier) in zip(made, posts, strict=True) if DESKS.get(role, "city") == tier]
    matrix.usual += [
        await matrix.actor("plain worker", own),
        await matrix.actor(
            "two desks", own, (Role.UNIT_CHAIR, own), (Role.DISTRICT_REVIEWER, town.districts[1]),
        ),
        await matrix.actor("two towns", own, (Role.UNIT_CLERK, own), (Role.CITY_LEADER, other.city)),
        await matrix.actor("twice over", own, (Role.DISTRICT_LEADER, town.city), (Role.DISTRICT_REVIEWER, industry)),
        await matrix.actor("half blind", own, (Role.AUDITOR, beside), (Role.PUBLICITY_EDITOR, other.city)),
    ]  # fmt: skip
    return matrix


# ---- asking ----


async def each(check: Callable[..., Awaitable[None]], given: Iterable[tuple[Any, ...]]) -> None:
    """Check everything given, six at a time; what fails first ends it."""
    waiting = iter(given)

    async def work() -> None:
        for arguments in waiting:
            await check(*arguments)

    workers = [asyncio.create_task(work()) for _ in range(6)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def ask(client: httpx.AsyncClient, actor: Actor, method: str, path: str, thing_id: object) -> httpx.Response:
    """One call about one id; the request id is always the same, so that answers can be compared whole."""
    headers = actor.someone.headers | make.keyed() | {"If-Match": '"0"', "X-Request-Id": "same"}
    return await client.request(method, path.format(thing_id), json=BODIES.get(path), headers=headers)


async def get(client: httpx.AsyncClient, actor: Actor, path: str, **query: Any) -> httpx.Response:
    return await client.get(path, params=query, headers=actor.someone.headers)


async def listed(
    client: httpx.AsyncClient, actor: Actor, path: str, *, by: str | None = None, **query: Any
) -> tuple[list[str], str]:
    """Every id of a list, page by page, and all that the pages said. `by`: where the id stands."""
    items = await every_item(client, path, by=actor.someone, **query)
    ids = [item[by] if by else item.get("application_id") or item.get("household_id") or item["id"] for item in items]
    return ids, orjson.dumps(items).decode()
