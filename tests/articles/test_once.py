"""Exactly one post: whenever the worker process dies, whatever answer of WeChat is lost."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from app.db.work import Work
from app.gateways.wechat.breaker import Breaker
from app.jobs.articles.publishing import advance
from app.jobs.running import Jobs
from tests.articles.making import SEND, SUBMIT, Newsroom

CALL = {"publish": SUBMIT, "mass_send": SEND}
KILLS = int(os.environ.get("AID_CONTESTS", "0"))
"""How many points are tried of each way; all of them where there are fewer."""


class Killed(BaseException):
    """kill -9: nothing that comes after is done, not even what stands in a `finally`."""


@dataclass
class Fate:
    """The process dies at this point; points are counted through: commits, and both sides of each call to WeChat."""

    at: int
    seen: int = 0
    dead: bool = False

    def point(self) -> None:
        if self.dead or self.seen == self.at:
            self.dead = True
            raise Killed
        self.seen += 1


@dataclass(frozen=True, slots=True)
class Mortal(Jobs):
    fate: Fate = field(default_factory=lambda: Fate(-1))

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        if self.fate.dead:
            raise Killed
        async with Jobs.work(self) as work:
            yield work
        self.fate.point()


@pytest.fixture
def mortal(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The worker process with a fate."""
    official = newsroom.accounts.official
    assert official is not None
    real = official.ask

    def with_fate(fate: Fate) -> Mortal:
        async def ask(*given: Any, **named: Any) -> Any:
            fate.point()
            found = await real(*given, **named)
            fate.point()
            return found

        monkeypatch.setattr(official, "ask", ask)
        inside = newsroom.background
        return Mortal(inside.database, inside.keyring, inside.calendar, inside.policies, inside.files, fate=fate)

    yield with_fate
    monkeypatch.setattr(official, "ask", real)


async def lives_through(newsroom: Newsroom, jobs: Mortal) -> int:
    """Works until it dies or there is nothing to do; how many points it came to."""
    with suppress(Killed):
        for _ in range(8):
            if not await advance(jobs, newsroom.accounts):
                break
    return jobs.fate.seen


