"""WeChat finds a picture risky after its article was looked at: what has not gone out is stopped, of what may be out
people hear. The verdict comes as WeChat's event, over HTTP, from the simulator."""

import asyncio
from asyncio import to_thread
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import pytest

from app.articles import check_commands
from app.articles.path import HELD
from app.jobs.articles import checking, publishing
from app.jobs.articles.checking import check_all
from app.jobs.articles.publishing import advance
from app.jobs.telling.handlers import TELLS
from app.jobs.wechat import pushes
from app.jobs.wechat.pushes import handle_push
from tests.articles.making import SUBMIT, Newsroom, content
from tests.articles.test_checking import much_later, submitted, verdict
from tests.articles.test_gate import writer_of
from tests.articles.test_once import Killed
from tests.calling import every_item
from tests.gateways.steering import APPID
from tests.make import Someone
from tests.paused import Paused, waits
from tests.wechat.test_pushes_handled import set_up

TAKE_DOWN = "/cgi-bin/freepublish/delete"


@dataclass
class Late:
    """An article whose pictures WeChat takes its time to look at."""

    newsroom: Newsroom
    address: str
    writer: Someone
    article_id: str
    files: list[UUID]

    async def comes(self, file_id: UUID, said: str = "risky", revision: int = 1) -> UUID:
        """The verdict reaches the app: the id of the push that waits to be handled."""
        asked = "select reference from wechat_task where kind = 'media_check' and asked_for = $1"
        trace_id = await self.newsroom.owner.fetchval(asked, f"{file_id.hex}.{revision}")
        await set_up(self.newsroom.steering, self.address)
        event = {"Event": "wxa_media_check", "trace_id": trace_id, "errcode": 0, "result": {"suggest": said}}
        answer = await to_thread(self.newsroom.steering.post, "push", {"appid": APPID, "event": event})
        assert [each["good"] for each in answer["deliveries"]] == [True]
        found: UUID = await self.newsroom.owner.fetchval("select id from wechat_push where handled_at is null")
        return found

    async def handled(self, push_id: UUID, *, killed: bool = False) -> None:
        """By the worker process; `killed`: at the last moment, so that nothing of it stays."""
        async with self.newsroom.background.work() as work:
            await handle_push(work, {"push_id": str(push_id)})
            if killed:
                raise Killed

    async def turns_out(self, file_id: UUID | None = None, said: str = "risky", revision: int = 1) -> None:
        await self.handled(await self.comes(file_id or self.files[0], said, revision))

    async def approved(self) -> None:
        """People looked at it, and were sure enough without WeChat."""
        await check_all(much_later(self.newsroom), self.newsroom.accounts)
        assert await verdict(self.newsroom, self.article_id) == "unavailable"
        await self.newsroom.does(self.newsroom.approver, self.article_id, "approve")

    async def scheduled(self) -> None:
        await self.approved()
        await self.newsroom.does(self.writer, self.article_id, "schedule", way="publish")

    async def at(self, state: str) -> None:
        """As far as this state, by what people and WeChat do."""
        if state == "approved":
            await self.approved()
            return
        await self.scheduled()
        if state == "failed":
            self.newsroom.steering.spoil("/cgi-bin/draft/add", errcode=45166)
        if state == "unknown":
            self.newsroom.steering.spoil(SUBMIT, reset=True, times=3)
        if state != "scheduled":
            await self.newsroom.works()
        if state in ("published", "withdrawn"):
            self.newsroom.steering.post("clock", {"advance_s": 60})
            await self.newsroom.works(asking=True)
        if state == "withdrawn":
            await self.newsroom.does(self.newsroom.approver, self.article_id, "withdraw", note="数字有误")
        assert await self.newsroom.state(self.article_id) == state

    async def shown(self) -> dict[str, Any]:
        return await self.newsroom.read(self.article_id)

    async def actions(self) -> list[str]:
        return [each["action"] for each in (await self.shown())["steps"]]

    async def facts(self, name: str) -> list[dict[str, str]]:
        rows = await self.newsroom.owner.fetch(
            "select body from out_message where name = $1 and body ->> 'article_id' = $2 order by created_at, id",
            name, self.article_id,
        )  # fmt: skip
        return [orjson.loads(row["body"]) for row in rows]

    async def told(self, who: Someone) -> list[str]:
        """What somebody has heard of it, once all that happened was told, twice as it may be."""
        for fact_type in (each for each in TELLS if each.__name__ in ("ArticleMoved", "PictureFoundRisky")):
            for fact in [*await self.facts(fact_type.__name__)] * 2:
                async with self.newsroom.background.work() as work:
                    await TELLS[fact_type](work, fact)
        heard = await every_item(self.newsroom.client, "/me/messages", by=who)
        assert {each["kind"] for each in heard} <= {"article"}
        return [each["title"] for each in heard]


