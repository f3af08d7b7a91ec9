"""Reconciliation three ways: a bank's statements, runs, what does not agree, and months that are closed."""

import hashlib
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationError

from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.idempotency import CONTENT
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.routes.funds import Month
from app.http.uploads import UploadDoor, multipart, receiving
from app.http.views import reconciliations as views
from app.kernel.actor import Permission
from app.kernel.business_time import business_date
from app.kernel.errors import FieldError, Invalid
from app.organisations.queries import organisation, organisation_of_code
from app.policy.fields import Code, Id, IsoDate, LongText
from app.reconciliations import break_commands, closing_commands, queries, run_commands, statement_commands
from app.reconciliations.kinds import BreakCode
from app.reconciliations.layouts import StatementReader
from app.reconciliations.queries import READERS
from app.reconciliations.rules import month_of, year_of
from app.reconciliations.run_commands import Over
from app.spreadsheets.csv_reading import read_table
from app.spreadsheets.precheck import MAX_BYTES, MESSAGES, Refused

_PLACE: Final = f"{PREFIX}/staff/reconciliations"
router = APIRouter(prefix=_PLACE, tags=["对账"], route_class=Door)
uploads = APIRouter(prefix=_PLACE, tags=["对账"], route_class=UploadDoor)
Reader = Annotated[Desk, staff(*READERS)]
Reconciler = Annotated[Desk, staff(Permission.RECONCILE)]
_DAYS: Final[TypeAdapter[date]] = TypeAdapter(IsoDate)
_FIELDS: Final = ("organisation_code", "bank", "first_day", "last_day")


class NewReconciliation(In):
    organisation_code: Code | None = Field(default=None, description="哪个工会及其下级；与 batch_id 只填一个")
    first_day: IsoDate | None = Field(default=None, description="起始日期（发出的日期）")
    last_day: IsoDate | None = Field(default=None, description="截止日期，最多一年")
    batch_id: Id | None = Field(default=None, description="只对一个付款批次")


class BreakStep(In):
    action: Literal["explain"]
    reason: LongText = Field(description="为什么可以这样")


class NewClosing(In):
    organisation_code: Annotated[Code, Field(description="市总工会")]
    month: Month


class _Statement:
    """A statement, read by a child process before any transaction begins."""

    async def __call__(self, request: Request) -> statement_commands.Stated:
        async with receiving(request, MAX_BYTES, _FIELDS, Permission.RECONCILE) as upload:
            fields = {name: upload.fields.get(name, "").strip() for name in _FIELDS}
            first, last = _day("first_day", fields["first_day"]), _day("last_day", fields["last_day"])
            if first > last:
                raise Invalid(FieldError("/last_day", "days_wrong", "截止日期不能早于起始日期。"))
            reader = StatementReader((first, last))
            try:
                async for chunk in read_table(upload.content):
                    reader.feed([(line.number, line.cells) for line in chunk.lines])
            except Refused as refused:
                raise Invalid(FieldError("/file", refused.code, MESSAGES[refused.code])) from None
            sha256 = hashlib.sha256(upload.content)
            request.scope[CONTENT] = "|".join(fields.values()).encode() + b"|" + sha256.digest()
            return statement_commands.Stated(
                fields["organisation_code"], fields["bank"], (first, last), sha256.hexdigest(), reader.end()
            )


def _day(name: str, text: str) -> date:
    try:
        return _DAYS.validate_python(text)
    except ValidationError:
        raise Invalid(FieldError(f"/{name}", "day_format", "日期写成 2026-01-31 的样子。")) from None


@uploads.post(
    "/statements",
    status_code=201,
    summary="导入银行流水",
    response_model=views.StatementView,
    openapi_extra=multipart(
        organisation_code={"type": "string", "maxLength": 64, "description": "哪个工会的账户"},
        bank={"type": "string", "maxLength": 20, "description": "哪家代发银行（代码）"},
        first_day={"type": "string", "format": "date", "description": "流水从哪天起"},
        last_day={"type": "string", "format": "date", "description": "到哪天止，不晚于今天"},
    ),
)
async def import_statement(
    stated: Annotated[statement_commands.Stated, Depends(_Statement())], desk: Reconciler
) -> Response:
    """CSV（GBK 或 UTF-8）或 xlsx，最多 50,000 笔，格式见 docs/bank_files.md。同一个文件只能导入一次；日期可以与以前的
    重叠，同一笔流水只算一次。有一行不对，全部不导入，并逐行说明。"""
    return answer(views.bank_statement(await statement_commands.import_statement(desk.work, desk.actor, stated)), 201)


