"""What the worker process writes of an article on its way to WeChat. Each is one transaction's part, and safe to run
again: what lies at WeChat already is kept, so that a process that died is followed by one that goes on."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.articles.check_commands import stop
from app.articles.commands import content_of
from app.articles.content import Content, Picture, pictures_of, spelt
from app.articles.events import WithdrawalAsked
from app.articles.gate import faults
from app.articles.path import PATH, ArticleAction
from app.articles.queries import people_of, pictures, revision_of
from app.articles.steps import audit, take
from app.db.statements import Statement, statement
from app.db.transaction import Record
from app.db.work import Work
from app.gateways.wechat.official import LONGEST_URL
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.people.consents import Purpose
from app.people.queries import agreed_to

LEASE: Final = timedelta(minutes=2)
"""So long a process may work on one try; one that is not heard of by then has died."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)
TAKE_DOWN_PAUSE: Final = timedelta(minutes=30)
LONGEST_TAKE_DOWN_PAUSE: Final = timedelta(days=1)
LOOKED_FOR_EVERY: Final = timedelta(minutes=30)
LOOKED_FOR_FOR: Final = timedelta(days=3)
MOST_ATTEMPTS: Final = 50
AGAIN: Final = frozenset({"Busy", "Resting", "Unconnected", "TokenRefused", "ComeBackLater"})
"""What WeChat said, or we, when nothing was done and it may be tried again soon."""
RESTS: Final = frozenset({"QuotaSpent", "OperatorMustAct"})
"""When nothing was done, and a pause comes first."""
PUT_OFF: Final = AGAIN | RESTS | {"paused"}


def _sql(query: str) -> Statement:
    return statement(text(query))


_DUE = _sql(
    "select * from article where id = :id and state = 'scheduled' and publish_at <= :now for update skip locked"
)
_ALL_DUE = _sql("select id from article where state = 'scheduled' and publish_at <= :now order by publish_at limit 20")
_OPEN = _sql(
    """
    with free as (
      select s.id, s.article_id from article_sending s join article a on a.id = s.article_id and a.attempt = s.attempt
      where a.state in ('publishing','unknown') and (s.taken_until is null or s.taken_until < :now)
      order by s.taken_until nulls first, s.created_at limit 1 for update of s skip locked
    )
    update article_sending s set taken_until = :until from free where s.id = free.id returning s.*
    """
)
_FREE = _sql("update article_sending set taken_until = :now where id = :row_id")
_BEGIN = _sql(
    "insert into article_sending (id, created_at, article_id, attempt, thumb_media_id, draft_media_id) "
    "values (:id, :now, :article_id, :attempt, :thumb, :draft)"
)
_LOCKED = _sql("select * from article where id = :id for update")
_URLS = _sql("select file_id, url from article_picture where article_id = :article_id")
_KEEP_URL = _sql(
    "insert into article_picture (article_id, file_id, url) values (:article_id, :file_id, :url) on conflict do nothing"
)
_KEEP_THUMB = _sql("update article_sending set thumb_media_id = :media_id where id = :row_id")
_KEEP_DRAFT = _sql("update article_sending set draft_media_id = :media_id where id = :row_id")
_SENDINGS = _sql("select * from article_sending where article_id = :article_id order by attempt")
_TASK = _sql("select * from wechat_task where kind = :kind and asked_for = :asked_for")
_PUBLISH = _sql(
    """
    insert into published_article (id, created_at, organisation_name, kind, title, signed, digest, content, wechat_url,
      published_at)
    values (:id, :now, :organisation_name, :kind, :title, :signed, :digest, :content, :wechat_url, :now)
    on conflict (id) do nothing
    """
)
_HIDE = _sql("update published_article set withdrawn_at = :now where id = :row_id and withdrawn_at is null")
_TAKEN_DOWN = _sql(
    "update article set taken_down_at = :now, take_down_failure = null, take_down_due_at = null "
    "where id = :row_id and taken_down_at is null"
)
# What has failed least often first: the day's calls are few, and one that never goes must not use them up.
_TO_TAKE_DOWN = _sql(
    """
    select * from article where withdrawn_at is not null and taken_down_at is null and wechat_id is not null
      and way = any(:ways) and (take_down_due_at is null or take_down_due_at <= :now)
    order by take_down_attempts, withdrawn_at limit 20
    """
)
_NOT_TAKEN_DOWN = _sql(
    """
    update article set take_down_attempts = take_down_attempts + 1, take_down_failure = :why, take_down_due_at = :due_at
    where id = :row_id and taken_down_at is null
    """
)
_REFERENCE = _sql(
    "update article set wechat_id = :wechat_id, wechat_url = coalesce(wechat_url, :wechat_url) where id = :row_id"
)
_LOST = _sql(
    """
    update article_sending s set taken_until = :until from article a
    where a.id = s.article_id and a.attempt = s.attempt and a.state in ('published','withdrawn')
      and a.wechat_id is null and a.taken_down_at is null and s.thumb_media_id is not null
      and s.created_at > :since and (s.taken_until is null or s.taken_until < :now)
    returning a.id, s.thumb_media_id
    """
)
_LATER = _sql(
    """
    select a.id as article_id, t.state, t.said, t.detail from article a
    join wechat_task t on t.kind = a.way and t.asked_for = replace(a.id::text, '-', '') || '.' || a.attempt
    where a.state = 'published' and (t.state = 'undone' or (a.total_count is null and t.detail ? 'TotalCount'))
    limit 20
    """
)
_COUNTS = _sql(
    "update article set total_count = :total, filter_count = :filter, sent_count = :sent, error_count = :error, "
    "wechat_url = coalesce(wechat_url, :wechat_url) where id = :row_id"
)
_SHOWING = _sql(
    """
    update article a set withdrawal_asked_at = :now, version = version + 1
    where a.state in ('publishing','unknown','published') and a.withdrawal_asked_at is null
      and exists (select 1 from article_person p
        where p.article_id = a.id and p.person_id = :person_id and p.removed_at is null)
    returning id
    """
)
_PREVIEW = _sql(
    "select p.*, a.organisation_name from article_preview p join article a on a.id = p.article_id "
    "where p.state = 'asked' order by p.created_at limit 1"
)
_PREVIEWED = _sql(
    "update article_preview set state = :state, failure = :failure, openid = null "
    "where id = :row_id and state = 'asked'"
)