async def recovers(newsroom: Newsroom, article_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process goes on, when the first is not heard of; and WeChat comes to an end with it."""
    monkeypatch.undo()
    for _ in range(3):
        await newsroom.owner.execute("update article_sending set taken_until = null")
        await newsroom.works(asking=True)
        newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)


@pytest.mark.parametrize("way", ["publish", "mass_send"])
async def test_whenever_the_worker_is_killed_there_is_one_post(
    newsroom: Newsroom, mortal: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    article_id = await newsroom.scheduled(way)
    points = await lives_through(newsroom, mortal(Fate(-1)))
    await recovers(newsroom, article_id, monkeypatch)
    assert points > 15
    chosen = random.Random(20261130).sample(range(points), min(KILLS or 5, points))
    for at in chosen:
        await newsroom.owner.execute("update article set way = 'publish', tag_id = null where way = 'mass_send'")
        await newsroom.owner.execute("update wechat_task set reference = null")
        newsroom.steering.post("reset")
        await newsroom.owner.execute("delete from wechat_token")
        article_id = await newsroom.scheduled(way)
        await lives_through(newsroom, mortal(Fate(at)))
        await recovers(newsroom, article_id, monkeypatch)
        state = await newsroom.state(article_id)
        jobs = newsroom.jobs_at_wechat()
        if state == "publishing" and way == "publish" and not jobs:
            # Killed between the note that WeChat is asked and the call: it is looked for, and after a day given up.
            task = await newsroom.owner.fetchrow(
                "select state from wechat_task where asked_for = $1", f"{UUID(article_id).hex}.1"
            )
            assert (dict(task or {})) == {"state": "asking"}, at
            await a_day_later(newsroom, article_id)
            assert await newsroom.state(article_id) == "failed", at
            await newsroom.does(newsroom.editor, article_id, "schedule", way=way)
            await recovers(newsroom, article_id, monkeypatch)
            state, jobs = await newsroom.state(article_id), newsroom.jobs_at_wechat()
        assert (state, len(jobs)) == ("published", 1), (at, state, jobs)


async def a_day_later(newsroom: Newsroom, article_id: str) -> None:
    await newsroom.owner.execute(
        "update wechat_task set created_at = created_at - interval '25 hours' where asked_for like $1",
        f"{UUID(article_id).hex}.%",
    )
    await newsroom.works(asking=True)


@pytest.mark.parametrize("way", ["publish", "mass_send"])
@pytest.mark.parametrize("fault", [{"reset": True}, {"delay_s": 1.0}])
async def test_a_lost_answer_is_unknown_then_found_and_never_a_second_post(
    newsroom: Newsroom, way: str, fault: dict[str, Any]
) -> None:
    assert newsroom.accounts.official is not None
    if "delay_s" in fault:
        newsroom.accounts.official.total_s = 0.5
    article_id = await newsroom.scheduled(way)
    newsroom.steering.spoil(CALL[way], **fault, times=3)
    await newsroom.works()
    assert await newsroom.state(article_id) == "unknown"
    assert (await newsroom.read(article_id))["open_actions"] == []

    newsroom.steering.post("faults", {CALL[way]: None})
    newsroom.accounts.official.total_s, newsroom.accounts.official.breaker = 5.0, Breaker()
    await newsroom.works(asking=True)
    newsroom.steering.post("clock", {"advance_s": 60})
    for _ in range(2):
        await newsroom.works(asking=True)

    shown = await newsroom.read(article_id)
    assert (shown["state"], len(newsroom.jobs_at_wechat())) == ("published", 1)
    assert shown["attempt"] == 1
    await newsroom.does(newsroom.approver, article_id, "withdraw", note="核对后撤回")
    await newsroom.works()
    assert (await newsroom.read(article_id))["taken_down_at"] is not None


async def test_what_leaves_no_trace_for_a_day_has_failed_and_only_then_is_sent_again(newsroom: Newsroom) -> None:
    newsroom.steering.spoil(SUBMIT, garbage=True)
    article_id = await newsroom.scheduled()
    await newsroom.works()
    newsroom.steering.post("faults", {SUBMIT: None})
    await newsroom.works(asking=True)
    assert (await newsroom.state(article_id), newsroom.jobs_at_wechat()) == ("unknown", [])
    await a_day_later(newsroom, article_id)
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["failure"]) == ("failed", "no_trace")
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish")
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    assert (await newsroom.state(article_id), len(newsroom.jobs_at_wechat())) == ("published", 1)


async def test_an_earlier_try_that_came_through_after_all_is_found_and_not_sent_again(newsroom: Newsroom) -> None:
    newsroom.steering.post("outcomes", {"takes_s": 600})
    newsroom.steering.spoil(SUBMIT, reset=True, times=1)
    article_id = await newsroom.scheduled()
    await newsroom.works()
    await a_day_later(newsroom, article_id)
    assert await newsroom.state(article_id) == "failed"
    newsroom.steering.post("clock", {"advance_s": 700})
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish")
    await newsroom.works()
    shown = await newsroom.read(article_id)
    assert (shown["state"], len(newsroom.jobs_at_wechat())) == ("published", 1)
    assert shown["wechat_url"].startswith("https://mp.weixin.qq.com/")


async def test_wechat_away_puts_it_off_and_it_goes_when_wechat_is_back(newsroom: Newsroom) -> None:
    article_id = await newsroom.scheduled()
    newsroom.steering.spoil("/cgi-bin/draft/add", status=503)
    await newsroom.works()
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["steps"][-1]["action"]) == ("scheduled", "postpone")
    newsroom.steering.post("faults", {"/cgi-bin/draft/add": None})
    newsroom.accounts.official.breaker = Breaker()  # type: ignore[union-attr]
    await newsroom.owner.execute("update article set publish_at = now() where id = $1", UUID(article_id))
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    assert await newsroom.state(article_id) == "published"
    assert len(newsroom.jobs_at_wechat()) == 1


async def test_a_spent_quota_pauses_the_call_and_waits_for_midnight(newsroom: Newsroom) -> None:
    newsroom.steering.spoil(SUBMIT, errcode=45009)
    first = await newsroom.scheduled()
    await newsroom.works()
    second = await newsroom.scheduled()
    await newsroom.works()
    assert newsroom.steering.calls(SUBMIT) == 1
    for article_id in (first, second):
        shown = await newsroom.read(article_id)
        assert shown["state"] == "scheduled"
        assert shown["publish_at"].endswith("T00:00:00+08:00")
    assert await newsroom.owner.fetchval(
        "select kind from wechat_pause where ended_at is null and call = $1", SUBMIT
    ) == "quota"  # fmt: skip


async def test_a_draft_that_wechat_does_not_take_has_failed(newsroom: Newsroom) -> None:
    newsroom.steering.spoil("/cgi-bin/draft/add", errcode=45166)
    article_id = await newsroom.scheduled()
    await newsroom.works()
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["failure"]) == ("failed", "ContentRefused")
    assert shown["open_actions"] == ["schedule", "revise"]


async def test_two_workers_at_once_send_it_once(newsroom: Newsroom) -> None:
    article_id = await newsroom.scheduled()
    await asyncio.gather(*(advance(newsroom.background, newsroom.accounts) for _ in range(3)))
    await asyncio.gather(*(advance(newsroom.background, newsroom.accounts) for _ in range(3)))
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    assert (await newsroom.state(article_id), len(newsroom.jobs_at_wechat())) == ("published", 1)
    assert newsroom.steering.calls("/cgi-bin/draft/add") == 1
