"""What is shown of payment batches, their lines, what a bank said, and cards that wait to be checked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.applications.path import Kind, State
from app.db.transaction import Record
from app.http.views.applications import instant
from app.kernel.actor import Permission
from app.payments.commands import LeftOut, Sorted
from app.payments.path import BatchAction, BatchState, open_to
from app.payments.policy import Layout, PaymentPolicy, Remedy
from app.payments.result_commands import Imported
from app.payments.rules import AT_MOST, BreakKind, reference_of

LineState = Literal["waiting", "dropped", "sent", "paid", "failed", "returned", "written_off"]
LINE_STATES = (
    "waiting 未导出 · dropped 批次作废 · sent 已导出，等银行结果 · paid 已付到 · failed 银行没有付 · returned 付后退汇 "
    "· written_off 已核销"
)


class LeftOutView(BaseModel):
    """一份没有进入批次的申请，以及原因。"""

    application_id: str
    number: str
    kind: Kind
    applicant_masked: str
    organisation: str
    amount_fen: int
    code: str
    message: str
    household_id: str | None = Field(description="缺少措施的，是哪一户")
    measure_name: str | None = Field(description="缺少的是哪项措施")


class BatchContents(BaseModel):
    """哪些能付、哪些不能付。"""

    count: int = Field(description="能付多少笔")
    total_fen: int
    shared_cards: list[str] = Field(description="与别的家庭用同一张银行卡的申请编号：提醒核实，不影响付款")
    left_out: list[LeftOutView] = Field(description="没有进入的申请和原因，最多列1000份")
    left_out_count: int
    more: bool = Field(description="一个批次最多1000笔，其余的再建一个批次")


class PaymentTally(BaseModel):
    """一种状态的笔数和金额。"""

    state: LineState = Field(description=LINE_STATES)
    count: int
    fen: int


class PaymentBatchView(BaseModel):
    """一个付款批次。冻结之后内容不变，校验码印在代发文件上；任何改动都要另建批次。"""

    id: str
    number: str
    organisation: str
    kinds: list[Kind]
    approved_until: str = Field(description="批准在此之前的")
    bank: str
    layout: Layout
    policy_version: str
    state: BatchState
    version: int
    line_count: int
    total_fen: int
    maker: str = Field(description="制单人的岗位")
    checker: str | None = Field(description="复核人的岗位")
    is_maker: bool
    sha256: str | None = Field(description="校验码：冻结的内容的 SHA-256")
    file_sha256: str | None
    created_at: str
    frozen_at: str | None
    confirmed_at: str | None
    exported_at: str | None
    settled_at: str | None
    cancelled_at: str | None
    open_actions: list[BatchAction]


class WholeBatchView(PaymentBatchView):
    """批次和各状态的笔数、金额。"""

    tally: list[PaymentTally]


class BuiltView(BaseModel):
    """建好的批次，和没有进入的申请。"""

    batch: PaymentBatchView
    contents: BatchContents


class PaymentBatchPage(BaseModel):
    items: list[PaymentBatchView]
    next_cursor: str | None


class LineView(BaseModel):
    """批次里的一笔。"""

    id: str
    serial: int
    reference: str = Field(description="参考号：银行据此认出同一笔，只付一次")
    application_id: str
    number: str
    kind: Kind
    applicant_masked: str
    organisation: str
    amount_fen: int
    bank_name: str
    card_masked: str
    state: LineState = Field(description=LINE_STATES)
    version: int
    reissue_of: str | None = Field(description="代替哪一笔没有付到的重新发放")
    sent_at: str | None
    answered_at: str | None
    return_code: str | None
    remedy: Remedy | None = Field(description="fix_card 更正银行卡 · hold 财务核实 · write_off 只能核销")
    reason: str | None = Field(description="返回码的意思，申请人也看到这句话")


class LinePage(BaseModel):
    items: list[LineView]
    next_cursor: str | None


class BreakView(BaseModel):
    """结果文件里对不上的一行：没有按它办理。"""

    id: str
    result_id: str
    row_number: int
    kind: BreakKind = Field(
        description="unknown_reference 参考号不在批次里 · wrong_amount 金额不符 · repeated 同一笔出现不止一次 · "
        "contradiction 与已导入的结果矛盾 · unreadable 读不懂 · moved_on 申请已经变化"
    )
    line_id: str | None
    created_at: str


class BreakPage(BaseModel):
    items: list[BreakView]
    next_cursor: str | None


class ResultView(BaseModel):
    """导入一个结果文件之后。"""

    id: str
    rows: int
    paid: int
    failed: int
    returned: int
    breaks: int = Field(description="对不上的行数，逐行见 /staff/batches/{batch_id}/breaks")
    missing: int = Field(description="还有多少笔银行没有给出结果")


class LineMoved(BaseModel):
    """办理之后申请的状态。"""

    application_id: str
    state: State
    version: int


class EnteredCheck(BaseModel):
    """已经登记、等另一人确认的核验结果。"""

    id: str
    method: Literal["name_check", "penny_test"]
    outcome: Literal["passed", "failed"]
    entered_at: str
    mine: bool


class CardView(BaseModel):
    """一张有付款在等、还没有核验通过的银行卡。"""

    card_id: str
    card_masked: str
    bank_name: str
    branch: str | None
    checked: Literal["failed"] | None = Field(description="failed：核验没有通过，等本人更正")
    application_id: str
    number: str
    applicant_masked: str
    organisation: str
    check: EnteredCheck | None


class CardPage(BaseModel):
    items: list[CardView]
    next_cursor: str | None


class ChecksEntered(BaseModel):
    ids: list[str]


class ChecksDecided(BaseModel):
    count: int


def _left_out(each: LeftOut, fen: int) -> dict[str, Any]:
    row = each.row
    return {
        "application_id": str(row["id"]),
        "number": row["number"],
        "kind": row["kind"],
        "applicant_masked": row["applicant_masked"],
        "organisation": row["organisation_name"],
        "amount_fen": fen,
        "code": each.why.code,
        "message": each.why.detail,
        "household_id": each.why.extra.get("household_id"),
        "measure_name": each.why.extra.get("measure_name"),
    }


def contents(found: Sorted) -> dict[str, Any]:
    return {
        "count": len(found.payable),
        "total_fen": found.total_fen,
        "shared_cards": [each.row["number"] for each in found.payable if each.standing["card_shared"]],
        "left_out": [
            _left_out(each, (each.row["amount_fen"] or 0) - (each.row["paid_before_fen"] or 0))
            for each in found.left_out[:AT_MOST]
        ],
        "left_out_count": len(found.left_out),
        "more": found.more,
    }


def batch(row: Record, me: UUID, permissions: Sequence[Permission]) -> dict[str, Any]:
    is_maker = row["maker_id"] == me
    names = "number kinds bank layout policy_version state version line_count total_fen sha256 file_sha256".split()
    instants = [f"{each}_at" for each in ("created", "frozen", "confirmed", "exported", "settled", "cancelled")]
    return (
        {"id": str(row["id"]), "organisation": row["organisation_name"], "is_maker": is_maker}
        | {name: row[name] for name in names}
        | {name: instant(row[name]) for name in [*instants, "approved_until"]}
        | {
            "maker": f"{row['maker_organisation']} {row['maker_role']}",
            "checker": f"{row['checker_organisation']} {row['checker_role']}" if row["checker_id"] else None,
            "open_actions": open_to(row["state"], permissions, is_maker=is_maker),
        }
    )


def tallied(found: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    return [{"state": state, "count": count, "fen": fen} for state, (count, fen) in sorted(found.items())]


def line(row: Record, policy: PaymentPolicy) -> dict[str, Any]:
    names = (
        "serial number kind applicant_masked amount_fen bank_name card_masked state version return_code remedy".split()
    )
    return {name: row[name] for name in names} | {
        "id": str(row["id"]),
        "reference": reference_of(row["id"]),
        "application_id": str(row["application_id"]),
        "organisation": row["organisation_name"],
        "reissue_of": str(row["reissue_of"]) if row["reissue_of"] else None,
        "sent_at": instant(row["sent_at"]),
        "answered_at": instant(row["answered_at"]),
        "reason": policy.returned(row["return_code"]).text if row["return_code"] else None,
    }


def broken(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "result_id": str(row["result_id"]),
        "row_number": row["row_number"],
        "kind": row["kind"],
        "line_id": str(row["line_id"]) if row["line_id"] else None,
        "created_at": instant(row["created_at"]),
    }


def result(done: Imported) -> dict[str, Any]:
    return {
        "id": str(done.id),
        "rows": done.rows,
        "paid": done.paid,
        "failed": done.failed,
        "returned": done.returned,
        "breaks": len(done.breaks),
        "missing": done.missing,
    }


def card(row: Record, check: Record | None, me: UUID) -> dict[str, Any]:
    return {
        "card_id": str(row["card_id"]),
        "card_masked": row["card_masked"],
        "bank_name": row["bank_name"],
        "branch": row["branch"],
        "checked": row["checked"],
        "application_id": str(row["application_id"]),
        "number": row["number"],
        "applicant_masked": row["applicant_masked"],
        "organisation": row["organisation_name"],
        "check": _check(check, me) if check else None,
    }


def _check(check: Record, me: UUID) -> dict[str, Any]:
    entered: datetime = check["created_at"]
    return {
        "id": str(check["id"]),
        "method": check["method"],
        "outcome": check["outcome"],
        "entered_at": instant(entered),
        "mine": check["entered_by"] == me,
    }
