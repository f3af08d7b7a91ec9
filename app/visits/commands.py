"""Planning a home visit, going on it, and the worker's word on what was written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.discrepancies.commands import Found, open_discrepancy
from app.households.queries import file, kept_form
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.visits.events import VisitMoved
from app.visits.path import PATH, STAFF_ACTIONS, VISITED_AT, Purpose
from app.visits.photos import check_kept, release_photos
from app.visits.policy import KIND, VisitPolicy
from app.visits.queries import V, W, own_visit, visit, visited_household, visitors_for
from app.visits.rules import contradictions, missing, photos_of
from app.visits.syncing.queries import has_conflicts
from app.workflow.path import NotAllowedNow, Step, check_words

ADDRESS, CONTENT, POSITION, OBJECTION, BECAUSE = (
    f"visit.{column}" for column in ("address", "content", "position", "objection", "cancelled_because")
)
TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
MAX_VISITORS: Final = 5
_INSERT = insertion(
    V,
    *"id created_at household_id person_id round purpose state planned_on planned_by organisation_name".split(),
    *"visitor_ids visitors policy_version head_masked address changed photos position_agreed version".split(),
    "signatures_needed",
    *TIERS,
)
_SEND = insertion(W, "id", "created_at", "visit_id", "person_id")


def _change(*columns: str) -> Any:
    values = {column: bindparam(column, type_=V.c[column].type) for column in columns}
    version = {"version": V.c.version + literal_column("1")}
    return statement(update(V).where(V.c.id == bindparam("row_id")).values(values | version))


_START = _change("state", "started_at", "position", "position_agreed")
_END = _change("state", "ended_at", "ended_by", "photos", "signed_by")
_SIGN = _change("signed_by")
_CANCEL = _change("state", "cancelled_because")
_CONFIRM = _change("state", "confirmed_at")
_OBJECT = _change("objection", "objected_at")


class HouseholdNotVisitable(Conflict):
    """这份档案现在的状态不能安排这种走访。"""


class VisitAlreadyPlanned(Conflict):
    """这户的同一种走访已经安排，还没有结束。"""


class ConflictsOpen(Conflict):
    """还有两人填写不一致的地方没有选定，选定后才能结束走访。"""


class AlreadySignedVisit(NotAllowed):
    """这次走访您已经签过字，请由另一位走访人员签字。"""


class VisitNotSigned(Conflict):
    """另一位走访人员还没有签字，签字后再请您确认。"""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the visit took place, in millionths of a degree (GCJ-02); kept only where the worker agrees."""

    latitude_e6: int
    longitude_e6: int


def policy_of(work: Work, row: Record) -> VisitPolicy:
    """The requirements and the questionnaire that a visit began with."""
    return work.policies.named(KIND, VisitPolicy, row["policy_version"])


async def plan(
    work: Work, actor: Actor, household_id: UUID, purpose: Purpose, planned_on: date, visitor_ids: Sequence[UUID]
) -> Record:
    """Send visitors to a household within the actor's reach.

    Raises HouseholdNotFound, NotAllowed, HouseholdNotVisitable, Invalid, VisitAlreadyPlanned.
    """
    household = await file(work.transaction, actor, household_id, locked=True)
    post = post_over(actor, Permission.PLAN_VISIT, household)
    if post is None:
        raise NotAllowed
    if household["state"] not in VISITED_AT[purpose]:
        raise HouseholdNotVisitable(state=household["state"])
    if planned_on < work.today:
        raise Invalid(FieldError("/planned_on", "day_passed", "走访日期不能早于今天。"))
    policy = work.policies.in_force(KIND, VisitPolicy, planned_on)
    visitors = await _visitors(work, household, visitor_ids, policy.purposes.of(purpose).visitors)
    row = _planned(work, actor, household, purpose, planned_on) | {
        "organisation_name": post.place.name,
        "visitor_ids": list(visitor_ids),
        "visitors": visitors,
        "policy_version": policy.version,
        "signatures_needed": policy.purposes.of(purpose).visitors,
    }
    try:
        await work.transaction.run(_INSERT, **row)
    except asyncpg.UniqueViolationError as there:
        raise VisitAlreadyPlanned from there
    sent = [{"id": new_id(), "created_at": work.now, "visit_id": row["id"], "person_id": each} for each in visitor_ids]
    await work.transaction.many(_SEND, sent)
    await _told(work, actor, row, "plan", "planned")
    return row


