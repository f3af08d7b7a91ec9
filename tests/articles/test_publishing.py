"""An article goes out once, by way of the simulator, and everyone reads it from then on until it is withdrawn."""

import io
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from app.articles.queries import published_article, published_articles
from app.db.transaction import Sight
from app.jobs.articles.checking import check_all
from app.jobs.articles.previewing import show_asked
from app.kernel.actor import Role
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import NotFound
from app.settings import DEMO_WECHAT_OFFICIAL_APPID
from tests.articles.making import HARMLESS, SEND, SUBMIT, Newsroom, content


async def public(newsroom: Newsroom, article_id: str) -> dict[str, Any] | None:
    """What somebody who has not signed in reads of it."""
    try:
        async with newsroom.background.database.begin(Sight("public")) as transaction:
            return dict(await published_article(transaction, UUID(article_id)))
    except NotFound:
        return None


async def test_an_article_is_written_reviewed_by_another_published_and_withdrawn(newsroom: Newsroom) -> None:
    drafted = await newsroom.draft()
    article_id = drafted["id"]
    assert drafted["open_actions"] == ["submit"]
    assert (drafted["mine"], drafted["state"], drafted["version"]) == (True, "draft", 1)

    await newsroom.does(newsroom.editor, article_id, "submit")
    pending = await newsroom.act(newsroom.approver, article_id, "approve")
    assert pending.json()["code"] == "platform_check_pending"
    await check_all(newsroom.background, newsroom.accounts)
    own = await newsroom.act(newsroom.editor, article_id, "approve")
    assert own.status_code == 403
    assert await newsroom.does(newsroom.approver, article_id, "approve") == "approved"
    assert await newsroom.does(newsroom.editor, article_id, "schedule", way="publish") == "scheduled"
    assert await public(newsroom, article_id) is None

    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)

    shown = await newsroom.read(article_id, newsroom.approver)
    assert (shown["state"], shown["failure"], shown["attempt"]) == ("published", None, 1)
    assert shown["wechat_url"].startswith("https://mp.weixin.qq.com/")
    assert [each["action"] for each in shown["steps"]] == ["submit", "approve", "schedule", "begin", "finish"]
    read = await public(newsroom, article_id)
    assert read is not None
    assert (read["title"], read["content"]["blocks"][1]["text"]) == ("帮扶政策有新变化", HARMLESS)
    assert list(read["content"]["media_types"].values()) == ["image/png"]

    without_reason = await newsroom.act(newsroom.approver, article_id, "withdraw")
    assert without_reason.json()["errors"][0]["code"] == "note_required"
    assert await newsroom.does(newsroom.approver, article_id, "withdraw", note="数字有误") == "withdrawn"
    assert await public(newsroom, article_id) is None
    await newsroom.works()
    shown = await newsroom.read(article_id)
    assert shown["taken_down_at"] is not None
    assert shown["steps"][-1]["note"] == "数字有误"
    assert newsroom.steering.calls("/cgi-bin/freepublish/delete") == 1
    async with newsroom.background.database.begin(Sight("public")) as transaction:
        listed = await published_articles(transaction, 100, None, kind="policy")
    assert article_id not in {str(each["id"]) for each in listed}


async def test_pictures_are_uploaded_once_as_small_as_the_platform_wants_them(newsroom: Newsroom) -> None:
    noise = Image.frombytes("RGB", (900, 900), random.Random(7).randbytes(900 * 900 * 3))
    written = io.BytesIO()
    noise.save(written, "PNG")
    assert len(written.getvalue()) > 1024 * 1024
    cover = await newsroom.upload(written.getvalue())

    article_id = await newsroom.published(cover=cover)

    assert newsroom.steering.calls("/cgi-bin/media/uploadimg") == 1
    assert newsroom.steering.calls("/cgi-bin/material/add_material") == 1
    assert await newsroom.state(article_id) == "published"


