"""Funds (资金), their budgets, who waits for room, and the ledger."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.applications.path import Kind
from app.db.transaction import Record
from app.funds import commands, ledger, queries
from app.funds.policy import Source
from app.funds.waiting import waiting_list
from app.households.criteria import Category
from app.households.levels import ArchiveLevel
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import funds as views
from app.kernel.actor import Permission
from app.organisations.queries import organisation_of_code
from app.policy.fields import Code, Fen, Id, LongText, ShortText

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["资金"], route_class=Door)
ReadingDesk = Annotated[Desk, staff(Permission.READ_FUNDS)]
ProposingDesk = Annotated[Desk, staff(Permission.PROPOSE_BUDGET)]
DecidingDesk = Annotated[Desk, staff(Permission.PROPOSE_BUDGET, Permission.DECIDE_BUDGET)]
Year = Annotated[int, Field(ge=2016, le=2100)]
Some = Annotated[Fen, Field(gt=0)]
KindOf = Annotated[Kind, Field(strict=False)]


def _month(value: object) -> object:
    try:
        return date.fromisoformat(f"{value}-01")
    except ValueError:
        raise PydanticCustomError("month_format", "月份写成 2026-01 的样子。") from None


Month = Annotated[
    date, BeforeValidator(_month), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"})
]


class FundRequest(In):
    code: Code
    name: ShortText
    source: Annotated[Source, Field(description=views.SOURCES_TOLD)]
    year: Year
    organisation_code: Annotated[Code, Field(description="哪个工会的资金：只在它和它的下级中使用")]
    kinds: Annotated[list[KindOf], Field(min_length=1, max_length=len(Kind))]
    categories: Annotated[list[Category], Field(min_length=1, max_length=3)] | None = Field(
        default=None, description="只用于哪几类困难：deep 深度困难 · relative 相对困难 · accident 意外致困；不填的不限"
    )
    archive_levels: Annotated[list[ArchiveLevel], Field(min_length=1, max_length=5)] | None = Field(
        default=None, description="只用于哪几级档案；不填的，按资金来源允许的级别"
    )
    intent: LongText | None = Field(default=None, description="社会捐赠的捐赠意向，其他来源不填")
    carry_over_years: Annotated[int, Field(ge=0, le=10)] = Field(default=0, description="本年用不完可以结转几年")


class ReceiptRequest(In):
    amount_fen: Some
    reference: Annotated[Code, Field(description="凭证号：同一项资金的一个凭证只登记一次")]


class AllocationRequest(In):
    fund_id: Id
    kind: KindOf
    year: Year
    from_organisation_code: Code | None = Field(
        default=None, description="从哪个工会的预算；不填的，从资金未分配的部分"
    )
    to_organisation_code: Code | None = Field(default=None, description="到哪个工会的预算；不填的，收回资金")
    amount_fen: Some
    reason: LongText


class AllocationAction(In):
    action: Literal["approve", "refuse", "withdraw"]
    note: LongText | None = None


class FundPage(BaseModel):
    items: list[views.FundView]
    next_cursor: str | None


class BudgetPage(BaseModel):
    items: list[views.BudgetView]
    next_cursor: str | None


class AllocationPage(BaseModel):
    items: list[views.AllocationView]
    next_cursor: str | None


class ReservationPage(BaseModel):
    items: list[views.ReservationView]
    next_cursor: str | None


class WaitingPage(BaseModel):
    items: list[views.WaitingView]
    next_cursor: str | None


class FundIdView(BaseModel):
    id: str


class AllocationIdView(BaseModel):
    id: str
    state: views.AllocationState
    version: int


KindQuery = Annotated[Kind | None, Query(description="只看一种帮扶")]


def _page(
    desk: Desk, listing: str, rows: Sequence[Record], limit: int, by: str, shown: Callable[[Record], dict[str, Any]]
) -> Response:
    page, following = desk.service.cursors.cut(listing, rows, limit, by)
    return answer({"items": [shown(row) for row in page], "next_cursor": following})


@router.get("/funds", summary="资金", response_model=FundPage)
async def list_funds(desk: ReadingDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """本工会和下级工会的资金，以及给本工会安排了预算的上级资金，新的在前。"""
    after = desk.service.cursors.read("funds", cursor)
    rows = await queries.funds(desk.work.transaction, desk.actor, limit + 1, after)
    return _page(desk, "funds", rows, limit, "created_at", views.fund)


@router.post("/funds", status_code=201, summary="登记资金", response_model=FundIdView)
async def open_fund(body: FundRequest, desk: ProposingDesk) -> Response:
    """中央和省级财政资金只能用于国家级档案；市县配套资金不能用于本级档案（见帮扶资金管理办法）。"""
    wanted = commands.NewFund(
        **body.model_dump(exclude={"kinds", "categories", "archive_levels"}),
        kinds=list(dict.fromkeys(kind.value for kind in body.kinds)),
        categories=list(dict.fromkeys(body.categories)) if body.categories else None,
        archive_levels=list(dict.fromkeys(body.archive_levels)) if body.archive_levels else None,
    )
    return answer({"id": str(await commands.open_fund(desk.work, desk.actor, wanted))}, 201)


@router.get("/funds/{fund_id}", summary="查看资金", response_model=views.FundView)
async def read_fund(fund_id: PathId, desk: ReadingDesk) -> Response:
    """来源、用途、收到和分配的金额。"""
    row = await queries.fund(desk.work.transaction, desk.actor, fund_id)
    return answer(views.fund(row), version=row["version"])


@router.post("/funds/{fund_id}/receipts", status_code=201, summary="登记收到的资金", response_model=views.FundView)
async def receive(fund_id: PathId, body: ReceiptRequest, desk: ProposingDesk) -> Response:
    """财政拨款、工会经费、捐赠或利息到账。同一个凭证号只登记一次。"""
    row = await commands.receive(
        desk.work, desk.actor, fund_id, desk.expected_version(), body.amount_fen, body.reference
    )
    return answer(views.fund(row), 201, version=row["version"])


@router.get("/funds/{fund_id}/statement", summary="资金台账", response_model=views.StatementView)
async def read_statement(
    fund_id: PathId,
    desk: ReadingDesk,
    month: Annotated[Month, Query(description="哪个月")],
    organisation_code: Annotated[Code | None, Query(description="哪个工会；不填的，资金本身的收支")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """月初、月末余额和当月每一笔，先发生的在前。"""
    work = desk.work
    row = await queries.fund(work.transaction, desk.actor, fund_id)
    union = await organisation_of_code(work.transaction, organisation_code) if organisation_code else None
    union_id = union["id"] if union else None
    following_month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    opening, closing = [
        [
            each
            for each in await ledger.balances(work.transaction, row["id"], day)
            if each["organisation_id"] == union_id
        ]
        for day in (month, following_month)
    ]
    after = desk.service.cursors.read("ledger", cursor)
    days = (month, following_month)
    rows = await ledger.entries(work.transaction, row["id"], union_id, days, limit + 1, after)
    page, following = desk.service.cursors.cut("ledger", rows, limit, "created_at")
    return answer(
        {
            "month": f"{month:%Y-%m}",
            "opening": [views.balance(each) for each in opening],
            "closing": [views.balance(each) for each in closing],
            "items": [views.entry(each) for each in page],
            "next_cursor": following,
        }
    )


@router.get("/budgets", summary="预算", response_model=BudgetPage)
async def list_budgets(
    desk: ReadingDesk,
    fund_id: Annotated[PathId | None, Query(description="只看一项资金")] = None,
    kind: KindQuery = None,
    year: Annotated[Year | None, Query(description="只看一个年度")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本工会和下级工会各种帮扶各年度的预算：安排、预留、发放中、已发放和还可以用的金额。"""
    after = desk.service.cursors.read("budgets", cursor)
    rows = await queries.budgets(
        desk.work.transaction, desk.actor, limit + 1, after, fund_id=fund_id, kind=kind, year=year
    )
    return _page(desk, "budgets", rows, limit, "created_at", views.budget)


