"""A person says why a break may stay: never who made a batch of that application, nor anybody near who is paid."""

from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, NotAllowed, Recused, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.payments.commands import away_from, known
from app.payments.queries import applications
from app.reconciliations.events import BreakExplained
from app.reconciliations.queries import E, money_break

REASON: Final = "break_explanation.reason"
_INSERT = insertion(
    E, *"id created_at break_id explained_by role organisation_name reason expected_fen found_fen".split()
)
_EXPLAINED = statement(
    text(
        "update reconciliation_break set state = 'explained', closed_at = :now, version = version + 1 "
        "where id = :row_id"
    )
)


class BreakNotOpen(Conflict):
    """这条差异已经消除或已有说明。"""


class OwnBatchBreak(NotAllowed):
    """有关的付款批次由您或与您有关的人制单，差异须由另一个人说明。"""


async def explain(work: Work, actor: Actor, break_id: UUID, expected: int, reason: str) -> Record:
    """Answers how it is then.

    Raises MoneyBreakNotFound, NotAllowed, IdentityRequired, StaleVersion, BreakNotOpen, Recused, OwnBatchBreak.
    """
    row = await money_break(work.transaction, actor, break_id, locked=True)
    post = post_over(actor, Permission.CONFIRM_PAYMENT, row)
    if post is None:
        raise NotAllowed
    await known(work, actor)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["state"] != "open":
        raise BreakNotOpen(state=row["state"])
    await _stands_apart(work, away_from(actor, post), row)
    explanation_id = new_id()
    try:
        async with work.transaction.attempt():
            await work.transaction.run(
                _INSERT, id=explanation_id, created_at=work.now, break_id=break_id, explained_by=actor.person_id,
                role=post.role.value, organisation_name=post.place.name,
                reason=work.keyring.seal_text(REASON, explanation_id, reason), expected_fen=row["expected_fen"],
                found_fen=row["found_fen"],
            )  # fmt: skip
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name != "break_explanation_apart":
            raise
        raise OwnBatchBreak from refused
    await work.transaction.run(_EXPLAINED, row_id=break_id, now=work.now)
    await record(
        work, person_id=actor.person_id, action="reconciliation_break.explained", subject_kind="reconciliation_break",
        subject_id=break_id, subject_person_id=None, kind=row["kind"],
    )  # fmt: skip
    await emit(work, BreakExplained(break_id))
    return await money_break(work.transaction, actor, break_id)


async def _stands_apart(work: Work, away: frozenset[UUID], row: Record) -> None:
    """Raises Recused."""
    if row["application_id"] is None:
        return
    case = (await applications(work.transaction, [row["application_id"]])).get(row["application_id"])
    if case is not None and not away.isdisjoint((case["applicant_id"], case["household_id"])):
        raise Recused
