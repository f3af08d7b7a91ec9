"""Delegating a post, as the phone does it."""

from datetime import timedelta
from typing import Any

import httpx

from app.applications.path import Kind
from app.kernel.actor import Role
from tests.calling import every_item, post
from tests.make import TODAY, Guild, Someone


async def give(
    client: httpx.AsyncClient, by: Someone, role: Role, union: Guild, to: Someone, **given: Any
) -> httpx.Response:
    body = {
        "role": role,
        "organisation_code": union.code,
        "to_person_id": str(to.id),
        "starts_on": str(TODAY),
        "ends_on": str(TODAY + timedelta(days=6)),
        "kinds": [kind.value for kind in Kind],
        "reason": "外出培训",
    } | given
    return await post(client, by, "/staff/delegations", body)


async def given(
    client: httpx.AsyncClient, by: Someone, role: Role, union: Guild, to: Someone, **more: Any
) -> dict[str, Any]:
    answer = await give(client, by, role, union, to, **more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def end(client: httpx.AsyncClient, by: Someone, delegation: dict[str, Any]) -> httpx.Response:
    return await post(client, by, f"/staff/delegations/{delegation['id']}/end")


async def listed(client: httpx.AsyncClient, by: Someone) -> list[str]:
    return [item["id"] for item in await every_item(client, "/staff/delegations", by=by)]
