"""Unions as an administrator's screen enters them."""

from typing import Any

import httpx

from tests import make
from tests.calling import every_item, post
from tests.make import Guild, Someone

PATH = "/staff/organisations"


def entry(parent: Guild, level: str = "unit", **given: Any) -> dict[str, Any]:
    return {
        "code": make.unique("N-"), "name": "新工会", "level": level, "parent_code": parent.code,
        "division_code": "440507",
    } | given  # fmt: skip


async def enter(
    client: httpx.AsyncClient, by: Someone, parent: Guild, level: str = "unit", **given: Any
) -> httpx.Response:
    return await post(client, by, PATH, entry(parent, level, **given))


async def entered(
    client: httpx.AsyncClient, by: Someone, parent: Guild, level: str = "unit", **given: Any
) -> dict[str, Any]:
    answer = await enter(client, by, parent, level, **given)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def rename(client: httpx.AsyncClient, by: Someone, union_id: object, name: str) -> httpx.Response:
    return await post(client, by, f"{PATH}/{union_id}/rename", {"name": name})


async def receive(client: httpx.AsyncClient, by: Someone, union_id: object) -> httpx.Response:
    return await post(client, by, f"{PATH}/{union_id}/receive_unattached")


async def listed(client: httpx.AsyncClient, by: Someone, **query: Any) -> list[str]:
    return [item["code"] for item in await every_item(client, PATH, by=by, **query)]
