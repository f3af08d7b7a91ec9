"""The simulator as an ASGI app. Its memory is its own process's: run it with one worker."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.simulator import controls, endpoints
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
    """The WeChat server API for `accounts` (appid → secret): sign-in, phone number, both kinds of token.

    `clock` gives unix seconds; `unionid` says whether sign-in tells it. Steered and inspected under `/_sim/`.
    """

    async def reset(request: Request) -> Response:
        """POST: everything is as just started, the clock included."""
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


def _api_routes() -> list[Route]:
    return [
        Route("/sns/jscode2session", endpoints.jscode2session, methods=_ANY),
        Route("/wxa/business/getuserphonenumber", endpoints.getuserphonenumber, methods=_ANY),
        Route("/cgi-bin/token", endpoints.token, methods=_ANY),
        Route("/cgi-bin/stable_token", endpoints.stable_token, methods=_ANY),
    ]


def _control_routes() -> list[Route]:
    return [
        Route("/_sim/codes", controls.mint_code, methods=["GET", "POST"]),
        Route("/_sim/clock", controls.advance_clock, methods=["POST"]),
        Route("/_sim/unionid", controls.bind_unionid, methods=["POST"]),
        Route("/_sim/faults", controls.set_faults, methods=["POST"]),
        Route("/_sim/tokens/revoke", controls.revoke_tokens, methods=["POST"]),
        Route("/_sim/tokens/expire", controls.expire_tokens, methods=["POST"]),
        Route("/_sim/sent", controls.list_sent, methods=["GET"]),
        Route("/_sim/calls", controls.count_calls, methods=["GET"]),
    ]


async def _refused(request: Request, refused: Exception) -> Response:
    errcode = refused.errcode if isinstance(refused, Refused) else -1
    return refusal(request.url.path, errcode, world_of(request).now())


async def _not_found(request: Request, _: Exception) -> Response:
    if request.url.path.startswith("/_sim/"):
        return JSONResponse({"error": "no such path"}, 404)
    return refusal(request.url.path, 40066, world_of(request).now())


async def _misunderstood(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
