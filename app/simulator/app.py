"""The simulator as an ASGI app. Its memory is its own process's: run it with one worker."""

import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.simulator import controls, endpoints, jobs, links, messages, official, pushing, quotas, security, texts
from app.simulator.answers import Refused, refusal
from app.simulator.faults import play, take
from app.simulator.world import World, world_of

DEMO_ACCOUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {"wx0000000000000sim": "simulated-secret", "wx0000000000000off": "simulated-official-secret"}
)
"""appid → secret, for demonstrations, a mini-program and an official account; no real account has such an appid."""

_ANY = ["GET", "POST", "PUT", "DELETE"]


def create_app(
    accounts: Mapping[str, str] = DEMO_ACCOUNTS,
    *,
    clock: Callable[[], float] = time.time,
    unionid: bool = True,
) -> Starlette:
    """The WeChat server API for `accounts` (appid → secret), as far as README.md in this folder says.

    `clock` gives unix seconds; `unionid` says whether sign-in tells it. Steered and inspected under `/_sim/`.
    """

    async def reset(request: Request) -> Response:
        """POST: everything is as just started, the clock included."""
        former: World = request.app.state.world
        for task in (*former.pushing.tasks, *former.official.watched):
            task.cancel()
        request.app.state.world = World(accounts, clock, unionid)
        return JSONResponse({})

    app = Starlette(
        routes=[*_api_routes(), *_control_routes(), Route("/_sim/reset", reset, methods=["POST"])],
        middleware=[Middleware(Gate)],
        exception_handlers={Refused: _refused, ValidationError: _misunderstood, 404: _not_found},
    )
    app.state.world = World(accounts, clock, unionid)
    return app


class Gate:
    """Counts each call of the API and plays the fault that is set for its path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sim/"):
            await self.app(scope, receive, send)
            return
        world: World = scope["app"].state.world
        world.calls[scope["path"]] += 1
        fault = take(world.faults, scope["path"])
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await play(fault, self.app, world.now(), scope, receive, send)


_CALLS: Final[Mapping[str, Callable[[Request], Awaitable[Response]]]] = {
    "/cgi-bin/token": endpoints.token,
    "/cgi-bin/stable_token": endpoints.stable_token,
    "/cgi-bin/message/subscribe/send": messages.send,
    "/wxaapi/newtmpl/gettemplate": messages.templates,
    "/wxaapi/newtmpl/addtemplate": messages.add_template,
    "/wxaapi/newtmpl/deltemplate": messages.delete_template,
    "/wxa/msg_sec_check": security.check_text,
    "/wxa/media_check_async": security.check_media,
    "/wxa/getwxacodeunlimit": links.code_image,
    "/wxa/generate_urllink": links.url_link,
    "/wxa/generatescheme": links.scheme,
    "/cgi-bin/user/get": official.followers,
    "/cgi-bin/user/info/batchget": official.users,
    "/cgi-bin/tags/get": official.tags,
    "/cgi-bin/tags/create": official.make_tag,
    "/cgi-bin/tags/delete": official.delete_tag,
    "/cgi-bin/tags/members/batchtagging": official.tag_members,
    "/cgi-bin/tags/members/batchuntagging": official.tag_members,
    "/cgi-bin/media/uploadimg": official.upload_picture,
    "/cgi-bin/material/add_material": official.add_material,
    "/cgi-bin/draft/add": official.add_draft,
    "/cgi-bin/draft/get": official.draft,
    "/cgi-bin/draft/update": official.draft,
    "/cgi-bin/draft/delete": official.draft,
    "/cgi-bin/freepublish/submit": jobs.submit,
    "/cgi-bin/freepublish/get": jobs.publication,
    "/cgi-bin/freepublish/delete": jobs.take_down,
    "/cgi-bin/freepublish/batchget": jobs.publications,
    "/cgi-bin/message/mass/sendall": jobs.send_to_all,
    "/cgi-bin/message/mass/delete": jobs.delete_mass,
    "/cgi-bin/message/mass/get": jobs.mass_state,
    "/cgi-bin/message/mass/preview": jobs.preview,
    "/cgi-bin/openapi/quota/get": quotas.quota,
    "/cgi-bin/clear_quota": quotas.clear,
    "/cgi-bin/clear_quota/v2": quotas.clear_with_secret,
}
"""The calls that are imitated, beside signing in and phone numbers."""


def _api_routes() -> list[Route]:
    return [
        Route("/sns/jscode2session", endpoints.jscode2session, methods=_ANY),
        Route("/wxa/business/getuserphonenumber", endpoints.getuserphonenumber, methods=_ANY),
        Route("/sms/send", texts.send, methods=["POST"]),
        *(Route(path, endpoint, methods=_ANY) for path, endpoint in _CALLS.items()),
    ]


def _control_routes() -> list[Route]:
    return [
        Route("/_sim/codes", controls.mint_code, methods=["GET", "POST"]),
        Route("/_sim/clock", controls.advance_clock, methods=["POST"]),
        Route("/_sim/unionid", controls.bind_unionid, methods=["POST"]),
        Route("/_sim/faults", controls.set_faults, methods=["POST"]),
        Route("/_sim/tokens/revoke", controls.revoke_tokens, methods=["POST"]),
        Route("/_sim/tokens/expire", controls.expire_tokens, methods=["POST"]),
        Route("/_sim/sent", messages.sent, methods=["GET"]),
        Route("/_sim/texts", texts.sent, methods=["GET"]),
        Route("/_sim/mode", controls.set_mode, methods=["POST"]),
        Route("/_sim/choices", messages.choose, methods=["POST"]),
        Route("/_sim/messages", messages.spoil, methods=["POST"]),
        Route("/_sim/followers", official.follow, methods=["POST"]),
        Route("/_sim/crowd", official.crowd, methods=["POST"]),
        Route("/_sim/outcomes", jobs.set_outcomes, methods=["POST"]),
        Route("/_sim/jobs", jobs.list_jobs, methods=["GET"]),
        Route("/_sim/checks", security.set_checks, methods=["POST"]),
        Route("/_sim/quotas", quotas.set_limits, methods=["POST"]),
        Route("/_sim/callback", pushing.set_callback, methods=["POST"]),
        Route("/_sim/push", pushing.push_now, methods=["POST"]),
        Route("/_sim/pushes", pushing.list_pushes, methods=["GET"]),
        Route("/_sim/pushes/faults", pushing.set_push_faults, methods=["POST"]),
        Route("/_sim/pushes/release", pushing.release_pushes, methods=["POST"]),
        Route("/_sim/calls", controls.count_calls, methods=["GET"]),
    ]


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    now = world_of(request).now()
    return refusal(request.url.path, refused.errcode, now, message=refused.message, also=refused.also)


async def _not_found(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/_sim/"):
        return JSONResponse({"error": "no such path"}, 404)
    return refusal(request.url.path, 40066, world_of(request).now())


async def _misunderstood(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
