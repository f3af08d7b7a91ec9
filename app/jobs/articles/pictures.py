"""The pictures of an article at WeChat: each uploaded once, as small as it has to be."""

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from app.articles.content import Content, pictures_of
from app.articles.queries import pictures
from app.articles.sending_commands import keep_url, urls_of
from app.articles.shrinking import MOST_BYTES, shrunk
from app.confined.running import MIB, Failed, Limits, run
from app.gateways.wechat.official import OfficialAccount
from app.jobs.running import Jobs

_LIMITS = Limits(memory_bytes=1024 * MIB, cpu_seconds=15, seconds=30)
MediaType = Literal["image/jpeg", "image/png"]


class PictureGone(Exception):
    """The content of a picture is not in the store, or cannot be read any more."""


async def picture(jobs: Jobs, file_id: UUID) -> tuple[bytes, MediaType]:
    """As the official account takes it. Raises PictureGone, FilesUnavailable."""
    async with jobs.work() as work:
        row = (await pictures(work.transaction, [file_id])).get(file_id)
    content = await jobs.files.get(file_id)
    if row is None or content is None:
        raise PictureGone
    if len(content) <= MOST_BYTES:
        return content, row["media_type"]
    made = await run(shrunk, content, limits=_LIMITS)
    if isinstance(made, Failed) or not made.values:
        raise PictureGone
    return made.values[0], "image/jpeg"


async def uploaded(
    jobs: Jobs, official: OfficialAccount, article_id: UUID, file_ids: Iterable[UUID]
) -> dict[UUID, str]:
    """Where these pictures lie at WeChat, uploaded where they do not yet. Raises PictureGone and what WeChat says."""
    async with jobs.work() as work:
        addresses = await urls_of(work, article_id)
    for file_id in file_ids:
        if file_id in addresses:
            continue
        content, media_type = await picture(jobs, file_id)
        name = "picture.png" if media_type == "image/png" else "picture.jpg"
        addresses[file_id] = await official.upload_picture(name, content, media_type)
        async with jobs.work() as work:
            await keep_url(work, article_id, file_id, addresses[file_id])
    return addresses


def files_of(content: Content) -> list[UUID]:
    """Every picture of an article, once."""
    return list(dict.fromkeys(file_id for _, file_id, _, _ in pictures_of(content)))
