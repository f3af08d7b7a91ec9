"""Writing an article, saying whom it shows, having it reviewed, sending it out and taking it down. Nobody commits here;
the edge does."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import bindparam, literal_column, text, update

from app.articles.content import Content, pictures_of, spelt
from app.articles.gate import ID_NUMBER, NAME, faults
from app.articles.path import PATH, WRITABLE, ArticleAction, ArticleState
from app.articles.queries import (
    ARTICLE,
    PREVIEW,
    REVISION,
    SHOWN,
    ArticleNotFound,
    article,
    consenting,
    people_of,
    revision_of,
    sent_in_month,
)
from app.articles.steps import audit, take
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.files.commands import name as name_files
from app.files.queries import check_named
from app.kernel.actor import Actor, Permission, Post, Tier
from app.kernel.business_time import business_date
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.organisations.queries import organisation
from app.people.consents import Purpose, consent_texts
from app.workflow.path import NotAllowedNow, Step, check_words

CONTENT, TITLE, PREVIEW_OPENID = "article_revision.content", "article.title", "article_preview.openid"
LONGEST_AHEAD: Final = timedelta(days=90)
LATE: Final = timedelta(minutes=5)
"""So far a time may lie back: clocks differ, and people take their time."""
MASS_SENDS_A_MONTH: Final = 4
"""So many mass sends WeChat lets a follower have in a calendar month."""
TIERS: Final = tuple(f"{tier}_id" for tier in Tier)
_INSERT = insertion(
    ARTICLE,
    *"id created_at".split(),
    *TIERS,
    *"organisation_name kind state version revision title author_id updated_at".split(),
)
_REVISE = insertion(REVISION, *"id created_at article_id revision person_id content sha256".split())
_REVISED = statement(
    update(ARTICLE)
    .where(ARTICLE.c.id == bindparam("row_id"))
    .values(
        title=bindparam("title", type_=ARTICLE.c.title.type),
        revision=bindparam("revision", type_=ARTICLE.c.revision.type),
        updated_at=bindparam("now", type_=ARTICLE.c.updated_at.type),
        version=ARTICLE.c.version + literal_column("1"),
    )
    .returning(ARTICLE)
)
_TOUCH = statement(
    update(ARTICLE)
    .where(ARTICLE.c.id == bindparam("row_id"))
    .values(
        version=ARTICLE.c.version + literal_column("1"), updated_at=bindparam("now", type_=ARTICLE.c.updated_at.type)
    )
    .returning(ARTICLE)
)
_ADD = insertion(SHOWN, *"id created_at article_id person_id number_index name added_by".split())
_REMOVE = statement(
    text(
        "update article_person set removed_at = :now "
        "where id = :row_id and article_id = :article_id and removed_at is null"
    )
)
_HIDE = statement(text("update published_article set withdrawn_at = :now where id = :row_id"))
_ASK_PREVIEW = insertion(PREVIEW, *"id created_at article_id revision asked_by openid state".split())
_ONE_QUOTA = statement(text("select pg_advisory_xact_lock(hashtext('aid.mass_sends'))"))


class NoConsentToShow(Conflict):
    """没有找到这个证件号码的人对公开宣传的同意，请先请本人在小程序中同意，再添加。"""


class AlreadyShown(Conflict):
    """这个人已经在文章的人物中。"""


class PlatformCheckPending(Conflict):
    """平台的内容检查还没有完成，请稍后再审核。"""


class PlatformRefuses(Conflict):
    """平台的内容检查认为文章或图片有风险，请退回修改。"""


class NoOfficialAccount(Conflict):
    """还没有配置公众号，不能安排发布。"""


class MassSendsUsedUp(Conflict):
    """这个月给这些关注者的群发已经用完（每月四次），请改为只发布，或者改到下个月。"""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does to an article."""

    action: str
    note: str | None = None
    way: str | None = None
    tag_id: int | None = None
    publish_at: datetime | None = None


async def create(work: Work, actor: Actor, kind: str, content: Content) -> Record:
    """A new draft, of the union at which the actor writes. Raises NotAllowed, Invalid, FileGone."""
    post = _writes(actor)
    home = await organisation(work.transaction, post.place.id)
    article_id = new_id()
    await work.transaction.run(
        _INSERT,
        id=article_id,
        created_at=work.now,
        organisation_name=post.place.name,
        kind=kind,
        state=ArticleState.DRAFT,
        version=1,
        revision=1,
        title=work.keyring.seal_text(TITLE, article_id, content.title),
        author_id=actor.person_id,
        updated_at=work.now,
        **{tier: home[tier] for tier in TIERS},
    )
    await _keep(work, actor, article_id, 1, content, frozenset())
    await audit(work, actor.person_id, "created", article_id)
    return await article(work.transaction, actor, article_id)


