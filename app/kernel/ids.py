"""Ids of rows: UUIDv7, made here so that no version of PostgreSQL has to."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7 as the standard library's UUID: ordered by time (ms), and within one process strictly rising."""
    return uuid7()
