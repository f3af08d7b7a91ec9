"""The fund table (资金使用情况统计表) and a month of money as a picture."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.applications.path import Kind
from app.bulk.commands import ask_export
from app.bulk.queries import own_export
from app.documents.printing import Format
from app.funds.policy import Source
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import In
from app.http.routes.funds import KindOf, Month, Year
from app.http.views import bulk as exports
from app.http.views import supervision as views
from app.kernel.actor import Permission
from app.kernel.errors import FieldError, Invalid
from app.kernel.money import yuan
from app.policy.fields import Code, ShortText
from app.supervision.figures import Spent
from app.supervision.figures_queries import Asked, figures, union_of
from app.supervision.fund_table import KIND_NAMES, SOURCE_NAMES, Period, period_of
from app.supervision.picture import Part, picture, ranked

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["资金监管"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_FUNDS)]
Quarter = Annotated[int, Field(ge=1, le=4)]
SVG: dict[int | str, dict[str, Any]] = {
    200: {"description": "图", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}


class FundTableRequest(In):
    organisation_code: Annotated[Code, Field(description="哪个工会及其下级")]
    year: Year
    quarter: Quarter | None = Field(default=None, description="哪个季度；不填为全年")
    source: Source | None = Field(default=None, description="只看一种来源")
    kind: KindOf | None = Field(default=None, description="只看一种帮扶")
    format: Literal["xlsx", "pdf"] = "xlsx"
    reason: ShortText


@router.get("/fund_table", summary="资金使用情况", response_model=views.FundTableView)
async def read_fund_table(
    desk: Reader,
    organisation_code: Annotated[Code, Query(description="哪个工会及其下级")],
    year: Annotated[Year, Query()],
    quarter: Annotated[Quarter | None, Query(description="哪个季度；不填为全年")] = None,
    source: Annotated[Source | None, Query(description="只看一种来源")] = None,
    kind: Annotated[Kind | None, Query(description="只看一种帮扶")] = None,
) -> Response:
    """按来源、帮扶种类、区县，取自资金台账，按业务日期（北京时间）归期；金额合计与台账分文不差。"""
    union, period = await union_of(desk.work.transaction, desk.actor, organisation_code), period_of(year, quarter)
    found = await figures(desk.work, Asked(union["id"], period.first, period.before, source, kind))
    return answer(views.fund_table(union["name"], period, found))


@router.post(
    "/fund_table/exports", status_code=202, summary="导出资金使用情况统计表", response_model=exports.ExportView
)
async def export_fund_table(body: FundTableRequest, desk: Reader) -> Response:
    """Excel 或 PDF，后台生成；有理由、水印和记录，完成后在 /staff/exports/{export_id}/file 下载，24 小时内有效。"""
    union = await union_of(desk.work.transaction, desk.actor, body.organisation_code)
    format: Format = body.format
    wanted = {
        "form": "fund_table",
        "format": format,
        "organisation_id": str(union["id"]),
        **{name: getattr(body, name) for name in ("year", "quarter", "source")},
        "kind": body.kind.value if body.kind else None,
    }
    export_id = await ask_export(desk.work, desk.actor.person_id, body.reason, wanted)
    return answer(exports.export(await own_export(desk.work.transaction, desk.actor.person_id, export_id)), 202)


@router.get("/fund_picture", status_code=200, summary="一个月的资金图", response_class=Response, responses=SVG)
async def draw_fund_picture(
    desk: Reader,
    organisation_code: Annotated[Code, Query(description="哪个工会及其下级")],
    month: Annotated[Month, Query(description="哪个月")],
) -> Response:
    """SVG：这个月的支出按来源、帮扶种类、区县，宽度适合手机；图中的数都写成文字，读屏软件可以读出。"""
    if month > desk.work.today:
        raise Invalid(FieldError("/month", "month_ahead", "这个月还没有到。"))
    union = await union_of(desk.work.transaction, desk.actor, organisation_code)
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    period = Period(month, following, f"{month.year}年{month.month}月")
    found = await figures(desk.work, Asked(union["id"], period.first, period.before))
    told = f"支出 {yuan(found.total.net_fen)}，{found.total.households} 户"
    drawn = picture(f"{period.name}帮扶资金", union["name"], told, _parts(found.rows))
    return Response(drawn, media_type="image/svg+xml", headers={"Content-Security-Policy": "default-src 'none'"})


def _parts(rows: Sequence[Spent]) -> list[Part]:
    return [
        Part("资金来源", ranked((SOURCE_NAMES[row.source or ""], row.net_fen) for row in rows)),
        Part("帮扶种类", ranked((KIND_NAMES[row.kind or ""], row.net_fen) for row in rows)),
        Part("区县（产业）", ranked((row.district or "", row.net_fen) for row in rows)),
    ]
