"""Reading covers: one's own, by one's identity number; a unit's, by how many."""

from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, func, select

from app.covers.tables import Cover
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record, Transaction

C = table_of(Cover)
_OF_HOLDER = statement(
    select(C.c.id, C.c.area, C.c.starts_on, C.c.ends_on, C.c.is_renewal)
    .where(C.c.id_number_index == bindparam("id_number_index"))
    .order_by(C.c.starts_on, C.c.id)
)
_OF_UNION = statement(
    select(func.count())
    .select_from(C)
    .where(
        C.c.organisation_id == bindparam("organisation_id"),
        C.c.starts_on <= bindparam("on"),
        C.c.ends_on >= bindparam("on"),
    )
)


async def of_holder(transaction: Transaction, id_number_index: bytes) -> list[Record]:
    """Every cover of a person, oldest first."""
    return await transaction.rows(_OF_HOLDER, id_number_index=id_number_index)


async def covered_at(transaction: Transaction, organisation_id: UUID, on: date) -> int:
    """How many people of a union are covered on a day."""
    count: int = await transaction.value(_OF_UNION, organisation_id=organisation_id, on=on)
    return count
