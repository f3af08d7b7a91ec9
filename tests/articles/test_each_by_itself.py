"""One article that is broken, or that WeChat does not take down, holds up no other."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app import worker
from app.gateways.wechat.official import DELETE_MASS, TAKE_DOWN, Publication
from app.jobs.articles.checking import check_all
from app.jobs.articles.following import follow_all
from app.jobs.articles.previewing import show_asked
from tests.articles.making import Newsroom


async def withdrawn(newsroom: Newsroom, way: str = "publish") -> str:
    """Taken back here, and known to WeChat by a name; the simulator says of it that it is gone, unless it is spoilt."""
    article_id: str = (await newsroom.draft())["id"]
    async with newsroom.owner.transaction():
        await newsroom.owner.execute("set local session_replication_role = replica")
        await newsroom.owner.execute(
            "update article set state = 'withdrawn', way = $2, publish_at = now(), reviewed_by = $3, "
            "reviewed_at = now(), reviewed_revision = revision, withdrawn_at = now(), wechat_id = $4 where id = $1",
            UUID(article_id), way, newsroom.approver.id, "7" if way == "mass_send" else article_id,
        )  # fmt: skip
    return article_id


async def breaks(newsroom: Newsroom, article_id: str) -> None:
    """What it says can be opened no more."""
    async with newsroom.owner.transaction():
        await newsroom.owner.execute("set local session_replication_role = replica")
        await newsroom.owner.execute(
            "update article_revision set content = '\\x00' where article_id = $1", UUID(article_id)
        )


async def column(newsroom: Newsroom, article_id: str, name: str) -> object:
    found: object = await newsroom.owner.fetchval(f"select {name} from article where id = $1", UUID(article_id))
    return found


def later(newsroom: Newsroom, by: timedelta) -> Newsroom:
    return replace(newsroom, background=replace(newsroom.background, clock=lambda: datetime.now(UTC) + by))


@pytest.mark.parametrize("errcode", [48001, -1])
async def test_one_that_wechat_does_not_take_down_is_tried_again_and_the_others_go(
    newsroom: Newsroom, errcode: int
) -> None:
    stuck, other = await withdrawn(newsroom), await withdrawn(newsroom)
    newsroom.steering.spoil(TAKE_DOWN, errcode=errcode, times=3 if errcode == -1 else 1)
    with capture_logs() as logs:
        await follow_all(newsroom.background, newsroom.accounts)

    assert (await newsroom.read(other))["taken_down_at"] is not None
    shown = await newsroom.read(stuck)
    assert (shown["taken_down_at"], shown["take_down"]["attempts"]) == (None, 1)
    assert shown["take_down"]["failure"] == f"errcode {errcode}"
    assert [each["article_id"] for each in logs if each["event"] == "article_not_taken_down"] == [stuck]
    assert await newsroom.owner.fetchval("select count(*) from wechat_pause where ended_at is null") == 0

    calls = newsroom.steering.calls(TAKE_DOWN)
    await follow_all(newsroom.background, newsroom.accounts)
    assert newsroom.steering.calls(TAKE_DOWN) == calls, "not before its time"
    newsroom.steering.spoil(TAKE_DOWN, errcode=48001, times=1)
    await follow_all(later(newsroom, timedelta(minutes=31)).background, newsroom.accounts)
    shown = await newsroom.read(stuck)
    pause = datetime.fromisoformat(shown["take_down"]["again_at"]) - datetime.now(UTC)
    assert timedelta(minutes=85) < pause < timedelta(minutes=95), "the pause grows"
    await follow_all(later(newsroom, timedelta(minutes=95)).background, newsroom.accounts)
    shown = await newsroom.read(stuck)
    assert shown["taken_down_at"] is not None
    assert shown["take_down"] == {"attempts": 2, "failure": None, "again_at": None}


async def test_spent_take_downs_wait_for_midnight_and_mass_sends_do_not(newsroom: Newsroom) -> None:
    publications, sent = [await withdrawn(newsroom) for _ in range(2)], await withdrawn(newsroom, "mass_send")
    newsroom.steering.spoil(TAKE_DOWN, errcode=45009)
    newsroom.steering.spoil(DELETE_MASS, errcode=53600)
    await follow_all(newsroom.background, newsroom.accounts)

    assert newsroom.steering.calls(TAKE_DOWN) == 1, "nobody asks on"
    assert newsroom.steering.calls(DELETE_MASS) == 1
    assert (await newsroom.read(sent))["taken_down_at"] is not None
    newsroom.steering.post("faults", {TAKE_DOWN: None})
    await follow_all(later(newsroom, timedelta(days=1)).background, newsroom.accounts)
    for article_id in publications:
        assert (await newsroom.read(article_id))["taken_down_at"] is not None


async def test_broken_articles_stop_nobody_elses_way_to_the_readers(newsroom: Newsroom) -> None:
    in_review = (await newsroom.draft())["id"]
    await newsroom.does(newsroom.editor, in_review, "submit")
    await breaks(newsroom, in_review)
    sending = await newsroom.scheduled()
    newsroom.steering.post("outcomes", {"takes_s": 3600})
    await newsroom.works()
    scheduled = await newsroom.scheduled()
    for article_id in (sending, scheduled):
        await breaks(newsroom, article_id)
    newsroom.steering.post("outcomes", {"takes_s": 0})

    with capture_logs() as logs:
        good = await newsroom.published()
        await check_all(newsroom.background, newsroom.accounts)

    assert await newsroom.state(good) == "published"
    assert [await newsroom.state(each) for each in (in_review, sending, scheduled)] == [
        "in_review", "publishing", "scheduled",
    ]  # fmt: skip
    said = {each["event"]: each for each in logs}
    assert said["article_not_checked"]["article_id"] == in_review
    assert said["article_not_begun"]["article_id"] == scheduled
    assert said["article_not_advanced"]["article_id"] == sending
    assert not any("帮扶" in str(each) for each in logs)


async def test_a_preview_that_is_broken_has_failed_and_the_next_is_shown(newsroom: Newsroom) -> None:
    broken, other = (await newsroom.draft())["id"], (await newsroom.draft())["id"]
    for article_id in (broken, other):
        asked = await newsroom.ask(newsroom.editor, "POST", f"/{article_id}/previews", {"openid": "oNobody"})
        assert asked.status_code == 201
    await breaks(newsroom, broken)
    for _ in range(2):
        assert await show_asked(newsroom.background, newsroom.accounts) == 1
    states = await newsroom.owner.fetch(
        "select state from article_preview where article_id = any($1)", [UUID(broken), UUID(other)]
    )
    assert [row["state"] for row in states] == ["failed", "failed"]


async def test_a_defect_in_one_stage_leaves_the_others_and_the_process(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = ["check_all", "show_asked", "advance", "follow_all"]
    ran: list[str] = []
    stopping = asyncio.Event()

    async def fails(name: str) -> int:
        ran.append(name)
        if name == "follow_all":
            stopping.set()
        raise ValueError("陈小明")

    for name in stages:
        monkeypatch.setattr(worker, name, lambda *_, name=name: fails(name))
    with capture_logs() as logs:
        await asyncio.wait_for(worker._publish(newsroom.background, newsroom.accounts, stopping), 10)

    assert ran == stages
    assert [each["error"] for each in logs] == ["ValueError"] * 4
    assert "陈小明" not in str(logs)


def test_an_address_that_is_too_long_is_cut_and_not_refused() -> None:
    url = "https://mp.weixin.qq.com/s/" + "x" * 900
    given = {"publish_status": 0, "article_id": "a", "article_detail": {"item": [{"idx": 1, "article_url": url}]}}
    assert Publication.model_validate(given).url == url[:500]


async def test_a_publication_with_a_long_address_is_finished_by_asking(newsroom: Newsroom) -> None:
    article_id = await newsroom.scheduled()
    await newsroom.works()
    await newsroom.owner.execute(
        "update wechat_task set state = 'done', detail = jsonb_build_object('article_id', 'a-1', 'url', $2::text) "
        "where asked_for = $1",
        f"{UUID(article_id).hex}.1", "https://mp.weixin.qq.com/s/" + "x" * 900,
    )  # fmt: skip
    await newsroom.works()
    assert await newsroom.state(article_id) == "published"
    assert len(str(await column(newsroom, article_id, "wechat_url"))) == 500
