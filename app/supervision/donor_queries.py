"""Reading donors' reports of the funds within one's reach."""

from datetime import date, datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.funds.queries import F
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.organisations.queries import names
from app.supervision.donors import Cell
from app.supervision.tables import DonorReport

R = table_of(DonorReport)
Page = tuple[datetime, UUID] | None


class DonorReportNotFound(NotFound):
    """没有找到这份报告。"""


@cache
def _reports(tiers: Shape, of_fund: bool, after: bool) -> Statement:
    query = select(R, F.c.name.label("fund_name")).join(F, F.c.id == R.c.fund_id).where(within(R, tiers))
    if of_fund:
        query = query.where(R.c.fund_id == bindparam("fund_id"))
    if after:
        query = query.where(tuple_(R.c.created_at, R.c.id) < paging.place(R.c.created_at, R.c.id))
    return statement(query.order_by(R.c.created_at.desc(), R.c.id.desc()).limit(bindparam("size")))


async def reports(transaction: Transaction, actor: Actor, fund_id: UUID | None, size: int, after: Page) -> list[Record]:
    """Newest first."""
    reach, by = actor.reach(Permission.READ_FUNDS), {} if fund_id is None else {"fund_id": fund_id}
    query = _reports(shape(reach), fund_id is not None, after is not None)
    return await transaction.rows(query, size=size, **by, **nodes(reach), **paging.values(after))


@cache
def _report(tiers: Shape, locked: bool) -> Statement:
    query = (
        select(R, F.c.name.label("fund_name"))
        .join(F, F.c.id == R.c.fund_id)
        .where(R.c.id == bindparam("id"), within(R, tiers))
    )
    return statement(query.with_for_update(of=R) if locked else query)


async def report(transaction: Transaction, actor: Actor, report_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach; `locked`: held until commit. Raises DonorReportNotFound."""
    reach = actor.reach(Permission.READ_FUNDS)
    row = await transaction.row(_report(shape(reach), locked), id=report_id, **nodes(reach))
    if row is None:
        raise DonorReportNotFound
    return row


_UNTIL = Statement(
    """
    select coalesce(sum(-e.amount_fen) filter (where e.account = 'source'), 0)::bigint as received_fen,
      coalesce(sum(e.amount_fen) filter (where e.account = 'granted'), 0)::bigint as spent_fen
    from ledger_entry e where e.fund_id = $1 and e.day < $2 and e.account in ('source', 'granted')
    """,
    ("fund_id", "before"),
    {},
)


async def until(transaction: Transaction, fund_id: UUID, before: date) -> tuple[int, int]:
    """What a fund had received, and what of it had been spent, when a day began."""
    row = await transaction.row(_UNTIL, fund_id=fund_id, before=before)
    assert row is not None
    return row["received_fen"], row["spent_fen"]


_CELLS = Statement(
    """
    select g.kind, g.district_id,
      (coalesce(sum(g.fen), 0))::bigint as net_fen,
      count(distinct g.transaction_id) filter (where g.what = 'payment') as times,
      coalesce(array_agg(distinct g.household) filter (where g.what = 'payment'), '{}') as households
    from money_granted($1, $2, $3, $4) g group by g.kind, g.district_id
    """,
    ("asked", "of_fund", "first", "before"),
    {},
)


async def cells(transaction: Transaction, fund: Record, first: date, before: date) -> list[Cell]:
    """What was paid from a fund that was found, by kind and district, with the households that got it."""
    rows = await transaction.rows(_CELLS, asked=fund["organisation_id"], of_fund=fund["id"], first=first, before=before)
    districts = await names(transaction, {row["district_id"] for row in rows})
    found = [
        Cell(row["kind"], districts[row["district_id"]], row["net_fen"], row["times"], frozenset(row["households"]))
        for row in rows
    ]
    return sorted(found, key=lambda cell: (str(cell.kind), str(cell.district)))
