"""Reading rehearsals."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.errors import NotFound
from app.rehearsals.tables import Rehearsal, RehearsalLine

R, L = table_of(Rehearsal), table_of(RehearsalLine)
_ONE = statement(select(R).where(R.c.id == bindparam("id"), R.c.policy_id == bindparam("policy_id")))
_ANY = statement(select(R).where(R.c.id == bindparam("id")))
_AFTER = paging.place(R.c.created_at, R.c.id)


class RehearsalNotFound(NotFound):
    """没有找到这次预演。"""


async def rehearsal(transaction: Transaction, policy_id: UUID, rehearsal_id: UUID) -> Record:
    """One rehearsal of a policy version. Raises RehearsalNotFound."""
    row = await transaction.row(_ONE, id=rehearsal_id, policy_id=policy_id)
    if row is None:
        raise RehearsalNotFound
    return row


async def by_id(transaction: Transaction, rehearsal_id: UUID) -> Record | None:
    """For jobs."""
    return await transaction.row(_ANY, id=rehearsal_id)


@cache
def _page(after: bool) -> Statement:
    query = select(*(column for column in R.c if column.name != "money")).where(R.c.policy_id == bindparam("policy_id"))
    if after:
        query = query.where(tuple_(R.c.created_at, R.c.id) < _AFTER)
    return statement(query.order_by(R.c.created_at.desc(), R.c.id.desc()).limit(bindparam("size")))


async def rehearsals(
    transaction: Transaction, policy_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The rehearsals of a policy version, newest first."""
    position = paging.values(after)
    return await transaction.rows(_page(after is not None), policy_id=policy_id, size=size, **position)


@cache
def _lines(after: bool) -> Statement:
    query = select(L).where(L.c.rehearsal_id == bindparam("rehearsal_id"), L.c.effect == bindparam("effect"))
    if after:
        query = query.where(L.c.id > bindparam("after_id"))
    return statement(query.order_by(L.c.id).limit(bindparam("size")))


async def lines(
    transaction: Transaction, rehearsal_id: UUID, effect: str, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """Who would gain, lose, get more or less, or could not be worked out; in the order in which they were found."""
    position = {"after_id": after[1]} if after else {}
    return await transaction.rows(
        _lines(after is not None), rehearsal_id=rehearsal_id, effect=effect, size=size, **position
    )
