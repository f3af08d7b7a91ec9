"""Reading the audit trail: a person sees who looked at what is theirs."""

from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import bindparam, select, tuple_

from app.audit.tables import AuditEntry
from app.db import paging
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction

E = table_of(AuditEntry)


@cache
def _of_person(after: bool) -> Statement:
    query = select(E.c.id, E.c.created_at, E.c.action, E.c.subject_kind, E.c.person_id).where(
        E.c.subject_person_id == bindparam("person_id")
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
    return await transaction.rows(_of_person(after is not None), person_id=person_id, size=size, **position)
