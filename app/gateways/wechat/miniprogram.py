"""The mini-program: who signs in, their phone number, what may be shown, and codes and links that lead into it.

Nobody outside this package holds a token, a session_key or a secret. A code serves once: a call with one is repeated
only when WeChat has said that it did nothing (busy, token refused), never when the answer was lost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import Field

from app.gateways.wechat.account import ISSUER, Account, Answer, Call, patiently, text_of
from app.gateways.wechat.errors import Busy, CodeRefused, ContentRefused, PhoneNotMainland, Unreachable
from app.gateways.wechat.subscribing import Subscribing
from app.gateways.wechat.tokens import Token

__all__ = ["ISSUER", "PHONE", "SIGN_IN", "MiniProgram", "SignIn", "Suggestion", "TextCheck"]

SIGN_IN: Final = "/sns/jscode2session"
PHONE: Final = "/wxa/business/getuserphonenumber"
CHECK_TEXT: Final = "/wxa/msg_sec_check"
CHECK_MEDIA: Final = "/wxa/media_check_async"
CODE_IMAGE: Final = "/wxa/getwxacodeunlimit"
LINK: Final = "/wxa/generate_urllink"
SCHEME: Final = "/wxa/generatescheme"
LONGEST_CHECKED: Final = 2500
IMAGE_BYTES: Final = 2 * 1024 * 1024
LONGEST_LINK_DAYS: Final = 30

_MAINLAND_NUMBER = re.compile(r"1[0-9]{10}")
_LONGEST_CODE = 512
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}", re.ASCII)
Suggestion = Literal["pass", "review", "risky"]
Scene = Literal[1, 2, 3, 4]
"""资料、评论、论坛、社交日志。"""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who a code stands for: `unionid` only where the account is bound to an Open Platform account."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


class Verdict(Answer):
    suggest: Suggestion
    label: int


class TextCheck(Answer):
    """What WeChat thinks of a text. `review`: a person looks at it."""

    result: Verdict
    trace_id: str = Field(min_length=1, max_length=128)


class _MediaCheck(Answer):
    trace_id: str = Field(min_length=1, max_length=128)


class _Link(Answer):
    url_link: str = Field(min_length=1, max_length=2048)


class _Scheme(Answer):
    openlink: str = Field(min_length=1, max_length=2048)


# A check changes nothing; of a media check that was asked for twice each result names its own trace_id.
_TEXT = Call(CHECK_TEXT, TextCheck, repeatable=True)
_MEDIA = Call(CHECK_MEDIA, _MediaCheck, repeatable=True)
_LINK = Call(LINK, _Link, repeatable=True)
_SCHEME = Call(SCHEME, _Scheme, repeatable=True)


class MiniProgram(Subscribing, Account):
    """One mini-program's account."""

    async def sign_in(self, code: str) -> SignIn:
        """Whose wx.login code this is. The session_key that comes with it is dropped.

        Raises CodeRefused, Busy, QuotaSpent, OperatorMustAct, Unreachable, Resting.
        """
        _check_code(SIGN_IN, code)
        query = {"appid": self.appid, "secret": self.secret, "js_code": code, "grant_type": "authorization_code"}

        async def attempt() -> Mapping[str, object]:
            return await self._line.answer(self._line.request("GET", SIGN_IN, query=query))

        return _signed_in(await self._in_time(SIGN_IN, patiently(attempt, Busy)))

    async def phone_number(self, code: str) -> str:
        """The mainland number (11 digits) that a code of the phone button stands for.

        Raises CodeRefused, PhoneNotMainland, TokenRefused, Busy, QuotaSpent, OperatorMustAct, Unreachable, Resting.
        """
        _check_code(PHONE, code)

        async def attempt(token: Token) -> Mapping[str, object]:
            query = {"access_token": token.text}
            return await self._line.answer(self._line.request("POST", PHONE, query=query, body={"code": code}))

        return _mainland_number(await self._in_time(PHONE, self._with_token(attempt, Busy)))

    async def check_text(self, content: str, openid: str, scene: Scene) -> TextCheck:
        """What WeChat thinks of a text by somebody who was here in the last two hours.

        Raises CodeRefused (61010: not here lately), ContentRefused, and what every call raises.
        """
        if not 0 < len(content) <= LONGEST_CHECKED:
            raise ContentRefused(CHECK_TEXT, reason="no text of 1 to 2,500 characters")
        return await self.ask(_TEXT, {"content": content, "version": 2, "scene": scene, "openid": openid})

    async def check_image(self, url: str, openid: str, scene: Scene) -> str:
        """Ask for a picture at a short-lived address to be looked at: the trace_id that its result will name."""
        body = {"media_url": url, "media_type": 2, "version": 2, "scene": scene, "openid": openid}
        return (await self.ask(_MEDIA, body)).trace_id

    async def code_image(self, scene: str, page: str, *, width: int = 430, released: bool = True) -> bytes:
        """A mini-program code (PNG or JPEG) that opens `page` with `scene`: a short token, never data."""
        if not _SCENE.fullmatch(scene) or page.startswith("/") or "?" in page or not 280 <= width <= 1280:
            raise ContentRefused(CODE_IMAGE, reason="scene, page or width is not as WeChat wants it")
        return await self.image(
            CODE_IMAGE,
            {"scene": scene, "page": page, "width": width, "check_path": released, "env_version": "release"},
            IMAGE_BYTES,
        )

    async def link(self, path: str, query: str = "", *, days: int = LONGEST_LINK_DAYS) -> str:
        """An https address that opens a page, for text messages and browsers."""
        return (await self.ask(_LINK, {"path": path, "query": query, **_expiry(LINK, days)})).url_link

    async def scheme(self, path: str, query: str = "", *, days: int = LONGEST_LINK_DAYS) -> str:
        """A weixin:// address that opens a page."""
        target = {"jump_wxa": {"path": path, "query": query, "env_version": "release"}, "is_expire": True}
        return (await self.ask(_SCHEME, target | _expiry(SCHEME, days))).openlink


def _expiry(call: str, days: int) -> dict[str, object]:
    if not 1 <= days <= LONGEST_LINK_DAYS:
        raise ContentRefused(call, reason="a link lives 1 to 30 days")
    return {"expire_type": 1, "expire_interval": days}


def _check_code(call: str, code: str) -> None:
    if not (0 < len(code) <= _LONGEST_CODE and code.isprintable()):
        raise CodeRefused(call, reason="no code that WeChat gives")


def _signed_in(answer: Mapping[str, object]) -> SignIn:
    return SignIn(
        openid=text_of(SIGN_IN, answer, "openid"),
        unionid=text_of(SIGN_IN, answer, "unionid") if answer.get("unionid") else None,
    )


def _mainland_number(answer: Mapping[str, object]) -> str:
    info = answer.get("phone_info")
    if not isinstance(info, dict):
        raise Unreachable(PHONE, reason="phone_info is no object")
    country = info.get("countryCode")  # a text by the table of the documentation, a number in its sample
    if type(country) not in (str, int):
        raise Unreachable(PHONE, reason="countryCode is neither text nor number")
    number = text_of(PHONE, info, "purePhoneNumber")
    if str(country) != "86" or not _MAINLAND_NUMBER.fullmatch(number):
        raise PhoneNotMainland(PHONE)
    return number
