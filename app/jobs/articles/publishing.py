"""An article goes out: once, whatever becomes of the process that sends it and of WeChat's answers.

Each step asks first what is there already: pictures, the cover, the draft, the job at WeChat. A process that dies is
followed by one that goes on from there. A lost answer leaves the job `unknown` (app/jobs/wechat/tasks.py), which is
looked for and never asked for again; only a try that WeChat itself calls failed is followed by another.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog

from app.articles.commands import content_of
from app.articles.content import Content
from app.articles.html import rendered
from app.articles.queries import revision_of
from app.articles.sending_commands import (
    AGAIN,
    RESTS,
    all_due,
    asked_for,
    begin_due,
    fail,
    finish,
    give_back,
    job_of,
    keep_draft,
    keep_thumb,
    locked,
    lose,
    postpone,
    sendings_of,
    take_open,
)
from app.db.transaction import Record
from app.files.store import FilesUnavailable
from app.gateways.wechat.errors import ContentRefused, OperatorMustAct, QuotaSpent, WeChatError
from app.gateways.wechat.official import MASS_SEND, PUBLISH, Article, OfficialAccount, PublishedItem
from app.jobs.alone import alone
from app.jobs.articles.names import note_all_names
from app.jobs.articles.pictures import PictureGone, files_of, picture, uploaded
from app.jobs.running import Jobs
from app.jobs.wechat.tasks import mass_send, publish
from app.wechat.accounts import OFFICIAL, Accounts
from app.wechat.pause_commands import next_midnight, pause, paused_until, resume

log = structlog.get_logger("aid.articles")
CALLS: Final = {"publish": PUBLISH, "mass_send": MASS_SEND}
MOST_LOOKED_THROUGH: Final = 200


async def advance(jobs: Jobs, wechat: Accounts) -> int:
    """Begin what is due and go on with what was begun; how many steps were taken."""
    official = wechat.official
    if official is None:
        return 0
    async with jobs.work() as work:
        due, sending = await all_due(work), await take_open(work)
    done = 0
    if due:
        with alone("articles_not_begun"):
            done = await _begin_one(jobs, due)
        async with jobs.work() as work:
            sending = sending or await take_open(work)
    # One that is broken is not given back: nobody takes it again before its lease has run out.
    if sending is not None:
        with alone("article_not_advanced", article_id=str(sending["article_id"])):
            done += int(await _go_on(jobs, official, sending))
            async with jobs.work() as work:
                await give_back(work, sending["id"])
    return done


async def _begin_one(jobs: Jobs, due: Sequence[UUID]) -> int:
    """The first of them that can; how many did."""
    # Whom the service knows by now may be named in what was reviewed before.
    await note_all_names(jobs)
    begun = False
    for article_id in due:
        with alone("article_not_begun", article_id=str(article_id)):
            async with jobs.work() as work:
                begun = await begin_due(work, article_id)
        if begun:
            return 1
    return 0


async def _go_on(jobs: Jobs, official: OfficialAccount, sending: Record) -> bool:
    """Whether anything came of it: of what WeChat still works on, nothing does."""
    async with jobs.work() as work:
        row = await locked(work, sending["article_id"])
        if row["state"] not in ("publishing", "unknown") or row["attempt"] != sending["attempt"]:
            return False
        job = await job_of(work, row)
        content = content_of(work, await revision_of(work.transaction, row))
        until = await paused_until(work, OFFICIAL, CALLS[row["way"]]) if job is None else None
    if until is not None:
        async with jobs.work() as work:
            await postpone(work, await locked(work, row["id"]), until, "paused")
        return True
    if job is None:
        try:
            await _ask(jobs, official, row, sending, content)
        except (WeChatError, PictureGone, FilesUnavailable) as failed:
            await _not_asked(jobs, row["id"], failed)
            return True
    return await _follow(jobs, row["id"]) or job is None


async def _ask(jobs: Jobs, official: OfficialAccount, row: Record, sending: Record, content: Content) -> None:
    """Everything up to the one call that may not be made twice, and that."""
    if await _earlier_went_out(jobs, official, row, sending):
        return
    addresses = await uploaded(jobs, official, row["id"], files_of(content))
    thumb, draft = sending["thumb_media_id"], sending["draft_media_id"]
    if thumb is None:
        assert content.cover_file_id is not None
        cover, media_type = await picture(jobs, content.cover_file_id)
        name = "cover.png" if media_type == "image/png" else "cover.jpg"
        thumb = (await official.add_material(name, cover, media_type)).media_id
        async with jobs.work() as work:
            await keep_thumb(work, sending["id"], thumb)
    if draft is None:
        said = Article(content.title, rendered(content, addresses), thumb, author=content.signed, digest=content.digest)
        draft = await official.add_draft(said)
        async with jobs.work() as work:
            await keep_draft(work, sending["id"], draft)
    name = asked_for(row["id"], row["attempt"])
    if row["way"] == "publish":
        await publish(jobs, official, name, draft)
    else:
        await mass_send(jobs, official, name, draft, tag_id=row["tag_id"])


async def _earlier_went_out(jobs: Jobs, official: OfficialAccount, row: Record, sending: Record) -> bool:
    """Whether an earlier try of a publication came through after all, though it was given up: then it is that one."""
    async with jobs.work() as work:
        earlier = [each for each in await sendings_of(work, row["id"]) if each["attempt"] < row["attempt"]]
    thumbs = [each["thumb_media_id"] for each in earlier if each["draft_media_id"] != sending["draft_media_id"]]
    thumbs = [each for each in thumbs if each is not None]
    if row["way"] != "publish" or not thumbs:
        return False
    found = await look_for(official, thumbs)
    if found is None:
        return False
    async with jobs.work() as work:
        await finish(work, await locked(work, row["id"]), found.article_id, {"url": found.url} if found.url else {})
    return True


async def look_for(official: OfficialAccount, thumbs: list[str]) -> PublishedItem | None:
    """The publication with one of these covers, of which each is another even where the picture is the same."""
    for offset in range(0, MOST_LOOKED_THROUGH, 20):
        items = await official.publications(offset)
        for item in items:
            if set(item.thumbs) & set(thumbs):
                return item
        if len(items) < 20:
            return None
    return None


async def _not_asked(jobs: Jobs, article_id: UUID, failed: Exception) -> None:
    """Nothing went out: a picture or the draft did not get there."""
    log.warning("article_not_sent", article_id=str(article_id), reason=type(failed).__name__)
    async with jobs.work() as work:
        row = await locked(work, article_id)
        if isinstance(failed, ContentRefused | PictureGone):
            await fail(work, row, type(failed).__name__)
        elif isinstance(failed, QuotaSpent):
            await postpone(work, row, next_midnight(work.now), type(failed).__name__)
        else:
            await postpone(work, row, None, type(failed).__name__)


async def _follow(jobs: Jobs, article_id: UUID) -> bool:
    """The article becomes what its job has become; whether it did."""
    async with jobs.work() as work:
        row = await locked(work, article_id)
        job = await job_of(work, row) if row["state"] in ("publishing", "unknown") else None
        if job is None:
            return False
        said = str(job["said"] or "")
        if job["state"] in ("done", "undone"):
            reference = job["detail"].get("article_id") if row["way"] == "publish" else job["reference"]
            await finish(work, row, reference, job["detail"])
            await resume(work, OFFICIAL, CALLS[row["way"]])
        elif job["state"] == "unknown" and row["state"] == "publishing":
            await lose(work, row)
        elif job["state"] == "failed" and row["state"] == "publishing" and said in AGAIN | RESTS:
            until = None
            if said in RESTS:
                kind = QuotaSpent if said == "QuotaSpent" else OperatorMustAct
                until, new = await pause(work, OFFICIAL, CALLS[row["way"]], kind(CALLS[row["way"]]))
                if new:
                    log.error("wechat_paused", name=CALLS[row["way"]], reason=said, until=until.isoformat())
            await postpone(work, row, until, said)
        elif job["state"] == "failed":
            await fail(work, row, said)
        else:
            return False
    return True
