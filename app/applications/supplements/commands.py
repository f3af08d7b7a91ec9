"""Asking an applicant for more, answering, and going on without an answer. Nobody commits here; the edge does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from app.applications.commands import Said, expect_version, signed_step
from app.applications.path import Action, gates_shut, path_of
from app.applications.queries import by_id_locked, has_signed, own_locked
from app.applications.standards import SUPPLEMENT, standard_of
from app.applications.steps import AlreadySigned, Keep, Moved, take
from app.applications.supplements.events import SupplementAsked, SupplementClosed
from app.applications.supplements.queries import open_supplement
from app.applications.supplements.rules import Item, wrong_answers
from app.applications.supplements.steps import ANSWER, REQUEST, close, write_down
from app.db.transaction import Record
from app.db.work import Work
from app.files.commands import name
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, Invalid
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.policy.versions import NoPolicyInForce

BATCH: Final = 100
FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC), UUID(int=0))


class NothingAsked(Conflict):
    """现在没有要您补充的材料；如果刚过期限，请联系所在工会。"""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a worker brings. `said`: as it is kept; `items`: those that they say it is for."""

    said: Any
    items: Sequence[str]
    file_ids: frozenset[UUID]


async def ask(work: Work, actor: Actor, row: Record, items: Sequence[Item], text: str | None) -> Moved:
    """A reviewer asks for what is missing. The case stays at its stage and keeps its place; its clock stands still.
    `row` is the case with its timeline.

    Raises NotAllowedNow, NotAllowed, AlreadySigned, SupplementAwaited, NoPolicyInForce, StaleVersion.
    """
    if has_signed(actor, row):
        raise AlreadySigned
    step, signed = await signed_step(work, actor, row, Said(Action.ASK_SUPPLEMENT), carrying="supplement")
    due_at, supplement_id = _due_at(work, row), new_id()
    moved = await take(work, row, step, supplement="open", due_at=due_at, **signed)
    await write_down(
        work,
        supplement_id,
        due_at,
        {"items": [item._asdict() for item in items], "text": text},
        application_id=row["id"],
        applicant_id=row["applicant_id"],
        at_state=row["state"],
        round=row["round"],
        asked_by=actor.person_id,
        asked_by_role=signed["post_role"],
        asked_by_organisation=signed["organisation_name"],
    )
    await emit(work, SupplementAsked(supplement_id, row["id"]))
    return moved


def _due_at(work: Work, row: Record) -> datetime:
    """By the standard of the case; by today's where that one says nothing of supplements. Raises NoPolicyInForce."""
    for day in (row["submitted_at"], work.now):
        standard = standard_of(work.policies, day)
        days = standard.days_at(SUPPLEMENT) if standard else None
        if days is not None:
            return work.calendar.end_of_working_day(work.now, days)
    raise NoPolicyInForce


async def answer(
    work: Work, actor: Actor, application_id: UUID, expected: int, given: Answered, **signed: Any
) -> Moved:
    """The applicant brings what was asked for. What they filled in stays as it is, and so does what was signed.
    `signed`: by whom, where staff hand it in.

    Raises ApplicationNotFound, StaleVersion, NotAllowedNow, NothingAsked, Invalid, FileGone.
    """
    row = await own_locked(work.transaction, actor, application_id)
    expect_version(row, expected)
    step = path_of(row).step(row["state"], Action.SUPPLEMENT)
    asked = await open_supplement(work.transaction, application_id)
    if asked is None or gates_shut(row["supplement"]).intersection(step.gates):
        raise NothingAsked
    items = [item["code"] for item in work.keyring.open_document(REQUEST, asked["id"], asked["request"])["items"]]
    if wrong := wrong_answers(items, given.items):
        raise Invalid(*wrong)
    if given.file_ids:
        await name(work, "supplement", asked["id"], given.file_ids)
    await close(work, application_id, "answered", work.keyring.seal_document(ANSWER, asked["id"], given.said))
    await emit(work, SupplementClosed(asked["id"], application_id, "answered"))
    return await take(work, row, step, **{"person_id": actor.person_id} | signed, supplement="answered")


async def take_back(work: Work, actor: Actor, row: Record, said: Said, keep: Keep) -> Moved:
    """A reviewer does not need it any more. Raises NotAllowedNow, NotAllowed, NothingAwaited."""
    step, signed = await signed_step(work, actor, row, said, carrying="supplement")
    moved = await take(work, row, step, keep, supplement="withdrawn", **signed)
    await close(work, row["id"], "withdrawn")
    return moved


async def lapse(work: Work, application_id: UUID) -> bool:
    """The days of what an application waits for are over: its reviewer goes on, and is told so. Never a refusal.

    Whether there was anything to end: it may have been answered since it was found.
    """
    row = await by_id_locked(work.transaction, application_id)
    asked = await open_supplement(work.transaction, application_id)
    if row is None or asked is None or asked["due_at"] > work.now:
        return False
    step = path_of(row).step(row["state"], Action.LAPSE_SUPPLEMENT)
    await take(work, row, step, supplement="lapsed")
    await close(work, application_id, "lapsed")
    await emit(work, SupplementClosed(asked["id"], application_id, "lapsed"))
    return True
