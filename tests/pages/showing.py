"""What the pages show that others write: published articles, and figures."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from PIL import Image

from app.articles.tables import Article, PublishedArticle
from app.figures.commands import tell as write_down
from app.figures.queries import newest
from app.figures.rules import Cell
from app.jobs.running import Jobs
from app.kernel.business_time import SHANGHAI
from app.kernel.ids import new_id
from tests.make import NOW, Someone, Town, World

BLOCKS = [
    {"type": "heading", "text": "一、办法"},
    {"type": "paragraph", "text": "第一行\n第二行 <script>alert(1)</script>"},
    {"type": "quote", "text": "工会帮了大忙", "by": "一名职工"},
    {
        "type": "figures", "title": "帮扶情况", "as_of": "2026-11-01T00:00:00+08:00",
        "rows": [{"label": "户数", "value": "30"}],
    },
]  # fmt: skip


def picture() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (800, 400), "#b5651d").save(drawn, "PNG")
    return drawn.getvalue()


async def article(world: World, town: Town, author: Someone, *, picture: UUID | None = None, **given: Any) -> UUID:
    """As publishing leaves it."""
    article_id = new_id()
    place = {f"{tier}_id": union_id for tier, union_id in town.city.ancestors.items()}
    await world.insert(
        Article, id=article_id, created_at=NOW, updated_at=NOW, kind="policy", state="draft", author_id=author.id,
        organisation_name=town.city.name, title=world.keyring.seal_text("article.title", article_id, "题目"), **place,
    )  # fmt: skip
    blocks = [*BLOCKS, *([{"type": "picture", "file_id": str(picture), "caption": "合影"}] if picture else [])]
    media_types = {str(picture): "image/png"} if picture else {}
    content = {"blocks": blocks, "cover_file_id": None, "media_types": media_types}
    shown = {
        "title": "怎样申请<助学>",
        "signed": "市总工会",
        "digest": "一看就懂",
        "content": content,
        "kind": "policy",
    }
    await world.insert(
        PublishedArticle, id=article_id, created_at=NOW, organisation_name=town.city.name, published_at=NOW, **shown,
        **{"withdrawn_at": None} | given,
    )  # fmt: skip
    return article_id


async def tell(jobs: Jobs, cells: Mapping[str, Cell], names: Mapping[str, str]) -> None:
    """As the job would, had it counted these; on a day after every other."""
    async with jobs.work() as found:
        last = await newest(found.transaction)
        later = datetime.combine(last["day"], time(12), SHANGHAI) + timedelta(days=1) if last else found.now
        assert await write_down(replace(found, now=later), cells, names)
