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


async def every_item(
    client: httpx.AsyncClient, path: str, *, by: Someone | None = None, limit: int = 100, **query: Any
) -> list[dict[str, Any]]:
    """A list to its end, page by page. What tests before have made may fill any number of pages."""
    items: list[dict[str, Any]] = []
    asked = {"limit": limit} | query
    while True:
        answer = await client.get(path, params=asked, headers=by.headers if by else None)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        assert page["next_cursor"] != asked.get("cursor"), "a list that never ends"
        asked["cursor"] = page["next_cursor"]


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
