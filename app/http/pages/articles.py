"""Articles as everyone may read them: what is published and not withdrawn, with its pictures."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.articles.queries import ArticleNotFound, published_article, published_articles
from app.db.transaction import Record, Sight
from app.http.door import look, service_of
from app.http.inputs import Cursor, PathId
from app.http.pages.forms import PageDoor
from app.http.pages.shelf import shelf_of
from app.http.pages.shell import SECURITY, render, respond

router = APIRouter(include_in_schema=False, route_class=PageDoor)
SECONDS: Final = 60
"""So long may a page that was made before still show what has been withdrawn."""
A_PAGE: Final = 20
KINDS: Final = {"policy": "政策解读", "progress": "帮扶进展", "story": "帮扶故事"}


@router.get("/articles")
async def list_articles(request: Request, cursor: Cursor = None) -> Response:
    """Newest first."""
    if cursor:
        return respond(request, await _list(request, cursor))
    return await shelf_of(request).show(request, SECONDS, lambda: _list(request, None))


@router.get("/articles/{article_id}")
async def read_article(request: Request, article_id: PathId) -> Response:
    """One article, whole."""

    async def make() -> str:
        row = await _article(request, article_id)
        blocks = [_block(article_id, each) for each in row["content"]["blocks"]]
        return render("article.html", "/articles", article=row, kind=KINDS[row["kind"]], blocks=blocks)

    return await shelf_of(request).show(request, SECONDS, make)


@router.get("/articles/{article_id}/pictures/{file_id}")
async def read_picture(request: Request, article_id: PathId, file_id: PathId) -> Response:
    """A picture that stands in a published article, and no other."""
    row = await _article(request, article_id)
    media_type = row["content"]["media_types"].get(str(file_id))
    if media_type is None:
        raise ArticleNotFound
    content = await service_of(request).files.get(file_id)
    if content is None:
        raise ArticleNotFound
    return Response(content, 200, {**SECURITY, "Cache-Control": f"public, max-age={SECONDS}"}, media_type)


async def _article(request: Request, article_id: UUID) -> Record:
    work = await look(request, Sight("public"))
    return await published_article(work.transaction, article_id)


async def _list(request: Request, cursor: str | None) -> str:
    cursors = service_of(request).cursors
    after = cursors.read("public_articles", cursor)
    work = await look(request, Sight("public"))
    rows = await published_articles(work.transaction, A_PAGE + 1, after)
    page, following = cursors.cut("public_articles", rows, A_PAGE, "published_at")
    return render("articles.html", "/articles", articles=page, kinds=KINDS, following=following, first=not cursor)


def _block(article_id: UUID, block: dict[str, Any]) -> dict[str, Any]:
    shown = dict(block)
    if block["type"] == "picture":
        shown["address"] = f"/articles/{article_id}/pictures/{block['file_id']}"
    elif block["type"] == "figures":
        shown["pairs"] = [(row["label"], row["value"]) for row in block["rows"]]
        shown["as_of"] = datetime.fromisoformat(block["as_of"])
    return shown
