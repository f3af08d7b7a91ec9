"""Codes and links that lead into a mini-program (获取小程序码, URL Link, URL Scheme)."""

import re
import secrets
import struct
import zlib
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from app.simulator.answers import Refused
from app.simulator.calling import caller, done, posted

_SCENE: Final = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}", re.ASCII)


async def code_image(request: Request) -> Response:
    """POST /wxa/getwxacodeunlimit (获取不限制的小程序码): the picture itself, JSON only in refusal."""
    caller(request)
    body = await posted(request, "scene", "page", "check_path", "env_version", "width", "is_hyaline")
    if not isinstance(body.get("scene"), str) or not _SCENE.fullmatch(body["scene"]):
        raise Refused(40129)
    page, width = str(body.get("page", "")), body.get("width", 430)
    if page.startswith("/") or "?" in page or (body.get("check_path", True) and not page.startswith("pages/")):
        raise Refused(41030)
    if not isinstance(width, int) or not 280 <= width <= 1280:
        raise Refused(40097)
    return Response(_png(width), media_type="image/png")


def _png(width: int) -> bytes:
    """A square of one bit a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    row = b"\0" + secrets.token_bytes((width + 7) // 8)
    header = struct.pack("!IIBBBBB", width, width, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * width)) + chunk(b"IEND", b"")
    )


async def url_link(request: Request) -> Response:
    """POST /wxa/generate_urllink (获取加密URLLink)."""
    caller(request)
    _check_life(body := await posted(request, "path", "query", "expire_type", "expire_interval", "env_version"))
    _check_target(body)
    return done(request, url_link=f"https://wxaurl.cn/{secrets.token_urlsafe(8)}")


async def scheme(request: Request) -> Response:
    """POST /wxa/generatescheme (获取加密scheme码)."""
    caller(request)
    _check_life(body := await posted(request, "jump_wxa", "is_expire", "expire_type", "expire_interval"))
    target = body.get("jump_wxa")
    if not isinstance(target, dict):
        raise Refused(40097)
    _check_target(target)
    return done(request, openlink=f"weixin://dl/business/?t={secrets.token_urlsafe(8)}")


def _check_life(body: dict[str, Any]) -> None:
    interval = body.get("expire_interval", 30)
    if body.get("expire_type", 0) not in (0, 1) or not isinstance(interval, int) or not 1 <= interval <= 30:
        raise Refused(85401, "invalid expire")


def _check_target(target: dict[str, Any]) -> None:
    if str(target.get("path", "")).startswith("/wrong"):
        raise Refused(40165, "invalid weapp pagepath")
    if len(str(target.get("query", ""))) > 1024:
        raise Refused(40212, "invalid query")
