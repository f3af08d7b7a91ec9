"""What becomes of a batch once it is built: frozen, confirmed by another person, told to the bank, or cancelled.

Each is one transaction: a process that dies leaves the batch as it was before it, or as it is after it.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.applications.batches.steps import Taking, take_all
from app.applications.path import Action, State, path_of
from app.applications.queries import P
from app.applications.steps import REFUSALS, Moved, refusal_of
from app.change_requests.queries import held_among, lock_payments_of
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Post
from app.kernel.errors import Conflict, DomainError, NotAllowed, Recused, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.payments.commands import audit, away_from, due_fen, known, payee_of, post_at, signer, weigh
from app.payments.events import PaymentBatchMoved
from app.payments.layouts import Payment, written
from app.payments.path import PATH, BatchAction
from app.payments.queries import B, L, applications, batch, cards_of, lines, paid_before_by
from app.payments.rules import BatchOutdated, content_of, reference_of
from app.people.card_commands import CARD_NUMBER, HOLDER
from app.workflow.path import Step

FILE: Final = "payment_batch.file"
TOLD_OF: Final = 20
"""So many numbers does a refusal name."""


def _moving(*columns: str) -> Any:
    values = {c: bindparam(c, type_=B.c[c].type) for c in ("state", *columns)}
    return statement(
        update(B).where(B.c.id == bindparam("row_id")).values(values | {"version": B.c.version + literal_column("1")})
    )


_SIGNER = tuple(f"checker_{part}" for part in ("id", "role", "organisation", "for", "said"))
_MOVES = {
    BatchAction.FREEZE: _moving("content", "sha256", "frozen_at"),
    BatchAction.CONFIRM: _moving("confirmed_at", *_SIGNER),
    BatchAction.EXPORT: _moving("file", "file_sha256", "exported_at"),
    BatchAction.CANCEL: _moving("cancelled_at"),
    BatchAction.SETTLE: _moving("settled_at"),
}
_LINES_SENT = statement(
    update(L)
    .where(L.c.batch_id == bindparam("of_batch"))
    .values(state="sent", sent_at=bindparam("now", type_=L.c.sent_at.type), version=L.c.version + literal_column("1"))
)
_LINES_DROPPED = statement(
    update(L)
    .where(L.c.batch_id == bindparam("of_batch"))
    .values(state="dropped", version=L.c.version + literal_column("1"))
)
_CHECKED = insertion(
    P,
    *"id created_at application_id round person_id post_role organisation_name action from_state to_state".split(),
    *"counts_as_review on_behalf_of said_of".split(),
)


class OwnBatch(NotAllowed):
    """批次由您或与您有关的人制单，必须由另一个人复核。"""


class NotYourBatch(NotAllowed):
    """只有制单人可以冻结和导出这个批次，只有制单人和复核人可以下载。"""


async def act(work: Work, actor: Actor, batch_id: UUID, expected: int, action: str) -> Record:
    """Take a step with a batch within the actor's reach; answers how it is then.

    Raises PaymentBatchNotFound, StaleVersion, NotAllowedNow, NotAllowed, IdentityRequired, OwnBatch, NotYourBatch,
    Recused, BatchOutdated.
    """
    row = await batch(work.transaction, actor, batch_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], action)
    post = post_at(actor, step.by, row, row["kinds"])
    await known(work, actor)
    does = {
        BatchAction.FREEZE: _freeze, BatchAction.CONFIRM: _confirm, BatchAction.EXPORT: _export,
        BatchAction.CANCEL: _cancel,
    }[BatchAction(action)]  # fmt: skip
    told = await does(work, actor, post, row, step)
    await audit(work, actor, step.to, batch_id, **told)
    await emit(work, PaymentBatchMoved(batch_id, step.action, step.to))
    return await batch(work.transaction, actor, batch_id)


async def moved(work: Work, row: Record, step: Step, **values: Any) -> None:
    """Write a step of a batch that is held."""
    await work.transaction.run(_MOVES[BatchAction(step.action)], row_id=row["id"], state=step.to, **values)


async def _freeze(work: Work, actor: Actor, post: Post, row: Record, step: Step) -> dict[str, str]:
    """Whatever changes from now on makes another batch."""
    _own(actor, row)
    held = await lines(work.transaction, row["id"])
    await _still_payable(work, actor, post, held)
    content = content_of(row, held)
    sha256 = hashlib.sha256(content).hexdigest()
    await moved(work, row, step, content=content, sha256=sha256, frozen_at=work.now)
    return {"sha256": sha256}


async def _confirm(work: Work, actor: Actor, post: Post, row: Record, step: Step) -> dict[str, str]:
    """Another person looks at what is frozen; from now on it is being paid, and both have signed each line."""
    if actor.person_id in (row["maker_id"], row["maker_for"]) or not actor.apart.near.isdisjoint({row["maker_id"]}):
        raise OwnBatch
    held = await lines(work.transaction, row["id"])
    ids = [line["application_id"] for line in held]
    seen = await applications(work.transaction, ids)
    await lock_payments_of(work.transaction, map(payee_of, seen.values()))
    payable = await _still_payable(work, actor, post, held, locked=True)
    try:
        async with work.transaction.attempt():
            await moved(work, row, step, confirmed_at=work.now, **signer("checker", actor, post))
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name not in ("ck_passage_apart", "ck_payment_batch_two"):
            raise
        raise OwnBatch from refused
    signed = await paid_before_by(work.transaction, ids, row["maker_id"])
    by_maker = {
        "person_id": row["maker_id"],
        "post_role": row["maker_role"],
        "organisation_name": row["maker_organisation"],
        "on_behalf_of": row["maker_for"],
        "said_of": row["maker_said"],
        "details": {"batch": str(row["id"])},
    }
    wanted = [
        Taking(
            each.row,
            _starting(each.row, again=each.row["id"] in signed),
            by_maker | {"measure_id": each.measure_id},
        )
        for each in payable
    ]
    await taken(work, wanted)
    await _sign(work, actor, post, [each.row for each in payable])
    return {"sha256": row["sha256"]}


def _starting(row: Record, *, again: bool) -> Step:
    """As the table has it; a signature of this round that stands already is not given twice."""
    step = path_of(row).step(row["state"], Action.START_PAYMENT)
    return replace(step, counts_as_review=False) if again else step


async def _sign(work: Work, actor: Actor, post: Post, rows: Sequence[Record]) -> None:
    """The checker signs each payment beside the maker: the database compares them with everybody who signed before."""
    signed = await paid_before_by(work.transaction, [row["id"] for row in rows], actor.person_id)
    by = signer("by", actor, post)
    passages = [
        {
            "id": new_id(),
            "created_at": work.now,
            "application_id": row["id"],
            "round": row["round"],
            "person_id": by["by_id"],
            "post_role": by["by_role"],
            "organisation_name": by["by_organisation"],
            "action": Action.CHECK_PAYMENT,
            "from_state": State.PAYING,
            "to_state": State.PAYING,
            "counts_as_review": row["id"] not in signed,
            "on_behalf_of": by["by_for"],
            "said_of": by["by_said"],
        }
        for row in rows
    ]
    try:
        await work.transaction.many(_CHECKED, passages)
    except REFUSALS as refused:
        raise refusal_of(refused) from refused


async def _export(work: Work, actor: Actor, post: Post, row: Record, step: Step) -> dict[str, str]:
    """The file is made, once, and from now on the bank may know of every line."""
    _own(actor, row)
    held = await lines(work.transaction, row["id"])
    ids = [line["application_id"] for line in held]
    seen = await applications(work.transaction, ids)
    # Whoever asks for a change of somebody's card or family waits here, and then finds that it is sent, or stops it.
    await lock_payments_of(work.transaction, map(payee_of, seen.values()))
    now = await applications(work.transaction, ids, locked=True)
    outdated = [
        line
        for line in held
        if not _as_frozen(line, now.get(line["application_id"]), State.PAYING) or now[line["application_id"]]["reuse"]
    ]
    stopped = await held_among(work.transaction, map(payee_of, now.values()))
    outdated += [line for line in held if line not in outdated and payee_of(now[line["application_id"]]) in stopped]
    if outdated:
        raise _outdated(outdated)
    cards = await cards_of(work.transaction, row["id"])
    payments = [_payment(work, line, cards[line["id"]]) for line in held]
    content = await asyncio.to_thread(written, row, payments)
    sha256 = hashlib.sha256(content).hexdigest()
    sealed = work.keyring.seal(FILE, row["id"], content)
    await moved(work, row, step, file=sealed, file_sha256=sha256, exported_at=work.now)
    try:
        async with work.transaction.attempt():
            await work.transaction.run(_LINES_SENT, of_batch=row["id"], now=work.now)
    except asyncpg.CheckViolationError as refused:
        raise BatchOutdated from refused
    return {"sha256": row["sha256"], "file_sha256": sha256}


def _payment(work: Work, line: Record, card: Record) -> Payment:
    keyring, card_id = work.keyring, card["card_id"]
    return Payment(
        line["serial"],
        keyring.open_text(HOLDER, card_id, card["holder"]),
        keyring.open_text(CARD_NUMBER, card_id, card["number"]),
        line["bank_name"],
        card["branch"] or "",
        line["amount_fen"],
        reference_of(line["id"]),
        line["kind"],
    )


async def _cancel(work: Work, actor: Actor, post: Post, row: Record, step: Step) -> dict[str, str]:
    """Before the bank knows anything: what was being paid is approved again."""
    held = await lines(work.transaction, row["id"])
    now = await applications(work.transaction, [line["application_id"] for line in held], locked=True)
    await moved(work, row, step, cancelled_at=work.now)
    await work.transaction.run(_LINES_DROPPED, of_batch=row["id"])
    stopped = [each for each in now.values() if each["state"] == State.PAYING]
    # By nobody: whoever cancels may be somebody whom one of these payments is to.
    by = {"details": {"batch": str(row["id"])}}
    await taken(work, [Taking(each, path_of(each).step(State.PAYING, Action.STOP_PAYMENT), by) for each in stopped])
    return {"lines": str(len(held))}


async def taken(work: Work, wanted: Sequence[Taking]) -> dict[UUID, Moved]:
    """Take all of these steps or none. Raises what the database refused of one of them, with the numbers of all."""
    outcome = await take_all(work, wanted) if wanted else {}
    refused = [each for each in wanted if isinstance(outcome[each.row["id"]], DomainError)]
    if refused:
        why = outcome[refused[0].row["id"]]
        assert isinstance(why, DomainError)
        raise type(why)(numbers=_numbers(each.row["number"] for each in refused))
    return {each: found for each, found in outcome.items() if isinstance(found, Moved)}


async def _still_payable(work: Work, actor: Actor, post: Post, held: Sequence[Record], *, locked: bool = False) -> Any:
    """What stands in a batch as it stood when it was built. Raises Recused, AlreadySigned, KeptApart, BatchOutdated."""
    now = await applications(work.transaction, [line["application_id"] for line in held], locked=locked)
    outdated = [line for line in held if not _as_frozen(line, now.get(line["application_id"]), State.APPROVED)]
    if outdated:
        raise _outdated(outdated)
    rows = [now[line["application_id"]] for line in held]
    mine = [row for row in rows if not away_from(actor, post).isdisjoint((row["applicant_id"], row["household_id"]))]
    if mine:
        raise Recused(numbers=_numbers(row["number"] for row in mine))
    payable, left_out = await weigh(work, actor, post, rows, batched=True)
    if left_out:
        why = left_out[0].why
        numbers = _numbers(each.row["number"] for each in left_out)
        if isinstance(why, NotAllowed):
            raise type(why)(numbers=numbers)
        raise BatchOutdated(because=why.code, numbers=numbers)
    cards = {each.row["id"]: each.standing["card_id"] for each in payable}
    changed = [line for line in held if cards[line["application_id"]] != line["card_id"]]
    if changed:
        raise _outdated(changed)
    return payable


def _as_frozen(line: Record, row: Record | None, state: State) -> bool:
    """Whether an application is what its line says."""
    return (
        row is not None
        and row["state"] == state
        and row["round"] == line["round"]
        and due_fen(row) == line["amount_fen"]
    )


def _own(actor: Actor, row: Record) -> None:
    if actor.person_id != row["maker_id"]:
        raise NotYourBatch


def _outdated(held: Iterable[Record]) -> Conflict:
    return BatchOutdated(numbers=_numbers(line["number"] for line in held))


def _numbers(numbers: Iterable[str]) -> str:
    found = list(numbers)
    more = f" 等{len(found)}份" if len(found) > TOLD_OF else ""
    return "、".join(found[:TOLD_OF]) + more
