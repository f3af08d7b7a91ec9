"""Reading articles: those of one's own union as staff, and what everyone may read."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, any_, bindparam, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.articles.tables import Article, ArticlePerson, ArticlePreview, ArticleRevision, ArticleStep, PublishedArticle
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.files.tables import File
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import NotFound

ARTICLE, REVISION, STEP = table_of(Article), table_of(ArticleRevision), table_of(ArticleStep)
PREVIEW = table_of(ArticlePreview)
SHOWN, PUBLISHED, FILE = table_of(ArticlePerson), table_of(PublishedArticle), table_of(File)
_LIVE = PUBLISHED.c.withdrawn_at.is_(None)
_PUBLIC_LINE = [PUBLISHED.c[name] for name in "id kind title signed digest organisation_name published_at".split()]
_PUBLIC_LINE += [PUBLISHED.c.wechat_url, PUBLISHED.c.content["cover_file_id"].astext.label("cover_file_id")]
_PUBLIC = statement(select(PUBLISHED).where(PUBLISHED.c.id == bindparam("id"), _LIVE))


class ArticleNotFound(NotFound):
    """没有找到这篇文章，可能已经撤回。"""


# ---- what everyone may read ----


@cache
def _published(kind: bool, after: bool) -> Statement:
    query: Select[Any] = select(*_PUBLIC_LINE).where(_LIVE)
    if kind:
        query = query.where(PUBLISHED.c.kind == bindparam("kind"))
    if after:
        query = query.where(
            tuple_(PUBLISHED.c.published_at, PUBLISHED.c.id) < paging.place(PUBLISHED.c.published_at, PUBLISHED.c.id)
        )
    return statement(query.order_by(PUBLISHED.c.published_at.desc(), PUBLISHED.c.id.desc()).limit(bindparam("size")))


async def published_articles(
    transaction: Transaction, size: int, after: tuple[datetime, UUID] | None, *, kind: str | None = None
) -> list[Record]:
    """What is published and not withdrawn, newest first, without its text: id, kind, title, signed, digest,
    organisation_name, published_at, wechat_url, cover_file_id."""
    values: dict[str, Any] = {"kind": kind} if kind else {}
    return await transaction.rows(
        _published(kind is not None, after is not None), size=size, **values, **paging.values(after)
    )


async def published_article(transaction: Transaction, article_id: UUID) -> Record:
    """The same, one whole: `content` has `blocks` (app/articles/content.py), `cover_file_id`, and `media_types` of each
    picture by its id, whose content lies in the store of files under that id. Raises ArticleNotFound."""
    row = await transaction.row(_PUBLIC, id=article_id)
    if row is None:
        raise ArticleNotFound
    return row


# ---- staff ----

READS: Final = Permission.READ_ARTICLES
_AFTER = paging.place(ARTICLE.c.created_at, ARTICLE.c.id)
_CONTENT = statement(
    select(REVISION).where(REVISION.c.article_id == bindparam("id"), REVISION.c.revision == bindparam("revision"))
)
_STEPS = statement(select(STEP).where(STEP.c.article_id == bindparam("id")).order_by(STEP.c.created_at, STEP.c.id))
_SHOWN = statement(
    select(SHOWN)
    .where(SHOWN.c.article_id == bindparam("id"), SHOWN.c.removed_at.is_(None))
    .order_by(SHOWN.c.created_at, SHOWN.c.id)
)


@cache
def _one(tiers: Shape, locked: bool) -> Statement:
    query = select(ARTICLE).where(ARTICLE.c.id == bindparam("id"), within(ARTICLE, tiers))
    return statement(query.with_for_update() if locked else query)


async def article(transaction: Transaction, actor: Actor, article_id: UUID, *, locked: bool = False) -> Record:
    """One of the actor's unions. Raises ArticleNotFound."""
    reach = actor.reach(READS)
    row = await transaction.row(_one(shape(reach), locked), id=article_id, **nodes(reach))
    if row is None:
        raise ArticleNotFound
    return row


@cache
def _page(tiers: Shape, by: frozenset[str]) -> Statement:
    query: Select[Any] = select(ARTICLE).where(within(ARTICLE, tiers))
    for name in sorted(by - {"after", "to_withdraw"}):
        query = query.where(ARTICLE.c[name] == bindparam(name))
    if "to_withdraw" in by:
        query = query.where(ARTICLE.c.withdrawal_asked_at.is_not(None))
    if "after" in by:
        query = query.where(tuple_(ARTICLE.c.created_at, ARTICLE.c.id) < _AFTER)
    return statement(query.order_by(ARTICLE.c.created_at.desc(), ARTICLE.c.id.desc()).limit(bindparam("size")))


