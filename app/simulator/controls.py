"""The paths under `/_sim/`: no part of WeChat, only for those who steer the simulator or look inside.

A body that does not fit is answered 400 with `{"error"}`; what is set here is forgotten at `/_sim/reset`.
"""

from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator import codes
from app.simulator.faults import Fault
from app.simulator.jobs import settle
from app.simulator.tokens import Token
from app.simulator.world import Mode, World, world_of


class _Wish(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class NewCode(_Wish):
    """For a name a sign-in code, for a phone (digits without country code) a phone code."""

    name: str | None = Field(default=None, min_length=1, max_length=64)
    phone: str | None = Field(default=None, pattern=r"^[0-9]{4,15}$")
    country_code: str = Field(default="86", pattern=r"^[1-9][0-9]{0,3}$")

    @model_validator(mode="after")
    def names_one_thing(self) -> Self:
        if (self.name is None) == (self.phone is None):
            raise ValueError("give a name or a phone")
        return self

    def stands_for(self) -> codes.Person | codes.Phone:
        return codes.Phone(self.phone, self.country_code) if self.phone else codes.Person(self.name or "")


class Advance(_Wish):
    advance_s: float = Field(ge=0)


class Binding(_Wish):
    bound: bool


class Whose(_Wish):
    appid: str | None = None


class Faults(RootModel[dict[str, Fault | None]]):
    """path → fault, or null to take a fault away. Paths not named keep what they have."""


_W = TypeVar("_W", bound=BaseModel)


async def mint_code(request: Request) -> Response:
    """GET with a query or POST with JSON: NewCode → `{code, expires_in}`."""
    world = world_of(request)
    wish = NewCode(**request.query_params) if request.method == "GET" else await _wish(request, NewCode)
    code = codes.mint(world.codes, wish.stands_for(), world.now())
    return JSONResponse({"code": code, "expires_in": codes.CODE_LIFE_S})


async def advance_clock(request: Request) -> Response:
    """POST `{advance_s}`: time goes on by so many seconds at once → `{now}` in unix seconds."""
    world = world_of(request)
    world.ahead_s += (await _wish(request, Advance)).advance_s
    settle(world)
    return JSONResponse({"now": world.now()})


async def bind_unionid(request: Request) -> Response:
    """POST `{bound}`: whether sign-in tells the unionid from now on."""
    world = world_of(request)
    world.unionid = (await _wish(request, Binding)).bound
    return JSONResponse({"bound": world.unionid})


async def set_faults(request: Request) -> Response:
    """POST path → fault or null; answers all faults that are set."""
    world = world_of(request)
    for path, fault in (await _wish(request, Faults)).root.items():
        world.faults.pop(path, None)
        if fault is not None:
            world.faults[path] = fault
    return JSONResponse({path: fault.model_dump(exclude_none=True) for path, fault in world.faults.items()})


async def revoke_tokens(request: Request) -> Response:
    """POST `{appid?}`: living tokens are no longer the latest (40001) → `{tokens}`, how many."""
    world = world_of(request)
    living = await _living_tokens(request, world)
    for token in living:
        token.revoked_at = world.now()
    return JSONResponse({"tokens": len(living)})


async def expire_tokens(request: Request) -> Response:
    """POST `{appid?}`: living tokens have expired (42001) → `{tokens}`, how many."""
    world = world_of(request)
    living = await _living_tokens(request, world)
    for token in living:
        token.expires_at = world.now()
    return JSONResponse({"tokens": len(living)})


class Wanted(_Wish):
    mode: Mode


async def set_mode(request: Request) -> Response:
    """POST `{mode}`: `live` answers with fields that no page names, `strict` refuses what no page names."""
    world = world_of(request)
    world.mode = (await _wish(request, Wanted)).mode
    return JSONResponse({"mode": world.mode})


async def count_calls(request: Request) -> Response:
    """GET path → number of calls, faults included."""
    return JSONResponse(world_of(request).calls)


async def _living_tokens(request: Request, world: World) -> list[Token]:
    whose = (await _wish(request, Whose)).appid
    issued = world.tokens.issued.values()
    return [token for token in issued if token.lives(world.now()) and whose in (None, token.appid)]


async def _wish(request: Request, model: type[_W]) -> _W:
    return model.model_validate_json(await request.body() or b"{}")
