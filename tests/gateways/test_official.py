"""The calls of the official account: followers and tags, drafts, publishing, sending to many."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.gateways.wechat.errors import AskedBefore, ContentRefused, NotDeliverable, QuotaSpent, Unreachable
from app.gateways.wechat.official import MASS_SEND, PUBLISH, Article, OfficialAccount
from app.simulator.codes import openid, unionid
from tests.gateways.steering import Steering

APPID, SECRET = "wx0000000000000off", "simulated-official-secret"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
async def official(base_url: str, simulator: Steering) -> AsyncIterator[OfficialAccount]:
    account = OfficialAccount(base_url, APPID, SECRET)
    yield account
    await account.aclose()


async def drafted(official: OfficialAccount) -> str:
    head = await official.add_material("head.png", PNG, "image/png")
    return await official.add_draft(Article("送温暖", "<p>工会把慰问送到家。</p>", head.media_id, digest="慰问"))


def follow(simulator: Steering, *names: str) -> list[str]:
    return [simulator.post("followers", {"appid": APPID, "name": name})["openid"] for name in names]


async def test_followers_come_page_by_page_and_are_joined_by_unionid(
    official: OfficialAccount, simulator: Steering
) -> None:
    openids = follow(simulator, "a", "b", "c")
    page = await official.followers()
    assert (page.openids, page.total) == (openids, 3)
    assert (await official.followers(after=page.next_openid)).openids == []

    found = await official.users([*openids[:1], openid(APPID, "stranger")])

    assert [(each.subscribe, each.unionid) for each in found] == [(1, unionid("a")), (0, None)]


async def test_tags_are_put_on_and_taken_off_fifty_at_a_time(official: OfficialAccount, simulator: Steering) -> None:
    openids = follow(simulator, *(f"f{n}" for n in range(51)))
    tag = await official.make_tag("困难职工")

    await official.tag(tag.id, openids)
    assert {each.id: each.count for each in await official.tags()}[tag.id] == 51
    assert simulator.calls("/cgi-bin/tags/members/batchtagging") == 2
    await official.tag(tag.id, openids[:1], take_off=True)
    assert {each.id: each.count for each in await official.tags()}[tag.id] == 50
    with pytest.raises(ContentRefused):
        await official.make_tag("困难职工")


async def test_an_article_is_drafted_shown_to_one_published_and_taken_down(
    official: OfficialAccount, simulator: Steering
) -> None:
    (editor,) = follow(simulator, "editor")
    simulator.post("outcomes", {"takes_s": 0})
    assert (await official.upload_picture("inside.png", PNG, "image/png")).startswith("https://mmbiz.qpic.cn/")
    media_id = await drafted(official)
    await official.preview(media_id, editor)
    with pytest.raises(NotDeliverable):
        await official.preview(media_id, openid(APPID, "stranger"))

    publish_id = await official.publish(media_id)
    await asyncio.sleep(0.05)
    found = await official.publication(publish_id)

    assert found.publish_status == 0
    with pytest.raises(ContentRefused):  # a draft that was published is gone
        await official.draft(media_id)
    await official.take_down(found.article_id)


async def test_no_publication_has_the_id_of_another_though_the_simulator_has_forgotten_it(
    base_url: str, simulator: Steering
) -> None:
    """Whoever keeps what they were told by its id would take the one for the other."""
    ids = []
    for _ in range(20):
        simulator.post("reset")
        account = OfficialAccount(base_url, APPID, SECRET)
        ids.append(await account.publish(await drafted(account)))
        await account.aclose()
    assert len(set(ids)) == 20


@pytest.mark.parametrize("status", [2, 3, 4])
async def test_what_the_review_refuses_was_taken_all_the_same(
    official: OfficialAccount, simulator: Steering, status: int
) -> None:
    simulator.post("outcomes", {"takes_s": 5, "publish": status})
    publish_id = await official.publish(await drafted(official))

    assert (await official.publication(publish_id)).publish_status == 1
    simulator.post("clock", {"advance_s": 5})
    assert (await official.publication(publish_id)).publish_status == status


async def test_a_publication_whose_answer_was_lost_is_not_asked_for_again(
    official: OfficialAccount, simulator: Steering
) -> None:
    media_id = await drafted(official)
    simulator.spoil(PUBLISH, reset=True)

    with pytest.raises(Unreachable):
        await official.publish(media_id)

    assert simulator.calls(PUBLISH) == 1


async def test_a_mass_send_goes_out_once_however_often_the_answer_is_lost(
    official: OfficialAccount, simulator: Steering
) -> None:
    media_id = await drafted(official)
    simulator.spoil(MASS_SEND, reset=True, times=1)

    with pytest.raises(AskedBefore) as before:
        await official.send_to_all(media_id, "notice-1")

    jobs = simulator.http.get("/_sim/jobs").json()["items"]
    assert [str(each["id"]) for each in jobs] == [before.value.reference]
    simulator.post("clock", {"advance_s": 1})
    assert await official.mass_send_state(str(before.value.reference)) == "SEND_SUCCESS"


async def test_what_an_admin_does_not_confirm_in_half_an_hour_fails(
    official: OfficialAccount, simulator: Steering
) -> None:
    simulator.post("outcomes", {"admin": "absent"})
    job = await official.send_to_all(await drafted(official), "notice-1")

    simulator.post("clock", {"advance_s": 1799})
    assert await official.mass_send_state(job) == "SENDING"
    simulator.post("clock", {"advance_s": 1})
    assert await official.mass_send_state(job) == "SEND_FAIL"


async def test_to_all_goes_four_times_a_month(official: OfficialAccount, simulator: Steering) -> None:
    for n in range(4):
        await official.send_to_all(await drafted(official), f"notice-{n}")
    with pytest.raises(QuotaSpent) as spent:
        await official.send_to_all(await drafted(official), "one-too-many")
    assert spent.value.errcode == 45028


async def test_what_wechat_would_refuse_is_refused_here(official: OfficialAccount, simulator: Steering) -> None:
    article = Article("标题", "<p>文</p>", "thumb")
    for wrong in (
        Article("题" * 33, "<p>文</p>", "thumb"),
        Article("", "<p>文</p>", "thumb"),
        Article("标题", "", "thumb"),
        Article("标题", "文" * 20_000, "thumb"),
        Article("标题", "<p>文</p>", "thumb", digest="摘" * 129),
    ):
        with pytest.raises(ContentRefused):
            await official.add_draft(wrong)
    with pytest.raises(ContentRefused):
        await official.send_to_all("media", "长" * 22)
    with pytest.raises(ContentRefused):
        await official.upload_picture("big.png", PNG + bytes(1024 * 1024), "image/png")
    assert simulator.http.get("/_sim/calls").json() == {}
    with pytest.raises(ContentRefused) as refused:
        await official.add_draft(article)
    assert refused.value.errcode == 40007


async def test_a_days_quota_is_spent_and_comes_back(official: OfficialAccount, simulator: Steering) -> None:
    simulator.post("quotas", {"/cgi-bin/user/get": 2})
    await official.followers()
    await official.followers()
    with pytest.raises(QuotaSpent):
        await official.followers()

    simulator.post("clock", {"advance_s": 86_400})

    assert (await official.followers()).total == 0, "and the token, which has expired meanwhile, was renewed"
