"""Verifying files, reminding of what is due, and watching over the households that have left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.audit.commands import record
from app.db.base import table_of
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.path import DEAD_STATES
from app.households.steps import Signature, act
from app.households.tables import IN_FILE
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import business_date
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit, spelt
from app.messaging.tables import OutMessage
from app.policy.periods import months_after
from app.upkeep.events import HouseholdVerified, Reminded, WatchDone
from app.upkeep.queries import V, watch_task_locked
from app.upkeep.rules import (
    WATCH_MONTHS,
    FoundToBe,
    Outcome,
    Way,
    next_review,
    reminder_window,
)

NOTE, WATCH_NOTE = "household_verification.note", "watch_task.note"
BATCH: Final = 1_000
"""How many households one transaction reminds at most."""
Place = tuple[date, UUID]
"""A due date and the row that has it: where a batch ended."""
FIRST: Final[Place] = (date.min, UUID(int=0))

_INSERT = insertion(
    V,
    *"id created_at household_id way reference verified_on finding note next_due_on person_id post_role".split(),
    "organisation_name",
)
_SET_DUE = statement(
    text("update household set review_due_on = greatest(review_due_on, cast(:due_on as date)) where id = :row_id")
)
_OPENED_AGAIN = statement(
    text("update household set review_due_on = coalesce(review_due_on, cast(:due_on as date)) where id = :row_id")
)
_INSERT_WATCH = statement(
    text(
        """
        insert into watch_task (id, created_at, household_id, head_id, head_masked, city_id, district_id, street_id,
          unit_id, months, due_on, version)
        select cast(:id as uuid), cast(:now as timestamptz), h.id, h.person_id, h.head_masked, h.city_id,
          h.district_id, h.street_id, h.unit_id, cast(:months as int), cast(:due_on as date), 1
        from household h where h.id = cast(:household_id as uuid) and h.state = 'lifted'
        on conflict (household_id, months) do nothing
        """
    )
)
_LIFTED_AT = statement(
    text("select max(created_at) from household_passage where household_id = :household_id and to_state = 'lifted'")
)
_DONE = statement(
    text(
        """
        update watch_task set done_at = cast(:now as timestamptz), outcome = cast(:outcome as text),
          note = cast(:note as bytea), done_by = cast(:person_id as uuid), post_role = cast(:post_role as text),
          organisation_name = cast(:organisation_name as text), version = version + 1
        where id = cast(:row_id as uuid)
        """
    )
)


def _due(of: str) -> Any:
    """A page of what is due between two days and was not reminded of, in the order of its index."""
    return statement(
        text(
            f"""
            select d.household_id, d.due_on, d.id from ({of}) d
            where d.due_on between cast(:first as date) and cast(:last as date)
              and (d.due_on, d.id) > (cast(:after_on as date), cast(:after_id as uuid))
              and not exists (select 1 from reminder r where r.household_id = d.household_id
                and r.about = cast(:about as text) and r.due_on = d.due_on and r.days = cast(:days as int))
            order by d.due_on, d.id limit cast(:size as int)
            """  # noqa: S608 - our own texts
        )
    )


_DUE = {
    "review": _due(f"select id as household_id, review_due_on as due_on, id from household where {IN_FILE}"),  # noqa: S608
    "watch": _due("select household_id, due_on, id from watch_task where done_at is null"),
}
_REMIND = statement(
    text(
        """
        insert into reminder (id, created_at, household_id, about, due_on, days)
        select u.id, cast(:now as timestamptz), u.household_id, cast(:about as text), u.due_on, cast(:days as int)
        from unnest(cast(:ids as uuid[]), cast(:household_ids as uuid[]), cast(:due_dates as date[]))
          as u (id, household_id, due_on)
        on conflict (household_id, about, due_on, days) do nothing
        returning household_id, due_on
        """
    )
)
_TELL = insertion(table_of(OutMessage), "id", "created_at", "name", "body")


class NotVerifiable(Conflict):
    """这份档案没有建立或已经退出，不需要复核。"""


class WatchTaskDone(Conflict):
    """这项回访已经完成。"""


@dataclass(frozen=True, slots=True)
class Verification:
    """How a file was verified, and what was found."""

    way: Way
    reference: str
    verified_on: date
    finding: FoundToBe
    note: str | None


@dataclass(frozen=True, slots=True)
class Verified:
    id: UUID
    next_due_on: date
    state: str


async def verify(work: Work, actor: Actor, household: Record, given: Verification) -> Verified:
    """Record that a locked file was verified; the next is due a year on. An annual review that is under way ends with
    it where the actor may end it.

    Raises NotVerifiable, Invalid, NotAllowed.
    """
    active_at = household["active_at"]
    if active_at is None or household["state"] in DEAD_STATES:
        raise NotVerifiable
    if given.verified_on > work.today:
        raise Invalid(FieldError("/verified_on", "day_in_future", "复核日期不能晚于今天。"))
    if given.verified_on < business_date(active_at):
        raise Invalid(FieldError("/verified_on", "day_too_early", "复核日期不能早于建档日期。"))
    post = post_over(actor, Permission.WRITE_PLANS, household)
    if post is None:
        raise NotAllowed
    verification_id, due_on = new_id(), next_review(given.verified_on)
    await work.transaction.run(
        _INSERT,
        id=verification_id,
        created_at=work.now,
        household_id=household["id"],
        way=given.way,
        reference=given.reference,
        verified_on=given.verified_on,
        finding=given.finding,
        note=work.keyring.seal_text(NOTE, verification_id, given.note) if given.note else None,
        next_due_on=due_on,
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
    )
    await work.transaction.run(_SET_DUE, row_id=household["id"], due_on=due_on)
    await record(
        work,
        person_id=actor.person_id,
        action="household.verified",
        subject_kind="household",
        subject_id=household["id"],
        subject_person_id=household["person_id"],
        finding=given.finding,
    )
    await emit(work, HouseholdVerified(household["id"], given.finding))
    return Verified(verification_id, due_on, await _review_ended(work, actor, household))


async def _review_ended(work: Work, actor: Actor, household: Record) -> str:
    """The file's state once it is verified: a review under way is finished by whoever may finish it."""
    state: str = household["state"]
    if state != "annual_review" or post_over(actor, Permission.REVIEW_AT_UNIT, household) is None:
        return state
    moved = await act(work, actor, household["id"], household["version"], "finish_review", Signature(), {})
    ended: str = moved["state"]
    return ended


