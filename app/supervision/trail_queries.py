"""The trail of money: all that somebody and their household got, and all that went through a fund."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import any_, bindparam, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.queries import A, P
from app.db.scope import Shape, nodes, post_over, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.funds.ledger import balances
from app.funds.queries import B, D
from app.funds.queries import fund as fund_of
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.errors import NotAllowed

AT_MOST: Final = 200
"""Applications of one household: the newest."""
_IDS = ARRAY(A.c.id.type)
_OF_THESE = any_(bindparam("ids", type_=_IDS))


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of some cases, table by table."""

    cases: Sequence[Record]
    more: bool
    """Whether there are older cases than these."""
    steps: Sequence[Record]
    notices: Sequence[Record]
    drawings: Sequence[Record]
    lines: Sequence[Record]
    books: Sequence[Record]


@cache
def _cases(tiers: Shape) -> Statement:
    told = "id number kind applicant_id policy_version facts_sha256 code_sha256 submitted_at".split()
    query = select(*(A.c[name] for name in told), *(A.c[f"{tier}_id"] for tier in Tier)).where(
        or_(
            A.c.applicant_id == bindparam("applicant_id"),
            A.c.household_id == bindparam("household_id", type_=A.c.household_id.type),
        ),
        A.c.submitted_at.is_not(None),
        within(A, tiers),
    )
    return statement(query.order_by(A.c.submitted_at.desc(), A.c.id.desc()).limit(literal_column(str(AT_MOST + 1))))


_STEPS = statement(
    select(
        *(P.c[name] for name in "id created_at application_id round action post_role organisation_name".split()),
        P.c.amount_fen,
    ).where(P.c.application_id == _OF_THESE)
)
_NOTICES = Statement("select * from notices_of_cases($1)", ("ids",), {})
_DRAWINGS = statement(
    select(
        *(D.c[name] for name in "id created_at application_id fund_id fund_name amount_fen state returned".split()),
        B.c.id.label("budget_id"),
        B.c.organisation_name,
    )
    .join(B, B.c.id == D.c.budget_id, isouter=True)
    .where(D.c.application_id == _OF_THESE)
)
_LINES = Statement("select * from lines_of_cases($1)", ("ids",), {})
_BOOKS = Statement("select * from books_of_cases($1)", ("ids",), {})


async def money_of(transaction: Transaction, actor: Actor, row: Record) -> Rows:
    """All that the applicant of a case that was found, and their household, asked for and got, as far as the actor
    sees it."""
    reach = actor.reach(Permission.READ_CASES)
    whose = {"applicant_id": row["applicant_id"], "household_id": row["household_id"]}
    cases = await transaction.rows(_cases(shape(reach)), **whose, **nodes(reach))
    ids = [case["id"] for case in cases[:AT_MOST]]
    found = [await transaction.rows(query, ids=ids) for query in (_STEPS, _NOTICES, _DRAWINGS, _LINES, _BOOKS)]
    return Rows(cases[:AT_MOST], len(cases) > AT_MOST, *found)


# ---- of a fund ----

_PAGE: Final = """
    select t.id, t.created_at, t.kind, t.day, t.reference, t.event_key, t.application_id, s.source_fen,
      s.unallocated_fen, s.in_hand_fen, s.granted_fen, a.number,
      (select max(o.name) from ledger_entry u join organisation o on o.id = u.organisation_id
        where u.transaction_id = t.id and u.fund_id = $1) as organisation_name,
      (select min(d.created_at) from drawing d where d.application_id = t.application_id and d.fund_id = $1
        and d.created_at <= t.created_at and t.kind = 'payment') as reserved_at
    from (
      select e.created_at, e.transaction_id,
        coalesce(sum(e.amount_fen) filter (where e.account = 'source'), 0)::bigint as source_fen,
        coalesce(sum(e.amount_fen) filter (where e.account = 'unallocated'), 0)::bigint as unallocated_fen,
        coalesce(sum(e.amount_fen) filter (where e.account in ('allocated', 'returned')), 0)::bigint as in_hand_fen,
        coalesce(sum(e.amount_fen) filter (where e.account = 'granted'), 0)::bigint as granted_fen
      from ledger_entry e where e.fund_id = $1 {after}
      group by e.created_at, e.transaction_id order by e.created_at, e.transaction_id limit $2
    ) s
    join ledger_transaction t on t.id = s.transaction_id left join application a on a.id = t.application_id
    order by s.created_at, s.transaction_id
"""
_FIRST_PAGE = Statement(_PAGE.format(after=""), ("fund_id", "size"), {})
_LATER_PAGE = Statement(
    _PAGE.format(after="and (e.created_at, e.transaction_id) > ($3, $4)"), ("fund_id", "size", "at", "after_id"), {}
)
# Of the day on which a page begins, what comes before it; the days before that are in the balances.
_EARLIER_THAT_DAY = Statement(
    """
    select e.account, sum(e.amount_fen)::bigint as balance_fen from ledger_entry e
    where e.fund_id = $1 and e.day = $2 and (e.created_at, e.transaction_id) < ($3, $4) group by e.account
    """,
    ("fund_id", "day", "at", "before_id"),
    {},
)
_STANDS = Statement(
    """
    select coalesce(sum(b.allocated_fen), 0)::bigint as allocated_fen,
      coalesce(sum(b.reserved_fen), 0)::bigint as reserved_fen,
      coalesce(sum(b.committed_fen), 0)::bigint as committed_fen, coalesce(sum(b.spent_fen), 0)::bigint as spent_fen
    from budget b where b.fund_id = $1
    """,
    ("fund_id",),
    {},
)


async def fund_to_follow(transaction: Transaction, actor: Actor, fund_id: UUID) -> Record:
    """A fund of the actor's own unions: of one of which they only have a budget they see a part, and no balance.

    Raises FundNotFound, NotAllowed.
    """
    row = await fund_of(transaction, actor, fund_id)
    if post_over(actor, Permission.READ_FUNDS, row) is None:
        raise NotAllowed
    return row


async def fund_page(
    transaction: Transaction, fund_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What happened to a fund, oldest first: each transaction once, with what it did to each side."""
    if after is None:
        return await transaction.rows(_FIRST_PAGE, fund_id=fund_id, size=size)
    return await transaction.rows(_LATER_PAGE, fund_id=fund_id, size=size, at=after[0], after_id=after[1])


async def standing_before(transaction: Transaction, fund_id: UUID, first: Record) -> dict[str, int]:
    """What stood on the sides of a fund before a transaction of it, by account, the unions' together."""
    stood = dict[str, int]()
    rows = [
        *await balances(transaction, fund_id, first["day"]),
        *await transaction.rows(
            _EARLIER_THAT_DAY, fund_id=fund_id, day=first["day"], at=first["created_at"], before_id=first["id"]
        ),
    ]
    for row in rows:
        stood[row["account"]] = stood.get(row["account"], 0) + row["balance_fen"]
    return stood


async def budgeted(transaction: Transaction, fund_id: UUID) -> Record:
    """What of a fund stands in budgets, and what of that is held, being paid, and spent."""
    row = await transaction.row(_STANDS, fund_id=fund_id)
    assert row is not None
    return row
