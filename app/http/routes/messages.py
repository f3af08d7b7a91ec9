"""What a person is told in the app (消息)."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.db.transaction import Record
from app.http.door import PREFIX, Door, WorkerDesk, answer
from app.http.inputs import Cursor, Limit, PathId
from app.http.views.applications import instant
from app.messaging.commands import mark_read
from app.messaging.queries import own_page, unread

router = APIRouter(prefix=f"{PREFIX}/me/messages", tags=["消息"], route_class=Door)


class MessageView(BaseModel):
    """一条消息。subject_kind、subject_id 是它说的档案或办理事项。"""

    id: str
    kind: str = Field(
        description="review_due 年度复核提醒 · watch_due 回访提醒 · application 申请 · household 家庭档案 · "
        "appeal 申诉 · objection 异议 · discrepancy 不一致 · change 变更 · visit 走访 · card 联系卡 · account 账户 · "
        "supplement_asked、supplement_due、supplement_answered、supplement_lapsed 补充材料 · "
        "工作人员还有 escalation 超期 · investigation 异议核查 · match 部门比对 · "
        "meeting 会议表决 · delegation 委托代办 · payment 付款复核 · reuse 一票多用 · card_alert 两户一卡 · "
        "paper_task 没有微信的职工等待代办 · post 岗位任免 · evaluation 第三方评估；"
        "职工还有 card_check 银行卡核验 · filing 工会代填的等待确认"
    )
    title: str
    text: str
    subject_kind: str
    subject_id: str
    created_at: str
    read_at: str | None
    wechat: str | None = Field(
        description="微信里的通知：waiting 等待发送 · sent 已发出 · delivered 已送达 · not_sent 没有发（没有订阅等） · "
        "unknown 不知是否送到；为空的是以前的消息。无论如何，消息都在这里"
    )


class MessagePage(BaseModel):
    items: list[MessageView]
    next_cursor: str | None


class UnreadCount(BaseModel):
    count: int = Field(description="最多数到 1001，即 1,000 以上")


@router.get("", summary="我的消息", response_model=MessagePage)
async def list_messages(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """职工和工作人员各自的消息，最新的在前。"""
    after = desk.service.cursors.read("messages", cursor)
    rows = await own_page(desk.work.transaction, desk.actor.person_id, limit + 1, after)
    page, following = desk.service.cursors.cut("messages", rows, limit, "created_at")
    return answer({"items": [_shown(row) for row in page], "next_cursor": following})


@router.get("/count", summary="未读消息数", response_model=UnreadCount)
async def count_messages(desk: WorkerDesk) -> Response:
    """还没有读过的有多少条。"""
    return answer({"count": await unread(desk.work.transaction, desk.actor.person_id)})


@router.post("/{message_id}/read", summary="标为已读", response_model=MessageView)
async def read_message(message_id: PathId, desk: WorkerDesk) -> Response:
    """已读过的保留第一次的时间。"""
    return answer(_shown(await mark_read(desk.work, desk.actor.person_id, message_id)))


_WAYS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("queued", "sending"), "waiting"),
    **{state: state for state in ("sent", "delivered")},
    **dict.fromkeys(("no_credit", "refused", "in_app", "failed"), "not_sent"),
    **dict.fromkeys(("unknown", "timed_out"), "unknown"),
}


def _shown(row: Record) -> dict[str, Any]:
    told = {name: row[name] for name in ("kind", "title", "text", "subject_kind")}
    return {
        "id": str(row["id"]), **told, "subject_id": str(row["subject_id"]), "created_at": instant(row["created_at"]),
        "read_at": instant(row["read_at"]), "wechat": _WAYS[row["sending"]] if row["sending"] else None,
    }  # fmt: skip