def _writes(actor: Actor) -> Post:
    posts = actor.posts_with(Permission.WRITE_ARTICLES)
    if not posts:
        raise NotAllowed
    return posts[0]


async def write(work: Work, actor: Actor, article_id: UUID, expected: int, content: Content) -> Record:
    """Another revision, whole. Raises ArticleNotFound, StaleVersion, NotAllowed, NotAllowedNow, Invalid, FileGone."""
    row = await _writable(work, actor, article_id, expected)
    before = content_of(work, await revision_of(work.transaction, row))
    named = frozenset(file_id for _, file_id, _, _ in pictures_of(before))
    await _keep(work, actor, article_id, row["revision"] + 1, content, named)
    moved = await work.transaction.row(
        _REVISED,
        row_id=article_id,
        title=work.keyring.seal_text(TITLE, article_id, content.title),
        revision=row["revision"] + 1,
        now=work.now,
    )
    assert moved is not None
    await audit(work, actor.person_id, "written", article_id, revision=str(moved["revision"]))
    return moved


async def _keep(
    work: Work, actor: Actor, article_id: UUID, revision: int, content: Content, named: frozenset[UUID]
) -> None:
    """`named`: pictures that are the article's already, whoever uploaded them."""
    said = spelt(content)
    ids = frozenset(file_id for _, file_id, _, _ in pictures_of(content))
    wanted = {"file_ids": [str(file_id) for file_id in sorted(ids - named)]}
    await check_named(work.transaction, actor.person_id, wanted)
    await name_files(work, "article", article_id, ids)
    row_id = new_id()
    await work.transaction.run(
        _REVISE,
        id=row_id,
        created_at=work.now,
        article_id=article_id,
        revision=revision,
        person_id=actor.person_id,
        content=work.keyring.seal_document(CONTENT, row_id, said),
        sha256=hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


def content_of(work: Work, revision: Record) -> Content:
    """What a revision says."""
    return Content.model_validate(work.keyring.open_document(CONTENT, revision["id"], revision["content"]))


async def add_person(work: Work, actor: Actor, article_id: UUID, expected: int, id_number: str) -> Record:
    """Somebody whom the article names or shows, by the identity number on the consent that they gave.

    Raises ArticleNotFound, StaleVersion, NotAllowed, NotAllowedNow, NoConsentToShow, AlreadyShown.
    """
    await _writable(work, actor, article_id, expected)
    index = work.keyring.blind_index(ID_NUMBER, id_number)
    found = (await consenting(work.transaction, [index], _text_sha256())).get(index)
    if found is None:
        raise NoConsentToShow
    row_id, name = new_id(), work.keyring.open_text("person.name", found["person_id"], found["name"])
    try:
        await work.transaction.run(
            _ADD,
            id=row_id,
            created_at=work.now,
            article_id=article_id,
            person_id=found["person_id"],
            number_index=index,
            name=work.keyring.seal_text(NAME, row_id, name),
            added_by=actor.person_id,
        )
    except asyncpg.UniqueViolationError as there:
        raise AlreadyShown from there
    await audit(work, actor.person_id, "person_added", article_id)
    return await _touched(work, article_id)


async def remove_person(work: Work, actor: Actor, article_id: UUID, expected: int, shown_id: UUID) -> Record:
    """Raises ArticleNotFound (also where they are not shown), StaleVersion, NotAllowed, NotAllowedNow."""
    await _writable(work, actor, article_id, expected)
    if not await work.transaction.run(_REMOVE, row_id=shown_id, article_id=article_id, now=work.now):
        raise ArticleNotFound
    await audit(work, actor.person_id, "person_removed", article_id)
    return await _touched(work, article_id)


async def _touched(work: Work, article_id: UUID) -> Record:
    moved = await work.transaction.row(_TOUCH, row_id=article_id, now=work.now)
    assert moved is not None
    return moved


async def _writable(work: Work, actor: Actor, article_id: UUID, expected: int) -> Record:
    row = await _seen(work, actor, article_id, expected)
    if post_over(actor, Permission.WRITE_ARTICLES, row) is None:
        raise NotAllowed
    if row["state"] not in WRITABLE:
        raise NotAllowedNow(state=row["state"], allowed=",".join(PATH.actions_at(row["state"])))
    return row


async def _seen(work: Work, actor: Actor, article_id: UUID, expected: int) -> Record:
    row = await article(work.transaction, actor, article_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    return row


async def act(work: Work, actor: Actor, article_id: UUID, expected: int, wish: Act) -> Record:
    """A step by somebody. Raises ArticleNotFound, StaleVersion, NotAllowedNow, NotAllowed, OwnArticle, Invalid,
    PlatformCheckPending, PlatformRefuses, MassSendsUsedUp."""
    row = await _seen(work, actor, article_id, expected)
    step = PATH.step(row["state"], wish.action)
    post = post_over(actor, step.by, row)
    if post is None:
        raise NotAllowed
    check_words(step, wish.note, None, ())
    columns = await _before(work, row, step, wish, actor)
    moved = await take(work, row, step, person_id=actor.person_id, post=post, note=wish.note, **columns)
    if step.action == ArticleAction.WITHDRAW:
        # From here on nobody reads it with us; WeChat is asked by the worker process, as often as it takes.
        await work.transaction.run(_HIDE, row_id=article_id, now=work.now)
    return moved


async def _before(work: Work, row: Record, step: Step, wish: Act, actor: Actor) -> dict[str, Any]:
    """What has to be so, and the columns that go with the step."""
    if step.action != ArticleAction.SCHEDULE and (wish.way, wish.tag_id, wish.publish_at) != (None, None, None):
        raise Invalid(FieldError("/way", "way_not_asked", "只有安排发布时才填发布方式、标签和时间。"))
    match step.action:
        case ArticleAction.SUBMIT:
            await _check(work, row)
            return {"failure": None}
        case ArticleAction.APPROVE:
            _check_platform(row)
            await _check(work, row)
            return {"reviewed_by": actor.person_id, "reviewed_at": work.now, "reviewed_revision": row["revision"]}
        case ArticleAction.REVISE:
            return {"reviewed_by": None, "reviewed_at": None, "reviewed_revision": None, "failure": None}
        case ArticleAction.SCHEDULE:
            return await _scheduled(work, wish)
        case ArticleAction.WITHDRAW:
            return {"withdrawn_at": work.now, "withdrawal_asked_at": None}
    return {}


async def ask_preview(work: Work, actor: Actor, article_id: UUID, openid: str) -> UUID:
    """Show it to one follower of the account; the worker process does. What may not be reviewed is not shown either.

    Raises ArticleNotFound, NotAllowed, Invalid.
    """
    row = await article(work.transaction, actor, article_id)
    if post_over(actor, Permission.WRITE_ARTICLES, row) is None:
        raise NotAllowed
    await _check(work, row)
    preview_id = new_id()
    await work.transaction.run(
        _ASK_PREVIEW,
        id=preview_id,
        created_at=work.now,
        article_id=article_id,
        revision=row["revision"],
        asked_by=actor.person_id,
        openid=work.keyring.seal_text(PREVIEW_OPENID, preview_id, openid),
        state="asked",
    )
    await audit(work, actor.person_id, "preview_asked", article_id)
    return preview_id


async def _check(work: Work, row: Record) -> None:
    people = await people_of(work.transaction, row["id"])
    found = await consenting(work.transaction, [each["number_index"] for each in people], _text_sha256())
    agreed = frozenset(each["person_id"] for each in found.values())
    content = content_of(work, await revision_of(work.transaction, row))
    wrong = await faults(work, content, people, agreed)
    if wrong:
        raise Invalid(*wrong)


def _check_platform(row: Record) -> None:
    if row["checked_revision"] != row["revision"]:
        raise PlatformCheckPending
    if row["platform_check"] == "risky":
        raise PlatformRefuses


async def _scheduled(work: Work, wish: Act) -> dict[str, Any]:
    wrong: Sequence[FieldError] = ()
    if wish.way is None:
        wrong = [FieldError("/way", "way_missing", "请选择只发布，还是群发给关注者。")]
    elif wish.tag_id is not None and wish.way != "mass_send":
        wrong = [FieldError("/tag_id", "tag_not_asked", "只有群发时才选标签。")]
    at = wish.publish_at or work.now
    if not work.now - LATE <= at <= work.now + LONGEST_AHEAD:
        wrong = [*wrong, FieldError("/publish_at", "publish_at_range", "发布时间应在现在之后、九十天以内。")]
    if wrong:
        raise Invalid(*wrong)
    if wish.way == "mass_send":
        await work.transaction.row(_ONE_QUOTA)
        if await sent_in_month(work.transaction, business_date(at), wish.tag_id) >= MASS_SENDS_A_MONTH:
            raise MassSendsUsedUp
    return {"way": wish.way, "tag_id": wish.tag_id, "publish_at": max(at, work.now), "failure": None}


def _text_sha256() -> str:
    return consent_texts()[Purpose.PUBLICITY].sha256
