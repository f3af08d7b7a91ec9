"""Whose certificates are believed: the same authorities for every gateway."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Read once a process: there are so many of them that it takes 20 ms."""
    return httpx.create_ssl_context()
