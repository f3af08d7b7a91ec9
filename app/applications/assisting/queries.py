"""Reading what staff filled in for a worker: the worker by their number, staff within their reach."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, tuple_

from app.applications.assisting.tables import ProxyApplication
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.people.queries import PERSON

F = table_of(ProxyApplication)
FORM, NAME, ID_NUMBER, PHONE, CARD = (
    f"proxy_application.{c}" for c in ("form", "name", "id_number", "phone", "bank_card")
)
OWN_AT_MOST = 100
_OPEN = F.c.state == literal_column("'open'")
_OF_PERSON = (
    select(F)
    .join(PERSON, PERSON.c.id_number_index == F.c.id_number_index)
    .where(PERSON.c.id == bindparam("person_id"), PERSON.c.closed_at.is_(None), _OPEN)
)
_WAITING = statement(_OF_PERSON.order_by(F.c.created_at, F.c.id).limit(literal_column(str(OWN_AT_MOST))))
_ONE_WAITING = statement(_OF_PERSON.where(F.c.id == bindparam("id")).with_for_update(of=F))
_APPLICATION = statement(select(F.c.application_id).where(F.c.id == bindparam("id")))


class ProxyApplicationNotFound(NotFound):
    """没有找到等待确认的代填申请。"""


async def waiting_for(transaction: Transaction, person_id: UUID) -> list[Record]:
    """What was filled in for this person, by their verified number, and waits for them; oldest first."""
    return await transaction.rows(_WAITING, person_id=person_id)


async def one_waiting_for(transaction: Transaction, person_id: UUID, filing_id: UUID) -> Record:
    """One of them, held until commit. Raises ProxyApplicationNotFound."""
    return _found(await transaction.row(_ONE_WAITING, person_id=person_id, id=filing_id))


async def application_of_filing(transaction: Transaction, filing_id: UUID) -> UUID | None:
    """The application that a confirmed filing became."""
    found: UUID | None = await transaction.value(_APPLICATION, id=filing_id)
    return found


@cache
def _in_reach(tiers: Shape, locked: bool) -> Statement:
    query = select(F).where(F.c.id == bindparam("id"), within(F, tiers))
    return statement(query.with_for_update() if locked else query)


async def filing(transaction: Transaction, actor: Actor, filing_id: UUID, *, locked: bool = False) -> Record:
    """One within the actor's reach; `locked`: held until commit. Raises ProxyApplicationNotFound."""
    reach = actor.reach(Permission.ASSIST)
    return _found(await transaction.row(_in_reach(shape(reach), locked), id=filing_id, **nodes(reach)))


def _found(row: Record | None) -> Record:
    if row is None:
        raise ProxyApplicationNotFound
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
) -> list[Record]:
    """What waits to be confirmed within the actor's reach, oldest first."""
    reach = actor.reach(Permission.ASSIST)
    position = paging.values(after)
    query = _page(shape(reach), after is not None)
    return await transaction.rows(query, size=size, **nodes(reach), **position)
