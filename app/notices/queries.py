"""Reading public notices: everyone may, while they are open."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.errors import NotFound
from app.notices.tables import Notice

N = table_of(Notice)
_ONE = statement(select(N).where(N.c.id == bindparam("id"), N.c.closed_at.is_(None)))
_DUE = statement(
    select(N.c.id, N.c.application_id, N.c.household_id, N.c.round, N.c.kind)
    .where(N.c.ends_at <= bindparam("now"), N.c.closed_at.is_(None))
    .order_by(N.c.ends_at)
    .limit(literal_column("100"))
)


class NoticeNotFound(NotFound):
    """没有找到这条公示，可能已经期满撤下。"""


@cache
def _open(after: bool) -> Statement:
    query = select(N).where(N.c.closed_at.is_(None))
    if after:
        position = paging.place(N.c.created_at, N.c.id)
        query = query.where(tuple_(N.c.created_at, N.c.id) < position)
    return statement(query.order_by(N.c.created_at.desc(), N.c.id.desc()).limit(bindparam("size")))


async def notices(transaction: Transaction, size: int, after: tuple[datetime, UUID] | None) -> list[Record]:
    """Open notices, newest first."""
    position = paging.values(after)
    return await transaction.rows(_open(after is not None), size=size, **position)


async def notice(transaction: Transaction, notice_id: UUID) -> Record:
    """An open notice. Raises NoticeNotFound."""
    row = await transaction.row(_ONE, id=notice_id)
    if row is None:
        raise NoticeNotFound
    return row


async def due(transaction: Transaction, now: datetime) -> list[Record]:
    """Notices whose time is over; at most a hundred at once."""
    return await transaction.rows(_DUE, now=now)
