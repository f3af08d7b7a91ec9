"""The calls of the WeChat server API that are imitated, each under its own path."""

import base64
import json
import secrets

from starlette.requests import Request
from starlette.responses import Response

from app.simulator import codes, tokens
from app.simulator.answers import Refused, answer
from app.simulator.world import world_of


async def jscode2session(request: Request) -> Response:
    """GET /sns/jscode2session (小程序登录凭证校验)."""
    _require("GET", request, 43001)
    world, query = world_of(request), request.query_params
    appid = world.check_account(query.get("appid"), query.get("secret"))
    if not query.get("js_code"):
        raise Refused(41008)
    if query.get("grant_type") != "authorization_code":
        raise Refused(40002)
    person = codes.redeem_sign_in(world.codes, query["js_code"], world.now())
    session = {
        "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "openid": codes.openid(appid, person.name),
    }
    world.visits[appid, session["openid"]] = world.now()
    if world.unionid:
        session["unionid"] = codes.unionid(person.name)
    return answer(request.url.path, session)


async def getuserphonenumber(request: Request) -> Response:
    """POST /wxa/business/getuserphonenumber?access_token= (获取手机号)."""
    _require("POST", request, 43002)
    world = world_of(request)
    appid = tokens.holder(world.tokens, request.query_params.get("access_token", ""), world.now())
    code = (await _posted(request)).get("code")
    if not isinstance(code, str):
        raise Refused(40029)
    phone = codes.redeem_phone(world.codes, code, world.now())
    abroad = phone.country_code != "86"
    info = {
        "phoneNumber": f"+{phone.country_code}{phone.number}" if abroad else phone.number,
        "purePhoneNumber": phone.number,
        "countryCode": phone.country_code,
        "watermark": {"timestamp": int(world.now()), "appid": appid},
    }
    return answer(request.url.path, {"errcode": 0, "errmsg": "ok", "phone_info": info})


async def token(request: Request) -> Response:
    """GET /cgi-bin/token (获取接口调用凭据)."""
    _require("GET", request, 43001)
    world, query = world_of(request), request.query_params
    if query.get("grant_type") != "client_credential":
        raise Refused(40002)
    appid = world.check_account(query.get("appid"), query.get("secret"))
    now = world.now()
    return _handed_over(request, tokens.issue_classic(world.tokens, appid, now), now)


async def stable_token(request: Request) -> Response:
    """POST /cgi-bin/stable_token (获取稳定版接口调用凭据)."""
    _require("POST", request, 43002)
    world, posted = world_of(request), await _posted(request)
    if posted.get("grant_type") != "client_credential":
        raise Refused(40002)
    appid = world.check_account(posted.get("appid"), posted.get("secret"))
    force = posted.get("force_refresh", False)
    if not isinstance(force, bool):
        raise Refused(47001)
    now = world.now()
    return _handed_over(request, tokens.issue_stable(world.tokens, appid, now, force=force), now)


def _require(method: str, request: Request, otherwise: int) -> None:
    if request.method != method:
        raise Refused(otherwise)


async def _posted(request: Request) -> dict[str, object]:
    body = await request.body()
    if not body:
        raise Refused(44002)
    try:
        posted = json.loads(body)
    except (ValueError, RecursionError):
        posted = None
    if not isinstance(posted, dict):
        raise Refused(47001)
    return posted


def _handed_over(request: Request, issued: tokens.Token, now: float) -> Response:
    return answer(request.url.path, {"access_token": issued.text, "expires_in": int(issued.expires_at - now)})
