"""Mass sends: four a month for the whole account, and what WeChat says of whom they reached."""

import asyncio
from dataclasses import replace

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from app.settings import DEMO_WECHAT_OFFICIAL_APPID
from app.simulator.codes import openid
from tests.articles.making import SEND, Newsroom
from tests.make import unique
from tests.wechat.pushed import event, push
from tests.wechat.test_pushes_handled import handle_all, pushes, set_up


async def of_district(newsroom: Newsroom) -> Newsroom:
    """Another union of the same city, with its own editor and reviewer."""
    district = await newsroom.world.union("district", newsroom.city)
    editor = await newsroom.world.staff(Role.PUBLICITY_EDITOR, district, name="洪心悦")
    approver = await newsroom.world.staff(Role.PUBLICITY_APPROVER, district, name="曾庆和")
    return replace(newsroom, city=district, editor=editor, approver=approver)


@pytest.fixture(autouse=True)
async def none_this_month(owner: asyncpg.Connection) -> None:
    await owner.execute("update article set way = 'publish', tag_id = null where way = 'mass_send'")


async def test_the_months_mass_sends_are_the_accounts_whichever_union_schedules_them(newsroom: Newsroom) -> None:
    districts = [await of_district(newsroom) for _ in range(3)]
    for each in (newsroom, *districts):
        await each.scheduled("mass_send")
    for each in (newsroom, districts[0], await of_district(newsroom)):
        refused = await each.act(each.editor, await each.approved(), "schedule", way="mass_send")
        assert (refused.status_code, refused.json()["code"]) == (409, "mass_sends_used_up")


async def test_of_unions_that_schedule_at_once_four_have_their_way(newsroom: Newsroom) -> None:
    rooms = [await of_district(newsroom) for _ in range(6)]
    articles = [await each.approved() for each in rooms]
    answers = await asyncio.gather(
        *(each.act(each.editor, one, "schedule", way="mass_send") for each, one in zip(rooms, articles, strict=True))
    )
    assert sorted(each.status_code for each in answers) == [200] * 4 + [409] * 2


async def test_the_count_is_told_to_staff_alone(owner: asyncpg.Connection, newsroom: Newsroom) -> None:
    await newsroom.scheduled("mass_send")
    ask = "select mass_sends_between(null, now() - interval '2 days', now() + interval '2 days')"
    for door, count in (("staff", 1), ("worker", 0), ("public", 0)):
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            await owner.execute("select set_config('app.door', $1, true)", door)
            assert await owner.fetchval(ask) == count
            assert await owner.fetchval("select count(*) from article") == 0, "and no article with it"


async def test_what_wechat_says_of_whom_it_reached_is_shown_to_staff(newsroom: Newsroom, address: str) -> None:
    official, steering = newsroom.accounts.official, newsroom.steering
    assert official is not None
    await set_up(steering, address, "official", mode="safe", format="xml")
    tag = await official.make_tag(unique("区"))
    crowd = unique("c-")
    wish = {"appid": DEMO_WECHAT_OFFICIAL_APPID, "prefix": crowd, "count": 40, "follows": True}
    await asyncio.to_thread(steering.post, "crowd", wish)
    await official.tag(tag.id, [openid(DEMO_WECHAT_OFFICIAL_APPID, f"{crowd}{n}") for n in range(23)])
    steering.post("outcomes", {"mass_filtered": 3, "mass_errors": 4})
    article_id = await newsroom.approved()
    await newsroom.does(newsroom.editor, article_id, "schedule", way="mass_send", tag_id=tag.id)
    await newsroom.works()
    shown = await newsroom.read(article_id)
    unknown = {"total": None, "filtered": None, "sent": None, "failed": None}
    assert (shown["state"], shown["receipts"], shown["readings"]) == ("publishing", unknown, "unknown")

    steering.post("clock", {"advance_s": 60})
    assert [each["good"] for each in await pushes(steering)] == [True]
    assert await handle_all(newsroom.background, newsroom.owner) == ["done"]
    await newsroom.works()

    for reader in (newsroom.editor, newsroom.approver):
        shown = await newsroom.read(article_id, reader)
        assert (shown["state"], shown["readings"]) == ("published", "unknown")
        assert shown["receipts"] == {"total": 23, "filtered": 20, "sent": 16, "failed": 4}


async def test_the_receipts_that_come_after_it_was_known_to_be_out_are_kept_and_once(
    newsroom: Newsroom, callbacks: httpx.AsyncClient
) -> None:
    article_id = await newsroom.published("mass_send")
    assert (await newsroom.read(article_id))["receipts"]["sent"] is None, "asked for, WeChat says only that it is out"
    reference = await newsroom.owner.fetchval("select wechat_id from article where id = $1::text::uuid", article_id)
    for sent in (90, 1):
        said = event(
            "MASSSENDJOBFINISH", at=1_800_000_000, MsgID=int(reference), Status="send success",
            TotalCount=120, FilterCount=100, SentCount=sent, ErrorCount=100 - sent,
        )  # fmt: skip
        answer = await push(callbacks, said, "official")
        assert (answer.status_code, answer.text) == (200, "success")
        await handle_all(newsroom.background, newsroom.owner)
        await newsroom.works()
        shown = await newsroom.read(article_id)
        assert shown["receipts"] == {"total": 120, "filtered": 100, "sent": 90, "failed": 10}
    assert newsroom.steering.calls(SEND) == 1
