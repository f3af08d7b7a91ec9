"""Lodging an appeal, taking it back, and deciding it. Nobody commits here; the edge does."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.appeals.events import AppealDecided, AppealLodged, AppealWithdrawn
from app.appeals.path import FOLLOWS, PATHS, AppealAction, AppealState
from app.appeals.queries import APPEAL, appeal, decision_of, has_decider, is_near, own_appeal_locked
from app.appeals.rules import ground_of, last_day, level_of
from app.applications.commands import DECISION, FACTS, Assessed, expect_version
from app.applications.path import Action, Kind, State, path_along, path_of
from app.applications.queries import A, P, case, own_locked
from app.applications.routes import route_for
from app.applications.steps import NOTE, Moved, take
from app.applications.submission_queries import ToSubmit, own_to_submit
from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Post
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import Conflict, FieldError, IdentityRequired, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.kernel.money import yuan
from app.messaging.outbox import emit
from app.people.queries import person
from app.policy.accountability import KIND, AccountabilityPolicy
from app.workflow.path import NotAllowedNow, Step, check_words

REASON, REPLY = "appeal.reason", "appeal.reply"
TIERS = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    APPEAL,
    *"id created_at application_id decision_id kind ground applicant_id".split(),
    *TIERS,
    *"state version reason before_fen due_at".split(),
)
_DECISION = "state decided_at decided_by decided_by_role decided_by_organisation reply amount_fen".split()
_DECIDE = statement(
    update(APPEAL)
    .where(APPEAL.c.id == bindparam("row_id"))
    .values(
        {column: bindparam(column, type_=APPEAL.c[column].type) for column in _DECISION}
        | {"version": APPEAL.c.version + literal_column("1")}
    )
)
_WITHDRAW = statement(
    update(APPEAL)
    .where(APPEAL.c.id == bindparam("row_id"))
    .values(
        state=bindparam("state", type_=APPEAL.c.state.type),
        withdrawn_at=bindparam("now", type_=APPEAL.c.withdrawn_at.type),
        version=APPEAL.c.version + literal_column("1"),
    )
)
_PASSAGE = insertion(
    P,
    *"id created_at application_id round person_id post_role organisation_name action from_state to_state".split(),
    *"counts_as_review note".split(),
)
_TOUCH = statement(
    update(A)
    .where(A.c.id == bindparam("row_id"))
    .values(version=A.c.version + literal_column("1"), updated_at=bindparam("now", type_=A.c.updated_at.type))
)
_PAID_BEFORE = statement(
    update(A)
    .where(A.c.id == bindparam("row_id"))
    .values(paid_before_fen=bindparam("paid_fen", type_=A.c.amount_fen.type))
)


class AppealTooLate(Conflict):
    """申诉期限已过，不能再提出申诉。"""


class AlreadyAppealed(Conflict):
    """对这个决定已经提出过申诉，请查看申诉的处理情况。"""


class NearTheCase(NotAllowed):
    """您办理过这份申请，或与申请人有关，申诉必须由其他人复核。"""


class StillIneligible(Conflict):
    """按提交申请时的政策和现在的档案测算仍不符合条件，不能变更决定；档案有误的，请先更正档案。"""


Judge = Callable[[Work, ToSubmit], Awaitable[Assessed]]
"""What the rules of a kind say of an application."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an appeal is decided. `amount_fen`: what is granted in all; None: as much as the rules give."""

    action: str
    note: str | None
    amount_fen: int | None


async def lodge(
    work: Work, actor: Actor, application_id: UUID, expected: int, text: str, file_ids: Sequence[UUID]
) -> UUID:
    """The applicant asks for a refusal, or for too low an amount, to be looked at by others.

    Raises ApplicationNotFound, StaleVersion, NotAllowedNow, AppealTooLate, AlreadyAppealed.
    """
    row = await own_locked(work.transaction, actor, application_id)
    expect_version(row, expected)
    step = path_of(row).step(row["state"], Action.APPEAL)
    decision = await decision_of(work.transaction, application_id)
    if decision is None:
        raise NotAllowedNow(state=row["state"])
    if decision["appealed"]:
        raise AlreadyAppealed
    policy = work.policies.in_force(KIND, AccountabilityPolicy, work.today)
    last = last_day(work.calendar, decision["created_at"], policy.appeal_window_working_days)
    if work.today > last:
        raise AppealTooLate(last_day=last.isoformat())
    appeal_id, state = new_id(), await _level(work, row, decision)
    said = {"text": text, "file_ids": [str(file_id) for file_id in file_ids]}
    await work.transaction.run(
        _INSERT,
        id=appeal_id,
        created_at=work.now,
        decision_id=decision["id"],
        application_id=application_id,
        kind=row["kind"],
        ground=ground_of(row["state"]),
        applicant_id=actor.person_id,
        state=state,
        version=1,
        reason=work.keyring.seal_document(REASON, appeal_id, said),
        before_fen=0 if row["state"] == State.REJECTED else row["amount_fen"] or 0,
        due_at=work.calendar.end_of_working_day(work.now, policy.appeal_decision_working_days),
        **{tier: row[tier] for tier in TIERS},
    )
    await _follow(work, row, step, actor, None, text)
    await _audit(work, actor, "lodged", appeal_id, actor.person_id)
    await emit(work, AppealLodged(appeal_id, application_id, state))
    return appeal_id


