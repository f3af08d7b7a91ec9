"""Reading batches and their lines, and what stands for and against paying an application."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, any_, bindparam, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.applications.path import State
from app.applications.queries import A, P
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission, Reach, Tier
from app.kernel.errors import NotFound
from app.payments.tables import CardCheck, PaymentBatch, PaymentBreak, PaymentLine, PaymentResult

B, L, R, K, C = (table_of(model) for model in (PaymentBatch, PaymentLine, PaymentResult, PaymentBreak, CardCheck))
PAYERS = (Permission.START_PAYMENT, Permission.CONFIRM_PAYMENT)
_SUMMARY = [column for column in B.c if column.name not in ("content", "file")]
_IDS = ARRAY(A.c.id.type)
_STANDING_COLUMNS = (
    "id number kind state version round applicant_id applicant_masked household_id organisation_name city_id "
    "district_id street_id unit_id amount_fen paid_before_fen route route_version item measure_id submitted_at "
    "supplement reuse approved_at"
).split()
PAYABLE = [A.c[name] for name in _STANDING_COLUMNS]


class PaymentBatchNotFound(NotFound):
    """没有找到这个付款批次。"""


class LineNotFound(NotFound):
    """没有找到这一笔付款。"""


def reach_of(actor: Actor) -> Reach:
    """Where somebody makes or confirms payments."""
    return tuple(dict.fromkeys(node for permission in PAYERS for node in actor.reach(permission)))


# ---- what may be paid ----


@cache
def _candidates(tier: Tier, after: bool) -> Statement:
    query = select(*PAYABLE).where(
        within(A, (tier,)),
        A.c.state == literal_column(f"'{State.APPROVED}'"),
        A.c.kind == any_(bindparam("kinds", type_=ARRAY(A.c.kind.type))),
        A.c.approved_at <= bindparam("until", type_=A.c.approved_at.type),
    )
    if after:
        query = query.where(tuple_(A.c.approved_at, A.c.id) > paging.place(A.c.approved_at, A.c.id))
    return statement(query.order_by(A.c.approved_at, A.c.id).limit(bindparam("size")))


async def candidates(
    transaction: Transaction, union: Record, kinds: Sequence[str], until: datetime, size: int, after: Record | None
) -> list[Record]:
    """What was approved under a union by then, the longest waiting first; `after`: the last one of the page before."""
    place = paging.values((after["approved_at"], after["id"]) if after else None)
    query = _candidates(Tier(union["tier"]), after is not None)
    return await transaction.rows(query, node_0=union["id"], kinds=list(kinds), until=until, size=size, **place)


_THESE = statement(select(*PAYABLE).where(A.c.id == any_(bindparam("ids", type_=_IDS))).order_by(A.c.id))
_THESE_LOCKED = statement(
    select(*PAYABLE).where(A.c.id == any_(bindparam("ids", type_=_IDS))).order_by(A.c.id).with_for_update()
)


async def applications(transaction: Transaction, ids: Iterable[UUID], *, locked: bool = False) -> dict[UUID, Record]:
    """Those of them that this transaction may see; `locked`: held until commit, in the order of their ids."""
    rows = await transaction.rows(_THESE_LOCKED if locked else _THESE, ids=list(ids))
    return {row["id"]: row for row in rows}


_STANDING = Statement("select * from payment_standing($1)", ("ids",), {})


async def standing(transaction: Transaction, ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Of each of these applications its card, and what keeps it from being paid by whoever asks."""
    return {row["application_id"]: row for row in await transaction.rows(_STANDING, ids=list(ids))}


_SIGNED = statement(
    select(P.c.application_id)
    .join(A, A.c.id == P.c.application_id)
    .where(
        P.c.application_id == any_(bindparam("ids", type_=_IDS)),
        P.c.round == A.c.round,
        P.c.person_id == bindparam("person_id"),
        P.c.counts_as_review,
        P.c.action.in_([literal_column("'start_payment'"), literal_column("'check_payment'")]),
    )
)


async def paid_before_by(transaction: Transaction, ids: Iterable[UUID], person_id: UUID) -> frozenset[UUID]:
    """Those of these applications whose payment somebody signed in this round already, and which was stopped, or came
    back: their signature stands."""
    return frozenset(
        row["application_id"] for row in await transaction.rows(_SIGNED, ids=list(ids), person_id=person_id)
    )


# ---- batches ----


@cache
def _batch(tiers: Shape, locked: bool) -> Statement:
    query = select(*_SUMMARY).where(B.c.id == bindparam("id"), within(B, tiers))
    return statement(query.with_for_update() if locked else query)


