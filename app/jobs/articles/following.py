"""What comes after: receipts, what WeChat deletes or bans later, the names that were lost, and taking down."""

import structlog

from app.articles.sending_commands import (
    follow_up,
    keep_reference,
    lost_references,
    note_taken_down,
    to_take_down,
)
from app.db.transaction import Record
from app.gateways.wechat.errors import WeChatError
from app.gateways.wechat.official import OfficialAccount
from app.jobs.articles.publishing import look_for
from app.jobs.running import Jobs
from app.wechat.accounts import OFFICIAL, Accounts
from app.wechat.pause_commands import pause, paused_until, resume

log = structlog.get_logger("aid.articles")
TAKE_DOWN = "/cgi-bin/freepublish/delete"
GONE = 53600
"""There is no such publication (any more)."""


async def follow_all(jobs: Jobs, wechat: Accounts) -> int:
    """Once a minute; how much there was to do."""
    official = wechat.official
    async with jobs.work() as work:
        count = await follow_up(work)
    if official is None:
        return count
    async with jobs.work() as work:
        lost = await lost_references(work)
    for row in lost:
        await _find(jobs, official, row)
    async with jobs.work() as work:
        waiting = [] if await paused_until(work, OFFICIAL, TAKE_DOWN) else await to_take_down(work)
    for row in waiting:
        if not await _take_down(jobs, official, row):
            break
    return count + len(lost) + len(waiting)


async def _find(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    try:
        found = await look_for(official, [row["thumb_media_id"]])
    except WeChatError as failed:
        log.warning("article_not_found", article_id=str(row["id"]), reason=str(failed))
        return
    if found is not None:
        async with jobs.work() as work:
            await keep_reference(work, row["id"], found.article_id, found.url or None)


async def _take_down(jobs: Jobs, official: OfficialAccount, row: Record) -> bool:
    """Twice is once: what is gone already is taken down. Whether it was."""
    try:
        if row["way"] == "publish":
            await official.take_down(row["wechat_id"])
        else:
            await official.delete_mass_send(row["wechat_id"])
    except WeChatError as failed:
        if failed.errcode != GONE:
            await _not_taken_down(jobs, row, failed)
            return False
    async with jobs.work() as work:
        await note_taken_down(work, row["id"])
        await resume(work, OFFICIAL, TAKE_DOWN)
    return True


async def _not_taken_down(jobs: Jobs, row: Record, failed: WeChatError) -> None:
    """A quarter of an hour between tries, or till midnight: WeChat allows ten a day."""
    async with jobs.work() as work:
        until, new = await pause(work, OFFICIAL, TAKE_DOWN, failed)
    if new:
        log.error("wechat_paused", name=TAKE_DOWN, article_id=str(row["id"]), reason=str(failed), until=str(until))
