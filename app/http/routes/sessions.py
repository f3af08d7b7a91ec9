"""Signing in with WeChat, staying signed in, signing out."""

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.db.transaction import Sight
from app.db.work import Work
from app.gateways.wechat.errors import CodeRefused, WeChatError
from app.http.door import PREFIX, Door, WorkerDesk, answer, begin, service_of
from app.http.inputs import In
from app.http.problems import of_domain
from app.http.service import Service
from app.kernel.actor import Post
from app.kernel.errors import Unauthenticated, Unavailable
from app.organisations.queries import posts
from app.people import commands
from app.people.attempt_commands import REFUSED_CODES, count
from app.people.consents import REQUIRED_OF_EVERYONE
from app.people.queries import consented, person
from app.people.tokens import ACCESS_LIFE, TokenRefused, issue

log = structlog.get_logger("aid.wechat")
router = APIRouter(prefix=PREFIX, tags=["登录"], route_class=Door)


class WechatCodeInvalid(Unauthenticated):
    """微信登录凭证无效或已用过，请重新登录。"""


class WechatUnavailable(Unavailable):
    """微信服务暂时没有响应，请稍后再试。"""


def wechat_failed(failed: WeChatError) -> WechatUnavailable:
    """For the person a plain word; for the operator the call and WeChat's own code in the log."""
    log.warning("wechat_failed", error=type(failed).__name__, name=failed.call, reason=str(failed))
    return WechatUnavailable()


class SignInRequest(In):
    """wx.login 得到的 code，只能用一次。"""

    code: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class RefreshRequest(In):
    refresh_token: Annotated[str, Field(min_length=20, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]


class OrganisationView(BaseModel):
    id: str
    code: str
    name: str
    level: str


class PostView(BaseModel):
    role: str
    organisation: OrganisationView


class PersonView(BaseModel):
    """当前登录的人（姓名和手机号已脱敏）。"""

    id: str
    name_masked: str | None
    phone_masked: str | None
    verified: bool
    staff: list[PostView]
    consents_missing: list[str]


class SessionView(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int = Field(description="访问令牌还有多少秒有效")
    person: PersonView


@router.post("/sessions", status_code=201, summary="微信登录", response_model=SessionView)
async def create_session(request: Request, body: SignInRequest) -> Response:
    """用 wx.login 的 code 登录；第一次登录会自动建立账户。"""
    service = service_of(request)
    # The call to WeChat comes before the transaction: none waits for a network.
    try:
        identity = await service.wechat.sign_in(body.code)
    except CodeRefused:
        return await _refused(request)
    except WeChatError as failed:
        raise wechat_failed(failed) from None
    work = await begin(request, Sight("sign_in"))
    signed_in = await commands.sign_in(work, identity.openid, identity.unionid)
    return await _session(work, service, signed_in, 201)


async def _refused(request: Request) -> Response:
    """The code was not WeChat's. Answered, not raised: that it is counted has to stay. Raises TooManyAttempts."""
    work = await begin(request, Sight("sign_in"))
    await count(work, REFUSED_CODES, request.client.host if request.client else "")
    return of_domain(WechatCodeInvalid(), request.scope.get("request_id", ""))


@router.post("/sessions/refresh", summary="刷新登录", response_model=SessionView)
async def refresh_session(request: Request, body: RefreshRequest) -> Response:
    """换一对新的令牌；旧的 refresh_token 再次使用会结束整个登录。"""
    service = service_of(request)
    work = await begin(request, Sight("sign_in"))
    signed_in = await commands.refresh(work, body.refresh_token)
    if signed_in is None:
        # Its session has just been ended, and that must be kept: an answer, so that it is committed.
        return of_domain(TokenRefused(), request.scope.get("request_id", ""))
    return await _session(work, service, signed_in, 200)


@router.delete("/sessions/current", status_code=204, summary="退出登录", response_class=Response)
async def end_session(desk: WorkerDesk) -> Response:
    """结束当前登录，所有设备上的同一登录在 5 秒内失效。"""
    await commands.end_session(desk.work, desk.actor.session_id, "signed_out")
    desk.service.forget(desk.actor.session_id)
    return Response(status_code=204)


async def _session(work: Work, service: Service, signed_in: commands.SignedIn, status: int) -> Response:
    key = service.settings.token_key.get_secret_value()
    shown = await person_view(work, signed_in.person_id)
    return answer(
        {
            "access_token": issue(key, signed_in.person_id, signed_in.session_id, work.now),
            "refresh_token": signed_in.refresh_token,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "person": shown,
        },
        status,
    )


async def person_view(work: Work, person_id: Any) -> dict[str, Any]:
    """The person as the phone shows them."""
    row = await person(work.transaction, person_id)
    given = await consented(work.transaction, person_id)
    held = await posts(work.transaction, person_id, work.today)
    return {
        "id": str(person_id),
        "name_masked": row["name_masked"],
        "phone_masked": row["phone_masked"],
        "verified": row["verified_at"] is not None,
        "staff": [_post(post) for post in held],
        "consents_missing": [purpose for purpose in REQUIRED_OF_EVERYONE if purpose not in given],
    }


def _post(post: Post) -> dict[str, Any]:
    place = post.place
    organisation = {"id": str(place.id), "code": place.code, "name": place.name, "level": place.level}
    return {"role": post.role, "organisation": organisation}
