"""Reading what one was told."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.errors import NotFound
from app.messaging.tables import Message, MessageSending

MESSAGE, _SENDING = table_of(Message), table_of(MessageSending)
COUNT_CAP = 1_000
_OWN = MESSAGE.c.person_id == bindparam("person_id")
_WITH_ITS_WAY = select(MESSAGE, _SENDING.c.state.label("sending")).outerjoin(
    _SENDING, _SENDING.c.message_id == MESSAGE.c.id
)
_ONE = statement(_WITH_ITS_WAY.where(_OWN, MESSAGE.c.id == bindparam("id")))
_UNREAD = statement(
    select(func.count()).select_from(
        select(MESSAGE.c.id)
        .where(_OWN, MESSAGE.c.read_at.is_(None))
        .limit(literal_column(str(COUNT_CAP + 1)))
        .subquery()
    )
)


class MessageNotFound(NotFound):
    """没有找到这条消息。"""


async def own_one(transaction: Transaction, person_id: UUID, message_id: UUID) -> Record | None:
    return await transaction.row(_ONE, person_id=person_id, id=message_id)


async def unread(transaction: Transaction, person_id: UUID) -> int:
    """How many are not read yet, at most COUNT_CAP + 1."""
    count: int = await transaction.value(_UNREAD, person_id=person_id)
    return count


@cache
def _page(after: bool) -> Statement:
    query = _WITH_ITS_WAY.where(_OWN)
    if after:
        place = paging.place(MESSAGE.c.created_at, MESSAGE.c.id)
        query = query.where(tuple_(MESSAGE.c.created_at, MESSAGE.c.id) < place)
    return statement(query.order_by(MESSAGE.c.created_at.desc(), MESSAGE.c.id.desc()).limit(bindparam("size")))


async def own_page(
    transaction: Transaction, person_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> Sequence[Record]:
    """What a person was told, newest first."""
    return await transaction.rows(_page(after is not None), person_id=person_id, size=size, **paging.values(after))
