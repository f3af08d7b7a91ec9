"""Public notices: everyone reads them and may object; those above the unit look into it."""

from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

import app.documents as documents
from app.audit.commands import record
from app.db.transaction import Sight
from app.db.work import Work
from app.files.commands import attach
from app.files.queries import named_by
from app.http.attachments import PDF, attachment
from app.http.door import PREFIX, Desk, Door, answer, look, service_of, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.problems import MEDIA_TYPE
from app.http.service import clock
from app.http.views import notice_page
from app.http.views import notices as views
from app.http.visitors import Turnstile, VisitorDesk, is_known
from app.kernel.actor import Permission
from app.kernel.errors import DomainError, FieldError, Invalid, TooMany
from app.notices import objection_commands as commands
from app.notices.objection_queries import (
    ReceiptUnknown,
    by_receipt,
    investigation,
    objections,
    waiting,
    waiting_count,
)
from app.notices.path import PATH, Outcome
from app.notices.printed import notice_paper
from app.notices.queries import batch, batches, notice, notices
from app.people.queries import person
from app.policy.fields import FileIds, LongText, ShortText

router = APIRouter(prefix=PREFIX, tags=["公示"], route_class=Door)
PAPER = Path(documents.__file__).with_name("paper.typ")
MOST_UNKNOWN: Final = 30
"""So many objections a minute, in one process, by people who did not sign in."""
MOST_WRONG: Final = 60
"""So many codes a minute, in one process, that are nobody's: one of eighty bits is not guessed, the rest is noise."""
MOST_PRINTED: Final = 64


class CodesTooMany(TooMany):
    """现在输错受理编号的次数太多，请一分钟后再试。"""


