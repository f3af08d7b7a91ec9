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
    40066: "invalid url",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
}


class Refused(Exception):
    """The call is answered with this `errcode`."""

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode: Final = errcode


class _Json(JSONResponse):
    media_type = "application/json; encoding=utf-8"


class _JsonAsText(JSONResponse):
    media_type = "text/plain"


def answer(path: str, body: Mapping[str, object], status: int = 200) -> Response:
    """JSON, which the sign-in calls label as text."""
    labelled = _JsonAsText if path.startswith("/sns/") else _Json
    return labelled(body, status)


def refusal(path: str, errcode: int, now: float, status: int = 200) -> Response:
    """Says no at `now` (unix seconds); a code whose wording is not known says `error`.

    The request id is three groups of eight hex digits, the first the time in seconds. The sign-in calls set it
    off with a comma, all others do not, as in live answers.
    """
    rid = f"{int(now):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    comma = "," if path.startswith("/sns/") else ""
    return answer(path, {"errcode": errcode, "errmsg": f"{MESSAGES.get(errcode, 'error')}{comma} rid: {rid}"}, status)
