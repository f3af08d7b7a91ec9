"""What comes after: receipts, what WeChat deletes or bans later, the names that were lost, and taking down. Each
article by itself: one that WeChat does not take down, or that is broken, holds up no other."""

from typing import Final

import structlog

from app.articles.sending_commands import (
    follow_up,
    keep_reference,
    lost_references,
    note_not_taken_down,
    note_taken_down,
    to_follow_up,
    to_take_down,
)
from app.db.transaction import Record
from app.gateways.wechat.errors import QuotaSpent, WeChatError
from app.gateways.wechat.official import DELETE_MASS, TAKE_DOWN, OfficialAccount
from app.jobs.alone import alone
from app.jobs.articles.publishing import look_for
from app.jobs.running import Jobs
from app.wechat.accounts import OFFICIAL, Accounts
from app.wechat.pause_commands import pause, paused_until, resume

log = structlog.get_logger("aid.articles")
GONE: Final = 53600
"""There is no such publication (any more)."""
CALLS: Final = {"publish": TAKE_DOWN, "mass_send": DELETE_MASS}


async def follow_all(jobs: Jobs, wechat: Accounts) -> int:
    """How much there was to do."""
    async with jobs.work() as work:
        later = await to_follow_up(work)
    for found in later:
        with alone("article_not_followed", article_id=str(found["article_id"])):
            async with jobs.work() as work:
                await follow_up(work, found)
    if wechat.official is None:
        return len(later)
    return len(later) + await _find_all(jobs, wechat.official) + await _take_down_all(jobs, wechat.official)


async def _find_all(jobs: Jobs, official: OfficialAccount) -> int:
    async with jobs.work() as work:
        lost = await lost_references(work)
    for row in lost:
        with alone("article_not_found", article_id=str(row["id"])):
            await _find(jobs, official, row)
    return len(lost)


async def _find(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    try:
        found = await look_for(official, [row["thumb_media_id"]])
    except WeChatError as failed:
        log.warning("article_not_found", article_id=str(row["id"]), reason=str(failed))
        return
    if found is not None:
        async with jobs.work() as work:
            await keep_reference(work, row["id"], found.article_id, found.url or None)


async def _take_down_all(jobs: Jobs, official: OfficialAccount) -> int:
    async with jobs.work() as work:
        ways = [way for way, call in CALLS.items() if not await paused_until(work, OFFICIAL, call)]
        waiting = await to_take_down(work, ways)
    for row in waiting:
        if row["way"] in ways:
            with alone("article_not_taken_down", article_id=str(row["id"])):
                failed = await _take_down(jobs, official, row)
                if isinstance(failed, QuotaSpent):
                    ways.remove(row["way"])
    return len(waiting)


async def _take_down(jobs: Jobs, official: OfficialAccount, row: Record) -> WeChatError | None:
    """Twice is once: what is gone already is taken down. Why not, if it was not."""
    call = CALLS[row["way"]]
    try:
        if row["way"] == "publish":
            await official.take_down(row["wechat_id"])
        else:
            await official.delete_mass_send(row["wechat_id"])
    except WeChatError as failed:
        if failed.errcode != GONE:
            await _not_taken_down(jobs, row, call, failed)
            return failed
    async with jobs.work() as work:
        await note_taken_down(work, row["id"])
        await resume(work, OFFICIAL, call)
    return None


async def _not_taken_down(jobs: Jobs, row: Record, call: str, failed: WeChatError) -> None:
    """Spent calls are everybody's, and come back at midnight (ten a day); whatever else WeChat says is about this one,
    and people hear of it when it is said first."""
    why = type(failed).__name__ if failed.errcode is None else f"errcode {failed.errcode}"
    async with jobs.work() as work:
        if isinstance(failed, QuotaSpent):
            until, new = await pause(work, OFFICIAL, call, failed)
            if new:
                log.error("wechat_paused", name=call, reason=str(failed), until=str(until))
            return
        await note_not_taken_down(work, row, why)
    tell = log.error if row["take_down_attempts"] == 0 else log.warning
    tell("article_not_taken_down", article_id=str(row["id"]), reason=str(failed))
