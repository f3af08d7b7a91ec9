"""Imports over HTTP, with the dry run and the commit made at once."""

import io
from typing import Any
from uuid import UUID

import httpx
import python_calamine

from app.jobs import imports
from app.jobs.running import Jobs
from tests import make
from tests.calling import every_item
from tests.make import Guild, Someone


async def upload(
    client: httpx.AsyncClient, who: Someone, content: bytes, union: Guild, *, key: dict[str, str] | None = None
) -> httpx.Response:
    return await client.post(
        "/staff/imports",
        files={"file": ("a.xlsx", content)},
        data={"organisation_code": union.code},
        headers=who.headers | (key or make.keyed()),
    )


async def tried(
    client: httpx.AsyncClient, background: Jobs, who: Someone, content: bytes, union: Guild
) -> dict[str, Any]:
    """An import after its dry run."""
    answer = await upload(client, who, content, union)
    assert answer.status_code == 202, answer.text
    return await seen_after_check(client, background, who, answer.json()["id"])


async def seen_after_check(client: httpx.AsyncClient, background: Jobs, who: Someone, import_id: str) -> dict[str, Any]:
    await imports.check(background, UUID(import_id))
    shown: dict[str, Any] = (await client.get(f"/staff/imports/{import_id}", headers=who.headers)).json()
    return shown


async def commit(
    client: httpx.AsyncClient, who: Someone, shown: dict[str, Any], rows: str = "all", **more: Any
) -> httpx.Response:
    return await client.post(
        f"/staff/imports/{shown['id']}/commit",
        json={"dry_run": shown["dry_run"], "rows": rows} | more,
        headers=who.headers | make.keyed(),
    )


async def errors_of(client: httpx.AsyncClient, who: Someone, import_id: str) -> list[dict[str, Any]]:
    return await every_item(client, f"/staff/imports/{import_id}/errors", by=who, limit=2)


def cells(content: bytes) -> list[list[Any]]:
    rows: list[list[Any]] = python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    return rows
