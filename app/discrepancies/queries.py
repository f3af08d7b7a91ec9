"""Reading discrepancies: those of one's own file, or those that wait within one's reach."""

from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, text, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.discrepancies.tables import WAITING, Discrepancy
from app.households.tables import Household
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

D = table_of(Discrepancy)
H = table_of(Household)
COUNT_CAP = 10_000
_AFTER = paging.place(D.c.created_at, D.c.id)
_WAITING: ColumnElement[bool] = text(f"discrepancy.{WAITING}")  # type: ignore[assignment]
_OPEN_COUNT = statement(
    select(func.count()).select_from(D).where(D.c.household_id == bindparam("household_id"), _WAITING)
)
_OWN = select(D).where(D.c.id == bindparam("id"), D.c.person_id == bindparam("person_id"))
_OWN_ONE, _OWN_LOCKED = statement(_OWN), statement(_OWN.with_for_update())


class DiscrepancyNotFound(NotFound):
    """没有找到这条不一致的记录。"""


async def open_count(transaction: Transaction, household_id: UUID) -> int:
    """How many of a household's discrepancies are not resolved."""
    count: int = await transaction.value(_OPEN_COUNT, household_id=household_id)
    return count


async def own(transaction: Transaction, person_id: UUID, discrepancy_id: UUID, *, locked: bool = False) -> Record:
    """One about the person's own file. Raises DiscrepancyNotFound."""
    row = await transaction.row(_OWN_LOCKED if locked else _OWN_ONE, id=discrepancy_id, person_id=person_id)
    if row is None:
        raise DiscrepancyNotFound
    return row


@cache
def _of_household(after: bool) -> Statement:
    query = select(D).where(D.c.household_id == bindparam("household_id"), D.c.person_id == bindparam("person_id"))
    if after:
        query = query.where(tuple_(D.c.created_at, D.c.id) > _AFTER)
    return statement(query.order_by(D.c.created_at, D.c.id).limit(bindparam("size")))


async def of_own_file(
    transaction: Transaction, person_id: UUID, household_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """Every discrepancy of the person's own file, oldest first."""
    position = paging.values(after)
    query = _of_household(after is not None)
    return await transaction.rows(query, person_id=person_id, household_id=household_id, size=size, **position)


@cache
def _in_reach(tiers: Shape, locked: bool) -> Statement:
    query = select(D, H.c.number, H.c.head_masked).join(H, H.c.id == D.c.household_id)
    query = query.where(D.c.id == bindparam("id"), within(D, tiers), D.c.person_id != bindparam("actor_id"))
    return statement(query.with_for_update(of=D) if locked else query)


async def discrepancy(transaction: Transaction, actor: Actor, discrepancy_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach, never about their own file. Raises DiscrepancyNotFound."""
    reach = actor.reach(Permission.READ_CASES)
    query = _in_reach(shape(reach), locked)
    row = await transaction.row(query, id=discrepancy_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise DiscrepancyNotFound
    return row


@cache
def _waiting(tiers: Shape, overdue: bool, after: bool, counted: bool) -> Statement:
    conditions = [within(D, tiers), _WAITING, D.c.person_id != bindparam("actor_id")]
    if overdue:
        conditions.append(D.c.due_on < bindparam("today"))
    if counted:
        capped = select(D.c.id).where(*conditions).limit(literal_column(str(COUNT_CAP + 1))).subquery()
        return statement(select(func.count()).select_from(capped))
    if after:
        conditions.append(tuple_(D.c.created_at, D.c.id) > _AFTER)
    query = select(D, H.c.number, H.c.head_masked).join(H, H.c.id == D.c.household_id).where(*conditions)
    return statement(query.order_by(D.c.created_at, D.c.id).limit(bindparam("size")))


def _parameters(actor: Actor, overdue_on: date | None) -> tuple[Shape, dict[str, Any]]:
    reach = actor.reach(Permission.READ_CASES)
    values: dict[str, Any] = {"actor_id": actor.person_id, **nodes(reach)}
    return shape(reach), values | ({"today": overdue_on} if overdue_on else {})


async def waiting(
    transaction: Transaction,
    actor: Actor,
    size: int,
    after: tuple[datetime, UUID] | None,
    *,
    overdue_on: date | None = None,
) -> list[Record]:
    """What is not resolved within the actor's reach, oldest first; `overdue_on`: only what was due before that day."""
    tiers, values = _parameters(actor, overdue_on)
    position = paging.values(after)
    query = _waiting(tiers, overdue_on is not None, after is not None, False)
    return await transaction.rows(query, size=size, **values, **position)


async def waiting_count(transaction: Transaction, actor: Actor, *, overdue_on: date | None = None) -> int:
    """How much of it there is, at most COUNT_CAP + 1."""
    tiers, values = _parameters(actor, overdue_on)
    count: int = await transaction.value(_waiting(tiers, overdue_on is not None, False, True), **values)
    return count