@router.get("/statements", summary="银行流水", response_model=views.StatementPage)
async def list_statements(desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """本级及下级账户导入过的流水文件，新的在前。"""
    after = desk.service.cursors.read("bank_statements", cursor)
    rows = await queries.statements(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("bank_statements", rows, limit, "created_at")
    return answer({"items": [views.bank_statement(row) for row in page], "next_cursor": following})


@router.get("/statements/{statement_id}/lines", summary="流水明细", response_model=views.MovementPage)
async def list_movements(statement_id: PathId, desk: Reader, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """这份文件里新导入的各笔，对方账号已脱敏。"""
    after = desk.service.cursors.read("bank_statement_lines", cursor)
    await queries.bank_statement(desk.work.transaction, desk.actor, statement_id)
    rows = await queries.movements(desk.work.transaction, statement_id, limit + 1, after)
    page, following = desk.service.cursors.cut("bank_statement_lines", rows, limit, "created_at")
    return answer({"items": [views.movement(row) for row in page], "next_cursor": following})


@router.get("/breaks", summary="对账差异", response_model=views.MoneyBreakPage)
async def list_breaks(
    desk: Reader,
    state: Annotated[views.BreakState, Query(description="看哪一种状态")] = "open",
    kind: Annotated[BreakCode | None, Query(description="只看一种差异")] = None,
    batch_id: Annotated[PathId | None, Query(description="只看一个付款批次的")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本级及下级的差异，最早发现的在前；不写 state 的，只看待办。"""
    after = desk.service.cursors.read("money_breaks", cursor)
    rows = await queries.breaks(
        desk.work.transaction, desk.actor, limit + 1, after, state=state, kind=kind, batch_id=batch_id
    )
    page, following = desk.service.cursors.cut("money_breaks", rows, limit, "opened_at")
    return answer({"items": [views.money_break(row, desk.work) for row in page], "next_cursor": following})


@router.get("/breaks/count", summary="差异有多少、多久了", response_model=views.BreakCounts)
async def count_breaks(desk: Reader) -> Response:
    """没有办结的差异，按种类和发现以来的天数。"""
    return answer(views.counts(await queries.count_by_age(desk.work.transaction, desk.actor, desk.work.now)))


@router.get("/breaks/{break_id}", summary="查看差异", response_model=views.WholeBreakView)
async def read_break(break_id: PathId, desk: Reader) -> Response:
    """一条差异、怎么办，以及写过的说明。"""
    return await _whole(desk, break_id)


async def _whole(desk: Desk, break_id: UUID) -> Response:
    row = await queries.money_break(desk.work.transaction, desk.actor, break_id)
    explanations = await queries.explanations(desk.work.transaction, break_id)
    return answer(views.whole_break(row, explanations, desk.work), version=row["version"])


@router.post("/breaks/{break_id}/actions", summary="说明差异", response_model=views.WholeBreakView)
async def act_on_break(
    break_id: PathId, body: BreakStep, desk: Annotated[Desk, staff(Permission.CONFIRM_PAYMENT)]
) -> Response:
    """explain 写明为什么可以这样：须由复核人写，这份申请各个付款批次的制单人（及其家人、亲属）不能写。金额再有变化的，
    重新成为待办。改正了的不用写，再次对账时自动消除。需要 If-Match。"""
    await break_commands.explain(desk.work, desk.actor, break_id, desk.expected_version(), body.reason)
    return await _whole(desk, break_id)


@router.get("/parity", summary="能不能关账", response_model=views.ParityView)
async def read_parity(
    desk: Reader,
    organisation_code: Annotated[Code | None, Query(description="哪个工会；与 batch_id 只填一个")] = None,
    month: Annotated[Month | None, Query(description="哪个月")] = None,
    year: Annotated[int | None, Query(ge=2016, le=2100, description="哪一年，与月份只填一个")] = None,
    batch_id: Annotated[PathId | None, Query(description="哪个付款批次")] = None,
) -> Response:
    """批准、发出、银行三方和台账现在是不是一致，有没有未办结的差异：都一致的，才能关账或归档。"""
    if batch_id is not None and not (organisation_code or month or year):
        over = await _of_batch(desk, batch_id)
    elif batch_id is None and organisation_code and (month is None) != (year is None):
        union = await organisation_of_code(desk.work.transaction, organisation_code)
        over = Over(union, month_of(month) if month else year_of(year or 0))
    else:
        raise _one_of("/month", "请填写 organisation_code 和 month（或 year），或者只填 batch_id。")
    return answer(views.parity(await closing_commands.parity(desk.work, desk.actor, over)))


def _one_of(pointer: str, message: str) -> Invalid:
    return Invalid(FieldError(pointer, "one_of", message))


async def _of_batch(desk: Desk, batch_id: UUID) -> Over:
    """Raises PaymentBatchNotFound, BatchNotSent."""
    found = await queries.sent_batch(desk.work.transaction, desk.actor, batch_id)
    day = business_date(found["exported_at"])
    return Over(await organisation(desk.work.transaction, found["organisation_id"]), (day, day), batch_id)


@router.get("/closings", summary="已关账的月份", response_model=views.ClosingPage)
async def list_closings(desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """本市已关账的月份，最近关的在前。"""
    after = desk.service.cursors.read("month_closings", cursor)
    rows = await queries.closings(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("month_closings", rows, limit, "created_at")
    return answer({"items": [views.closing(row) for row in page], "next_cursor": following})


@router.post("/closings", status_code=201, summary="关账", response_model=views.ClosingView)
async def close_month(body: NewClosing, desk: Annotated[Desk, staff(Permission.CONFIRM_PAYMENT)]) -> Response:
    """三方一致、没有未办结的差异，才能关账（见 parity）。关账后这个月不能再记账；以后的退汇记入退汇的那个月。"""
    city = await organisation_of_code(desk.work.transaction, body.organisation_code)
    return answer(views.closing(await closing_commands.close(desk.work, desk.actor, city, body.month)), 201)


@router.post("", status_code=202, summary="对账", response_model=views.ReconciliationView)
async def ask_reconciliation(body: NewReconciliation, desk: Reconciler) -> Response:
    """对某个工会及其下级某几天发出的付款，或一个付款批次：批准、发出、银行流水三方和台账。差异成为待办；以前的差异改正了的，
    自动消除。每天凌晨对上月和本月自动对一次。"""
    if body.batch_id is not None and not (body.organisation_code or body.first_day or body.last_day):
        over = await _of_batch(desk, body.batch_id)
    elif body.batch_id is None and body.organisation_code and body.first_day and body.last_day:
        union = await organisation_of_code(desk.work.transaction, body.organisation_code)
        over = Over(union, (body.first_day, body.last_day))
    else:
        raise _one_of("/organisation_code", "请填写 organisation_code、first_day 和 last_day，或者只填 batch_id。")
    run_id = await run_commands.ask(desk.work, desk.actor, over)
    return answer(views.reconciliation(await queries.run(desk.work.transaction, desk.actor, run_id)), 202)


@router.get("", summary="对账记录", response_model=views.ReconciliationPage)
async def list_reconciliations(desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """本级及下级的对账，新的在前。"""
    after = desk.service.cursors.read("reconciliations", cursor)
    rows = await queries.runs(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("reconciliations", rows, limit, "created_at")
    return answer({"items": [views.reconciliation(row) for row in page], "next_cursor": following})


@router.get("/{reconciliation_id}", summary="查看对账", response_model=views.ReconciliationView)
async def read_reconciliation(reconciliation_id: PathId, desk: Reader) -> Response:
    """进行到哪里；完成后有三方和台账的合计。"""
    return answer(views.reconciliation(await queries.run(desk.work.transaction, desk.actor, reconciliation_id)))
