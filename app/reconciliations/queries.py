"""Reading statements, runs, breaks and closings within one's reach."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission, Reach, Tier
from app.kernel.errors import Conflict, NotFound
from app.payments.queries import B, PaymentBatchNotFound
from app.reconciliations.finding_queries import EXPLAINS
from app.reconciliations.rules import instants
from app.reconciliations.tables import (
    FIGURES,
    BankStatement,
    BankStatementLine,
    BreakExplanation,
    MoneyBreak,
    MonthClosing,
    Reconciliation,
)

S, M, R, K, E, C = (
    table_of(model)
    for model in (BankStatement, BankStatementLine, Reconciliation, MoneyBreak, BreakExplanation, MonthClosing)
)
READERS: Final = (Permission.RECONCILE, Permission.SUPERVISE_MONEY)
Page = tuple[datetime, UUID] | None


class StatementNotFound(NotFound):
    """没有找到这份银行流水。"""


class ReconciliationNotFound(NotFound):
    """没有找到这次对账。"""


class MoneyBreakNotFound(NotFound):
    """没有找到这条差异。"""


class BatchNotSent(Conflict):
    """这个付款批次还没有导出，没有可以对的账。"""


def reach_of(actor: Actor) -> Reach:
    """Where somebody reconciles money, or watches over it."""
    return tuple(dict.fromkeys(node for permission in READERS for node in actor.reach(permission)))


def _paged(query: Select[Any], table: Table, by: str, after: bool, *, newest: bool) -> Statement:
    at = table.c[by]
    if after:
        here = tuple_(at, table.c.id)
        query = query.where(here < paging.place(at, table.c.id) if newest else here > paging.place(at, table.c.id))
    order = (at.desc(), table.c.id.desc()) if newest else (at, table.c.id)
    return statement(query.order_by(*order).limit(bindparam("size")))


@cache
def _newest(name: str, tiers: Shape, after: bool) -> Statement:
    table = {"statements": S, "reconciliations": R}[name]
    return _paged(select(table).where(within(table, tiers)), table, "created_at", after, newest=True)


async def statements(transaction: Transaction, actor: Actor, size: int, after: Page) -> list[Record]:
    """Of the accounts of the actor's unions, newest first."""
    reach = reach_of(actor)
    query = _newest("statements", shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


async def runs(transaction: Transaction, actor: Actor, size: int, after: Page) -> list[Record]:
    """Under the actor's unions, newest first."""
    reach = reach_of(actor)
    query = _newest("reconciliations", shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


@cache
def _one(name: str, tiers: Shape, locked: bool) -> Statement:
    table = {"statement": S, "run": R, "break": K}[name]
    query = select(table).where(table.c.id == bindparam("id"), within(table, tiers))
    return statement(query.with_for_update() if locked else query)


async def _found(transaction: Transaction, actor: Actor, name: str, row_id: UUID, *, locked: bool = False) -> Any:
    reach = reach_of(actor)
    return await transaction.row(_one(name, shape(reach), locked), id=row_id, **nodes(reach))


async def bank_statement(transaction: Transaction, actor: Actor, statement_id: UUID) -> Record:
    """One within the actor's reach. Raises StatementNotFound."""
    row: Record | None = await _found(transaction, actor, "statement", statement_id)
    if row is None:
        raise StatementNotFound
    return row


async def run(transaction: Transaction, actor: Actor, run_id: UUID) -> Record:
    """One within the actor's reach. Raises ReconciliationNotFound."""
    row: Record | None = await _found(transaction, actor, "run", run_id)
    if row is None:
        raise ReconciliationNotFound
    return row


async def money_break(transaction: Transaction, actor: Actor, break_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach; `locked`: held until commit. Raises MoneyBreakNotFound."""
    row: Record | None = await _found(transaction, actor, "break", break_id, locked=locked)
    if row is None:
        raise MoneyBreakNotFound
    return row


@cache
def _movements(after: bool) -> Statement:
    return _paged(select(M).where(M.c.statement_id == bindparam("statement_id")), M, "created_at", after, newest=False)


async def movements(transaction: Transaction, statement_id: UUID, size: int, after: Page) -> list[Record]:
    """The new lines of a statement that was found, in its order."""
    return await transaction.rows(
        _movements(after is not None), statement_id=statement_id, size=size, **paging.values(after)
    )


_WANTED: Final[Mapping[str, Any]] = {"state": K.c.state, "kind": K.c.kind, "batch_id": K.c.batch_id}


@cache
def _breaks(tiers: Shape, by: frozenset[str], after: bool) -> Statement:
    conditions: list[ColumnElement[bool]] = [within(K, tiers)]
    conditions += [_WANTED[name] == bindparam(name, type_=_WANTED[name].type) for name in sorted(by)]
    return _paged(select(K).where(*conditions), K, "opened_at", after, newest=False)


async def breaks(transaction: Transaction, actor: Actor, size: int, after: Page, **wanted: Any) -> list[Record]:
    """Under the actor's unions, the longest open first; `wanted`: state, kind, batch_id, where they are not None."""
    reach, asked = reach_of(actor), {k: v for k, v in wanted.items() if v is not None}
    query = _breaks(shape(reach), frozenset(asked), after is not None)
    return await transaction.rows(query, size=size, **asked, **nodes(reach), **paging.values(after))


BANDS: Final = (3, 10, 30)
"""Days: up to the first, up to the second, up to the third, longer."""


@cache
def _count(tiers: Shape) -> Statement:
    age = func.floor(func.extract("epoch", bindparam("now", type_=K.c.opened_at.type) - K.c.opened_at) / 86_400)
    bounds: list[ColumnElement[int]] = [literal_column(str(days)) for days in BANDS]
    columns = [
        func.count().filter(age <= bounds[0]).label("band_0"),
        func.count().filter(age > bounds[0], age <= bounds[1]).label("band_1"),
        func.count().filter(age > bounds[1], age <= bounds[2]).label("band_2"),
        func.count().filter(age > bounds[2]).label("band_3"),
    ]
    return statement(
        select(K.c.kind, *columns)
        .where(within(K, tiers), K.c.state == literal_column("'open'"))
        .group_by(K.c.kind)
        .order_by(K.c.kind)
    )


async def count_by_age(transaction: Transaction, actor: Actor, now: datetime) -> list[Record]:
    """By kind, how many are open and since when (BANDS)."""
    reach = reach_of(actor)
    return await transaction.rows(_count(shape(reach)), now=now, **nodes(reach))


_EXPLANATIONS = statement(select(E).where(E.c.break_id == bindparam("break_id")).order_by(E.c.created_at, E.c.id))


async def explanations(transaction: Transaction, break_id: UUID) -> list[Record]:
    """Of a break that was found, the first one first."""
    return await transaction.rows(_EXPLANATIONS, break_id=break_id)


@cache
def _batch(tiers: Shape) -> Statement:
    columns = (B.c.id, B.c.organisation_id, B.c.exported_at)
    return statement(select(*columns).where(B.c.id == bindparam("id"), within(B, tiers)))


async def sent_batch(transaction: Transaction, actor: Actor, batch_id: UUID) -> Record:
    """Whose it is, and when a bank was told of it. Raises PaymentBatchNotFound, BatchNotSent."""
    reach = reach_of(actor)
    row = await transaction.row(_batch(shape(reach)), id=batch_id, **nodes(reach))
    if row is None:
        raise PaymentBatchNotFound
    if row["exported_at"] is None:
        raise BatchNotSent
    return row


# ---- whether everything agrees ----

_FIGURES = Statement(
    f"select {', '.join(FIGURES)} from money_figures($1, $2, $3, $4)",  # noqa: S608 - names of our own
    ("organisation_id", "first_day", "last_day", "batch_id"),
    {},
)
_LAST = Statement(
    "select * from reconciliation where organisation_id = $1 and first_day = $2 and last_day = $3 and state = 'done' "
    "and batch_id is not distinct from $4 order by created_at desc, id desc limit 1",
    ("organisation_id", "first_day", "last_day", "batch_id"),
    {},
)
# What was explained is of these days, or of this batch, where the line or the application has a line that is.
_OF_WAY: Final = ", ".join(
    f"coalesce(sum({difference}) filter (where k.kind in ({', '.join(map(repr, EXPLAINS[way]))})), 0)::bigint as {way}"
    for way, difference in (
        ("approved_fen", "k.expected_fen - k.found_fen"),
        ("bank_fen", "k.found_fen - k.expected_fen"),
        ("ledger_fen", "k.found_fen - k.expected_fen"),
    )
)
_STANDING = {
    tier: Statement(
        f"""
        select * from (
          select count(*) filter (where state = 'open') as open,
            count(*) filter (where state = 'explained') as explained
          from reconciliation_break
          where {tier}_id = $1 and (($4::uuid is null and day between $2 and $3) or batch_id = $4)
        ) counted cross join (
          select {_OF_WAY} from reconciliation_break k
          where k.{tier}_id = $1 and k.state = 'explained' and exists (
            select 1 from payment_line l join payment_batch b on b.id = l.batch_id
            where (l.id = k.subject_id or l.application_id = k.subject_id) and b.{tier}_id = $1
              and b.exported_at is not null
              and (b.id = $4 or ($4::uuid is null and b.exported_at >= $5 and b.exported_at < $6)))
        ) explained
        """,  # noqa: S608 - names of our own
        ("organisation_id", "first_day", "last_day", "batch_id", "since", "until"),
        {},
    )
    for tier in Tier
}


async def figures(transaction: Transaction, union_id: UUID, days: tuple[date, date], batch_id: UUID | None) -> Record:
    """What was sent, approved, paid, and what bank and ledger say of it: now, whoever asks it for their union."""
    row = await transaction.row(
        _FIGURES, organisation_id=union_id, first_day=days[0], last_day=days[1], batch_id=batch_id
    )
    assert row is not None
    return row


async def last_run(
    transaction: Transaction, union_id: UUID, days: tuple[date, date], batch_id: UUID | None
) -> Record | None:
    """The last one of just this that has ended."""
    return await transaction.row(
        _LAST, organisation_id=union_id, first_day=days[0], last_day=days[1], batch_id=batch_id
    )


async def standing(
    transaction: Transaction, union: Mapping[str, Any], days: tuple[date, date], batch_id: UUID | None
) -> Record:
    """How many breaks of these days, or of this batch, are open, how many were explained, and by how much each way may
    therefore be away from what was paid."""
    since, until = instants(days)
    row = await transaction.row(
        _STANDING[Tier(union["tier"])],
        organisation_id=union["id"], first_day=days[0], last_day=days[1], batch_id=batch_id, since=since, until=until,
    )  # fmt: skip
    assert row is not None
    return row


@cache
def _closings(after: bool, cities: int) -> Statement:
    mine = C.c.city_id.in_([bindparam(f"city_{n}", type_=C.c.city_id.type) for n in range(cities)])
    return _paged(select(C).where(mine), C, "created_at", after, newest=True)


async def closings(transaction: Transaction, actor: Actor, size: int, after: Page) -> list[Record]:
    """Months of the actor's cities, the last closed first."""
    cities = [node.organisation_id for node in reach_of(actor) if node.tier is Tier.CITY]
    values = {f"city_{n}": each for n, each in enumerate(cities)}
    if not cities:
        return []
    return await transaction.rows(
        _closings(after is not None, len(cities)), size=size, **values, **paging.values(after)
    )
