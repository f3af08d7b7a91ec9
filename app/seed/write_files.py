"""Writing household files and the steps that brought them where they stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.work import Work
from app.households.criteria import HardshipClass
from app.households.exits import ExitKind
from app.households.forms import HouseholdForm
from app.households.levels import ArchiveLevel
from app.households.path import DEAD_STATES, IN_FORCE, PATH, way_back
from app.households.queries import FORM, facts_of
from app.households.rules import class_of, criteria_of
from app.households.steps import NOTE
from app.households.tables import Household, HouseholdMember, HouseholdPassage
from app.kernel.actor import Permission, Role, Tier
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.people.commands import ID_NUMBER
from app.seed.invented import File, FileState
from app.seed.write import Placed, tiers, write_all
from app.seed.write_exits import Left, write_exits
from app.seed.write_plans import Opened, is_planned, write_plans
from app.upkeep.rules import next_review
from app.workflow.path import Step

LONGEST_STEP = timedelta(days=3)
CHILD_UNDER = 14
RETURNED_BECAUSE = "请补充上一年度的收入证明后再提交。"
LEAVES_BECAUSE = "经入户核实，符合退出条件。"
_OPENED = ("submit", "accept", "approve", "report", "approve", "conclude", "end_notice", "approve")
_LEAVES = (*_OPENED, "propose_exit", "approve")
_EXITS: dict[FileState, ExitKind] = {"lifted": "lifted", "relieved": "relieved", "cancelled": "cancelled"}
WAYS: dict[FileState, tuple[str, ...]] = {
    "draft": (),
    "submitted": _OPENED[:1],
    "returned": ("submit", "return"),
    "unit_review": _OPENED[:2],
    "home_visit": _OPENED[:3],
    "district_review": _OPENED[:4],
    "means_check": _OPENED[:5],
    "city_approval": _OPENED[:7],
    "active": _OPENED,
    "annual_review": (*_OPENED, "start_review"),
    "relieved": (*_LEAVES, "relieve"),
    "lifted": (*_LEAVES, "lift"),
    "cancelled": (*_LEAVES, "cancel"),
}
"""The actions from the draft to each state."""
_LEVELS: dict[HardshipClass, ArchiveLevel] = {"deep": "national", "relative": "municipal", "auxiliary": "grassroots"}
_REVIEWERS: dict[Permission, tuple[Role, Tier]] = {
    Permission.ACCEPT_CASE: (Role.UNIT_CLERK, Tier.UNIT),
    Permission.APPROVE_AT_CITY: (Role.CITY_LEADER, Tier.CITY),
    Permission.REVIEW_AT_UNIT: (Role.UNIT_CHAIR, Tier.UNIT),
    Permission.REVIEW_AT_DISTRICT: (Role.DISTRICT_REVIEWER, Tier.DISTRICT),
}

_NEXT_NUMBERS = statement(text("select nextval('household_number') from generate_series(1, cast(:count as int))"))
_INSERT = insertion(
    table_of(Household),
    *"id created_at updated_at number person_id city_id district_id street_id unit_id state round version form".split(),
    *"head_masked submitted_at changed_at active_at category archive_level cancel_code left_at relieved_at".split(),
    *"review_due_on has_open_plan".split(),
)
_INSERT_MEMBER = insertion(
    table_of(HouseholdMember), *"id created_at household_id id_number_index relation living".split()
)
_INSERT_PASSAGE = insertion(
    table_of(HouseholdPassage),
    *"id created_at household_id round person_id post_role organisation_name action from_state to_state".split(),
    *"counts_as_review note reason_code".split(),
)
Signers = Mapping[tuple[Role, str], UUID]
"""Who holds a role at the union of a code; where nobody does, a step is written without a person."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file with its row's id, when it was begun, and the steps taken on it since."""

    head: Placed
    file: File
    id: UUID
    begun: datetime
    steps: tuple[tuple[datetime, Step], ...]

    def reached(self, state: str) -> datetime | None:
        return next((at for at, step in self.steps if step.to == state), None)


async def write_files(
    work: Work, placed: Sequence[Placed], unions: Mapping[str, UUID], child_consents: Mapping[UUID, UUID]
) -> None:
    """The files of all who have one, their members and their passages; the oldest gets the lowest number."""
    kept = sorted((_kept(work, each, each.who.file) for each in placed if each.who.file), key=lambda file: file.begun)
    serials = [row["nextval"] for row in await work.transaction.rows(_NEXT_NUMBERS, count=len(kept))]
    # Of two who hold the same post at a union, the first signs.
    signers = {(role, each.who.union.code): each.id for each in reversed(placed) for role in each.who.roles}
    rows = [
        _file(work, each, serial, child_consents[each.head.id]) | tiers(each.head.who.union, unions)
        for each, serial in zip(kept, serials, strict=True)
    ]
    await write_all(work, _INSERT, rows)
    await write_all(work, _INSERT_MEMBER, (row for each in kept for row in _members(work, each)))
    await write_all(work, _INSERT_PASSAGE, (row for each in kept for row in _passages(work, each, signers)))
    opened = ((k.head, k.file, k.id, k.reached("active")) for k in kept if k.file.state in IN_FORCE)
    await write_plans(work, [Opened(head, file, row_id, at) for head, file, row_id, at in opened if at])
    exits = (_left(work, each, row, signers) for each, row in zip(kept, rows, strict=True))
    await write_exits(work, [each for each in exits if each is not None])


