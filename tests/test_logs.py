"""Where logs go."""

import io
import sys

import pytest
import structlog

from app.logs import configure


def test_a_log_that_began_where_another_stream_was_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
    before = structlog.get_config()
    try:
        monkeypatch.setattr(sys, "stderr", first)
        configure("error")
        log = structlog.get_logger("aid.test")
        log.error("unhandled_error")
        first.close()
        monkeypatch.setattr(sys, "stderr", second)
        log.error("unhandled_error")
    finally:
        structlog.configure(**before)
    assert b"unhandled_error" in second.buffer.getvalue()  # type: ignore[attr-defined]