def _planned(work: Work, actor: Actor, household: Record, purpose: Purpose, planned_on: date) -> dict[str, Any]:
    visit_id = new_id()
    form = kept_form(work.keyring, household)
    return {
        "id": visit_id,
        "created_at": work.now,
        "household_id": household["id"],
        "person_id": household["person_id"],
        "round": household["round"],
        "purpose": purpose,
        "state": "planned",
        "planned_on": planned_on,
        "planned_by": actor.person_id,
        "head_masked": household["head_masked"],
        "address": work.keyring.seal_text(ADDRESS, visit_id, str((form or {}).get("address", ""))),
        "changed": {},
        "photos": [],
        "position_agreed": False,
        "version": 1,
    } | {tier: household[tier] for tier in TIERS}


async def _visitors(work: Work, household: Record, visitor_ids: Sequence[UUID], needed: int) -> list[dict[str, Any]]:
    """How each visitor is told to others. Raises Invalid when they are too few, or somebody may not be sent."""
    if len(set(visitor_ids)) < max(needed, len(visitor_ids)):
        raise Invalid(FieldError("/visitor_ids", "visitors_too_few", f"这种走访需要 {needed} 位不同的人一起去。"))
    rows = await visitors_for(work.transaction, household, work.today, 100, among=visitor_ids)
    posts = {row["person_id"]: row for row in reversed(rows)}
    unknown = [n for n, person_id in enumerate(visitor_ids) if person_id not in posts]
    if unknown:
        said = "这位不是这户所属工会的走访人员，请重新选择。"
        raise Invalid(*(FieldError(f"/visitor_ids/{n}", "visitor_unknown", said) for n in unknown))
    return [
        {"name_masked": posts[each]["name_masked"] or "", "role": posts[each]["role"], "union": posts[each]["name"]}
        for each in visitor_ids
    ]


async def act(
    work: Work,
    actor: Actor,
    visit_id: UUID,
    expected: int,
    action: str,
    *,
    note: str | None,
    position: Position | None,
    position_agreed: bool,
) -> Record:
    """Visitors start, end and sign a visit; whoever plans may cancel it.

    Raises VisitNotFound, StaleVersion, NotAllowedNow, NotAllowed, Invalid, ConflictsOpen,
    AlreadySignedVisit.
    """
    row = await visit(work.transaction, actor, visit_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], action)
    if step.action not in STAFF_ACTIONS:
        raise NotAllowedNow(state=row["state"])
    _check_may(actor, row, step)
    check_words(step, note, None, ())
    match step.action:
        case "start":
            await _start(work, row, step, position, position_agreed)
        case "end":
            await _end(work, actor, row, step)
        case "sign":
            await work.transaction.run(_SIGN, row_id=row["id"], signed_by=[*row["signed_by"], actor.person_id])
        case _:
            await _cancel(work, row, step, note or "")
    await _told(work, actor, row, step.action, step.to)
    return {"id": row["id"], "state": step.to, "version": row["version"] + 1}


def _check_may(actor: Actor, row: Record, step: Step) -> None:
    """Raises NotAllowed: to start, end and sign a visit one must be sent on it, to cancel it hold a post over it; and
    AlreadySignedVisit, NotAllowedNow for a signature that is there or not wanted."""
    if step.by is Permission.FILL_ASSIGNED_VISIT:
        if not (row["assigned"] and actor.may(step.by)):
            raise NotAllowed
    elif post_over(actor, step.by, row) is None:
        raise NotAllowed
    if step.action == "sign":
        if not lacks_signatures(row):
            raise NotAllowedNow(state=row["state"])
        if actor.person_id in row["signed_by"]:
            raise AlreadySignedVisit


def lacks_signatures(row: Record) -> bool:
    """Whether a visit that was ended still waits for another visitor's word."""
    return len(row["signed_by"]) < int(row["signatures_needed"])


