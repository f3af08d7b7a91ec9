"""What is shown of a rehearsal: how far it is, what it counted, and whom it touches."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.db.transaction import Record
from app.http.views.applications import instant

RehearsalState = Literal["queued", "running", "done", "failed"]
Effect = Literal["gains", "loses", "more", "less", "unevaluable"]


class RehearsalSummary(BaseModel):
    """一次预演。计数以“户（或单）× 项目”为单位；算不出来的只计入 unevaluable，不计金额。"""

    id: str
    policy_id: str
    state: RehearsalState
    percent: int
    asked_at: str
    snapshot_at: str | None = Field(description="读取数据的时点")
    ended_at: str | None
    failure: str | None = Field(description="失败原因代码；失败的预演没有任何结果")
    evaluated: int
    unevaluable: int
    gains: int = Field(description="原来没有、现在有")
    loses: int = Field(description="原来有、现在没有")
    more: int
    less: int
    before_fen: int
    after_fen: int


class RehearsalPage(BaseModel):
    items: list[RehearsalSummary]
    next_cursor: str | None


class MoneyCell(BaseModel):
    """一个区县、一种帮扶、一个月的金额。"""

    district_id: str | None
    kind: Kind
    month: str
    evaluated: int
    unevaluable: int
    before_fen: int
    after_fen: int


class RehearsalView(RehearsalSummary):
    money: list[MoneyCell]


class RehearsalLineView(BaseModel):
    """结果会改变的，或者算不出来的一户（或一单）。"""

    effect: Effect
    kind: Kind
    item: str
    household_id: str | None
    application_id: str | None
    before_fen: int | None
    after_fen: int | None
    rule: str | None = Field(description="算不出来的：哪一条规则无法判断")


class RehearsalLinePage(BaseModel):
    items: list[RehearsalLineView]
    next_cursor: str | None


_COUNTS = "percent evaluated unevaluable gains loses more less before_fen after_fen failure".split()


def summary(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "policy_id": str(row["policy_id"]),
        "state": row["state"],
        "asked_at": instant(row["created_at"]),
        "snapshot_at": instant(row["snapshot_at"]),
        "ended_at": instant(row["ended_at"]),
        **{name: row[name] for name in _COUNTS},
    }


def whole(row: Record) -> dict[str, Any]:
    return summary(row) | {"money": row["money"]}


def line(row: Record) -> dict[str, Any]:
    return {
        "effect": row["effect"],
        "kind": row["kind"],
        "item": row["item"],
        "household_id": str(row["household_id"]) if row["household_id"] else None,
        "application_id": str(row["application_id"]) if row["application_id"] else None,
        "before_fen": row["before_fen"],
        "after_fen": row["after_fen"],
        "rule": row["rule"],
    }
