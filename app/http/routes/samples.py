"""Samples of what was paid (支付后抽查): announced, drawn, and checked payment by payment."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.audit.commands import record_reading
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.uploads import Attachment, downloaded
from app.http.views import samples as views
from app.kernel.actor import Permission
from app.kernel.errors import Conflict, FieldError, Invalid
from app.policy.fields import Code, Instant, LongText
from app.supervision import sample_commands as commands
from app.supervision import sample_queries as queries
from app.supervision.disclosure import disclosure_on
from app.supervision.rules import Amount, Answers, Arrived, Papers, Reached, error_share

router = APIRouter(prefix=f"{PREFIX}/staff/samples", tags=["支付后抽查"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_FUNDS)]
Supervisor = Annotated[Desk, staff(Permission.SUPERVISE)]
RecordedSupervisor = Annotated[Desk, staff(Permission.SUPERVISE, recorded=True)]


class SampleNotDrawn(Conflict):
    """还没有抽取，没有名单。"""


class SampleRequest(In):
    organisation_code: Annotated[Code, Field(description="抽查哪个工会及其下级的付款")]
    since: Instant
    until: Annotated[Instant, Field(description="不含；须在登记时还没有到")]
    size: Annotated[int, Field(ge=1, le=1000, description="抽多少笔；每个区县的每种帮扶至少一笔")]


class CheckAction(In):
    action: Annotated[Literal["close", "reopen"], Field(description="close 写下结果 · reopen 有误，重新打开")]
    reached: Annotated[Reached | None, Field(description="close 必填：有没有联系到领款人")] = None
    arrived: Annotated[Arrived | None, Field(description="close 必填：钱到了没有")] = None
    amount: Annotated[Amount | None, Field(description="close 必填：金额对不对")] = None
    papers: Annotated[Papers | None, Field(description="close 必填：档案材料齐不齐")] = None
    note: LongText | None = Field(default=None, description="有差错、核实不了或重新打开的必填；封存")


@router.get("", summary="支付后抽查", response_model=views.SamplePage)
async def list_samples(desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """本工会和下级工会的抽查，新的在前；登记了还没有抽取的也在其中。"""
    after = desk.service.cursors.read("samples", cursor)
    rows = await queries.samples(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("samples", rows, limit, "created_at")
    return answer({"items": [views.sample(row) for row in page], "next_cursor": following})


@router.post("", status_code=201, summary="登记抽查", response_model=views.SampleView)
async def announce_sample(body: SampleRequest, desk: Supervisor) -> Response:
    """期间结束之前登记范围、期间和样本量。系统这时产生种子并封存，只公布它的校验码；一个工会一段期间只登记一次。"""
    wanted = commands.Wanted(body.organisation_code, body.since, body.until, body.size)
    sample_id = await commands.announce(desk.work, desk.actor, wanted)
    row = await queries.sample(desk.work.transaction, desk.actor, sample_id)
    return answer(views.sample(row), 201, version=row["version"])


@router.get("/{sample_id}", summary="查看抽查", response_model=views.SampleDetail)
async def read_sample(sample_id: PathId, desk: Reader) -> Response:
    """种子、名单校验码、抽法、各层，和已有结果的汇总：差错率及其置信区间。"""
    row = await queries.sample(desk.work.transaction, desk.actor, sample_id)
    return await _detail(desk, row["id"])


@router.post("/{sample_id}/draw", summary="抽取", response_model=views.SampleDetail)
async def draw_sample(sample_id: PathId, desk: Supervisor) -> Response:
    """期间结束之后：冻结名单，公布种子，按公布的抽法抽取。此后付款再有变化，名单也不变。需要 If-Match。"""
    await commands.draw_sample(desk.work, desk.actor, sample_id, desk.expected_version())
    return await _detail(desk, sample_id)


async def _detail(desk: Desk, sample_id: PathId) -> Response:
    transaction = desk.work.transaction
    row = await queries.sample(transaction, desk.actor, sample_id)
    tally, findings = await queries.tally(transaction, sample_id), await queries.findings(transaction, sample_id)
    results = [result for result, (count, _) in tally.items() for _ in range(count)]
    share = error_share(results, disclosure_on(desk.work.today).z_ten_thousandths)
    return answer(views.detail(row, tally, findings, share), version=row["version"])


@router.get(
    "/{sample_id}/population",
    status_code=200,
    summary="下载冻结的名单",
    response_class=Attachment,
    responses=downloaded("text/csv"),
)
async def read_population(sample_id: PathId, desk: RecordedSupervisor) -> Response:
    """CSV，没有个人信息。用 tools/redraw_sample.py 可以离线重抽，结果与系统一致；每次下载都有记录。"""
    row = await queries.sample(desk.work.transaction, desk.actor, sample_id)
    content = await queries.population_of(desk.work.transaction, row["id"])
    if content is None:
        raise SampleNotDrawn
    await commands.population_taken(desk.work, desk.actor, row)
    return Attachment(content, "text/csv", f"population-{row['id']}.csv")


@router.get("/{sample_id}/checks", summary="抽到的付款", response_model=views.CheckPage)
async def list_checks(
    sample_id: PathId,
    desk: Supervisor,
    state: Annotated[views.CheckState | None, Query(description="只看一种状态")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """按抽取的先后。"""
    row = await queries.sample(desk.work.transaction, desk.actor, sample_id)
    after = desk.service.cursors.read("payment_checks", cursor)
    rows = await queries.checks(desk.work.transaction, desk.actor, row["id"], state, limit + 1, after)
    page, following = desk.service.cursors.cut("payment_checks", rows, limit, "created_at")
    return answer({"items": [views.check(each) for each in page], "next_cursor": following})


@router.get("/{sample_id}/checks/{check_id}", summary="查看一笔抽查", response_model=views.CheckDetail)
async def read_check(sample_id: PathId, check_id: PathId, desk: RecordedSupervisor) -> Response:
    """查到的情况。每次查看都有记录，本人可以看到。"""
    work = desk.work
    row = await queries.check(work.transaction, desk.actor, sample_id, check_id)
    await record_reading(
        work,
        desk.actor,
        kind="payment_check",
        row=row,
        subject_person_id=row["applicant_id"],
        purpose="supervision",
        waits=False,
    )
    return answer(views.check_detail(row, work.keyring), version=row["version"])


@router.post("/{sample_id}/checks/{check_id}/actions", summary="写下抽查结果", response_model=views.CheckDetail)
async def act_on_check(sample_id: PathId, check_id: PathId, body: CheckAction, desk: Supervisor) -> Response:
    """由没有办理过这份申请、与领款人无关的人写。无误还是有差错由各项回答得出，不另选。需要 If-Match。"""
    work, expected = desk.work, desk.expected_version()
    asked = {name: getattr(body, name) for name in ("reached", "arrived", "amount", "papers")}
    if body.action == "reopen":
        if any(value is not None for value in asked.values()):
            raise Invalid(FieldError("/action", "answers_not_asked", "重新打开的，只写理由。"))
        row = await commands.reopen_check(work, desk.actor, sample_id, check_id, expected, body.note)
    else:
        missing = [
            FieldError(f"/{name}", "missing", "请填写这一项。") for name, value in asked.items() if value is None
        ]
        if missing:
            raise Invalid(*missing)
        row = await commands.close_check(work, desk.actor, sample_id, check_id, expected, Answers(**asked), body.note)
    return answer(views.check_detail(row, work.keyring), version=row["version"])
