"""What is planted is found before it is reviewed and again before it goes out; so is a consent taken back."""

from typing import Any
from uuid import UUID

import pytest

from app.jobs.articles.checking import check_all
from app.jobs.articles.names import note_all_names
from app.jobs.handlers import withdraw_articles
from app.people.consents import Purpose
from tests.articles.making import SUBMIT, Newsroom, content
from tests.calling import bearer, post, sign_in
from tests.make import Someone, id_number, member, unique

NAME = "欧阳若汐"


async def codes(newsroom: Newsroom, article_id: str) -> set[tuple[str, str]]:
    """What a submission is refused for; and the preview says the same beforehand."""
    answer = await newsroom.act(newsroom.editor, article_id, "submit")
    assert answer.status_code == 422, answer.text
    wrong = {(each["pointer"], each["code"]) for each in answer.json()["errors"]}
    shown = await newsroom.ask(newsroom.editor, "GET", f"/{article_id}/preview")
    assert {(each["pointer"], each["code"]) for each in shown.json()["found"]} == wrong
    return wrong


async def withdraws(newsroom: Newsroom, person: Someone) -> None:
    """They take their consent back in the app."""
    shown = await newsroom.client.get("/me/consents", headers=person.headers)
    (given,) = [each for each in shown.json()["items"] if each["purpose"] == "publicity"]
    answer = await post(newsroom.client, person, f"/me/consents/{given['id']}/withdraw")
    assert answer.status_code == 200, answer.text
    async with newsroom.background.work() as work:
        await withdraw_articles(work, {"person_id": str(person.id), "purpose": "publicity"})


