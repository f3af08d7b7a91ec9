"""Reading what is to be done together: the cases within somebody's reach, and what they looked at before."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from app.applications.batches.tables import BatchAction
from app.applications.queries import A, P, these_to_act
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound

B = table_of(BatchAction)
# What the actor signed of a case's round: uq_passage_reviewer lets it be one step.
_OWN_STEP = (
    select(P.c.action)
    .where(
        P.c.application_id == A.c.id,
        P.c.round == A.c.round,
        P.c.person_id == bindparam("actor_id"),
        P.c.counts_as_review,
    )
    .scalar_subquery()
    .label("own_step")
)
# Until the end of this transaction: who sends the same twice waits for the first, and gets its answer.
_PATIENT = Statement("select set_config('lock_timeout', '4500ms', true)", (), {})
_ONE = statement(select(B).where(B.c.id == bindparam("id"), B.c.person_id == bindparam("person_id")).with_for_update())


class BatchNotFound(NotFound):
    """没有找到这次批量办理的预览，请重新预览。"""


@cache
def _these(tiers: Shape, locked: bool) -> Statement:
    query = these_to_act(tiers).add_columns(_OWN_STEP).order_by(A.c.id)
    return statement(query.with_for_update(of=A) if locked else query)


async def these(transaction: Transaction, actor: Actor, ids: Sequence[UUID], *, locked: bool) -> dict[UUID, Record]:
    """Those of these cases that are within the actor's reach, with `own_step`. `locked`: held until commit, in the
    order of their ids, so that two who want the same cases never wait for each other."""
    reach = actor.reach(Permission.READ_CASES)
    asked: dict[str, Any] = {"ids": list(ids), "actor_id": actor.person_id, **nodes(reach)}
    return {row["id"]: row for row in await transaction.rows(_these(shape(reach), locked), **asked)}


async def own_batch_locked(transaction: Transaction, actor: Actor, batch_id: UUID) -> Record:
    """What this actor looked at, held until commit: a second one waits, and finds what the first did.

    Raises BatchNotFound.
    """
    await transaction.row(_PATIENT)
    row = await transaction.row(_ONE, id=batch_id, person_id=actor.person_id)
    if row is None:
        raise BatchNotFound
    return row
