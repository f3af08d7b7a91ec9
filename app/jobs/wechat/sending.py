"""Messages of the app on their way to WeChat, one after the other, each at most once.

A message is claimed and its subscription used in one transaction, sent outside any, and what came of it written in
another. A process that dies in between leaves `sending`, which becomes `unknown`: it may have gone.
"""

import secrets
from collections.abc import Mapping
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
from app.gateways.wechat.subscribing import SEND, SubscribeMessage
from app.jobs.running import Jobs
from app.people.commands import OPENID
from app.wechat.accounts import MINIPROGRAM, Accounts
from app.wechat.pause_commands import pause, paused_until, resume
from app.wechat.push_commands import forget_old
from app.wechat.sending_commands import again, claim, goes_by, move, put_off, time_out
from app.wechat.subscription_commands import give_back, revoke, use
from app.wechat.templates import BY_KIND

log = structlog.get_logger("aid.wechat")
SENDINGS: Final = Counter("aid_wechat_sendings_total", "Messages to WeChat, by what became of them", ["state"])
BATCH: Final = 20
FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=15)


async def send_waiting(jobs: Jobs, wechat: Accounts) -> int:
    """Send what is due; how many messages were looked at."""
    async with jobs.work() as work:
        until = await paused_until(work, MINIPROGRAM, SEND)
        if until is not None:
            await put_off(work, until)
            return 0
    for count in range(BATCH):
        if not await send_one(jobs, wechat):
            return count
    return BATCH


async def settle_old(jobs: Jobs) -> int:
    """What was lost with its process, and what nobody heard of for 72 hours."""
    async with jobs.work() as work:
        return await time_out(work)


async def forget_old_pushes(jobs: Jobs) -> int:
    """Pushes that WeChat will not repeat any more; how many rows."""
    async with jobs.work() as work:
        return await forget_old(work)


async def send_one(jobs: Jobs, wechat: Accounts) -> bool:
    """Whether there was one."""
    async with jobs.work() as work:
        row = await claim(work)
        if row is None:
            return False
        made = await _made(work, row, wechat.template_ids)
    if made is None:
        return True
    message, grant, template = made
    failed: WeChatError | None = None
    reference = None
    try:
        reference = await wechat.miniprogram.send(message)
    except WeChatError as lost:
        failed = lost
    async with jobs.work() as work:
        if failed is None:
            await move(work, row["id"], "sent", reference=reference)
            await resume(work, MINIPROGRAM, SEND)
            SENDINGS.labels("sent").inc()
        else:
            await _failed(work, row, failed, grant, template)
    return True


async def _made(work: Work, row: Record, template_ids: Mapping[str, str]) -> tuple[SubscribeMessage, UUID, str] | None:
    """The message, the grant that it uses and its template; None where it stays in the app alone."""
    template = BY_KIND.get(row["kind"])
    if template is None or template.key not in template_ids or row["openid"] is None or row["closed_at"] is not None:
        await _stays(work, row, "in_app")
        return None
    try:
        data = template.data(row["title"], row["said_at"])
    except ValueDoesNotFit as wrong:
        log.error("wechat_value_does_not_fit", name=template.key, reason=str(wrong))
        await _stays(work, row, "failed")
        return None
    grant = await use(work, row["person_id"], template.key)
    if grant is None:
        await _stays(work, row, "no_credit")
        return None
    await goes_by(work, row["id"], template.key, grant)
    openid = work.keyring.open_text(OPENID, row["person_id"], row["openid"])
    return SubscribeMessage(openid, template_ids[template.key], template.page, data), grant, template.key


async def _stays(work: Work, row: Record, state: str) -> None:
    await move(work, row["id"], state)
    SENDINGS.labels(state).inc()


async def _failed(work: Work, row: Record, failed: WeChatError, grant: UUID, template: str) -> None:
    if isinstance(failed, NotDeliverable):
        await move(work, row["id"], "refused", errcode=failed.errcode)
        await revoke(work, row["person_id"], template, work.now)
        SENDINGS.labels("refused").inc()
    elif isinstance(failed, ContentRefused):
        log.error("wechat_message_refused", name=template, reason=str(failed))
        await move(work, row["id"], "failed", errcode=failed.errcode)
        SENDINGS.labels("failed").inc()
    elif isinstance(failed, Unreachable) and not isinstance(failed, Unconnected) and failed.call == SEND:
        await move(work, row["id"], "unknown")
        SENDINGS.labels("unknown").inc()
    else:
        await _later(work, row, failed, grant)


async def _later(work: Work, row: Record, failed: WeChatError, grant: UUID) -> None:
    """WeChat has done nothing: the subscription is as it was."""
    await give_back(work, grant)
    SENDINGS.labels("again").inc()
    if isinstance(failed, QuotaSpent | OperatorMustAct):
        until, new = await pause(work, MINIPROGRAM, SEND, failed)
        if new:
            # Once: whoever is paged by it need not be told with each try.
            log.error("wechat_paused", name=SEND, reason=str(failed), until=until.isoformat())
        await again(work, row["id"], until, failed.errcode)
        await put_off(work, until)
    else:
        wait = min(FIRST_PAUSE * 2 ** min(row["attempts"] - 1, 10), LONGEST_PAUSE)
        await again(work, row["id"], work.now + wait * secrets.SystemRandom().uniform(0.75, 1.25), failed.errcode)
