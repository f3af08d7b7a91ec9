"""What staff do: their queue, a case, a step on it; and enrolling people in covers."""

from datetime import datetime
from functools import cache, partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, WithJsonSchema

from app.applications import commands
from app.applications.lifting.queries import permissions_now
from app.applications.path import Action, Kind, State
from app.applications.queries import case, case_asked, to_act, to_act_found
from app.applications.queue import TaskFilter, task_count, tasks
from app.applications.steps import KeyedStep, Moved
from app.applications.supplements.commands import take_back
from app.applications.undoing.commands import undo
from app.audit.commands import Reading, record_look
from app.cases.queries import case_file
from app.covers.commands import enrol
from app.db.scope import Shape, post_over, shape
from app.db.statements import Statement
from app.http.door import PREFIX, BriefDesk, Desk, Door, Entrance, answer, asked_again, entrance, staff
from app.http.idempotency import beside_answer
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views import applications as views
from app.http.views import cases as case_views
from app.http.views.applications import Purpose
from app.kernel.actor import Permission
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import FieldError, Invalid
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.kinds.secondary_medical.commands import enrol_unit
from app.organisations.queries import OrganisationNotFound, organisation_of_code
from app.policy.fields import Code, Fen, IsoDate, LongText

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["工会办理"], route_class=Door)
STAFF_ACTIONS = [
    Action.ACCEPT,
    Action.RETURN,
    Action.REJECT,
    Action.APPROVE,
    Action.OBJECT,
    Action.WITHDRAW_SUPPLEMENT,
    Action.UNDO,
]
WITH_TIMELINE = {Action.WITHDRAW_SUPPLEMENT: take_back, Action.UNDO: undo}
"""Steps that look at what was done before, or write more than the step: they take a transaction."""


class TaskPage(BaseModel):
    items: list[views.TaskView]
    next_cursor: str | None


class TaskCount(BaseModel):
    count: int = Field(description="最多数到 10001")


class CaseAction(In):
    action: Annotated[str, WithJsonSchema({"type": "string", "enum": [str(action) for action in STAFF_ACTIONS]})]
    note: LongText | None = None
    reason_code: str | None = None
    amount_fen: Fen | None = Field(default=None, description="核定金额：通过时可以少给；多于此前批准的，重新审核")


class CoverRequest(In):
    id_number: Annotated[str, Field(min_length=15, max_length=40)]
    organisation_code: Code
    starts_on: IsoDate
    ends_on: IsoDate
    is_renewal: bool | None = Field(default=None, description="是否续保；不填的，按以前的参保记录认定")


class CoverView(BaseModel):
    id: str


class EnrolmentRequest(In):
    organisation_code: Code
    staff_count: Annotated[int, Field(ge=1, le=1_000_000, description="在职职工人数")]
    starts_on: IsoDate
    id_numbers: Annotated[
        list[Annotated[str, Field(min_length=15, max_length=40)]], Field(min_length=1, max_length=1_000)
    ]


class EnrolmentView(BaseModel):
    """登记的结果：人数、保障期和所依据的计划版本。"""

    count: int
    starts_on: str
    ends_on: str
    policy_version: str
    policy_source: str


def _wanted(kind: Kind | None, state: State | None, q: str | None, overdue: bool, now: datetime) -> TaskFilter:
    return TaskFilter(kind, state, q, now if overdue else None)


KindQuery = Annotated[Kind | None, Query(description="只看一种帮扶")]
StateQuery = Annotated[State | None, Query(description="只看一种状态")]
OverdueQuery = Annotated[Flag, Query(description="只看已超期的")]
NumberQuery = Annotated[str | None, Query(max_length=40, pattern=r"^[0-9A-Z-]+$", description="申请编号")]


@router.get("/tasks", summary="我的待办", response_model=TaskPage)
async def list_tasks(
    desk: Annotated[Desk, staff(Permission.READ_CASES, lent=True)],
    kind: KindQuery = None,
    state: StateQuery = None,
    overdue: OverdueQuery = False,
    q: NumberQuery = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """等我办理的申请，先提交的在前。"""
    after = desk.service.cursors.read("tasks", cursor)
    wanted = _wanted(kind, state, q, overdue, desk.work.now)
    rows = await tasks(desk.work.transaction, desk.actor, wanted, limit + 1, after)
    page, following = desk.service.cursors.cut("tasks", rows, limit, "submitted_at")
    return answer({"items": [views.task(row) for row in page], "next_cursor": following})


@router.get("/tasks/count", summary="我的待办数", response_model=TaskCount)
async def count_tasks(
    desk: Annotated[Desk, staff(Permission.READ_CASES, lent=True)],
    kind: KindQuery = None,
    state: StateQuery = None,
    overdue: OverdueQuery = False,
    q: NumberQuery = None,
) -> Response:
    """等我办理的有多少。"""
    return answer(
        {"count": await task_count(desk.work.transaction, desk.actor, _wanted(kind, state, q, overdue, desk.work.now))}
    )


@router.get("/applications/{application_id}", summary="查看案件", response_model=case_views.CaseView)
async def read_case(
    application_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, lent=True)], purpose: Purpose = None
) -> Response:
    """表单（证件号码和诊断已脱敏）、家庭情况、今年各项帮扶、材料、决定和理由、办理过程、没有办完的相关事项。每次查看都有记录，
    本人可以看到。"""
    work, actor = desk.work, desk.actor
    year = datetime(work.today.year, 1, 1, tzinfo=SHANGHAI)
    row = await case_file(work.transaction, actor, application_id, year)
    shown = case_views.case(row, actor, await permissions_now(work, actor, row), work)
    reading = Reading(actor, "application", row, row["applicant_id"], purpose, waits=bool(shown["open_actions"]))
    await record_look(work, reading)
    return answer(shown, version=row["version"])


