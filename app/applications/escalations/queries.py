"""What is overdue below: for the level above the one that should act."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, func, literal_column, select, text, tuple_, union_all

from app.applications.escalations.rules import TOLD
from app.applications.escalations.tables import CaseEscalation
from app.applications.queries import A
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, under
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission, Reach, Tier

E = table_of(CaseEscalation)
COUNT_CAP = 10_000
_SHOWN = (
    E.c.id,
    E.c.application_id,
    E.c.created_at,
    E.c.state,
    E.c.due_at,
    E.c.told,
    A.c.number,
    A.c.kind,
    A.c.applicant_masked,
    A.c.organisation_name,
    A.c.amount_fen,
    A.c.submitted_at,
    A.c.supplement,
    A.c.reuse,
    A.c.version,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    kind: str | None = None
    state: str | None = None

    def parameters(self) -> dict[str, str]:
        named = {"kind": self.kind, "state": self.state}
        return {name: value for name, value in named.items() if value is not None}


def _reach(actor: Actor) -> Reach:
    """The actor's places on a level that is told."""
    return tuple(node for node in actor.reach(Permission.READ_CASES) if node.tier in TOLD)


def _part(n: int, tier: Tier, by: frozenset[str]) -> Select[Any]:
    """What one place is told. Of a case that has moved on nobody is told any more, settled or not."""
    conditions = {
        "kind": A.c.kind == bindparam("kind"),
        "state": E.c.state == bindparam("state"),
        "after": tuple_(E.c.due_at, E.c.id) > paging.place(E.c.due_at, E.c.id),
    }
    return (
        select(*_SHOWN)
        .join_from(E, A, and_(A.c.id == E.c.application_id, A.c.version == E.c.version))
        .where(
            under(E, tier, n),
            # Word for word as in the partial index, for the planner.
            text(f"case_escalation.settled_at is null and case_escalation.told = '{tier}'"),
            A.c.applicant_id != bindparam("actor_id"),
            *(conditions[name] for name in sorted(by)),
        )
    )


@cache
def _page(tiers: Shape, by: frozenset[str]) -> Statement:
    parts = [_part(n, tier, by).order_by(E.c.due_at, E.c.id).limit(bindparam("size")) for n, tier in enumerate(tiers)]
    if len(parts) == 1:
        return statement(parts[0])
    merged = union_all(*(part.subquery().select() for part in parts)).subquery()
    return statement(select(merged).order_by(merged.c.due_at, merged.c.id).limit(bindparam("size")))


@cache
def _count(tiers: Shape, by: frozenset[str]) -> Statement:
    cap = literal_column(str(COUNT_CAP + 1), type_=E.c.version.type)
    parts = [_part(n, tier, by).with_only_columns(E.c.id).limit(cap) for n, tier in enumerate(tiers)]
    told = union_all(*(part.subquery().select() for part in parts)).subquery()
    return statement(select(func.count()).select_from(select(told.c.id).limit(cap).subquery()))


async def escalations(
    transaction: Transaction, actor: Actor, wanted: Wanted, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What the actor's level is told, the longest overdue first."""
    reach = _reach(actor)
    if not reach:
        return []
    values: dict[str, Any] = wanted.parameters() | paging.values(after)
    by = frozenset(wanted.parameters()) | ({"after"} if after else frozenset())
    return await transaction.rows(
        _page(shape(reach), by), size=size, actor_id=actor.person_id, **nodes(reach), **values
    )


async def escalation_count(transaction: Transaction, actor: Actor, wanted: Wanted) -> int:
    """How much the actor's level is told, at most COUNT_CAP + 1."""
    reach, values = _reach(actor), wanted.parameters()
    if not reach:
        return 0
    query = _count(shape(reach), frozenset(values))
    count: int = await transaction.value(query, actor_id=actor.person_id, **nodes(reach), **values)
    return count
