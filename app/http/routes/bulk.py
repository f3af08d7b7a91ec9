"""Imports of household files in bulk, and exports of lists."""

import asyncio
import hashlib
import tempfile
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from app.bulk import commands
from app.bulk.columns import COLUMNS, NOTES
from app.bulk.commands import ImportNotReady, Uploaded
from app.bulk.queries import ExportNotFound, ImportNotFound, bulk_import, errors, own_export
from app.files.store import SHEETS
from app.http.door import PREFIX, Desk, Door, answer, service_of, staff
from app.http.idempotency import CONTENT
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.uploads import Attachment, Upload, UploadDoor, downloaded, multipart, receiving
from app.http.views import bulk as views
from app.kernel.actor import Permission
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.ids import new_id
from app.organisations.queries import organisation_of_code
from app.policy.fields import ShortText
from app.spreadsheets.precheck import MAX_BYTES, MESSAGES
from app.spreadsheets.reading import refusal
from app.spreadsheets.writing import Workbook

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["批量导入和导出"], route_class=Door)
uploads = APIRouter(prefix=f"{PREFIX}/staff/imports", tags=["批量导入和导出"], route_class=UploadDoor)
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Importer = Annotated[Desk, staff(Permission.ACCEPT_CASE)]
State = Literal[
    "submitted", "unit_review", "home_visit", "district_review", "means_check", "public_notice", "city_approval",
    "active", "annual_review", "exit_proposed", "exit_notice", "lifted", "relieved", "cancelled", "transferred",
    "returned", "rejected", "withdrawn", "suspended",
]  # fmt: skip


class ExportNotReady(Conflict):
    """文件还在生成，请稍候。"""


class ImportCommit(In):
    dry_run: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="试算结果的 dry_run，确认提交的就是看到的")]
    rows: Literal["all", "valid"] = Field(description="all：有一户出错就都不提交；valid：只提交没有错误的户")


class ExportFilter(In):
    states: Annotated[list[State], Field(max_length=20)] = Field(default_factory=list, description="不填为全部状态")


class ExportRequest(In):
    reason: ShortText
    filter: ExportFilter = Field(default_factory=ExportFilter)


class _Sheet:
    """An uploaded workbook, looked at and in the store before any transaction begins."""

    def __init__(self, *known: str) -> None:
        self.known = known

    async def __call__(self, request: Request) -> tuple[Uploaded, dict[str, str]]:
        async with receiving(request, MAX_BYTES, self.known, Permission.ACCEPT_CASE) as upload:
            return await self._kept(request, upload)

    async def _kept(self, request: Request, upload: Upload) -> tuple[Uploaded, dict[str, str]]:
        code = await refusal(upload.content)
        if code is not None:
            raise Invalid(FieldError("/file", code, MESSAGES[code]))
        sha256, content_id = hashlib.sha256(upload.content).digest(), new_id()
        await service_of(request).files.beside(SHEETS).put(content_id, upload.content)
        beside = "|".join(upload.fields.get(name, "") for name in self.known)
        request.scope[CONTENT] = beside.encode() + b"|" + sha256
        return Uploaded(content_id, sha256), upload.fields


@router.get(
    "/imports/template",
    status_code=200,
    summary="下载导入模板",
    response_class=Attachment,
    responses={200: downloaded(XLSX)[200]},
)
async def read_template(desk: Importer) -> Response:
    """带下拉选项和填表说明的 xlsx 模板。"""
    return Attachment(await asyncio.to_thread(template), XLSX, "household-import-template.xlsx")