@pytest.fixture
async def late(newsroom: Newsroom, address: str) -> Late:
    """One with two pictures, which waits for its reviewer; WeChat was asked about them and says nothing yet."""
    newsroom.steering.post("checks", {"takes_s": 3600})
    writer = await writer_of(newsroom)
    article_id, files = await submitted(newsroom, writer, pictures=2)
    await check_all(newsroom.background, newsroom.accounts)
    return Late(newsroom, address, writer, article_id, files)


STOPPED, FOUND_RISKY = "文章停止发布", "文章图片有风险"


@pytest.mark.parametrize("state", HELD)
async def test_what_has_not_gone_out_goes_back_to_its_reviewer_and_those_hear_who_let_it_out(
    late: Late, state: str
) -> None:
    newsroom = late.newsroom
    await late.at(state)
    await late.turns_out()

    shown = await late.shown()
    assert (shown["state"], shown["platform_check"]) == ("in_review", "risky")
    assert (shown["way"], shown["publish_at"], shown["reviewed_at"]) == (None, None, None)
    step = shown["steps"][-1]
    assert (step["action"], step["from_state"], step["role"]) == ("stop", state, None)
    assert "图片有风险" in step["note"]
    for who in (late.writer, newsroom.approver):
        assert (await late.told(who)).count(STOPPED) == 1
    refused = await newsroom.act(newsroom.approver, late.article_id, "approve")
    assert refused.json()["code"] == "platform_refuses"
    await newsroom.works()
    assert newsroom.steering.calls(SUBMIT) == 0
    assert await late.facts("PictureFoundRisky") == []


async def rewrites(late: Late, article_id: str, picture: UUID) -> None:
    """Another revision, with this picture alone, which is submitted and looked at."""
    newsroom, body = late.newsroom, {"content": content(str(picture))}
    version = (await newsroom.read(article_id))["version"]
    answer = await newsroom.ask(late.writer, "PUT", f"/{article_id}", body, version=version)
    assert (answer.status_code, answer.json()["revision"]) == (200, 2)
    await newsroom.does(late.writer, article_id, "submit")
    assert await verdict(newsroom, article_id) == "pending"
    await check_all(newsroom.background, newsroom.accounts)


async def test_what_was_stopped_goes_out_with_another_picture_whatever_becomes_of_the_first(late: Late) -> None:
    newsroom = late.newsroom
    await late.at("scheduled")
    await late.turns_out()
    await newsroom.does(newsroom.approver, late.article_id, "return", note="请换一张图片")
    picture = UUID(await newsroom.upload(who=late.writer))
    await rewrites(late, late.article_id, picture)
    await late.turns_out(picture, "pass", revision=2)
    await check_all(newsroom.background, newsroom.accounts)
    await newsroom.does(newsroom.approver, late.article_id, "approve")
    await newsroom.does(late.writer, late.article_id, "schedule", way="publish")

    await late.turns_out(late.files[1])  # of the first revision
    answer = await newsroom.ask(late.writer, "POST", "", {"kind": "policy", "content": content(str(picture))})
    await rewrites(late, answer.json()["id"], late.files[1])
    await late.turns_out(late.files[1], revision=2)  # as another article shows it in its second
    assert await verdict(newsroom, late.article_id) == "pass"
    await newsroom.works()
    assert await newsroom.state(late.article_id) == "publishing"


@pytest.mark.parametrize("state", ["publishing", "unknown", "published"])
async def test_of_what_may_be_out_those_hear_who_may_withdraw_it_once_for_each_picture(late: Late, state: str) -> None:
    newsroom = late.newsroom
    await late.at(state)
    for count, file_id in enumerate(late.files, 1):
        await late.turns_out(file_id)
        for who in (newsroom.editor, newsroom.approver):
            assert (await late.told(who)).count(FOUND_RISKY) == count

    shown = await late.shown()
    assert (shown["state"], shown["platform_check"]) == (state, "risky")
    assert "stop" not in await late.actions()
    assert await newsroom.owner.fetchval(
        "select count(*) from audit_entry where action = 'article.picture_found_risky' and subject_id = $1",
        UUID(late.article_id),
    ) == 2  # fmt: skip
    await newsroom.works()
    assert newsroom.steering.calls(TAKE_DOWN) == 0, "people decide"


