"""One of many, by itself: what goes wrong with it is logged, and the others go on."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app.kernel.errors import Unavailable

log = structlog.get_logger("aid.worker")


@contextmanager
def alone(event: str, **ids: str) -> Iterator[None]:
    """A defect in the block ends the block alone, and is logged by its kind: its text may hold values. Raises
    Unavailable: without a database none of the others could go on either."""
    try:
        yield
    except Unavailable:
        raise
    except Exception as failed:
        log.error(event, error=type(failed).__name__, **ids)
