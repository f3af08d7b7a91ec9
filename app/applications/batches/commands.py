"""Dealing with many cases at once (批量办理): first a look at what would become of each, then the same step on all of
them. Nobody commits here; the edge does.

Each case is judged by the very functions that judge a single one, when it is looked at and again when it is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update

from app.applications.batches.queries import B, own_batch_locked, these
from app.applications.batches.rules import VALID_FOR, check_asked
from app.applications.batches.steps import Taking, take_all
from app.applications.commands import Said, expect_version, signed_at_stage
from app.applications.queries import ApplicationNotFound
from app.applications.reasons.rules import reasons_on
from app.applications.steps import AlreadySigned, Moved
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, DomainError
from app.kernel.ids import new_id

NOTE, OUTCOME = "batch_action.note", "batch_action.outcome"
NOT_FOUND = 0
"""The version of what is not there."""
_INSERT = insertion(B, *"id created_at person_id action note reason_code application_ids versions expires_at".split())
_RAN = statement(
    update(B)
    .where(B.c.id == bindparam("row_id"))
    .values({name: bindparam(name, type_=B.c[name].type) for name in ("ran_at", "outcome")})
)


class BatchExpired(Conflict):
    """这次预览已经超过30分钟，请重新预览后再办理。"""


class BatchForAnotherAction(Conflict):
    """这次预览的是另一种办理，请重新预览。"""


@dataclass(frozen=True, slots=True)
class Item:
    """A case as it was seen; `version` None: whatever it is now."""

    application_id: UUID
    version: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A case as it is now, and the step that is to be taken on it, or why none is."""

    item: Item
    row: Record | None
    taking: Taking | None
    refusal: DomainError | None


@dataclass(frozen=True, slots=True)
class Previewed:
    """What would become of each case. Whoever has the id may do it until then."""

    id: UUID
    expires_at: datetime
    action: str
    cases: Sequence[Standing]


@dataclass(frozen=True, slots=True)
class Ended:
    """What has become of a case: where it is now, or why it stayed where it was."""

    case: Standing
    moved: Moved | None
    refusal: DomainError | None


Spell = Callable[[str, Sequence[Ended]], bytes]
"""Makes the answer that is kept, from the action and what has become of each case."""


async def preview(work: Work, actor: Actor, said: Said, items: Sequence[Item]) -> Previewed:
    """Look at what would become of each of these cases, and remember at which version each of them was.

    Raises NotInBulk, Invalid. What is wrong with one of them is told of that one.
    """
    reasons = reasons_on(work.policies, work.today)
    check_asked(said.action, said.note, said.reason_code, [item.application_id for item in items], reasons)
    cases = await _stand(work, actor, said, items, locked=False)
    batch_id, expires_at = new_id(), work.now + VALID_FOR
    await work.transaction.run(
        _INSERT,
        id=batch_id,
        created_at=work.now,
        person_id=actor.person_id,
        action=said.action,
        note=work.keyring.seal_text(NOTE, batch_id, said.note) if said.note else None,
        reason_code=said.reason_code,
        application_ids=[item.application_id for item in items],
        versions=[_version(each) for each in cases],
        expires_at=expires_at,
    )
    return Previewed(batch_id, expires_at, said.action, cases)


def _version(case: Standing) -> int:
    now: int = case.row["version"] if case.row else NOT_FOUND
    return now if case.item.version is None else case.item.version


async def run(work: Work, actor: Actor, batch_id: UUID, action: str | None, spell: Spell) -> bytes:
    """Do what was looked at, once: whoever asks again gets the same answer. `action`: what they think that it is.

    A case that has moved meanwhile stays as it is, and the others are done.
    Raises BatchNotFound, BatchForAnotherAction, BatchExpired.
    """
    batch = await own_batch_locked(work.transaction, actor, batch_id)
    if action not in (None, batch["action"]):
        raise BatchForAnotherAction(action=batch["action"])
    if batch["outcome"] is not None:
        return work.keyring.open(OUTCOME, batch_id, batch["outcome"])
    if batch["expires_at"] <= work.now:
        raise BatchExpired
    note = work.keyring.open_text(NOTE, batch_id, batch["note"]) if batch["note"] else None
    said = Said(batch["action"], note, batch["reason_code"])
    items = [Item(*each) for each in zip(batch["application_ids"], batch["versions"], strict=True)]
    cases = await _stand(work, actor, said, items, locked=True)
    taken = await take_all(work, [_within(batch_id, case.taking) for case in cases if case.taking])
    answer = spell(batch["action"], [_ended(case, taken) for case in cases])
    outcome = work.keyring.seal(OUTCOME, batch_id, answer)
    await work.transaction.run(_RAN, row_id=batch_id, ran_at=work.now, outcome=outcome)
    return answer


def _within(batch_id: UUID, taking: Taking) -> Taking:
    """The step, whose audit entry says in which batch it was taken."""
    details = {**taking.change.get("details", {}), "batch": str(batch_id)}
    return replace(taking, change={**taking.change, "details": details})


def _ended(case: Standing, taken: Mapping[UUID, Moved | DomainError]) -> Ended:
    found = taken.get(case.item.application_id)
    if isinstance(found, Moved):
        return Ended(case, found, None)
    return Ended(case, None, found or case.refusal)


async def _stand(work: Work, actor: Actor, said: Said, items: Sequence[Item], *, locked: bool) -> list[Standing]:
    """How each of these cases stands, by the rules of a single step; `locked`: until commit it stands so."""
    found = await these(work.transaction, actor, [item.application_id for item in items], locked=locked)
    return [_standing(work, actor, said, item, found.get(item.application_id)) for item in items]


def _standing(work: Work, actor: Actor, said: Said, item: Item, row: Record | None) -> Standing:
    try:
        if row is None:
            raise ApplicationNotFound
        if item.version is not None:
            expect_version(row, item.version)
        return Standing(item, row, _taking(work, actor, said, row), None)
    except DomainError as refusal:
        return Standing(item, row, None, refusal)


def _taking(work: Work, actor: Actor, said: Said, row: Record) -> Taking:
    """Raises NotAllowedNow, NotAllowed, Recused, SupplementAwaited, Invalid, AlreadySigned."""
    step, change = signed_at_stage(work, actor, row, said)
    if row["own_step"] is not None and step.counts_as_review and not step.opens_round:
        raise AlreadySigned
    return Taking(row, step, change)
