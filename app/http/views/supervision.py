"""What is shown of trails, of the fund table, and of donors' reports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.db.transaction import Record
from app.funds.ledger import EventKind as Entered
from app.funds.policy import Source
from app.http.views.applications import instant
from app.http.views.funds import SOURCES_TOLD
from app.kernel.money import yuan
from app.supervision.figures import Figures, Flow, Spent
from app.supervision.fund_table import Period, summed
from app.supervision.trails import Event, EventKind

ReportState = Literal["prepared", "released", "withdrawn"]
_SAID: Mapping[str, str] = {
    "grant": "收到拨款",
    "donation": "收到捐赠",
    "interest": "收到利息",
    "payment": "发放",
    "return": "银行退回",
    "write_off": "核销，退回预算",
}


class TrailEvent(BaseModel):
    """发生的一件事。"""

    at: str
    kind: EventKind
    application_id: str
    number: str
    text: str
    amount_fen: int | None
    ids: dict[str, str] = Field(description="可以据此查到原件的编号")
    hashes: dict[str, str] = Field(
        description="SHA-256：facts 事实 · rules 规则 · notice_batch 公示名单 · batch file 付款"
    )


class MoneyTrail(BaseModel):
    """一户、一人所得的来龙去脉，先发生的在前。"""

    applications: int
    more: bool = Field(description="超过200份申请的，只看最近的200份")
    paid_fen: int = Field(description="看得到的各笔付款，减去退回")
    items: list[TrailEvent]


class FundEvent(BaseModel):
    """资金的一笔变动，和变动之后的余额。"""

    id: str
    at: str
    day: str
    kind: Entered
    text: str
    amount_fen: int
    organisation: str | None
    application_id: str | None
    number: str | None
    reserved_at: str | None = Field(description="发放的，什么时候预留的")
    reference: str | None
    event_key: str
    unallocated_fen: int = Field(description="变动后：还没有分配的")
    in_hand_fen: int = Field(description="变动后：各工会手里还没有发放的，含退回待处理的")
    granted_fen: int = Field(description="变动后：发放在外的")


class Standing(BaseModel):
    """现在的预算。"""

    received_fen: int
    allocated_fen: int
    reserved_fen: int
    committed_fen: int
    spent_fen: int


class FundTrail(BaseModel):
    """一项资金从收入到分配、发放、退回。预留不记账，见 /staff/reservations。"""

    now: Standing
    items: list[FundEvent]
    next_cursor: str | None


class FlowView(BaseModel):
    """一种来源的收支和结余。"""

    source: Source | None = Field(description=f"{SOURCES_TOLD}；合计为 null")
    opening_fen: int
    received_fen: int
    spent_fen: int
    closing_fen: int


class SpentView(BaseModel):
    """一种来源、一种帮扶、一个区县用了多少。"""

    source: Source | None = Field(description="合计为 null")
    kind: Kind | None
    district: str | None
    times: int = Field(description="发放人次")
    households: int
    paid_fen: int
    returned_fen: int
    net_fen: int


class FundTableView(BaseModel):
    """困难职工帮扶资金使用情况。金额合计是各行之和；一户计一次，户数和人次的合计不一定是。"""

    organisation: str
    period: str
    first_day: str
    before_day: str = Field(description="不含")
    flows: list[FlowView] = Field(description="本级和下级工会管理的资金；只看一种帮扶的为空")
    flow_total: FlowView | None
    rows: list[SpentView]
    total: SpentView


class ReportCell(BaseModel):
    """一种帮扶、一个区县；户数太少的合并在一起，kind、district 为 null。"""

    kind: Kind | None
    district: str | None
    households: int | None = Field(description="少于 least_households 的为 null")
    spent_fen: int


class ReportContent(BaseModel):
    """报告的内容。"""

    fund: str
    code: str
    intent: str
    organisation: str
    first_day: str
    last_day: str
    received_fen: int = Field(description="到最后一天为止累计收到")
    spent_in_all_fen: int
    remaining_fen: int
    spent_fen: int = Field(description="期间内的支出")
    households: int | None
    times: int | None
    least_households: int
    rows: list[ReportCell]


class ReportView(BaseModel):
    """一份捐赠人报告。"""

    id: str
    fund_id: str
    fund: str
    first_day: str
    last_day: str
    state: ReportState = Field(description="prepared 待发布 · released 已发布 · withdrawn 已撤回")
    version: int
    mine: bool = Field(description="是不是我拟的稿")
    sha256: str = Field(description="内容的 SHA-256，印在报告上")
    prepared_at: str
    decided_at: str | None


class ReportDetail(ReportView):
    """报告和它的内容。"""

    content: ReportContent


class ReportPage(BaseModel):
    items: list[ReportView]
    next_cursor: str | None


def money_trail(events: Sequence[Event], applications: int, *, more: bool) -> dict[str, Any]:
    signs = {"payment": 1, "return": -1}
    return {
        "applications": applications,
        "more": more,
        "paid_fen": sum(signs.get(each.kind, 0) * (each.amount_fen or 0) for each in events),
        "items": [
            {
                "at": instant(each.at),
                **{name: getattr(each, name) for name in ("kind", "application_id", "number", "text", "amount_fen")},
                "ids": dict(each.ids),
                "hashes": dict(each.hashes),
            }
            for each in events
        ],
    }


def fund_events(rows: Iterable[Record], stood: Mapping[str, int]) -> list[dict[str, Any]]:
    """Each with what stands after it; `stood`: what stood before the first."""
    unallocated, granted = stood.get("unallocated", 0), stood.get("granted", 0)
    in_hand = stood.get("allocated", 0) + stood.get("returned", 0)
    shown = list[dict[str, Any]]()
    for row in rows:
        unallocated, granted = unallocated + row["unallocated_fen"], granted + row["granted_fen"]
        in_hand += row["in_hand_fen"]
        shown.append(
            {
                "id": str(row["id"]),
                "at": instant(row["created_at"]),
                "day": row["day"].isoformat(),
                **_what(row),
                **{name: row[name] for name in ("kind", "number", "reference", "event_key")},
                "organisation": row["organisation_name"],
                "application_id": str(row["application_id"]) if row["application_id"] else None,
                "reserved_at": instant(row["reserved_at"]),
                "unallocated_fen": unallocated,
                "in_hand_fen": in_hand,
                "granted_fen": granted,
            }
        )
    return shown


def _what(row: Record) -> dict[str, Any]:
    """As a sentence, and how much. Room that only moves between unions changes no side as a whole."""
    if row["kind"] == "allocation":
        fen = abs(row["unallocated_fen"])
        text = "各级工会之间调整预算" if fen == 0 else ("分配到预算" if row["unallocated_fen"] < 0 else "从预算收回")
    else:
        fen = max(abs(row[f"{side}_fen"]) for side in ("source", "unallocated", "in_hand", "granted"))
        text = _SAID[row["kind"]]
    number = f"，申请 {row['number']}" if row["number"] else ""
    return {"amount_fen": fen, "text": f"{text} {yuan(fen)}{number}。" if fen else f"{text}{number}。"}


def fund_table(organisation: str, period: Period, figures: Figures) -> dict[str, Any]:
    return {
        "organisation": organisation,
        "period": period.name,
        "first_day": period.first.isoformat(),
        "before_day": period.before.isoformat(),
        "flows": [_flow(flow) for flow in figures.flows],
        "flow_total": _flow(summed(figures)) if figures.flows else None,
        "rows": [_spent(row) for row in figures.rows],
        "total": _spent(figures.total),
    }


def _flow(flow: Flow) -> dict[str, Any]:
    amounts = ("opening_fen", "received_fen", "spent_fen", "closing_fen")
    return {"source": flow.source, **{name: getattr(flow, name) for name in amounts}}


def _spent(row: Spent) -> dict[str, Any]:
    counted = ("times", "households", "paid_fen", "returned_fen", "net_fen")
    named = {name: getattr(row, name) for name in ("source", "kind", "district")}
    return named | {name: getattr(row, name) for name in counted}


def report(row: Record, person_id: object) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "fund_id": str(row["fund_id"]),
        "fund": row["fund_name"],
        "first_day": row["first_day"].isoformat(),
        "last_day": row["last_day"].isoformat(),
        **{name: row[name] for name in ("state", "version", "sha256")},
        "mine": row["prepared_by"] == person_id,
        "prepared_at": instant(row["created_at"]),
        "decided_at": instant(row["decided_at"]),
    }


def report_detail(row: Record, person_id: object) -> dict[str, Any]:
    return report(row, person_id) | {"content": orjson.loads(row["content"])}
