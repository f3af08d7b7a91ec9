"""An article shown to one follower of the account before it goes to all, through a draft that is deleted again."""

from contextlib import suppress

import structlog

from app.articles.commands import PREVIEW_OPENID, content_of
from app.articles.html import rendered
from app.articles.queries import revision_of
from app.articles.sending_commands import asked_preview, note_preview
from app.db.transaction import Record
from app.files.store import FilesUnavailable
from app.gateways.wechat.errors import WeChatError
from app.gateways.wechat.official import Article, OfficialAccount
from app.jobs.articles.pictures import PictureGone, files_of, picture, uploaded
from app.jobs.running import Jobs
from app.kernel.errors import Unavailable
from app.wechat.accounts import Accounts

log = structlog.get_logger("aid.articles")


async def show_asked(jobs: Jobs, wechat: Accounts) -> int:
    """The one that waits longest; how many were shown. One that fails is asked for again by whoever wants it."""
    if wechat.official is None:
        return 0
    async with jobs.work() as work:
        row = await asked_preview(work)
    if row is None:
        return 0
    failure = None
    try:
        await _show(jobs, wechat.official, row)
    except (WeChatError, PictureGone, FilesUnavailable) as failed:
        log.warning("preview_failed", article_id=str(row["article_id"]), reason=type(failed).__name__)
        failure = type(failed).__name__
    except Unavailable:
        raise
    except Exception as failed:
        # A defect: this one has failed, and the next is shown.
        log.error("preview_failed", article_id=str(row["article_id"]), error=type(failed).__name__)
        failure = type(failed).__name__
    async with jobs.work() as work:
        await note_preview(work, row["id"], failure)
    return 1


async def _show(jobs: Jobs, official: OfficialAccount, row: Record) -> None:
    async with jobs.work() as work:
        content = content_of(
            work, await revision_of(work.transaction, {"id": row["article_id"], "revision": row["revision"]})
        )
        openid = work.keyring.open_text(PREVIEW_OPENID, row["id"], row["openid"])
    assert content.cover_file_id is not None
    addresses = await uploaded(jobs, official, row["article_id"], files_of(content))
    cover, media_type = await picture(jobs, content.cover_file_id)
    thumb = await official.add_material("cover.png" if media_type == "image/png" else "cover.jpg", cover, media_type)
    said = Article(
        content.title, rendered(content, addresses), thumb.media_id, author=content.signed, digest=content.digest
    )
    draft = await official.add_draft(said)
    try:
        await official.preview(draft, openid)
    finally:
        with suppress(WeChatError):
            await official.delete_draft(draft)
