"""Filing an application and taking it along its path. Nobody commits here; the edge does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, text, update

from app.applications.events import ApplicationMoved
from app.applications.measures import measure_for
from app.applications.path import EDITABLE, PATHS, REASONS, Action, Kind, State
from app.applications.queries import A, case, open_draft, own_locked, version_now
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.answers import KeptAnswer
from app.messaging.outbox import spelt
from app.workflow.path import NotAllowedNow, Step, check_words

PREFIXES = {Kind.HARDSHIP_AID: "BF", Kind.GOLDEN_AUTUMN: "JX", Kind.SECONDARY_MEDICAL: "YB"}
FORM, DECISION, FACTS, NOTE = "application.form", "application.decision", "application.facts", "passage.note"

_INSERT = insertion(
    A,
    *"id created_at number kind period applicant_id applicant_masked household_id organisation_name".split(),
    *"city_id district_id street_id unit_id state round version form updated_at".split(),
)
_NEXT_NUMBER = statement(text("select nextval('application_number')"))
_REPLACE_FORM = statement(
    update(A)
    .where(A.c.id == bindparam("row_id"))
    .values(
        form=bindparam("form", type_=A.c.form.type),
        period=bindparam("period", type_=A.c.period.type),
        version=A.c.version + literal_column("1"),
        updated_at=bindparam("now", type_=A.c.updated_at.type),
    )
    .returning(A.c.version)
)
# A step, its row in the timeline, its audit entry, its fact and the answer that is kept, in one round trip.
_STEP = statement(
    text(
        """
        with moved as (
          update application set state = :to_state, round = :round, version = version + 1, updated_at = :now,
            due_at = :due_at,
            amount_fen = coalesce(:amount_fen, amount_fen),
            submitted_at = coalesce(submitted_at, :submitted_at),
            approved_at = coalesce(:approved_at, approved_at),
            paid_at = coalesce(:paid_at, paid_at),
            household_id = coalesce(:household_id, household_id),
            facts = coalesce(:facts, facts), facts_sha256 = coalesce(:facts_sha256, facts_sha256),
            decision = coalesce(:decision, decision), policy_version = coalesce(:policy_version, policy_version),
            code_sha256 = coalesce(:code_sha256, code_sha256),
            subject_index = coalesce(:subject_index, subject_index),
            item = coalesce(:item, item), cover_id = coalesce(:cover_id, cover_id),
            measure_id = coalesce(:measure_id, measure_id)
          where id = :id and version = :version
          returning id, version, applicant_id
        ), passed as (
          insert into passage (id, created_at, application_id, round, person_id, post_role, organisation_name, action,
            from_state, to_state, counts_as_review, note, reason_code, amount_fen)
          select cast(:passage_id as uuid), :now, id, cast(:step_round as int), cast(:person_id as uuid),
            cast(:post_role as text), cast(:organisation_name as text), cast(:action as text),
            cast(:from_state as text), :to_state, cast(:counts_as_review as boolean), cast(:note as bytea),
            cast(:reason_code as text), :amount_fen
          from moved
        ), audited as (
          insert into audit_entry (id, created_at, shard, sequence, hash, person_id, action, subject_kind, subject_id,
            subject_person_id, details)
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
        )
        select version from moved
        """
    )
)


class DraftAlreadyOpen(Conflict):
    """您已经有一份同类申请的草稿，请继续填写那一份。"""


class NotEditable(Conflict):
    """这份申请已经提交，不能再修改。"""


class SubjectAlreadyAided(Conflict):
    """同一名学生本学年或同一张结算单已有申请正在办理或已发放，不能重复申请。"""


class AlreadySigned(NotAllowed):
    """您已经办理过这份申请的前一个环节，同一人不能再办理下一个环节。"""


class ConsentsMissing(NotAllowed):
    """提交前请先阅读并同意所需的授权书。"""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applies, and through which union: the organisation on each tier becomes the case's scope."""

    person_id: UUID
    name_masked: str
    household_id: UUID | None
    organisation_name: str
    division_code: str
    city_id: UUID
    district_id: UUID | None
    street_id: UUID | None
    unit_id: UUID | None


