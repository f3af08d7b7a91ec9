"""Who holds which post, and giving and ending them (任免): one administrator proposes, another confirms."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.appointments import commands
from app.appointments.commands import Appointment
from app.appointments.queries import PERSON_NAME, change, changes, posts_held
from app.appointments.rules import AHEAD
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission, Role
from app.kernel.errors import FieldError, Invalid
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.people.commands import NAME
from app.policy.fields import Code, IdNumber, IsoDate, LongText, PersonName

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["岗位任免"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_POSTS)]
Proposer = Annotated[Desk, staff(Permission.PROPOSE_POST)]
Confirmer = Annotated[Desk, staff(Permission.CONFIRM_POST)]
Basis = Annotated[LongText, Field(description="依据：任免文件的名称、文号")]


class PostRequest(In):
    """给谁什么岗位。本人要先登录小程序并完成实名认证。"""

    name: PersonName
    id_number: IdNumber
    role: Annotated[Role, Field(strict=False)]
    organisation_code: Code
    from_date: IsoDate | None = Field(default=None, description=f"从哪一天起，不填为今天；最迟 {AHEAD.days} 天以后")
    basis: Basis


class PostEnding(In):
    basis: Basis


class PostRefusal(In):
    note: LongText = Field(description="为什么不同意")


class PostView(BaseModel):
    """一个人担任的一个岗位，包括还没有开始的。"""

    id: str
    person_name: str
    person_masked: str
    role: Role
    organisation_code: str
    organisation: str
    from_date: str


class PostPage(BaseModel):
    items: list[PostView]
    next_cursor: str | None


class PostChangeView(BaseModel):
    """一项任免：系统管理员提出，安全管理员核对后确认才生效。"""

    id: str
    kind: Literal["appoint", "end"] = Field(description="appoint 任 · end 免")
    person_name: str = Field(description="请与任免文件核对")
    person_masked: str
    role: Role
    organisation: str
    from_date: str | None = Field(description="任的，从哪一天起；免的，确认即免")
    basis: str
    state: Literal["proposed", "confirmed", "refused", "withdrawn"]
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None
    note: str | None
    version: int


class PostChangePage(BaseModel):
    items: list[PostChangeView]
    next_cursor: str | None


@router.get("/posts", summary="岗位", response_model=PostPage)
async def list_posts(
    desk: Reader,
    role: Annotated[Role | None, Query(description="只看一种岗位")] = None,
    organisation_code: Annotated[Code | None, Query(description="只看一个工会本级的")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """管辖范围内谁担任什么岗位，最近任的在前。"""
    after = desk.service.cursors.read("posts", cursor)
    wanted = {"role": role, "organisation_code": organisation_code}
    rows = await posts_held(desk.work.transaction, desk.actor, limit + 1, after, **wanted)
    page, following = desk.service.cursors.cut("posts", rows, limit, "created_at")
    return answer({"items": [_post(row, desk.work.keyring) for row in page], "next_cursor": following})


@router.post("/posts", status_code=201, summary="提出任职", response_model=PostChangeView)
async def propose_appointment(body: PostRequest, desk: Proposer) -> Response:
    """安全管理员确认后生效。系统管理员、安全管理员、审计员只由市总工会任免，不能兼任任何其他岗位。"""
    work = desk.work
    try:
        number = resident_id(body.id_number, work.today).number
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError("/id_number", wrong.code, wrong.message)) from None
    from_date = body.from_date or work.today
    wanted = Appointment(body.name, number, body.role, body.organisation_code, from_date, body.basis)
    return await _answered(desk, await commands.propose_appointment(work, desk.actor, wanted), 201)


@router.post("/posts/{post_id}/end", status_code=201, summary="提出免职", response_model=PostChangeView)
async def propose_end(post_id: PathId, body: PostEnding, desk: Proposer) -> Response:
    """安全管理员确认后五秒之内免去；委托给别人的随之结束。"""
    return await _answered(desk, await commands.propose_end(desk.work, desk.actor, post_id, body.basis), 201)


@router.get("/post_changes", summary="任免", response_model=PostChangePage)
async def list_changes(
    desk: Reader,
    waiting: Annotated[Flag, Query(description="只看等待核对的")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """管辖范围内提出过的任免，最新的在前。"""
    after = desk.service.cursors.read("post_changes", cursor)
    rows = await changes(desk.work.transaction, desk.actor, limit + 1, after, waiting=waiting)
    page, following = desk.service.cursors.cut("post_changes", rows, limit, "created_at")
    return answer({"items": [_change(row, desk.work.keyring) for row in page], "next_cursor": following})


@router.post("/post_changes/{change_id}/confirm", summary="确认任免", response_model=PostChangeView)
async def confirm_change(change_id: PathId, desk: Confirmer) -> Response:
    """对照任免文件核对后确认，五秒之内生效。提出的人、核对的人和任免的人是三个人。需要 If-Match。"""
    await commands.confirm(desk.work, desk.actor, change_id, desk.expected_version())
    return await _answered(desk, change_id, 200)


@router.post("/post_changes/{change_id}/refuse", summary="不同意任免", response_model=PostChangeView)
async def refuse_change(change_id: PathId, body: PostRefusal, desk: Confirmer) -> Response:
    """需要 If-Match。"""
    await commands.refuse(desk.work, desk.actor, change_id, desk.expected_version(), body.note)
    return await _answered(desk, change_id, 200)


@router.post("/post_changes/{change_id}/withdraw", summary="撤回任免", response_model=PostChangeView)
async def withdraw_change(change_id: PathId, desk: Proposer) -> Response:
    """还没有确认的可以撤回。需要 If-Match。"""
    await commands.withdraw(desk.work, desk.actor, change_id, desk.expected_version())
    return await _answered(desk, change_id, 200)


async def _answered(desk: Desk, change_id: UUID, status: int) -> Response:
    row = await change(desk.work.transaction, desk.actor, change_id)
    return answer(_change(row, desk.work.keyring), status, version=row["version"])


def _post(row: Record, keyring: Keyring) -> dict[str, Any]:
    shown = ("person_masked", "role", "organisation_code")
    return {
        "id": str(row["id"]),
        "person_name": keyring.open_text(NAME, row["person_id"], row["name"]),
        **{name: row[name] for name in shown},
        "organisation": row["organisation_name"],
        "from_date": _day(row["from_date"]),
    }


def _change(row: Record, keyring: Keyring) -> dict[str, Any]:
    shown = ("kind", "person_masked", "role", "basis", "state", "note", "version")
    return {
        "id": str(row["id"]),
        "person_name": keyring.open_text(PERSON_NAME, row["id"], row["person_name"]),
        **{name: row[name] for name in shown},
        "organisation": row["organisation_name"],
        "from_date": _day(row["from_date"]),
        "proposed_by": row["proposed_masked"],
        "proposed_at": instant(row["created_at"]),
        "decided_by": row["decided_masked"],
        "decided_at": instant(row["decided_at"]),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
