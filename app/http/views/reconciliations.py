"""What is shown of bank statements, reconciliations, breaks and closed months."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.db.work import Work
from app.http.views.applications import instant
from app.kernel.actor import Role
from app.kernel.business_time import business_date
from app.reconciliations.break_commands import REASON
from app.reconciliations.kinds import BreakCode, Way, break_kinds
from app.reconciliations.layouts import Direction
from app.reconciliations.queries import BANDS
from app.reconciliations.rules import Figures, Parity, Why
from app.reconciliations.tables import FIGURES

BreakState = Literal["open", "mended", "explained"]
BREAK_STATES = "open 待办 · mended 再次对账时已经一致，自动消除 · explained 已由另一人写明理由"
Subject = Literal["line", "bank_line", "application", "batch", "budget", "fund", "transaction"]
KINDS_TOLD = "；".join(f"{kind.code} {kind.name}" for kind in break_kinds().kinds)


class StatementView(BaseModel):
    """一份银行流水：某个工会在某家银行的账户，某几天的收支。"""

    id: str
    organisation: str
    bank: str
    first_day: date
    last_day: date
    sha256: str = Field(description="文件的 SHA-256：同一个文件只能导入一次")
    rows: int = Field(description="文件里有多少笔")
    new_rows: int = Field(description="其中以前没有导入过的；同一天可以先后导入几份，同一笔只算一次")
    out_fen: int = Field(description="新导入的支出合计")
    in_fen: int = Field(description="新导入的收入合计")
    created_at: str


class StatementPage(BaseModel):
    items: list[StatementView]
    next_cursor: str | None


class MovementView(BaseModel):
    """一笔流水。对方账号只保留脱敏后的。"""

    id: str
    row_number: int
    day: date
    direction: Direction = Field(description="out 支出 · in 收入")
    amount_fen: int
    bank_reference: str = Field(description="银行的流水号")
    account_masked: str | None
    line_id: str | None = Field(description="摘要里写明的我方参考号")


class MovementPage(BaseModel):
    items: list[MovementView]
    next_cursor: str | None


class FiguresView(BaseModel):
    """批准、发出、银行三方的合计和台账，按分核对。"""

    lines: int = Field(description="发出的笔数")
    unanswered: int = Field(description="其中银行还没有给出结果的")
    uncovered_days: int = Field(description="没有银行流水的天数")
    sent_fen: int = Field(description="发出的合计")
    approved_fen: int = Field(description="这些申请批准的合计，减去其他日期的付款已经付到的")
    paid_fen: int = Field(description="按结果文件付到的合计")
    bank_fen: int = Field(description="银行流水：按参考号支出减退回")
    ledger_fen: int = Field(description="台账上记为已发放的")
    agree: bool = Field(description="批准、付到、银行、台账四个数完全一致")


class ReconciliationView(BaseModel):
    """一次对账。"""

    id: str
    organisation: str
    first_day: date
    last_day: date
    batch_id: str | None
    nightly: bool = Field(description="夜间自动进行的")
    state: Literal["asked", "running", "done"] = Field(description="asked 等待 · running 进行中 · done 已完成")
    opened: int = Field(description="新发现的差异")
    mended: int = Field(description="自动消除的差异")
    figures: FiguresView | None = Field(description="完成后才有")
    created_at: str
    ended_at: str | None


class ReconciliationPage(BaseModel):
    items: list[ReconciliationView]
    next_cursor: str | None


class MoneyBreakView(BaseModel):
    """一条差异：同一种类、同一件事只有一条。"""

    id: str
    kind: BreakCode = Field(description=KINDS_TOLD)
    name: str
    remedy: str = Field(description="怎么办")
    way: Way = Field(description="three_ways 三方对账 · invariant 夜间核对")
    owner: Role = Field(description="先由哪个岗位办理")
    subject_kind: Subject = Field(
        description="差异在哪里：line 一笔付款 · bank_line 一笔流水 · application 申请 · batch 付款批次 · "
        "budget 预算 · fund 资金 · transaction 一笔台账"
    )
    subject_id: str
    batch_id: str | None
    application_id: str | None
    day: date = Field(description="属于哪一天：发出、入账或发现")
    expected_fen: int = Field(description="应当是多少")
    found_fen: int = Field(description="实际是多少")
    state: BreakState = Field(description=BREAK_STATES)
    version: int
    times: int = Field(description="第几次出现")
    opened_at: str
    closed_at: str | None
    age_days: int = Field(description="到今天（已结束的到结束那天）多少天")
    age_working_days: int = Field(description="其中的工作日")


class MoneyBreakPage(BaseModel):
    items: list[MoneyBreakView]
    next_cursor: str | None


class ExplanationView(BaseModel):
    """为什么可以这样，由制单人以外的人写明。"""

    by: str = Field(description="岗位")
    reason: str
    expected_fen: int
    found_fen: int
    created_at: str


class WholeBreakView(MoneyBreakView):
    """一条差异和对它的说明。"""

    explanations: list[ExplanationView]


class AgeBand(BaseModel):
    """一段时间里发现、还没有办结的差异。"""

    days_from: int
    days_to: int | None = Field(description="空：以上")
    count: int


class BreaksOfKind(BaseModel):
    """一种差异还有多少条没有办结。"""

    kind: BreakCode
    name: str
    count: int
    bands: list[AgeBand]


class BreakCounts(BaseModel):
    """没有办结的差异，按种类和天数。"""

    count: int
    bands: list[AgeBand]
    kinds: list[BreaksOfKind]


class ParityView(BaseModel):
    """能不能关账或归档：三方一致、没有未办结的差异才能。"""

    may_close: bool
    why: list[Why] = Field(
        description="还不能的原因：not_over 这段时间还没有过去（次月二日起）· not_reconciled 最近一次对账之后有变化，"
        "请再对一次账 "
        "· uncovered_days 有的日期没有银行流水 · unanswered 有付款银行还没有给出结果 · breaks_open 有未办结的差异 "
        "· differs 合计不一致，超出已说明的金额"
    )
    open: int = Field(description="未办结的差异")
    explained: int = Field(description="已写明理由的差异")
    figures: FiguresView


class ClosingView(BaseModel):
    """关账：之后这个月不能再记账，也不能再导入流水。"""

    id: str
    organisation: str
    month: str
    explained: int = Field(description="这个月有多少条差异是写明了理由的")
    sha256: str = Field(description="内容的 SHA-256")
    content: str = Field(description="关账时的合计（规范化 JSON）")
    created_at: str


class ClosingPage(BaseModel):
    items: list[ClosingView]
    next_cursor: str | None


def bank_statement(row: Record) -> dict[str, Any]:
    names = "bank sha256 rows new_rows out_fen in_fen".split()
    return {name: row[name] for name in names} | {
        "id": str(row["id"]),
        "organisation": row["organisation_name"],
        "first_day": row["first_day"],
        "last_day": row["last_day"],
        "created_at": instant(row["created_at"]),
    }


def movement(row: Record) -> dict[str, Any]:
    names = "row_number day direction amount_fen bank_reference account_masked".split()
    line_id = str(row["line_reference"]) if row["line_reference"] else None
    return {name: row[name] for name in names} | {"id": str(row["id"]), "line_id": line_id}


def figures(of: Figures) -> dict[str, Any]:
    return {name: getattr(of, name) for name in FIGURES} | {"agree": of.agree}


def reconciliation(row: Record) -> dict[str, Any]:
    counted = Figures(**{name: row[name] for name in FIGURES}) if row["state"] == "done" else None
    return {
        "id": str(row["id"]),
        "organisation": row["organisation_name"],
        "first_day": row["first_day"],
        "last_day": row["last_day"],
        "batch_id": str(row["batch_id"]) if row["batch_id"] else None,
        "nightly": row["asked_by"] is None,
        "state": row["state"],
        "opened": row["opened"],
        "mended": row["mended"],
        "figures": figures(counted) if counted else None,
        "created_at": instant(row["created_at"]),
        "ended_at": instant(row["ended_at"]),
    }


def money_break(row: Record, work: Work) -> dict[str, Any]:
    kind, since = break_kinds().by_code[row["kind"]], business_date(row["opened_at"])
    until = business_date(row["closed_at"]) if row["closed_at"] else work.today
    names = "kind subject_kind day expected_fen found_fen state version times".split()
    ids = {name: str(row[name]) if row[name] else None for name in ("id", "subject_id", "batch_id", "application_id")}
    return ids | {name: row[name] for name in names} | {
        "name": kind.name,
        "remedy": kind.remedy,
        "way": kind.way,
        "owner": kind.owner,
        "opened_at": instant(row["opened_at"]),
        "closed_at": instant(row["closed_at"]),
        "age_days": (until - since).days,
        "age_working_days": work.calendar.working_days_between(since, until),
    }  # fmt: skip


def whole_break(row: Record, explanations: Sequence[Record], work: Work) -> dict[str, Any]:
    return money_break(row, work) | {"explanations": [_explanation(each, work.keyring) for each in explanations]}


def _explanation(row: Record, keyring: Keyring) -> dict[str, Any]:
    return {
        "by": f"{row['organisation_name']} {row['role']}",
        "reason": keyring.open_text(REASON, row["id"], row["reason"]),
        "expected_fen": row["expected_fen"],
        "found_fen": row["found_fen"],
        "created_at": instant(row["created_at"]),
    }


def counts(rows: Iterable[Record]) -> dict[str, Any]:
    kinds = [
        {
            "kind": row["kind"], "name": break_kinds().by_code[row["kind"]].name,
            "bands": _bands([row[f"band_{n}"] for n in range(len(BANDS) + 1)]),
            "count": sum(row[f"band_{n}"] for n in range(len(BANDS) + 1)),
        }
        for row in rows
    ]  # fmt: skip
    together = [sum(kind["bands"][n]["count"] for kind in kinds) for n in range(len(BANDS) + 1)]
    return {"count": sum(together), "bands": _bands(together), "kinds": kinds}


def _bands(found: Sequence[int]) -> list[dict[str, Any]]:
    begins = [0, *(days + 1 for days in BANDS)]
    return [
        {"days_from": begin, "days_to": end, "count": count}
        for begin, end, count in zip(begins, [*BANDS, None], found, strict=True)
    ]


def parity(found: Parity) -> dict[str, Any]:
    return {
        "may_close": not found.why,
        "why": list(found.why),
        "open": found.open,
        "explained": found.explained.count,
        "figures": figures(found.figures),
    }


def closing(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "organisation": row["organisation_name"],
        "month": row["month"].isoformat()[:7],
        "explained": row["explained"],
        "sha256": row["sha256"],
        "content": row["content"].decode(),
        "created_at": instant(row["created_at"]),
    }
