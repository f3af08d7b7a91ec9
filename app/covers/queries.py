"""Reading covers: one's own, by one's identity number."""

from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, select

from app.covers.tables import Cover
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record, Transaction

C = table_of(Cover)
_OF_HOLDER = statement(
    select(C.c.id, C.c.starts_on, C.c.ends_on, C.c.is_renewal)
    .where(C.c.id_number_index == bindparam("id_number_index"))
    .order_by(C.c.starts_on)
)


async def of_holder(transaction: Transaction, id_number_index: bytes) -> list[Record]:
    """Every cover of a person, oldest first."""
    return await transaction.rows(_OF_HOLDER, id_number_index=id_number_index)


def for_stay(covers: list[Record], admitted_on: date, chosen: UUID | None) -> Record | None:
    """The cover that a stay belongs to: the one chosen, else that of the admission, else the latest."""
    if chosen is not None:
        return next((cover for cover in covers if cover["id"] == chosen), None)
    during = [cover for cover in covers if cover["starts_on"] <= admitted_on <= cover["ends_on"]]
    found = during or covers
    return found[-1] if found else None
