"""How WeChat answers: HTTP 200 and JSON, also when it says no, which is an `errcode` other than 0."""

import secrets
from collections.abc import Mapping
from typing import Final

from starlette.responses import JSONResponse, Response

MESSAGES: Final[Mapping[int, str]] = {
    -1: "system error",
    40001: (
        "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, "
        "more details at https://mmbizurl.cn/s/JtxxFh33r"
    ),
    40002: "invalid grant_type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40003: "invalid openid",
    40007: "invalid media_id",
    40005: "invalid file type",
    40009: "invalid image size",
    40032: "invalid openid list size",
    40037: "invalid template_id",
    40066: "invalid url",
    40097: "invalid args",
    40129: "invalid scene",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    43107: "subscribe message is banned",
    43108: "concurrent sends to the same user",
    44002: "empty post data",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45028: "has no masssend quota",
    45056: "too many tags",
    45065: "clientmsgid exist",
    45067: "clientmsgid size out of limit",
    45157: "invalid tag name, dup name",
    45158: "invalid tag name, too long",
    45159: "invalid tag id",
    45166: "invalid content",
    48006: "forbid to clear quota because of reaching the limit",
    61010: "code is expired",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
}


class Refused(Exception):
    """The call is answered with this `errcode`."""

    def __init__(self, errcode: int, message: str | None = None, **also: object) -> None:
        """`message`: another wording than the usual; `also`: further fields of the answer."""
        super().__init__(errcode)
        self.errcode: Final = errcode
        self.message: Final = message
        self.also: Final = also


class _Json(JSONResponse):
    media_type = "application/json; encoding=utf-8"


class _JsonAsText(JSONResponse):
    media_type = "text/plain"


def answer(path: str, body: Mapping[str, object], status: int = 200) -> Response:
    """JSON, which the sign-in calls label as text."""
    labelled = _JsonAsText if path.startswith("/sns/") else _Json
    return labelled(body, status)


def refusal(
    path: str,
    errcode: int,
    now: float,
    status: int = 200,
    *,
    message: str | None = None,
    also: Mapping[str, object] | None = None,
) -> Response:
    """Says no at `now` (unix seconds); a code whose wording is not known says `error`.

    The request id is three groups of eight hex digits, the first the time in seconds. The sign-in calls set it
    off with a comma, all others do not, as in live answers.
    """
    rid = f"{int(now):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    comma = "," if path.startswith("/sns/") else ""
    said = message or MESSAGES.get(errcode, "error")
    return answer(path, {"errcode": errcode, "errmsg": f"{said}{comma} rid: {rid}", **(also or {})}, status)
