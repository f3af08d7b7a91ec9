"""Text messages for those whom WeChat did not reach and who have not looked: once, and only where policy says so."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter

from app.db.transaction import Record
from app.db.work import Work
from app.gateways.sms import TextBusy, TextGateway, TextLost, TextRefused
from app.jobs.running import Jobs
from app.people.commands import PHONE
from app.policy.versions import NoPolicyInForce
from app.reaching.policy import KIND, TextMessages
from app.reaching.text_commands import claim_texts, end_text, lose_texts, queue_texts

log = structlog.get_logger("aid.texts")
TEXTS: Final = Counter("aid_texts_total", "Text messages, by what became of them", ["state"])
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)


async def text_people(jobs: Jobs, gateway: TextGateway, stopping: asyncio.Event) -> int:
    """All that are due, as long as the process goes on: a batch that was begun takes some seconds; how many were looked
    at."""
    async with jobs.work() as work:
        policy = _policy(work)
        await lose_texts(work)
        if policy is None:
            return 0
        await queue_texts(work, policy)
    seen = 0
    while not stopping.is_set() and (count := await _some(jobs, gateway, policy.text)):
        seen += count
    return seen


def _policy(work: Work) -> TextMessages | None:
    try:
        return work.policies.in_force(KIND, TextMessages, work.today)
    except NoPolicyInForce:
        return None


async def _some(jobs: Jobs, gateway: TextGateway, words: str) -> int:
    async with jobs.work() as work:
        count, rows = await claim_texts(work)
    # The number is opened here, for those alone who are about to get one.
    outcomes = await asyncio.gather(*(_send(jobs, gateway, row, words) for row in rows))
    async with jobs.work() as work:
        await _write(work, rows, outcomes)
    return count


async def _send(jobs: Jobs, gateway: TextGateway, row: Record, words: str) -> tuple[str, str | None]:
    phone = jobs.keyring.open_text(PHONE, row["person_id"], row["phone"])
    try:
        return "sent", await gateway.send(phone, words, str(row["id"]))
    except TextRefused:
        return "refused", None
    except TextBusy:
        return "queued", None
    except TextLost:
        return "unknown", None


async def _write(work: Work, rows: Sequence[Record], outcomes: Sequence[tuple[str, str | None]]) -> None:
    for row, (state, reference) in zip(rows, outcomes, strict=True):
        due_at = None
        if state == "queued":
            pause = min(FIRST_PAUSE * 2 ** min(row["attempts"] - 1, 10), LONGEST_PAUSE)
            due_at = work.now + pause * secrets.SystemRandom().uniform(0.75, 1.25)
        await end_text(work, row["id"], state, reference=reference, due_at=due_at)
        TEXTS.labels("again" if state == "queued" else state).inc()
        if state == "refused":
            log.warning("text_refused")
