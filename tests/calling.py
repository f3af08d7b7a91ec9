"""Calls of the service as a phone makes them."""

from typing import Any

import httpx

from tests import make
from tests.make import Someone


async def post(
    client: httpx.AsyncClient, by: Someone, path: str, body: Any = None, version: int | None = None
) -> httpx.Response:
    """With a key of its own; with If-Match where a version is changed."""
    headers = by.headers | make.keyed() | ({"If-Match": f'"{version}"'} if version is not None else {})
    return await client.post(path, json=body, headers=headers)


async def upload(
    client: httpx.AsyncClient, who: Someone, content: bytes, *, key: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    return await client.post(
        "/files",
        files={"file": ("../../etc/passwd", content)},
        data=fields,
        headers=who.headers | (key or make.keyed()),
    )


async def sign_in(client: httpx.AsyncClient, name: str) -> httpx.Response:
    return await client.post("/sessions", json={"code": f"sim:{name}#{make.unique()}"})


def bearer(session: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.json()['access_token']}"}
