"""A receive deadline for uvicorn, which of itself waits for a slow request for ever.

Ten seconds for the headers, thirty for the body; then the connection is closed, unless the body is a large one that
keeps coming: every thirty seconds at least `SLOWEST` bytes for each of them. It uses uvicorn's own callbacks, so its
test is run at every change of version.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class DeadlineProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a clock on what the client owes it."""

    HEADER_SECONDS = 10.0
    BODY_SECONDS = 30.0
    SLOWEST = 8 * 1024
    """Bytes a second. A body of JSON may be no longer than what comes in thirty seconds at this pace anyway."""
    _received = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._arm(self.HEADER_SECONDS)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arm(self.HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        self._received = 0
        self._arm(self.BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        if self._received >= self.BODY_SECONDS * self.SLOWEST:
            self._received = 0
            self._arm(self.BODY_SECONDS)
        elif not self.transport.is_closing():
            self.transport.abort()
