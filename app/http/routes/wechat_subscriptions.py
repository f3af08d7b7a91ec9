"""Which messages somebody wants in WeChat (订阅消息), and whether they came."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer
from app.http.inputs import In
from app.wechat.subscription_commands import counts, hint
from app.wechat.templates import TEMPLATES

router = APIRouter(prefix=f"{PREFIX}/me/subscriptions", tags=["消息"], route_class=Door)
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


@router.get("", summary="我的订阅", response_model=SubscriptionList)
async def list_subscriptions(desk: WorkerDesk) -> Response:
    """可以订阅的模板，和每个还能收到几条。不订阅也能办理一切事项，消息都在小程序里。"""
    return await _shown(desk)


@router.put("", summary="告知订阅结果", response_model=SubscriptionList)
async def put_subscriptions(body: SubscriptionsRequest, desk: WorkerDesk) -> Response:
    """把用户的选择告诉服务端；以微信的事件和发送结果为准。"""
    for key, choice in body.results.items():
        if choice.startswith("accept"):
            await hint(desk.work, desk.actor.person_id, key, lasting=TEMPLATES[key].lasting)
    return await _shown(desk)


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
