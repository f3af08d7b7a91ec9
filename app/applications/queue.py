"""The reviewers' queue (待办): what waits for somebody, oldest first. Anything outside their reach does not exist."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    all_,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.path import WHOLE_PATHS, Kind
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
    away: frozenset[UUID] = frozenset()
    """Applicants and households whose cases are none of the actor's to deal with, and so do not wait for them."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    kind: str | None = None
    state: str | None = None
    number: str | None = None
    overdue_at: datetime | None = None
    """Only what was due before this instant."""


def piles_of(actor: Actor, wanted: TaskFilter) -> tuple[Pile, ...]:
    """What waits for this actor, by the paths of the kinds."""
    return _piles_of(actor.posts, wanted.state, actor.apart.away)


@lru_cache(maxsize=4096)
def _piles_of(posts: tuple[Post, ...], state_wanted: str | None, away: frozenset[UUID]) -> tuple[Pile, ...]:
    kinds: dict[tuple[Node, str, frozenset[UUID]], list[str]] = {}
    for post in posts:
        node, lent = Node(post.place.tier, post.place.id), post.lent
        # What somebody lent is not lent for the cases that are none of theirs.
        kept_from = away if lent is None else away | lent.apart.away | {lent.by}
        for kind, path in WHOLE_PATHS.items():
            if lent is not None and kind not in lent.kinds:
                continue
            states = {
                state for permission in Permission if post.allows(permission) for state in path.waiting_for(permission)
            }
            for state in states:
                kinds.setdefault((node, state, kept_from), []).append(kind.value)
    return tuple(
        Pile(node, state, tuple(dict.fromkeys(of)), kept_from)
        for (node, state, kept_from), of in sorted(kinds.items(), key=lambda pile: _place(*pile[0]))
        if state_wanted in (None, state)
    )


def _place(node: Node, state: str, away: frozenset[UUID]) -> tuple[str, str, int]:
    return state, str(node.organisation_id), len(away)


class PileShape(NamedTuple):
    """What the statement of a pile depends on."""

    tier: Tier
    some_kinds: bool
    some_away: bool


@dataclass(frozen=True, slots=True)
class QueueShape:
    """What the statement of a queue depends on."""

    piles: tuple[PileShape, ...]
    lifted: bool
    """Whether there are cases of the level below, at whose stage everybody must stand aside."""
    by: frozenset[str]


def _queue_shape(piles: tuple[Pile, ...], values: dict[str, Any]) -> QueueShape:
    shapes = tuple(PileShape(pile.node.tier, len(pile.kinds) < len(Kind), bool(pile.away)) for pile in piles)
    by = frozenset(values) & {"kind", "number", "overdue_at", "at", "state"}
    return QueueShape(shapes, "lifted" in values, by)


def _conditions(by: frozenset[str]) -> list[ColumnElement[bool]]:
    conditions = {
        "kind": A.c.kind == bindparam("kind"),
        "number": A.c.number == bindparam("number"),
        "overdue_at": A.c.due_at < bindparam("overdue_at"),
        "at": tuple_(A.c.submitted_at, A.c.id) > AFTER,
    }
    # Repeated word for word, so that the planner may use the partial index of open cases.
    repeated: Any = text(f"application.state in {OPEN_STATES}")
    return [
        repeated,
        A.c.applicant_id != bindparam("actor_id"),
        # What waits for its applicant waits for nobody here; it comes back to its place.
        A.c.supplement.is_distinct_from(literal_column("'open'")),
        *(conditions[n] for n in sorted(by & set(conditions))),
    ]


def _not_of(away: str) -> ColumnElement[bool]:
    """Of none of these applicants and households."""
    ids = bindparam(away, type_=ARRAY(Uuid()))
    return (A.c.applicant_id != all_(ids)) & or_(A.c.household_id.is_(None), A.c.household_id != all_(ids))


def _pile(n: int, shape: PileShape, by: frozenset[str]) -> Select[Any]:
    query = select(*SUMMARY).where(under(A, shape.tier, n), A.c.state == bindparam(f"state_{n}"), *_conditions(by))
    if shape.some_kinds:
        query = query.where(A.c.kind == func.any(bindparam(f"kinds_{n}", type_=ARRAY(Text))))
    return query.where(_not_of(f"away_{n}")) if shape.some_away else query


def _lifted(by: frozenset[str]) -> Select[Any]:
    query = select(*SUMMARY).where(
        A.c.id == any_(bindparam("lifted", type_=ARRAY(Uuid()))), *_conditions(by), _not_of("away")
    )
    return query.where(A.c.state == bindparam("state")) if "state" in by else query


def _parts(shape: QueueShape) -> list[Select[Any]]:
    piles = [_pile(n, pile, shape.by) for n, pile in enumerate(shape.piles)]
    return [*piles, _lifted(shape.by)] if shape.lifted else piles


@cache
def _tasks(shape: QueueShape) -> Statement:
    parts = [part.order_by(A.c.submitted_at, A.c.id).limit(bindparam("size")) for part in _parts(shape)]
    if len(parts) == 1:
        return statement(parts[0])
    merged = union_all(*parts).subquery()
    distinct = select(merged).distinct().subquery()
    return statement(select(distinct).order_by(distinct.c.submitted_at, distinct.c.id).limit(bindparam("size")))


@cache
def _task_count(shape: QueueShape) -> Statement:
    cap = COUNT_CAP + 1
    parts = [part.with_only_columns(A.c.id).limit(cap) for part in _parts(shape)]
    waiting = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    capped = select(waiting.c.id).distinct().limit(cap).subquery()
    return statement(select(func.count()).select_from(capped))


def _task_parameters(actor: Actor, piles: tuple[Pile, ...], wanted: TaskFilter) -> dict[str, Any]:
    values: dict[str, Any] = {"actor_id": actor.person_id}
    for n, pile in enumerate(piles):
        values |= {f"node_{n}": pile.node.organisation_id, f"state_{n}": pile.state}
        if len(pile.kinds) < len(Kind):
            values[f"kinds_{n}"] = list(pile.kinds)
        if pile.away:
            values[f"away_{n}"] = list(pile.away)
    if actor.apart.lifted:
        values |= {"lifted": list(actor.apart.lifted), "away": list(actor.apart.away)}
        if wanted.state is not None:
            values["state"] = wanted.state
    named = {"kind": wanted.kind, "number": wanted.number, "overdue_at": wanted.overdue_at}
    return values | {name: value for name, value in named.items() if value is not None}


async def tasks(
    transaction: Transaction, actor: Actor, wanted: TaskFilter, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What waits for this actor, oldest first."""
    piles = piles_of(actor, wanted)
    if not piles and not actor.apart.lifted:
        return []
    values = _task_parameters(actor, piles, wanted)
    if after:
        values |= {"at": after[0], "after_id": after[1]}
    return await transaction.rows(_tasks(_queue_shape(piles, values)), size=size, **values)


async def task_count(transaction: Transaction, actor: Actor, wanted: TaskFilter) -> int:
    """How much waits for this actor, at most COUNT_CAP + 1."""
    piles = piles_of(actor, wanted)
    if not piles and not actor.apart.lifted:
        return 0
    values = _task_parameters(actor, piles, wanted)
    count: int = await transaction.value(_task_count(_queue_shape(piles, values)), **values)
    return count