@dataclass(frozen=True, slots=True)
class Assessed:
    """What the rules said at submission, as it is kept: canonical facts, decision and their versions."""

    eligible: bool
    amount_fen: int
    facts: bytes
    facts_sha256: str
    decision: bytes
    """The decision as the API answers it (JSON)."""
    policy_version: str
    code_sha256: str
    household_id: UUID | None = None
    subject_index: bytes | None = None
    item: str | None = None
    cover_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The application after a step."""

    id: UUID
    state: str
    version: int


Keep = Callable[[Moved], KeptAnswer]
"""Makes the answer that is kept together with a step, from how the application will be after it."""


async def open_application(work: Work, applicant: Applicant, kind: Kind, period: str, form: bytes) -> UUID:
    """Open a draft. Raises DraftAlreadyOpen, naming the first, when one of the kind and period is open."""
    await _no_other_draft(work.transaction, applicant.person_id, kind, period)
    application_id = new_id()
    serial = await work.transaction.value(_NEXT_NUMBER)
    try:
        await work.transaction.run(
            _INSERT,
            id=application_id,
            created_at=work.now,
            updated_at=work.now,
            number=f"{PREFIXES[kind]}-{applicant.division_code}-{work.today.year}-{serial:06d}",
            kind=kind,
            period=period,
            applicant_id=applicant.person_id,
            applicant_masked=applicant.name_masked,
            household_id=applicant.household_id,
            organisation_name=applicant.organisation_name,
            city_id=applicant.city_id,
            district_id=applicant.district_id,
            street_id=applicant.street_id,
            unit_id=applicant.unit_id,
            state=State.DRAFT,
            round=1,
            version=1,
            form=work.keyring.seal(FORM, application_id, form),
        )
    except asyncpg.UniqueViolationError as taken:
        raise DraftAlreadyOpen from taken
    return application_id


async def _no_other_draft(transaction: Transaction, person_id: UUID, kind: str, period: str) -> None:
    first = await open_draft(transaction, person_id, kind, period)
    if first is not None:
        raise DraftAlreadyOpen(application_id=str(first))


async def replace_form(work: Work, row: Record, period: str, form: bytes) -> int:
    """Put another form into a locked draft; answers its new version. Raises NotEditable, DraftAlreadyOpen."""
    if row["state"] not in EDITABLE:
        raise NotEditable
    if period != row["period"]:
        await _no_other_draft(work.transaction, row["applicant_id"], row["kind"], period)
    version: int = await work.transaction.value(
        _REPLACE_FORM, row_id=row["id"], form=work.keyring.seal(FORM, row["id"], form), period=period, now=work.now
    )
    return version


def expect_version(row: Record, expected: int) -> None:
    """Raises StaleVersion with the version that is current."""
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])


async def submit(work: Work, row: Record, assessed: Assessed, keep: Keep | None = None) -> Moved:
    """File a locked draft with what the rules said. An ineligible one is kept as rejected, with its reasons.

    Raises NotAllowedNow, SubjectAlreadyAided.
    """
    path = PATHS[Kind(row["kind"])]
    path.step(row["state"], Action.SUBMIT)
    step = path.step(row["state"], Action.SUBMIT if assessed.eligible else Action.REFUSE_BY_RULE)
    again = row["submitted_at"] is not None
    return await _take(
        work,
        row,
        step,
        keep=keep,
        person_id=row["applicant_id"] if assessed.eligible else None,
        round=row["round"] + again,
        amount_fen=assessed.amount_fen,
        submitted_at=work.now,
        note=None if assessed.eligible else REASONS["ineligible_by_policy"],
        reason_code=None if assessed.eligible else "ineligible_by_policy",
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


async def withdraw(work: Work, actor: Actor, application_id: UUID, version: int) -> Moved:
    """The applicant takes the application back. Raises ApplicationNotFound, StaleVersion, NotAllowedNow."""
    row = await own_locked(work.transaction, actor, application_id)
    expect_version(row, version)
    step = PATHS[Kind(row["kind"])].step(row["state"], Action.WITHDRAW)
    return await _take(work, row, step, person_id=actor.person_id)


async def act(
    work: Work,
    actor: Actor,
    application_id: UUID,
    version: int,
    action: str,
    *,
    note: str | None,
    reason_code: str | None,
    keep: Keep | None = None,
) -> Moved:
    """A member of staff takes a step on a case within their reach.

    Raises ApplicationNotFound, StaleVersion, NotAllowedNow, NotAllowed, AlreadySigned, Invalid, MeasureMissing.
    """
    row = await case(work.transaction, actor, application_id, whole=False)
    expect_version(row, version)
    step = PATHS[Kind(row["kind"])].step(row["state"], action)
    if step.by in (Permission.OWN, Permission.SYSTEM):
        raise NotAllowedNow(state=row["state"])
    post = post_over(actor, step.by, row)
    if post is None:
        raise NotAllowed
    check_words(step, note, reason_code, REASONS)
    pays = step.to in (State.PAYING, State.PAID)
    return await _take(
        work,
        row,
        step,
        keep=keep,
        measure_id=await measure_for(work.transaction, row) if pays else None,
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
        note=note,
        reason_code=reason_code,
    )


async def take_as_system(work: Work, row: Record, action: Action) -> Moved:
    """A timer takes a step on a locked application. Raises NotAllowedNow."""
    step = PATHS[Kind(row["kind"])].step(row["state"], action)
    return await _take(work, row, step)


async def _take(
    work: Work,
    row: Record,
    step: Step,
    *,
    keep: Keep | None = None,
    person_id: UUID | None = None,
    note: str | None = None,
    **change: Any,
) -> Moved:
    """Write the step, its place in the timeline, its audit entry, its fact, and the answer if it is to be kept here."""
    passage_id = new_id()
    round_ = change.pop("round", row["round"])
    fact = ApplicationMoved(row["id"], row["kind"], step.action, step.at, step.to, round_)
    allowed_days = PATHS[Kind(row["kind"])].working_days.get(State(step.to))
    moved = Moved(row["id"], step.to, row["version"] + 1)
    kept = keep(moved) if keep else _NOTHING_KEPT
    values: dict[str, Any] = _UNCHANGED | change | dict(zip(_KEPT, kept, strict=True))
    try:
        version = await work.transaction.value(
            _STEP,
            id=row["id"],
            version=row["version"],
            to_state=step.to,
            from_state=step.at,
            action=step.action,
            round=round_,
            step_round=round_,
            now=work.now,
            due_at=work.calendar.end_of_working_day(work.now, allowed_days) if allowed_days else None,
            approved_at=work.now if step.to == State.APPROVED else None,
            paid_at=work.now if step.to == State.PAID else None,
            passage_id=passage_id,
            person_id=person_id,
            counts_as_review=step.counts_as_review,
            note=work.keyring.seal_text(NOTE, passage_id, note) if note else None,
            audit_id=new_id(),
            details={"from": step.at, "to": step.to},
            message_id=new_id(),
            body=spelt(fact),
            **values,
        )
    except asyncpg.UniqueViolationError as taken:
        raise _taken(taken) from taken
    if version is None:  # somebody else took a step since the row was read
        raise StaleVersion(version=await version_now(work.transaction, row["id"]))
    return moved


_KEPT = tuple(f"kept_{name}" for name in KeptAnswer._fields)
_NOTHING_KEPT = (None,) * len(_KEPT)
_OPTIONAL = [
    "amount_fen",
    "submitted_at",
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
    "post_role",
    "organisation_name",
    "reason_code",
]
_UNCHANGED: dict[str, Any] = dict.fromkeys(_OPTIONAL)


def _taken(violation: asyncpg.UniqueViolationError) -> Exception:
    """What a unique index of the database refused, in words."""
    refusals = {"uq_passage_reviewer": AlreadySigned, "uq_application_subject": SubjectAlreadyAided}
    refusal = refusals.get(violation.constraint_name or "")
    return refusal() if refusal else violation
