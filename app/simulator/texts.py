"""A gateway of text messages (短信), none of WeChat's: here so that the last way to reach somebody can be tried."""

import secrets

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.simulator.world import world_of

REFUSED = "19900000000"
"""A number that takes no text messages."""


class Text(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    phone: str = Field(pattern=r"^1[0-9]{10}$")
    text: str = Field(min_length=1, max_length=300)
    once: str = Field(min_length=1, max_length=64)


async def send(request: Request) -> Response:
    """POST `{phone, text, once}` with a bearer key → `{accepted, id}`."""
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return JSONResponse({"error": "no key"}, 401)
    world, wish = world_of(request), Text.model_validate_json(await request.body())
    if wish.phone == REFUSED:
        return JSONResponse({"accepted": False})
    kept = next((each for each in world.texts if each["once"] == wish.once), None)
    if kept is None:
        kept = wish.model_dump() | {"id": secrets.token_hex(8), "at": int(world.now())}
        world.texts.append(kept)
    return JSONResponse({"accepted": True, "id": kept["id"]})


async def sent(request: Request) -> Response:
    """GET → `{items}`: what was accepted, oldest first."""
    return JSONResponse({"items": world_of(request).texts})