@cache
def template() -> bytes:
    """The workbook to be filled in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.xlsx"
        with Workbook(path, COLUMNS, sheet="家庭档案", notes=NOTES, offer_choices=True):
            pass
        return path.read_bytes()


@uploads.post(
    "",
    status_code=202,
    summary="上传导入文件",
    response_model=views.ImportView,
    openapi_extra=multipart(organisation_code={"type": "string", "maxLength": 40}),
)
async def upload_import(
    sheet: Annotated[tuple[Uploaded, dict[str, str]], Depends(_Sheet("organisation_code"))], desk: Importer
) -> Response:
    """先试算，不写入任何档案；同一个工会的同一个文件不能上传两次。"""
    uploaded, fields = sheet
    code = fields.get("organisation_code", "")
    if not code or len(code) > 40 or not code.isprintable():
        raise Invalid(FieldError("/organisation_code", "missing", "请填写工会编码。"))
    union = await organisation_of_code(desk.work.transaction, code)
    import_id = await commands.ask(desk.work, desk.actor, union, uploaded)
    return await _import(desk, import_id, 202)


@uploads.post(
    "/{import_id}/corrections",
    status_code=202,
    summary="上传改正后的文件",
    response_model=views.ImportView,
    openapi_extra=multipart(),
)
async def upload_correction(
    import_id: PathId, sheet: Annotated[tuple[Uploaded, dict[str, str]], Depends(_Sheet())], desk: Importer
) -> Response:
    """接着同一次导入：已经提交的户会跳过，只处理没有成功的。"""
    row = await bulk_import(desk.work.transaction, desk.actor, import_id, locked=True)
    await commands.resume(desk.work, row, desk.actor.person_id, sheet[0])
    return await _import(desk, import_id, 202)


@router.get("/imports/{import_id}", summary="查看导入", response_model=views.ImportView)
async def read_import(import_id: PathId, desk: Importer) -> Response:
    """进度百分比，以及可以提交、有错误和已提交的户数。"""
    return await _import(desk, import_id, 200)


@router.get("/imports/{import_id}/errors", summary="导入错误", response_model=views.CellErrorPage)
async def list_import_errors(
    import_id: PathId,
    desk: Importer,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """逐行逐列说明；不显示填写的内容。"""
    after = desk.service.cursors.read("import_errors", cursor)
    await bulk_import(desk.work.transaction, desk.actor, import_id)
    rows = await errors(desk.work.transaction, import_id, limit + 1, after)
    page, following = desk.service.cursors.cut("import_errors", rows, limit, "created_at")
    return answer({"items": [views.error(row) for row in page], "next_cursor": following})


@router.get(
    "/imports/{import_id}/file",
    status_code=200,
    summary="下载带错误说明的文件",
    response_class=Attachment,
    responses=downloaded(XLSX),
)
async def read_import_file(import_id: PathId, desk: Importer) -> Response:
    """您上传的文件，最后一列是每一行的错误说明。没有错误的返回 404。"""
    row = await bulk_import(desk.work.transaction, desk.actor, import_id)
    if row["state"] in ("queued", "checking"):
        raise ImportNotReady
    found = await _workbook(desk, row["errors_id"], f"import-{import_id}.xlsx")
    if found is None:
        raise ImportNotFound
    return found


@router.post("/imports/{import_id}/commit", status_code=202, summary="提交导入", response_model=views.ImportView)
async def commit_import(import_id: PathId, body: ImportCommit, desk: Importer) -> Response:
    """按看到的试算结果提交，要么全部成为代办档案，要么一户也不提交。"""
    row = await bulk_import(desk.work.transaction, desk.actor, import_id, locked=True)
    valid_only = body.rows == "valid"
    await commands.confirm(desk.work, row, desk.actor.person_id, bytes.fromhex(body.dry_run), valid_only=valid_only)
    return await _import(desk, import_id, 202)


@router.post("/exports", status_code=202, summary="导出家庭档案", response_model=views.ExportView)
async def ask_export(body: ExportRequest, desk: Annotated[Desk, staff(Permission.READ_CASES)]) -> Response:
    """范围和脱敏与屏幕上一致；每次导出都有理由、水印和记录，24 小时内可以下载。"""
    states: list[Any] = list(body.filter.states)
    export_id = await commands.ask_export(desk.work, desk.actor.person_id, body.reason, {"states": states})
    row = await own_export(desk.work.transaction, desk.actor.person_id, export_id)
    return answer(views.export(row), 202)


@router.get("/exports/{export_id}", summary="查看导出", response_model=views.ExportView)
async def read_export(export_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES)]) -> Response:
    """只有申请导出的人可以看到。"""
    return answer(views.export(await own_export(desk.work.transaction, desk.actor.person_id, export_id)))


@router.get(
    "/exports/{export_id}/file",
    status_code=200,
    summary="下载导出文件",
    response_class=Attachment,
    responses=downloaded(XLSX),
)
async def read_export_file(
    export_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """生成后 24 小时内有效；每次下载都有记录。"""
    row = await own_export(desk.work.transaction, desk.actor.person_id, export_id)
    if row["state"] != "done":
        raise ExportNotReady
    if row["expires_at"] <= desk.work.now:
        raise ExportNotFound
    found = await _workbook(desk, export_id, f"export-{export_id}.xlsx")
    if found is None:
        raise ExportNotFound
    await commands.downloaded(desk.work, desk.actor.person_id, row)
    return found


async def _import(desk: Desk, import_id: UUID, status: int) -> Response:
    return answer(views.bulk_import(await bulk_import(desk.work.transaction, desk.actor, import_id)), status)


async def _workbook(desk: Desk, content_id: UUID | None, name: str) -> Response | None:
    content = await desk.service.files.beside(SHEETS).get(content_id) if content_id else None
    return Attachment(content, XLSX, name) if content is not None else None
