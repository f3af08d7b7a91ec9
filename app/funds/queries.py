"""Reading funds, budgets and proposals within one's reach, and what a case draws on."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, bindparam, exists, func, literal_column, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.funds.tables import Allocation, Budget, Drawing, Fund
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

F, B, L, D = (table_of(model) for model in (Fund, Budget, Allocation, Drawing))
Page = tuple[datetime, UUID] | None


class FundNotFound(NotFound):
    """没有找到这项资金。"""


class AllocationNotFound(NotFound):
    """没有找到这项预算调整。"""


def drawn_for(application_id: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a case draws on which fund, as JSON beside it: the largest part first."""
    part = func.jsonb_build_object(
        literal_column("'fund'"), D.c.fund_name, literal_column("'amount_fen'"), D.c.amount_fen,
        literal_column("'state'"), D.c.state,
    )  # fmt: skip
    listed = func.jsonb_agg(aggregate_order_by(part, D.c.amount_fen.desc(), D.c.id))
    return (
        select(func.coalesce(listed, text("'[]'::jsonb")))
        .where(D.c.application_id == application_id, D.c.state != literal_column("'released'"))
        .scalar_subquery()
        .label("drawings")
    )


def _funds(tiers: Shape) -> Select[Any]:
    """Those of the actor's unions, and those that these have a budget of."""
    budgeted = exists().where(B.c.fund_id == F.c.id, within(B, tiers))
    return select(F).where(or_(within(F, tiers), budgeted))


@cache
def _fund_page(tiers: Shape, after: bool) -> Statement:
    query = _funds(tiers)
    if after:
        query = query.where(tuple_(F.c.created_at, F.c.id) < paging.place(F.c.created_at, F.c.id))
    return statement(query.order_by(F.c.created_at.desc(), F.c.id.desc()).limit(bindparam("size")))


