"""The waiting list (待拨付名单): its order, and who is funded next."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, func, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.funds.tables import Waiting
from app.kernel.actor import Actor, Permission

W = table_of(Waiting)
AFTER = paging.place(W.c.waits_from, W.c.id)
_PLACE = Statement("select waiting_place($1)", ("id",), {})
_HOLD = Statement("select hold_budgets($1::uuid[], $2)", ("ids", "at"), {})
# Of each of these budgets that has room, whoever waits first among those who may draw on it.
_NEXT = Statement(
    """
    select b.id as budget_id, first.id, first.waits_from from budget b
    join fund f on f.id = b.fund_id
    cross join lateral (
      select w.id, w.waits_from from waiting w
      where w.kind = b.kind and (w.city_id = b.organisation_id or w.district_id = b.organisation_id
        or w.street_id = b.organisation_id or w.unit_id = b.organisation_id)
        and fund_suits(f, w.category, w.archive_level)
      order by w.waits_from, w.id limit 1
    ) first
    where b.id = any($1::uuid[]) and b.year = $2
      and b.allocated_fen > b.reserved_fen + b.committed_fen + b.spent_fen
    order by first.waits_from, first.id
    limit 1
    """,
    ("budget_ids", "year"),
    {},
)
_FITS = Statement(
    """
    select coalesce(sum(o.room), 0) >= w.needed_fen from waiting w
    left join lateral budgets_open_to(w.id, $2) o on true
    where w.id = $1 group by w.needed_fen
    """,
    ("id", "at"),
    {},
)
_RESUMES = statement(select(W.c.resumes).where(W.c.id == bindparam("id")))


async def place_in_line(transaction: Transaction, application_id: UUID) -> int:
    """The place that a case has, or would have, among those of its city and kind."""
    place: int = await transaction.value(_PLACE, id=application_id)
    return place


async def hold_budgets(work: Work, application_ids: Sequence[UUID]) -> None:
    """Hold every budget that moving these cases may touch until commit, in the order in which everybody holds them."""
    await work.transaction.value(_HOLD, ids=list(application_ids), at=work.now)


async def next_in_line(work: Work, budget_ids: Collection[UUID]) -> Record | None:
    """For jobs: who waits first for one of these budgets that has room, and for which of them."""
    return await work.transaction.row(_NEXT, budget_ids=list(budget_ids), year=work.today.year)


async def fits(work: Work, application_id: UUID) -> bool:
    """For jobs: whether there is room by now for a case that waits."""
    return bool(await work.transaction.value(_FITS, id=application_id, at=work.now))


async def resumes_at(transaction: Transaction, application_id: UUID) -> str | None:
    """Where a case that waits goes on."""
    found: str | None = await transaction.value(_RESUMES, id=application_id)
    return found


@cache
def _page(tiers: Shape, of_kind: bool, after: bool) -> Statement:
    place = func.waiting_place(W.c.id).label("place")
    query = select(W, place).where(within(W, tiers))
    if of_kind:
        query = query.where(W.c.kind == bindparam("kind"))
    if after:
        query = query.where(tuple_(W.c.waits_from, W.c.id) > AFTER)
    return statement(query.order_by(W.c.waits_from, W.c.id).limit(bindparam("size")))


async def waiting_list(
    transaction: Transaction, actor: Actor, kind: str | None, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """Who waits under the actor's unions, first come first, each with the place among those of the whole city."""
    reach = actor.reach(Permission.READ_FUNDS)
    values = paging.values(after) | ({"kind": kind} if kind else {})
    query = _page(shape(reach), kind is not None, after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **values)
