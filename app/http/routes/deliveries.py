"""Messages that did not reach somebody: who, which, and what the union does about it."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission
from app.reaching.commands import HOW, How, note_told, retry
from app.reaching.queries import ACTS, missed, missed_count
from app.reaching.rules import may_retry

router = APIRouter(prefix=f"{PREFIX}/staff/deliveries", tags=["消息"], route_class=Door)
_Readers = Annotated[Desk, staff(Permission.READ_CASES)]
_Actors = Annotated[Desk, staff(*ACTS)]
_STATES = (
    "no_credit 没有订阅 · refused 用户拒收或已停用 · in_app 没有微信或没有模板 · failed 微信不收这条内容 · "
    "unknown 不知是否送到 · timed_out 72 小时没有回音"
)


class DeliveryView(BaseModel):
    """一条微信没有送到、小程序里也还没有读的消息。只有标题，没有正文。"""

    id: str
    person: str | None = Field(description="姓名（已脱敏）；没有实名的为空")
    kind: str
    title: str
    subject_kind: str
    subject_id: str = Field(description="说的是哪份档案或哪个事项，电话在那里查看（有记录）")
    state: str = Field(description=_STATES)
    said_at: str
    since: str = Field(description="到这个状态的时间")
    text: str | None = Field(
        description="短信：queued 将要发送 · sending · sent 已发 · refused · unknown · lapsed 不再需要；没有短信的为空"
    )
    may_retry: bool = Field(description="能不能用微信重发：只有肯定没有送到、没有发过短信、七十二小时以内的能")


class DeliveryPage(BaseModel):
    items: list[DeliveryView]
    next_cursor: str | None


class DeliveryCount(BaseModel):
    count: int = Field(description="最多数到 10001")


class DeliveryDone(BaseModel):
    id: str
    state: str
    told: bool


class ToldRequest(In):
    how: How = Field(description=" · ".join(f"{code} {word}" for code, word in HOW.items()))


@router.get("", summary="没有送到的消息", response_model=DeliveryPage)
async def list_deliveries(desk: _Readers, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """三十天以内、管辖范围内的人没有收到也没有读的消息，最新的在前；告知过、读过的不再列出。"""
    after = desk.service.cursors.read("deliveries", cursor)
    rows = await missed(desk.work.transaction, desk.actor, desk.work.now, limit + 1, after)
    page, following = desk.service.cursors.cut("deliveries", rows, limit, "created_at")
    return answer({"items": [_shown(row, desk) for row in page], "next_cursor": following})


@router.get("/count", summary="没有送到的消息数", response_model=DeliveryCount)
async def count_deliveries(desk: _Readers) -> Response:
    """最多数到 10001。"""
    return answer({"count": await missed_count(desk.work.transaction, desk.actor, desk.work.now)})


@router.post("/{delivery_id}/retry", summary="用微信重发", response_model=DeliveryDone)
async def retry_delivery(delivery_id: PathId, desk: _Actors) -> Response:
    """只重发肯定没有送到的：可能已经送到的，宁可电话告知，也不让人收到两次。留有记录。"""
    await retry(desk.work, desk.actor, delivery_id)
    return answer({"id": str(delivery_id), "state": "queued", "told": False})


@router.post("/{delivery_id}/told", summary="已另行告知", response_model=DeliveryDone)
async def note_delivery_told(delivery_id: PathId, body: ToldRequest, desk: _Actors) -> Response:
    """已经用电话、当面或书信告知本人；从名单上消失，不再发短信。留有记录，本人可以看到。"""
    row = await note_told(desk.work, desk.actor, delivery_id, body.how)
    return answer({"id": str(delivery_id), "state": row["state"], "told": True})


def _shown(row: Record, desk: Desk) -> dict[str, Any]:
    retriable = may_retry(row["state"], row["grant_id"], row["text_state"], row["created_at"], desk.work.now)
    return {
        "id": str(row["id"]),
        "person": row["person_masked"],
        **{name: row[name] for name in ("kind", "title", "subject_kind", "state")},
        "subject_id": str(row["subject_id"]),
        "said_at": instant(row["created_at"]),
        "since": instant(row["moved_at"]),
        "text": row["text_state"],
        "may_retry": retriable and desk.actor.may(*ACTS),
    }
