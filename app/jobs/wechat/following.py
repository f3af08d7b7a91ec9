"""Who follows the official account: the whole list once a night, a page at a time, and the tags of those who agreed.

Every step is a call or some, and a transaction that writes what came of them with how far it is: a process that dies
leaves the page to the next, and nothing is counted twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from app.db.transaction import Record
from app.gateways.wechat.errors import QuotaSpent, WeChatError
from app.gateways.wechat.official import OfficialAccount
from app.jobs.running import Jobs
from app.jobs.wechat.tagging import consent_hash, forget_deleted_tags, retagged
from app.wechat import sync_commands as sync
from app.wechat.pause_commands import next_midnight
from app.wechat.sync_commands import CURSOR
from app.wechat.tag_commands import to_tag

log = structlog.get_logger("aid.wechat")
ASKED_AT_ONCE: Final = 100
"""Of whom one call tells."""
TOGETHER: Final = 10
WRITTEN_AT_ONCE: Final = 2_000
WHOLE: Final = 0.99
"""A list that names fewer of those whom it counts is not believed: nobody is forgotten for it."""
FIRST_PAUSE: Final = timedelta(seconds=30)
GIVEN_UP_AFTER: Final = 12
"""Stops in a row: about a day."""
Step = Callable[[Jobs, OfficialAccount, Record], Awaitable[None]]


async def begin_sync(jobs: Jobs) -> bool:
    """Have the list read; False where it is being read."""
    async with jobs.work() as work:
        return await sync.begin(work)


async def sync_step(jobs: Jobs, official: OfficialAccount) -> bool:
    """One step further; whether there was one to take."""
    async with jobs.work() as work:
        row = await sync.take(work)
    if row is None:
        return False
    try:
        await _STEPS[row["phase"]](jobs, official, row)
    except sync.MovedOn:
        log.warning("wechat_sync_overtaken", name=row["phase"])
    except WeChatError as failed:
        await _stopped(jobs, row, failed)
    return True


async def _stopped(jobs: Jobs, row: Record, failed: WeChatError) -> None:
    stops = row["stopped"] + 1
    log.warning("wechat_sync_stopped", name=row["phase"], reason=str(failed), count=stops)
    async with jobs.work() as work:
        if stops >= GIVEN_UP_AFTER:
            await sync.move(work, row, "given_up")
            log.error("wechat_sync_given_up", name=row["phase"], reason=str(failed))
            return
        quota = isinstance(failed, QuotaSpent)
        await sync.stop(work, row, next_midnight(work.now) if quota else work.now + FIRST_PAUSE * 2 ** (stops - 1))


async def _list(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    after = ""
    async with jobs.work() as work:
        asked_at = work.now
        if row["after_openid"] is not None:
            after = work.keyring.open_text(CURSOR, row["id"], row["after_openid"])
    page = await official.followers(after)
    async with jobs.work() as work:
        # What is the last page is said by an empty one, or by no successor.
        goes_on = bool(page.openids and page.next_openid)
        cursor = work.keyring.seal_text(CURSOR, row["id"], page.next_openid) if goes_on else None
        listed = row["listed"] + len(page.openids)
        # A list of nobody is not believed either: who is missing from it would be forgotten, all of them.
        whole = page.total > 0 and listed >= WHOLE * page.total
        phase: sync.Phase = "list" if goes_on else "gone" if whole else "given_up"
        for first in range(0, len(page.openids), WRITTEN_AT_ONCE):
            await sync.keep_listed(work, page.openids[first : first + WRITTEN_AT_ONCE], asked_at)
        await sync.move(work, row, phase, total=page.total, listed=len(page.openids), after_openid=cursor)
    log.info("wechat_followers_listed", count=listed, waiting=max(page.total - listed, 0))
    if phase == "given_up":
        log.error("wechat_sync_given_up", name="list", reason="the list is not whole")


async def _gone(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    async with jobs.work() as work:
        count = await sync.forget_gone(work, row["created_at"])
        await sync.move(work, row, "gone" if count else "ask", gone=count)


async def _ask(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    async with jobs.work() as work:
        asked = await sync.to_ask(work, row["after_id"], ASKED_AT_ONCE * TOGETHER)
    openids = [openid for _, openid in asked]
    calls = [official.users(openids[first : first + ASKED_AT_ONCE]) for first in range(0, len(asked), ASKED_AT_ONCE)]
    answers = await asyncio.gather(*calls)
    by_openid = {each.openid: each for answer in answers for each in answer}
    said = [(row_id, by_openid[openid]) for row_id, openid in asked if openid in by_openid]
    async with jobs.work() as work:
        follow = [(row_id, who.unionid) for row_id, who in said if who.subscribe]
        joined = await sync.keep_said(work, follow, [row_id for row_id, who in said if not who.subscribe])
        following = asked[-1][0] if asked else None
        await sync.move(work, row, "ask" if asked else "tag", asked=len(asked), joined=joined, after_id=following)


async def _tag(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    if row["after_id"] is None:
        await forget_deleted_tags(jobs, official)
    async with jobs.work() as work:
        rows = await to_tag(work, consent_hash(), WRITTEN_AT_ONCE, row["after_id"])
    changed = await retagged(jobs, official, rows)
    async with jobs.work() as work:
        following = rows[-1]["id"] if rows else None
        await sync.move(work, row, "tag" if rows else "done", tagged=changed, after_id=following)
    if not rows:
        log.info("wechat_sync_done", count=row["listed"])


_STEPS: Final[dict[str, Step]] = {"list": _list, "gone": _gone, "ask": _ask, "tag": _tag}
