"""Reading supplements: those of a case that one may see."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, tuple_

from app.applications.path import Action
from app.applications.queries import A, ApplicationNotFound, case
from app.applications.supplements.steps import S
from app.db import paging
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor

_OPEN = S.c.state == literal_column("'open'")
_OF_CASE = statement(
    select(S).where(S.c.application_id == bindparam("application_id")).order_by(S.c.created_at, S.c.id)
)
_OPEN_ONE = statement(select(S).where(S.c.application_id == bindparam("application_id"), _OPEN).with_for_update())
_ONE = statement(select(S, A.c.number).join_from(S, A, A.c.id == S.c.application_id).where(S.c.id == bindparam("id")))
_BY_DUE = (
    select(S.c.id, S.c.application_id, S.c.applicant_id, S.c.due_at, A.c.number, A.c.submitted_at)
    .join_from(S, A, A.c.id == S.c.application_id)
    .where(
        _OPEN,
        S.c.due_at <= bindparam("until", type_=S.c.due_at.type),
        tuple_(S.c.due_at, S.c.id) > paging.place(S.c.due_at, S.c.id),
    )
    .order_by(S.c.due_at, S.c.id)
    .limit(bindparam("size"))
)
_DUE = statement(_BY_DUE)


async def supplements_of(transaction: Transaction, row: Record) -> list[Record]:
    """What was asked for on a case, oldest first; `row` has its timeline, which says whether anything was."""
    if not any(step["action"] == Action.ASK_SUPPLEMENT for step in row["timeline"]):
        return []
    return await transaction.rows(_OF_CASE, application_id=row["id"])


async def open_supplement(transaction: Transaction, application_id: UUID) -> Record | None:
    """What an application waits for, held until commit."""
    return await transaction.row(_OPEN_ONE, application_id=application_id)


async def supplement(transaction: Transaction, supplement_id: UUID) -> Record | None:
    """Any one that may be seen, with the number of its application."""
    return await transaction.row(_ONE, id=supplement_id)


async def case_of_supplement(transaction: Transaction, actor: Actor, supplement_id: UUID) -> Record:
    """The applicant (`person_id`) of the case that it was asked for, within the actor's reach.

    Raises ApplicationNotFound.
    """
    row = await supplement(transaction, supplement_id)
    if row is None:
        raise ApplicationNotFound
    return {"person_id": (await case(transaction, actor, row["application_id"], whole=False))["applicant_id"]}


async def due(
    transaction: Transaction, until: datetime, after: tuple[datetime, UUID], size: int
) -> list[dict[str, Any]]:
    """For jobs: those that are open and due by an instant, the earliest first, after a position."""
    rows = await transaction.rows(_DUE, until=until, at=after[0], after_id=after[1], size=size)
    return [dict(row) for row in rows]