def asked_for(article_id: UUID, attempt: int) -> str:
    """The name of a try among the jobs at WeChat; of a mass send also its clientmsgid."""
    return f"{article_id.hex}.{attempt}"


async def all_due(work: Work) -> Sequence[UUID]:
    """What waits to go out now, the one that waits longest first."""
    return [row["id"] for row in await work.transaction.rows(_ALL_DUE, now=work.now)]


async def begin_due(work: Work, article_id: UUID) -> bool:
    """What is due begins to go out, or goes back to its writer; whether it did, and nobody else had it in hand."""
    row = await work.transaction.row(_DUE, id=article_id, now=work.now)
    if row is None:
        return False
    wrong = await _wrong_now(work, row)
    if wrong:
        note = "；".join(dict.fromkeys(wrong))
        cleared = {"reviewed_by": None, "reviewed_at": None, "reviewed_revision": None}
        await take(work, row, PATH.step(row["state"], ArticleAction.RETURN), note=note, **cleared)
        return True
    attempt = row["attempt"] + 1
    # Put off, not failed: what lies at WeChat already is good.
    earlier = await sendings_of(work, row["id"]) if row["failure"] in PUT_OFF else []
    kept = {name: earlier[-1][f"{name}_media_id"] if earlier else None for name in ("thumb", "draft")}
    await work.transaction.run(_BEGIN, id=new_id(), now=work.now, article_id=row["id"], attempt=attempt, **kept)
    await take(work, row, PATH.step(row["state"], ArticleAction.BEGIN), attempt=attempt, failure=None)
    return True


async def _wrong_now(work: Work, row: Record) -> list[str]:
    content = content_of(work, await revision_of(work.transaction, row))
    people = await people_of(work.transaction, row["id"])
    agreed = await agreed_to(work.transaction, [each["person_id"] for each in people], Purpose.PUBLICITY)
    return [each.message for each in await faults(work, content, people, agreed)]


