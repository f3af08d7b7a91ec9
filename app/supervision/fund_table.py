"""The fund table (困难职工帮扶资金使用情况统计表) as a form, which is drawn as PDF and as a worksheet. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from app.documents.paper import Column, paper, table
from app.supervision.disclosure import Disclosure, FieldName
from app.supervision.figures import Figures, Flow, Spent

SOURCE_NAMES: Final[Mapping[str, str]] = {
    "central": "中央财政",
    "provincial": "省级财政",
    "match": "市县财政配套",
    "union": "工会经费",
    "donation": "社会捐赠",
    "interest": "专户利息",
}
KIND_NAMES: Final[Mapping[str, str]] = {
    "hardship_aid": "困难帮扶",
    "golden_autumn": "金秋助学",
    "secondary_medical": "住院二次医保",
}
_AMOUNTS: Final = frozenset(("times", "households", "paid", "returned", "net"))
FLOW: Final = (
    Column("资金来源", "/source", 8),
    Column("期初结余（元）", "/opening", 7, right=True),
    Column("本期收入（元）", "/received", 7, right=True),
    Column("本期支出（元）", "/spent", 7, right=True),
    Column("期末结余（元）", "/closing", 7, right=True),
)


@dataclass(frozen=True, slots=True)
class Period:
    """A quarter, or a year."""

    first: date
    before: date
    name: str


def period_of(year: int, quarter: int | None) -> Period:
    if quarter is None:
        return Period(date(year, 1, 1), date(year + 1, 1, 1), f"{year}年度")
    first = date(year, 3 * quarter - 2, 1)
    return Period(first, date(year + quarter // 4, 3 * quarter % 12 + 1, 1), f"{year}年第{'一二三四'[quarter - 1]}季度")


def plain_yuan(fen: int) -> str:
    """As a column of amounts has it: the unit stands above it."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


_SHOWN: Final[Mapping[FieldName, Callable[[Spent], str]]] = {
    "source": lambda row: SOURCE_NAMES[row.source] if row.source else "合计",
    "kind": lambda row: KIND_NAMES[row.kind] if row.kind else "",
    "district": lambda row: row.district or "",
    "times": lambda row: str(row.times),
    "households": lambda row: str(row.households),
    "paid": lambda row: plain_yuan(row.paid_fen),
    "returned": lambda row: plain_yuan(row.returned_fen),
    "net": lambda row: plain_yuan(row.net_fen),
}


def fund_table(
    organisation: str, period: Period, figures: Figures, described: Disclosure, printed_on: date
) -> dict[str, Any]:
    """The form, with the sums of each part below it."""
    columns = [Column(c.title, f"/{c.field}", c.units, right=c.field in _AMOUNTS) for c in described.columns]
    rows: list[dict[str, str]] = [
        {c.field: _SHOWN[c.field](row) for c in described.columns} for row in (*figures.rows, figures.total)
    ]
    blocks = [table("各种来源、种类和区县的使用情况", [columns], rows)]
    if figures.flows:
        flows = [_flow(flow) for flow in (*figures.flows, summed(figures))]
        blocks.insert(0, table("本级和下级工会管理的资金：收支和结余", [FLOW], flows))
    last = period.before - timedelta(days=1)
    return paper(
        described.title,
        blocks,
        above=[
            f"填报单位：{organisation}",
            f"{period.name}（{period.first.isoformat()} 至 {last.isoformat()}）",
            f"制表日期：{printed_on.isoformat()}",
        ],
        foot="数据取自资金台账，按业务日期（北京时间）归期；户数一户计一次，合计不是各行相加。　"
        "制表人：　　　　　　审核人：　　　　　　单位负责人（盖章）：",
        landscape=True,
    )


def summed(figures: Figures) -> Flow:
    """All sources together."""
    return Flow(
        None,
        *(sum(getattr(flow, name) for flow in figures.flows) for name in ("opening_fen", "received_fen", "spent_fen")),
    )


def _flow(flow: Flow) -> dict[str, str]:
    return {
        "source": SOURCE_NAMES[flow.source] if flow.source else "合计",
        "opening": plain_yuan(flow.opening_fen),
        "received": plain_yuan(flow.received_fen),
        "spent": plain_yuan(flow.spent_fen),
        "closing": plain_yuan(flow.closing_fen),
    }
