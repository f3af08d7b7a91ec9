"""Payment batches: built by a maker, frozen, confirmed by a checker, told to the bank, and what the bank says."""

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.applications.path import Kind
from app.audit.commands import record
from app.db.scope import post_over
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.idempotency import CONTENT
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.uploads import Attachment, UploadDoor, downloaded, multipart, receiving
from app.http.views import payments as views
from app.kernel.actor import Permission
from app.kernel.errors import Conflict, FieldError, Invalid
from app.organisations.queries import organisation_of_code
from app.payments import commands, line_commands, result_commands, step_commands
from app.payments.layouts import ENDINGS, MEDIA_TYPES
from app.payments.path import BatchAction, BatchState
from app.payments.queries import PAYERS, batch, batches, page_of, sealed_file, tally
from app.policy.fields import Code, Instant, LongText
from app.spreadsheets.csv_reading import read_table
from app.spreadsheets.precheck import MESSAGES, Refused

router = APIRouter(prefix=f"{PREFIX}/staff/batches", tags=["付款批次"], route_class=Door)
uploads = APIRouter(prefix=f"{PREFIX}/staff/batches", tags=["付款批次"], route_class=UploadDoor)
RESULT_BYTES: Final = 5 * 1024 * 1024
RESULT_ROWS: Final = 5_000
Payer = Annotated[Desk, staff(*PAYERS, lent=True)]


class FileNotThere(Conflict):
    """这个批次还没有导出代发文件。"""


class NewBatch(In):
    organisation_code: Code = Field(description="哪个工会及其下级的申请")
    kinds: Annotated[list[Annotated[Kind, Field(strict=False)]], Field(min_length=1, max_length=3)] = Field(
        default_factory=lambda: list(Kind), description="哪些种类；不填为全部"
    )
    approved_until: Instant | None = Field(default=None, description="批准在此之前的；不填为现在")
    bank: Annotated[str, Field(max_length=20)] | None = Field(default=None, description="代发银行的代码；不填为第一家")


class BatchStep(In):
    action: Literal["freeze", "confirm", "export", "cancel"]


class LineStep(In):
    action: Literal["reissue", "write_off"]
    note: LongText | None = Field(default=None, description="核销必填：为什么不再发放，本人可以看到")


async def _wanted(desk: Desk, body: NewBatch) -> commands.Wanted:
    union = await organisation_of_code(desk.work.transaction, body.organisation_code)
    until: datetime = min(body.approved_until or desk.work.now, desk.work.now)
    return commands.Wanted(union, tuple(dict.fromkeys(body.kinds)), until, body.bank)


def _shown(desk: Desk, row: Record) -> dict[str, object]:
    held = [permission for permission in PAYERS if post_over(desk.actor, permission, row)]
    return views.batch(row, desk.actor.person_id, held)


@router.post("/preview", summary="预览付款批次", response_model=views.BatchContents)
async def preview_batch(body: NewBatch, desk: Annotated[Desk, staff(Permission.START_PAYMENT, lent=True)]) -> Response:
    """现在建批次，哪些能付、哪些不能付和原因；什么都不写入。"""
    return answer(views.contents(await commands.sort(desk.work, desk.actor, await _wanted(desk, body))))


@router.post("", status_code=201, summary="建付款批次", response_model=views.BuiltView)
async def build_batch(body: NewBatch, desk: Annotated[Desk, staff(Permission.START_PAYMENT, lent=True)]) -> Response:
    """已通过、公示期满的申请，先批准的在前，最多1000笔。不能付的说明原因；同一份申请同时只在一个批次里。"""
    batch_id, found = await commands.build(desk.work, desk.actor, await _wanted(desk, body))
    row = await batch(desk.work.transaction, desk.actor, batch_id)
    shown = {"batch": _shown(desk, row), "contents": views.contents(found)}
    return answer(shown, 201, version=row["version"])


