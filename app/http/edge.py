"""The outermost layer, pure ASGI: request ids, one log line and one measurement a request, and the last resort."""

import re
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.problems import DETAILS, refused
from app.kernel.ids import new_id

REQUESTS = Counter("aid_requests_total", "Requests by route template, method and status", ["route", "method", "status"])
SECONDS = Histogram(
    "aid_request_seconds",
    "Time to the end of the answer, by route template",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
UNHANDLED = Counter("aid_unhandled_errors_total", "Errors that nothing below expected: each is a defect")
IN_FLIGHT = Gauge("aid_requests_in_flight", "Requests being answered")
_REQUEST_ID = re.compile(rb"\A[A-Za-z0-9._-]{1,64}\Z")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
log = structlog.get_logger("aid.http")


class Edge:
    """Everything that leaves has a request id and, unless it says otherwise, may not be stored."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._timers: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope["request_id"] = request_id
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request_id)
            await send(message)

        IN_FLIGHT.inc()
        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            UNHANDLED.inc()
            # The traceback names files and lines; the message of the error may hold values, so it stays out.
            log.error("unhandled_error", request_id=request_id, error=type(error).__name__, at=_places(error))
            if status == 0:
                answer = refused(scope, 500, "internal_error", DETAILS[500])
                await answer(scope, receive, sending)
        finally:
            IN_FLIGHT.dec()
            self._note(scope, status, time.perf_counter() - started, request_id)

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = _template(scope)
        method = scope["method"]
        counter = self._counters.get((route, method, status))
        if counter is None:
            counter = self._counters[route, method, status] = REQUESTS.labels(route, method, status)
            self._timers.setdefault(route, SECONDS.labels(route))
        counter.inc()
        self._timers[route].observe(seconds)
        person = scope.get("aid_person")
        log.info(
            "request",
            request_id=request_id,
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            person=str(person) if person else None,
        )


def _template(scope: MutableMapping[str, Any]) -> str:
    """The route's template: paths themselves carry ids, and unknown ones could carry anything."""
    route = scope.get("route")
    return getattr(route, "path", "unmatched")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            given: str = value.decode()
            return given
    return new_id().hex


def _add_headers(message: Message, request_id: str) -> None:
    headers = list(message.get("headers", ()))
    headers.append((b"x-request-id", request_id.encode()))
    headers.append(_NOSNIFF)
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers


def _places(error: BaseException) -> list[str]:
    places, frame = [], error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}:{code.co_name}")
        frame = frame.tb_next
    return places[-8:]