async def funds(transaction: Transaction, actor: Actor, size: int, after: Page) -> list[Record]:
    """Newest first."""
    reach = actor.reach(Permission.READ_FUNDS)
    query = _fund_page(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


@cache
def _fund(tiers: Shape, locked: bool) -> Statement:
    query = _funds(tiers).where(F.c.id == bindparam("id"))
    return statement(query.with_for_update(of=F, key_share=True) if locked else query)


async def fund(transaction: Transaction, actor: Actor, fund_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach; `locked`: held until commit. Raises FundNotFound."""
    reach = actor.reach(Permission.READ_FUNDS)
    row = await transaction.row(_fund(shape(reach), locked), id=fund_id, **nodes(reach))
    if row is None:
        raise FundNotFound
    return row


def _cut(
    query: Select[Any], table: Any, conditions: Mapping[str, ColumnElement[bool]], by: frozenset[str]
) -> Statement:
    place = {"after": tuple_(table.c.created_at, table.c.id) < paging.place(table.c.created_at, table.c.id)}
    found = {**conditions, **place}
    query = query.where(*(found[name] for name in sorted(by)))
    return statement(query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(bindparam("size")))


@cache
def _budgets(tiers: Shape, by: frozenset[str]) -> Statement:
    query = select(B, F.c.name.label("fund_name"), F.c.source).join(F, F.c.id == B.c.fund_id).where(within(B, tiers))
    conditions = {name: B.c[name] == bindparam(name, type_=B.c[name].type) for name in ("fund_id", "kind", "year")}
    return _cut(query, B, conditions, by)


async def budgets(transaction: Transaction, actor: Actor, size: int, after: Page, **wanted: Any) -> list[Record]:
    """Of the actor's unions, newest first; `wanted`: fund_id, kind, year, where they are not None."""
    reach, asked = actor.reach(Permission.READ_FUNDS), {k: v for k, v in wanted.items() if v is not None}
    by = frozenset(asked) | ({"after"} if after else frozenset())
    return await transaction.rows(
        _budgets(shape(reach), by), size=size, **asked, **nodes(reach), **paging.values(after)
    )


def _proposals(tiers: Shape) -> Select[Any]:
    query = select(L, F.c.name.label("fund_name"), F.c.organisation_id.label("fund_organisation_id"))
    return query.join(F, F.c.id == L.c.fund_id).where(within(L, tiers))


@cache
def _allocations(tiers: Shape, by: frozenset[str]) -> Statement:
    conditions = {name: L.c[name] == bindparam(name, type_=L.c[name].type) for name in ("fund_id", "state")}
    return _cut(_proposals(tiers), L, conditions, by)


async def allocations(transaction: Transaction, actor: Actor, size: int, after: Page, **wanted: Any) -> list[Record]:
    """Proposals of the actor's unions, newest first; `wanted`: fund_id, state, where they are not None."""
    reach, asked = actor.reach(Permission.READ_FUNDS), {k: v for k, v in wanted.items() if v is not None}
    by = frozenset(asked) | ({"after"} if after else frozenset())
    return await transaction.rows(
        _allocations(shape(reach), by), size=size, **asked, **nodes(reach), **paging.values(after)
    )


@cache
def _allocation(tiers: Shape) -> Statement:
    return statement(_proposals(tiers).where(L.c.id == bindparam("id")).with_for_update(of=L))


async def allocation_locked(transaction: Transaction, actor: Actor, allocation_id: UUID) -> Record:
    """One within the actor's reach, held until commit. Raises AllocationNotFound."""
    reach = actor.reach(Permission.READ_FUNDS)
    row = await transaction.row(_allocation(shape(reach)), id=allocation_id, **nodes(reach))
    if row is None:
        raise AllocationNotFound
    return row


# ---- for jobs, which see everything ----

_OF_CASE = Statement(
    """
    select b.id from application a
    join budget b on b.organisation_id in (a.unit_id, a.street_id, a.district_id, a.city_id) and b.kind = a.kind
    where a.id = $1 and b.year = $2 and b.allocated_fen > b.reserved_fen + b.committed_fen + b.spent_fen
    union
    select d.budget_id from drawing d where d.application_id = $1
    """,
    ("id", "year"),
    {},
)
_STALE = Statement(
    """
    select d.application_id as id, min(d.created_at) as since from drawing d
    join application a on a.id = d.application_id and a.state = 'approved' and a.approved_at < $1
    where d.state = 'reserved' and d.created_at < $1
    group by d.application_id order by 2, 1 limit $2
    """,
    ("before", "size"),
    {},
)
_WRONG = Statement(
    """
    select b.id from budget b
    left join (
      select d.budget_id, coalesce(sum(d.amount_fen) filter (where d.state = 'reserved'), 0) as reserved,
        coalesce(sum(d.amount_fen) filter (where d.state = 'committed'), 0) as committed,
        coalesce(sum(d.amount_fen) filter (where d.state = 'spent'), 0) as spent
      from drawing d where d.state <> 'released' group by d.budget_id
    ) d on d.budget_id = b.id
    where (b.reserved_fen, b.committed_fen, b.spent_fen)
      is distinct from (coalesce(d.reserved, 0), coalesce(d.committed, 0), coalesce(d.spent, 0))
    """,
    (),
    {},
)


async def budgets_of_case(transaction: Transaction, application_id: UUID, year: int) -> list[UUID]:
    """Those that a case may draw on, where there is room, and those that it drew on."""
    return [row["id"] for row in await transaction.rows(_OF_CASE, id=application_id, year=year)]


async def stale(transaction: Transaction, before: datetime, size: int) -> list[Record]:
    """Cases that were approved before an instant, hold money since then and are not being paid; the oldest first."""
    return await transaction.rows(_STALE, before=before, size=size)


async def wrong_budgets(transaction: Transaction) -> list[UUID]:
    """Budgets that say otherwise than what is drawn on them."""
    return [row["id"] for row in await transaction.rows(_WRONG)]


# ---- reservations, for staff ----


@cache
def _reservations(tiers: Shape, after: bool) -> Statement:
    query = (
        select(D, B.c.organisation_name, B.c.kind)
        .join(B, B.c.id == D.c.budget_id)
        .where(D.c.state == literal_column("'reserved'"), within(B, tiers))
    )
    if after:
        query = query.where(tuple_(D.c.created_at, D.c.id) > paging.place(D.c.created_at, D.c.id))
    return statement(query.order_by(D.c.created_at, D.c.id).limit(bindparam("size")))


async def reservations(transaction: Transaction, actor: Actor, size: int, after: Page) -> list[Record]:
    """What is held on budgets of the actor's unions and not being paid, the oldest first."""
    reach = actor.reach(Permission.READ_FUNDS)
    query = _reservations(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


_HELD = statement(
    select(B.c.id)
    .where(
        B.c.fund_id == bindparam("fund_id"),
        B.c.kind == bindparam("kind"),
        B.c.year == bindparam("year"),
        B.c.organisation_id == any_(bindparam("organisation_ids", type_=ARRAY(B.c.id.type))),
    )
    .order_by(B.c.id)
    .with_for_update(key_share=True)
)


async def budgets_held(
    transaction: Transaction, fund_id: UUID, kind: str, year: int, organisation_ids: list[UUID]
) -> None:
    """Hold the budgets of these unions until commit, in the order in which everybody holds them."""
    await transaction.rows(_HELD, fund_id=fund_id, kind=kind, year=year, organisation_ids=organisation_ids)
