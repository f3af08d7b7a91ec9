"""WeChat looks at what waits for its reviewer (内容安全): pictures, of which it tells by event, then texts. What it
cannot look at within half an hour, people look at alone."""

from datetime import timedelta
from typing import Final

import structlog

from app.articles.commands import content_of
from app.articles.content import Content, texts_of
from app.articles.queries import revision_of
from app.articles.sending_commands import checks_of, note_checked, unchecked
from app.db.transaction import Record
from app.files.store import FilesUnavailable
from app.gateways.wechat.errors import WeChatError
from app.gateways.wechat.miniprogram import LONGEST_CHECKED
from app.jobs.articles.pictures import PictureGone, files_of, uploaded
from app.jobs.running import Jobs
from app.jobs.wechat.tasks import check_picture
from app.people.commands import OPENID
from app.wechat.accounts import Accounts

log = structlog.get_logger("aid.articles")
PATIENCE: Final = timedelta(minutes=30)
_SCENE: Final = 3
_ORDER: Final = ("pass", "unavailable", "review", "risky")
"""Of several the last counts."""


async def check_all(jobs: Jobs, wechat: Accounts) -> int:
    """How many articles were looked at."""
    async with jobs.work() as work:
        waiting = await unchecked(work)
    for row in waiting:
        await _check(jobs, wechat, row)
    return len(waiting)


async def _check(jobs: Jobs, wechat: Accounts, row: Record) -> None:
    async with jobs.work() as work:
        content = content_of(work, await revision_of(work.transaction, row))
        author = row["written_by"]
        openid = work.keyring.open_text(OPENID, author, row["openid"]) if row["openid"] else None
        late = work.now - row["updated_at"] > PATIENCE
    found: str | None = "unavailable"
    if openid is not None and wechat.official is not None:
        try:
            found = await _pictures(jobs, wechat, row, content, openid)
            if found is not None:
                found = max((found, await _texts(wechat, content, openid)), key=_ORDER.index)
        except (WeChatError, PictureGone, FilesUnavailable) as failed:
            log.warning("article_not_checked", article_id=str(row["id"]), reason=type(failed).__name__)
            found = "unavailable" if isinstance(failed, WeChatError) and failed.errcode is not None else None
    if found is None and late:
        found = "unavailable"
    if found is not None:
        async with jobs.work() as work:
            await note_checked(work, row["id"], row["revision"], found)


async def _texts(wechat: Accounts, content: Content, openid: str) -> str:
    whole = "\n".join(text for _, text in texts_of(content))
    found = "pass"
    for at in range(0, len(whole), LONGEST_CHECKED):
        piece = whole[at : at + LONGEST_CHECKED]
        said = (await wechat.miniprogram.check_text(piece, openid, _SCENE)).result.suggest
        found = max((found, said), key=_ORDER.index)
    return found


async def _pictures(jobs: Jobs, wechat: Accounts, row: Record, content: Content, openid: str) -> str | None:
    """What WeChat says of all of them; None as long as it has not said."""
    assert wechat.official is not None
    files = files_of(content)
    addresses = await uploaded(jobs, wechat.official, row["id"], files)
    names = [f"{file_id.hex}.{row['revision']}" for file_id in files]
    for file_id, name in zip(files, names, strict=True):
        await check_picture(jobs, wechat.miniprogram, name, addresses[file_id], openid)
    async with jobs.work() as work:
        jobs_of = await checks_of(work, names)
    found = "pass"
    for job in jobs_of:
        if job["state"] in ("asking", "accepted", "unknown"):
            return None
        said = job["said"] if job["state"] == "done" and job["said"] in _ORDER else "unavailable"
        found = max((found, said), key=_ORDER.index)
    return found