async def adds(newsroom: Newsroom, shown: dict[str, Any], person: Someone) -> dict[str, Any]:
    answer = await newsroom.ask(
        newsroom.editor, "POST", f"/{shown['id']}/people", {"id_number": person.id_number}, version=shown["version"]
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def story(newsroom: Newsroom, person: Someone, **given: Any) -> dict[str, Any]:
    """A draft about somebody who consents, with a picture of them."""
    drafted = await newsroom.draft("story", **given)
    shown = await adds(newsroom, drafted, person)
    cover, shown_id = drafted["content"]["cover_file_id"], shown["people"][0]["id"]
    blocks = [
        {"type": "paragraph", "text": f"{person.name}找到了新工作。"},
        {"type": "picture", "file_id": cover, "caption": "上班第一天", "people": [shown_id]},
    ]
    wanted = {"content": content(cover, blocks=blocks)}
    answer = await newsroom.ask(newsroom.editor, "PUT", f"/{drafted['id']}", wanted, version=shown["version"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_planted_data_and_names_of_people_we_know_keep_it_from_its_reviewer(newsroom: Newsroom) -> None:
    person = await newsroom.world.person(name=NAME)
    await newsroom.world.household(person, newsroom.city, members=[member(name="林小禾")], plan=None, state="submitted")
    await note_all_names(newsroom.background)
    blocks = [
        {"type": "paragraph", "text": f"证号{id_number()}"},
        {"type": "paragraph", "text": f"看望了{NAME}。"},
        {"type": "paragraph", "text": "孩子林小禾考上了大学。"},
        {"type": "paragraph", "text": "谁都可以申请。"},
        {"type": "quote", "text": "谢谢", "by": f"{NAME}，确诊三年"},
    ]
    article_id = (await newsroom.draft(blocks=blocks))["id"]
    assert await codes(newsroom, article_id) == {
        ("/blocks/0/text", "canary_id_number"),
        ("/blocks/1/text", "canary_name"),
        ("/blocks/2/text", "canary_name"),
        ("/blocks/4/text", "canary_name"),
        ("/blocks/4/text", "canary_health"),
    }
    refusal = await newsroom.act(newsroom.editor, article_id, "submit")
    assert NAME not in refusal.text


async def test_a_namesake_is_cleared_with_a_reason_that_the_reviewer_sees(newsroom: Newsroom) -> None:
    await newsroom.world.person(name=NAME)
    await note_all_names(newsroom.background)
    blocks = [{"type": "paragraph", "text": f"{NAME}主任介绍了政策。"}]
    drafted = await newsroom.draft(blocks=blocks, cleared=[{"name": NAME, "reason": "社区主任，同名"}])
    assert await newsroom.does(newsroom.editor, drafted["id"], "submit") == "in_review"
    seen = await newsroom.read(drafted["id"], newsroom.approver)
    assert seen["content"]["cleared"] == [{"name": NAME, "reason": "社区主任，同名"}]


async def test_somebody_is_shown_only_with_their_consent(newsroom: Newsroom) -> None:
    consents = tuple(each for each in Purpose if each is not Purpose.PUBLICITY)
    person = await newsroom.world.person(name=NAME, consents=consents)
    drafted = await newsroom.draft("story")
    body = {"id_number": person.id_number}
    for number in (person.id_number, id_number()):
        refused = await newsroom.ask(
            newsroom.editor, "POST", f"/{drafted['id']}/people", {"id_number": number}, version=drafted["version"]
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "no_consent_to_show")
    listed = (await newsroom.client.get("/consents")).json()["items"]
    text = next(each for each in listed if each["purpose"] == "publicity")
    given = await post(newsroom.client, person, "/me/consents", {"purpose": "publicity", "sha256": text["sha256"]})
    assert given.status_code == 201, given.text
    shown = await adds(newsroom, drafted, person)
    assert [(each["name"], each["consents"]) for each in shown["people"]] == [(NAME, True)]
    twice = await newsroom.ask(newsroom.editor, "POST", f"/{drafted['id']}/people", body, version=shown["version"])
    assert twice.json()["code"] == "already_shown"
    unknown = [
        {"type": "picture", "file_id": drafted["content"]["cover_file_id"], "caption": "x", "people": [drafted["id"]]}
    ]
    wanted = {"content": content(drafted["content"]["cover_file_id"], blocks=unknown, cover_nobody=False)}
    await newsroom.ask(newsroom.editor, "PUT", f"/{drafted['id']}", wanted, version=shown["version"])
    assert await codes(newsroom, drafted["id"]) == {
        ("/cover_file_id", "picture_people"),
        ("/blocks/0", "picture_person_unknown"),
    }


async def test_a_consent_taken_back_before_the_hour_sends_the_article_back(newsroom: Newsroom) -> None:
    person = await newsroom.world.person(name=NAME)
    article_id = (await story(newsroom, person))["id"]
    await newsroom.does(newsroom.editor, article_id, "submit")
    await check_all(newsroom.background, newsroom.accounts)
    await newsroom.does(newsroom.approver, article_id, "approve")
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish")
    await withdraws(newsroom, person)

    await newsroom.works()

    shown = await newsroom.read(article_id)
    assert (shown["state"], shown["reviewed_at"]) == ("returned", None)
    assert "没有同意公开宣传" in shown["steps"][-1]["note"]
    assert [each["consents"] for each in shown["people"]] == [False]
    assert newsroom.steering.calls(SUBMIT) == 0
    assert ("/people", "person_without_consent") in await codes(newsroom, article_id)
    gone = await newsroom.ask(
        newsroom.editor, "DELETE", f"/{article_id}/people/{shown['people'][0]['id']}", version=shown["version"]
    )
    assert gone.json()["people"] == []


async def test_a_consent_taken_back_afterwards_asks_staff_to_withdraw(newsroom: Newsroom) -> None:
    person = await newsroom.world.person(name=NAME)
    article_id = (await story(newsroom, person))["id"]
    await newsroom.does(newsroom.editor, article_id, "submit")
    await check_all(newsroom.background, newsroom.accounts)
    await newsroom.does(newsroom.approver, article_id, "approve")
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish")
    await newsroom.works()
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    kept = await newsroom.owner.fetchval("select content::text from published_article where id = $1", UUID(article_id))
    assert str(person.id) not in kept
    assert "people" not in kept

    await withdraws(newsroom, person)

    listed = await newsroom.ask(newsroom.approver, "GET", "?to_withdraw=true")
    assert [each["id"] for each in listed.json()["items"]] == [article_id]
    assert await newsroom.does(newsroom.approver, article_id, "withdraw", note="本人撤回同意") == "withdrawn"
    listed = await newsroom.ask(newsroom.approver, "GET", "?to_withdraw=true")
    assert listed.json()["items"] == []


async def test_a_consent_taken_back_while_it_goes_out_is_not_forgotten(newsroom: Newsroom) -> None:
    person = await newsroom.world.person(name=NAME)
    article_id = (await story(newsroom, person))["id"]
    await newsroom.does(newsroom.editor, article_id, "submit")
    await check_all(newsroom.background, newsroom.accounts)
    await newsroom.does(newsroom.approver, article_id, "approve")
    await newsroom.does(newsroom.editor, article_id, "schedule", way="publish")
    await newsroom.works()
    assert await newsroom.state(article_id) == "publishing"
    await withdraws(newsroom, person)
    newsroom.steering.post("clock", {"advance_s": 60})
    await newsroom.works(asking=True)
    shown = await newsroom.read(article_id)
    assert shown["state"] == "published"
    assert shown["withdrawal_asked_at"] is not None
    asked = "select count(*) from out_message where name = 'WithdrawalAsked' and body ->> 'article_id' = $1"
    assert await newsroom.owner.fetchval(asked, article_id) == 2


async def test_a_name_that_we_learnt_since_is_found_before_it_goes_out(newsroom: Newsroom) -> None:
    name = "司徒" + unique("")[-1:].translate(str.maketrans("0123456789abcdef", "子丑寅卯辰巳午未申酉戌亥甲乙丙丁"))
    blocks = [{"type": "paragraph", "text": f"{name}来咨询。"}]
    article_id = await newsroom.scheduled(blocks=blocks)
    await newsroom.world.person(name=name)
    await newsroom.works()
    shown = await newsroom.read(article_id)
    assert shown["state"] == "returned"
    assert "姓名" in shown["steps"][-1]["note"]
    assert name not in shown["steps"][-1]["note"]


async def writer_of(newsroom: Newsroom) -> Someone:
    """An editor who has just been in the mini-program: WeChat checks for nobody else."""
    name = unique("e-")
    session = await sign_in(newsroom.client, name)
    person_id = UUID(session.json()["person"]["id"])
    await newsroom.owner.execute(
        "insert into post (id, created_at, person_id, organisation_id, role, from_date) "
        "values (gen_random_uuid(), now(), $1, $2, 'publicity_editor', '2020-01-01')", person_id, newsroom.city.id
    )  # fmt: skip
    return Someone(person_id, name, "", person_id, bearer(session)["Authorization"].removeprefix("Bearer "), None)


@pytest.mark.parametrize(
    ("checks", "found"),
    [({}, "pass"), ({"risky": ["办结"]}, "risky"), ({"review": ["办结"]}, "review"), ({"picture": "risky"}, "risky")],
)
async def test_wechat_looks_at_texts_and_pictures_of_who_was_there_lately(
    newsroom: Newsroom, checks: dict[str, Any], found: str
) -> None:
    writer = await writer_of(newsroom)
    newsroom.steering.post("checks", checks)
    body = {"kind": "policy", "content": content(await newsroom.upload(who=writer))}
    drafted = (await newsroom.ask(writer, "POST", "", body)).json()
    await newsroom.does(writer, drafted["id"], "submit")
    await check_all(newsroom.background, newsroom.accounts)
    assert (await newsroom.read(drafted["id"]))["platform_check"] == "pending"
    # The simulator tells of a picture by event, which nobody takes here: as the event would.
    said = checks.get("picture", "pass")
    await newsroom.owner.execute("update wechat_task set state = 'done', said = $1 where state = 'accepted'", said)
    await check_all(newsroom.background, newsroom.accounts)
    assert (await newsroom.read(drafted["id"]))["platform_check"] == found
    answer = await newsroom.act(newsroom.approver, drafted["id"], "approve")
    assert answer.status_code == (409 if found == "risky" else 200)


async def test_a_file_that_the_scanner_refuses_does_not_go_out(newsroom: Newsroom) -> None:
    article_id = await newsroom.scheduled()
    shown = await newsroom.read(article_id)
    file_id = UUID(shown["content"]["cover_file_id"])
    read = await newsroom.client.get(f"/files/{file_id}", headers=newsroom.approver.headers)
    assert (read.status_code, read.content[:4]) == (200, b"\x89PNG")
    await newsroom.owner.execute("update file set state = 'rejected' where id = $1", file_id)
    await newsroom.works()
    assert (await newsroom.read(article_id))["state"] == "returned"
    assert newsroom.steering.calls(SUBMIT) == 0
