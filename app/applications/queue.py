"""The reviewers' queue (待办): what waits for somebody, oldest first. Anything outside their reach does not exist."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, bindparam, func, literal_column, select, text, tuple_, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.path import PATHS, Kind
from app.applications.queries import AFTER, SUMMARY, A
from app.applications.tables import OPEN_STATES
from app.db.scope import under
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Node, Permission, Post, Tier

COUNT_CAP = 10_000


@dataclass(frozen=True, slots=True)
class Pile:
    """What waits at one node in one state: a queue is a merge of piles, each in the order of its index."""

    node: Node
    state: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskFilter:
    kind: str | None = None
    state: str | None = None
    number: str | None = None
    overdue_at: datetime | None = None
    """Only what was due before this instant."""


def piles_of(actor: Actor, wanted: TaskFilter) -> tuple[Pile, ...]:
    """What waits for this actor, by the paths of the kinds."""
    return _piles_of(actor.posts, wanted.state)


@lru_cache(maxsize=4096)
def _piles_of(posts: tuple[Post, ...], state_wanted: str | None) -> tuple[Pile, ...]:
    kinds: dict[tuple[Node, str], list[str]] = {}
    for post in posts:
        node = Node(post.place.tier, post.place.id)
        for kind, path in PATHS.items():
            states = {
                state for permission in Permission if post.allows(permission) for state in path.waiting_for(permission)
            }
            for state in states:
                kinds.setdefault((node, state), []).append(kind.value)
    return tuple(
        Pile(node, state, tuple(dict.fromkeys(of)))
        for (node, state), of in sorted(kinds.items(), key=lambda pile: (pile[0][1], str(pile[0][0].organisation_id)))
        if state_wanted in (None, state)
    )


PileShape = tuple[tuple[Tier, bool], ...]


def _pile_shape(piles: tuple[Pile, ...]) -> PileShape:
    return tuple((pile.node.tier, len(pile.kinds) < len(Kind)) for pile in piles)


def _pile(n: int, tier: Tier, some_kinds: bool, by: frozenset[str]) -> Select[Any]:
    query = select(*SUMMARY).where(
        under(A, tier, n),
        A.c.state == bindparam(f"state_{n}"),
        # Repeated word for word, so that the planner may use the partial index of open cases.
        text(f"application.state in {OPEN_STATES}"),
        A.c.applicant_id != bindparam("actor_id"),
        # What waits for its applicant waits for nobody here; it comes back to its place.
        A.c.supplement.is_distinct_from(literal_column("'open'")),
    )
    if some_kinds:
        query = query.where(A.c.kind == func.any(bindparam(f"kinds_{n}", type_=ARRAY(Text))))
    conditions = {
        "kind": A.c.kind == bindparam("kind"),
        "number": A.c.number == bindparam("number"),
        "overdue_at": A.c.due_at < bindparam("overdue_at"),
        "after": tuple_(A.c.submitted_at, A.c.id) > AFTER,
    }
    return query.where(*(conditions[name] for name in sorted(by)))


@cache
def _tasks(piles: PileShape, by: frozenset[str]) -> Statement:
    parts = [
        _pile(n, tier, some, by).order_by(A.c.submitted_at, A.c.id).limit(bindparam("size"))
        for n, (tier, some) in enumerate(piles)
    ]
    if len(parts) == 1:
        return statement(parts[0])
    merged = union_all(*parts).subquery()
    distinct = select(merged).distinct().subquery()
    return statement(select(distinct).order_by(distinct.c.submitted_at, distinct.c.id).limit(bindparam("size")))


@cache
def _task_count(piles: PileShape, by: frozenset[str]) -> Statement:
    cap = COUNT_CAP + 1
    parts = [_pile(n, tier, some, by).with_only_columns(A.c.id).limit(cap) for n, (tier, some) in enumerate(piles)]
    waiting = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    capped = select(waiting.c.id).distinct().limit(cap).subquery()
    return statement(select(func.count()).select_from(capped))


def _task_parameters(actor: Actor, piles: tuple[Pile, ...], wanted: TaskFilter) -> dict[str, Any]:
    values: dict[str, Any] = {"actor_id": actor.person_id}
    for n, pile in enumerate(piles):
        values |= {f"node_{n}": pile.node.organisation_id, f"state_{n}": pile.state}
        if len(pile.kinds) < len(Kind):
            values[f"kinds_{n}"] = list(pile.kinds)
    named = {"kind": wanted.kind, "number": wanted.number, "overdue_at": wanted.overdue_at}
    return values | {name: value for name, value in named.items() if value is not None}


def _filters(values: dict[str, Any]) -> frozenset[str]:
    return frozenset(values) & {"kind", "number", "overdue_at"}


async def tasks(
    transaction: Transaction, actor: Actor, wanted: TaskFilter, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What waits for this actor, oldest first."""
    piles = piles_of(actor, wanted)
    if not piles:
        return []
    values = _task_parameters(actor, piles, wanted)
    by = _filters(values)
    if after:
        by, values = by | {"after"}, values | {"at": after[0], "after_id": after[1]}
    return await transaction.rows(_tasks(_pile_shape(piles), by), size=size, **values)


async def task_count(transaction: Transaction, actor: Actor, wanted: TaskFilter) -> int:
    """How much waits for this actor, at most COUNT_CAP + 1."""
    piles = piles_of(actor, wanted)
    if not piles:
        return 0
    values = _task_parameters(actor, piles, wanted)
    count: int = await transaction.value(_task_count(_pile_shape(piles), _filters(values)), **values)
    return count
