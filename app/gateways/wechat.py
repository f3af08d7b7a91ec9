"""Our side of the WeChat server API: who signs in, their phone number, and the access token kept for it.

Nobody outside this file holds a token, a session_key or a secret. A code serves once: a call with one is repeated
only when WeChat has said that it did nothing (busy, token refused), never when the answer was lost.
"""

import asyncio
import copy
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

import httpx
import orjson

from app.gateways.wechat_errors import (
    Busy,
    CodeRefused,
    PhoneNotMainland,
    TokenRefused,
    Unreachable,
    WeChatError,
    refusal,
)

SIGN_IN: Final = "/sns/jscode2session"
PHONE: Final = "/wxa/business/getuserphonenumber"
ISSUER: Final = "/cgi-bin/stable_token"

TOTAL_S: Final = 5.0
"""One call of ours, its waiting, its retries and its token included."""
ANSWER_BYTES: Final = 64 * 1024
RENEWAL_MARGIN_S: Final = 300
"""stable_token hands out the next token this long before the end, and both live until then."""
TOKEN_LIFE_S: Final = 7200
"""No token lives longer, whatever an answer says."""

_PAUSES_S = (0.2, 0.6)
_MAINLAND_NUMBER = re.compile(r"1[0-9]{10}")
_LONGEST_TEXT = 2048
_LONGEST_CODE = 512

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who a code stands for: `unionid` only where the account is bound to an Open Platform account."""

    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Token:
    """Compared by identity: one that was fetched anew is another, even if WeChat gave the same text."""

    text: str = field(repr=False)
    renew_at: float


@dataclass(eq=False)
class MiniProgram:
    """One mini-program's account at the WeChat server (or a simulator) at `base_url`; close it with `aclose`.

    `clock` gives seconds that never go back. Each call raises the errors of `wechat_errors`, within `total_s` seconds.
    """

    base_url: str
    appid: str
    secret: str = field(repr=False)
    total_s: float = TOTAL_S
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _token: _Token | None = field(default=None, init=False, repr=False)
    _failure: WeChatError | None = field(default=None, init=False, repr=False)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    _http: httpx.AsyncClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Idle connections go before a server's usual 5 s: a call with a code cannot be repeated if one turns out dead.
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            headers={"Accept-Encoding": "identity"},
            timeout=self.total_s,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def sign_in(self, code: str) -> SignIn:
        """Whose wx.login code this is. The session_key that comes with it is dropped.

        Raises CodeRefused, Busy, QuotaSpent, OperatorMustAct, Unreachable.
        """
        _check_code(SIGN_IN, code)
        query = {"appid": self.appid, "secret": self.secret, "js_code": code, "grant_type": "authorization_code"}
        return _signed_in(await self._in_time(SIGN_IN, _patiently(lambda: self._get(SIGN_IN, query), Busy)))

    async def phone_number(self, code: str) -> str:
        """The mainland number (11 digits) that a code of the phone button stands for.

        Raises CodeRefused, PhoneNotMainland, TokenRefused, Busy, QuotaSpent, OperatorMustAct, Unreachable.
        """
        _check_code(PHONE, code)
        return _mainland_number(await self._in_time(PHONE, self._post_with_token(PHONE, {"code": code})))

    async def access_token(self) -> str:
        """A token that lives. Raises Busy, QuotaSpent, OperatorMustAct, Unreachable."""
        return (await self._in_time(ISSUER, self._living_token())).text

    async def _in_time(self, call: str, work: Coroutine[object, object, _T]) -> _T:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.total_s):
                return await work
        raise Unreachable(call, reason="no whole answer in time")

    async def _post_with_token(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """Posts with the token at hand; if WeChat refuses it, once more with a renewed one, and never a third time."""
        token = await self._living_token()
        with suppress(TokenRefused):
            return await _patiently(lambda: self._post(path, body, token), Busy)
        renewed = await self._living_token(refused=token)
        return await _patiently(lambda: self._post(path, body, renewed), Busy)

    async def _living_token(self, refused: _Token | None = None) -> _Token:
        """The token at hand unless it is the refused one or due. Of callers who come together one fetches for all.

        If that fails, those who waited for it fail with it instead of asking again one after the other.
        """
        failure = self._failure
        async with self._renewing:
            token = self._token
            if token is not None and token is not refused and self.clock() < token.renew_at:
                return token
            if self._failure is not None and self._failure is not failure:
                raise copy.copy(self._failure)
            try:
                self._token = token = await self._fetched_token()
            except WeChatError as failed:
                self._failure = copy.copy(failed)
                raise
            return token

    async def _fetched_token(self) -> _Token:
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": self.secret,
            # A forced refresh would kill the token of every other process at once.
            "force_refresh": False,
        }
        asked_at = self.clock()
        return _token(await _patiently(lambda: self._post(ISSUER, body), Busy, Unreachable), asked_at)

    async def _get(self, path: str, query: Mapping[str, str]) -> Mapping[str, object]:
        return await self._answer(self._http.build_request("GET", path, params=query))

    async def _post(self, path: str, body: Mapping[str, object], token: _Token | None = None) -> Mapping[str, object]:
        query = {"access_token": token.text} if token else None
        return await self._answer(self._http.build_request("POST", path, params=query, json=body))

    async def _answer(self, request: httpx.Request) -> Mapping[str, object]:
        """Sends once. Raises Unreachable without a JSON object in answer, else what its errcode means."""
        try:
            body = await self._body(request)
        except httpx.HTTPError as lost:
            reason = type(lost).__name__
        else:
            return _understood(request.url, body)
        # Raised out here so that httpx's error, whose request holds the secret, does not travel along.
        raise Unreachable(request.url.path, reason=reason)

    async def _body(self, request: httpx.Request) -> bytes:
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != httpx.codes.OK:
                raise Unreachable(request.url.path, reason=f"HTTP {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_BYTES:
                    raise Unreachable(request.url.path, reason="answer too long")
            return bytes(body)
        finally:
            await response.aclose()


async def _patiently(attempt: Callable[[], Awaitable[_T]], *passing: type[WeChatError]) -> _T:
    """Tries up to three times while the error is one of these, with pauses that are never twice the same."""
    for pause_s in _PAUSES_S:
        with suppress(*passing):
            return await attempt()
        await asyncio.sleep(pause_s * secrets.SystemRandom().uniform(0.5, 1.5))
    return await attempt()


def _check_code(call: str, code: str) -> None:
    if not (0 < len(code) <= _LONGEST_CODE and code.isprintable()):
        raise CodeRefused(call, reason="no code that WeChat gives")


def _understood(url: httpx.URL, body: bytes) -> Mapping[str, object]:
    answer: object = None
    with suppress(ValueError):
        answer = orjson.loads(body)
    if not isinstance(answer, dict):
        raise Unreachable(url.path, reason="no JSON object")
    errcode = answer.get("errcode", 0)
    if type(errcode) is not int:
        raise Unreachable(url.path, reason="errcode is no whole number")
    if errcode != 0:
        raise refusal(url.path, errcode, answer.get("errmsg"), with_token="access_token" in url.params)
    return answer


def _signed_in(answer: Mapping[str, object]) -> SignIn:
    return SignIn(
        openid=_text(SIGN_IN, answer, "openid"),
        unionid=_text(SIGN_IN, answer, "unionid") if answer.get("unionid") else None,
    )


def _mainland_number(answer: Mapping[str, object]) -> str:
    info = answer.get("phone_info")
    if not isinstance(info, dict):
        raise Unreachable(PHONE, reason="phone_info is no object")
    country = info.get("countryCode")  # a text by the table of the documentation, a number in its sample
    if type(country) not in (str, int):
        raise Unreachable(PHONE, reason="countryCode is neither text nor number")
    number = _text(PHONE, info, "purePhoneNumber")
    if str(country) != "86" or not _MAINLAND_NUMBER.fullmatch(number):
        raise PhoneNotMainland(PHONE)
    return number


def _token(answer: Mapping[str, object], asked_at: float) -> _Token:
    """Due `RENEWAL_MARGIN_S` before its end, or at half its life if that is less."""
    text, life_s = _text(ISSUER, answer, "access_token"), answer.get("expires_in")
    if not isinstance(life_s, int) or isinstance(life_s, bool) or life_s <= 0:
        raise Unreachable(ISSUER, reason="expires_in is no number of seconds")
    life_s = min(life_s, TOKEN_LIFE_S)
    return _Token(text, renew_at=asked_at + life_s - min(RENEWAL_MARGIN_S, life_s / 2))


def _text(call: str, answer: Mapping[str, object], name: str) -> str:
    text = answer.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_TEXT or not (text.isascii() and text.isprintable()):
        raise Unreachable(call, reason=f"{name} is no text")
    return text


def _without_query(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            argument.copy_with(query=None) if isinstance(argument, httpx.URL) else argument for argument in record.args
        )
    return True


# httpx logs each request's URL, and WeChat wants secrets, codes and tokens in the query.
logging.getLogger("httpx").addFilter(_without_query)
