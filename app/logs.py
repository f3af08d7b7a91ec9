"""Structured logs, one JSON line each, of allow-listed fields only: nothing personal can slip in."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, BinaryIO, cast

import orjson
import structlog

ALLOWED = frozenset(
    "event level timestamp logger request_id method route status ms person error at name count url port pid reason "
    "version seconds application_id notice_id article_id year per_s waiting".split()
)


def configure(level: str) -> None:
    """Log JSON to stderr from `level` on; the standard library's loggers only warn, without arguments or tracebacks."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(file=cast(BinaryIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(_Quiet())
    logging.basicConfig(level=logging.WARNING, handlers=[others])


class _Stderr:
    """Standard error as it is when something is said: a test that catches what is printed puts its own there, for as
    long as it runs."""

    def write(self, line: bytes) -> None:
        sys.stderr.buffer.write(line)

    def flush(self) -> None:
        sys.stderr.buffer.flush()


class _Quiet(logging.Formatter):
    """Of what a library says only how bad it is, who says it and the kind of error: the rest may hold values."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        return f"{record.levelname} {record.name}" + (f" {kind.__name__}" if kind else "")


def _only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED and value is not None}


def _to_json(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
