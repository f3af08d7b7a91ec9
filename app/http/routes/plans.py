"""One plan for each household, its measures, and the services under them: the unit writes, districts read."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from app.audit.commands import record
from app.households.queries import file, living
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import In, PathId
from app.http.views import plans as views
from app.kernel.actor import Permission
from app.plans import commands
from app.plans.commands import Change, Given, NewMeasure, Replaced
from app.plans.queries import PlanNotFound, open_plan_whole, plans_of
from app.plans.rules import MeasureKind, MeasureResult, MeasureState, ServiceUnit
from app.policy.fields import Id, IsoDate, LongText, ShortText

router = APIRouter(prefix=PREFIX, tags=["帮扶计划"], route_class=Door)
StaffResult = Annotated[MeasureResult, Field(description="achieved 达到，partly 部分达到，not_achieved 没有达到")]


class MeasureRequest(In):
    kind: MeasureKind
    due_on: IsoDate | None = Field(default=None, description="完成期限；认领时不填的，按这种措施通常的期限")
    take: bool = Field(default=False, description="由本人认领，作负责人；否则只是提出，等人认领")


class ReplacedRequest(In):
    plan_id: Id
    result: StaffResult
    note: LongText | None = None


class PlanRequest(In):
    measures: Annotated[list[MeasureRequest], Field(max_length=20)] = Field(default_factory=list)
    replaces: ReplacedRequest | None = Field(default=None, description="执行中的原计划和它的结果；没有原计划的不填")


class MeasureChange(In):
    state: MeasureState
    due_on: IsoDate | None = None
    result: StaffResult | None = None
    note: LongText | None = None
    take: bool = Field(default=False, description="由本人认领或接手，作负责人")


class ServiceRequest(In):
    given_on: IsoDate
    provider: Annotated[ShortText, Field(description="提供服务的单位，不写个人姓名")]
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    unit: ServiceUnit
    note: LongText | None = None


class PlanClosing(In):
    result: StaffResult
    note: LongText | None = None


@router.get("/me/household/plan", summary="我家的帮扶计划", response_model=views.PlanView)
async def read_own_plan(desk: WorkerDesk) -> Response:
    """执行中的计划：每项措施、负责人、期限和已得到的服务。没有的返回 404。"""
    row = await living(desk.work.transaction, desk.actor.person_id)
    if row is None:
        raise PlanNotFound
    plan, measures = await open_plan_whole(desk.work.transaction, row["id"])
    return answer(views.plan(plan, measures, desk.work.keyring), version=plan["version"])


@router.get("/staff/households/{household_id}/plans", summary="这户的帮扶计划", response_model=views.PlanPage)
async def list_plans(
    household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """新的在前，连同措施和服务；每次查看都有记录，本人可以看到。"""
    row = await file(desk.work.transaction, desk.actor, household_id)
    found = await plans_of(desk.work.transaction, household_id)
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="plan.read",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
    )
    return answer(views.plans(found, desk.work.keyring))


@router.post(
    "/staff/households/{household_id}/plans", status_code=201, summary="制定帮扶计划",
    response_model=views.PlanOpenedView,
)  # fmt: skip
async def open_plan(
    household_id: PathId, body: PlanRequest, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """一户至多一份执行中的计划；换新计划时，原计划连同结果一并结束。由所在基层工会制定。"""
    row = await file(desk.work.transaction, desk.actor, household_id, locked=True)
    measures = [NewMeasure(each.kind, each.due_on, each.take) for each in body.measures]
    old = body.replaces
    replaced = Replaced(old.plan_id, old.result, old.note) if old else None
    plan_id = await commands.start_plan(desk.work, desk.actor, row, measures, replaced)
    return answer({"id": str(plan_id)}, 201)


@router.post(
    "/staff/plans/{plan_id}/measures", status_code=201, summary="增加帮扶措施", response_model=views.MeasureAddedView
)
async def add_measure(
    plan_id: PathId, body: MeasureRequest, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """在执行中的计划里增加一项措施。"""
    new = NewMeasure(body.kind, body.due_on, body.take)
    measure_id = await commands.add_measure(desk.work, desk.actor, plan_id, new)
    return answer({"id": str(measure_id)}, 201)


@router.put("/staff/measures/{measure_id}", summary="修改帮扶措施", response_model=views.VersionView)
async def change_measure(
    measure_id: PathId, body: MeasureChange, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """认领、改期限、填写结果。计划结束后措施不能再改。需要 If-Match。"""
    change = Change(body.state, body.due_on, body.result, body.note, body.take)
    version = await commands.change_measure(desk.work, desk.actor, measure_id, desk.expected_version(), change)
    return answer({"id": str(measure_id), "version": version}, version=version)


@router.post(
    "/staff/measures/{measure_id}/services", status_code=201, summary="登记服务", response_model=views.ServiceAddedView
)
async def record_service(
    measure_id: PathId, body: ServiceRequest, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """登记不发钱的帮扶：培训名额、法律援助、心理咨询、职业介绍等；同样算作帮扶。"""
    given = Given(body.given_on, body.provider, body.quantity, body.unit, body.note)
    service_id = await commands.record_service(desk.work, desk.actor, measure_id, given)
    return answer({"id": str(service_id)}, 201)


@router.post("/staff/plans/{plan_id}/close", summary="结束帮扶计划", response_model=views.VersionView)
async def close_plan(
    plan_id: PathId, body: PlanClosing, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """写明结果，结束计划；其中的措施从此不再改动。需要 If-Match。"""
    version = await commands.close_plan(desk.work, desk.actor, plan_id, desk.expected_version(), body.result, body.note)
    return answer({"id": str(plan_id), "version": version}, version=version)
