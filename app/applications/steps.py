"""One step on an application: everything that is written with it, in one statement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.applications.events import ApplicationMoved
from app.applications.household_caps import cap_for
from app.applications.path import Action, State
from app.applications.queries import version_now
from app.applications.standards import days_allowed
from app.db.statements import statement
from app.db.transaction import TOLD, Record
from app.db.work import Work
from app.funds.waiting import place_in_line
from app.kernel.errors import Conflict, IdentityRequired, KeptApart, NotAllowed, Overtaken, StaleVersion
from app.kernel.ids import new_id
from app.messaging.answers import IdempotencyInProgress, KeptAnswer
from app.messaging.outbox import spelt
from app.workflow.path import Step

NOTE = "passage.note"
_SUBMITTED = ", application.form, application.decision, application.amount_fen"
_EARLIER = """, earlier as (
              insert into earlier_submission (id, created_at, application_id, round, form, decision, amount_fen)
              select cast(:earlier_id as uuid), :now, id, cast(:step_round as int), form, decision, amount_fen
              from moved
            )"""


def step_text(
    before: str = "", moving: str = "", more: str = "", answered: str = "", *, returning: bool = False
) -> str:
    """A step, its row in the timeline, its audit entry, its fact and the answer that is kept, in one round trip.

    `before`: queries that come first; `moving`: which of their rows the application hangs on, and `more` of those to
    go on with; `answered`: what is answered instead of the new version alone. `returning`: what was submitted is kept
    before it can be edited.
    """
    also, earlier = (_SUBMITTED, _EARLIER) if returning else ("", "")
    return f"""
            with {before} moved as (
              update application set state = :to_state, round = :round, version = application.version + 1,
                updated_at = :now,
                due_at = :due_at,
                amount_fen = coalesce(:amount_fen, amount_fen),
                submitted_at = coalesce(submitted_at, :submitted_at),
                submission_no = coalesce(:submission_no, submission_no),
                approved_at = coalesce(:approved_at, approved_at),
                paid_at = coalesce(:paid_at, paid_at),
                household_id = coalesce(:household_id, household_id),
                facts = coalesce(:facts, facts), facts_sha256 = coalesce(:facts_sha256, facts_sha256),
                decision = coalesce(:decision, decision), policy_version = coalesce(:policy_version, policy_version),
                code_sha256 = coalesce(:code_sha256, code_sha256),
                subject_index = coalesce(:subject_index, subject_index),
                item = coalesce(:item, item), cover_id = coalesce(:cover_id, cover_id),
                measure_id = coalesce(:measure_id, measure_id), supplement = cast(:supplement as text),
                route = coalesce(:route, route), route_version = coalesce(:route_version, route_version),
                route_fen = coalesce(:route_fen, route_fen), decided_fen = coalesce(:decided_fen, decided_fen),
                household_cap = coalesce(cast(:household_cap as text), household_cap)
              {moving or "where application.id = :id"} and application.version = :version
              returning application.id, application.version, applicant_id {also} {more}
            ), passed as (
              insert into passage (id, created_at, application_id, round, person_id, post_role, organisation_name,
                action, from_state, to_state, counts_as_review, note, reason_code, amount_fen, on_behalf_of, said_of)
              select cast(:passage_id as uuid), :now, id, cast(:step_round as int), cast(:person_id as uuid),
                cast(:post_role as text), cast(:organisation_name as text), cast(:action as text),
                cast(:from_state as text), :to_state, cast(:counts_as_review as boolean), cast(:note as bytea),
                cast(:reason_code as text), :amount_fen, cast(:on_behalf_of as uuid), cast(:said_of as text)
              from moved
            ), audited as (
              insert into audit_entry (id, created_at, shard, sequence, hash, person_id, action, subject_kind,
                subject_id, subject_person_id, details)
              select cast(:audit_id as uuid), :now, 0, 0, '', cast(:person_id as uuid), 'application.' || :action,
                'application', id, applicant_id, cast(:details as jsonb)
              from moved
            ), told as (
              insert into out_message (id, created_at, name, body)
              select cast(:message_id as uuid), :now, 'ApplicationMoved', cast(:body as jsonb) from moved
            ), kept as (
              insert into keyed_answer (person_id, key, row_id, fingerprint, status, etag, answer, created_at)
              select cast(:kept_person_id as uuid), cast(:kept_key as text), cast(:kept_row_id as uuid),
                cast(:kept_fingerprint as bytea), cast(:kept_status as int), cast(:kept_etag as text),
                cast(:kept_answer as bytea), :now
              from moved where cast(:kept_key as text) is not null
            ) {earlier}
            {answered or "select (select version from moved) as version"}
            """  # noqa: S608 - pieces of our own; every value is a parameter


def _keyed_text(*, returning: bool) -> str:
    """The same without a transaction around it: it takes the key of the request, so that a second one is told."""
    return step_text(
        before=f"""
            sight as materialized (
              select cast(:id as uuid) as application_id, pg_try_advisory_xact_lock(:lock) as free, {TOLD} as told
            ),""",
        moving="where application.id = (select application_id from sight where free and told is not null)",
        answered="select (select version from moved) as version, (select free from sight) as free",
        returning=returning,
    )


KEYED_STEP: Final = statement(text(_keyed_text(returning=False)))
_STEPS: Final = {
    (False, False): statement(text(step_text())),
    (True, False): KEYED_STEP,
    (False, True): statement(text(step_text(returning=True))),
    (True, True): statement(text(_keyed_text(returning=True))),
}
"""By whether a step takes the key of its request, and whether it returns what was submitted."""


class SubjectAlreadyAided(Conflict):
    """同一名学生本学年、同一张结算单或同一事项已有申请正在办理或已发放，不能重复申请。"""


class HouseholdCapReached(Conflict):
    """加上这一笔，这户今年各项帮扶的合计将超过上限；请核减金额，或不予通过。"""


class AlreadySigned(NotAllowed):
    """您已经办理过这份申请的前一个环节，同一人不能再办理下一个环节。"""


class NoRoom(Conflict):
    """没有可以使用的资金预算，不能办理；请先安排预算。"""


class NothingDelegated(NotAllowed):
    """委托已经结束，请由委托人自己或其他人办理。"""


@dataclass(frozen=True, slots=True)
class Moved:
    """The application after a step."""

    id: UUID
    state: str
    version: int
    place: int | None = None
    """Its place on the waiting list, where there was no money for it."""


Keep = Callable[[Moved], KeptAnswer]
"""Makes the answer that is kept together with a step, from how the application will be after it."""


@dataclass(frozen=True, slots=True)
class KeyedStep:
    """How a step without a transaction around it is kept under its key, and the advisory lock of that key."""

    keep: Keep
    lock: int


async def take(work: Work, row: Record, step: Step, key: Keep | KeyedStep | None = None, **change: Any) -> Moved:
    """Write the step, its place in the timeline, its audit entry, its fact, and the answer if it is to be kept here.

    Where there is no money for what it grants, it leads to the waiting list instead (`Step.otherwise`).

    `change`: as of `values_of`. A `KeyedStep` has no transaction around it. Raises AlreadySigned, KeptApart,
    IdentityRequired, NothingDelegated, SubjectAlreadyAided, NoRoom, and for whoever comes second StaleVersion, or
    without a transaction Overtaken, IdempotencyInProgress.
    """
    try:
        if step.otherwise is None or isinstance(key, KeyedStep):
            return await _write(work, row, step, key, change)
        async with work.transaction.attempt():
            return await _write(work, row, step, key, change)
    except REFUSALS as taken:
        if step.otherwise is None or not lacks_room(taken):
            raise refusal_of(taken) from taken
    return await take_in_line(work, row, step, key, **change)


async def take_in_line(
    work: Work, row: Record, step: Step, key: Keep | KeyedStep | None = None, **change: Any
) -> Moved:
    """The same step, to the waiting list."""
    place = await place_in_line(work.transaction, row["id"])
    try:
        return await _write(work, row, in_line(step), key, change, place)
    except REFUSALS as taken:
        raise refusal_of(taken) from taken


def in_line(step: Step) -> Step:
    """The step as it is taken where there is no money for what it grants."""
    assert step.otherwise is not None
    return replace(step, to=step.otherwise, otherwise=None)


async def _write(
    work: Work,
    row: Record,
    step: Step,
    key: Keep | KeyedStep | None,
    change: Mapping[str, Any],
    place: int | None = None,
) -> Moved:
    """Raises what the database refuses as it refused it."""
    keep, lock = (key.keep, key.lock) if isinstance(key, KeyedStep) else (key, None)
    moved = after(row, step, place)
    values = values_of(work, row, step, keep(moved) if keep else None, **change)
    write = work.transaction.row
    if lock is not None:
        values["lock"], write = lock, work.transaction.stroke
    found = await write(_STEPS[lock is not None, step.action == Action.RETURN], **values)
    assert found is not None
    if found["version"] is None:  # somebody else took a step since the row was read
        if lock is not None:
            raise Overtaken if found["free"] else IdempotencyInProgress
        raise StaleVersion(version=await version_now(work.transaction, row["id"]))
    return moved


def after(row: Record, step: Step, place: int | None = None) -> Moved:
    """How an application will be after a step."""
    return Moved(row["id"], step.to, row["version"] + 1, place)


def values_of(
    work: Work,
    row: Record,
    step: Step,
    kept: KeptAnswer | None = None,
    *,
    person_id: UUID | None = None,
    note: str | None = None,
    details: Mapping[str, str] = {},
    **change: Any,
) -> dict[str, Any]:
    """What one step writes, by the names in `step_text`.

    `details`: what the audit entry says beyond the states; `change`: `round`, the one that it opens, `signed_round`,
    the one that it still belongs to, `due_at` where the state says nothing, and columns that the step sets.
    """
    passage_id = new_id()
    round_ = change.pop("round", row["round"])
    signed_round = change.pop("signed_round", round_)
    fact = ApplicationMoved(row["id"], row["kind"], step.action, step.at, step.to, round_)
    due_at = change.pop("due_at", None) or _due(work, row, step)
    return (
        _UNCHANGED
        | change
        | dict(zip(_KEPT, kept or _NOTHING_KEPT, strict=True))
        | {
            "id": row["id"],
            "version": row["version"],
            "to_state": step.to,
            "from_state": step.at,
            "action": step.action,
            "round": round_,
            "step_round": signed_round,
            "now": work.now,
            "due_at": due_at,
            "household_cap": cap_for(work.policies, row, step, work.today),
            "approved_at": work.now if step.to == State.APPROVED and step.action not in _AGAIN else None,
            "paid_at": work.now if step.to == State.PAID else None,
            "passage_id": passage_id,
            "person_id": person_id,
            "counts_as_review": step.counts_as_review,
            "note": work.keyring.seal_text(NOTE, passage_id, note) if note else None,
            "audit_id": new_id(),
            "details": {"from": step.at, "to": step.to, **details},
            "message_id": new_id(),
            "body": spelt(fact),
        }
        | ({"earlier_id": new_id()} if step.action == Action.RETURN else {})
    )


_AGAIN: Final = (Action.STOP_PAYMENT, Action.REISSUE)
"""It was approved before."""


def _due(work: Work, row: Record, step: Step) -> datetime | None:
    """Until when the state that a step leads to may last."""
    days = days_allowed(work.policies, row["submitted_at"] or work.now, step.to)
    return work.calendar.end_of_working_day(work.now, days) if days else None


_KEPT = tuple(f"kept_{name}" for name in KeptAnswer._fields)
_NOTHING_KEPT = (None,) * len(_KEPT)
_OPTIONAL = [
    "amount_fen",
    "submitted_at",
    "submission_no",
    "household_id",
    "facts",
    "facts_sha256",
    "decision",
    "policy_version",
    "code_sha256",
    "subject_index",
    "item",
    "cover_id",
    "measure_id",
    "supplement",
    "route",
    "route_version",
    "route_fen",
    "decided_fen",
    "post_role",
    "organisation_name",
    "reason_code",
    "on_behalf_of",
    "said_of",
]
_UNCHANGED: Final[dict[str, Any]] = dict.fromkeys(_OPTIONAL)


REFUSALS: Final = (asyncpg.UniqueViolationError, asyncpg.CheckViolationError)


def lacks_room(violation: asyncpg.PostgresError) -> bool:
    """Whether the database refused it because no budget has room for it."""
    return bool(violation.constraint_name == "budget_room")


def refusal_of(violation: asyncpg.IntegrityConstraintViolationError) -> Exception:
    """What an index, or a trigger, of the database refused, in words."""
    refusals = {
        "uq_passage_reviewer": AlreadySigned,
        "ck_passage_apart": KeptApart,
        "ck_passage_known": IdentityRequired,
        "ck_passage_delegated": NothingDelegated,
        "uq_application_subject": SubjectAlreadyAided,
        "uq_application_submission": Overtaken,
        "budget_room": NoRoom,
        "pk_keyed_answer": Overtaken,
    }
    if violation.constraint_name == "household_cap":
        return HouseholdCapReached(room_fen=int(violation.detail or 0))
    refusal = refusals.get(violation.constraint_name or "")
    return refusal() if refusal else violation
