"""Messages of the app on their way to WeChat, a batch at a time, each at most once.

A batch is claimed and its subscriptions used in one transaction, sent outside any, and what came of it written in
another. A process that dies in between leaves `sending`, which becomes `unknown`: it may have gone.
"""

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from app.db.transaction import Record
from app.db.work import Work
from app.gateways.wechat.errors import (
    ContentRefused,
    NotDeliverable,
    OperatorMustAct,
    QuotaSpent,
    Unconnected,
    Unreachable,
    WeChatError,
)
from app.gateways.wechat.fields import ValueDoesNotFit
from app.gateways.wechat.miniprogram import MiniProgram
from app.gateways.wechat.subscribing import SEND, SubscribeMessage
from app.jobs.running import Jobs
from app.people.commands import OPENID
from app.wechat.accounts import MINIPROGRAM, Accounts
from app.wechat.pause_commands import pause, paused_until, resume
from app.wechat.push_commands import forget_old
from app.wechat.sending_commands import End, claim, end, put_off, time_out, use
from app.wechat.subscription_commands import give_back, revoke_many
from app.wechat.templates import BY_KIND

log = structlog.get_logger("aid.wechat")
SENDINGS: Final = Counter("aid_wechat_sendings_total", "Messages to WeChat, by what became of them", ["state"])
BATCH: Final = 100
"""Claimed at once: so many may be `unknown` when a process dies."""
TOGETHER: Final = 16
"""Under way at once, of a batch."""
LANES: Final = 2
"""Batches at once: while one waits for answers the other is claimed and written down."""
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=15)


@dataclass(slots=True)
class Going:
    """A message that goes: its row, what is sent, and what came of it."""

    row: Record
    template: str
    message: SubscribeMessage
    grant_id: UUID | None = None
    reference: str | None = None
    failed: WeChatError | None = None


@dataclass(slots=True)
class Outcome:
    """What is written about a batch."""

    ends: list[End] = field(default_factory=list)
    refused: list[tuple[UUID, str]] = field(default_factory=list)
    unused: list[UUID] = field(default_factory=list)


async def send_waiting(jobs: Jobs, wechat: Accounts, most: int = BATCH) -> int:
    """Send what is due, so many at most; how many messages were looked at."""
    async with jobs.work() as work:
        until = await paused_until(work, MINIPROGRAM, SEND)
        if until is not None:
            await put_off(work, until)
            return 0
        rows = await claim(work, most)
        going = await _made(work, rows, wechat.template_ids) if rows else []
    if going:
        await _send_all(wechat.miniprogram, going)
        async with jobs.work() as work:
            await _write(work, going)
    return len(rows)


async def settle_old(jobs: Jobs) -> int:
    """What was lost with its process, and what nobody heard of for 72 hours."""
    async with jobs.work() as work:
        return await time_out(work)


async def forget_old_pushes(jobs: Jobs) -> int:
    """Pushes that WeChat will not repeat any more; how many rows."""
    async with jobs.work() as work:
        return await forget_old(work)


async def _made(work: Work, rows: Sequence[Record], template_ids: Mapping[str, str]) -> list[Going]:
    """What goes, each by a subscription of its own; the others stay in the app alone."""
    stays: list[End] = []
    fits: list[Going] = []
    for row in rows:
        found = _fitted(work, row, template_ids)
        if isinstance(found, Going):
            fits.append(found)
        else:
            stays.append(End(row["id"], found))
    used = await use(work, [(each.row["id"], each.row["person_id"], each.template) for each in fits]) if fits else {}
    going = []
    for each in fits:
        each.grant_id = used.get(each.row["id"])
        if each.grant_id is None:
            stays.append(End(each.row["id"], "no_credit"))
        else:
            going.append(each)
    if stays:
        await end(work, stays)
    _count(stays)
    return going


def _fitted(work: Work, row: Record, template_ids: Mapping[str, str]) -> Going | str:
    """What is sent for a row, or the state in which it stays in the app."""
    template = BY_KIND.get(row["kind"])
    if template is None or template.key not in template_ids or row["openid"] is None or row["closed_at"] is not None:
        return "in_app"
    try:
        data = template.data(row["title"], row["said_at"])
    except ValueDoesNotFit as wrong:
        log.error("wechat_value_does_not_fit", name=template.key, reason=str(wrong))
        return "failed"
    openid = work.keyring.open_text(OPENID, row["person_id"], row["openid"])
    return Going(row, template.key, SubscribeMessage(openid, template_ids[template.key], template.page, data))


async def _send_all(miniprogram: MiniProgram, going: Sequence[Going]) -> None:
    """All of them, some at a time. Where the quota is spent or an operator must act, nobody asks on."""
    waiting = iter(going)
    await asyncio.gather(*(_send_some(miniprogram, waiting) for _ in range(min(TOGETHER, len(going)))))


async def _send_some(miniprogram: MiniProgram, waiting: Iterator[Going]) -> None:
    for each in waiting:
        try:
            each.reference = await miniprogram.send(each.message)
        except (QuotaSpent, OperatorMustAct) as lost:
            each.failed = lost
            for rest in waiting:
                rest.failed = lost
        except WeChatError as lost:
            each.failed = lost


async def _write(work: Work, going: Sequence[Going]) -> None:
    outcome = Outcome()
    for each in going:
        if each.failed is None:
            outcome.ends.append(End(each.row["id"], "sent", reference=each.reference))
        else:
            _failed(work, each, each.failed, outcome)
    halted = next((each.failed for each in going if isinstance(each.failed, QuotaSpent | OperatorMustAct)), None)
    until = None
    if halted is not None:
        until, new = await pause(work, MINIPROGRAM, SEND, halted)
        if new:
            # Once: whoever is paged by it need not be told with each try.
            log.error("wechat_paused", name=SEND, reason=str(halted), until=until.isoformat())
    elif any(each.failed is None for each in going):
        await resume(work, MINIPROGRAM, SEND)
    if outcome.unused:
        await give_back(work, outcome.unused)
    await end(work, outcome.ends)
    if until is not None:
        await put_off(work, until)
    if outcome.refused:
        await revoke_many(work, outcome.refused, work.now)
    _count(outcome.ends)


def _failed(work: Work, each: Going, failed: WeChatError, outcome: Outcome) -> None:
    row_id = each.row["id"]
    if isinstance(failed, NotDeliverable):
        outcome.ends.append(End(row_id, "refused", failed.errcode))
        outcome.refused.append((each.row["person_id"], each.template))
    elif isinstance(failed, ContentRefused):
        log.error("wechat_message_refused", name=each.template, reason=str(failed))
        outcome.ends.append(End(row_id, "failed", failed.errcode))
    elif isinstance(failed, Unreachable) and not isinstance(failed, Unconnected) and failed.call == SEND:
        outcome.ends.append(End(row_id, "unknown"))
    else:
        # WeChat has done nothing: the subscription is as it was.
        assert each.grant_id is not None
        outcome.unused.append(each.grant_id)
        wait = min(FIRST_PAUSE * 2 ** min(each.row["attempts"] - 1, 10), LONGEST_PAUSE)
        due_at = work.now + wait * secrets.SystemRandom().uniform(0.75, 1.25)
        outcome.ends.append(End(row_id, "queued", failed.errcode, due_at=due_at))


def _count(ends: Iterable[End]) -> None:
    for each in ends:
        SENDINGS.labels("again" if each.state == "queued" else each.state).inc()