async def _level(work: Work, row: Record, decision: Record) -> AppealState:
    """The level above the one that decided; the city where nobody of the district is left who may."""
    state = level_of(decision["from_state"], has_district=row["district_id"] is not None)
    if state is AppealState.AT_DISTRICT and not await has_decider(
        work.transaction, row["id"], Kind(row["kind"]), state, work.today
    ):
        return AppealState.AT_CITY
    return state


async def withdraw(work: Work, actor: Actor, application_id: UUID, appeal_id: UUID, expected: int) -> Record:
    """The appellant takes their appeal back: the decision stands, and is not appealed against again.

    Raises AppealNotFound, StaleVersion, NotAllowedNow.
    """
    row = await own_appeal_locked(work.transaction, actor, application_id, appeal_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATHS[Kind(row["kind"])].step(row["state"], AppealAction.WITHDRAW)
    application = await own_locked(work.transaction, actor, application_id)
    await work.transaction.run(_WITHDRAW, row_id=appeal_id, state=step.to, now=work.now)
    follows = _standing(application, FOLLOWS[AppealState(row["state"]), AppealAction.WITHDRAW])
    await _follow(work, application, follows, actor, None, None)
    await _audit(work, actor, "withdrawn", appeal_id, actor.person_id)
    await emit(work, AppealWithdrawn(appeal_id, application_id))
    return dict(row) | {"state": step.to, "version": row["version"] + 1, "withdrawn_at": work.now}


async def decide(
    work: Work, actor: Actor, appeal_id: UUID, expected: int, answer: Answer, judge: Callable[[Kind], Judge]
) -> Record:
    """Somebody who had no part in the decision upholds it, or changes it within what the rules allow.

    Raises AppealNotFound, StaleVersion, NotAllowedNow, NotAllowed, IdentityRequired, NearTheCase, Invalid,
    StillIneligible, Overtaken, SubjectAlreadyAided.
    """
    row = await appeal(work.transaction, actor, appeal_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATHS[Kind(row["kind"])].step(row["state"], answer.action)
    post = post_over(actor, step.by, row)
    if post is None:
        raise NotAllowed
    await _apart(work, actor, row["application_id"])
    check_words(step, answer.note, None, ())
    assert answer.note is not None
    # Held, so that what follows is about how it is now; always after its appeal.
    application = await case(work.transaction, actor, row["application_id"], whole=False, locked=True)
    # The appeal first: with the step on the application its decider is one of those who had a part in the case.
    if step.action == AppealAction.CHANGE:
        follows = path_of(application).step(application["state"], FOLLOWS[step.at, step.action])
        award = await _award(work, application, answer.amount_fen, judge(Kind(row["kind"])))
        await _close(work, actor, post, row, step, answer.note, award.amount_fen)
        await _change(work, actor, post, application, follows, answer.note, award)
    elif answer.amount_fen is not None:
        raise Invalid(FieldError("/amount_fen", "amount_not_asked", "维持原决定的，不要填写金额。"))
    else:
        await _close(work, actor, post, row, step, answer.note, None)
        await _follow(work, application, _standing(application, Action.UPHOLD_DECISION), actor, post, answer.note)
    return {"id": row["id"], "state": step.to, "version": row["version"] + 1}


async def _apart(work: Work, actor: Actor, application_id: UUID) -> None:
    """Raises IdentityRequired, without which nobody can tell whose relative they are; NearTheCase."""
    if (await person(work.transaction, actor.person_id))["id_number_index"] is None:
        raise IdentityRequired
    if await is_near(work.transaction, application_id):
        raise NearTheCase


def _standing(application: Record, action: Action) -> Step:
    """What an application does when its decision stands: a refused one is refused again, a granted one stays."""
    state = application["state"]
    if state == State.APPEALED:
        return path_of(application).step(state, action)
    return Step(state, action, state, Permission.SYSTEM)


async def _close(
    work: Work, actor: Actor, post: Post, row: Record, step: Step, note: str, amount_fen: int | None
) -> None:
    try:
        await work.transaction.run(
            _DECIDE,
            row_id=row["id"],
            state=step.to,
            decided_at=work.now,
            decided_by=actor.person_id,
            decided_by_role=post.role.value,
            decided_by_organisation=post.place.name,
            reply=work.keyring.seal_text(REPLY, row["id"], note),
            amount_fen=amount_fen,
        )
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name != "ck_appeal_decider":
            raise
        # The database has the last word: whoever came near the case since it was asked is refused here.
        raise NearTheCase from refused
    await _audit(work, actor, step.to, row["id"], row["applicant_id"])
    await emit(work, AppealDecided(row["id"], row["application_id"], step.to))


@dataclass(frozen=True, slots=True)
class _Award:
    """What is granted in all, by which assessment, and which submission of the applicant's it counts as."""

    amount_fen: int
    assessed: Assessed
    submission_no: int


async def _award(work: Work, row: Record, wanted_fen: int | None, judge: Judge) -> _Award:
    """The rules are asked again, with what the household has received since: the caps are theirs.

    Raises StillIneligible, Invalid.
    """
    held, assessed = await _judged_again(work, row, judge)
    if not assessed.eligible:
        raise StillIneligible
    before_fen = (row["paid_before_fen"] if row["state"] == State.APPEALED else row["amount_fen"]) or 0
    amount_fen = assessed.amount_fen if wanted_fen is None else wanted_fen
    if not before_fen < amount_fen <= assessed.amount_fen:
        message = f"变更后的总额应高于{yuan(before_fen)}，按政策最多{yuan(assessed.amount_fen)}。"
        raise Invalid(FieldError("/amount_fen", "amount_out_of_range", message))
    return _Award(amount_fen, assessed, held.submission_no)


async def _change(work: Work, actor: Actor, post: Post, row: Record, follows: Step, note: str, award: _Award) -> None:
    """Another decision, in a round of its own, so that whatever was signed or published before is void; and by the way
    for so much, which may need a meeting. Raises NoPolicyInForce."""
    assessed = award.assessed
    route = route_for(work.policies, row["kind"], assessed.item, award.amount_fen, work.today)
    follows = path_along(row["kind"], route.route).step(row["state"], follows.action)
    await take(
        work,
        row,
        replace(follows, counts_as_review=True),
        round=row["round"] + 1,
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        note=note,
        amount_fen=award.amount_fen,
        decided_fen=assessed.amount_fen,
        **route._asdict(),
        submission_no=award.submission_no,
        household_id=assessed.household_id,
        facts=work.keyring.seal(FACTS, row["id"], assessed.facts),
        facts_sha256=assessed.facts_sha256,
        decision=work.keyring.seal(DECISION, row["id"], assessed.decision),
        policy_version=assessed.policy_version,
        code_sha256=assessed.code_sha256,
        subject_index=assessed.subject_index,
        item=assessed.item,
        cover_id=assessed.cover_id,
    )
    if row["state"] == State.PAID:
        await work.transaction.run(_PAID_BEFORE, row_id=row["id"], paid_fen=row["amount_fen"])


async def _judged_again(work: Work, row: Record, judge: Judge) -> tuple[ToSubmit, Assessed]:
    """By the policy of the day on which it was submitted, with the file as it is now; seen as the applicant sees."""
    then = replace(work, now=row["submitted_at"])
    since = datetime(then.today.year, 1, 1, tzinfo=SHANGHAI)
    applicant = Actor(row["applicant_id"], row["applicant_id"])
    async with work.transaction.seen_by(Sight("worker", row["applicant_id"])):
        held = await own_to_submit(work.transaction, applicant, row["id"], since)
        return held, await judge(then, held)


async def _follow(
    work: Work, row: Record, step: Step, actor: Actor, post: Post | None, note: str | None
) -> Moved | None:
    """The own step of an application that is held, with its place in the timeline. Where it stays what it was, that
    place alone, under another version: whoever saw the case before it is told."""
    by: dict[str, Any] = {"post_role": post.role.value, "organisation_name": post.place.name} if post else {}
    if step.to != step.at:
        step = replace(step, counts_as_review=post is not None)
        return await take(work, row, step, person_id=actor.person_id, note=note, **by)
    await work.transaction.run(_TOUCH, row_id=row["id"], now=work.now)
    passage_id = new_id()
    await work.transaction.run(
        _PASSAGE,
        id=passage_id,
        created_at=work.now,
        application_id=row["id"],
        round=row["round"],
        person_id=actor.person_id,
        action=step.action,
        from_state=step.at,
        to_state=step.to,
        counts_as_review=post is not None,
        note=work.keyring.seal_text(NOTE, passage_id, note) if note else None,
        **{"post_role": None, "organisation_name": None} | by,
    )
    return None


async def _audit(work: Work, actor: Actor, done: str, appeal_id: UUID, subject_person_id: UUID) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"appeal.{done}",
        subject_kind="appeal",
        subject_id=appeal_id,
        subject_person_id=subject_person_id,
    )