async def test_people_withdraw_it_and_hear_no_more_of_it(late: Late) -> None:
    newsroom = late.newsroom
    await late.at("published")
    await late.turns_out()
    assert await newsroom.does(newsroom.approver, late.article_id, "withdraw", note="图片有风险") == "withdrawn"
    await late.turns_out(late.files[1])
    assert len(await late.facts("PictureFoundRisky")) == 1
    assert FOUND_RISKY not in await late.told(newsroom.approver), "it is done"
    await newsroom.works()
    assert newsroom.steering.calls(TAKE_DOWN) == 1


@pytest.mark.parametrize(
    ("fault", "failure"), [({"status": 503}, None), ({"errcode": 45009}, "QuotaSpent"), ({"errcode": 45166}, None)]
)
async def test_what_wechat_did_not_take_meanwhile_is_not_tried_again(
    late: Late, fault: dict[str, Any], failure: str | None
) -> None:
    newsroom = late.newsroom
    await late.at("scheduled")
    async with newsroom.background.work() as work:
        assert await publishing.begin_due(work, UUID(late.article_id))
    await late.turns_out()
    assert await newsroom.state(late.article_id) == "publishing"
    newsroom.steering.spoil("/cgi-bin/draft/add", **fault)
    await newsroom.works()

    shown = await late.shown()
    assert (shown["state"], shown["steps"][-1]["action"], shown["publish_at"]) == ("in_review", "stop", None)
    assert shown["failure"] is not None
    assert failure in (None, shown["failure"])
    assert (await late.told(late.writer)).count(STOPPED) == 1
    newsroom.steering.post("faults", {"/cgi-bin/draft/add": None})
    await newsroom.works()
    assert newsroom.steering.calls(SUBMIT) == 0


async def test_what_wechat_lost_and_never_published_is_stopped_a_day_later(late: Late) -> None:
    newsroom = late.newsroom
    newsroom.steering.spoil(SUBMIT, garbage=True)
    await late.scheduled()
    await newsroom.works()
    newsroom.steering.post("faults", {SUBMIT: None})
    await late.turns_out()
    assert await newsroom.state(late.article_id) == "unknown"
    await newsroom.owner.execute(
        "update wechat_task set created_at = created_at - interval '25 hours' where kind = 'publish'"
    )
    await newsroom.works(asking=True)
    shown = await late.shown()
    assert (shown["state"], shown["failure"], shown["steps"][-1]["action"]) == ("in_review", "no_trace", "stop")


