"""What is shown of many cases at once: what would become of each, and what has."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from app.applications.batches.commands import Ended, Previewed, Standing
from app.applications.path import Kind, State
from app.db.transaction import Record
from app.kernel.business_time import answered
from app.kernel.errors import DomainError


class BatchPreviewItem(BaseModel):
    """一份申请现在的样子，以及能不能这样办理。不在您管辖范围内的，只有 application_id 和原因。"""

    application_id: str
    number: str | None
    kind: Kind | None
    state: State | None
    version: int | None
    amount_fen: int | None
    allowed: bool
    to_state: State | None = Field(description="办理之后的状态；不能办理的为 null")
    code: str | None = Field(description="为什么不能办理")
    message: str | None


class BatchPreviewTotals(BaseModel):
    count: int
    allowed: int
    skipped: int
    amount_fen: int = Field(description="能办理的合计金额；申诉变更前已发放的除外")


class BatchPreview(BaseModel):
    """批量办理的预览。token 记住每份申请现在的版本，只有本人能用，只能办理这一种。"""

    token: str
    action: str
    expires_at: str
    items: list[BatchPreviewItem]
    totals: BatchPreviewTotals


class BatchResultItem(BaseModel):
    """一份申请办得怎样。"""

    application_id: str
    result: Literal["done", "skipped"]
    code: str | None = Field(description="为什么没有办理")
    message: str | None
    state: State | None
    version: int | None


class BatchResultTotals(BaseModel):
    done: int
    skipped: int
    amount_fen: int = Field(description="办成的合计金额；申诉变更前已发放的除外")


class BatchResult(BaseModel):
    """批量办理的结果，按预览时的顺序。同一个 token 再问，得到同样的结果。"""

    action: str
    items: list[BatchResultItem]
    totals: BatchResultTotals


def preview(previewed: Previewed) -> dict[str, Any]:
    allowed = [case for case in previewed.cases if case.taking is not None]
    return {
        "token": str(previewed.id),
        "action": previewed.action,
        "expires_at": answered(previewed.expires_at),
        "items": [_previewed(case) for case in previewed.cases],
        "totals": {
            "count": len(previewed.cases),
            "allowed": len(allowed),
            "skipped": len(previewed.cases) - len(allowed),
            "amount_fen": _amount(case.row for case in allowed),
        },
    }


def _previewed(case: Standing) -> dict[str, Any]:
    row = case.row
    names = ("number", "kind", "state", "version", "amount_fen")
    return {
        "application_id": str(case.item.application_id),
        **({name: row[name] for name in names} if row else dict.fromkeys(names)),
        "allowed": case.taking is not None,
        "to_state": case.taking.step.to if case.taking else None,
        **_why(case.refusal),
    }


def result(action: str, ended: Sequence[Ended]) -> bytes:
    """As it is kept, and answered each time."""
    done = [each for each in ended if each.moved is not None]
    shown = {
        "action": action,
        "items": [_ended(each) for each in ended],
        "totals": {
            "done": len(done),
            "skipped": len(ended) - len(done),
            "amount_fen": _amount(each.case.row for each in done),
        },
    }
    return orjson.dumps(shown)


def _ended(each: Ended) -> dict[str, Any]:
    row, moved = each.case.row, each.moved
    return {
        "application_id": str(each.case.item.application_id),
        "result": "done" if moved else "skipped",
        **_why(each.refusal),
        "state": moved.state if moved else row["state"] if row else None,
        "version": moved.version if moved else row["version"] if row else None,
    }


def _why(refusal: DomainError | None) -> dict[str, str | None]:
    return {"code": refusal.code, "message": refusal.detail} if refusal else {"code": None, "message": None}


def _amount(rows: Iterable[Record | None]) -> int:
    return sum((row["amount_fen"] or 0) - (row["paid_before_fen"] or 0) for row in rows if row)
