"""Having WeChat publish a draft, send it to many, or look at a picture: asked for once, and followed to its end.

An answer that was lost leaves `unknown`. A mass send is then asked for again under the same clientmsgid, which WeChat
carries out once in 24 hours; a publication is not, but looked for: a draft that was published is gone.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from app.db.transaction import Record
from app.db.work import Work
from app.gateways.wechat.errors import AskedBefore, ContentRefused, Unconnected, Unreachable, WeChatError
from app.gateways.wechat.miniprogram import MiniProgram
from app.gateways.wechat.official import OfficialAccount, Published
from app.jobs.alone import alone
from app.jobs.running import Jobs
from app.wechat.accounts import Accounts
from app.wechat.task_commands import GIVEN_UP_AFTER, State, begin, move, to_ask_about

log = structlog.get_logger("aid.wechat")
ASKED_AGAIN_WITHIN: Final = timedelta(hours=23)
"""WeChat knows a clientmsgid for 24 hours: asked for again later than that, a mass send would go out a second time."""
_PUBLISHED: Final[dict[int, State]] = {
    Published.DONE: "done",
    Published.NOT_ORIGINAL: "failed",
    Published.FAILED: "failed",
    Published.REVIEW_REFUSED: "failed",
    Published.DELETED_LATER: "undone",
    Published.BANNED_LATER: "undone",
}
_SENT: Final[dict[str, State]] = {"SEND_SUCCESS": "done", "SEND_FAIL": "failed", "DELETE": "undone"}


async def publish(jobs: Jobs, official: OfficialAccount, asked_for: str, media_id: str) -> str:
    """Have a draft published, once for what was `asked_for`: the state of the job."""
    async with jobs.work() as work:
        row, mine = await begin(work, "publish", asked_for, media_id)
    if not mine:
        return str(row["state"])
    try:
        reference = await official.publish(media_id)
    except WeChatError as failed:
        return await _not_taken(jobs, row, failed)
    return await _taken(jobs, row, reference)


async def mass_send(
    jobs: Jobs, official: OfficialAccount, asked_for: str, media_id: str, *, tag_id: int | None = None
) -> str:
    """Send a draft to all followers, or those with a tag, once for what was `asked_for`: the state of the job."""
    async with jobs.work() as work:
        row, mine = await begin(work, "mass_send", asked_for, media_id if tag_id is None else f"{media_id} {tag_id}")
    return await _mass_send(jobs, official, row) if mine else str(row["state"])


async def _mass_send(jobs: Jobs, official: OfficialAccount, row: Record, *, again: bool = False) -> str:
    """`again`: it may have gone out before, so that an error of this time says nothing of what became of it."""
    media_id, _, tag = row["subject"].partition(" ")
    try:
        reference = await official.send_to_all(media_id, row["asked_for"], tag_id=int(tag) if tag else None)
    except AskedBefore as before:
        if before.reference is None:
            return await _not_taken(jobs, row, Unreachable(before.call))
        reference = before.reference
    except WeChatError as failed:
        return await _not_taken(jobs, row, Unreachable(failed.call, reason=str(failed)) if again else failed)
    return await _taken(jobs, row, reference)


async def check_picture(jobs: Jobs, miniprogram: MiniProgram, asked_for: str, url: str, openid: str) -> str:
    """Have WeChat look at a picture at a short-lived address: the state of the job. Its result comes as an event."""
    async with jobs.work() as work:
        row, mine = await begin(work, "media_check", asked_for, asked_for)
    if not mine:
        return str(row["state"])
    try:
        reference = await miniprogram.check_image(url, openid, scene=4)
    except WeChatError as failed:
        return await _not_taken(jobs, row, failed)
    return await _taken(jobs, row, reference)


async def _taken(jobs: Jobs, row: Record, reference: str) -> str:
    async with jobs.work() as work:
        await move(work, row["id"], "accepted", reference=reference)
    return "accepted"


async def _not_taken(jobs: Jobs, row: Record, failed: WeChatError) -> str:
    lost = isinstance(failed, Unreachable) and not isinstance(failed, Unconnected)
    state: State = "unknown" if lost else "failed"
    log.warning("wechat_task_not_taken", name=row["kind"], state=state, reason=str(failed))
    async with jobs.work() as work:
        await move(work, row["id"], state, type(failed).__name__)
    return state


async def of_publication(work: Work, task_id: UUID, status: int, article_id: str, url: str = "") -> bool:
    """What WeChat says of a publication, by event or when asked; whether it was news."""
    state = _PUBLISHED.get(status)
    if state is None:
        return False
    told = {name: value for name, value in (("article_id", article_id), ("url", url)) if value}
    return await move(work, task_id, state, f"publish_status {status}", **told)


async def ask_about_all(jobs: Jobs, wechat: Accounts) -> int:
    """Ask WeChat about jobs whose end nobody has told us of; how many were asked about."""
    async with jobs.work() as work:
        waiting = await to_ask_about(work)
        now = work.now
    for row in waiting:
        age, taken = now - row["created_at"], row["state"] == "accepted"
        if age > GIVEN_UP_AFTER and not taken:
            async with jobs.work() as work:
                await move(work, row["id"], "failed", "no_trace")
            continue
        if age > ASKED_AGAIN_WITHIN and row["kind"] == "mass_send" and not taken:
            continue
        with alone("wechat_task_not_asked", name=row["kind"]):
            try:
                await _ask_about(jobs, wechat, row)
            except WeChatError as failed:
                log.warning("wechat_task_not_asked", name=row["kind"], reason=str(failed))
    return len(waiting)


async def _ask_about(jobs: Jobs, wechat: Accounts, row: Record) -> None:
    official = wechat.official
    if official is None or row["kind"] == "media_check":
        return  # of a picture only the event tells
    if row["state"] != "accepted":
        if row["kind"] == "mass_send":
            await _mass_send(jobs, official, row, again=True)
        else:
            await _look_for(jobs, official, row)
        return
    if row["kind"] == "publish":
        found = await official.publication(row["reference"])
        async with jobs.work() as work:
            await of_publication(work, row["id"], found.publish_status, found.article_id, found.url)
        return
    state = _SENT.get(said := await official.mass_send_state(row["reference"]))
    if state is not None:
        async with jobs.work() as work:
            await move(work, row["id"], state, said[:60])


async def _look_for(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    """A draft that is gone was published; one that is there may still be looked at."""
    try:
        await official.draft(row["subject"])
    except ContentRefused:
        async with jobs.work() as work:
            await move(work, row["id"], "done", "draft_gone")
