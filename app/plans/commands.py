"""Opening a plan, adding and changing its measures, recording services under them, closing it with a result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, func, literal_column, update

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.path import DEAD_STATES
from app.households.queries import H
from app.kernel.actor import Actor, Permission, Post
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.people.queries import person
from app.plans.events import MeasureTaken, PlanClosed, PlanOpened, ServiceGiven
from app.plans.queries import (
    NAME,
    NOTE,
    RESULT_NOTE,
    SERVICE_NOTE,
    M,
    P,
    S,
    measure_locked,
    open_plan,
    plan_locked,
)
from app.plans.rules import (
    Kept,
    MeasureKind,
    MeasureResult,
    MeasureState,
    PlanResult,
    proposed_for,
    usual_due,
    wrong_with,
)

PERSON_NAME = "person.name"
_INSERT_PLAN = insertion(
    P, *"id created_at household_id state origin version opened_by post_role organisation_name".split()
)
_CLOSE_PLAN = statement(
    update(P)
    .where(P.c.id == bindparam("row_id"))
    .values(
        {c: bindparam(c, type_=P.c[c].type) for c in ("closed_at", "closed_by", "result", "result_note")}
        | {"state": literal_column("'closed'"), "version": P.c.version + literal_column("1")}
    )
)
_RESPONSIBLE = ("responsible_id", "responsible_name", "responsible_role", "responsible_organisation")
_INSERT_MEASURE = insertion(
    M, *"id created_at updated_at plan_id household_id kind state version due_on".split(), *_RESPONSIBLE
)
_CHANGED = ("state", "due_on", "result", "note", "updated_at", *_RESPONSIBLE)
_CHANGE_MEASURE = statement(
    update(M)
    .where(M.c.id == bindparam("row_id"))
    .values({c: bindparam(c, type_=M.c[c].type) for c in _CHANGED} | {"version": M.c.version + literal_column("1")})
)
_INSERT_SERVICE = insertion(
    S,
    *"id created_at measure_id household_id given_on provider quantity unit note person_id post_role".split(),
    "organisation_name",
)
_HAS_PLAN = statement(
    update(H).where(H.c.id == bindparam("row_id")).values(has_open_plan=bindparam("has", type_=H.c.has_open_plan.type))
)
_HELPED = statement(
    update(H)
    .where(H.c.id == bindparam("row_id"))
    .values(last_helped_at=func.greatest(H.c.last_helped_at, bindparam("at", type_=H.c.last_helped_at.type)))
)


class HouseholdNotInFile(Conflict):
    """这户的档案还没有建立或已经退出，请先建档。"""


class PlanAlreadyOpen(Conflict):
    """这户已有一份执行中的帮扶计划；要换新的计划，请先写明原计划的结果。"""


class PlanReplacedMeanwhile(Conflict):
    """要替换的计划已经不是执行中的那一份，请刷新后再试。"""


class PlanAlreadyClosed(Conflict):
    """这份计划已经结束，其中的措施不能再改动。"""


class MeasureAlreadyThere(Conflict):
    """计划中已有同一种措施在提出或执行中，请在那一项上办理。"""


class MeasureNotRunning(Conflict):
    """这项措施还没有人认领，或者已经结束，不能登记服务。"""


@dataclass(frozen=True, slots=True)
class NewMeasure:
    """A measure to be added. `take`: the actor answers for it; otherwise it is proposed and waits to be taken on."""

    kind: MeasureKind
    due_on: date | None = None
    take: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """The plan that a new one closes, and how it ended."""

    plan_id: UUID
    result: PlanResult
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """How a measure is to stand. `take`: the actor answers for it from now on."""

    state: MeasureState
    due_on: date | None
    result: MeasureResult | None
    note: str | None
    take: bool


@dataclass(frozen=True, slots=True)
class Given:
    """A service as it is recorded."""

    given_on: date
    provider: str
    quantity: int
    unit: str
    note: str | None


def in_file(row: Record) -> bool:
    """Whether a household has a file that was opened and has not been left."""
    return row["active_at"] is not None and row["state"] not in DEAD_STATES


async def start_plan(
    work: Work, actor: Actor, household: Record, measures: Sequence[NewMeasure], replaced: Replaced | None
) -> UUID:
    """Open a plan for a locked household within the actor's reach; one that is open is closed with its result.

    Raises HouseholdNotInFile, PlanAlreadyOpen, PlanReplacedMeanwhile, NotAllowed, Invalid, MeasureAlreadyThere.
    """
    if not in_file(household):
        raise HouseholdNotInFile
    before = await open_plan(work.transaction, household["id"])
    if before is not None and replaced is None:
        raise PlanAlreadyOpen(plan_id=str(before["id"]))
    if replaced is not None and (before is None or before["id"] != replaced.plan_id):
        raise PlanReplacedMeanwhile
    post = _post(actor, household)
    if replaced is not None and before is not None:
        await _close(work, before, household["person_id"], replaced.result, replaced.note, by=actor.person_id)
    by = {"opened_by": actor.person_id, "post_role": post.role.value, "organisation_name": post.place.name}
    plan_id = await _open(work, household, "staff", **by)
    for each in measures:
        await _add(work, plan_id, household["id"], each, await _signature(work, actor, post) if each.take else {})
    return plan_id


async def propose_plan(work: Work, household: Record, causes: Sequence[str]) -> UUID | None:
    """What the system proposes for a locked household whose file is open; nothing where there is a plan already."""
    if not in_file(household) or await open_plan(work.transaction, household["id"]) is not None:
        return None
    plan_id = await _open(work, household, "system")
    for kind in proposed_for(causes):
        await _add(work, plan_id, household["id"], NewMeasure(kind, usual_due(kind, work.today)), {})
    return plan_id


async def _open(work: Work, household: Record, origin: str, **by: Any) -> UUID:
    plan_id = new_id()
    values: dict[str, Any] = {"opened_by": None, "post_role": None, "organisation_name": None} | by
    try:
        await work.transaction.run(
            _INSERT_PLAN,
            id=plan_id,
            created_at=work.now,
            household_id=household["id"],
            state="open",
            origin=origin,
            version=1,
            **values,
        )
    except asyncpg.UniqueViolationError as taken:
        raise PlanAlreadyOpen from taken
    await work.transaction.run(_HAS_PLAN, row_id=household["id"], has=True)
    await _recorded(work, values["opened_by"], "plan.opened", "plan", plan_id, household["person_id"])
    await emit(work, PlanOpened(plan_id, household["id"], origin))
    return plan_id


async def add_measure(work: Work, actor: Actor, plan_id: UUID, new: NewMeasure) -> UUID:
    """Add a measure to an open plan. Raises PlanNotFound, PlanAlreadyClosed, NotAllowed, Invalid,
    MeasureAlreadyThere."""
    plan = await plan_locked(work.transaction, actor, plan_id)
    if plan["state"] != "open":
        raise PlanAlreadyClosed
    post = _post(actor, plan)
    signature = await _signature(work, actor, post) if new.take else {}
    measure_id = await _add(work, plan_id, plan["household_id"], new, signature)
    await _recorded(work, actor.person_id, "measure.added", "measure", measure_id, plan["person_id"], measure=new.kind)
    return measure_id


async def _add(work: Work, plan_id: UUID, household_id: UUID, new: NewMeasure, signature: Mapping[str, Any]) -> UUID:
    measure_id, due_on = new_id(), new.due_on or (usual_due(new.kind, work.today) if new.take else None)
    state: MeasureState = "running" if signature else "proposed"
    _check(Kept(state, bool(signature), due_on, None), work.today)
    try:
        await work.transaction.run(
            _INSERT_MEASURE,
            id=measure_id,
            created_at=work.now,
            updated_at=work.now,
            plan_id=plan_id,
            household_id=household_id,
            kind=new.kind,
            state=state,
            version=1,
            due_on=due_on,
            **_bound(work, measure_id, signature),
        )
    except asyncpg.UniqueViolationError as taken:
        raise MeasureAlreadyThere(kind=new.kind) from taken
    if signature:
        await emit(work, MeasureTaken(measure_id, household_id))
    return measure_id


async def change_measure(work: Work, actor: Actor, measure_id: UUID, expected: int, change: Change) -> int:
    """Answers the measure's new version. Raises MeasureNotFound, StaleVersion, PlanAlreadyClosed, NotAllowed, Invalid,
    MeasureAlreadyThere."""
    row = await measure_locked(work.transaction, actor, measure_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["plan_state"] != "open":
        raise PlanAlreadyClosed
    post = _post(actor, row)
    _check(Kept(change.state, change.take or row["responsible_role"] is not None, change.due_on, change.result),
           work.today)  # fmt: skip
    signature = _bound(work, measure_id, await _signature(work, actor, post)) if change.take else {}
    values: dict[str, Any] = {name: row[name] for name in _RESPONSIBLE} | signature
    try:
        await work.transaction.run(
            _CHANGE_MEASURE,
            row_id=measure_id,
            state=change.state,
            due_on=change.due_on,
            result=change.result,
            note=work.keyring.seal_text(NOTE, measure_id, change.note) if change.note else None,
            updated_at=work.now,
            **values,
        )
    except asyncpg.UniqueViolationError as taken:
        raise MeasureAlreadyThere(kind=row["kind"]) from taken
    states = {"from": row["state"], "to": change.state}
    await _recorded(work, actor.person_id, "measure.changed", "measure", measure_id, row["person_id"], **states)
    if change.take and row["responsible_id"] != actor.person_id:
        await emit(work, MeasureTaken(measure_id, row["household_id"]))
    return int(row["version"]) + 1


async def record_service(work: Work, actor: Actor, measure_id: UUID, given: Given) -> UUID:
    """Help without money. Raises MeasureNotFound, PlanAlreadyClosed, MeasureNotRunning, NotAllowed, Invalid."""
    row = await measure_locked(work.transaction, actor, measure_id)
    if row["plan_state"] != "open":
        raise PlanAlreadyClosed
    if row["state"] != "running":
        raise MeasureNotRunning
    post, service_id = _post(actor, row), new_id()
    if given.given_on > work.today:
        raise Invalid(FieldError("/given_on", "day_in_future", "服务日期不能晚于今天。"))
    await work.transaction.run(
        _INSERT_SERVICE,
        id=service_id,
        created_at=work.now,
        measure_id=measure_id,
        household_id=row["household_id"],
        given_on=given.given_on,
        provider=given.provider,
        quantity=given.quantity,
        unit=given.unit,
        note=work.keyring.seal_text(SERVICE_NOTE, service_id, given.note) if given.note else None,
        person_id=actor.person_id,
        post_role=post.role.value,
        organisation_name=post.place.name,
    )
    await note_help(work, row["household_id"], datetime.combine(given.given_on, time(), SHANGHAI))
    await _recorded(work, actor.person_id, "service.recorded", "service", service_id, row["person_id"])
    await emit(work, ServiceGiven(service_id, row["household_id"]))
    return service_id


async def note_help(work: Work, household_id: UUID, at: datetime) -> None:
    """The household was helped at an instant; an older one changes nothing."""
    await work.transaction.run(_HELPED, row_id=household_id, at=at)


async def close_plan(
    work: Work, actor: Actor, plan_id: UUID, expected: int, result: PlanResult, note: str | None
) -> int:
    """Answers the plan's last version. Raises PlanNotFound, StaleVersion, PlanAlreadyClosed, NotAllowed."""
    plan = await plan_locked(work.transaction, actor, plan_id)
    if plan["version"] != expected:
        raise StaleVersion(version=plan["version"])
    if plan["state"] != "open":
        raise PlanAlreadyClosed
    _post(actor, plan)
    await _close(work, plan, plan["person_id"], result, note, by=actor.person_id)
    return int(plan["version"]) + 1


