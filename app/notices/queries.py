"""Reading public notices: everyone may, while they are shown. A line that was objected to is shown to nobody."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.notices.tables import Notice, NoticeBatch

N, B = table_of(Notice), table_of(NoticeBatch)
_OPEN = N.c.state == literal_column("'open'")
_LINE = (
    *(N.c[name] for name in "id number kind name_masked organisation_name amount_fen amount_band".split()),
    *(N.c[name] for name in "created_at ends_at working_days batch_id serial".split()),
    B.c.sha256,
)
_SHOWN = select(*_LINE).outerjoin(B, B.c.id == N.c.batch_id).where(_OPEN, N.c.ends_at > bindparam("now"))
_ONE = statement(_SHOWN.where(N.c.id == bindparam("id")))
_DUE = statement(
    select(N.c.id, N.c.application_id, N.c.household_id, N.c.round, N.c.kind)
    .where(N.c.ends_at <= bindparam("now"), _OPEN)
    .order_by(N.c.ends_at)
    .limit(literal_column("100"))
)
_ANY = statement(select(N).where(N.c.id == bindparam("id")))
_OF_SUBJECT = statement(
    select(N.c.id, N.c.state, N.c.round)
    .where(
        (N.c.application_id == bindparam("subject_id")) | (N.c.household_id == bindparam("subject_too")),
        N.c.closed_at.is_(None),
    )
    .with_for_update()
)
_OF_PERSON = statement(select(N).where(N.c.person_id == bindparam("person_id"), N.c.agreed, _OPEN).order_by(N.c.id))
_BATCH = statement(select(B).where(B.c.id == bindparam("id"), B.c.ends_at > bindparam("now")))
_STILL = statement(select(N.c.serial).where(N.c.batch_id == bindparam("id"), _OPEN).order_by(N.c.serial))
_KEPT = statement(
    select(B.c.id, B.c.content, B.c.sha256, func.coalesce(
        func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(
            literal_column("'serial'"), N.c.serial, literal_column("'number'"), N.c.number,
            literal_column("'name_masked'"), N.c.name_masked, literal_column("'organisation'"), N.c.organisation_name,
            literal_column("'amount_fen'"), N.c.amount_fen, literal_column("'amount_band'"), N.c.amount_band,
        ), N.c.serial)), literal_column("'[]'::jsonb")).label("listed"))
    .outerjoin(N, N.c.batch_id == B.c.id)
    .where(B.c.id > bindparam("after"))
    .group_by(B.c.id)
    .order_by(B.c.id)
    .limit(bindparam("size"))
)  # fmt: skip


class NoticeNotFound(NotFound):
    """没有找到这条公示，可能已经期满撤下。"""


class NoticeBatchNotFound(NotFound):
    """没有找到这批公示，可能已经期满撤下。"""


@cache
def _open(after: bool) -> Statement:
    query = _SHOWN
    if after:
        position = paging.place(N.c.created_at, N.c.id)
        query = query.where(tuple_(N.c.created_at, N.c.id) < position)
    return statement(query.order_by(N.c.created_at.desc(), N.c.id.desc()).limit(bindparam("size")))


async def notices(
    transaction: Transaction, now: datetime, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The lines that are shown, newest first."""
    position = paging.values(after)
    return await transaction.rows(_open(after is not None), now=now, size=size, **position)


async def notice(transaction: Transaction, notice_id: UUID, now: datetime) -> Record:
    """A line that is shown. Raises NoticeNotFound."""
    row = await transaction.row(_ONE, id=notice_id, now=now)
    if row is None:
        raise NoticeNotFound
    return row


async def batch(transaction: Transaction, batch_id: UUID, now: datetime) -> tuple[Record, frozenset[int]]:
    """A list whose time is not over, and the lines of it that are shown. Raises NoticeBatchNotFound."""
    row = await transaction.row(_BATCH, id=batch_id, now=now)
    if row is None:
        raise NoticeBatchNotFound
    return row, frozenset(line["serial"] for line in await transaction.rows(_STILL, id=batch_id))


async def due(transaction: Transaction, now: datetime) -> list[Record]:
    """Lines whose time is over; at most a hundred at once."""
    return await transaction.rows(_DUE, now=now)


async def line(transaction: Transaction, notice_id: UUID) -> Record | None:
    """For the jobs, which see every line: one of them."""
    return await transaction.row(_ANY, id=notice_id)


async def live_of(transaction: Transaction, subject_id: UUID) -> list[Record]:
    """For the jobs: the lines of an application or household file that are shown or looked into, held until commit."""
    return await transaction.rows(_OF_SUBJECT, subject_id=subject_id, subject_too=subject_id)


async def shown_of(transaction: Transaction, person_id: UUID) -> list[Record]:
    """For the jobs: the lines about a person that everyone may read, and that say what they had consented to."""
    return await transaction.rows(_OF_PERSON, person_id=person_id)


async def kept_batches(transaction: Transaction, after: UUID, size: int) -> list[Record]:
    """For the jobs: every list with its hash, and what its lines say now (`listed`), in the order of their ids."""
    return await transaction.rows(_KEPT, after=after, size=size)


# ---- staff: the lists of the unions within their reach, also those that are over ----

_LISTED = "id created_at organisation_name kind level policy_version lines sha256 working_days ends_at".split()


@cache
def _in_reach(tiers: Shape, after: bool) -> Statement:
    query = select(*(B.c[name] for name in _LISTED)).where(within(B, tiers))
    if after:
        position = paging.place(B.c.created_at, B.c.id)
        query = query.where(tuple_(B.c.created_at, B.c.id) < position)
    return statement(query.order_by(B.c.created_at.desc(), B.c.id.desc()).limit(bindparam("size")))


async def batches(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The lists that the unions within the actor's reach published, newest first."""
    reach = actor.reach(Permission.READ_CASES)
    position = paging.values(after)
    return await transaction.rows(_in_reach(shape(reach), after is not None), size=size, **position, **nodes(reach))
