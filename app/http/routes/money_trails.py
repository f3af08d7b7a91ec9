"""The trail of money (资金去向): all that one household got, and all that went through one fund."""

from typing import Annotated

from fastapi import APIRouter, Response

from app.applications.queries import case
from app.audit.commands import Reading, record_many
from app.db.scope import post_over
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Limit, PathId
from app.http.views import supervision as views
from app.http.views.applications import Purpose
from app.http.words import WORDS
from app.kernel.actor import Permission
from app.supervision import trail_queries as queries
from app.supervision.trails import told

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["资金监管"], route_class=Door)
BANK = (Permission.START_PAYMENT, Permission.CONFIRM_PAYMENT, Permission.SUPERVISE)
"""Who sees to which card, masked, something was paid."""


@router.get("/applications/{application_id}/money_trail", summary="一户所得的来龙去脉", response_model=views.MoneyTrail)
async def read_money_trail(
    application_id: PathId,
    desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)],
    purpose: Purpose = None,
) -> Response:
    """这份申请的申请人和这一户的各份申请：资金、审批、公示、付款批次、银行结果、退回和重新发放，先发生的在前。

    只含管辖范围内的申请；银行卡只给付款和监督的人看，已脱敏。每次查看都有记录，本人可以看到。
    """
    work = desk.work
    row = await case(work.transaction, desk.actor, application_id, whole=False)
    rows = await queries.money_of(work.transaction, desk.actor, row)
    # Whoever of the household applied is told of the look, each once.
    seen = {case["applicant_id"]: case for case in rows.cases} | {row["applicant_id"]: row}
    readings = [Reading(desk.actor, "application", each, whom, purpose, waits=False) for whom, each in seen.items()]
    await record_many(work, [reading.entry("trail_read") for reading in readings])
    events = told(rows, WORDS, bank=any(post_over(desk.actor, permission, row) for permission in BANK))
    return answer(views.money_trail(events, len(rows.cases), more=rows.more))


@router.get("/funds/{fund_id}/trail", summary="一项资金的来龙去脉", response_model=views.FundTrail)
async def read_fund_trail(
    fund_id: PathId,
    desk: Annotated[Desk, staff(Permission.READ_FUNDS)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本工会和下级工会的资金：收入、分配、发放、退回，先发生的在前，每笔之后的余额与台账一致。"""
    transaction = desk.work.transaction
    fund = await queries.fund_to_follow(transaction, desk.actor, fund_id)
    after = desk.service.cursors.read("fund_trail", cursor)
    rows = await queries.fund_page(transaction, fund_id, limit + 1, after)
    page, following = desk.service.cursors.cut("fund_trail", rows, limit, "created_at")
    stood = await queries.standing_before(transaction, fund_id, page[0]) if page else {}
    now = {**await queries.budgeted(transaction, fund_id), "received_fen": fund["received_fen"]}
    return answer({"now": now, "items": views.fund_events(page, stood), "next_cursor": following})
