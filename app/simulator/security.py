"""Content security (内容安全): words and pictures, judged by lists and switches."""

import asyncio
import secrets
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator.answers import Refused
from app.simulator.calling import caller, done, posted
from app.simulator.pushing import push
from app.simulator.world import World, world_of

VISITED_S: Final = 2 * 3600
_LABELS: Final = {"pass": 100, "review": 21000, "risky": 20006}


async def check_text(request: Request) -> Response:
    """POST /wxa/msg_sec_check (文本内容安全识别), version 2."""
    world, appid = caller(request)
    body = await posted(request, "content", "version", "scene", "openid", "title", "nickname", "signature")
    content = body.get("content")
    if not isinstance(content, str) or not 0 < len(content) <= 2500:
        raise Refused(44991, "invalid content")
    _check_visitor(world, appid, body)
    suggest = "pass"
    if any(word in content for word in world.checks.review):
        suggest = "review"
    if any(word in content for word in world.checks.risky):
        suggest = "risky"
    result = {"suggest": suggest, "label": _LABELS[suggest]}
    detail = [{"strategy": "content_model", "errcode": 0, **result, "prob": 90}]
    return done(request, result=result, detail=detail, trace_id=secrets.token_hex(16))


async def check_media(request: Request) -> Response:
    """POST /wxa/media_check_async (多媒体内容安全识别), version 2: the result comes as an event."""
    world, appid = caller(request)
    body = await posted(request, "media_url", "media_type", "version", "scene", "openid")
    if not str(body.get("media_url", "")).startswith(("http://", "https://")):
        raise Refused(40004, "invalid media_url")
    _check_visitor(world, appid, body)
    trace_id = secrets.token_hex(16)
    task = asyncio.get_running_loop().create_task(_judge(world, appid, str(body["openid"]), trace_id))
    world.pushing.tasks.add(task)
    task.add_done_callback(world.pushing.tasks.discard)
    return done(request, trace_id=trace_id)


def _check_visitor(world: World, appid: str, body: dict[str, Any]) -> None:
    if body.get("version") != 2 or body.get("scene") not in (1, 2, 3, 4):
        raise Refused(40129)
    visited = world.visits.get((appid, str(body.get("openid"))))
    if visited is None or world.now() - visited > VISITED_S:
        raise Refused(61010)


async def _judge(world: World, appid: str, openid: str, trace_id: str) -> None:
    await asyncio.sleep(world.checks.takes_s)
    suggest, errcode = world.checks.picture, world.checks.picture_errcode
    result = {"suggest": suggest, "label": _LABELS[suggest]}
    event: dict[str, Any] = {
        "ToUserName": "gh_simulated0001",
        "FromUserName": openid,
        "CreateTime": int(world.now()),
        "MsgType": "event",
        "Event": "wxa_media_check",
        "appid": appid,
        "trace_id": trace_id,
        "version": 2,
        "errcode": errcode,
        "result": result,
        "detail": [{"strategy": "content_model", "errcode": 0, **result, "prob": 90}],
    }
    push(world, appid, event)


class CheckWish(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    risky: list[str] | None = None
    review: list[str] | None = None
    picture: Literal["pass", "review", "risky"] | None = None
    picture_errcode: int | None = None
    takes_s: float | None = Field(default=None, ge=0, le=3600)


async def set_checks(request: Request) -> Response:
    """POST CheckWish: which words are risky or for review, and how pictures are judged."""
    world, wish = world_of(request), CheckWish.model_validate_json(await request.body() or b"{}")
    checks = world.checks
    checks.risky = tuple(wish.risky) if wish.risky is not None else checks.risky
    checks.review = tuple(wish.review) if wish.review is not None else checks.review
    checks.picture = wish.picture or checks.picture
    checks.picture_errcode = checks.picture_errcode if wish.picture_errcode is None else wish.picture_errcode
    checks.takes_s = checks.takes_s if wish.takes_s is None else wish.takes_s
    return JSONResponse({})
