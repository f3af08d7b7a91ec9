"""What is shown of samples of payments, and of what was found of each payment in one."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.supervision.rules import (
    METHOD,
    Amount,
    Answers,
    Arrived,
    Finding,
    Papers,
    Reached,
    Result,
    Share,
    findings_of,
)
from app.supervision.sample_commands import NOTE

SampleState = Literal["announced", "drawn"]
CheckState = Literal["open", "closed"]


class StratumView(BaseModel):
    """一层：一个区县的一种帮扶。"""

    district_code: str
    kind: Kind
    lines: int = Field(description="名单里有多少笔")
    fen: int
    drawn: int = Field(description="抽到多少笔")


class SampleView(BaseModel):
    """一次支付后抽查。种子在期间结束之前封存，先公布它的校验码，抽取时才公布种子。"""

    id: str
    organisation: str
    since: str
    until: str = Field(description="不含")
    size: int = Field(description="登记的样本量；层数更多的，每层至少一笔")
    state: SampleState = Field(description="announced 已登记，等期间结束 · drawn 已抽取")
    version: int
    announced_at: str
    seed_sha256: str = Field(description="种子的 SHA-256")
    seed: str | None = Field(description="抽取时公布")
    drawn_at: str | None
    population_sha256: str | None = Field(description="冻结的名单（/population）的 SHA-256")
    lines: int | None = Field(description="名单里有多少笔")
    fen: int | None


class SamplePage(BaseModel):
    items: list[SampleView]
    next_cursor: str | None


class ShareView(BaseModel):
    """差错率和它的 95% 置信区间（Wilson），万分之几。"""

    checked: int = Field(description="核实了多少笔")
    errors: int
    share_bp: int
    low_bp: int
    high_bp: int


class SummaryView(BaseModel):
    """抽查结果汇总。"""

    open: int
    in_order: int
    error: int
    unverifiable: int
    error_fen: int = Field(description="有差错的各笔合计")
    findings: dict[str, int] = Field(
        description="各种问题各几笔：not_arrived 钱没有到 · wrong_amount 金额不对 · papers_missing 材料不齐 · "
        "not_reached 联系不上"
    )
    share: ShareView | None = Field(description="一笔也没有核实的为 null")


class SampleDetail(SampleView):
    """一次抽查、抽法、各层和结果。"""

    method: str
    strata: list[StratumView]
    summary: SummaryView | None = Field(description="还没有抽取的为 null")


class CheckView(BaseModel):
    """抽到的一笔付款。"""

    id: str
    serial: int
    line_id: str
    application_id: str
    number: str
    kind: Kind
    applicant_masked: str
    organisation: str
    amount_fen: int
    paid_at: str
    state: CheckState
    version: int
    result: Result | None = Field(description="in_order 无误 · error 有差错 · unverifiable 核实不了")
    findings: list[Finding]


class CheckPage(BaseModel):
    items: list[CheckView]
    next_cursor: str | None


class CheckDetail(CheckView):
    """一笔的抽查结果。"""

    reached: Reached | None
    arrived: Arrived | None
    amount: Amount | None
    papers: Papers | None
    note: str | None
    checked_at: str | None
    checked_by_organisation: str | None


def sample(row: Record) -> dict[str, Any]:
    told = "size state version seed_sha256 seed population_sha256 lines fen"
    return {
        "id": str(row["id"]),
        "organisation": row["organisation_name"],
        **{name: row[name] for name in told.split()},
        "since": instant(row["since"]),
        "until": instant(row["until"]),
        "announced_at": instant(row["created_at"]),
        "drawn_at": instant(row["drawn_at"]),
    }


def detail(
    row: Record, tally: Mapping[str | None, tuple[int, int]], findings: Mapping[str, int], share: Share | None
) -> dict[str, Any]:
    def count(result: str | None) -> int:
        return tally.get(result, (0, 0))[0]

    summary = {
        "open": count(None),
        **{result: count(result) for result in ("in_order", "error", "unverifiable")},
        "error_fen": tally.get("error", (0, 0))[1],
        "findings": dict(findings),
        "share": None
        if share is None
        else {name: getattr(share, name) for name in ("checked", "errors", "share_bp", "low_bp", "high_bp")},
    }
    return sample(row) | {
        "method": METHOD,
        "strata": row["strata"] or [],
        "summary": summary if row["state"] == "drawn" else None,
    }


def check(row: Record) -> dict[str, Any]:
    closed = row["state"] == "closed"
    told = "serial number kind applicant_masked amount_fen state version result"
    return {
        "id": str(row["id"]),
        "line_id": str(row["line_id"]),
        "application_id": str(row["application_id"]),
        **{name: row[name] for name in told.split()},
        "organisation": row["organisation_name"],
        "paid_at": instant(row["paid_at"]),
        "findings": findings_of(Answers(row["reached"], row["arrived"], row["amount"], row["papers"]))
        if closed
        else [],
    }


def check_detail(row: Record, keyring: Keyring) -> dict[str, Any]:
    return check(row) | {
        **{name: row[name] for name in ("reached", "arrived", "amount", "papers", "checked_by_organisation")},
        "note": keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None,
        "checked_at": instant(row["checked_at"]),
    }
