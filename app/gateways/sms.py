"""Text messages (短信) through whatever gateway the union has: one small call, behind a setting, and off without it.

`POST {url}` with `Authorization: Bearer <key>` and `{"phone", "text", "once"}`; the answer is
`{"accepted": true, "id": "…"}`, or `{"accepted": false}` where nothing goes. `once` names the message, so that a
gateway that knows it sends it once. Whatever else comes back means that nobody knows: it is never asked again.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from app.gateways.trust import authorities

TOTAL_S: Final = 5.0
ANSWER_BYTES: Final = 16 * 1024


class TextRefused(Exception):
    """The gateway does not send this one."""


class TextBusy(Exception):
    """Nothing was done: the gateway could not be reached, or asks to come back later."""


class TextLost(Exception):
    """No usable answer: it may have been sent."""


@dataclass(eq=False)
class TextGateway:
    """The gateway at `url`; close it with `aclose`."""

    url: str
    key: str = field(repr=False)
    total_s: float = TOTAL_S
    _http: httpx.AsyncClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._http = httpx.AsyncClient(
            verify=authorities(), timeout=self.total_s, trust_env=False, follow_redirects=False
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, phone: str, text: str, once: str) -> str | None:
        """The gateway's id of it, if it gave one. Raises TextRefused, TextBusy, TextLost."""
        request = self._http.build_request(
            "POST",
            self.url,
            content=orjson.dumps({"phone": phone, "text": text, "once": once}),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json; charset=utf-8"},
        )
        answer = await self._answer(request)
        if answer.get("accepted") is True:
            given = answer.get("id")
            return str(given)[:64] if type(given) in (str, int) else None
        if answer.get("accepted") is False:
            raise TextRefused
        raise TextLost

    async def _answer(self, request: httpx.Request) -> dict[str, Any]:
        # Raised out here: httpx's error travels with its request, and that has the telephone number.
        never_asked = False
        with suppress(httpx.HTTPError, TimeoutError):
            try:
                async with asyncio.timeout(self.total_s):
                    return await self._read(request)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
                never_asked = True
        raise TextBusy if never_asked else TextLost

    async def _read(self, request: httpx.Request) -> dict[str, Any]:
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise TextBusy
            if response.status_code != httpx.codes.OK:
                raise TextLost
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_BYTES:
                    raise TextLost
        finally:
            await response.aclose()
        with suppress(ValueError):
            found = orjson.loads(body)
            if isinstance(found, dict):
                return found
        raise TextLost
