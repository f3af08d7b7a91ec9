"""Every step of an article, tried by every role: who may, does; everybody else is refused, and nothing has moved."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.articles.path import PATH, ArticleAction, ArticleState
from app.db.transaction import Sight
from app.kernel.actor import OPEN_NOTHING, PERMISSIONS, Permission, Role
from tests.articles.making import Newsroom, content
from tests.make import Someone, keyed

BY_HAND = {step.action for step in PATH.steps if step.by is not Permission.SYSTEM}
WORDS = {
    "return": {"note": "请改一改"},
    "withdraw": {"note": "数字有误"},
    "schedule": {"way": "publish"},
}


def columns(state: str, approver: Someone) -> str:
    """What an article in a state has, so that the database takes it."""
    reviewed = state not in ("draft", "in_review", "returned")
    sent = reviewed and state != "approved"
    return ", ".join(
        [
            f"state = '{state}'",
            "checked_revision = revision, platform_check = 'pass'",
            f"reviewed_by = '{approver.id}', reviewed_at = now(), reviewed_revision = revision"
            if reviewed
            else "reviewed_by = null, reviewed_at = null, reviewed_revision = null",
            "way = 'publish', publish_at = now() + interval '1 day'" if sent else "way = null, publish_at = null",
            "withdrawn_at = now(), taken_down_at = now()"
            if state == "withdrawn"
            else "withdrawn_at = null, taken_down_at = null",
        ]
    )


async def put_at(newsroom: Newsroom, article_id: str, state: str) -> int:
    await newsroom.owner.execute("alter table article disable trigger user")
    await newsroom.owner.execute(
        f"update article set {columns(state, newsroom.approver)} where id = $1",
        UUID(article_id),
    )
    await newsroom.owner.execute("alter table article enable trigger user")
    version: int = await newsroom.owner.fetchval("select version from article where id = $1", UUID(article_id))
    return version


PUBLICITY = (Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER)


async def test_every_step_by_every_role_and_every_action_at_every_state(newsroom: Newsroom) -> None:
    holders = {role: await newsroom.world.staff(role, newsroom.city) for role in Role if role not in PUBLICITY}
    holders |= {Role.PUBLICITY_EDITOR: newsroom.editor, Role.PUBLICITY_APPROVER: newsroom.approver}
    article_id = (await newsroom.draft())["id"]
    steps = {(step.at, step.action): step for step in PATH.steps}
    tried = [(at, action, role) for at in ArticleState for action in sorted(BY_HAND) for role in PUBLICITY]
    tried += [
        (ArticleState(at), action, role)
        for at, action in steps
        if action in BY_HAND
        for role in Role
        if role not in PUBLICITY
    ]
    for state, action, role in tried:
        version = await put_at(newsroom, article_id, state)
        body = {"action": action, **WORDS.get(action, {})}
        answer = await newsroom.ask(holders[role], "POST", f"/{article_id}/actions", body, version=version)
        step, held = steps.get((ArticleState(state), action)), PERMISSIONS[role]
        expected: tuple[int, str] = (403, "not_allowed")
        if role in PUBLICITY and step is None:
            expected = (409, "not_allowed_now")
        elif step is not None and step.by in held:
            expected = (200, step.to)
        got = answer.json().get("code") or answer.json()["state"]
        assert (answer.status_code, got) == expected, (state, action, role)
        if answer.status_code != 200:
            assert await newsroom.state(article_id) == state
    assert {step.action for step in PATH.steps} == set(ArticleAction)
    of_articles = {each for each in Permission if each.startswith("article:")}
    assert of_articles <= OPEN_NOTHING
    assert not any(held & of_articles for role, held in PERMISSIONS.items() if role not in PUBLICITY)


async def test_another_city_sees_nothing_and_no_article_opens_a_case(newsroom: Newsroom) -> None:
    other = await newsroom.world.union("city", room_fen=0)
    strangers = [await newsroom.world.staff(role, other) for role in (Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER)]
    person = await newsroom.world.person()
    household = await newsroom.world.household(person, newsroom.city, plan=None, state="submitted")
    drafted = await newsroom.draft()
    article_id, body = drafted["id"], {"content": content(drafted["content"]["cover_file_id"])}
    for stranger in strangers:
        listed = await newsroom.ask(stranger, "GET", "")
        assert article_id not in {each["id"] for each in listed.json()["items"]}
        for method, path, sent in (
            ("GET", f"/{article_id}", None),
            ("GET", f"/{article_id}/preview", None),
            ("PUT", f"/{article_id}", body),
            ("POST", f"/{article_id}/people", {"id_number": person.id_number}),
            ("DELETE", f"/{article_id}/people/{uuid4()}", None),
            ("POST", f"/{article_id}/actions", {"action": "submit"}),
        ):
            answer = await newsroom.ask(stranger, method, path, sent, version=1)
            writes = Permission.WRITE_ARTICLES in PERMISSIONS[Role.PUBLICITY_EDITOR] and stranger is strangers[0]
            expected = 404 if writes or method == "GET" or path.endswith("actions") else 403
            assert answer.status_code == expected, (method, path)
        file_id = drafted["content"]["cover_file_id"]
        assert (await newsroom.client.get(f"/files/{file_id}", headers=stranger.headers)).status_code == 404
    for who in (newsroom.editor, newsroom.approver):
        answer = await newsroom.client.get(f"/staff/households/{household}", headers=who.headers)
        assert answer.status_code == 403
        sight = Sight("staff", who.id, ())
        async with newsroom.background.database.begin(sight) as transaction:
            await transaction.connection.execute("set local role aid_api")
            assert await transaction.connection.fetchval("select count(*) from household") == 0
            assert await transaction.connection.fetchval("select count(*) from article") >= 1


async def test_without_a_word_from_the_database_nobody_reviews_their_own(newsroom: Newsroom) -> None:
    drafted = await newsroom.draft()
    await newsroom.does(newsroom.editor, drafted["id"], "submit")
    approve = (
        "update article set state = 'approved', reviewed_by = $2, reviewed_at = now(), reviewed_revision = revision "
        "where id = $1"
    )
    for reviewer, told in ((newsroom.editor, newsroom.editor), (newsroom.approver, newsroom.editor)):
        await newsroom.owner.execute("select set_config('app.person', $1, false)", str(told.id))
        with pytest.raises(asyncpg.CheckViolationError, match="does not review it"):
            await newsroom.owner.execute(approve, UUID(drafted["id"]), reviewer.id)
    with pytest.raises(asyncpg.CheckViolationError, match="as_reviewed"):
        await newsroom.owner.execute("update article set state = 'approved' where id = $1", UUID(drafted["id"]))


async def test_what_everyone_reads_is_changed_by_nobody_who_reads_it(newsroom: Newsroom) -> None:
    article_id, owner = await newsroom.published(), newsroom.owner
    for door, drafts, hidden in (("public", 0, "UPDATE 0"), ("worker", 0, "UPDATE 0"), ("staff", 1, "UPDATE 1")):
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            await owner.execute("select set_config('app.door', $1, true)", door)
            await owner.execute("select set_config('app.person', $1, true)", str(newsroom.approver.id))
            one = UUID(article_id)
            assert await owner.fetchval("select count(*) from published_article where id = $1", one) == 1
            assert await owner.fetchval("select count(*) from article where id = $1", one) == drafts
            for column in ("title", "content", "wechat_url"):
                assert not await owner.fetchval(
                    "select has_column_privilege('published_article', $1, 'update')", column
                )
            if door == "staff":
                hide = "update published_article set withdrawn_at = now() where id = $1"
                assert await owner.execute(hide, one) == hidden
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with owner.transaction():
                        await owner.execute("update published_article set withdrawn_at = now() where id = $1", one)
    trace = await newsroom.owner.fetchval("select count(*) from article_step where article_id = $1", UUID(article_id))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await newsroom.owner.execute("delete from article_step")
    assert trace == 5


async def test_bad_words_twice_and_at_once(newsroom: Newsroom) -> None:
    """What a clerk does in a hurry."""
    drafted = await newsroom.draft()
    article_id = drafted["id"]
    both = [
        newsroom.ask(newsroom.editor, "POST", f"/{article_id}/actions", {"action": "submit"}, version=1)
        for _ in range(2)
    ]
    codes = sorted(answer.status_code for answer in await asyncio.gather(*both))
    assert codes == [200, 412]
    key = keyed()
    same: list[Any] = []
    for _ in range(2):
        same.append(
            await newsroom.client.post(
                f"/staff/articles/{article_id}/actions",
                json={"action": "take_back"},
                headers=newsroom.editor.headers | key | {"If-Match": '"2"'},
            )
        )
    assert [each.status_code for each in same] == [200, 200]
    assert same[0].json() == same[1].json()
    wrong = await newsroom.ask(
        newsroom.editor, "POST", f"/{article_id}/actions", {"action": "submit", "way": "publish"}, version=3
    )
    assert wrong.json()["errors"][0]["code"] == "way_not_asked"
    no_cover = await newsroom.ask(newsroom.editor, "PUT", f"/{article_id}", {"content": content(None)}, version=3)
    assert no_cover.status_code == 200
    refused = await newsroom.act(newsroom.editor, article_id, "submit")
    assert {each["code"] for each in refused.json()["errors"]} >= {"cover_missing"}
    somebodys = await newsroom.upload(who=newsroom.approver)
    foreign = await newsroom.ask(newsroom.editor, "PUT", f"/{article_id}", {"content": content(somebodys)}, version=4)
    assert foreign.json()["errors"][0]["code"] == "file_unknown"