def open_actions(actor: Actor, row: Record) -> list[str]:
    """What the actor may do with the visit now."""
    allowed = []
    for action in STAFF_ACTIONS:
        try:
            _check_may(actor, row, PATH.step(row["state"], action))
        except (NotAllowed, NotAllowedNow):
            continue
        allowed.append(action)
    return allowed


async def _start(work: Work, row: Record, step: Step, position: Position | None, agreed: bool) -> None:
    sealed = None
    if position is not None:
        if not agreed:
            said = "记录位置要先得到本人同意。"
            raise Invalid(FieldError("/position_agreed", "position_not_agreed", said))
        known = {"latitude_e6": position.latitude_e6, "longitude_e6": position.longitude_e6}
        sealed = work.keyring.seal_document(POSITION, row["id"], known)
    await work.transaction.run(
        _START, row_id=row["id"], state=step.to, started_at=work.now, position=sealed, position_agreed=agreed
    )


async def _cancel(work: Work, row: Record, step: Step, because: str) -> None:
    """What was photographed on a visit that counts for nothing is nobody's evidence any more."""
    sealed = work.keyring.seal_text(BECAUSE, row["id"], because)
    await work.transaction.run(_CANCEL, row_id=row["id"], state=step.to, cancelled_because=sealed)
    await release_photos(work, row["id"])


async def _end(work: Work, actor: Actor, row: Record, step: Step) -> None:
    policy, content = policy_of(work, row), content_of(work, row)
    lacking = missing(policy, row["purpose"], content)
    if lacking:
        raise Invalid(*lacking)
    if await has_conflicts(work.transaction, row["id"]):
        raise ConflictsOpen
    await check_kept(work.transaction, content)
    # While the visit is still under way: that is what lets a visitor's findings reach the household.
    await _compare(work, row, policy, content)
    await work.transaction.run(
        _END,
        row_id=row["id"],
        state=step.to,
        ended_at=work.now,
        ended_by=actor.person_id,
        photos=photos_of(content),
        signed_by=[actor.person_id],
    )


async def _compare(work: Work, row: Record, policy: VisitPolicy, content: Mapping[str, Any]) -> None:
    """Ask the worker about every answer that is otherwise than their file says."""
    household = await visited_household(work.transaction, row)
    form = kept_form(work.keyring, household)
    if household is None or form is None:
        return
    for each in contradictions(policy, content, form):
        found = Found(
            source="visit",
            source_id=row["id"],
            field=each.field,
            in_file=each.in_file,
            found=each.found,
            found_on=work.today,
            said_by=f"入户走访（{row['organisation_name']}）"[:100],
        )
        await open_discrepancy(work, household, found)


def content_of(work: Work, row: Record) -> dict[str, Any]:
    """What is filled in so far."""
    if row["content"] is None:
        return {}
    content: dict[str, Any] = work.keyring.open_document(CONTENT, row["id"], row["content"])
    return content


async def confirm(work: Work, actor: Actor, visit_id: UUID, expected: int, *, agrees: bool, text: str | None) -> Record:
    """The worker says that it is so, or what is not so; whoever objected may still confirm.

    Raises VisitNotFound, StaleVersion, NotAllowedNow, VisitNotSigned, Invalid.
    """
    row = await own_visit(work.transaction, actor.person_id, visit_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], "confirm")
    if lacks_signatures(row):
        raise VisitNotSigned
    version = row["version"] + 1
    if agrees:
        await work.transaction.run(_CONFIRM, row_id=row["id"], state=step.to, confirmed_at=work.now)
        await _told(work, actor, row, "confirm", step.to)
        return {"id": row["id"], "state": step.to, "version": version}
    if text is None:
        raise Invalid(FieldError("/text", "objection_required", "请写明哪里与实际情况不符。"))
    sealed = work.keyring.seal_text(OBJECTION, row["id"], text)
    await work.transaction.run(_OBJECT, row_id=row["id"], objection=sealed, objected_at=work.now)
    await _told(work, actor, row, "object", row["state"])
    return {"id": row["id"], "state": row["state"], "version": version}


async def _told(work: Work, actor: Actor, row: Record, action: str, to_state: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"visit.{action}",
        subject_kind="visit",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
    )
    await emit(work, VisitMoved(row["id"], row["household_id"], row["purpose"], action, to_state))
