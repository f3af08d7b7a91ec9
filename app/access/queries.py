"""Who looked at a person's data, for that person; and the values that staff may have shown to them."""

import hashlib
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, select, tuple_

from app.access.tables import Reveal
from app.audit.tables import AuditEntry
from app.db import paging
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.people.queries import CARD, PERSON

E, R = table_of(AuditEntry), table_of(Reveal)
# In two: whoever waits for the lock has to count what the one before them wrote.
_ALONE = Statement("select pg_advisory_xact_lock($1)", ("key",), {})
_COUNT = statement(
    select(func.count())
    .select_from(R)
    .where(R.c.person_id == bindparam("person_id"), R.c.created_at >= bindparam("since", type_=R.c.created_at.type))
)
_OF_PERSON = statement(
    select(PERSON.c.id, PERSON.c.id_number, PERSON.c.phone).where(PERSON.c.id == bindparam("person_id"))
)
_CARD = statement(
    select(CARD.c.id, CARD.c.number).where(
        CARD.c.person_id == bindparam("person_id"), CARD.c.state == literal_column("'current'")
    )
)


async def revealed_since(transaction: Transaction, person_id: UUID, since: datetime) -> int:
    """How many values somebody had shown to them since an instant. They get no other until this transaction ends."""
    key = hashlib.blake2b(b"reveals" + person_id.bytes, digest_size=8).digest()
    await transaction.row(_ALONE, key=int.from_bytes(key, "big", signed=True))
    count: int = await transaction.value(_COUNT, person_id=person_id, since=since)
    return count


async def person_revealed(transaction: Transaction, person_id: UUID) -> Record | None:
    """Sealed number and telephone; only after it was written down, in this transaction, who looks at that person."""
    return await transaction.row(_OF_PERSON, person_id=person_id)


async def card_revealed(transaction: Transaction, person_id: UUID) -> Record | None:
    """The sealed number of the card that they are paid to; as above."""
    return await transaction.row(_CARD, person_id=person_id)


@cache
def _looks(after: bool) -> Statement:
    columns = [E.c[name] for name in ("id", "created_at", "action", "subject_kind", "person_id", "details")]
    query = (
        select(*columns, PERSON.c.name_masked, R.c.reason)
        .select_from(E.outerjoin(PERSON, PERSON.c.id == E.c.person_id).outerjoin(R, R.c.id == E.c.id))
        .where(E.c.subject_person_id == bindparam("person_id"))
    )
    if after:
        position = paging.place(E.c.created_at, E.c.id)
        query = query.where(tuple_(E.c.created_at, E.c.id) < position)
    return statement(query.order_by(E.c.created_at.desc(), E.c.id.desc()).limit(bindparam("size")))


async def looked_at(
    transaction: Transaction, person_id: UUID, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """What was done with a person's data, newest first."""
    position = paging.values(after)
    return await transaction.rows(_looks(after is not None), person_id=person_id, size=size, **position)