async def test_it_goes_out_at_its_hour_and_not_before(newsroom: Newsroom) -> None:
    article_id = await newsroom.approved()
    late = await newsroom.act(
        newsroom.editor, article_id, "schedule", way="publish", publish_at="2020-01-01T08:00:00+08:00"
    )
    assert late.json()["errors"][0]["code"] == "publish_at_range"
    at = (datetime.now(SHANGHAI) + timedelta(days=1)).replace(microsecond=0).isoformat()
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish", publish_at=at)
    assert (await newsroom.read(article_id))["publish_at"] == at
    await newsroom.works()
    assert await newsroom.state(article_id) == "scheduled"
    assert newsroom.steering.calls(SUBMIT) == 0

    await newsroom.owner.execute("update article set publish_at = now() where id = $1", UUID(article_id))
    await newsroom.works()
    assert await newsroom.state(article_id) == "publishing"
    assert newsroom.steering.calls(SUBMIT) == 1


async def test_a_mass_send_goes_to_a_tag_once_with_its_receipts(newsroom: Newsroom) -> None:
    official = newsroom.accounts.official
    assert official is not None
    tag = await official.make_tag("龙湖区")
    article_id = await newsroom.approved()
    await newsroom.does(newsroom.editor, article_id, "schedule", way="mass_send", tag_id=tag.id)
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)

    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["tag_id"]) == ("published", tag.id)
    (job,) = newsroom.jobs_at_wechat()
    assert (job["kind"], job["client_id"]) == ("mass", f"{UUID(article_id).hex}.1")
    assert newsroom.steering.calls(SEND) == 1
    assert await newsroom.does(newsroom.editor, article_id, "withdraw", note="发错了") == "withdrawn"
    await newsroom.works()
    assert (await newsroom.read(article_id))["taken_down_at"] is not None
    assert newsroom.steering.calls("/cgi-bin/message/mass/delete") == 1


async def test_the_fifth_mass_send_of_a_month_is_refused_before_wechat_is_asked(newsroom: Newsroom) -> None:
    await newsroom.owner.execute("update article set way = 'publish', tag_id = null where way = 'mass_send'")
    for _ in range(4):
        await newsroom.scheduled("mass_send")
    article_id = await newsroom.approved()
    refused = await newsroom.act(newsroom.editor, article_id, "schedule", way="mass_send", tag_id=100)
    assert (refused.status_code, refused.json()["code"]) == (409, "mass_sends_used_up")
    assert await newsroom.does(newsroom.editor, article_id, "schedule", way="publish") == "scheduled"
    assert newsroom.steering.calls(SEND) == 0


@pytest.mark.parametrize("status", [2, 3, 4])
async def test_what_wechat_does_not_publish_has_failed_and_may_be_tried_again(newsroom: Newsroom, status: int) -> None:
    newsroom.steering.post("outcomes", {"publish": status})
    article_id = await newsroom.scheduled()
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["failure"]) == ("failed", f"publish_status {status}")
    assert await public(newsroom, article_id) is None

    newsroom.steering.post("outcomes", {"publish": 0})
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish")
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["attempt"]) == ("published", 2)


@pytest.mark.parametrize(("admin", "said"), [("refuses", "SEND_FAIL"), ("absent", "SEND_FAIL")])
async def test_a_mass_send_that_the_administrator_does_not_confirm_has_failed(
    newsroom: Newsroom, admin: str, said: str
) -> None:
    newsroom.steering.post("outcomes", {"admin": admin})
    article_id = await newsroom.scheduled("mass_send")
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 31 * 60})
    await newsroom.works(asking=True)
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["failure"]) == ("failed", said)


async def test_what_the_platform_bans_later_is_withdrawn_here_too(newsroom: Newsroom) -> None:
    article_id = await newsroom.published()
    (job,) = newsroom.jobs_at_wechat()
    newsroom.steering.post("outcomes", {"later": {str(job["id"]): 6}})
    await newsroom.owner.execute(
        "update wechat_task set state = 'undone', said = 'publish_status 6' where reference = $1", str(job["id"])
    )
    await newsroom.works()
    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["steps"][-1]["action"], shown["steps"][-1]["role"]) == ("withdrawn", "ban", None)
    assert "publish_status 6" in shown["steps"][-1]["note"]
    assert await public(newsroom, article_id) is None
    assert newsroom.steering.calls("/cgi-bin/freepublish/delete") == 0