async def articles(
    transaction: Transaction,
    actor: Actor,
    wanted: dict[str, str],
    size: int,
    after: tuple[datetime, UUID] | None,
    *,
    to_withdraw: bool = False,
) -> list[Record]:
    """Those of the actor's unions, newest first; `wanted` may name a kind and a state; `to_withdraw`: only those that
    somebody whom they show wants to be withdrawn."""
    reach = actor.reach(READS)
    by = frozenset(wanted) | ({"after"} if after else set()) | ({"to_withdraw"} if to_withdraw else set())
    return await transaction.rows(_page(shape(reach), by), size=size, **wanted, **nodes(reach), **paging.values(after))


async def revision_of(transaction: Transaction, row: Record) -> Record:
    """What an article says now."""
    found = await transaction.row(_CONTENT, id=row["id"], revision=row["revision"])
    assert found is not None
    return found


async def steps_of(transaction: Transaction, article_id: UUID) -> list[Record]:
    """Every step, oldest first."""
    return await transaction.rows(_STEPS, id=article_id)


async def people_of(transaction: Transaction, article_id: UUID) -> list[Record]:
    """Whom an article names or shows."""
    return await transaction.rows(_SHOWN, id=article_id)


_CONSENTING = Statement(
    "select number_index, person_id, name from consenting_to_publicity($1, $2)", ("numbers", "sha256"), {}
)
_KNOWN = Statement("select known_to_service($1, $2) as known", ("names", "numbers"), {})
_PICTURES = statement(
    select(FILE.c.id, FILE.c.media_type, FILE.c.state, FILE.c.size).where(
        FILE.c.id == any_(bindparam("ids", type_=ARRAY(FILE.c.id.type)))
    )
)


async def pictures(transaction: Transaction, ids: list[UUID]) -> dict[UUID, Record]:
    """Those of these files that this transaction may see: their media type, state and size."""
    return {row["id"]: row for row in await transaction.rows(_PICTURES, ids=ids)}


async def consenting(transaction: Transaction, numbers: Iterable[bytes], sha256: str) -> dict[bytes, Record]:
    """Whoever of these (keyed identity numbers) consents to the text of publicity with this hash."""
    rows = await transaction.rows(_CONSENTING, numbers=list(numbers), sha256=sha256)
    return {row["number_index"]: row for row in rows}


async def known_to_service(transaction: Transaction, names: list[bytes], numbers: list[bytes]) -> frozenset[bytes]:
    """Which of these keyed hashes are of somebody whom the service knows."""
    rows = await transaction.rows(_KNOWN, names=names, numbers=numbers)
    return frozenset(row["known"] for row in rows)


# The quota is the account's, and the wall shows those of one's own union: the database counts behind it.
_IN_MONTH = Statement("select mass_sends_between($1, $2, $3)", ("tag_id", "begins", "ends"), {})


async def sent_in_month(transaction: Transaction, day: date, tag_id: int | None) -> int:
    """How many mass sends of this day's month reach these followers, whoever sends them: those to all, and those to the
    same tag."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    begins, ends = (datetime.combine(each, time(), SHANGHAI) for each in (first, following))
    count: int = await transaction.value(_IN_MONTH, tag_id=tag_id, begins=begins, ends=ends)
    return count


_BY_ID = statement(select(ARTICLE).where(ARTICLE.c.id == bindparam("id")))


async def by_id(transaction: Transaction, article_id: UUID) -> Record | None:
    """For the jobs, which see every article."""
    return await transaction.row(_BY_ID, id=article_id)


_FIGURES = Statement("select what, kind, count, fen from progress_figures($1, $2, $3)", ("asked", "begins", "ends"), {})


async def progress_figures(transaction: Transaction, union_id: UUID, begins: datetime, ends: datetime) -> list[Record]:
    """What was done under a union within a time: counts and sums, for who has a post there."""
    return await transaction.rows(_FIGURES, asked=union_id, begins=begins, ends=ends)


_PREVIEWS = statement(
    select(PREVIEW.c.id, PREVIEW.c.created_at, PREVIEW.c.revision, PREVIEW.c.state, PREVIEW.c.failure)
    .where(PREVIEW.c.article_id == bindparam("id"))
    .order_by(PREVIEW.c.created_at.desc(), PREVIEW.c.id.desc())
    .limit(literal_column("20"))
)


async def previews_of(transaction: Transaction, article_id: UUID) -> list[Record]:
    """Those asked for last, the newest first; never to whom."""
    return await transaction.rows(_PREVIEWS, id=article_id)
