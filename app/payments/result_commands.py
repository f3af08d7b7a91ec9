"""Reading in what a bank says became of the lines of a batch: once for each file, and nothing is guessed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.applications.batches.steps import Taking
from app.applications.path import Action, State, path_of
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.funds.book_queries import hold_books
from app.funds.waiting import hold_budgets
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.payments.commands import audit, known, policy_of, post_at
from app.payments.events import PaymentBatchMoved
from app.payments.path import PATH, BatchAction, BatchState
from app.payments.queries import K, R, applications, batch, lines, tally
from app.payments.rules import Break, Known, Outcome, reference_of, rows_of, weigh
from app.payments.step_commands import moved, taken
from app.workflow.path import NotAllowedNow

_INSERT = insertion(
    R,
    *"id created_at batch_id sha256 imported_by role organisation_name policy_version".split(),
    *"rows paid failed returned breaks".split(),
)
_INSERT_BREAK = insertion(K, *"id created_at result_id batch_id row_number kind line_id".split())
_ANSWERED = statement(
    text(
        """
        update payment_line set state = its.state, answered_at = :now, return_code = its.code, remedy = its.remedy,
          version = version + 1
        from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:codes as text[]), cast(:remedies as text[]))
          as its (id, state, code, remedy)
        where payment_line.id = its.id
        """
    )
)
_WHERE_IT_LEFT: Final = {"sent": State.PAYING, "paid": State.PAID}
"""Where an application stands whose line stands so."""
_STEPS: Final = {"paid": Action.CONFIRM_PAYMENT, "failed": Action.FAIL_PAYMENT, "returned": Action.RETURN_PAYMENT}


class ResultAlreadyImported(Conflict):
    """这个结果文件已经导入过，不能再导入一次。"""


class ResultForAnotherBatch(Conflict):
    """校验码与这个批次的不一致，请核对是不是这个批次的结果文件。"""


@dataclass(frozen=True, slots=True)
class Told:
    """A result as it came: its own hash, the hash of the batch that it is for, and its rows with their numbers."""

    sha256: str
    batch_sha256: str
    lines: Sequence[tuple[int, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was done by a result; `missing`: lines of which no bank has said anything yet."""

    id: UUID
    rows: int
    paid: int
    failed: int
    returned: int
    breaks: Sequence[Break]
    missing: int


async def import_result(work: Work, actor: Actor, batch_id: UUID, told: Told) -> Imported:
    """Do what a bank says, and write down what does not fit.

    All of it is of the instant from which the books are held: a sample of a period that was over by then was drawn
    before (`draw_sample`), and no payment comes to stand in that period any more.

    Raises PaymentBatchNotFound, NotAllowed, NotAllowedNow, IdentityRequired, ResultForAnotherBatch,
    ResultAlreadyImported, ResultColumnsMissing.
    """
    city_id = (await batch(work.transaction, actor, batch_id))["city_id"]
    work = replace(work, now=max(work.now, await hold_books(work.transaction, city_id)))
    row = await batch(work.transaction, actor, batch_id, locked=True)
    post = post_at(actor, Permission.CONFIRM_PAYMENT, row, row["kinds"])
    await known(work, actor)
    if row["state"] not in (BatchState.EXPORTED, BatchState.SETTLED):
        raise NotAllowedNow(state=row["state"], allowed=",".join(PATH.actions_at(row["state"])))
    if told.batch_sha256 != row["sha256"]:
        raise ResultForAnotherBatch
    rows, policy = rows_of(told.lines), policy_of(work)
    held = {line["id"]: line for line in await lines(work.transaction, batch_id)}
    now = await applications(work.transaction, [line["application_id"] for line in held.values()], locked=True)
    known_lines = {reference_of(line["id"]): _known(line, now.get(line["application_id"])) for line in held.values()}
    outcomes, breaks = weigh(rows, known_lines, policy)
    counts = Counter(each.ended for each in outcomes)
    result_id = new_id()
    tallied = {name: counts[name] for name in ("paid", "failed", "returned")}
    await _keep(work, actor, post, batch_id, result_id, told, policy.version, len(rows), tallied, breaks)
    await _carry_out(work, outcomes, held, now)
    missing = (await tally(work.transaction, batch_id)).get("sent", (0, 0))[0]
    if not missing and row["state"] == BatchState.EXPORTED:
        await moved(work, row, PATH.step(row["state"], BatchAction.SETTLE), settled_at=work.now)
        await emit(work, PaymentBatchMoved(batch_id, BatchAction.SETTLE, BatchState.SETTLED))
    details = {name: str(count) for name, count in tallied.items()} | {"breaks": str(len(breaks))}
    await audit(work, actor, "answered", batch_id, result=str(result_id), result_sha256=told.sha256, **details)
    return Imported(result_id, len(rows), **tallied, breaks=breaks, missing=missing)


def _known(line: Record, row: Record | None) -> Known:
    in_step = row is not None and row["round"] == line["round"] and row["state"] == _WHERE_IT_LEFT.get(line["state"])
    return Known(line["id"], line["amount_fen"], line["state"], line["return_code"], in_step)


async def _keep(
    work: Work,
    actor: Actor,
    post: Post,
    batch_id: UUID,
    result_id: UUID,
    told: Told,
    policy_version: str,
    rows: int,
    tallied: Mapping[str, int],
    breaks: Sequence[Break],
) -> None:
    try:
        async with work.transaction.attempt():
            await work.transaction.run(
                _INSERT,
                id=result_id,
                created_at=work.now,
                batch_id=batch_id,
                sha256=told.sha256,
                imported_by=actor.person_id,
                role=post.role.value,
                organisation_name=post.place.name,
                policy_version=policy_version,
                rows=rows,
                breaks=len(breaks),
                **tallied,
            )
    except asyncpg.UniqueViolationError as again:
        raise ResultAlreadyImported from again
    await work.transaction.many(
        _INSERT_BREAK,
        [
            {
                "id": new_id(), "created_at": work.now, "result_id": result_id, "batch_id": batch_id,
                "row_number": each.row_number, "kind": each.kind, "line_id": each.line_id,
            }
            for each in breaks
        ],
    )  # fmt: skip


async def _carry_out(
    work: Work, outcomes: Sequence[Outcome], held: Mapping[UUID, Record], now: Mapping[UUID, Record]
) -> None:
    """The lines, and then their applications, each by the step of its own path."""
    if outcomes:
        # Of all three steps at once: two results that are read in together hold them in one order.
        await hold_budgets(work, [held[each.line_id]["application_id"] for each in outcomes])
        await work.transaction.run(
            _ANSWERED,
            now=work.now,
            ids=[each.line_id for each in outcomes],
            states=[each.ended for each in outcomes],
            codes=[each.returned.code if each.returned else None for each in outcomes],
            remedies=[each.returned.remedy if each.returned else None for each in outcomes],
        )
    for ended, action in _STEPS.items():
        of_these = [each for each in outcomes if each.ended == ended]
        await taken(work, [_taking(each, action, held[each.line_id], now) for each in of_these])


def _taking(outcome: Outcome, action: Action, line: Record, now: Mapping[UUID, Record]) -> Taking:
    """By nobody: the bank says it. Who read it in, who may be somebody that is paid by it, the result itself tells."""
    row, returned = now[line["application_id"]], outcome.returned
    details = {"batch": str(line["batch_id"]), "line": str(line["id"])} | ({"code": returned.code} if returned else {})
    change: dict[str, Any] = {"note": returned.text if returned else None, "details": details}
    return Taking(row, path_of(row).step(row["state"], action), change)