async def test_a_second_revision_is_reviewed_again_and_the_first_is_kept(newsroom: Newsroom) -> None:
    article_id = await newsroom.approved()
    shown = await newsroom.read(article_id)
    wanted = {"content": content(shown["content"]["cover_file_id"], title="改了题目")}
    locked = await newsroom.ask(newsroom.editor, "PUT", f"/{article_id}", wanted, version=shown["version"])
    assert locked.json()["code"] == "not_allowed_now"
    await newsroom.does(newsroom.editor, article_id, "revise")
    stale = await newsroom.ask(newsroom.editor, "PUT", f"/{article_id}", wanted, version=shown["version"])
    assert stale.status_code == 412
    version = (await newsroom.read(article_id))["version"]
    answer = await newsroom.ask(newsroom.editor, "PUT", f"/{article_id}", wanted, version=version)
    assert (answer.json()["revision"], answer.json()["title"]) == (2, "改了题目")
    assert answer.json()["reviewed_at"] is None
    kept = await newsroom.owner.fetchval(
        "select count(*) from article_revision where article_id = $1", UUID(article_id)
    )
    assert kept == 2


async def test_whoever_wrote_any_of_it_does_not_review_it_under_whichever_account(newsroom: Newsroom) -> None:
    both = await newsroom.world.person(
        posts=((Role.PUBLICITY_EDITOR, newsroom.city), (Role.PUBLICITY_APPROVER, newsroom.city))
    )
    drafted = await newsroom.draft()
    article_id = drafted["id"]
    wanted = {"content": content(drafted["content"]["cover_file_id"], digest="改了摘要")}
    answer = await newsroom.ask(both, "PUT", f"/{article_id}", wanted, version=drafted["version"])
    assert answer.status_code == 200, answer.text
    await newsroom.does(newsroom.editor, article_id, "submit")
    await check_all(newsroom.background, newsroom.accounts)
    refused = await newsroom.act(both, article_id, "approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "own_article")
    assert await newsroom.does(newsroom.approver, article_id, "approve") == "approved"


async def test_it_is_shown_to_one_follower_before_it_goes_to_all(newsroom: Newsroom) -> None:
    follower = newsroom.steering.post("followers", {"appid": DEMO_WECHAT_OFFICIAL_APPID, "name": "sim-colleague"})
    drafted = await newsroom.draft()
    for openid, state in ((follower["openid"], "sent"), ("oNobody", "failed")):
        asked = await newsroom.ask(newsroom.editor, "POST", f"/{drafted['id']}/previews", {"openid": openid})
        assert (asked.status_code, asked.json()["previews"][0]["state"]) == (201, "asked")
        assert await show_asked(newsroom.background, newsroom.accounts) == 1
        assert (await newsroom.read(drafted["id"]))["previews"][0]["state"] == state
    shown = newsroom.steering.http.get("/_sim/jobs").json()["previews"]
    assert [each["touser"] for each in shown] == [follower["openid"]]
    assert newsroom.steering.calls("/cgi-bin/draft/delete") == 2
    kept = "select count(*) from article_preview where article_id = $1 and openid is not null"
    assert await newsroom.owner.fetchval(kept, UUID(drafted["id"])) == 0
    refused = await newsroom.ask(newsroom.approver, "POST", f"/{drafted['id']}/previews", {"openid": "oNobody"})
    assert refused.status_code == 403
    planted = await newsroom.draft(blocks=[{"type": "paragraph", "text": "13800138000"}])
    refused = await newsroom.ask(newsroom.editor, "POST", f"/{planted['id']}/previews", {"openid": "oNobody"})
    assert refused.json()["errors"][0]["code"] == "canary_phone"
