"""Leaving WeChat alone for a while when it does not answer: callers are told at once instead of after five seconds."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.gateways.wechat.errors import Resting


@dataclass(eq=False)
class Breaker:
    """Opens after `most` failures within `within_s` seconds. After `rest_s` one caller tries; the rest wait for that.

    Each process has its own: it is about what this process has seen, and costs no round trip.
    """

    most: int = 5
    within_s: float = 30.0
    rest_s: float = 15.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _failures: deque[float] = field(default_factory=deque, init=False, repr=False)
    _closed_until: float | None = field(default=None, init=False)

    def check(self, call: str) -> None:
        """Raises Resting."""
        if self._closed_until is None:
            return
        now = self.clock()
        if now < self._closed_until:
            raise Resting(call, reason="not asked: WeChat does not answer")
        self._closed_until = now + self.rest_s

    def worked(self) -> None:
        self._failures.clear()
        self._closed_until = None

    def failed(self) -> None:
        now = self.clock()
        self._failures.append(now)
        while self._failures and self._failures[0] <= now - self.within_s:
            self._failures.popleft()
        if len(self._failures) >= self.most or self._closed_until is not None:
            self._closed_until = now + self.rest_s