async def first_due(work: Work, household_id: UUID, opened_on: date) -> None:
    """A file that was opened is due a year later; nothing changes the second time."""
    await work.transaction.run(_OPENED_AGAIN, row_id=household_id, due_on=next_review(opened_on))


async def watch(work: Work, household_id: UUID) -> None:
    """Tasks for six and twelve months after a household was lifted; nothing happens the second time, or when it is
    not lifted."""
    lifted_at = await work.transaction.value(_LIFTED_AT, household_id=household_id)
    if lifted_at is None:
        return
    for months in WATCH_MONTHS:
        due_on = months_after(business_date(lifted_at), months)
        await work.transaction.run(
            _INSERT_WATCH, id=new_id(), now=work.now, household_id=household_id, months=months, due_on=due_on
        )


async def complete_watch(
    work: Work, actor: Actor, task_id: UUID, expected: int, outcome: Outcome, note: str | None
) -> int:
    """Answers the task's last version. Raises WatchTaskNotFound, StaleVersion, WatchTaskDone, NotAllowed."""
    row = await watch_task_locked(work.transaction, actor, task_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["done_at"] is not None:
        raise WatchTaskDone
    post = post_over(actor, Permission.WRITE_PLANS, row)
    if post is None:
        raise NotAllowed
    await work.transaction.run(
        _DONE,
        row_id=task_id,
        now=work.now,
        outcome=outcome,
        note=work.keyring.seal_text(WATCH_NOTE, task_id, note) if note else None,
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
    )
    await record(
        work,
        person_id=actor.person_id,
        action="watch.done",
        subject_kind="household",
        subject_id=row["household_id"],
        subject_person_id=row["head_id"],
        outcome=outcome,
    )
    await emit(work, WatchDone(row["household_id"], row["months"], outcome))
    return int(row["version"]) + 1


async def remind(work: Work, about: str, days: int, after: Place = FIRST) -> Place | None:
    """Remind of the next BATCH of what is due, and say so once; answers where to go on, None at the end."""
    first, last = reminder_window(days, work.today)
    page = await work.transaction.rows(
        _DUE[about], about=about, days=days, first=first, last=last, after_on=after[0], after_id=after[1], size=BATCH
    )
    if page:
        await _remind(work, about, days, page)
    return (page[-1]["due_on"], page[-1]["id"]) if len(page) == BATCH else None


async def _remind(work: Work, about: str, days: int, page: Sequence[Record]) -> None:
    made = await work.transaction.rows(
        _REMIND,
        now=work.now,
        about=about,
        days=days,
        ids=[new_id() for _ in page],
        household_ids=[row["household_id"] for row in page],
        due_dates=[row["due_on"] for row in page],
    )
    facts = [Reminded(row["household_id"], about, row["due_on"], days) for row in made]
    await work.transaction.many(
        _TELL,
        [{"id": new_id(), "created_at": work.now, "name": Reminded.__name__, "body": spelt(fact)} for fact in facts],
    )
