"""What WeChat's check of texts and pictures (内容安全) says of articles that wait for their reviewer."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work


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

# The event about a picture came when nobody waited for it any more. A reviewer has not approved it yet, and must not.
_FOUND_LATER = _sql(
    """
    update article a set platform_check = 'risky' from article_picture p, wechat_task t
    where a.state = 'in_review' and a.checked_revision = a.revision and a.platform_check <> 'risky'
      and p.article_id = a.id and t.kind = 'media_check' and t.state = 'done' and t.said = 'risky'
      and t.asked_for = replace(p.file_id::text, '-', '') || '.' || a.revision
    """
)


async def unchecked(work: Work) -> Sequence[Record]:
    """What waits for its reviewer and was not looked at by WeChat yet; with the openid of who wrote it."""
    return await work.transaction.rows(_UNCHECKED)


async def checks_of(work: Work, names: list[str]) -> Sequence[Record]:
    """The jobs at WeChat of these pictures."""
    return await work.transaction.rows(_CHECKS, names=names)


async def note_checked(work: Work, article_id: UUID, revision: int, found: str) -> None:
    await work.transaction.run(_CHECKED, row_id=article_id, revision=revision, found=found)


async def note_found_later(work: Work) -> int:
    """Pictures of which WeChat says that they are risky after their article was looked at; how many articles."""
    return await work.transaction.run(_FOUND_LATER)
