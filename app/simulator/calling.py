"""What most calls begin with: the method, the token, the day's quota, the body."""

import json
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from app.simulator import tokens
from app.simulator.answers import Refused, answer
from app.simulator.world import World, world_of

USUAL_LIMITS: Final = {
    "/cgi-bin/message/subscribe/send": 10_000_000,
    "/wxa/msg_sec_check": 2_000_000,
    "/wxa/media_check_async": 200_000,
    "/wxa/generate_urllink": 500_000,
    "/wxa/generatescheme": 500_000,
    "/cgi-bin/draft/add": 1_000,
    "/cgi-bin/draft/get": 500,
    "/cgi-bin/draft/update": 1_000,
    "/cgi-bin/draft/delete": 1_000,
    "/cgi-bin/freepublish/submit": 100,
    "/cgi-bin/freepublish/get": 100,
    "/cgi-bin/freepublish/delete": 10,
    "/cgi-bin/message/mass/sendall": 100,
    "/cgi-bin/message/mass/preview": 100,
    "/cgi-bin/user/get": 500,
}
"""Calls a day (接口调用频次); what is not here has no limit that matters."""
CLEARINGS_A_MONTH: Final = 10
_SHANGHAI_S: Final = 8 * 3600


def day_of(now: float) -> int:
    return int((now + _SHANGHAI_S) // 86_400)


def limit_of(world: World, path: str) -> int | None:
    return world.quota.limits.get(path, USUAL_LIMITS.get(path))


def caller(request: Request, method: str = "POST") -> tuple[World, str]:
    """The world, and the appid whose token it is. Raises Refused: method, token, or the day's quota (45009)."""
    if request.method != method:
        raise Refused(43002 if method == "POST" else 43001)
    world, path = world_of(request), request.url.path
    appid = tokens.holder(world.tokens, request.query_params.get("access_token", ""), world.now())
    limit, counted = limit_of(world, path), (appid, path, day_of(world.now()))
    if limit is not None and world.quota.used[counted] >= limit:
        raise Refused(45009)
    world.quota.used[counted] += 1
    return world, appid


async def posted(request: Request, *known: str) -> dict[str, Any]:
    """The body; in strict mode with no field but the known ones. Raises Refused 44002, 47001."""
    body = await request.body()
    if not body:
        raise Refused(44002)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(47001)
    if known and world_of(request).mode == "strict" and set(found) - set(known):
        raise Refused(40097, f"invalid args: {', '.join(sorted(set(found) - set(known)))}")
    return found


def done(request: Request, **also: object) -> Response:
    return answer(request.url.path, {"errcode": 0, "errmsg": "ok", **also})
