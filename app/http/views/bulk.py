"""What is shown of imports and exports."""

from typing import Any, Literal

from pydantic import BaseModel

from app.bulk import rules
from app.db.transaction import Record
from app.http.views.applications import instant
from app.spreadsheets import precheck

MESSAGES = {
    **precheck.MESSAGES,
    **rules.MESSAGES,
    "import_broken": "处理时出错了，请稍后重新上传；仍不成功的，请联系管理员。",
    "export_too_large": "超过 50,000 户，请缩小范围后再导出。",
    "export_broken": "导出时出错了，请稍后再试。",
}


class ImportView(BaseModel):
    """一次批量导入。good、bad、committed 按户计，lines 按行计。"""

    id: str
    state: Literal["queued", "checking", "checked", "committing", "committed", "failed"]
    percent: int
    organisation_name: str
    lines: int
    good: int
    bad: int
    committed: int
    errors: int
    dry_run: str | None
    failure: str | None
    failure_message: str | None
    has_error_file: bool
    created_at: str
    ended_at: str | None


class CellError(BaseModel):
    """一处填写错误。"""

    line: int
    column: str
    code: str
    message: str


class CellErrorPage(BaseModel):
    items: list[CellError]
    next_cursor: str | None


class ExportView(BaseModel):
    """一次导出。"""

    id: str
    state: Literal["queued", "done", "failed"]
    percent: int
    rows: int | None
    failure: str | None
    failure_message: str | None
    created_at: str
    expires_at: str | None


def bulk_import(row: Record) -> dict[str, Any]:
    counts = ("state", "percent", "organisation_name", "lines", "good", "bad", "committed", "errors", "failure")
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in counts},
        "dry_run": row["dry_run"].hex() if row["dry_run"] else None,
        "failure_message": MESSAGES.get(row["failure"]) if row["failure"] else None,
        "has_error_file": row["errors_id"] is not None and row["state"] == "checked",
        "created_at": instant(row["created_at"]),
        "ended_at": instant(row["ended_at"]),
    }


def error(row: Record) -> dict[str, Any]:
    return {"line": row["line"], "column": row["column_title"], "code": row["code"], "message": row["message"]}


def export(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in ("state", "percent", "rows", "failure")},
        "failure_message": MESSAGES.get(row["failure"]) if row["failure"] else None,
        "created_at": instant(row["created_at"]),
        "expires_at": instant(row["expires_at"]),
    }
