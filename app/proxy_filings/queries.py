"""Reading what staff filled in for a worker: the worker by their number, staff within their reach."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, tuple_

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.people.queries import PERSON
from app.proxy_filings.tables import ProxyFiling

F = table_of(ProxyFiling)
FORM, NAME, ID_NUMBER, PHONE, CARD = (f"proxy_filing.{c}" for c in ("form", "name", "id_number", "phone", "bank_card"))
_OPEN = F.c.state == literal_column("'open'")
_OF_PERSON = (
    select(F)
    .join(PERSON, PERSON.c.id_number_index == F.c.id_number_index)
    .where(PERSON.c.id == bindparam("person_id"), PERSON.c.closed_at.is_(None), _OPEN)
)
_WAITING, _WAITING_LOCKED = statement(_OF_PERSON), statement(_OF_PERSON.with_for_update(of=F))
_HOUSEHOLD = statement(select(F.c.household_id).where(F.c.id == bindparam("id")))


class ProxyFilingNotFound(NotFound):
    """没有找到等待确认的代填档案。"""


async def waiting_for(transaction: Transaction, person_id: UUID, *, locked: bool = False) -> Record | None:
    """What was filled in for this person, by their verified number, and waits for them."""
    return await transaction.row(_WAITING_LOCKED if locked else _WAITING, person_id=person_id)


async def household_of_filing(transaction: Transaction, filing_id: UUID) -> UUID | None:
    """The file that a confirmed filing became."""
    found: UUID | None = await transaction.value(_HOUSEHOLD, id=filing_id)
    return found


@cache
def _in_reach(tiers: Shape, locked: bool) -> Statement:
    query = select(F).where(F.c.id == bindparam("id"), within(F, tiers))
    return statement(query.with_for_update() if locked else query)


async def filing(transaction: Transaction, actor: Actor, filing_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach; `locked`: held until commit. Raises ProxyFilingNotFound."""
    reach = actor.reach(Permission.ASSIST)
    row = await transaction.row(_in_reach(shape(reach), locked), id=filing_id, **nodes(reach))
    if row is None:
        raise ProxyFilingNotFound
    return row


@cache
def _page(tiers: Shape, after: bool) -> Statement:
    query = select(F).where(within(F, tiers), _OPEN)
    if after:
        position = paging.place(F.c.created_at, F.c.id)
        query = query.where(tuple_(F.c.created_at, F.c.id) > position)
    return statement(query.order_by(F.c.created_at, F.c.id).limit(bindparam("size")))


async def open_page(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> Sequence[Record]:
    """What waits to be confirmed within the actor's reach, oldest first."""
    reach = actor.reach(Permission.ASSIST)
    position = paging.values(after)
    query = _page(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **position)
