"""What is shown of imports and exports."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.bulk import rules
from app.db.transaction import Record
from app.households.masking import field_of, masked
from app.http.views.applications import instant
from app.spreadsheets import precheck

MESSAGES = {
    **precheck.MESSAGES,
    **rules.MESSAGES,
    "import_broken": "处理时出错了，请稍后重新上传；仍不成功的，请联系管理员。",
    "export_too_large": "超过 50,000 户，请缩小范围后再导出。",
    "export_form_too_large": "超过 5,000 户，一张表打印不下。请按区县、单位或办理状态分开导出。",
    "export_broken": "导出时出错了，请稍后再试。",
}


class ImportView(BaseModel):
    """一次批量导入。

    good、bad、updates、unchanged、committed 按户计，lines 按行计；updates 是 good 中更新已有档案的，unchanged 是档案里
    已经是这样、不必写入的。
    """

    id: str
    state: Literal["queued", "checking", "checked", "committing", "committed", "failed"]
    percent: int
    organisation_name: str
    lines: int
    good: int
    bad: int
    updates: int
    unchanged: int
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


class UnitView(BaseModel):
    """一次导入中一个工会的户数。"""

    code: str
    name: str
    good: int
    bad: int
    updates: int
    unchanged: int
    committed: int


class UnitList(BaseModel):
    items: list[UnitView]


class FileChange(BaseModel):
    """档案里的一处变更。write 提交后直接写入，request 提交后成为两人核对的变更申请。"""

    line: int
    column: str
    field: str = Field(description="档案中的位置（JSON 指针）")
    by: Literal["write", "request"]
    before: Any = Field(description="已脱敏；原来没有的为 null")
    after: Any = Field(description="已脱敏；不再有的为 null")


class FileChanges(BaseModel):
    """一份已有档案的变更。"""

    household_id: str
    number: str
    line: int
    changes: list[FileChange]


class FileChangesPage(BaseModel):
    items: list[FileChanges]
    next_cursor: str | None


class ExportView(BaseModel):
    """一次导出。"""

    id: str
    form: Literal["list", "summary", "notice", "fund_table"]
    format: Literal["xlsx", "pdf"]
    state: Literal["queued", "done", "failed"]
    percent: int
    rows: int | None
    failure: str | None
    failure_message: str | None
    created_at: str
    expires_at: str | None


def bulk_import(row: Record) -> dict[str, Any]:
    counts = ("state", "percent", "organisation_name", "lines", "good", "bad", "updates", "unchanged", "committed",
              "errors", "failure")  # fmt: skip
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


def unit(row: Record) -> dict[str, Any]:
    return {name: row[name] for name in ("code", "name", "good", "bad", "updates", "unchanged", "committed")}


def changes(row: Record, content: dict[str, Any]) -> dict[str, Any]:
    written = [_change(each, each["pointer"], "write") for each in content["changes"]]
    asked = [_change(each, each["field"], "request") for each in content["requests"]]
    shown = sorted((*written, *asked), key=lambda each: each["line"])
    return {
        "household_id": str(row["household_id"]), "number": content["number"], "line": row["line"], "changes": shown,
    }  # fmt: skip


def _change(each: dict[str, Any], pointer: str, by: str) -> dict[str, Any]:
    before, after = (masked(field_of(pointer), each[name]) for name in ("before", "after"))
    return {"line": each["line"], "column": each["column"], "field": pointer, "by": by, "before": before,
            "after": after}  # fmt: skip


def export(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "form": row["wanted"].get("form", "list"),
        "format": row["wanted"].get("format", "xlsx"),
        **{name: row[name] for name in ("state", "percent", "rows", "failure")},
        "failure_message": MESSAGES.get(row["failure"]) if row["failure"] else None,
        "created_at": instant(row["created_at"]),
        "expires_at": instant(row["expires_at"]),
    }