def _kept(work: Work, head: Placed, file: File) -> _Kept:
    age, way = timedelta(days=file.days_ago), WAYS[file.state]
    pace = min(LONGEST_STEP, age / (len(way) + 1))
    begun = work.now - age
    steps: list[tuple[datetime, Step]] = []
    before: str | None = None
    for n, action in enumerate(way, 1):
        step = PATH.step(steps[-1][1].to if steps else "draft", action, before)
        before = way_back(step, before)
        steps.append((begun + n * pace, step))
    return _Kept(head, file, new_id(), begun, tuple(steps))


def _file(work: Work, kept: _Kept, serial: int, child_consent_id: UUID) -> dict[str, Any]:
    union, active_at = kept.head.who.union, kept.reached("active")
    form = _with_child_consent(kept.file.form, child_consent_id, work.today)
    document = form.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return {
        "id": kept.id,
        "created_at": kept.begun,
        "updated_at": kept.steps[-1][0] if kept.steps else kept.begun,
        "number": f"DA-{union.division_code}-{business_date(kept.begun).year}-{serial:06d}",
        "person_id": kept.head.id,
        "state": kept.file.state,
        "round": 1 + sum(step.opens_round for _, step in kept.steps),
        "version": 1 + len(kept.steps),
        "form": work.keyring.seal_document(FORM, kept.id, document),
        "head_masked": mask_name(form.head.name),
        "submitted_at": kept.reached("submitted"),
        "changed_at": kept.reached("submitted"),
        "active_at": active_at,
        "review_due_on": next_review(business_date(active_at)) if active_at else None,
        "has_open_plan": kept.file.state in IN_FORCE and is_planned(kept.head),
        "cancel_code": "voluntary" if kept.file.state == "cancelled" else None,
        "left_at": kept.reached("lifted") or kept.reached("cancelled"),
        "relieved_at": kept.reached("relieved"),
    } | _class(work, kept, document)


def _class(work: Work, kept: _Kept, document: dict[str, Any]) -> dict[str, Any]:
    """The class that the criteria find, confirmed on the way to the notice; older files have not all been looked at."""
    found = None
    if kept.reached("public_notice") is not None:
        facts = facts_of(document, {"state": kept.file.state, "submitted_at": kept.begun}, work.today, work.policies)
        criterion, _ = class_of(facts, criteria_of(work.policies, facts, work.today))
        found = criterion.category if criterion else None
    return {"category": found, "archive_level": _LEVELS.get(found, "county") if found else None}


def _with_child_consent(form: HouseholdForm, consent_id: UUID, today: date) -> HouseholdForm:
    """The guardian's consent beside each child that needs one (个人信息保护法第三十一条: under 14)."""
    born_after = f"{today.year - CHILD_UNDER:04d}{today:%m%d}"
    members = [
        member.model_copy(update={"child_consent_id": consent_id}) if member.id_number[6:14] > born_after else member
        for member in form.members
    ]
    return form.model_copy(update={"members": members})


def _members(work: Work, kept: _Kept) -> Iterator[dict[str, Any]]:
    """Held from the first submission on."""
    submitted_at, form = kept.reached("submitted"), kept.file.form
    if submitted_at is None:
        return
    for relation, number in (("self", form.head.id_number), *((m.relation, m.id_number) for m in form.members)):
        yield {
            "id": new_id(),
            "created_at": submitted_at,
            "household_id": kept.id,
            "id_number_index": work.keyring.blind_index(ID_NUMBER, number),
            "relation": relation,
            "living": kept.file.state not in DEAD_STATES,
        }


def _passages(work: Work, kept: _Kept, signers: Signers) -> Iterator[dict[str, Any]]:
    round_ = 1
    for at, step in kept.steps:
        round_ += step.opens_round
        passage_id, note = new_id(), LEAVES_BECAUSE if step.action == "propose_exit" else RETURNED_BECAUSE
        yield {
            "id": passage_id,
            "created_at": at,
            "household_id": kept.id,
            "round": round_,
            "action": step.action,
            "from_state": step.at,
            "to_state": step.to,
            "counts_as_review": step.counts_as_review,
            "note": work.keyring.seal_text(NOTE, passage_id, note) if step.needs_note else None,
            "reason_code": None,
        } | _signature(kept.head, step, signers)


def _left(work: Work, kept: _Kept, row: dict[str, Any], signers: Signers) -> Left | None:
    """The exit of a file that went all the way through one."""
    kind = _EXITS.get(kept.file.state)
    proposed = next(((at, step) for at, step in kept.steps if step.action == "propose_exit"), None)
    if kind is None or proposed is None:
        return None
    by = _signature(kept.head, proposed[1], signers)["person_id"] or next(iter(signers.values()))
    form = work.keyring.open_document(FORM, kept.id, row["form"])
    return Left(row, form, kind, proposed[0], kept.steps[-1][0], by)


def _signature(head: Placed, step: Step, signers: Signers) -> dict[str, Any]:
    if step.by in (Permission.OWN, Permission.SYSTEM):
        person_id = head.id if step.by is Permission.OWN else None
        return {"person_id": person_id, "post_role": None, "organisation_name": None}
    role, tier = _REVIEWERS[step.by]
    union = head.who.union.ancestors[tier]
    return {
        "person_id": signers.get((role, union.code)),
        "post_role": role.value,
        "organisation_name": union.name,
    }
