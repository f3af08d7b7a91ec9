"""Reading the edits that devices sent."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, bindparam, exists, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.kernel.errors import NotFound
from app.visits.tables import VisitOperation

O = table_of(VisitOperation)  # noqa: E741
_OF_VISIT = O.c.visit_id == bindparam("visit_id")
_WAITING = O.c.status == literal_column("'conflict'")
_CONFLICTS = statement(select(O).where(_OF_VISIT, _WAITING).order_by(O.c.id))
_HAS_CONFLICTS = statement(select(exists().where(_OF_VISIT, _WAITING)))
_KNOWN = statement(
    select(O).where(_OF_VISIT, O.c.operation_id == any_(bindparam("ids", type_=ARRAY(O.c.operation_id.type))))
)


class OperationNotFound(NotFound):
    """没有找到这一条填写。"""


async def conflicts(transaction: Transaction, visit_id: UUID) -> list[Record]:
    """The edits of a visit that wait for a choice, in the order in which they came."""
    return await transaction.rows(_CONFLICTS, visit_id=visit_id)


async def has_conflicts(transaction: Transaction, visit_id: UUID) -> bool:
    found: bool = await transaction.value(_HAS_CONFLICTS, visit_id=visit_id)
    return found


async def known(transaction: Transaction, visit_id: UUID, operation_ids: Sequence[UUID]) -> dict[UUID, Record]:
    """Those of these edits that were taken before, by the id that their device gave them."""
    rows = await transaction.rows(_KNOWN, visit_id=visit_id, ids=list(operation_ids))
    return {row["operation_id"]: row for row in rows}


async def operation(transaction: Transaction, visit_id: UUID, operation_id: UUID) -> Record:
    """One edit of a visit. Raises OperationNotFound."""
    found = await known(transaction, visit_id, [operation_id])
    if operation_id not in found:
        raise OperationNotFound
    return found[operation_id]
