"""What is shown of funds, budgets, proposals, the waiting list and the ledger."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.db.transaction import Record
from app.funds.ledger import Account, EventKind
from app.funds.policy import Source
from app.http.views.applications import instant

AllocationState = Literal["proposed", "approved", "refused", "withdrawn"]
SOURCES_TOLD = (
    "central 中央财政 · provincial 省级财政 · match 市县财政配套 · union 工会经费 · donation 社会捐赠 · "
    "interest 专户利息"
)


class FundView(BaseModel):
    """一项资金：来源、年度、可以用于什么，收到多少，还有多少没有分配。"""

    id: str
    code: str
    name: str
    source: Source = Field(description=SOURCES_TOLD)
    year: int
    kinds: list[Kind]
    categories: list[str] | None = Field(description="只用于哪几类困难；不限的为 null")
    archive_levels: list[str] | None = Field(description="只用于哪几级档案；不限的为 null")
    intent: str | None = Field(description="捐赠意向")
    carry_over_years: int = Field(description="可以结转几年")
    received_fen: int
    allocated_fen: int
    unallocated_fen: int
    version: int


class BudgetView(BaseModel):
    """一个工会一种帮扶一年的预算。"""

    id: str
    fund_id: str
    fund: str
    source: Source
    organisation: str
    kind: Kind
    year: int
    allocated_fen: int
    reserved_fen: int = Field(description="已预留：批准后还没有发放")
    committed_fen: int = Field(description="发放中")
    spent_fen: int = Field(description="已发放")
    available_fen: int


class AllocationView(BaseModel):
    """一项预算调整：谁提出的、谁审批的，从哪里到哪里。"""

    id: str
    fund_id: str
    kind: Kind
    year: int
    from_organisation_id: str | None = Field(description="null：资金中还没有分配的部分")
    to_organisation_id: str | None = Field(description="null：收回资金")
    amount_fen: int
    reason: str
    state: AllocationState
    version: int
    mine: bool = Field(description="是不是我提出的")
    note: str | None
    created_at: str
    decided_at: str | None


class ReservationView(BaseModel):
    """一笔预留：哪份申请占用哪个预算多少。"""

    id: str
    application_id: str
    fund: str
    organisation: str
    kind: Kind
    amount_fen: int
    since: str


class WaitingView(BaseModel):
    """待拨付名单中的一行。按 waits_from 和 id 的先后排列。"""

    application_id: str
    kind: Kind
    needed_fen: int
    waits_from: str = Field(description="从什么时候算起：首次提交，或预留收回的时间")
    place: int = Field(description="全市同一种帮扶中的位置")


class BalanceView(BaseModel):
    organisation_id: str | None = Field(description="null：资金本身")
    account: Account = Field(
        description="source 来源（负数）· unallocated 未分配 · allocated 已分配未发放 · granted 已发放 · "
        "returned 退回待处理"
    )
    balance_fen: int


class EntryView(BaseModel):
    id: str
    day: str
    kind: EventKind
    account: Account
    amount_fen: int
    reference: str | None
    event_key: str


class StatementView(BaseModel):
    """一项资金、一个工会、一个月的台账：月初、月末余额和每一笔。"""

    month: str
    opening: list[BalanceView]
    closing: list[BalanceView]
    items: list[EntryView]
    next_cursor: str | None


def fund(row: Record) -> dict[str, Any]:
    told = "code name source year kinds categories archive_levels intent carry_over_years received_fen allocated_fen"
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in told.split()},
        "unallocated_fen": row["received_fen"] - row["allocated_fen"],
        "version": row["version"],
    }


def budget(row: Record) -> dict[str, Any]:
    used = row["reserved_fen"] + row["committed_fen"] + row["spent_fen"]
    return {
        "id": str(row["id"]),
        "fund_id": str(row["fund_id"]),
        "fund": row["fund_name"],
        "organisation": row["organisation_name"],
        **{name: row[name] for name in "source kind year allocated_fen reserved_fen committed_fen spent_fen".split()},
        "available_fen": row["allocated_fen"] - used,
    }


def allocation(row: Record, person_id: UUID) -> dict[str, Any]:
    ends = ("from_organisation_id", "to_organisation_id")
    return {
        "id": str(row["id"]),
        "fund_id": str(row["fund_id"]),
        **{name: row[name] for name in "kind year amount_fen reason state version note".split()},
        **{end: str(row[end]) if row[end] else None for end in ends},
        "mine": row["proposed_by"] == person_id,
        "created_at": instant(row["created_at"]),
        "decided_at": instant(row["decided_at"]),
    }


def reservation(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "application_id": str(row["application_id"]),
        "fund": row["fund_name"],
        "organisation": row["organisation_name"],
        "kind": row["kind"],
        "amount_fen": row["amount_fen"],
        "since": instant(row["created_at"]),
    }


def waiting(row: Record) -> dict[str, Any]:
    return {
        "application_id": str(row["id"]),
        **{name: row[name] for name in ("kind", "needed_fen", "place")},
        "waits_from": instant(row["waits_from"]),
    }


def balance(row: Record) -> dict[str, Any]:
    union = row["organisation_id"]
    return {
        "organisation_id": str(union) if union else None,
        "account": row["account"],
        "balance_fen": row["balance_fen"],
    }


def entry(row: Record) -> dict[str, Any]:
    day: date = row["day"]
    return {
        "id": str(row["id"]),
        "day": day.isoformat(),
        **{name: row[name] for name in ("kind", "account", "amount_fen", "reference", "event_key")},
    }