async def take_open(work: Work) -> Record | None:
    """A try that nobody works on: from now on it is the caller's for a while."""
    return await work.transaction.row(_OPEN, now=work.now, until=work.now + LEASE)


async def give_back(work: Work, sending_id: UUID) -> None:
    """Whoever has waited longest is next."""
    await work.transaction.run(_FREE, row_id=sending_id, now=work.now)


async def locked(work: Work, article_id: UUID) -> Record:
    row = await work.transaction.row(_LOCKED, id=article_id)
    assert row is not None
    return row


async def urls_of(work: Work, article_id: UUID) -> dict[UUID, str]:
    """Where the pictures of an article lie at WeChat."""
    return {row["file_id"]: row["url"] for row in await work.transaction.rows(_URLS, article_id=article_id)}


async def keep_url(work: Work, article_id: UUID, file_id: UUID, url: str) -> None:
    await work.transaction.run(_KEEP_URL, article_id=article_id, file_id=file_id, url=url)


async def keep_thumb(work: Work, sending_id: UUID, media_id: str) -> None:
    await work.transaction.run(_KEEP_THUMB, row_id=sending_id, media_id=media_id)


async def keep_draft(work: Work, sending_id: UUID, media_id: str) -> None:
    await work.transaction.run(_KEEP_DRAFT, row_id=sending_id, media_id=media_id)


async def sendings_of(work: Work, article_id: UUID) -> Sequence[Record]:
    """Every try, the first first."""
    return await work.transaction.rows(_SENDINGS, article_id=article_id)


async def job_of(work: Work, row: Record) -> Record | None:
    """The job at WeChat of an article's try, if it came so far."""
    return await work.transaction.row(_TASK, kind=row["way"], asked_for=asked_for(row["id"], row["attempt"]))


async def postpone(work: Work, row: Record, until: datetime | None, why: str) -> None:
    """WeChat has done nothing, for certain: another try, later; `until`: then at the earliest. In the end it failed."""
    if row["attempt"] >= MOST_ATTEMPTS:
        await fail(work, row, why)
        return
    pause = min(FIRST_PAUSE * 2 ** min(row["attempt"] - 1, 10), LONGEST_PAUSE)
    await _comes_back(work, row, ArticleAction.POSTPONE, why, publish_at=until or work.now + pause)


async def fail(work: Work, row: Record, why: str) -> None:
    await _comes_back(work, row, ArticleAction.FAIL, why)


async def _comes_back(work: Work, row: Record, action: ArticleAction, why: str, **columns: Any) -> None:
    """WeChat has not taken it: where a picture turned out risky meanwhile, there is no other try."""
    if row["platform_check"] == "risky":
        await stop(work, row, failure=why[:60])
    else:
        await take(work, row, PATH.step(row["state"], action), failure=why[:60], **columns)


async def lose(work: Work, row: Record) -> None:
    await take(work, row, PATH.step(row["state"], ArticleAction.LOSE))


async def finish(work: Work, row: Record, wechat_id: str | None, detail: Mapping[str, str]) -> None:
    """It is out: from now on everyone may read it here as well."""
    content = content_of(work, await revision_of(work.transaction, row))
    url = (detail.get("url") or "")[:LONGEST_URL] or None
    await take(
        work,
        row,
        PATH.step(row["state"], ArticleAction.FINISH),
        wechat_id=wechat_id,
        wechat_url=url,
        failure=None,
        **_counts(detail, "_count"),
    )
    types = await pictures(work.transaction, [file_id for _, file_id, _, _ in pictures_of(content)])
    await work.transaction.run(
        _PUBLISH,
        id=row["id"],
        now=work.now,
        organisation_name=row["organisation_name"],
        kind=row["kind"],
        title=content.title,
        signed=content.signed,
        digest=content.digest,
        content=shown_to_all(content, {file_id: each["media_type"] for file_id, each in types.items()}),
        wechat_url=url,
    )
    if row["withdrawal_asked_at"] is not None:
        await emit(work, WithdrawalAsked(row["id"]))