async def batch(transaction: Transaction, actor: Actor, batch_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach; `locked`: held until commit. Raises PaymentBatchNotFound."""
    reach = reach_of(actor)
    row = await transaction.row(_batch(shape(reach), locked), id=batch_id, **nodes(reach))
    if row is None:
        raise PaymentBatchNotFound
    return row


@cache
def _batches(tiers: Shape, by_state: bool, after: bool) -> Statement:
    conditions: list[ColumnElement[bool]] = [within(B, tiers)]
    if by_state:
        conditions.append(B.c.state == bindparam("state"))
    if after:
        conditions.append(tuple_(B.c.created_at, B.c.id) < paging.place(B.c.created_at, B.c.id))
    query = select(*_SUMMARY).where(*conditions).order_by(B.c.created_at.desc(), B.c.id.desc())
    return statement(query.limit(bindparam("size")))


async def batches(
    transaction: Transaction, actor: Actor, state: str | None, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """Those within the actor's reach, newest first."""
    reach, by = reach_of(actor), {} if state is None else {"state": state}
    query = _batches(shape(reach), state is not None, after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **by, **paging.values(after))


_TALLY = statement(
    select(L.c.state, func.count().label("count"), func.sum(L.c.amount_fen).label("fen"))
    .where(L.c.batch_id == bindparam("batch_id"))
    .group_by(L.c.state)
)


async def tally(transaction: Transaction, batch_id: UUID) -> dict[str, tuple[int, int]]:
    """How many lines there are in each state, and how much."""
    return {row["state"]: (row["count"], int(row["fen"])) for row in await transaction.rows(_TALLY, batch_id=batch_id)}


_FILE = statement(select(B.c.file).where(B.c.id == bindparam("id")))


async def sealed_file(transaction: Transaction, batch_id: UUID) -> bytes | None:
    found: bytes | None = await transaction.value(_FILE, id=batch_id)
    return found


_CARDS = Statement("select * from cards_of_batch($1)", ("batch_id",), {})


async def cards_of(transaction: Transaction, batch_id: UUID) -> dict[UUID, Record]:
    """The sealed cards by line, for its maker and as long as it is not sent."""
    return {row["line_id"]: row for row in await transaction.rows(_CARDS, batch_id=batch_id)}


# ---- lines ----

_LINES = statement(select(L).where(L.c.batch_id == bindparam("batch_id")).order_by(L.c.serial))


async def lines(transaction: Transaction, batch_id: UUID) -> list[Record]:
    """Every line of a batch, in its order."""
    return await transaction.rows(_LINES, batch_id=batch_id)


@cache
def _page(table_name: str, after: bool) -> Statement:
    table = {"payment_line": L, "payment_break": K, "payment_result": R}[table_name]
    query = select(table).where(table.c.batch_id == bindparam("batch_id"))
    if after:
        query = query.where(tuple_(table.c.created_at, table.c.id) > paging.place(table.c.created_at, table.c.id))
    return statement(query.order_by(table.c.created_at, table.c.id).limit(bindparam("size")))


async def page_of(
    transaction: Transaction, table_name: str, batch_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """Lines, breaks or results of a batch, in the order in which they were written."""
    query = _page(table_name, after is not None)
    return await transaction.rows(query, batch_id=batch_id, size=size, **paging.values(after))


_LINE = statement(select(L).where(L.c.id == bindparam("id"), L.c.batch_id == bindparam("batch_id")).with_for_update())


async def line_locked(transaction: Transaction, batch_id: UUID, line_id: UUID) -> Record:
    """One line of a batch that was found, held until commit. Raises LineNotFound."""
    row = await transaction.row(_LINE, id=line_id, batch_id=batch_id)
    if row is None:
        raise LineNotFound
    return row


# ---- cards ----

_TO_CHECK = Statement("select * from cards_to_check($1, $2, $3, $4)", ("ids", "at", "after_id", "size"), {})
_OPEN_CHECKS = statement(
    select(C).where(C.c.card_id == any_(bindparam("ids", type_=_IDS)), C.c.state == literal_column("'entered'"))
)
_CHECKS_LOCKED = statement(
    select(C).where(C.c.id == any_(bindparam("ids", type_=_IDS))).order_by(C.c.id).with_for_update()
)


async def cards_to_check(
    transaction: Transaction,
    size: int,
    after: tuple[datetime, UUID] | None = None,
    *,
    ids: Iterable[UUID] | None = None,
) -> list[Record]:
    """Cards that were not checked and that a payment waits for, or of these those that are; by application, the
    longest waiting first."""
    at, after_id = after or (None, None)
    return await transaction.rows(
        _TO_CHECK, ids=None if ids is None else list(ids), at=at, after_id=after_id, size=size
    )


async def open_checks(transaction: Transaction, card_ids: Iterable[UUID]) -> dict[UUID, Record]:
    """What was entered of these cards and waits for a second person, by card."""
    return {row["card_id"]: row for row in await transaction.rows(_OPEN_CHECKS, ids=list(card_ids))}


async def checks_locked(transaction: Transaction, ids: Iterable[UUID]) -> list[Record]:
    """Those of these checks that this transaction may see, held until commit."""
    return await transaction.rows(_CHECKS_LOCKED, ids=list(ids))
