"""Which messages somebody wants in WeChat (订阅消息); and for staff, whether WeChat works."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import In
from app.http.views.applications import instant
from app.kernel.actor import Permission
from app.wechat.pause_commands import pauses
from app.wechat.subscription_commands import counts, hint
from app.wechat.sync_commands import last
from app.wechat.templates import TEMPLATES

router = APIRouter(prefix=PREFIX, tags=["消息"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_CASES)]
Choice = Annotated[str, Field(pattern=r"^(accept[A-Za-z]{0,20}|reject|ban|filter)$")]
TemplateKey = Literal["progress", "to_do", "work"]


class SubscriptionsRequest(In):
    """wx.requestSubscribeMessage 的结果，按模板键。"""

    results: Annotated[
        dict[TemplateKey, Choice],
        Field(min_length=1, description="accept 开头的都是同意；reject 拒绝 · ban 被封禁 · filter 同名被过滤"),
    ]


class SubscriptionView(BaseModel):
    key: str
    template_id: str = Field(description="传给 wx.requestSubscribeMessage 的 tmplIds")
    name: str
    lasting: bool = Field(description="长期订阅：同意一次，以后都能收到")
    count: int = Field(description="还能收到几条；以微信为准")


class SubscriptionList(BaseModel):
    items: list[SubscriptionView]


class PauseView(BaseModel):
    account: str = Field(description="miniprogram 小程序 · official 公众号")
    call: str
    kind: str = Field(description="quota 当天的调用次数用完 · operator 需要运维人员处理")
    since: str
    until: str = Field(description="到这时再试")


class SyncView(BaseModel):
    """读取公众号关注者名单的进度。"""

    phase: str = Field(
        description="list 读取名单 · gone 除去已取消关注的 · ask 查询身份 · tag 打标签 · done 完成 · given_up 放弃"
    )
    total: int = Field(description="公众号所说的关注者总数")
    listed: int
    gone: int
    asked: int
    joined: int = Field(description="认出是本服务用户的")
    tagged: int = Field(description="标签有变化的")
    began_at: str
    ended_at: str | None


class WechatState(BaseModel):
    paused: list[PauseView]
    followers: SyncView | None = Field(description="最近一次读取关注者名单；没有读过的为空")


@router.get("/me/subscriptions", summary="我的订阅", response_model=SubscriptionList)
async def list_subscriptions(desk: WorkerDesk) -> Response:
    """可以订阅的模板，和每个还能收到几条。不订阅也能办理一切事项，消息都在小程序里。"""
    return await _shown(desk)


@router.put("/me/subscriptions", summary="告知订阅结果", response_model=SubscriptionList)
async def put_subscriptions(body: SubscriptionsRequest, desk: WorkerDesk) -> Response:
    """把用户的选择告诉服务端；以微信的事件和发送结果为准。"""
    for key, choice in body.results.items():
        if choice.startswith("accept"):
            await hint(desk.work, desk.actor.person_id, key, lasting=TEMPLATES[key].lasting)
    return await _shown(desk)


@router.get("/staff/wechat", summary="微信是否正常", response_model=WechatState)
async def read_wechat_state(desk: Reader) -> Response:
    """微信消息暂停发送的原因和恢复时间，用于工作台的提示条；没有暂停的为空。职工在小程序里的消息不受影响。"""
    rows = await pauses(desk.work.transaction)
    items = [
        {
            "account": row["account"],
            "call": row["call"],
            "kind": row["kind"],
            "since": instant(row["created_at"]),
            "until": instant(row["until"]),
        }
        for row in rows
    ]
    return answer({"paused": items, "followers": _sync(await last(desk.work.transaction))})


def _sync(row: Record | None) -> dict[str, Any] | None:
    if row is None:
        return None
    counts = {name: row[name] for name in ("phase", "total", "listed", "gone", "asked", "joined", "tagged")}
    return counts | {"began_at": instant(row["created_at"]), "ended_at": instant(row["ended_at"])}


async def _shown(desk: Desk) -> Response:
    left = await counts(desk.work.transaction, desk.actor.person_id)
    ids = desk.service.wechat_accounts.template_ids
    items: list[dict[str, Any]] = [
        {
            "key": key,
            "template_id": ids[key],
            "name": template.name,
            "lasting": template.lasting,
            "count": left.get(key, 0),
        }
        for key, template in TEMPLATES.items()
        if key in ids
    ]
    return answer({"items": items})
