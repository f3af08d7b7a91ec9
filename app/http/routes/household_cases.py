"""The household file as staff see and handle it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, WithJsonSchema

from app.audit.commands import record
from app.db.scope import permissions_over
from app.db.transaction import Record
from app.files.commands import attach
from app.households import correcting, exits, merging, steps, transfers
from app.households.changes import as_of as file_as_of
from app.households.changes import form_then
from app.households.classing import Proposed
from app.households.criteria import HardshipClass
from app.households.exits import ExitKind, Proposal
from app.households.forms import MAX_MEMBERS, Relation
from app.households.levels import ArchiveLevel
from app.households.merging import Into
from app.households.path import CANCEL_REASONS, PATH
from app.households.queries import (
    FORM,
    FileFilter,
    HouseholdNotFound,
    file,
    file_count,
    files,
    form_of,
    keeper_of,
    passages,
    waiting,
)
from app.households.register import register_gaps
from app.households.splitting import Leaving, split
from app.households.steps import Signature
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.gates import GATES
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.routes.households import AsOf, past
from app.http.views import households as views
from app.kernel.actor import Permission
from app.kernel.errors import StaleVersion
from app.organisations.queries import organisation, organisation_of_code
from app.policy.fields import Code, Fen, FileIds, Id, IsoDate, LongText

router = APIRouter(prefix=f"{PREFIX}/staff/households", tags=["家庭档案"], route_class=Door)
WAITS = (
    Permission.ACCEPT_CASE,
    Permission.REVIEW_AT_UNIT,
    Permission.REVIEW_AT_DISTRICT,
    Permission.APPROVE_AT_CITY,
)


STAFF_ACTIONS = list(dict.fromkeys(s.action for s in PATH.steps if s.by not in (Permission.OWN, Permission.SYSTEM)))


class ExitProposal(In):
    """退出：脱困（lifted）、解困（relieved）或注销（cancelled）。脱困和解困按现在的收支重新测算。"""

    kind: ExitKind
    code: Annotated[str, WithJsonSchema({"type": "string", "enum": list(CANCEL_REASONS)})] | None = None
    file_ids: FileIds
    income_fen_yearly: Fen | None = None
    rigid_spending_fen: Fen | None = None
    months_above: Annotated[int, Field(ge=0, le=600)] | None = Field(
        default=None, description="帮扶后人均收入已连续多少个月高于低保标准"
    )
    floor_aid_fen_yearly: Fen = Field(default=0, description="政府兜底保障全年金额，单位分")
    standing_aid_fen_yearly: Fen = Field(default=0, description="工会常态化帮扶全年金额，单位分")

    def proposal(self) -> Proposal:
        told = self.model_dump(exclude={"file_ids"})
        return Proposal(**told, file_ids=tuple(self.file_ids))


class MergeInto(In):
    """并入的档案，和本档案户主与那份档案户主的关系。"""

    household_id: Id
    version: Annotated[int, Field(ge=1, le=999_999_999)]
    head_relation: Relation


class HouseholdAction(In):
    action: Annotated[str, WithJsonSchema({"type": "string", "enum": STAFF_ACTIONS})]
    note: LongText | None = None
    reason_code: str | None = None
    exit: ExitProposal | None = Field(default=None, description="提出退出（propose_exit）时填写")
    merge: MergeInto | None = Field(default=None, description="并入另一份档案（merge）时填写")


class HouseholdSplit(In):
    head: Annotated[int, Field(ge=0, le=MAX_MEMBERS, description="新户主在家庭成员中的位置，从 0 数起")]
    members: Annotated[list[Annotated[int, Field(ge=0, le=MAX_MEMBERS)]], Field(max_length=MAX_MEMBERS)]
    note: LongText


class HouseholdParted(views.HouseholdMoved):
    """分户之后：原档案，和新户主名下的草稿。"""

    new_household_id: str


class TransferOffer(In):
    organisation_code: Code
    note: LongText


class TransferAnswer(In):
    action: transfers.Answer
    note: LongText | None = None


class HouseholdCorrection(In):
    form: Annotated[dict[str, Any], WithJsonSchema({"anyOf": [{"$ref": "#/components/schemas/HouseholdFormDraft"}]})]
    reason: LongText


class HouseholdClass(In):
    category: HardshipClass
    archive_level: ArchiveLevel
    note: LongText | None = None


class CohortMark(In):
    fixed_on: IsoDate | None
    """The day on which the city fixed it; null takes the mark away."""
    note: LongText | None = None


@router.get("/tasks", summary="待办的家庭档案", response_model=views.HouseholdTaskPage)
async def list_household_tasks(
    desk: Annotated[Desk, staff(*WAITS)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """先提交的在前。"""
    after = desk.service.cursors.read("household_tasks", cursor)
    rows = await waiting(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("household_tasks", rows, limit, "submitted_at")
    return answer({"items": [views.task(row) for row in page], "next_cursor": following})


StateQuery = Annotated[
    str | None,
    Query(description="只看一种状态", pattern=f"^({'|'.join(PATH.states)})$"),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": list(PATH.states)}, {"type": "null"}]}),
]
NumberQuery = Annotated[str | None, Query(max_length=40, pattern=r"^[0-9A-Z-]+$", description="档案编号")]


@router.get("", summary="家庭档案列表", response_model=views.HouseholdTaskPage)
async def list_households(
    desk: Annotated[Desk, staff(Permission.READ_CASES)],
    state: StateQuery = None,
    q: NumberQuery = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """管辖范围内已提交过的档案，后提交的在前。"""
    after = desk.service.cursors.read("households", cursor)
    rows = await files(desk.work.transaction, desk.actor, FileFilter(state, q), limit + 1, after)
    page, following = desk.service.cursors.cut("households", rows, limit, "submitted_at")
    return answer({"items": [views.task(row) for row in page], "next_cursor": following})


@router.get("/count", summary="家庭档案数", response_model=views.HouseholdCount)
async def count_households(
    desk: Annotated[Desk, staff(Permission.READ_CASES)], state: StateQuery = None, q: NumberQuery = None
) -> Response:
    """管辖范围内有多少份。"""
    return answer({"count": await file_count(desk.work.transaction, desk.actor, FileFilter(state, q))})


@router.get("/transfers", summary="转来的家庭档案", response_model=views.TransferPage)
async def list_transfers(
    desk: Annotated[Desk, staff(Permission.ACCEPT_CASE)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """其他工会提出转来、等本工会答复的档案，先提出的在前。接收之前看不到档案内容。"""
    after = desk.service.cursors.read("household_transfers", cursor)
    rows = await transfers.offered(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("household_transfers", rows, limit, "created_at")
    return answer({"items": [views.transfer(row, desk.work.keyring) for row in page], "next_cursor": following})


@router.get("/{household_id}", summary="查看家庭档案", response_model=views.HouseholdCase)
async def read_household_case(
    household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)], as_of: AsOf = None
) -> Response:
    """姓名和证件号码已脱敏；每次查看都有记录，本人可以看到。给出 as_of 的，返回那一天结束时的档案。"""
    work = desk.work
    row = await file(work.transaction, desk.actor, household_id)
    then = None if as_of is None else await file_as_of(work.transaction, work.keyring, row, past(as_of, desk))
    form = form_of(work.keyring, row) if as_of is None else form_then(then)
    if form is None:
        raise HouseholdNotFound
    await record(
        work,
        person_id=desk.actor.person_id,
        action="household.opened",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
    )
    if then is not None:
        return answer(views.case_then(then, form), version=row["version"])
    actions = PATH.open_to(row["state"], permissions_over(desk.actor, row))
    gaps = register_gaps(work.keyring.open_document(FORM, row["id"], row["form"]))
    taken = await passages(work.transaction, household_id)
    shown = views.case(row, form, gaps, Proposed.of(work, row), views.opinions(taken, work.keyring))
    return answer(shown | {"open_actions": actions}, version=row["version"])


@router.post("/{household_id}/actions", summary="办理家庭档案", response_model=views.HouseholdMoved)
async def act_on_household(
    household_id: PathId, body: HouseholdAction, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """受理、通过、退回补正、不予建档等；现在能做什么看 open_actions。需要 If-Match。"""
    said = Signature(note=body.note, reason_code=body.reason_code)
    work, actor, version = desk.work, desk.actor, desk.expected_version()
    if body.action == "propose_exit":
        proposal = body.exit.proposal() if body.exit else None
        moved = await exits.propose(work, actor, household_id, version, proposal, said, GATES)
        await _attach_evidence(desk, household_id, body)
    elif body.action == "merge":
        into = Into(**body.merge.model_dump()) if body.merge else None
        moved = await merging.merge(work, actor, household_id, version, into, said, GATES)
    else:
        moved = await steps.act(work, actor, household_id, version, body.action, said, GATES)
    return _moved(moved)


async def _attach_evidence(desk: Desk, household_id: UUID, body: HouseholdAction) -> None:
    """What shows that a household may leave is the proposing clerk's own upload."""
    proposed = await exits.open_exit(desk.work.transaction, household_id)
    if proposed is not None:
        said = body.model_dump(mode="json", include={"exit"})
        await attach(desk.work, desk.actor.person_id, "household_exit", proposed["id"], said)


