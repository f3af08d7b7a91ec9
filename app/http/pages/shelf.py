"""Pages as they were last made: whoever asks, and however often, each is made once in so many seconds by a process."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request, Response

from app.http.pages.shell import SECURITY, packed, packs

MOST: Final = 256
"""Pages that are kept; the least recently made give way."""


@dataclass(frozen=True, slots=True)
class _Made:
    until: float
    etag: str
    plain: bytes
    gzipped: bytes


@dataclass(slots=True)
class Shelf:
    """The pages that one process keeps."""

    _kept: OrderedDict[str, _Made] = field(default_factory=OrderedDict)
    _making: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def show(self, request: Request, seconds: int, make: Callable[[], Awaitable[str]]) -> Response:
        """The page of this path, as it was made at most so many seconds ago. What `make` raises is not kept."""
        key = request.url.path
        made = self._fresh(key)
        if made is None:
            lock = self._making.setdefault(key, asyncio.Lock())
            try:
                async with lock:
                    made = self._fresh(key) or self._keep(key, seconds, await make())
            finally:
                if not lock.locked():
                    self._making.pop(key, None)
        return _answer(request, made, seconds)

    def clear(self) -> None:
        self._kept.clear()

    def _fresh(self, key: str) -> _Made | None:
        made = self._kept.get(key)
        return made if made is not None and made.until > time.monotonic() else None

    def _keep(self, key: str, seconds: int, html: str) -> _Made:
        plain = html.encode()
        etag = f'W/"{hashlib.sha256(plain).hexdigest()[:16]}"'
        made = self._kept[key] = _Made(time.monotonic() + seconds, etag, plain, packed(plain))
        self._kept.move_to_end(key)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return made


def _answer(request: Request, made: _Made, seconds: int) -> Response:
    headers = {**SECURITY, "ETag": made.etag, "Cache-Control": f"public, max-age={seconds}"}
    known = (each.strip() for each in request.headers.get("if-none-match", "").split(","))
    if made.etag in known:
        return Response(status_code=304, headers=headers)
    if packs(request):
        return Response(made.gzipped, 200, headers | {"Content-Encoding": "gzip"}, "text/html; charset=utf-8")
    return Response(made.plain, 200, headers, "text/html; charset=utf-8")


def shelf_of(request: Request) -> Shelf:
    """The shelf of this process."""
    state = request.app.state
    if not hasattr(state, "shelf"):
        state.shelf = Shelf()
    shelf: Shelf = state.shelf
    return shelf
