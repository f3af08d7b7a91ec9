"""Announcing a sample whose period ends at once, and drawing it."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.calling import every_item, post
from tests.make import NOW, Guild, Someone

SAMPLES = "/staff/samples"
SCRIPT = Path(__file__).parents[2] / "tools" / "redraw_sample.py"
SOON = timedelta(milliseconds=600)


async def announce(
    client: httpx.AsyncClient, by: Someone, union: Guild, size: int = 5, *, until: datetime | None = None, **given: Any
) -> httpx.Response:
    body = {
        "organisation_code": union.code,
        "since": (NOW - timedelta(days=1)).isoformat(),
        "until": (until or datetime.now(NOW.tzinfo) + SOON).isoformat(),
        "size": size,
    }
    return await post(client, by, SAMPLES, body | given)


async def announced(client: httpx.AsyncClient, by: Someone, union: Guild, size: int = 5) -> dict[str, Any]:
    answer = await announce(client, by, union, size)
    assert answer.status_code == 201, answer.text
    sample: dict[str, Any] = answer.json()
    return sample


async def ended(sample: Mapping[str, Any]) -> None:
    left = datetime.fromisoformat(sample["until"]) - datetime.now(NOW.tzinfo)
    await asyncio.sleep(max(0.0, left.total_seconds()) + 0.01)


async def draw(client: httpx.AsyncClient, by: Someone, sample: Mapping[str, Any]) -> httpx.Response:
    return await post(client, by, f"{SAMPLES}/{sample['id']}/draw", version=sample["version"])


async def drawn(client: httpx.AsyncClient, by: Someone, union: Guild, size: int = 5) -> dict[str, Any]:
    """Of what was paid until now."""
    sample = await announced(client, by, union, size)
    await ended(sample)
    answer = await draw(client, by, sample)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def population(client: httpx.AsyncClient, by: Someone, sample: Mapping[str, Any]) -> bytes:
    answer = await client.get(f"{SAMPLES}/{sample['id']}/population", headers=by.headers)
    assert answer.status_code == 200, answer.text
    return answer.content


async def checks(client: httpx.AsyncClient, by: Someone, sample: Mapping[str, Any], **query: Any) -> list[Any]:
    return await every_item(client, f"{SAMPLES}/{sample['id']}/checks", by=by, **query)


def redrawn(path: Path, content: bytes, sample: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """By the script, in a process of its own that knows nothing of the service."""
    path.write_bytes(content)
    told = (sample["population_sha256"], sample["seed"], sample["seed_sha256"], str(sample["size"]))
    command = [sys.executable, "-I", str(SCRIPT), str(path), *told]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONIOENCODING": "utf-8"})
