"""How long many cases at once take: a preview, and then its token, one batch after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import httpx

from app.bench.people import DISTRICTS

SECONDS = 3.0
"""The most that a thousand may take."""
SPARE = 1.25
"""Cases are spread over the districts by chance."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one reviewer approves at once."""

    token: str
    application_ids: Sequence[str]


def share(items: int) -> int:
    """How many more cases there must be so that most districts have a batch of so many."""
    return int(items * DISTRICTS * SPARE)


def measure(port: int, batches: Sequence[Batch]) -> dict[str, float]:
    """Seconds of previews and of runs, in the middle and at worst. Raises RuntimeError where not all was done."""
    base = f"http://127.0.0.1:{port}/api/v1/staff/batch_actions"
    previews, runs = [], []
    with httpx.Client(trust_env=False, timeout=30) as client:
        for batch in batches:
            items = [{"application_id": each} for each in batch.application_ids]
            shown = _asked(client, f"{base}/preview", batch, {"action": "approve", "items": items})
            result = _asked(client, base, batch, {"token": shown.json()["token"]})
            if result.json()["totals"]["done"] != len(items):
                raise RuntimeError(f"not all was done: {result.json()['totals']}")
            previews.append(shown.elapsed.total_seconds())
            runs.append(result.elapsed.total_seconds())
    told = {"items": len(batches[0].application_ids), "batches": len(batches)}
    return told | {
        "preview_s": round(median(previews), 3),
        "seconds": round(median(runs), 3),
        "worst_s": round(max(runs), 3),
    }


def _asked(client: httpx.Client, url: str, batch: Batch, body: dict[str, Any]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {batch.token}", "Idempotency-Key": str(uuid4())}
    answer = client.post(url, json=body, headers=headers)
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code} {answer.text[:300]}")
    answer.read()
    return answer
