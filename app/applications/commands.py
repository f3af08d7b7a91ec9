"""Filing an application and taking it along its path. Nobody commits here; the edge does."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, text, update

from app.applications.amounts import granting
from app.applications.lifting.queries import post_above
from app.applications.path import EDITABLE, REUSE_ANSWERED, Action, Kind, State, gates_shut, path_of
from app.applications.queries import A, being_paid, editable_locked, open_draft, own_locked
from app.applications.reasons.rules import BY_RULE, by_rule, check_note, reasons_for
from app.applications.recusal import how_acting, post_for, why_not
from app.applications.routes import route_for
from app.applications.steps import KeyedStep, Moved, take
from app.applications.supplements.steps import close
from app.db.statements import insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.workflow.path import NotAllowedNow, Step, check_words

PREFIXES = {Kind.HARDSHIP_AID: "BF", Kind.GOLDEN_AUTUMN: "JX", Kind.SECONDARY_MEDICAL: "YB"}
FORM, DECISION, FACTS = "application.form", "application.decision", "application.facts"

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
_MOVED = "organisation_name city_id district_id street_id unit_id".split()
_MOVE_DRAFTS = statement(
    update(A)
    .where(A.c.applicant_id == bindparam("person_id"), A.c.state == literal_column("'draft'"))
    .values({c: bindparam(c, type_=A.c[c].type) for c in _MOVED})
)


class DraftAlreadyOpen(Conflict):
    """已有一份同类申请的草稿，或被退回的申请，请继续填写那一份。"""


class NotEditable(Conflict):
    """这份申请已经提交，不能再修改。"""


class HouseholdChangePending(Conflict):
    """家庭信息或银行卡的变更正在核对，核对结束后才能付款。"""


class NoticeNotOver(Conflict):
    """这份申请的公示还没有期满，或者有异议没有核查完，不能付款。"""


class SupplementAwaited(Conflict):
    """正在等申请人补充材料；补充之后、到期之后，或收回补充要求之后，才能继续办理。"""


class ReuseUnanswered(Conflict):
    """有一票多用的提示待核实，请先写明是否同一张票据，再继续办理。"""


class ReuseConfirmed(Conflict):
    """已认定与另一份申请用了同一张票据，不能通过；请退回补正或不予通过，认定有误的请重新核实。"""


class NothingMoreToPay(Conflict):
    """已经发放的不少于这次测算的金额，没有可以再发放的；已发放的不受影响，请核对后修改，或撤回申请。"""


class NothingAwaited(Conflict):
    """这份申请现在没有等待补充的材料。"""


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


async def move_drafts(work: Work, person_id: UUID, union: Record) -> None:
    """What somebody has not submitted yet goes to the union that they belong to now. They filled in nothing anew, so it
    keeps its version; and its number, which says where it began."""
    tiers = {tier: union[tier] for tier in _MOVED[1:]}
    await work.transaction.run(_MOVE_DRAFTS, person_id=person_id, organisation_name=union["name"], **tiers)


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


async def submit(
    work: Work, row: Record, assessed: Assessed, submission_no: int, key: KeyedStep | None, **signed: Any
) -> Moved:
    """File a draft with what the rules said. An ineligible one is kept as rejected, with its reasons.

    It was judged by what was found before; if the person has submitted something else meanwhile, `submission_no` is
    taken. `key` is None within a transaction; `signed`: by whom, where staff submit what was signed on paper.
    Raises NotAllowedNow, NothingMoreToPay, NoPolicyInForce, SubjectAlreadyAided, Overtaken, IdempotencyInProgress.
    """
    paid = row["paid_before_fen"]
    if paid is not None and assessed.eligible and assessed.amount_fen <= paid:
        raise NothingMoreToPay(paid_before_fen=paid, amount_fen=assessed.amount_fen)
    path = path_of(row)
    path.step(row["state"], Action.SUBMIT)
    step = path.step(row["state"], Action.SUBMIT if assessed.eligible else Action.REFUSE_BY_RULE)
    again = row["submitted_at"] is not None
    granted_fen, item = assessed.amount_fen, assessed.item
    # By today's version and with today's amount, also when it is submitted again: from now on it stays.
    route = route_for(work.policies, row["kind"], item, granted_fen, work.today) if assessed.eligible else None
    return await take(
        work,
        row,
        step,
        key,
        round=row["round"] + again,
        amount_fen=granted_fen,
        decided_fen=granted_fen,
        submitted_at=work.now,
        submission_no=submission_no,
        note=None if assessed.eligible else by_rule(work.policies, work.today),
        reason_code=None if assessed.eligible else BY_RULE,
        household_id=assessed.household_id,
        facts=work.keyring.seal(FACTS, row["id"], assessed.facts),
        facts_sha256=assessed.facts_sha256,
        decision=work.keyring.seal(DECISION, row["id"], assessed.decision),
        policy_version=assessed.policy_version,
        code_sha256=assessed.code_sha256,
        subject_index=assessed.subject_index,
        item=item,
        cover_id=assessed.cover_id,
        **(route._asdict() | {"person_id": row["applicant_id"]} | signed if route else {}),
    )


async def withdraw(work: Work, actor: Actor, application_id: UUID, version: int) -> Moved:
    """The applicant takes the application back. Raises ApplicationNotFound, StaleVersion, NotAllowedNow."""
    row = await own_locked(work.transaction, actor, application_id)
    expect_version(row, version)
    step = path_of(row).step(row["state"], Action.WITHDRAW)
    if row["supplement"] == "open":
        await close(work, application_id, "withdrawn")
    return await take(work, row, step, person_id=actor.person_id)


@dataclass(frozen=True, slots=True)
class Said:
    """What a member of staff does with a case, and says about it."""

    action: str
    note: str | None = None
    reason_code: str | None = None
    amount_fen: int | None = None
    """What an approver grants, where they say so."""


async def act(work: Work, actor: Actor, row: Record, said: Said, key: KeyedStep) -> Moved:
    """A member of staff takes a step on a case within their reach.

    Raises NotAllowedNow, NotAllowed, Recused, AlreadySigned, KeptApart, NothingDelegated, IdentityRequired, Invalid,
    AmountFixed, Overtaken, IdempotencyInProgress.
    """
    step, signed = await signed_step(work, actor, row, said)
    if said.amount_fen is not None:
        step, granted = granting(work.policies, work.today, row, step, said.amount_fen, said.note)
        signed |= granted
    return await take(work, row, step, key, **signed)


async def signed_step(
    work: Work, actor: Actor, row: Record, said: Said, *, carrying: str | None = None
) -> tuple[Step, dict[str, Any]]:
    """The step, and who takes it with which words: somebody at the stage of the case, or above it where everybody there
    must stand aside. `carrying`: what comes with it.

    Raises NotAllowedNow, NotAllowed, Recused, SupplementAwaited, NothingAwaited, ReuseUnanswered, ReuseConfirmed,
    Invalid.
    """
    step = _staff_step(row, said, carrying)
    post = post_for(actor, step.by, row) or await post_above(work, actor, step.by, row)
    return _worded(work, actor, row, said, step, post)


def signed_at_stage(work: Work, actor: Actor, row: Record, said: Said) -> tuple[Step, dict[str, Any]]:
    """The same for somebody at the stage alone, who deals with many."""
    step = _staff_step(row, said, None)
    return _worded(work, actor, row, said, step, post_for(actor, step.by, row))


def _staff_step(row: Record, said: Said, carrying: str | None) -> Step:
    path = path_of(row)
    step = path.step(row["state"], said.action)
    if step.by in (Permission.OWN, Permission.SYSTEM) or step.carries != carrying:
        raise NotAllowedNow(state=row["state"], allowed=",".join(path.actions_at(row["state"])))
    return step


def _worded(
    work: Work, actor: Actor, row: Record, said: Said, step: Step, post: Post | None
) -> tuple[Step, dict[str, Any]]:
    if post is None:
        raise why_not(actor, step.by, row)
    if closed := behind_gates(row, step):
        raise closed
    if step.counts_as_review and not post.allows(step.by):
        step = replace(step, needs_note=True)
    if said.note or said.reason_code is not None or step.needs_note:
        reasons = reasons_for(work.policies, work.today, row["kind"], step.action)
        check_words(step, said.note, said.reason_code, reasons)
        check_note(said.note)
    return step, {
        "round": row["round"] + step.opens_round,
        "person_id": actor.person_id,
        "post_role": post.role.value,
        "organisation_name": post.place.name,
        "note": said.note,
        "reason_code": said.reason_code,
    } | how_acting(post, step.by)


def behind_gates(row: Record, step: Step) -> Conflict | None:
    """What has to be seen to before a step, where one of its gates is shut."""
    shut = gates_shut(row["supplement"], row["reuse"]).intersection(step.gates)
    if not shut:
        return None
    if shut == {REUSE_ANSWERED}:
        return ReuseUnanswered() if row["reuse"] == "open" else ReuseConfirmed()
    return SupplementAwaited() if row["supplement"] == "open" else NothingAwaited()


async def withdraw_editable(work: Work, actor: Actor) -> None:
    """Whoever closes their account takes back what they could still submit; a submission under way is waited for."""
    for row in await editable_locked(work.transaction, actor):
        step = path_of(row).step(row["state"], Action.WITHDRAW)
        await take(work, row, step, person_id=actor.person_id)


async def take_as_system(work: Work, row: Record, action: Action) -> Moved:
    """A timer takes a step on a locked application. Raises NotAllowedNow."""
    step = path_of(row).step(row["state"], action)
    return await take(work, row, step)


async def stop_payments(work: Work, person_id: UUID, household_id: UUID | None) -> int:
    """What is being paid to a person or household goes back to approved; answers how many. Their payments are locked
    (`lock_payments`), so that none begins meanwhile, and no file goes to a bank. Only what this transaction can see is
    stopped, and nothing that a bank has been told already: what becomes of that, the bank says."""
    paying = await being_paid(work.transaction, person_id, household_id)
    for row in paying:
        await take_as_system(work, row, Action.STOP_PAYMENT)
    return len(paying)
