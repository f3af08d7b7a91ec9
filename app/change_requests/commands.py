"""Asking for a sensitive change, and deciding it as a second person."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, literal_column, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record
from app.change_requests.events import ChangeAsked, ChangeDecided, ChangeWithdrawn
from app.change_requests.path import PATH
from app.change_requests.queries import HOLD, R, asked_by, lock_payments, open_one, to_decide
from app.change_requests.rules import HEAD, ChangeOutdated, Wanted, applied
from app.db.scope import post_over
from app.db.statements import Statement, insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import By, Source, replace_form
from app.households.forms import HouseholdForm
from app.households.masking import masked
from app.households.members import ID_NUMBER, belongings, hold
from app.households.path import DEAD_STATES, EDITABLE
from app.households.queries import FORM, file, is_member
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, IdentityRequired, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.people.card_commands import settle_bank_card, withdraw_bank_card
from app.people.commands import correct_identity
from app.people.queries import person
from app.policy.drafts import read_whole
from app.workflow.path import check_words

WANTED, REASON, NOTE = (f"change_request.{c}" for c in ("wanted", "reason", "decision_note"))
_COLUMNS = (
    "id created_at person_id person_number_index person_masked household_id city_id district_id street_id unit_id kind "
    "field state version wanted reason asked_by asked_by_number_index asked_by_role asked_by_organisation"
).split()
_ASK = statement(
    insert(R).values({c: bindparam(c, type_=R.c[c].type) for c in _COLUMNS}).on_conflict_do_nothing().returning(R.c.id)
)
_HOLD = insertion(HOLD, "id", "created_at", "person_id", "household_id")
_COVERS = Statement("select covers_follow($1, $2, $3) as id", ("request", "was", "becomes"), {})
_RELEASE = statement(
    update(HOLD)
    .where(HOLD.c.id == bindparam("row_id"))
    .values(released_at=bindparam("now", type_=HOLD.c.released_at.type))
)
_DECISION = "state decided_at decided_by decided_by_number_index decided_by_role decided_by_organisation decision_note"
_DECIDE = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"))
    .values(
        {c: bindparam(c, type_=R.c[c].type) for c in _DECISION.split()} | {"version": R.c.version + literal_column("1")}
    )
)
_WITHDRAW = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"))
    .values(
        {c: bindparam(c, type_=R.c[c].type) for c in ("state", "withdrawn_at")}
        | {"version": R.c.version + literal_column("1")}
    )
)


class ChangeRequestOpen(Conflict):
    """同一项内容已有变更申请正在核对，请等待核对结果。"""


class FileWithOwner(Conflict):
    """这份档案还在本人手里，可以直接修改，不需要变更申请。"""


class AskedByYourself(NotAllowed):
    """变更申请由您提出或与您有关，必须由另一个人核对。"""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks; with a post where it is staff."""

    person_id: UUID
    number_index: bytes
    role: str | None = None
    organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is about: a person, their household if there is one, and the union of either on each tier."""

    person_id: UUID
    number_index: bytes
    masked: str
    household_id: UUID | None
    city_id: UUID
    district_id: UUID | None
    street_id: UUID | None
    unit_id: UUID | None


async def asker(work: Work, actor: Actor, *, staff_over: Record | None = None) -> Asker:
    """The actor, who must have proved who they are. Raises IdentityRequired; NotAllowed without a post over the row."""
    me = await person(work.transaction, actor.person_id)
    if me["id_number_index"] is None:
        raise IdentityRequired
    if staff_over is None:
        return Asker(actor.person_id, me["id_number_index"])
    post = post_over(actor, Permission.ASSIST, staff_over)
    if post is None:
        raise NotAllowed
    return Asker(actor.person_id, me["id_number_index"], post.role.value, post.place.name)


def changed_form(work: Work, household: Record, wanted: Wanted) -> HouseholdForm:
    """What a submitted file would say. Raises FileWithOwner, ChangeOutdated, NothingChanges, Invalid."""
    if household["submitted_at"] is None or household["state"] in EDITABLE:
        raise FileWithOwner
    if household["state"] in DEAD_STATES:
        raise ChangeOutdated
    form = work.keyring.open_document(FORM, household["id"], household["form"])
    return read_whole(HouseholdForm, applied(form, wanted), at="")


async def ask(work: Work, subject: Subject, by: Asker, wanted: Wanted, reason: str | None) -> UUID:
    """Ask a second person. From now on nothing is paid to the person or household; what is being paid already is
    stopped by whoever calls this (applications stand on a higher floor).

    Raises ChangeRequestOpen, with what is asked for already and what this would ask for.
    """
    await lock_payments(work.transaction, subject.person_id, subject.household_id)
    request_id = new_id()
    asked = await work.transaction.value(
        _ASK,
        id=request_id,
        created_at=work.now,
        person_number_index=subject.number_index,
        person_masked=subject.masked,
        **{c: getattr(subject, c) for c in "person_id household_id city_id district_id street_id unit_id".split()},
        kind=wanted.kind,
        field=wanted.field,
        state="open",
        version=1,
        wanted=work.keyring.seal_document(WANTED, request_id, {"before": wanted.before, "after": wanted.after}),
        reason=work.keyring.seal_text(REASON, request_id, reason) if reason else None,
        asked_by=by.person_id,
        asked_by_number_index=by.number_index,
        asked_by_role=by.role,
        asked_by_organisation=by.organisation,
    )
    if asked is None:
        await _refuse_second(work, subject, wanted)
    await work.transaction.run(
        _HOLD, id=request_id, created_at=work.now, person_id=subject.person_id, household_id=subject.household_id
    )
    await _audit(work, by.person_id, "asked", request_id, subject.person_id, kind=wanted.kind)
    await emit(work, ChangeAsked(request_id))
    return request_id


async def _refuse_second(work: Work, subject: Subject, wanted: Wanted) -> None:
    first = await open_one(work.transaction, subject.person_id, wanted.kind, wanted.field)
    told = {} if first is None else {"in_the_way": _said(wanted_of(work, first).after)}
    raise ChangeRequestOpen(field=wanted.field, yours=_said(wanted.after), **told)


def _said(value: Any) -> str:
    return orjson.dumps(masked("", value)).decode()


def wanted_of(work: Work, row: Record) -> Wanted:
    """What a request asks for."""
    kept = work.keyring.open_document(WANTED, row["id"], row["wanted"])
    return Wanted(row["kind"], row["field"], kept["before"], kept["after"])


async def decide(work: Work, actor: Actor, request_id: UUID, expected: int, action: str, note: str | None) -> Record:
    """A second person approves or rejects; what is approved is in force at once.

    Raises ChangeRequestNotFound, StaleVersion, NotAllowedNow, NotAllowed, AskedByYourself, Invalid, FileWithOwner,
    ChangeOutdated, BankCardGone, MemberElsewhere, IdentityTaken.
    """
    row = await to_decide(work.transaction, actor, request_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], action)
    post = post_over(actor, step.by, row)
    if post is None:
        raise NotAllowed
    check_words(step, note, None, ())
    number_index = await _second_person(work, actor, row)
    await _settle(work, actor, row, approved=step.to == "approved")
    await work.transaction.run(
        _DECIDE,
        row_id=row["id"],
        state=step.to,
        decided_at=work.now,
        decided_by=actor.person_id,
        decided_by_number_index=number_index,
        decided_by_role=post.role.value,
        decided_by_organisation=post.place.name,
        decision_note=work.keyring.seal_text(NOTE, row["id"], note) if note else None,
    )
    await work.transaction.run(_RELEASE, row_id=row["id"], now=work.now)
    await _audit(work, actor.person_id, step.to, row["id"], row["person_id"], kind=row["kind"])
    await emit(work, ChangeDecided(row["id"], step.action))
    return {"id": row["id"], "state": step.to, "version": row["version"] + 1}


async def withdraw(work: Work, actor: Actor, request_id: UUID, expected: int) -> Record:
    """Whoever asked takes it back: nothing changes, and what it stopped may be started again.

    Raises ChangeRequestNotFound, StaleVersion, NotAllowedNow.
    """
    row = await asked_by(work.transaction, actor.person_id, request_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], "withdraw")
    if row["kind"] == "bank_card":
        await withdraw_bank_card(work, row["person_id"])
    await work.transaction.run(_RELEASE, row_id=row["id"], now=work.now)
    await work.transaction.run(_WITHDRAW, row_id=row["id"], state=step.to, withdrawn_at=work.now)
    await _audit(work, actor.person_id, step.to, row["id"], row["person_id"], kind=row["kind"])
    await emit(work, ChangeWithdrawn(row["id"]))
    return {"id": row["id"], "state": step.to, "version": row["version"] + 1}


async def _second_person(work: Work, actor: Actor, row: Record) -> bytes:
    """The decider's number, which is neither the asker's nor that of anyone in the household."""
    number_index: bytes = (await asker(work, actor)).number_index
    concerned = {row["asked_by_number_index"], row["person_number_index"]}
    related = row["household_id"] and await is_member(work.transaction, row["household_id"], number_index)
    if actor.person_id == row["asked_by"] or number_index in concerned or related:
        raise AskedByYourself
    return number_index


async def _settle(work: Work, actor: Actor, row: Record, *, approved: bool) -> None:
    if row["kind"] == "bank_card":
        await settle_bank_card(work, row["person_id"], confirmed=approved)
    elif approved:
        await _change_file(work, actor, row)


async def _change_file(work: Work, actor: Actor, row: Record) -> None:
    """Form, history, memberships and covers; and the account of the head, when it is their name or number."""
    wanted = wanted_of(work, row)
    household = await file(work.transaction, actor, row["household_id"], locked=True)
    form = changed_form(work, household, wanted)
    by = By(row["asked_by"], row["asked_by_role"], row["asked_by_organisation"])
    reason = work.keyring.open_text(REASON, row["id"], row["reason"]) if row["reason"] else None
    source: Source = "self" if row["asked_by_role"] is None else "staff"
    whole = form.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    await replace_form(work, household, whole, source, reason, by)
    if wanted.field == HEAD:
        await correct_identity(work, row["person_id"], form.head.name, form.head.id_number, by=actor.person_id)
    await hold(work, household["id"], belongings(whole))
    if row["kind"] == "identity":
        await _covers_follow(work, actor, row, wanted)


async def _covers_follow(work: Work, actor: Actor, row: Record, wanted: Wanted) -> None:
    """Covers are found by the number that was corrected, in whatever union they were enrolled."""
    was, becomes = (work.keyring.blind_index(ID_NUMBER, each["id_number"]) for each in (wanted.before, wanted.after))
    for cover in await work.transaction.rows(_COVERS, request=row["id"], was=was, becomes=becomes):
        await record(
            work,
            person_id=actor.person_id,
            action="cover.holder_corrected",
            subject_kind="cover",
            subject_id=cover["id"],
            subject_person_id=row["person_id"] if wanted.field == HEAD else None,
        )


async def _audit(work: Work, by: UUID, done: str, request_id: UUID, subject_person_id: UUID, **details: str) -> None:
    await record(
        work,
        person_id=by,
        action=f"change_request.{done}",
        subject_kind="change_request",
        subject_id=request_id,
        subject_person_id=subject_person_id,
        **details,
    )
