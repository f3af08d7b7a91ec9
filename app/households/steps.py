"""Taking a step on a household file. What guards it stands in its row of the path."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.audit.commands import Entry, record, record_many
from app.db.base import table_of
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import By
from app.households.events import HouseholdMoved
from app.households.following import let_go, nothing_awaited
from app.households.members import release
from app.households.path import DEAD_STATES, PATH, REASONS, way_back
from app.households.queries import file
from app.households.related import not_related
from app.households.tables import HouseholdPassage
from app.kernel.actor import Actor, Permission
from app.kernel.errors import IdentityRequired, KeptApart, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.workflow.path import NotAllowedNow, Step, check_words

NOTE = "household_passage.note"
_LEFT = ("lifted", "cancelled", "transferred")
_MOVE = statement(
    text(
        """
        update household set state = :state, round = :round, version = version + 1, updated_at = :now,
          state_before = :state_before,
          submitted_at = coalesce(submitted_at, :submitted_at), changed_at = coalesce(changed_at, :submitted_at),
          active_at = coalesce(active_at, :active_at),
          relieved_at = coalesce(relieved_at, :relieved_at), left_at = coalesce(left_at, :left_at),
          cancel_code = :cancel_code, merged_into_id = :merged_into_id
        where id = :row_id and version = :version returning version
        """
    )
)
_END_OFFERS = statement(
    text(
        "update household_transfer set state = 'withdrawn', ended_at = :now, version = version + 1 "
        "where household_id = :row_id and state = 'proposed'"
    )
)
_DROP_EXIT = statement(
    text("update household_exit set state = 'dropped', ended_at = :now where household_id = :row_id and state = 'open'")
)
_PASS = insertion(
    table_of(HouseholdPassage),
    *"id created_at household_id round person_id post_role organisation_name action from_state to_state".split(),
    *["counts_as_review", "note", "reason_code"],
)

Gate = Callable[[Work, Record], Awaitable[None]]
"""Asks one thing of a locked file before a step. Raises a refusal that says what is missing."""
Gates = Mapping[str, Gate]


class FileAlreadySigned(NotAllowed):
    """您已经办理过这份档案的前一个环节，同一人不能再办理下一个环节。"""


_REFUSALS = {
    "uq_household_passage_reviewer": FileAlreadySigned,
    "ck_household_passage_apart": KeptApart,
    "ck_household_passage_known": IdentityRequired,
}
"""What an index, or a trigger, of the database refuses."""


@dataclass(frozen=True, slots=True)
class Signature(By):
    """Who takes a step, for which union, and what they say of it. Nobody: the system does."""

    note: str | None = None
    reason_code: str | None = None


SYSTEM = Signature()


async def allowed(
    work: Work, actor: Actor, household_id: UUID, expected: int, action: str, said: Signature, gates: Gates
) -> tuple[Record, Step, Signature]:
    """The locked file, the step and its signature, where everything that guards the step holds.

    Raises HouseholdNotFound, StaleVersion, NotAllowedNow, NotAllowed, Invalid, and what a gate raises.
    """
    row = await file(work.transaction, actor, household_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], action, row["state_before"])
    if step.by in (Permission.OWN, Permission.SYSTEM):
        raise NotAllowedNow(state=row["state"])
    post = post_over(actor, step.by, row)
    if post is None:
        raise NotAllowed
    await not_related(work, actor, row)
    check_words(step, said.note, said.reason_code, REASONS)
    for gate in step.gates:
        await gates[gate](work, row)
    signed = replace(said, person_id=actor.person_id, post_role=post.role.value, organisation_name=post.place.name)
    return row, step, signed


async def act(
    work: Work, actor: Actor, household_id: UUID, expected: int, action: str, said: Signature, gates: Gates
) -> Record:
    """Staff take a step that carries nothing further. Raises as `allowed`, and as `take`."""
    row, step, signed = await allowed(work, actor, household_id, expected, action, said, gates)
    assert step.carries is None, "what carries more has a command of its own"
    return await take(work, row, step, signed)


async def take(work: Work, row: Record, step: Step, signed: Signature, *, again: bool = False, **change: Any) -> Record:
    """Write the step, its place in the file's history, its audit entry and its fact. `again`: another round begins.

    Raises FileAlreadySigned, KeptApart, IdentityRequired, AidAwaited.
    """
    round_ = row["round"] + (again or step.opens_round)
    ends = step.to in DEAD_STATES and "merged_into_id" not in change
    if step.by is not Permission.SYSTEM and (ends or step.action == "propose_exit"):
        await nothing_awaited(work, row)
    version = await _move(work, row, step, round_, change)
    if ends:
        await let_go(work, row["id"])
    if step.to in DEAD_STATES:
        await release(work, row["id"])
        await work.transaction.run(_END_OFFERS, row_id=row["id"], now=work.now)
    if step.at == "exit_proposed" and step.to != "exit_notice":
        await work.transaction.run(_DROP_EXIT, row_id=row["id"], now=work.now)
    await pass_by(work, row, step.action, signed, to=step.to, round=round_, counts_as_review=step.counts_as_review)
    await record(
        work,
        person_id=signed.person_id,
        action=f"household.{step.action}",
        subject_kind="household",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
    )
    await emit(work, HouseholdMoved(row["id"], step.action, step.at, step.to))
    return {"id": row["id"], "state": step.to, "version": version}


async def _move(work: Work, row: Record, step: Step, round_: int, change: dict[str, Any]) -> int:
    dated: dict[str, Any] = {
        "submitted_at": work.now if step.action == "submit" else None,
        "active_at": work.now if step.to == "active" else None,
        "relieved_at": work.now if step.to == "relieved" else None,
        "left_at": work.now if step.to in _LEFT else None,
    }
    version: int | None = await work.transaction.value(
        _MOVE,
        row_id=row["id"],
        version=row["version"],
        state=step.to,
        state_before=way_back(step, row["state_before"]),
        round=round_,
        now=work.now,
        **dated | {"cancel_code": None, "merged_into_id": None} | change,
    )
    if version is None:  # the row is locked, so only a caller that forgot to lock it comes here
        raise StaleVersion(version=row["version"] + 1)
    return version


async def pass_by(
    work: Work,
    row: Record,
    action: str,
    signed: Signature,
    *,
    to: str | None = None,
    round: int | None = None,
    counts_as_review: bool = False,
) -> None:
    """Write what was done into the file's history; without `to` it stays where it is.

    Raises FileAlreadySigned, KeptApart, IdentityRequired.
    """
    values = _passage(work, row, action, signed, to or row["state"], round or row["round"], counts_as_review)
    try:
        await work.transaction.run(_PASS, **values)
    except asyncpg.IntegrityConstraintViolationError as refused:
        refusal = _REFUSALS.get(refused.constraint_name or "")
        if refusal is None:
            raise
        raise refusal from refused


def _passage(
    work: Work, row: Record, action: str, signed: Signature, to: str, round: int, counts_as_review: bool
) -> dict[str, Any]:
    passage_id = new_id()
    return {
        "id": passage_id,
        "created_at": work.now,
        "household_id": row["id"],
        "round": round,
        "person_id": signed.person_id,
        "post_role": signed.post_role,
        "organisation_name": signed.organisation_name,
        "action": action,
        "from_state": row["state"],
        "to_state": to,
        "counts_as_review": counts_as_review,
        "note": work.keyring.seal_text(NOTE, passage_id, signed.note) if signed.note else None,
        "reason_code": signed.reason_code,
    }


async def take_as_system(work: Work, row: Record, action: str, **change: Any) -> Record:
    """A timer takes a step on a locked file. Raises NotAllowedNow."""
    return await take(work, row, PATH.step(row["state"], action, row["state_before"]), SYSTEM, **change)


async def at_hand(
    work: Work,
    actor: Actor,
    household_id: UUID,
    expected: int,
    states: tuple[str, ...],
    by: tuple[Permission, ...],
    said: Signature,
) -> tuple[Record, Signature]:
    """The locked file, in one of these states, and who writes into it by which post.

    Raises HouseholdNotFound, StaleVersion, NotAllowed, NotAllowedNow, MemberOfHousehold.
    """
    row = await file(work.transaction, actor, household_id, locked=True)
    signed = signed_over(row, actor, expected, states, by, said)
    await not_related(work, actor, row)
    return row, signed


def signed_over(
    row: Record, actor: Actor, expected: int, states: tuple[str, ...], by: tuple[Permission, ...], said: Signature
) -> Signature:
    """By which post the actor writes into a locked file. Raises StaleVersion, NotAllowed, NotAllowedNow."""
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    post = next((post for permission in by if (post := post_over(actor, permission, row))), None)
    if post is None:
        raise NotAllowed
    if row["state"] not in states:
        raise NotAllowedNow(state=row["state"])
    return replace(said, person_id=actor.person_id, post_role=post.role.value, organisation_name=post.place.name)


async def written(work: Work, row: Record, action: str, signed: Signature) -> Record:
    """Note in the file's history and in the audit trail what was written into it; its state stays."""
    await pass_by(work, row, action, signed)
    await record(
        work,
        person_id=signed.person_id,
        action=f"household.{action}",
        subject_kind="household",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
    )
    return {"id": row["id"], "state": row["state"], "version": row["version"] + 1}


async def written_many(work: Work, done: Sequence[tuple[Record, Signature]], action: str) -> None:
    """The same for many files at once."""
    passages = [_passage(work, row, action, signed, row["state"], row["round"], False) for row, signed in done]
    await work.transaction.many(_PASS, passages)
    entries = [
        Entry(signed.person_id, f"household.{action}", "household", row["id"], row["person_id"]) for row, signed in done
    ]
    await record_many(work, entries)