async def test_the_verdict_waits_for_who_has_begun_and_finds_it_on_its_way(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom = late.newsroom
    await late.at("scheduled")
    push_id = await late.comes(late.files[0])
    begun = Paused(monkeypatch, publishing, "begin_due")
    sending = asyncio.create_task(advance(newsroom.background, newsroom.accounts))
    await begun.reached.wait()
    handling = await waits(newsroom.owner, late.handled(push_id))
    begun.go.set()
    await asyncio.gather(sending, handling)

    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    shown = await late.shown()
    assert (shown["state"], shown["platform_check"]) == ("published", "risky")
    assert await late.actions() == ["submit", "approve", "schedule", "begin", "finish"]
    assert len(await late.facts("PictureFoundRisky")) == 1


async def test_whoever_begins_leaves_alone_what_a_verdict_has_in_hand(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom = late.newsroom
    await late.at("scheduled")
    push_id = await late.comes(late.files[0])
    heeded = Paused(monkeypatch, pushes, "heed_risky")
    handling = asyncio.create_task(late.handled(push_id))
    await heeded.reached.wait()
    assert await advance(newsroom.background, newsroom.accounts) == 0
    heeded.go.set()
    await handling

    await newsroom.works()
    assert await late.actions() == ["submit", "approve", "schedule", "stop"]
    assert newsroom.steering.calls(SUBMIT) == 0
    assert await late.facts("PictureFoundRisky") == []


async def test_at_the_same_moment_it_is_stopped_or_people_hear_and_never_both(late: Late) -> None:
    newsroom = late.newsroom
    await late.at("scheduled")
    push_id = await late.comes(late.files[0])
    await asyncio.gather(advance(newsroom.background, newsroom.accounts), late.handled(push_id))
    await newsroom.works()
    actions, facts = await late.actions(), await late.facts("PictureFoundRisky")
    outcome = (await newsroom.state(late.article_id), "stop" in actions, "begin" in actions, len(facts))
    assert outcome in (("in_review", True, False, 0), ("publishing", False, True, 1))
    assert await verdict(newsroom, late.article_id) == "risky"


async def test_whoever_schedules_what_was_stopped_meanwhile_is_told_so(late: Late) -> None:
    newsroom = late.newsroom
    await late.at("approved")
    seen = (await late.shown())["version"]
    await late.turns_out()
    schedule = {"action": "schedule", "way": "publish"}
    stale = await newsroom.ask(late.writer, "POST", f"/{late.article_id}/actions", schedule, version=seen)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")


@pytest.mark.parametrize("state", ["scheduled", "published"])
async def test_killed_before_it_is_written_down_it_is_done_by_the_next_and_twice_is_once(
    late: Late, state: str
) -> None:
    await late.at(state)
    push_id = await late.comes(late.files[0])
    with pytest.raises(Killed):
        await late.handled(push_id, killed=True)
    assert (await late.newsroom.state(late.article_id), await late.facts("PictureFoundRisky")) == (state, [])
    await asyncio.gather(late.handled(push_id), late.handled(push_id))
    await late.handled(push_id)
    assert (await late.actions()).count("stop") == (state == "scheduled")
    assert len(await late.facts("PictureFoundRisky")) == (state == "published")
    assert await verdict(late.newsroom, late.article_id) == "risky"


async def test_while_it_waits_for_its_reviewer_it_is_not_approved_any_more(late: Late) -> None:
    newsroom = late.newsroom
    await check_all(much_later(newsroom), newsroom.accounts)
    await late.turns_out()
    assert await verdict(newsroom, late.article_id) == "risky"
    refused = await newsroom.act(newsroom.approver, late.article_id, "approve")
    assert refused.json()["code"] == "platform_refuses"
    assert await late.actions() == ["submit"]
    assert await late.facts("PictureFoundRisky") == []


async def test_a_verdict_at_the_moment_when_waiting_ends_is_not_lost(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the pictures were asked about, and before what was found is written down."""
    newsroom = late.newsroom
    noting = Paused(monkeypatch, checking, "note_checked", before=True)
    looking = asyncio.create_task(check_all(much_later(newsroom), newsroom.accounts))
    await noting.reached.wait()
    await late.turns_out()
    noting.go.set()
    await looking
    assert await verdict(newsroom, late.article_id) == "risky"


async def test_a_verdict_waits_for_what_is_being_written_down(late: Late, monkeypatch: pytest.MonkeyPatch) -> None:
    newsroom = late.newsroom
    push_id = await late.comes(late.files[0])
    noting = Paused(monkeypatch, check_commands, "checks_of")
    looking = asyncio.create_task(check_all(much_later(newsroom), newsroom.accounts))
    await noting.reached.wait()
    handling = await waits(newsroom.owner, late.handled(push_id))
    noting.go.set()
    await asyncio.gather(looking, handling)
    assert await verdict(newsroom, late.article_id) == "risky"


async def test_a_draft_keeps_what_was_found_of_it(late: Late) -> None:
    newsroom = late.newsroom
    await late.at("approved")
    await newsroom.does(late.writer, late.article_id, "revise")
    await late.turns_out()
    await newsroom.does(late.writer, late.article_id, "submit")
    refused = await newsroom.act(newsroom.approver, late.article_id, "approve")
    assert refused.json()["code"] == "platform_refuses"


async def test_a_picture_that_two_articles_show_stops_both(late: Late) -> None:
    newsroom, shared = late.newsroom, str(late.files[0])
    answer = await newsroom.ask(late.writer, "POST", "", {"kind": "policy", "content": content(shared)})
    other = Late(newsroom, late.address, late.writer, answer.json()["id"], [late.files[0]])
    await newsroom.does(late.writer, other.article_id, "submit")
    await late.at("scheduled")
    await other.at("scheduled")
    await late.turns_out()
    for each in (late, other):
        assert await newsroom.state(each.article_id) == "in_review"
        assert await each.actions() == ["submit", "approve", "schedule", "stop"]
