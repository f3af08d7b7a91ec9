"""What WeChat's check has found is written down, whatever fails beside it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.jobs.articles.checking import check_all
from app.jobs.running import Jobs
from tests.articles.making import Newsroom, content
from tests.articles.test_gate import writer_of
from tests.make import Someone

TEXTS, PICTURES = "/wxa/msg_sec_check", "/wxa/media_check_async"


async def submitted(newsroom: Newsroom, writer: Someone, pictures: int = 1) -> tuple[str, list[UUID]]:
    files = [await newsroom.upload(who=writer) for _ in range(pictures)]
    blocks = [
        {"type": "paragraph", "text": "十五个工作日内办结。"},
        *({"type": "picture", "file_id": each, "caption": "办理流程", "nobody": True} for each in files),
    ]
    answer = await newsroom.ask(writer, "POST", "", {"kind": "policy", "content": content(files[0], blocks=blocks)})
    article_id: str = answer.json()["id"]
    await newsroom.does(writer, article_id, "submit")
    return article_id, [UUID(each) for each in files]


async def says(newsroom: Newsroom, file_id: UUID, said: str) -> None:
    """As the event of a picture would."""
    await newsroom.owner.execute(
        "update wechat_task set state = 'done', said = $2 where asked_for = $1", f"{file_id.hex}.1", said
    )


async def verdict(newsroom: Newsroom, article_id: str) -> str:
    found: str = (await newsroom.read(article_id))["platform_check"]
    return found


def much_later(newsroom: Newsroom) -> Jobs:
    given = newsroom.background
    return Jobs(
        given.database, given.keyring, given.calendar, given.policies, given.files,
        clock=lambda: datetime.now(UTC) + timedelta(minutes=31),
    )  # fmt: skip


@pytest.mark.parametrize("fault", [{"errcode": 61010}, {"errcode": -1}, {"status": 503}, {"reset": True}])
async def test_a_risky_picture_stays_risky_when_the_text_cannot_be_checked(
    newsroom: Newsroom, fault: dict[str, Any]
) -> None:
    article_id, (file_id,) = await submitted(newsroom, await writer_of(newsroom))
    await check_all(newsroom.background, newsroom.accounts)
    newsroom.steering.spoil(TEXTS, **fault)
    await says(newsroom, file_id, "risky")

    await check_all(newsroom.background, newsroom.accounts)

    assert await verdict(newsroom, article_id) == "risky"
    answer = await newsroom.act(newsroom.approver, article_id, "approve")
    assert answer.json()["code"] == "platform_refuses"


async def test_what_is_to_be_reviewed_is_not_hidden_by_a_check_that_failed(newsroom: Newsroom) -> None:
    article_id, (file_id,) = await submitted(newsroom, await writer_of(newsroom))
    await check_all(newsroom.background, newsroom.accounts)
    newsroom.steering.spoil(TEXTS, errcode=61010)
    await says(newsroom, file_id, "review")
    await check_all(newsroom.background, newsroom.accounts)
    assert await verdict(newsroom, article_id) == "review"


async def test_one_risky_picture_is_enough_and_the_others_are_not_waited_for(newsroom: Newsroom) -> None:
    article_id, (first, _) = await submitted(newsroom, await writer_of(newsroom), pictures=2)
    await check_all(newsroom.background, newsroom.accounts)
    await says(newsroom, first, "risky")
    await check_all(newsroom.background, newsroom.accounts)
    assert await verdict(newsroom, article_id) == "risky"


async def test_a_risky_text_counts_though_nothing_was_ever_said_of_a_picture(newsroom: Newsroom) -> None:
    article_id, _ = await submitted(newsroom, await writer_of(newsroom))
    newsroom.steering.post("checks", {"risky": ["办结"]})
    await check_all(newsroom.background, newsroom.accounts)
    assert await verdict(newsroom, article_id) == "pending"
    await check_all(much_later(newsroom), newsroom.accounts)
    assert await verdict(newsroom, article_id) == "risky"
