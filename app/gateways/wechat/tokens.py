"""The access token of an account: who keeps it, and how of many callers one fetches it.

A caller whose token was refused names that token: only if it is still the one that is kept is it fetched anew. So a
hundred callers with a dead token fetch one, whichever of them comes first.
"""

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from app.gateways.wechat.errors import WeChatError

RENEWAL_MARGIN_S: Final = 300
"""stable_token hands out the next token this long before the end, and both live until then."""
TOKEN_LIFE_S: Final = 7200
"""No token lives longer, whatever an answer says."""


@dataclass(frozen=True, slots=True)
class Token:
    """`generation` counts the fetches: one that was fetched anew is another, even if WeChat gave the same text."""

    text: str = field(repr=False)
    generation: int


@dataclass(frozen=True, slots=True)
class Issued:
    """What WeChat gave, and for how many seconds from the moment it was asked it may be used before it is due."""

    text: str = field(repr=False)
    serves_s: float


Fetch = Callable[[], Awaitable[Issued]]


def serves_s(life_s: float) -> float:
    """Due `RENEWAL_MARGIN_S` before its end, or at half its life if that is less."""
    life_s = min(life_s, TOKEN_LIFE_S)
    return life_s - min(RENEWAL_MARGIN_S, life_s / 2)


@dataclass(eq=False)
class Keeper:
    """Keeps a token in this process. `clock` gives seconds that never go back."""

    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _token: Token | None = field(default=None, init=False, repr=False)
    _renew_at: float = field(default=0.0, init=False, repr=False)
    _failure: WeChatError | None = field(default=None, init=False, repr=False)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def living(self, fetch: Fetch, refused: Token | None = None) -> Token:
        """The token at hand unless it is the refused one or due. Of callers who come together one fetches for all.

        If that fails, those who waited for it fail with it instead of asking again one after the other.
        """
        failure = self._failure
        async with self._renewing:
            token = self._token
            if token is not None and self.clock() < self._renew_at and not _is(token, refused):
                return token
            if self._failure is not None and self._failure is not failure:
                raise copy.copy(self._failure)
            try:
                self._token, self._renew_at = await self._renewed(fetch, refused)
            except WeChatError as failed:
                self._failure = copy.copy(failed)
                raise
            return self._token

    async def _renewed(self, fetch: Fetch, refused: Token | None) -> tuple[Token, float]:
        """Another token, and when it is due."""
        asked_at = self.clock()
        issued = await fetch()
        generation = self._token.generation + 1 if self._token else 1
        return Token(issued.text, generation), asked_at + issued.serves_s


def _is(token: Token, refused: Token | None) -> bool:
    return refused is not None and token.generation <= refused.generation
