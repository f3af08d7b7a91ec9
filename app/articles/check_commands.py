"""What WeChat's check of texts and pictures (内容安全) says of an article: before it is approved, and later."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.articles.events import PictureFoundRisky
from app.articles.path import HELD, OUT, PATH, ArticleAction
from app.articles.steps import audit, take
from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.messaging.outbox import emit

STOPPED: Final = "微信的内容检查认为文章中的图片有风险。文章没有发布，安排的发布时间作废；请退回修改。"


def _sql(query: str) -> Statement:
    return statement(text(query))


_UNCHECKED = _sql(
    """
    select a.*, r.person_id as written_by, p.openid from article a
    join article_revision r on r.article_id = a.id and r.revision = a.revision join person p on p.id = r.person_id
    where a.state = 'in_review' and a.checked_revision is distinct from a.revision order by a.updated_at limit 20
    """
)
_CHECKS = _sql("select * from wechat_task where kind = 'media_check' and asked_for = any(:names)")
_CHECKED = _sql(
    "update article set platform_check = :found, checked_revision = :revision where id = :row_id "
    "and state = 'in_review' and revision = :revision"
)
_LOCK = _sql("select id from article where id = :row_id for update")
# Whether it was looked at already is asked of what is locked: that may change while this waits for the lock.
_SHOWING = _sql(
    """
    select a.*, u.file_id from article a
    join file_use u on u.subject_kind = 'article' and u.subject_id = a.id and u.living
    where replace(u.file_id::text, '-', '') || '.' || a.revision = :name order by a.id for update of a
    """
)
_RISKY = _sql("update article set platform_check = 'risky' where id = :row_id")


def check_name(file_id: UUID, revision: int) -> str:
    """The name of a picture among the jobs at WeChat."""
    return f"{file_id.hex}.{revision}"


async def unchecked(work: Work) -> Sequence[Record]:
    """What waits for its reviewer and was not looked at by WeChat yet; with the openid of who wrote it."""
    return await work.transaction.rows(_UNCHECKED)


async def checks_of(work: Work, names: list[str]) -> Sequence[Record]:
    """The jobs at WeChat of these pictures."""
    return await work.transaction.rows(_CHECKS, names=names)


async def note_checked(work: Work, article_id: UUID, revision: int, found: str, names: list[str]) -> None:
    """What was found. A picture (`names`) that turns out risky at this moment was so before the lock, and is seen here,
    or comes after it, and finds what is noted."""
    await work.transaction.row(_LOCK, row_id=article_id)
    if any(task["said"] == "risky" for task in await checks_of(work, names)):
        found = "risky"
    await work.transaction.run(_CHECKED, row_id=article_id, revision=revision, found=found)


async def heed_risky(work: Work, name: str) -> None:
    """A picture is risky, of which perhaps nobody waited to hear any more. An article that is looked at still counts it
    then; one that has not gone out is stopped; of one that WeChat may have, those hear who may withdraw it."""
    for row in await work.transaction.rows(_SHOWING, name=name):
        if row["checked_revision"] != row["revision"]:
            continue
        if row["state"] in HELD:
            await stop(work, row)
            continue
        await work.transaction.run(_RISKY, row_id=row["id"])
        if row["state"] in OUT:
            await audit(work, None, "picture_found_risky", row["id"], file_id=str(row["file_id"]))
            await emit(work, PictureFoundRisky(row["id"], row["file_id"], row["revision"]))


async def stop(work: Work, row: Record, **columns: Any) -> None:
    """What is risky goes back to its reviewer; that it was approved, and when it was to go out, is void."""
    void = dict.fromkeys(("reviewed_by", "reviewed_at", "reviewed_revision", "way", "tag_id", "publish_at"))
    step = PATH.step(row["state"], ArticleAction.STOP)
    await take(work, row, step, note=STOPPED, platform_check="risky", **void, **columns)
