"""The token of an account, one for all processes: it lies sealed in the database, with its end as an absolute time.

Who finds it dead takes the fetch by a lease and calls WeChat outside any transaction; the others wait for what that one
writes. A process that dies with the lease holds the others up for its rest, six seconds at most.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from app.db.database import Database
from app.db.sealing import Keyring
from app.db.transaction import Record, Sight
from app.gateways.wechat import errors
from app.gateways.wechat.account import ISSUER
from app.gateways.wechat.errors import Unreachable, WeChatError
from app.gateways.wechat.tokens import Fetch, Keeper, Token
from app.wechat.token_commands import failed, fetched, make, take

TOKEN: Final = "wechat_token.token"  # noqa: S105 - the name of a column
WAIT_S: Final = 0.05
_SIGHT: Final = Sight("wechat")


@dataclass(eq=False)
class SharedKeeper(Keeper):
    """Keeps the token of `appid` in the database, and in this process until it is due or refused."""

    database: Database = field(kw_only=True, repr=False)
    keyring: Keyring = field(kw_only=True, repr=False)
    appid: str = field(kw_only=True)

    async def _renewed(self, fetch: Fetch, refused: Token | None) -> tuple[Token, float]:
        failures = -1
        while True:
            asked_at = self.clock()
            row = await self._taken(refused.generation if refused else 0, failures)
            if row["mine"] is not None:
                return await self._fetch(fetch, row)
            if row["serves_s"] is not None and row["serves_s"] > 0 and not _refused(row, refused):
                text = self.keyring.open_text(TOKEN, row["id"], row["token"])
                return Token(text, row["generation"]), asked_at + row["serves_s"]
            if 0 <= failures != row["failures"]:
                raise _failure(row)
            failures = row["failures"]
            await asyncio.sleep(WAIT_S)

    async def _taken(self, refused: int, waiting_since: int) -> Record:
        async with self.database.begin(_SIGHT) as transaction:
            row = await take(transaction, self.appid, refused, waiting_since)
            if row is None:
                await make(transaction, self.appid)
                row = await take(transaction, self.appid, refused, waiting_since)
            assert row is not None
            return row

    async def _fetch(self, fetch: Fetch, row: Record) -> tuple[Token, float]:
        """Whatever ends the fetch, cancelling included, gives the lease back."""
        asked_at = self.clock()
        try:
            issued = await fetch()
        except WeChatError as lost:
            await self._give_back(row["mine"], lost)
            raise
        except BaseException:
            left = Unreachable(ISSUER, reason="the caller who asked has left")
            await asyncio.shield(self._give_back(row["mine"], left))
            raise
        sealed = self.keyring.seal_text(TOKEN, row["id"], issued.text)
        async with self.database.begin(_SIGHT) as transaction:
            generation = await fetched(transaction, self.appid, row["mine"], sealed, issued.serves_s)
        if generation is None:
            raise Unreachable(ISSUER, reason="the token came too late")
        return Token(issued.text, generation), asked_at + issued.serves_s

    async def _give_back(self, mine: int, lost: WeChatError) -> None:
        async with self.database.begin(_SIGHT) as transaction:
            await failed(transaction, self.appid, mine, type(lost).__name__, lost.errcode, lost.reason)


def _refused(row: Record, refused: Token | None) -> bool:
    return refused is not None and row["generation"] <= refused.generation


def _failure(row: Record) -> WeChatError:
    """What the process that asked was told."""
    kind = getattr(errors, row["failure"] or "", Unreachable)
    found: WeChatError = kind(ISSUER, row["failure_code"], row["failure_reason"] or "")
    return found