_turnstile = Turnstile(MOST_UNKNOWN)
_wrong_codes = Turnstile(MOST_WRONG, CodesTooMany)
_printed: OrderedDict[tuple[UUID, frozenset[int]], bytes] = OrderedDict()
"""Lists as they were printed last, by the lines that they showed: everyone may ask, and the press has other work."""
TOO_MANY: dict[int | str, dict[str, Any]] = {
    429: {
        "description": "操作太频繁",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class Objection(In):
    text: LongText = Field(description="对哪一点有异议，有什么依据")
    contact: ShortText | None = Field(default=None, description="愿意留的联系方式；可以不留")
    anonymous: bool = Field(default=False, description="登录后也可以不让核查人员知道是谁；没有登录的一律匿名")
    file_ids: FileIds = Field(default_factory=list, description="证明材料，登录后上传")


class ReceiptOf(In):
    receipt_code: ShortText = Field(description="受理编号，不分大小写，有没有横线都可以")


class InvestigationAction(In):
    action: Outcome = Field(description="认定异议成立（uphold）或不成立（dismiss）")
    note: LongText | None = Field(default=None, description="必填：核查的情况和理由")
    reply: LongText | None = Field(
        default=None, description="给提出人的答复，凭受理编号可以看到；不要写被公示人的姓名和家庭情况"
    )


class InvestigationCount(BaseModel):
    count: int = Field(description="最多数到 10001")


async def object_unknown(work: Work, notice_id: UUID, said: commands.Said) -> commands.Received:
    """An objection by somebody who did not sign in: so many a minute. Raises VisitsTooMany, and as `object_to`."""
    _turnstile.check(work.now)
    received = await commands.object_to(work, notice_id, said)
    _turnstile.count(work.now)
    return received


async def status_by_code(work: Work, receipt_code: str) -> dict[str, Any]:
    """What became of the objection of a code. Raises ReceiptUnknown, CodesTooMany."""
    index = commands.receipt_index(work.keyring, receipt_code)
    row = await by_receipt(work.transaction, index) if index else None
    if row is None:
        # Whoever holds a code is answered all the same: nobody is kept out by those who have none.
        _wrong_codes.check(work.now)
        _wrong_codes.count(work.now)
        raise ReceiptUnknown
    return views.objection_status(row, work.keyring, work.today)


# ---- everyone; no cache keeps what is to be taken down ----


@router.get("/public/notices", summary="公示列表", response_model=views.NoticePage)
async def list_notices(request: Request, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """正在公示的拟发放、拟建档和拟退出名单，最新的在前；公示期满即撤下，有异议的暂停公示。"""
    cursors, now = service_of(request).cursors, clock()
    after = cursors.read("notices", cursor)
    work = await look(request, Sight("public"))
    rows = await notices(work.transaction, now, limit + 1, after)
    page, following = cursors.cut("notices", rows, limit, "created_at")
    return answer({"items": [views.notice(row) for row in page], "next_cursor": following})


@router.get("/public/notices/{notice_id}", summary="一条公示", response_model=views.NoticeView)
async def read_notice(request: Request, notice_id: PathId) -> Response:
    """已撤下或暂停的公示视同不存在。"""
    work = await look(request, Sight("public"))
    return answer(views.notice(await notice(work.transaction, notice_id, work.now)))


@router.post(
    "/public/notices/{notice_id}/objections",
    status_code=201,
    summary="对公示提出异议",
    response_model=views.ObjectionReceived,
    responses=TOO_MANY,
)
async def object_to_notice(notice_id: PathId, body: Objection, desk: VisitorDesk) -> Response:
    """可以不登录，不要求任何个人信息；登录后可以附材料。只暂停所指的一行，由上级工会核查。

    提出人是谁，被公示的人看不到。登录的同一人对同一行只能提一次。
    请记下受理编号：凭它可以查询处理情况，不会再次显示。
    """
    known = is_known(desk)
    if not known and body.file_ids:
        raise Invalid(FieldError("/file_ids", "sign_in_for_files", "要附材料，请先登录并上传。"))
    shown = known and not body.anonymous
    masked = (await person(desk.work.transaction, desk.actor.person_id))["name_masked"] if shown else None
    said = commands.Said(
        words=body.text,
        contact=body.contact,
        objector_id=desk.actor.person_id if known else None,
        masked=(masked or "*") if shown else None,
    )
    take = commands.object_to if known else object_unknown
    received = await take(desk.work, notice_id, said)
    if body.file_ids:
        await attach(desk.work, desk.actor.person_id, "notice_objection", received.id, body.model_dump(mode="json"))
    told = {"id": str(received.id), "state": "received", "receipt_code": received.receipt_code}
    return answer(told, 201)


@router.post(
    "/public/objections/status",
    summary="查询异议的处理情况",
    response_model=views.ObjectionStatus,
    responses=TOO_MANY,
)
async def read_objection_status(body: ReceiptOf, request: Request) -> Response:
    """凭提出异议时得到的受理编号，不用登录；编号不写在网址里。只有处理情况，没有异议的内容，也没有任何人的信息。"""
    return answer(await status_by_code(await look(request, Sight("public")), body.receipt_code))


@router.get("/public/notice_batches/{batch_id}", summary="一批公示", response_model=views.BatchView)
async def read_batch(request: Request, batch_id: PathId) -> Response:
    """一个工会一次发布的名单和它的校验码；暂停公示的行只留序号。期满视同不存在。"""
    return answer(await _batch(request, batch_id))


@router.get(
    "/public/notice_batches/{batch_id}/page",
    summary="一批公示的网页",
    response_class=Response,
    responses=notice_page.HTML,
)
async def read_batch_page(request: Request, batch_id: PathId) -> Response:
    """给人看的网页：没有脚本，不引用外部内容，期满视同不存在。"""
    return notice_page.page(request, await _batch(request, batch_id))


@router.get("/public/notice_batches/{batch_id}/print", summary="打印一批公示", response_class=Response, responses=PDF)
async def print_batch(request: Request, batch_id: PathId) -> Response:
    """张贴用的 PDF，附名单校验码。期满视同不存在。"""
    work = await look(request, Sight("public"))
    row, still = await batch(work.transaction, batch_id, work.now)
    content = _printed.get((batch_id, still))
    if content is None:
        drawn = notice_paper(views.batch(row, still))
        content = await service_of(request).press.pdf(PAPER, drawn, row["created_at"])
        _printed[batch_id, still] = content
        if len(_printed) > MOST_PRINTED:
            _printed.popitem(last=False)
    return attachment(content, "pdf", f"公示-{row['sha256'][:12]}")


async def _batch(request: Request, batch_id: UUID) -> dict[str, Any]:
    work = await look(request, Sight("public"))
    return views.batch(*await batch(work.transaction, batch_id, work.now))


# ---- staff ----


@router.get("/staff/notices", summary="发布过的公示", response_model=views.BatchPage)
async def list_batches(
    desk: Annotated[Desk, staff(Permission.READ_CASES)], limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """本单位及下级工会发布的各批公示，包括已期满的；最新的在前。"""
    after = desk.service.cursors.read("notice_batches", cursor)
    rows = await batches(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("notice_batches", rows, limit, "created_at")
    return answer({"items": [views.batch_summary(row) for row in page], "next_cursor": following})


Investigator = Annotated[Desk, staff(Permission.INVESTIGATE)]
OverdueQuery = Annotated[Flag, Query(description="只看已超期的")]


@router.get("/staff/notices/investigations", summary="待核查的公示异议", response_model=views.InvestigationPage)
async def list_investigations(
    desk: Investigator, overdue: OverdueQuery = False, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """被提出异议的各行公示，先提出的在前。只有区县和市总工会能看到。"""
    after, today = desk.service.cursors.read("investigations", cursor), desk.work.today
    overdue_on = today if overdue else None
    rows = await waiting(desk.work.transaction, desk.actor, limit + 1, after, overdue_on=overdue_on)
    page, following = desk.service.cursors.cut("investigations", rows, limit, "created_at")
    return answer({"items": [views.task(row, today) for row in page], "next_cursor": following})


@router.get("/staff/notices/investigations/count", summary="待核查的公示异议数", response_model=InvestigationCount)
async def count_investigations(desk: Investigator, overdue: OverdueQuery = False) -> Response:
    """等待核查的有多少。"""
    overdue_on = desk.work.today if overdue else None
    return answer({"count": await waiting_count(desk.work.transaction, desk.actor, overdue_on=overdue_on)})


@router.get(
    "/staff/notices/investigations/{investigation_id}",
    summary="查看公示异议",
    response_model=views.InvestigationCase,
)
async def read_investigation(
    investigation_id: PathId, desk: Annotated[Desk, staff(Permission.INVESTIGATE, recorded=True)]
) -> Response:
    """各份异议的内容和材料。每次查看都有记录；被公示的人看不到异议是谁提的。"""
    transaction = desk.work.transaction
    row = await investigation(transaction, desk.actor, investigation_id)
    said = await objections(transaction, investigation_id)
    files = await named_by(transaction, "notice_objection", [each["id"] for each in said])
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="notice_investigation.opened",
        subject_kind="notice_investigation",
        subject_id=investigation_id,
        subject_person_id=row["person_id"],
    )
    shown = views.case(
        row,
        [(each, [str(file_id) for file_id in files.get(each["id"], ())]) for each in said],
        desk.work.keyring,
        desk.work.today,
        await _open_actions(desk, row),
    )
    return answer(shown, version=row["version"])


async def _open_actions(desk: Desk, row: Any) -> list[str]:
    try:
        await commands.check_apart(desk.work, desk.actor, row)
    except DomainError:
        return []
    return PATH.open_to(row["state"], [Permission.INVESTIGATE])


@router.post(
    "/staff/notices/investigations/{investigation_id}/actions",
    summary="认定公示异议",
    response_model=views.InvestigationMoved,
)
async def act_on_investigation(investigation_id: PathId, body: InvestigationAction, desk: Investigator) -> Response:
    """异议不成立的，这一行重新公示满期；成立的，退回区县审核。需要 If-Match。

    办理过这个案件前面环节的人、提出异议的人和被公示的人不能认定。
    """
    moved = await commands.decide(
        desk.work, desk.actor, investigation_id, desk.expected_version(), body.action, body.note, body.reply
    )
    shown = {"id": str(moved["id"]), "state": moved["state"], "version": moved["version"]}
    return answer(shown, version=moved["version"])
