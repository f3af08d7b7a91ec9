"""The ledger (资金台账): double entry, signed fen, appended; each transaction has a key and is written once.

`source` is where money came from (its balance is what was received, with the sign reversed), `unallocated` what of a
fund is in no budget yet, `allocated` what a union has in hand, `granted` what was paid, `returned` what the bank sent
back and nobody has been paid anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.funds.tables import LedgerEntry, LedgerTransaction
from app.kernel.errors import Conflict
from app.kernel.ids import new_id

E, T = table_of(LedgerEntry), table_of(LedgerTransaction)
Account = Literal["source", "unallocated", "allocated", "granted", "returned"]
EventKind = Literal["grant", "donation", "interest", "allocation", "payment", "return", "write_off"]
_TRANSACTION = insertion(T, *"id created_at event_key kind day person_id reference".split())
_ENTRY = insertion(E, *"id created_at transaction_id fund_id organisation_id account amount_fen day".split())
# What stood there at the end of the last day that was written down, and what was entered since.
_BALANCES: Final = """
    with kept as (
      select fund_id, max(day) as day from ledger_checkpoint where {which} day < $1 group by fund_id
    ), moved as (
      select c.fund_id, c.organisation_id, c.account, c.balance_fen as fen
      from ledger_checkpoint c join kept k on k.fund_id = c.fund_id and k.day = c.day
      union all
      select e.fund_id, e.organisation_id, e.account, e.amount_fen
      from ledger_entry e left join kept k on k.fund_id = e.fund_id
      where {of_entry} e.day < $1 and (k.day is null or e.day > k.day)
    )
    select fund_id, organisation_id, account, sum(fen)::bigint as balance_fen
    from moved group by fund_id, organisation_id, account
"""
_OF_FUND = Statement(
    f"select * from ({_BALANCES.format(which='fund_id = $2 and', of_entry='e.fund_id = $2 and')}) b "  # noqa: S608
    "order by organisation_id nulls first, account",
    ("before", "fund_id"),
    {},
)
# Of funds in which something was entered since the last time; what stands there may be nothing.
_CHECKPOINT = Statement(
    f"""
    insert into ledger_checkpoint (id, created_at, fund_id, organisation_id, account, day, balance_fen)
    select id_at($2), $2, b.fund_id, b.organisation_id, b.account, $1::date - 1, b.balance_fen
    from ({_BALANCES.format(which="", of_entry="")}) b
    where exists (select 1 from ledger_entry e where e.fund_id = b.fund_id and e.day < $1
      and e.day > coalesce((select max(c.day) from ledger_checkpoint c where c.fund_id = b.fund_id), '-infinity'))
    on conflict do nothing
    """,  # noqa: S608 - our own pieces
    ("before", "now"),
    {},
)
# The books against the budgets: what unions have in hand, and what was granted.
_WRONG = Statement(
    f"""
    select coalesce(l.fund_id, u.fund_id) as fund_id from (
      select fund_id, organisation_id,
        coalesce(sum(balance_fen) filter (where account in ('allocated', 'returned')), 0) as in_hand,
        coalesce(sum(balance_fen) filter (where account = 'granted'), 0) as granted
      from ({_BALANCES.format(which="", of_entry="")}) b
      where organisation_id is not null group by fund_id, organisation_id
    ) l full join (
      select fund_id, organisation_id, sum(allocated_fen - spent_fen) as in_hand, sum(spent_fen) as granted
      from budget group by fund_id, organisation_id
    ) u on u.fund_id = l.fund_id and u.organisation_id = l.organisation_id
    where (coalesce(l.in_hand, 0), coalesce(l.granted, 0)) is distinct from (coalesce(u.in_hand, 0),
      coalesce(u.granted, 0))
    """,  # noqa: S608 - our own pieces
    ("before",),
    {},
)


class AlreadyEntered(Conflict):
    """这笔账已经登记过，不能重复登记。"""


class Leg(NamedTuple):
    """One side: so much on an account of a fund, and of a union where the account is a union's."""

    fund_id: UUID
    organisation_id: UUID | None
    account: Account
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, by the key under which it happens once."""

    key: str
    kind: EventKind
    person_id: UUID | None
    reference: str | None = None


async def post(work: Work, event: Event, legs: Sequence[Leg]) -> UUID:
    """Enter a transaction; the database refuses one that does not sum to zero. Raises AlreadyEntered."""
    transaction_id = new_id()
    try:
        await work.transaction.run(
            _TRANSACTION,
            id=transaction_id,
            created_at=work.now,
            event_key=event.key,
            kind=event.kind,
            day=work.today,
            person_id=event.person_id,
            reference=event.reference,
        )
    except asyncpg.UniqueViolationError as taken:
        raise AlreadyEntered from taken
    rows = [_row(work, transaction_id, leg) for leg in legs]
    await work.transaction.many(_ENTRY, rows)
    return transaction_id


def _row(work: Work, transaction_id: UUID, leg: Leg) -> dict[str, Any]:
    written = {"id": new_id(), "created_at": work.now, "transaction_id": transaction_id, "day": work.today}
    return written | leg._asdict()


async def balances(transaction: Transaction, fund_id: UUID, before: date) -> list[Record]:
    """What stood on each account of a fund, and of which union, when a day began."""
    return await transaction.rows(_OF_FUND, fund_id=fund_id, before=before)


@cache
def _entries(of_union: bool, after: bool) -> Statement:
    query = (
        select(E, T.c.kind, T.c.reference, T.c.event_key)
        .join(T, T.c.id == E.c.transaction_id)
        .where(
            E.c.fund_id == bindparam("fund_id"),
            E.c.day >= bindparam("first", type_=E.c.day.type),
            E.c.day < bindparam("before", type_=E.c.day.type),
            E.c.organisation_id == bindparam("organisation_id") if of_union else E.c.organisation_id.is_(None),
        )
    )
    if after:
        query = query.where(tuple_(E.c.created_at, E.c.id) > paging.place(E.c.created_at, E.c.id))
    return statement(query.order_by(E.c.created_at, E.c.id).limit(bindparam("size")))


async def entries(
    transaction: Transaction,
    fund_id: UUID,
    organisation_id: UUID | None,
    days: tuple[date, date],
    size: int,
    after: tuple[datetime, UUID] | None,
) -> list[Record]:
    """What was entered for a union, or None: for the fund itself, from one day until before another, oldest first."""
    values: dict[str, Any] = {"fund_id": fund_id, "first": days[0], "before": days[1], **paging.values(after)}
    if organisation_id is not None:
        values["organisation_id"] = organisation_id
    return await transaction.rows(_entries(organisation_id is not None, after is not None), size=size, **values)


async def keep_balances(work: Work) -> int:
    """For jobs: write down what stood everywhere when today began. Safe to run twice; answers how many accounts."""
    return await work.transaction.run(_CHECKPOINT, before=work.today, now=work.now)


async def wrong_books(transaction: Transaction, before: date) -> set[UUID]:
    """For jobs: funds whose books say otherwise than their budgets."""
    return {row["fund_id"] for row in await transaction.rows(_WRONG, before=before)}