def _counts(detail: Mapping[str, str], suffix: str = "") -> dict[str, Any]:
    """Of a mass send, as its event told."""

    def number(name: str) -> int | None:
        said = detail.get(f"{name.capitalize()}Count", "")
        return int(said) if said.isdecimal() and len(said) < 10 else None

    return {f"{name}{suffix}": number(name) for name in ("total", "filter", "sent", "error")}


def shown_to_all(content: Content, media_types: Mapping[UUID, str]) -> dict[str, Any]:
    """The blocks without what is only for those who write and review."""
    said = spelt(content)
    blocks = []
    for block, shown in zip(content.blocks, said["blocks"], strict=True):
        inside = {"people", "nobody"} if isinstance(block, Picture) else set()
        blocks.append({name: value for name, value in shown.items() if name not in inside})
    types = {str(file_id): media_type for file_id, media_type in media_types.items()}
    return {"blocks": blocks, "cover_file_id": said["cover_file_id"], "media_types": types}


async def to_follow_up(work: Work) -> Sequence[Record]:
    """Published, and WeChat has said something later of it."""
    return await work.transaction.rows(_LATER)


async def follow_up(work: Work, found: Record) -> None:
    """What WeChat says later of what is published: receipts of a mass send; or that it was deleted or banned there, and
    then it is withdrawn here as well."""
    row = await locked(work, found["article_id"])
    if row["state"] != "published":
        return
    if found["state"] == "undone":
        step = PATH.step(row["state"], ArticleAction.BAN)
        note = f"公众平台上已经不再显示（{found['said']}）"
        await take(work, row, step, note=note, withdrawn_at=work.now, taken_down_at=work.now)
        await work.transaction.run(_HIDE, row_id=row["id"], now=work.now)
    else:
        detail = found["detail"]
        url = (detail.get("url") or "")[:LONGEST_URL] or None
        await work.transaction.run(_COUNTS, row_id=row["id"], wechat_url=url, **_counts(detail))


async def to_take_down(work: Work, ways: Sequence[str]) -> Sequence[Record]:
    """Withdrawn here, gone out by one of these ways, and still to be taken down at WeChat."""
    return await work.transaction.rows(_TO_TAKE_DOWN, ways=list(ways), now=work.now)


async def note_taken_down(work: Work, article_id: UUID) -> None:
    if await work.transaction.run(_TAKEN_DOWN, row_id=article_id, now=work.now):
        await audit(work, None, "taken_down", article_id)


async def note_not_taken_down(work: Work, row: Record, why: str) -> None:
    """It stands there still, and staff see why: again later, each time after a longer pause."""
    pause = min(TAKE_DOWN_PAUSE * 2 ** min(row["take_down_attempts"], 10), LONGEST_TAKE_DOWN_PAUSE)
    await work.transaction.run(_NOT_TAKEN_DOWN, row_id=row["id"], why=why[:60], due_at=work.now + pause)


async def lost_references(work: Work) -> Sequence[Record]:
    """Published, but by which name WeChat knows it was lost with an answer. Nobody else looks for as long: WeChat lets
    its list be read a hundred times a day."""
    return await work.transaction.rows(
        _LOST, now=work.now, until=work.now + LOOKED_FOR_EVERY, since=work.now - LOOKED_FOR_FOR
    )


async def keep_reference(work: Work, article_id: UUID, wechat_id: str, wechat_url: str | None) -> None:
    await work.transaction.run(_REFERENCE, row_id=article_id, wechat_id=wechat_id, wechat_url=wechat_url)


async def ask_to_withdraw(work: Work, person_id: UUID) -> None:
    """Somebody consents no longer: what shows them has to be withdrawn, and staff are told."""
    for row in await work.transaction.rows(_SHOWING, person_id=person_id, now=work.now):
        await audit(work, None, "withdrawal_asked", row["id"])
        await emit(work, WithdrawalAsked(row["id"]))


async def asked_preview(work: Work) -> Record | None:
    """The one that waits longest to be shown. Shown twice it does no harm."""
    return await work.transaction.row(_PREVIEW)


async def note_preview(work: Work, preview_id: UUID, failure: str | None) -> None:
    state = "sent" if failure is None else "failed"
    await work.transaction.run(_PREVIEWED, row_id=preview_id, state=state, failure=failure)
