"""Holding a meeting on a case: who votes, their votes, the minutes, the end. Nobody commits here; the edge does."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.applications.commands import expect_version
from app.applications.path import Action, State, path_of
from app.applications.queries import P, case
from app.applications.reasons.rules import check_note, reasons_for
from app.applications.routes import Route, terms_of
from app.applications.steps import AlreadySigned, take
from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.files import commands as files
from app.files.queries import check_named, states
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.meetings.events import MeetingConvened, MeetingEnded
from app.meetings.path import FOLLOWS, PATH, MeetingAction, MeetingState
from app.meetings.queries import (
    BALLOT,
    MEMBER,
    Candidate,
    M,
    candidates,
    case_locked,
    meeting,
    members_of,
    of_round,
    stands,
)
from app.meetings.rules import outcome, quorum_of, tally_of
from app.messaging.outbox import emit
from app.workflow.path import Step, check_words

NOTE, VOTE_NOTE = "meeting.note", "meeting_vote.note"
_INSERT = insertion(
    M,
    *"id created_at application_id round city_id amount_fen members quorum majority policy_version state".split(),
    *"version opened_by opened_role opened_organisation".split(),
)
_NAME = insertion(MEMBER, *"meeting_id person_id serial name_masked post_role organisation_name".split())
_VOTE = insertion(BALLOT, *"id created_at meeting_id person_id choice note".split())
_GROWN = {"version": M.c.version + literal_column("1")}
_GROW = statement(update(M).where(M.c.id == bindparam("row_id")).values(_GROWN))
_MINUTES = statement(
    update(M).where(M.c.id == bindparam("row_id")).values(_GROWN | {"minutes_file_id": bindparam("file_id")})
)
_ENDED = "state ended_at ended_by ended_role ended_organisation reason_code note".split()
_END = statement(
    update(M)
    .where(M.c.id == bindparam("row_id"))
    .values(_GROWN | {column: bindparam(column, type_=M.c[column].type) for column in _ENDED})
)
_PASSAGE = insertion(
    P,
    *"id created_at application_id round person_id post_role organisation_name action from_state to_state".split(),
    "counts_as_review",
)


class MeetingAlreadyOpen(Conflict):
    """这份申请本轮已经召开会议，请到那次会议中办理。"""


class TooFewMembers(Conflict):
    """列名参加表决的人数不够。"""


class NotAMember(NotAllowed):
    """您没有列入这次会议，不能表决。"""


class AlreadyVoted(Conflict):
    """您已经表决过，不能更改。"""


class KeptFromMeeting(NotAllowed):
    """您是申请人或其家人，或者本轮已经办理过这份申请，不能参加表决。"""


class MeetingVoid(Conflict):
    """申请已经离开会议决定这个环节，这次会议不再有效，可以取消。"""


class QuorumMissing(Conflict):
    """表决的人数还没有达到法定人数，不能结束会议。"""


class MinutesMissing(Conflict):
    """请先上传会议记录，再结束会议。"""


async def convene(work: Work, actor: Actor, application_id: UUID, expected: int, member_ids: Sequence[UUID]) -> UUID:
    """Open a meeting on a case that waits for one, and name who votes.

    Raises ApplicationNotFound, StaleVersion, NotAllowedNow, NotAllowed, TooFewMembers, Invalid, MeetingAlreadyOpen.
    """
    row = await case_locked(work.transaction, actor, application_id)
    expect_version(row, expected)
    step = path_of(row).step(row["state"], Action.CONVENE)
    post = _post(actor, step.by, row)
    open_already = await of_round(work.transaction, row)
    if open_already is not None:
        raise MeetingAlreadyOpen(meeting_id=str(open_already))
    route = Route(row["route"], row["route_version"], row["route_fen"])
    terms = terms_of(work.policies, row["kind"], row["item"], route)
    named = await _named(work, application_id, member_ids, terms.members)
    meeting_id = new_id()
    await work.transaction.run(
        _INSERT,
        id=meeting_id,
        created_at=work.now,
        application_id=application_id,
        round=row["round"],
        city_id=row["city_id"],
        amount_fen=row["amount_fen"],
        members=len(named),
        quorum=quorum_of(terms.members, terms.quorum, len(named)),
        majority=terms.majority,
        policy_version=route.route_version,
        state=MeetingState.OPEN,
        version=1,
        opened_by=actor.person_id,
        opened_role=post.role.value,
        opened_organisation=post.place.name,
    )
    await work.transaction.many(_NAME, [_member(meeting_id, n, each) for n, each in enumerate(named, 1)])
    await _passages(work, row, step, [(actor.person_id, post.role.value, post.place.name)])
    await _audit(work, actor, "convened", meeting_id, row["applicant_id"])
    await emit(work, MeetingConvened(meeting_id, application_id))
    return meeting_id


async def _named(work: Work, application_id: UUID, member_ids: Sequence[UUID], least: int) -> list[Candidate]:
    """Those who are named, each once and each one of the candidates. Raises Invalid, TooFewMembers."""
    able = await candidates(work.transaction, work.keyring, application_id, work.today)
    wrong = []
    for n, person_id in enumerate(member_ids):
        if person_id not in able:
            message = "这个人不能参加表决：不在市总任职、与申请人有关，或者本轮已经办理过。"
            wrong.append(FieldError(f"/member_ids/{n}", "member_not_eligible", message))
        elif person_id in member_ids[:n]:
            wrong.append(FieldError(f"/member_ids/{n}", "member_repeated", "同一个人只能列名一次。"))
    if wrong:
        raise Invalid(*wrong)
    if len(member_ids) < least:
        raise TooFewMembers(needed=least, named=len(member_ids))
    return [able[person_id] for person_id in member_ids]


def _member(meeting_id: UUID, serial: int, named: Candidate) -> dict[str, Any]:
    return {
        "meeting_id": meeting_id,
        "person_id": named.person_id,
        "serial": serial,
        "name_masked": named.name_masked,
        "post_role": named.role.value,
        "organisation_name": named.organisation_name,
    }


async def vote(work: Work, actor: Actor, meeting_id: UUID, choice: str, note: str | None) -> Record:
    """A member votes, once. Raises MeetingNotFound, NotAllowedNow, NotAllowed, NotAMember, MeetingVoid, AlreadyVoted,
    KeptFromMeeting."""
    row = await meeting(work.transaction, actor, meeting_id, locked=True)
    step = PATH.step(row["state"], MeetingAction.VOTE)
    _post(actor, step.by, row)
    members = await members_of(work.transaction, meeting_id)
    own = next((each for each in members if each["person_id"] == actor.person_id), None)
    if own is None:
        raise NotAMember
    if own["vote_id"] is not None:
        raise AlreadyVoted
    _stands(row)
    vote_id = new_id()
    try:
        await work.transaction.run(
            _VOTE,
            id=vote_id,
            created_at=work.now,
            meeting_id=meeting_id,
            person_id=actor.person_id,
            choice=choice,
            note=work.keyring.seal_text(VOTE_NOTE, vote_id, note) if note else None,
        )
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name != "ck_meeting_apart":
            raise
        # The database has the last word: whoever came near the case since they were named is refused here.
        raise KeptFromMeeting from refused
    await work.transaction.run(_GROW, row_id=meeting_id)
    await _audit(work, actor, "voted", meeting_id, row["applicant_id"])
    return _moved(row, step)


async def attach_minutes(work: Work, actor: Actor, meeting_id: UUID, expected: int, file_id: UUID) -> Record:
    """Whoever holds it attaches the minutes, an upload of their own; others may follow until it has ended.

    Raises MeetingNotFound, StaleVersion, NotAllowedNow, NotAllowed, Invalid, FileGone.
    """
    row, step, _ = await _held(work, actor, meeting_id, expected, MeetingAction.ATTACH_MINUTES)
    named = await check_named(work.transaction, actor.person_id, {"file_id": str(file_id)})
    if (await states(work.transaction, actor.person_id, named))[file_id] != "clean":
        raise Invalid(FieldError("/file_id", "file_pending", "这份材料还在检查，请稍后再试。"))
    await work.transaction.run(_MINUTES, row_id=meeting_id, file_id=file_id)
    await files.name(work, "meeting", meeting_id, named)
    await _audit(work, actor, "minuted", meeting_id, row["applicant_id"])
    return _moved(row, step)


async def conclude(
    work: Work, actor: Actor, meeting_id: UUID, expected: int, note: str | None, reason_code: str | None
) -> Record:
    """The votes are counted, and the case goes on or is rejected. Nobody chooses which.

    Raises MeetingNotFound, StaleVersion, NotAllowedNow, NotAllowed, MeetingVoid, QuorumMissing, MinutesMissing,
    Invalid.
    """
    row, step, post = await _held(work, actor, meeting_id, expected, MeetingAction.CARRY)
    _stands(row)
    members = await members_of(work.transaction, meeting_id)
    voted = [each for each in members if each["vote_id"] is not None]
    counted = outcome(tally_of(len(members), (each["choice"] for each in voted)), row["quorum"], row["majority"])
    if counted is None:
        raise QuorumMissing(needed=row["quorum"], cast=len(voted))
    if row["minutes_file_id"] is None:
        raise MinutesMissing
    step = PATH.step(row["state"], counted)
    check_words(step, note, reason_code, reasons_for(work.policies, work.today, row["kind"], Action.REJECT))
    check_note(note)
    if reason_code is not None and not step.needs_reason:
        raise Invalid(FieldError("/reason_code", "reason_not_asked", "会议通过的，不要填写不予通过的原因。"))
    application = await case(work.transaction, actor, row["application_id"], whole=False)
    if application["state"] != State.MEETING:  # withdrawn since the meeting was read
        raise MeetingVoid
    await _end(work, actor, post, row, step, note, reason_code)
    # Their signatures of this round: whoever voted takes no other step of it, and decides no appeal against it.
    voters = [(each["person_id"], each["post_role"], each["organisation_name"]) for each in voted]
    signed = Step(State.MEETING, Action.VOTE, State.MEETING, Permission.VOTE, counts_as_review=True)
    await _passages(work, application, signed, voters)
    await take(
        work,
        application,
        path_of(application).step(State.MEETING, FOLLOWS[counted]),
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        note=note,
        reason_code=reason_code,
    )
    return _moved(row, step)


async def cancel(work: Work, actor: Actor, meeting_id: UUID, expected: int, note: str | None) -> Record:
    """It is not concluded: its votes count for nothing, and another may be opened.

    Raises MeetingNotFound, StaleVersion, NotAllowedNow, NotAllowed, Invalid.
    """
    row, step, post = await _held(work, actor, meeting_id, expected, MeetingAction.CANCEL)
    check_words(step, note, None, ())
    await _end(work, actor, post, row, step, note, None)
    return _moved(row, step)


async def _held(
    work: Work, actor: Actor, meeting_id: UUID, expected: int, action: MeetingAction
) -> tuple[Record, Step, Post]:
    """A meeting, held until commit, and the post by which the actor holds it."""
    row = await meeting(work.transaction, actor, meeting_id, locked=True)
    step = PATH.step(row["state"], action)
    post = _post(actor, step.by, row)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    return row, step, post


def _post(actor: Actor, permission: Permission, row: Record) -> Post:
    post = post_over(actor, permission, row)
    if post is None:
        raise NotAllowed
    return post


def _stands(row: Record) -> None:
    if not stands(row):
        raise MeetingVoid(case_state=row["case_state"])


async def _end(
    work: Work, actor: Actor, post: Post, row: Record, step: Step, note: str | None, reason_code: str | None
) -> None:
    await work.transaction.run(
        _END,
        row_id=row["id"],
        state=step.to,
        ended_at=work.now,
        ended_by=actor.person_id,
        ended_role=post.role.value,
        ended_organisation=post.place.name,
        reason_code=reason_code,
        note=work.keyring.seal_text(NOTE, row["id"], note) if note else None,
    )
    await _audit(work, actor, step.to, row["id"], row["applicant_id"])
    await emit(work, MeetingEnded(row["id"], row["application_id"], step.to))


async def _passages(work: Work, row: Record, step: Step, people: Sequence[tuple[UUID, str, str]]) -> None:
    """Their places in the timeline of a case that stays where it is. Raises AlreadySigned."""
    common = {"created_at": work.now, "application_id": row["id"], "round": row["round"], "action": step.action}
    common |= {"from_state": step.at, "to_state": step.to, "counts_as_review": step.counts_as_review}
    try:
        await work.transaction.many(
            _PASSAGE,
            [
                common | {"id": new_id(), "person_id": person_id, "post_role": role, "organisation_name": organisation}
                for person_id, role, organisation in people
            ],
        )
    except asyncpg.UniqueViolationError as taken:
        raise AlreadySigned from taken


def _moved(row: Record, step: Step) -> Record:
    return {"id": row["id"], "state": step.to, "version": row["version"] + 1}


async def _audit(work: Work, actor: Actor, done: str, meeting_id: UUID, subject_person_id: UUID) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"meeting.{done}",
        subject_kind="meeting",
        subject_id=meeting_id,
        subject_person_id=subject_person_id,
    )