@router.get("/allocations", summary="预算调整", response_model=AllocationPage)
async def list_allocations(
    desk: ReadingDesk,
    fund_id: Annotated[PathId | None, Query(description="只看一项资金")] = None,
    state: Annotated[views.AllocationState | None, Query(description="只看一种状态")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """提出的、已经审批的预算调整，新的在前。"""
    after = desk.service.cursors.read("allocations", cursor)
    rows = await queries.allocations(desk.work.transaction, desk.actor, limit + 1, after, fund_id=fund_id, state=state)
    return _page(
        desk, "allocations", rows, limit, "created_at", lambda row: views.allocation(row, desk.actor.person_id)
    )


@router.post("/allocations", status_code=201, summary="提出预算调整", response_model=AllocationIdView)
async def propose(body: AllocationRequest, desk: ProposingDesk) -> Response:
    """从资金安排到预算、从上级分到下级，或收回。由另一个人审批后生效；不能收回已经预留或发放的金额。"""
    wanted = commands.NewAllocation(
        body.fund_id, body.kind, body.year, body.from_organisation_code, body.to_organisation_code, body.amount_fen,
        body.reason,
    )  # fmt: skip
    allocation_id = await commands.propose(desk.work, desk.actor, wanted)
    return answer({"id": str(allocation_id), "state": "proposed", "version": 1}, 201, version=1)


@router.post("/allocations/{allocation_id}/actions", summary="办理预算调整", response_model=AllocationIdView)
async def decide(allocation_id: PathId, body: AllocationAction, desk: DecidingDesk) -> Response:
    """由提出人以外的人同意（approve）或不同意（refuse，须写理由）；提出的人可以收回（withdraw）。"""
    expected = desk.expected_version()
    if body.action == "withdraw":
        row = await commands.withdraw(desk.work, desk.actor, allocation_id, expected)
    else:
        row = await commands.decide(
            desk.work, desk.actor, allocation_id, expected, body.note, approved=body.action == "approve"
        )
    shown = {"id": str(row["id"]), "state": row["state"], "version": row["version"]}
    return answer(shown, version=row["version"])


@router.get("/reservations", summary="预留的资金", response_model=ReservationPage)
async def list_reservations(desk: ReadingDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """已经预留、还没有发放的资金，最早预留的在前；超过规定天数的会收回。"""
    after = desk.service.cursors.read("reservations", cursor)
    rows = await queries.reservations(desk.work.transaction, desk.actor, limit + 1, after)
    return _page(desk, "reservations", rows, limit, "created_at", views.reservation)


@router.get("/waiting_list", summary="待拨付名单", response_model=WaitingPage)
async def list_waiting(desk: ReadingDesk, kind: KindQuery = None, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """已经批准、等待资金的申请，按先后顺序；资金到位后从前往后自动拨付，前面的没有拨付，后面的不能先用同一个预算。"""
    after = desk.service.cursors.read("waiting_list", cursor)
    rows = await waiting_list(desk.work.transaction, desk.actor, kind, limit + 1, after)
    return _page(desk, "waiting_list", rows, limit, "waits_from", views.waiting)