@router.post("/applications/{application_id}/actions", summary="办理案件", response_model=views.MovedView)
async def act(
    application_id: PathId, body: CaseAction, entrance: Annotated[Entrance, entrance(Permission.READ_CASES, lent=True)]
) -> Response:
    """受理、通过、退回补正、不予通过，收回补充要求，或撤销别人的决定（undo，须写意见）。

    发放按批办理，见 /staff/batches。

    需要 If-Match；现在能做什么看 open_actions。要求补充材料见 /staff/applications/{application_id}/supplements。

    与申请人有家人、亲属、同单位任职关系的应当回避；一级全部回避的，由上一级写明理由代为办理。

    通过时可以核定金额（amount_fen），不超过按政策测算的金额，并写明理由。比此前批准的少，照常往下办理；比此前批准的多，
    之前的审核作废，按新的金额重新确定审批环节，从第一个环节重新审核。住院二次医保不能改变金额。

    最后一个环节通过时预留资金；没有可用的预算，申请进入待拨付名单（waiting_funds），waiting 说明排在第几位。
    """
    said = commands.Said(body.action, body.note, body.reason_code, body.amount_fen)
    if said.action in WITH_TIMELINE:
        return await _act_at_length(await entrance.desk(), application_id, said)
    return await asked_again(partial(_act, await entrance.brief(), application_id, said))


async def _act(desk: BriefDesk, application_id: UUID, said: commands.Said) -> Response:
    expected = desk.expected_version()
    question = _to_act(shape(desk.actor.reach(Permission.READ_CASES)))
    row = to_act_found(await desk.ask(question, **case_asked(desk.actor, application_id)))
    commands.expect_version(row, expected)
    keeping = desk.keeping(_moved)
    await commands.act(desk.work, desk.actor, row, said, KeyedStep(keeping, desk.lock))
    return keeping.response


@cache
def _to_act(tiers: Shape) -> Statement:
    return beside_answer(to_act(tiers))


async def _act_at_length(desk: Desk, application_id: UUID, said: commands.Said) -> Response:
    row = await case(desk.work.transaction, desk.actor, application_id)
    commands.expect_version(row, desk.expected_version())
    keeping = desk.keeping(_moved)
    await WITH_TIMELINE[Action(said.action)](desk.work, desk.actor, row, said, keeping)
    return keeping.response


def _moved(moved: Moved) -> Response:
    shown = {"id": str(moved.id), "state": moved.state, "version": moved.version}
    return answer(shown | views.in_line(moved.place), version=moved.version)


@router.post("/covers", status_code=201, summary="登记二次医保参保", response_model=CoverView)
async def enrol_cover(body: CoverRequest, desk: Annotated[Desk, staff(Permission.ENROL_COVER)]) -> Response:
    """为本工会的职工登记一个保障期（首尾两天都包括在内）。"""
    union = await organisation_of_code(desk.work.transaction, body.organisation_code)
    if post_over(desk.actor, Permission.ENROL_COVER, union) is None:
        raise OrganisationNotFound
    try:
        number = resident_id(body.id_number, desk.work.today).number
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError("/id_number", wrong.code, wrong.message)) from None
    cover_id = await enrol(
        desk.work, desk.actor.person_id, union, number, body.starts_on, body.ends_on, is_renewal=body.is_renewal
    )
    return answer({"id": str(cover_id)}, 201)


@router.post("/covers/enrolments", status_code=201, summary="登记单位集体参保", response_model=EnrolmentView)
async def enrol_unit_list(body: EnrolmentRequest, desk: Annotated[Desk, staff(Permission.ENROL_COVER)]) -> Response:
    """按计划的参保条件登记本单位的一份名单，要么全部登记，要么逐项说明原因、一个也不登记。"""
    union = await organisation_of_code(desk.work.transaction, body.organisation_code)
    if post_over(desk.actor, Permission.ENROL_COVER, union) is None:
        raise OrganisationNotFound
    count, ends_on, policy = await enrol_unit(
        desk.work, desk.actor.person_id, union, body.staff_count, body.starts_on, body.id_numbers
    )
    shown = {
        "count": count,
        "starts_on": body.starts_on.isoformat(),
        "ends_on": ends_on.isoformat(),
        "policy_version": policy.version,
        "policy_source": policy.source,
    }
    return answer(shown, 201)
