"""Home visits: staff plan them, visitors fill them in online or not, the worker confirms what was written down."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.audit.commands import record
from app.db.scope import post_over
from app.households.queries import file
from app.http import problems
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views import visits as views
from app.kernel.actor import Permission
from app.kernel.errors import Conflict, NotAllowed
from app.kernel.money import MAX_FEN
from app.policy.fields import Id, IsoDate, LongText
from app.visits import commands
from app.visits.path import PATH, Purpose
from app.visits.queries import open_visit_count, open_visits, own_visits, shown_visit, visitors_for, visits_to
from app.visits.syncing import commands as syncing
from app.visits.syncing.queries import conflicts
from app.visits.syncing.rules import Operation

router = APIRouter(prefix=PREFIX, tags=["入户走访"], route_class=Door)
MAX_OPERATIONS = 200
VisitDesk = Annotated[Desk, staff(Permission.READ_CASES, Permission.FILL_ASSIGNED_VISIT)]
MineQuery = Annotated[Flag, Query(description="只看分派给我的")]


class OperationConflict(Conflict):
    """有几处已被另一台设备填写，两个内容都保留着，请逐处选定；其余的已经填上。"""


class VisitPlan(In):
    purpose: Purpose
    planned_on: IsoDate
    visitor_ids: Annotated[list[Id], Field(min_length=1, max_length=commands.MAX_VISITORS)]


class PositionIn(In):
    """百万分之一度。"""

    latitude_e6: Annotated[int, Field(ge=-90_000_000, le=90_000_000)]
    longitude_e6: Annotated[int, Field(ge=-180_000_000, le=180_000_000)]


class VisitAction(In):
    action: Literal["start", "end", "cancel"]
    note: LongText | None = Field(default=None, description="取消时必填原因")
    position: PositionIn | None = Field(default=None, description="开始走访时的位置，只有本人同意才可以记录")
    position_agreed: bool = Field(default=False, description="本人同意记录位置")


class OperationIn(In):
    """一次填写。"""

    operation_id: Id = Field(description="设备给的编号，重发时不变")
    field: Annotated[str, Field(max_length=100, description="问卷里的 field、/photos/文件编号，或 /findings")]
    value: LongText | Annotated[int, Field(ge=0, le=MAX_FEN)] | bool | None = Field(
        description="照片填文件的 SHA-256；null 为取消这一项"
    )
    base_version: Annotated[int, Field(ge=0, le=2**31 - 1, description="填写时设备看到的走访版本号")]


class OperationQueue(In):
    operations: Annotated[list[OperationIn], Field(min_length=1, max_length=MAX_OPERATIONS)]


class ConflictChoice(In):
    choose: Literal["mine", "theirs"]
    theirs_version: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None, description="选定时看到的另一个内容的版本号；不填按第一次告知时的"
    )


class VisitConfirmation(In):
    agrees: bool = Field(description="记录属实")
    text: LongText | None = Field(default=None, description="不属实的，必须写明哪里不属实")


class VisitCount(BaseModel):
    count: int = Field(description="最多数到 10001")


# ---- planning ----


@router.get(
    "/staff/households/{household_id}/visitors", summary="可以安排走访这户的人员", response_model=views.VisitorPage
)
async def list_visitors(
    household_id: PathId,
    desk: Annotated[Desk, staff(Permission.PLAN_VISIT)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """这户所属各级工会的走访志愿者和办理人员。"""
    after = desk.service.cursors.read("visitors", cursor)
    household = await file(desk.work.transaction, desk.actor, household_id)
    if post_over(desk.actor, Permission.PLAN_VISIT, household) is None:
        raise NotAllowed
    rows = await visitors_for(desk.work.transaction, household, desk.work.today, limit + 1, after=after)
    page, following = desk.service.cursors.cut("visitors", rows, limit, "created_at")
    return answer({"items": [views.visitor(row) for row in page], "next_cursor": following})


@router.post(
    "/staff/households/{household_id}/visits",
    status_code=201,
    summary="安排入户走访",
    response_model=views.VisitMovedView,
)
async def plan_visit(
    household_id: PathId, body: VisitPlan, desk: Annotated[Desk, staff(Permission.PLAN_VISIT)]
) -> Response:
    """人数按现行要求；问卷从此固定为当天有效的版本。"""
    row = await commands.plan(desk.work, desk.actor, household_id, body.purpose, body.planned_on, body.visitor_ids)
    return answer(views.moved(row), 201, version=row["version"])


@router.get("/staff/households/{household_id}/visits", summary="对这户的走访", response_model=views.VisitPage)
async def list_household_visits(
    household_id: PathId,
    desk: Annotated[Desk, staff(Permission.READ_CASES)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """每一次走访，包括已经确认和取消的，先安排的在前。"""
    after = desk.service.cursors.read("household_visits", cursor)
    household = await file(desk.work.transaction, desk.actor, household_id)
    rows = await visits_to(desk.work.transaction, household, limit + 1, after)
    page, following = desk.service.cursors.cut("household_visits", rows, limit, "created_at")
    return answer({"items": [views.summary(row) for row in page], "next_cursor": following})


# ---- visiting ----


@router.get("/staff/visits", summary="走访列表", response_model=views.VisitPage)
async def list_visits(
    desk: VisitDesk,
    mine: MineQuery = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """还没有确认或取消的走访，先安排的在前。走访志愿者只看得到分派给自己的。"""
    after = desk.service.cursors.read("visits", cursor)
    rows = await open_visits(desk.work.transaction, desk.actor, limit + 1, after, mine=mine)
    page, following = desk.service.cursors.cut("visits", rows, limit, "created_at")
    return answer({"items": [views.summary(row) for row in page], "next_cursor": following})


@router.get("/staff/visits/count", summary="走访数", response_model=VisitCount)
async def count_visits(desk: VisitDesk, mine: MineQuery = False) -> Response:
    """还没有确认或取消的走访有多少。"""
    return answer({"count": await open_visit_count(desk.work.transaction, desk.actor, mine=mine)})


@router.get("/staff/visits/{visit_id}", summary="查看走访", response_model=views.VisitView)
async def read_visit(
    visit_id: PathId,
    desk: Annotated[Desk, staff(Permission.READ_CASES, Permission.FILL_ASSIGNED_VISIT, recorded=True)],
) -> Response:
    """地址、问卷和已填写的内容。每次查看都有记录，本人可以看到。"""
    work = desk.work
    row = await shown_visit(work.transaction, desk.actor, visit_id)
    await record(
        work,
        person_id=desk.actor.person_id,
        action="visit.opened",
        subject_kind="visit",
        subject_id=visit_id,
        subject_person_id=row["person_id"],
    )
    shown = views.whole(
        row,
        work.keyring,
        commands.policy_of(work, row),
        await conflicts(work.transaction, visit_id),
        commands.open_actions(desk.actor, row),
        in_reach=post_over(desk.actor, Permission.READ_CASES, row) is not None,
    )
    return answer(shown, version=row["version"])


@router.post("/staff/visits/{visit_id}/actions", summary="办理走访", response_model=views.VisitMovedView)
async def act_on_visit(visit_id: PathId, body: VisitAction, desk: VisitDesk) -> Response:
    """开始、结束或取消。结束时，与档案不一致的回答会请本人说明。需要 If-Match。"""
    row = await commands.act(
        desk.work,
        desk.actor,
        visit_id,
        desk.expected_version(),
        body.action,
        note=body.note,
        position=_position(body.position),
        position_agreed=body.position_agreed,
    )
    return answer(views.moved(row), version=row["version"])


def _position(given: PositionIn | None) -> commands.Position | None:
    return None if given is None else commands.Position(given.latitude_e6, given.longitude_e6)


@router.post("/staff/visits/{visit_id}/operations", summary="提交填写（可离线）", response_model=views.SyncedView)
async def take_operations(visit_id: PathId, body: OperationQueue, desk: VisitDesk) -> Response:
    """一批填写，可以重发，次序不限；重发不会改变什么。

    另一台设备改过同一项的，回答 409，两个内容都列在 conflicts 里，由人选定；同一批中其余的照样填上。
    """
    operations = [Operation(each.operation_id, each.field, each.value, each.base_version) for each in body.operations]
    return _synced(desk, await syncing.take(desk.work, desk.actor, visit_id, operations))


@router.post(
    "/staff/visits/{visit_id}/conflicts/{operation_id}", summary="选定冲突的填写", response_model=views.SyncedView
)
async def choose_value(visit_id: PathId, operation_id: PathId, body: ConflictChoice, desk: VisitDesk) -> Response:
    """选用自己的（mine）或另一个（theirs）。这期间又被改过的，再次回答 409。"""
    synced = await syncing.choose(desk.work, desk.actor, visit_id, operation_id, body.choose, body.theirs_version)
    return _synced(desk, synced)


def _synced(desk: Desk, outcome: syncing.Synced) -> Response:
    """What was kept is kept in either case: this refusal is an answer, and nothing is rolled back for it."""
    shown = views.synced(outcome)
    waiting = [views.conflict(each) for each in outcome.results if each.status == "conflict"]
    if not waiting:
        return answer(shown, version=outcome.version)
    request_id: str = desk.request.scope.get("request_id", "")
    refusal = OperationConflict()
    extra: dict[str, Any] = shown | {"conflicts": waiting}
    return problems.problem(request_id, problems.status_of(refusal), refusal.code, refusal.detail, **extra)


# ---- the worker ----


@router.get("/me/visits", summary="对我家的走访", response_model=views.OwnVisitPage)
async def list_own_visits(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """谁来、什么时候来；结束后可以看到记下的每一项。"""
    after = desk.service.cursors.read("own_visits", cursor)
    rows = await own_visits(desk.work.transaction, desk.actor.person_id, limit + 1, after)
    page, following = desk.service.cursors.cut("own_visits", rows, limit, "created_at")
    items = [
        views.own(
            row,
            desk.work.keyring,
            commands.policy_of(desk.work, row),
            PATH.open_to(row["state"], [Permission.OWN]),
        )
        for row in page
    ]
    return answer({"items": items, "next_cursor": following})


@router.post("/me/visits/{visit_id}/confirm", summary="确认走访记录", response_model=views.VisitMovedView)
async def confirm_visit(visit_id: PathId, body: VisitConfirmation, desk: WorkerDesk) -> Response:
    """记录属实的请确认；不属实的请写明，之后仍然可以确认。需要 If-Match。"""
    row = await commands.confirm(
        desk.work, desk.actor, visit_id, desk.expected_version(), agrees=body.agrees, text=body.text
    )
    return answer(views.moved(row), version=row["version"])
