"""Reading samples of payments within one's reach, and what was found of each payment in them."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, tuple_

from app.applications.queries import A
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.supervision.rules import Paid
from app.supervision.tables import PaymentCheck, PaymentSample

S, C = table_of(PaymentSample), table_of(PaymentCheck)
Page = tuple[datetime, UUID] | None
_SHOWN = [column for column in S.c if column.name not in ("population", "seed_sealed")]
_CASE = [A.c[name] for name in "number kind applicant_id household_id applicant_masked organisation_name".split()]


class SampleNotFound(NotFound):
    """没有找到这次抽查。"""


class SampleCheckNotFound(NotFound):
    """没有找到这一笔抽查。"""


@cache
def _samples(tiers: Shape, after: bool) -> Statement:
    query = select(*_SHOWN).where(within(S, tiers))
    if after:
        query = query.where(tuple_(S.c.created_at, S.c.id) < paging.place(S.c.created_at, S.c.id))
    return statement(query.order_by(S.c.created_at.desc(), S.c.id.desc()).limit(bindparam("size")))


async def samples(transaction: Transaction, actor: Actor, size: int, after: Page) -> list[Record]:
    """Those of the actor's unions, newest first."""
    reach = actor.reach(Permission.READ_FUNDS)
    query = _samples(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **paging.values(after))


@cache
def _sample(tiers: Shape, sealed: bool) -> Statement:
    query = select(*_SHOWN, *((S.c.seed_sealed,) if sealed else ())).where(S.c.id == bindparam("id"), within(S, tiers))
    return statement(query.with_for_update() if sealed else query)


async def sample(transaction: Transaction, actor: Actor, sample_id: UUID) -> Record:
    """One within the actor's reach. Raises SampleNotFound."""
    reach = actor.reach(Permission.READ_FUNDS)
    return _found(await transaction.row(_sample(shape(reach), False), id=sample_id, **nodes(reach)))


async def sample_to_draw(transaction: Transaction, actor: Actor, sample_id: UUID) -> Record:
    """One that the actor may draw, with its sealed seed, held until commit. Raises SampleNotFound."""
    reach = actor.reach(Permission.SUPERVISE)
    return _found(await transaction.row(_sample(shape(reach), True), id=sample_id, **nodes(reach)))


def _found(row: Record | None) -> Record:
    if row is None:
        raise SampleNotFound
    return row


_POPULATION = statement(select(S.c.population).where(S.c.id == bindparam("id")))
# A line is listed once, with all that the books say was paid by it: what is cut off at the limit are lines.
_MADE = Statement(
    """
    select line_id, application_id, district_code, kind, min(paid_at) as paid_at, sum(amount_fen)::bigint as amount_fen,
      city_id, district_id, street_id, unit_id
    from payments_made($1, $2, $3) group by 1, 2, 3, 4, 7, 8, 9, 10 limit $4
    """,
    ("asked", "since", "until", "size"),
    {},
)


async def population_of(transaction: Transaction, sample_id: UUID) -> bytes | None:
    """The frozen list of a sample that was found; none before it is drawn."""
    found: bytes | None = await transaction.value(_POPULATION, id=sample_id)
    return found


async def payments_made(transaction: Transaction, row: Record, size: int) -> dict[UUID, Record]:
    """What was paid under the union of a sample in its period, by line, at most so many: whoever wants to know that it
    is all asks for one more."""
    asked = {"asked": row["organisation_id"], "since": row["since"], "until": row["until"]}
    return {each["line_id"]: each for each in await transaction.rows(_MADE, size=size, **asked)}


def as_paid(row: Record) -> Paid:
    """As a population lists it."""
    at = row["paid_at"].isoformat(timespec="microseconds")
    return Paid(str(row["line_id"]), row["district_code"], row["kind"], at, row["amount_fen"])


# ---- what was found ----


@cache
def _checks(tiers: Shape, of_state: bool, after: bool) -> Statement:
    query = (
        select(C, *_CASE)
        .join(A, A.c.id == C.c.application_id)
        .where(C.c.sample_id == bindparam("sample_id"), within(C, tiers))
    )
    if of_state:
        query = query.where(C.c.state == bindparam("state"))
    if after:
        query = query.where(tuple_(C.c.created_at, C.c.id) > paging.place(C.c.created_at, C.c.id))
    return statement(query.order_by(C.c.created_at, C.c.id).limit(bindparam("size")))


async def checks(
    transaction: Transaction, actor: Actor, sample_id: UUID, state: str | None, size: int, after: Page
) -> list[Record]:
    """Those of a sample that the actor may check, in the order in which they were drawn."""
    reach, by = actor.reach(Permission.SUPERVISE), {} if state is None else {"state": state}
    query = _checks(shape(reach), state is not None, after is not None)
    return await transaction.rows(query, sample_id=sample_id, size=size, **by, **nodes(reach), **paging.values(after))


@cache
def _check(tiers: Shape, locked: bool) -> Statement:
    query = (
        select(C, *_CASE)
        .join(A, A.c.id == C.c.application_id)
        .where(C.c.id == bindparam("id"), C.c.sample_id == bindparam("sample_id"), within(C, tiers))
    )
    return statement(query.with_for_update(of=C) if locked else query)


async def check(
    transaction: Transaction, actor: Actor, sample_id: UUID, check_id: UUID, *, locked: bool = False
) -> Record:
    """One that the actor may check; `locked`: held until commit. Raises SampleCheckNotFound."""
    reach = actor.reach(Permission.SUPERVISE)
    row = await transaction.row(_check(shape(reach), locked), id=check_id, sample_id=sample_id, **nodes(reach))
    if row is None:
        raise SampleCheckNotFound
    return row


_TALLY = statement(
    select(C.c.result, func.count().label("count"), func.sum(C.c.amount_fen).label("fen"))
    .where(C.c.sample_id == bindparam("sample_id"))
    .group_by(C.c.result)
)
_FINDINGS = statement(
    select(
        *(
            func.count().filter(C.c[column] == literal_column(f"'{value}'")).label(name)
            for name, column, value in (
                ("not_arrived", "arrived", "no"),
                ("wrong_amount", "amount", "wrong"),
                ("papers_missing", "papers", "missing"),
                ("not_reached", "reached", "no"),
            )
        )
    ).where(C.c.sample_id == bindparam("sample_id"))
)


async def tally(transaction: Transaction, sample_id: UUID) -> dict[str | None, tuple[int, int]]:
    """How many checks ended how, and over how much money; None: those that are open."""
    rows = await transaction.rows(_TALLY, sample_id=sample_id)
    return {row["result"]: (row["count"], int(row["fen"])) for row in rows}


async def findings(transaction: Transaction, sample_id: UUID) -> dict[str, int]:
    """How often each thing was found."""
    row = await transaction.row(_FINDINGS, sample_id=sample_id)
    assert row is not None
    return dict(row)
