"""Quotas (openApi 管理): asking what is left, and clearing, ten times a month."""

from datetime import datetime, timedelta, timezone
from typing import Final

from pydantic import RootModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator import tokens
from app.simulator.answers import Refused
from app.simulator.calling import CLEARINGS_A_MONTH, day_of, done, limit_of, posted
from app.simulator.world import World, world_of

_SHANGHAI: Final = timezone(timedelta(hours=8))


async def quota(request: Request) -> Response:
    """POST /cgi-bin/openapi/quota/get (查询API调用额度)."""
    world, appid = _called(request)
    path = str((await posted(request, "cgi_path")).get("cgi_path"))
    limit = limit_of(world, path)
    if limit is None:
        raise Refused(76021, "cgi_path not found")
    used = world.quota.used[appid, path, day_of(world.now())]
    return done(request, quota={"daily_limit": limit, "used": used, "remain": max(limit - used, 0)})


async def clear(request: Request) -> Response:
    """POST /cgi-bin/clear_quota (重置API调用次数)."""
    world, appid = _called(request)
    if (await posted(request, "appid")).get("appid") != appid:
        raise Refused(40013)
    return _cleared(request, world, appid)


async def clear_with_secret(request: Request) -> Response:
    """POST /cgi-bin/clear_quota/v2: for when not even a token can be had."""
    world, body = world_of(request), await posted(request, "appid", "appsecret")
    return _cleared(request, world, world.check_account(body.get("appid"), body.get("appsecret")))


def _called(request: Request) -> tuple[World, str]:
    if request.method != "POST":
        raise Refused(43002)
    world = world_of(request)
    return world, tokens.holder(world.tokens, request.query_params.get("access_token", ""), world.now())


def _cleared(request: Request, world: World, appid: str) -> Response:
    moment = datetime.fromtimestamp(world.now(), _SHANGHAI)
    month = (appid, moment.year * 12 + moment.month)
    if world.quota.cleared[month] >= CLEARINGS_A_MONTH:
        raise Refused(48006)
    world.quota.cleared[month] += 1
    for counted in [each for each in world.quota.used if each[0] == appid]:
        del world.quota.used[counted]
    return done(request)


class Limits(RootModel[dict[str, int]]):
    """path → calls a day."""


async def set_limits(request: Request) -> Response:
    """POST Limits: other limits than the usual."""
    world = world_of(request)
    world.quota.limits |= Limits.model_validate_json(await request.body() or b"{}").root
    return JSONResponse(world.quota.limits)
