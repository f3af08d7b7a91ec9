"""Masked values that staff may have shown to them, and who looked, for whoever was looked at."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.access import commands
from app.access import rules as access
from app.access.commands import REASON
from app.access.queries import looked_at
from app.audit.commands import ReadingPurpose
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission
from app.policy.fields import LongText

router = APIRouter(prefix=PREFIX, tags=["查看记录"], route_class=Door)


class RevealRequest(In):
    field: access.Field = Field(
        description="id_number 证件号码 · phone 手机号 · bank_card 银行卡号 · diagnosis 诊断 · "
        "student_id_number 学生证件号码"
    )
    reason: LongText = Field(description="为什么需要看，本人可以看到")


class RevealedView(BaseModel):
    """所要的那一项，完整的内容。"""

    field: access.Field
    value: str


class LookBy(BaseModel):
    """谁：岗位、工会和脱敏的姓名。系统办理的都为空。"""

    role: str | None
    organisation: str | None
    name_masked: str | None


class LookView(BaseModel):
    """谁在什么时候因为什么看过或办理过我的信息。"""

    at: str
    action: str
    subject_kind: str
    by_me: bool
    by: LookBy
    purpose: ReadingPurpose | None = Field(
        description="review 审核办理 · inquiry 答复咨询 · verification 核实情况 · "
        "supervision 监督检查 · consultation 查阅"
    )
    field: access.Field | None = Field(description="看了哪一项的完整内容")
    reason: str | None = Field(description="查看完整内容的理由")


class LookPage(BaseModel):
    items: list[LookView]
    next_cursor: str | None


@router.post("/staff/applications/{application_id}/reveal", summary="查看完整信息", response_model=RevealedView)
async def reveal_value(
    application_id: PathId, body: RevealRequest, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """只返回所要的那一项。要写明理由；每次都有记录，本人可以看到；每人每天的次数有限。"""
    value = await commands.reveal(desk.work, desk.actor, application_id, body.field, body.reason)
    return answer({"field": body.field, "value": value})


@router.get("/me/access_log", summary="谁看过我的信息", response_model=LookPage)
async def read_access_log(
    desk: WorkerDesk,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """最近的在前：谁（岗位、工会、脱敏的姓名）、什么时候、看了或办了什么、为什么。"""
    after = desk.service.cursors.read("access_log", cursor)
    rows = await looked_at(desk.work.transaction, desk.actor.person_id, limit + 1, after)
    page, following = desk.service.cursors.cut("access_log", rows, limit, "created_at")
    shown = [_look(row, desk.work.keyring) | {"by_me": row["person_id"] == desk.actor.person_id} for row in page]
    return answer({"items": shown, "next_cursor": following})


def _look(row: Record, keyring: Keyring) -> dict[str, Any]:
    details = row["details"]
    return {
        "at": instant(row["created_at"]),
        "action": row["action"],
        "subject_kind": row["subject_kind"],
        "by": {
            "role": details.get("role"),
            "organisation": details.get("organisation"),
            "name_masked": row["name_masked"],
        },
        "purpose": details.get("purpose"),
        "field": details.get("field"),
        "reason": keyring.open_text(REASON, row["id"], row["reason"]) if row["reason"] else None,
    }
