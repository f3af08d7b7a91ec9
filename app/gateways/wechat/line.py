"""One request to WeChat and its answer: bounded in bytes, read strictly, and never a secret in a log or an error.

Calls with a body of JSON, of which there are a hundred thousand in a day, go through aiohttp, which takes a tenth of
the time; the few others through httpx, which never repeats a GET of its own accord: a code serves once.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import httpx
import orjson
from yarl import URL

from app.gateways.trust import authorities
from app.gateways.wechat.errors import AskedBefore, Unconnected, Unreachable, WeChatError, refusal

ANSWER_BYTES: Final = 64 * 1024


@dataclass(eq=False)
class Line:
    """The connections to the server at `base_url`; close them with `aclose`."""

    base_url: str
    total_s: float
    _http: httpx.AsyncClient = field(init=False, repr=False)
    _swift: aiohttp.ClientSession | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        # Idle connections go before a server's usual 5 s: a call with a code cannot be repeated if one turns out dead.
        self._http = httpx.AsyncClient(
            base_url=self.base_url,
            verify=authorities(),
            headers={"Accept-Encoding": "identity"},
            timeout=self.total_s,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3),
        )

    async def aclose(self) -> None:
        await self._http.aclose()
        if self._swift is not None:
            await self._swift.close()

    async def post(
        self, path: str, query: Mapping[str, str], body: object, cap: int = ANSWER_BYTES
    ) -> Mapping[str, object]:
        """Posts JSON once, as raw UTF-8. Raises as `answer` does."""
        never_asked = False
        try:
            content = await self._posted(URL(self.base_url + path).with_query(query), orjson.dumps(body), cap)
        except (aiohttp.ClientError, OSError, ValueError) as lost:
            never_asked = isinstance(lost, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
            reason = type(lost).__name__
        else:
            return _understood(path, content, with_token="access_token" in query)
        # Raised out here so that the library's error, which may know the address, does not travel along.
        raise (Unconnected if never_asked else Unreachable)(path, reason=reason)

    async def _posted(self, url: URL, body: bytes, cap: int) -> bytes:
        async with self._session().post(url, data=body, allow_redirects=False) as response:
            if response.status != httpx.codes.OK:
                raise Unreachable(url.path, reason=f"HTTP {response.status}")
            found = bytearray()
            async for chunk in response.content.iter_any():
                found += chunk
                if len(found) > cap:
                    raise Unreachable(url.path, reason="answer too long")
            return bytes(found)

    def _session(self) -> aiohttp.ClientSession:
        """Made when it is first used: it belongs to the loop that runs then."""
        if self._swift is None:
            self._swift = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=3, ssl=authorities()),
                headers={"Accept-Encoding": "identity", "Content-Type": "application/json; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=None),  # the caller's own
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._swift

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        file: tuple[str, bytes, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """A body goes as raw UTF-8: WeChat takes escaped Chinese for its letters (40033, or worse: shown as such)."""
        given: dict[str, Any] = {"params": query}
        if file is not None:
            given |= {"files": {"media": file}, "data": dict(form or {})}
        elif body is not None:
            given |= {"content": orjson.dumps(body), "headers": {"Content-Type": "application/json; charset=utf-8"}}
        return self._http.build_request(method, path, **given)

    async def answer(self, request: httpx.Request, cap: int = ANSWER_BYTES) -> Mapping[str, object]:
        """Sends once. Raises Unreachable without a JSON object in answer, else what its errcode means."""
        _, content = await self._content(request, cap)
        return _understood(request.url.path, content, with_token="access_token" in request.url.params)

    async def image(self, request: httpx.Request, cap: int) -> bytes:
        """Sends once, where a success is the image itself and only a refusal is JSON. Raises as `answer` does."""
        kind, content = await self._content(request, cap)
        if kind.startswith("image/") and content:
            return content
        _understood(request.url.path, content, with_token="access_token" in request.url.params)
        raise Unreachable(request.url.path, reason="no image")

    async def _content(self, request: httpx.Request, cap: int) -> tuple[str, bytes]:
        try:
            return await self._sent(request, cap)
        except httpx.HTTPError as lost:
            never_asked = isinstance(lost, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            reason = type(lost).__name__
        # Raised out here so that httpx's error, whose request holds the secret, does not travel along.
        raise (Unconnected if never_asked else Unreachable)(request.url.path, reason=reason)

    async def _sent(self, request: httpx.Request, cap: int) -> tuple[str, bytes]:
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != httpx.codes.OK:
                raise Unreachable(request.url.path, reason=f"HTTP {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > cap:
                    raise Unreachable(request.url.path, reason="answer too long")
            return response.headers.get("content-type", ""), bytes(body)
        finally:
            await response.aclose()


def _understood(path: str, body: bytes, *, with_token: bool) -> Mapping[str, object]:
    answer: object = None
    with suppress(ValueError):
        answer = orjson.loads(body)
    if not isinstance(answer, dict):
        raise Unreachable(path, reason="no JSON object")
    errcode = answer.get("errcode", 0)
    if type(errcode) is not int:
        raise Unreachable(path, reason="errcode is no whole number")
    if errcode != 0:
        raise _refused(path, errcode, answer, with_token=with_token)
    return answer


def _refused(path: str, errcode: int, answer: Mapping[str, object], *, with_token: bool) -> WeChatError:
    error = refusal(path, errcode, answer.get("errmsg"), with_token=with_token)
    known = answer.get("msg_id")
    if isinstance(error, AskedBefore) and type(known) in (int, str):
        error.reference = str(known)
    return error


def _without_query(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            argument.copy_with(query=None) if isinstance(argument, httpx.URL) else argument for argument in record.args
        )
    return True


# httpx logs each request's URL, and WeChat wants secrets, codes and tokens in the query.
logging.getLogger("httpx").addFilter(_without_query)