@router.get("", summary="付款批次", response_model=views.PaymentBatchPage)
async def list_batches(
    desk: Payer,
    state: Annotated[BatchState | None, Query(description="只看一种状态")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本级及下级的付款批次，新的在前。"""
    after = desk.service.cursors.read("batches", cursor)
    rows = await batches(desk.work.transaction, desk.actor, state, limit + 1, after)
    page, following = desk.service.cursors.cut("batches", rows, limit, "created_at")
    return answer({"items": [_shown(desk, row) for row in page], "next_cursor": following})


@router.get("/{batch_id}", summary="查看付款批次", response_model=views.WholeBatchView)
async def read_batch(batch_id: PathId, desk: Payer) -> Response:
    """批次的校验码、制单和复核的岗位、各状态的笔数和金额，以及现在可以做什么。"""
    row = await batch(desk.work.transaction, desk.actor, batch_id)
    shown = _shown(desk, row) | {"tally": views.tallied(await tally(desk.work.transaction, batch_id))}
    return answer(shown, version=row["version"])


@router.get("/{batch_id}/lines", summary="批次的明细", response_model=views.LinePage)
async def list_lines(batch_id: PathId, desk: Payer, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """逐笔，姓名和卡号已脱敏。"""
    after = desk.service.cursors.read("payment_lines", cursor)
    await batch(desk.work.transaction, desk.actor, batch_id)
    rows = await page_of(desk.work.transaction, "payment_line", batch_id, limit + 1, after)
    page, following = desk.service.cursors.cut("payment_lines", rows, limit, "created_at")
    policy = commands.policy_of(desk.work)
    return answer({"items": [views.line(row, policy) for row in page], "next_cursor": following})


@router.get("/{batch_id}/breaks", summary="对不上的结果", response_model=views.BreakPage)
async def list_breaks(batch_id: PathId, desk: Payer, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """银行结果里对不上的行：没有按它办理，要逐行核实。"""
    after = desk.service.cursors.read("payment_breaks", cursor)
    await batch(desk.work.transaction, desk.actor, batch_id)
    rows = await page_of(desk.work.transaction, "payment_break", batch_id, limit + 1, after)
    page, following = desk.service.cursors.cut("payment_breaks", rows, limit, "created_at")
    return answer({"items": [views.broken(row) for row in page], "next_cursor": following})


@router.post("/{batch_id}/actions", summary="办理付款批次", response_model=views.WholeBatchView)
async def act_on_batch(batch_id: PathId, body: BatchStep, desk: Payer) -> Response:
    """freeze 冻结（制单人）· confirm 复核（另一人，各笔由此进入发放中）· export 生成代发文件（制单人，只生成一次）·
    cancel 作废（导出之前）。需要 If-Match。

    复核人与制单人不能是同一人、同一户、亲属，也不能办理过其中任何一份申请的审核。
    """
    row = await step_commands.act(desk.work, desk.actor, batch_id, desk.expected_version(), BatchAction(body.action))
    shown = _shown(desk, row) | {"tally": views.tallied(await tally(desk.work.transaction, batch_id))}
    return answer(shown, version=row["version"])


@router.get(
    "/{batch_id}/file",
    status_code=200,
    summary="下载代发文件",
    response_class=Attachment,
    responses=downloaded("text/csv", MEDIA_TYPES["xlsx"]),
)
async def read_batch_file(
    batch_id: PathId, desk: Annotated[Desk, staff(*PAYERS, recorded=True, lent=True)]
) -> Response:
    """只有这个批次的制单人和复核人可以下载；每次下载都有记录，内容一字不差。"""
    work, me = desk.work, desk.actor.person_id
    row = await batch(work.transaction, desk.actor, batch_id)
    if me not in (row["maker_id"], row["checker_id"]):
        raise step_commands.NotYourBatch
    sealed = await sealed_file(work.transaction, batch_id)
    if sealed is None:
        raise FileNotThere
    content = work.keyring.open(step_commands.FILE, batch_id, sealed)
    await record(
        work, person_id=me, action="payment_batch.downloaded", subject_kind="payment_batch", subject_id=batch_id,
        subject_person_id=None, file_sha256=row["file_sha256"],
    )  # fmt: skip
    layout = row["layout"]
    return Attachment(content, MEDIA_TYPES[layout], f"{row['number']}.{ENDINGS[layout]}")


class _Result:
    """A bank's result, read by a child process before any transaction begins."""

    async def __call__(self, request: Request) -> result_commands.Told:
        async with receiving(request, RESULT_BYTES, ("sha256",), Permission.CONFIRM_PAYMENT) as upload:
            lines = list[tuple[int, list[str]]]()
            try:
                async for chunk in read_table(upload.content):
                    lines += [(line.number, line.cells) for line in chunk.lines]
                    if len(lines) > RESULT_ROWS:
                        raise Refused("spreadsheet_too_wide")
            except Refused as refused:
                raise Invalid(FieldError("/file", refused.code, MESSAGES[refused.code])) from None
            sha256, of_batch = hashlib.sha256(upload.content), upload.fields.get("sha256", "").strip().lower()
            request.scope[CONTENT] = of_batch.encode() + b"|" + sha256.digest()
            return result_commands.Told(sha256.hexdigest(), of_batch, lines)


@uploads.post(
    "/{batch_id}/results",
    status_code=201,
    summary="导入银行结果",
    response_model=views.ResultView,
    openapi_extra=multipart(sha256={"type": "string", "maxLength": 64, "description": "批次的校验码"}),
)
async def import_result(
    batch_id: PathId,
    told: Annotated[result_commands.Told, Depends(_Result())],
    desk: Annotated[Desk, staff(Permission.CONFIRM_PAYMENT, lent=True)],
) -> Response:
    """CSV（GBK 或 UTF-8）或 xlsx，要有“参考号”“金额（元）”“返回码”三列。同一个文件只能导入一次。

    成功的为已发放；没有付到的、付后退回的（退汇）为发放失败，并通知本人怎么办。对不上的行不办理，列入差错。
    """
    return answer(views.result(await result_commands.import_result(desk.work, desk.actor, batch_id, told)), 201)


@router.post("/{batch_id}/lines/{line_id}/actions", summary="办理没有付到的一笔", response_model=views.LineMoved)
async def act_on_line(batch_id: PathId, line_id: PathId, body: LineStep, desk: Payer) -> Response:
    """reissue 重新发放：按返回码更正、核验之后，申请回到待发放，在下一个批次里另成一笔 · write_off 核销：不再发放，
    须写明理由。需要 If-Match（这一笔的 version）。"""
    moved = await line_commands.act(
        desk.work, desk.actor, batch_id, line_id, desk.expected_version(), body.action, body.note
    )
    return answer({"application_id": str(moved.id), "state": moved.state, "version": moved.version})