@router.put("/{household_id}/form", summary="补正家庭档案", response_model=views.HouseholdMoved)
async def correct_household(
    household_id: PathId, body: HouseholdCorrection, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """经办人补齐登记表或更正所填内容：户主和成员按项修改（成员按原来的顺序），其余各项整体替换。

    户主和成员的姓名、证件号码以及家庭人口不在这里修改。需要 If-Match。
    """
    moved = await correcting.correct(
        desk.work, desk.actor, household_id, desk.expected_version(), body.form, body.reason
    )
    return _moved(moved)


@router.put("/{household_id}/class", summary="确定困难类别和档案级别", response_model=views.HouseholdMoved)
async def classify_household(
    household_id: PathId, body: HouseholdClass, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """与按口径测算的类别不同的，要写明理由。需要 If-Match。"""
    moved = await correcting.set_class(
        desk.work, desk.actor, household_id, desk.expected_version(), body.category, body.archive_level, body.note
    )
    return _moved(moved)


@router.put("/{household_id}/cohort", summary="标记解困脱困对象", response_model=views.HouseholdMoved)
async def mark_cohort(
    household_id: PathId, body: CohortMark, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """2016年10月31日以前在册的重点对象，由市总工会确定。需要 If-Match。"""
    moved = await correcting.set_cohort(
        desk.work, desk.actor, household_id, desk.expected_version(), body.fixed_on, body.note
    )
    return _moved(moved)


@router.post("/{household_id}/split", summary="分户", response_model=HouseholdParted)
async def split_household(
    household_id: PathId, body: HouseholdSplit, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """部分成员另立一份档案：在新户主名下生成草稿，由新户主补全、提交。需要 If-Match。"""
    leaving = Leaving(body.head, tuple(body.members))
    row, new_id = await split(desk.work, desk.actor, household_id, desk.expected_version(), leaving, body.note)
    shown = {"id": str(row["id"]), "state": row["state"], "version": row["version"], "new_household_id": str(new_id)}
    return answer(shown, version=row["version"])


@router.post("/{household_id}/transfers", status_code=201, summary="提出转移档案", response_model=views.HouseholdMoved)
async def offer_household(
    household_id: PathId, body: TransferOffer, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """转给本市另一个工会：对方接收后才转移，各步经过都保留。需要 If-Match。"""
    work, expected = desk.work, desk.expected_version()
    row = await file(work.transaction, desk.actor, household_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    keeper = await organisation(work.transaction, keeper_of(row))
    to = await organisation_of_code(work.transaction, body.organisation_code)
    offer = await transfers.propose(work, desk.actor, household_id, expected, keeper, to, body.note)
    return answer({"id": str(offer), "state": "proposed", "version": 1}, 201, version=1)


@router.post("/transfers/{transfer_id}/actions", summary="答复转移", response_model=views.HouseholdMoved)
async def answer_transfer(
    transfer_id: PathId, body: TransferAnswer, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """对方工会接收（accept）或不接收（refuse）；提出的工会可以撤回（withdraw）。需要 If-Match。"""
    version = desk.expected_version()
    return _moved(await transfers.end(desk.work, desk.actor, transfer_id, version, body.action, body.note))


def _moved(row: Record) -> Response:
    return answer({"id": str(row["id"]), "state": row["state"], "version": row["version"]}, version=row["version"])
