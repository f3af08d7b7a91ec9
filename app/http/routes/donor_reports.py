"""Donors' reports (捐赠人报告): prepared by one of finance, let out by another, never telling of somebody."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

import app.documents as documents
from app.http.attachments import PDF, attachment
from app.http.door import PREFIX, Desk, Door, Later, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import supervision as views
from app.kernel.actor import Permission
from app.kernel.business_time import business_date
from app.policy.fields import Id, IsoDate
from app.supervision import donor_commands as commands
from app.supervision import donor_queries as queries
from app.supervision.donors import TITLE, report_form

router = APIRouter(prefix=f"{PREFIX}/staff/donor_reports", tags=["捐赠人报告"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_FUNDS)]
PAPER = Path(documents.__file__).with_name("paper.typ")


class ReportRequest(In):
    fund_id: Id
    first_day: IsoDate
    last_day: IsoDate


class ReportAction(In):
    action: Literal["release", "withdraw"]


@router.get("", summary="捐赠人报告", response_model=views.ReportPage)
async def list_reports(
    desk: Reader,
    fund_id: Annotated[PathId | None, Query(description="只看一项资金")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本工会和下级工会捐赠资金的报告，新的在前。"""
    after = desk.service.cursors.read("donor_reports", cursor)
    rows = await queries.reports(desk.work.transaction, desk.actor, fund_id, limit + 1, after)
    page, following = desk.service.cursors.cut("donor_reports", rows, limit, "created_at")
    return answer({"items": [views.report(row, desk.actor.person_id) for row in page], "next_cursor": following})


@router.post("", status_code=201, summary="拟捐赠人报告", response_model=views.ReportDetail)
async def prepare_report(body: ReportRequest, desk: Annotated[Desk, staff(Permission.PROPOSE_BUDGET)]) -> Response:
    """一项社会捐赠资金一段期间的收支：意向、收到、按帮扶种类和区县的支出、帮助的户数、结余。

    户数太少的栏目合并，看不出是谁。内容连同校验码冻结，由另一个人核对后发布。
    """
    report_id = await commands.prepare(desk.work, desk.actor, body.fund_id, body.first_day, body.last_day)
    row = await queries.report(desk.work.transaction, desk.actor, report_id)
    return answer(views.report_detail(row, desk.actor.person_id), 201, version=row["version"])


@router.get("/{report_id}", summary="查看捐赠人报告", response_model=views.ReportDetail)
async def read_report(report_id: PathId, desk: Reader) -> Response:
    """报告的内容和状态。"""
    row = await queries.report(desk.work.transaction, desk.actor, report_id)
    return answer(views.report_detail(row, desk.actor.person_id), version=row["version"])


@router.get("/{report_id}/pdf", summary="打印捐赠人报告", response_class=Response, responses=PDF)
async def print_report(report_id: PathId, desk: Reader) -> Response:
    """印有校验码；没有发布的印明是草稿。同一份报告每次打印都一样。"""
    row = await queries.report(desk.work.transaction, desk.actor, report_id)
    press, at = desk.service.press, row["decided_at"] or row["created_at"]
    released_on = business_date(row["decided_at"]) if row["state"] == "released" else None

    async def drawn() -> Response:
        form = await asyncio.to_thread(report_form, row["content"], row["sha256"], released_on)
        return attachment(await press.pdf(PAPER, form, at), "pdf", f"{TITLE}-{row['first_day']}-{row['last_day']}")

    return Later(drawn)


@router.post("/{report_id}/actions", summary="发布或撤回捐赠人报告", response_model=views.ReportDetail)
async def act_on_report(
    report_id: PathId,
    body: ReportAction,
    desk: Annotated[Desk, staff(Permission.PROPOSE_BUDGET, Permission.DECIDE_BUDGET)],
) -> Response:
    """由拟稿人以外的人核对后发布（release）；发布前拟稿人或核对的人可以撤回（withdraw）。需要 If-Match。"""
    row = await commands.decide(
        desk.work, desk.actor, report_id, desk.expected_version(), released=body.action == "release"
    )
    return answer(views.report_detail(row, desk.actor.person_id), version=row["version"])