async def end_plan(work: Work, household: Record, result: PlanResult) -> None:
    """A locked household left the file: its plan ends with it. Nothing happens the second time."""
    plan = await open_plan(work.transaction, household["id"])
    if plan is not None:
        await _close(work, plan, household["person_id"], result, None, by=None)


async def _close(
    work: Work, plan: Record, head_id: UUID, result: PlanResult, note: str | None, *, by: UUID | None
) -> None:
    """Whatever measure is still open stays as it is: what was left undone is part of the result."""
    sealed = work.keyring.seal_text(RESULT_NOTE, plan["id"], note) if note else None
    await work.transaction.run(
        _CLOSE_PLAN, row_id=plan["id"], closed_at=work.now, closed_by=by, result=result, result_note=sealed
    )
    await work.transaction.run(_HAS_PLAN, row_id=plan["household_id"], has=False)
    await _recorded(work, by, "plan.closed", "plan", plan["id"], head_id, result=result)
    await emit(work, PlanClosed(plan["id"], plan["household_id"], result))


def _post(actor: Actor, row: Record) -> Post:
    post = post_over(actor, Permission.WRITE_PLANS, row)
    if post is None:
        raise NotAllowed
    return post


async def _signature(work: Work, actor: Actor, post: Post) -> dict[str, Any]:
    """Whoever takes a measure on, in their own name: nobody is made responsible by another."""
    me = await person(work.transaction, actor.person_id)
    name = work.keyring.open_text(PERSON_NAME, me["id"], me["name"]) if me["name"] else None
    return {
        "responsible_id": actor.person_id,
        "responsible_name": name,
        "responsible_role": post.role.value,
        "responsible_organisation": post.place.name,
    }


def _bound(work: Work, measure_id: UUID, signature: Mapping[str, Any]) -> dict[str, Any]:
    """A signature as the columns of its measure."""
    name = signature.get("responsible_name")
    sealed = work.keyring.seal_text(NAME, measure_id, name) if name else None
    return dict.fromkeys(_RESPONSIBLE) | dict(signature) | {"responsible_name": sealed}


def _check(kept: Kept, today: date) -> None:
    wrong = wrong_with(kept, today)
    if wrong:
        raise Invalid(*wrong)


async def _recorded(
    work: Work, by: UUID | None, action: str, kind: str, subject_id: UUID, head_id: UUID, **details: str
) -> None:
    await record(
        work,
        person_id=by,
        action=action,
        subject_kind=kind,
        subject_id=subject_id,
        subject_person_id=head_id,
        **details,
    )
