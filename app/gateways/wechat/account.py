"""What the accounts at WeChat have in common: patience, the token and its renewal, and rest when nobody answers.

Whoever calls gets an answer, an error of `errors`, or Unreachable: then it is not known whether the call was carried
out. Only a call that may be repeated is repeated after a lost answer; any call is when WeChat said that it did nothing.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from app.gateways.wechat.breaker import Breaker
from app.gateways.wechat.errors import AskedBefore, Busy, TokenRefused, Unconnected, Unreachable, WeChatError
from app.gateways.wechat.line import ANSWER_BYTES, Line
from app.gateways.wechat.tokens import Issued, Keeper, Token, serves_s

ISSUER: Final = "/cgi-bin/stable_token"
TOTAL_S: Final = 5.0
"""One call of ours, its waiting, its retries and its token included."""
UPLOAD_S: Final = 30.0
_PAUSES_S = (0.2, 0.6)
_LONGEST_TEXT = 2048

_T = TypeVar("_T")


class Answer(BaseModel):
    """What an answer has to hold; WeChat adds fields as it likes."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)


_A = TypeVar("_A", bound=Answer)


@dataclass(frozen=True, slots=True)
class Call(Generic[_A]):
    """A call that needs a token. `repeatable`: twice is once, so a lost answer may be asked for again."""

    path: str
    answer: type[_A]
    repeatable: bool
    method: str = "POST"
    cap: int = ANSWER_BYTES
    total_s: float = TOTAL_S


@dataclass(eq=False)
class Account:
    """One account at the WeChat server (or a simulator) at `base_url`; close it with `aclose`.

    Each call raises the errors of `errors`, within `total_s` seconds.
    """

    base_url: str
    appid: str
    secret: str = field(repr=False)
    total_s: float = TOTAL_S
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    keeper: Keeper | None = field(default=None, repr=False)
    breaker: Breaker = field(default_factory=Breaker, repr=False)
    _keeper: Keeper = field(init=False, repr=False)
    _line: Line = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._line = Line(self.base_url, self.total_s)
        self._keeper = self.keeper or Keeper(self.clock)

    async def aclose(self) -> None:
        await self._line.aclose()

    async def access_token(self) -> str:
        """A token that lives. Raises Busy, QuotaSpent, OperatorMustAct, Unreachable, Resting."""
        return (await self._in_time(ISSUER, self._token())).text

    async def ask(
        self,
        call: Call[_A],
        body: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        file: tuple[str, bytes, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> _A:
        """What WeChat answers to a call with a token: read by its model, or Unreachable."""

        async def attempt(token: Token) -> Mapping[str, object]:
            shown = {"access_token": token.text, **(query or {})}
            if call.method == "POST" and file is None:
                return await self._line.post(call.path, shown, body if body is not None else {}, call.cap)
            request = self._line.request(call.method, call.path, query=shown, body=body, file=file, form=form)
            return await self._line.answer(request, call.cap)

        passing = (Busy, Unreachable) if call.repeatable else (Busy,)
        found = await self._in_time(call.path, self._with_token(attempt, *passing), call.total_s)
        return read(call.path, call.answer, found)

    async def image(self, path: str, body: Mapping[str, object], cap: int) -> bytes:
        """A picture, which is made again if the answer was lost."""

        async def attempt(token: Token) -> bytes:
            query = {"access_token": token.text}
            return await self._line.image(self._line.request("POST", path, query=query, body=body), cap)

        return await self._in_time(path, self._with_token(attempt, Busy, Unreachable), UPLOAD_S)

    async def _in_time(self, call: str, work: Coroutine[object, object, _T], total_s: float = TOTAL_S) -> _T:
        try:
            self.breaker.check(call)
        except WeChatError:
            work.close()
            raise
        try:
            async with asyncio.timeout(self.total_s if total_s == TOTAL_S else total_s):
                found = await work
        except Unreachable:
            self.breaker.failed()
            raise
        except WeChatError:
            self.breaker.worked()  # it has answered, if not as one would like
            raise
        except TimeoutError:
            self.breaker.failed()
        else:
            self.breaker.worked()
            return found
        raise Unreachable(call, reason="no whole answer in time")

    async def _with_token(self, attempt: Callable[[Token], Awaitable[_T]], *passing: type[WeChatError]) -> _T:
        """With the token at hand; if WeChat refuses it, once more with a renewed one, and never a third time."""
        token = await self._token()
        with suppress(TokenRefused):
            return await patiently(lambda: attempt(token), *passing)
        renewed = await self._token(refused=token)
        return await patiently(lambda: attempt(renewed), *passing)

    async def _token(self, refused: Token | None = None) -> Token:
        return await self._keeper.living(self._fetched, refused)

    async def _fetched(self) -> Issued:
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": self.secret,
            # A forced refresh would kill the token of every other process at once.
            "force_refresh": False,
        }
        answer = await patiently(
            lambda: self._line.answer(self._line.request("POST", ISSUER, body=body)), Busy, Unreachable
        )
        life_s = answer.get("expires_in")
        if not isinstance(life_s, int) or isinstance(life_s, bool) or life_s <= 0:
            raise Unreachable(ISSUER, reason="expires_in is no number of seconds")
        return Issued(text_of(ISSUER, answer, "access_token"), serves_s(life_s))


async def patiently(attempt: Callable[[], Awaitable[_T]], *passing: type[WeChatError]) -> _T:
    """Tries up to three times while the error is one of these, with pauses that are never twice the same.

    Once an answer was lost, no later error says what became of that try: it stays Unreachable.
    """
    lost: Unreachable | None = None
    for pause_s in (*_PAUSES_S, None):
        try:
            return await attempt()
        except AskedBefore:
            raise
        except WeChatError as failed:
            if isinstance(failed, Unreachable) and not isinstance(failed, Unconnected):
                lost = failed
            if pause_s is None or not isinstance(failed, passing):
                if lost is None or lost is failed:
                    raise
                raise lost from failed
            await asyncio.sleep(pause_s * secrets.SystemRandom().uniform(0.5, 1.5))
    raise AssertionError


def read(call: str, model: type[_A], answer: Mapping[str, Any]) -> _A:
    """The answer as its model has it. Raises Unreachable."""
    try:
        return model.model_validate(answer)
    except ValidationError as wrong:
        place = "/".join(str(each) for each in wrong.errors(include_input=False)[0]["loc"])
    raise Unreachable(call, reason=f"{place or 'the answer'} makes no sense")


def text_of(call: str, answer: Mapping[str, object], name: str) -> str:
    text = answer.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_TEXT or not (text.isascii() and text.isprintable()):
        raise Unreachable(call, reason=f"{name} is no text")
    return text
