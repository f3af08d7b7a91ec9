"""An objection stops the line that it names and nothing else; who objected stays with those above the unit."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import httpx
import pytest
from PIL import Image

from app.applications.path import Kind
from app.db.database import Database, open_database
from app.db.transaction import Sight
from app.http.routes import notices as routes
from app.http.visitors import NOBODY
from app.jobs.handlers import HANDLERS
from app.kernel.actor import Role
from app.notices.objection_commands import MOST_OBJECTIONS, Said, object_to
from app.settings import Settings
from tests import make
from tests.calling import every_item
from tests.http import household_notices
from tests.make import Someone, Town, World
from tests.notices.making import (
    decide,
    jobs_of,
    line_of,
    lines_of,
    objected,
    over,
    publish,
    published,
    reviewers,
    settled,
    state_of,
    waiting,
)


@pytest.fixture(scope="module")
async def town(world: World) -> Town:
    return await world.town()


@pytest.fixture(scope="module")
async def office(world: World, town: Town) -> dict[str, Someone]:
    return await reviewers(world, town)


@pytest.fixture(scope="module")
async def api(configured: Settings) -> AsyncIterator[Database]:
    """The database as the API sees it."""
    assert configured.database_url is not None
    database = await open_database(configured.database_url.get_secret_value(), "aid_api", size=4)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def nobody_was_here() -> None:
    routes._turnstile._passed.clear()


# ---- one line, and no other ----


async def test_an_objection_by_nobody_takes_the_line_from_the_page_and_no_other(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    cases = [await waiting(world, town.units[0], kind=Kind.GOLDEN_AUTUMN) for _ in range(3)]
    await publish(world, cases[0])
    lines = [await line_of(world, case.id) for case in cases]
    answer = await objected(client, lines[1]["id"])
    assert (answer.status_code, answer.json()["state"]) == (201, "received"), answer.text
    shown = (await client.get(f"/public/notice_batches/{lines[0]['batch_id']}")).json()
    stopped = next(line for line in shown["lines"] if not line["shown"])
    assert [line["shown"] for line in shown["lines"]].count(True) == 2
    assert {stopped[name] for name in stopped if name not in ("serial", "shown")} == {None}
    for what in ("", "/page"):
        assert cases[1].number not in (await client.get(f"/public/notice_batches/{lines[0]['batch_id']}{what}")).text
    assert (await client.get(f"/public/notices/{lines[1]['id']}")).status_code == 404
    assert (await client.get(f"/public/notices/{lines[0]['id']}")).status_code == 200


async def test_the_others_of_a_list_go_on_while_one_stands_still(world: World, town: Town, api: Database) -> None:
    cases = [await waiting(world, town.units[0], kind=Kind.GOLDEN_AUTUMN) for _ in range(3)]
    await publish(world, cases[0], seconds=-60)
    lines = [await line_of(world, case.id) for case in cases]
    async with jobs_of(world).work() as found, api.begin(Sight("public", NOBODY)) as transaction:
        before_its_end = replace(found, transaction=transaction, now=lines[1]["ends_at"] - timedelta(seconds=1))
        await object_to(before_its_end, lines[1]["id"], Said("此人名下另有房产"))
    for line in lines:
        await over(world, line)
    assert [await state_of(world, case) for case in cases] == ["approved", "public_notice", "approved"]


async def test_a_dismissed_objection_renews_the_notice_of_the_line_for_its_whole_time(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    case = await waiting(world, town.units[0])
    other = await waiting(world, town.units[0])
    await publish(world, case)
    line = await line_of(world, case.id)
    await objected(client, line["id"])
    done = await decide(client, office["district"], line["id"], "dismiss", note="经核查房产已出售")
    assert (done.status_code, done.json()["state"]) == (200, "dismissed"), done.text
    await settled(world, line["id"])
    states = [each["state"] for each in await lines_of(world, case.id)]
    assert sorted(states) == ["open", "renewed"]
    again = await line_of(world, case.id)
    assert (again["round"], again["batch_id"] == line["batch_id"]) == (line["round"], False)
    assert again["ends_at"] - again["created_at"] == line["ends_at"] - line["created_at"]
    assert (await client.get(f"/public/notice_batches/{again['batch_id']}")).json()["lines"][0]["number"] == case.number
    assert (await line_of(world, other.id))["id"] != again["id"]
    # And the new line can be objected to again.
    assert (await objected(client, again["id"])).status_code == 201


async def test_an_objection_that_is_right_sends_the_application_back_to_its_district_in_another_round(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    case, line = await published(world, town.units[0])
    await objected(client, line["id"])
    done = await decide(client, office["district"], line["id"], "uphold", note="名下确有另一处房产")
    assert (done.status_code, done.json()["state"]) == (200, "upheld"), done.text
    await settled(world, line["id"])
    assert await state_of(world, case) == "district_review"
    assert [each["state"] for each in await lines_of(world, case.id)] == ["upheld"]
    shown = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    step = shown["timeline"][-1]
    assert (step["action"], step["to_state"], step["note"]) == ("object", "district_review", "名下确有另一处房产")
    # Whoever upheld it may review it again, and the whole way, the notice too, begins anew.
    version = shown["version"]
    for by in ("district", "city"):
        moved = await client.post(
            f"/staff/applications/{case.id}/actions", json={"action": "approve"},
            headers=office[by].headers | make.keyed() | {"If-Match": f'"{version}"'},
        )  # fmt: skip
        assert moved.status_code == 200, moved.text
        version = moved.json()["version"]
    await publish(world, case)
    assert (await line_of(world, case.id))["round"] == 2


async def test_an_official_may_object_by_themselves_and_the_line_comes_down(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    case, line = await published(world, town.units[0])
    moved = await client.post(
        f"/staff/applications/{case.id}/actions", json={"action": "object", "note": "发现新情况"},
        headers=office["district"].headers | make.keyed() | {"If-Match": '"1"'},
    )  # fmt: skip
    assert (moved.status_code, moved.json()["state"]) == (200, "district_review"), moved.text
    fact = {"application_id": str(case.id), "kind": case.kind, "action": "object", "to_state": "district_review"}
    for handle in HANDLERS["ApplicationMoved"]:
        async with jobs_of(world).work() as work:
            await handle(work, fact)
    assert [each["state"] for each in await lines_of(world, case.id)] == ["withdrawn"]
    assert (await objected(client, line["id"])).status_code == 404


@pytest.mark.parametrize(("outcome", "state"), [("dismiss", "public_notice"), ("uphold", "district_review")])
async def test_a_household_file_is_looked_into_in_the_same_way(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], outcome: str, state: str
) -> None:
    file = await world.household(await world.person(), town.units[0], state="public_notice")
    await household_notices.publish(world, file, ago=-timedelta(hours=1))
    line = await line_of(world, file)
    await objected(client, line["id"])
    assert (await decide(client, office["district"], line["id"], outcome)).status_code == 200
    await settled(world, line["id"])
    shown = await client.get(f"/staff/households/{file}", headers=office["district"].headers)
    assert shown.json()["state"] == state
    assert len([each for each in await lines_of(world, file) if each["closed_at"] is None]) == (outcome == "dismiss")


# ---- who sees what ----


async def test_only_those_above_the_unit_see_an_investigation(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    _, line = await published(world, town.units[0])
    await objected(client, line["id"], contact="晚上七点后联系")
    path = f"/staff/notices/investigations/{line['id']}"
    found = {}
    for name, someone in office.items():
        one = await client.get(path, headers=someone.headers)
        listed = await client.get("/staff/notices/investigations", params={"limit": 100}, headers=someone.headers)
        seen = str(line["id"]) in {item["id"] for item in listed.json().get("items", [])}
        found[name] = (one.status_code, listed.status_code, seen)
    assert found == {
        "district": (200, 200, True),
        "city": (200, 200, True),
        "beside": (404, 200, False),
        "chair": (403, 403, False),
        "street": (403, 403, False),
    }
    shown = (await client.get(path, headers=office["district"].headers)).json()
    assert shown["objections"][0] | {"id": "", "received_at": ""} == {
        "id": "", "received_at": "", "anonymous": True, "objector_masked": None, "text": "此人名下另有房产",
        "contact": "晚上七点后联系", "file_ids": [],
    }  # fmt: skip
    assert shown["open_actions"] == ["uphold", "dismiss"]
    due = await client.get("/staff/notices/investigations/count", headers=office["district"].headers)
    late = await client.get(
        "/staff/notices/investigations/count", params={"overdue": "true"}, headers=office["district"].headers
    )
    assert due.json()["count"] >= 1
    assert late.json() == {"count": 0}


async def test_it_is_due_in_the_working_days_of_the_policy_and_overdue_after(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], owner: asyncpg.Connection
) -> None:
    _, line = await published(world, town.units[0])
    await objected(client, line["id"])
    path = f"/staff/notices/investigations/{line['id']}"
    due_on = (await client.get(path, headers=office["city"].headers)).json()["due_on"]
    async with jobs_of(world).work() as work:
        assert due_on == work.calendar.after_working_days(work.today, 10).isoformat()
    await owner.execute("update notice_investigation set due_on = due_on - 60 where id = $1", line["id"])
    late = await every_item(client, "/staff/notices/investigations", by=office["city"], overdue="true")
    assert str(line["id"]) in {item["id"] for item in late}
    assert (await client.get(path, headers=office["city"].headers)).json()["overdue"] is True


async def test_whom_the_line_is_about_learns_neither_who_objected_nor_what_they_said(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    # They hold the very post that looks into objections.
    accused = await world.person(
        home=town.units[0],
        posts=((Role.DISTRICT_REVIEWER, town.districts[0]), (Role.CITY_LEADER, town.city)),
    )
    objector = await world.person(name="蠢举报")
    _, line = await published(world, town.units[0], who=accused)
    answer = await objected(client, line["id"], objector, text="蠢证据在此")
    assert answer.status_code == 201, answer.text
    path = f"/staff/notices/investigations/{line['id']}"
    assert (await client.get(path, headers=accused.headers)).status_code == 404
    assert (await decide(client, accused, line["id"], "dismiss")).status_code == 404
    listed = await every_item(client, "/staff/notices/investigations", by=accused)
    assert str(line["id"]) not in {item["id"] for item in listed}
    told = [
        (await client.get(path, headers=accused.headers)).text
        for path in ("/me/access_log?limit=100", "/me/export", "/applications", "/me")
    ]
    for text in told:
        assert "蠢" not in text
        assert str(objector.id) not in text
    rows = await owner.fetch("select * from notice_objection where notice_id = $1", line["id"])
    assert "蠢证据".encode() not in b"".join(bytes(rows[0][name] or b"") for name in ("words", "contact"))


async def test_the_database_alone_hides_an_objection_from_whom_it_is_about(
    client: httpx.AsyncClient, world: World, town: Town, api: Database
) -> None:
    accused = await world.person(home=town.units[0], posts=((Role.DISTRICT_REVIEWER, town.districts[0]),))
    _, line = await published(world, town.units[0], who=accused)
    await objected(client, line["id"])
    above, unit = (town.districts[0].id,), (town.units[0].id, town.streets[0].id)
    seen = {}
    for name, sight in {
        "district": Sight("staff", (await world.person()).id, above),
        "accused": Sight("staff", accused.id, above),
        "accused as worker": Sight("worker", accused.id),
        "unit": Sight("staff", (await world.person()).id, unit),
        "public": Sight("public", NOBODY),
    }.items():
        async with api.begin(sight) as transaction:
            seen[name] = [
                await transaction.connection.fetchval(f"select count(*) from {table} where {column} = $1", line["id"])
                for table, column in (("notice_investigation", "id"), ("notice_objection", "notice_id"))
            ]
    assert seen == {
        "district": [1, 1], "accused": [0, 0], "accused as worker": [0, 0], "unit": [0, 0], "public": [0, 0],
    }  # fmt: skip


async def test_who_signs_in_may_show_themselves_or_not_and_adds_evidence(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    _, line = await published(world, town.units[0])
    shown, hidden = await world.person(name="林阿妹"), await world.person(name="郑阿妹")
    evidence = [await world.file(each) for each in (shown, hidden)]
    for someone, anonymous, file_id in ((shown, False, evidence[0]), (hidden, True, evidence[1])):
        done = await objected(client, line["id"], someone, anonymous=anonymous, file_ids=[str(file_id)])
        assert done.status_code == 201, done.text
    case = await client.get(f"/staff/notices/investigations/{line['id']}", headers=office["district"].headers)
    told = [(each["objector_masked"], each["file_ids"]) for each in case.json()["objections"]]
    assert told == [("林*妹", [str(evidence[0])]), (None, [str(evidence[1])])]
    assert str(hidden.id) not in case.text
    # The content of these is not in the store: whoever may see the file is told so, the others that there is none.
    found = {n: await client.get(f"/files/{evidence[1]}", headers=office[n].headers) for n in ("district", "chair")}
    assert {name: answer.status_code for name, answer in found.items()} == {"district": 404, "chair": 404}
    again = await objected(client, line["id"], hidden, anonymous=True)
    assert (again.status_code, again.json()["code"]) == (409, "already_objected")


async def test_evidence_is_read_by_those_above_the_unit_alone(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    accused, objector = await world.person(home=town.units[0]), await world.person()
    _, line = await published(world, town.units[0], who=accused)
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(picture, "PNG")
    sent = await client.post(
        "/files", files={"file": ("a.png", picture.getvalue(), "image/png")}, headers=objector.headers | make.keyed()
    )
    file_id = sent.json()["id"]
    assert (await objected(client, line["id"], objector, anonymous=True, file_ids=[file_id])).status_code == 201
    readers = {**office, "accused": accused, "objector": objector}
    read = {
        name: (await client.get(f"/files/{file_id}", headers=each.headers)).status_code
        for name, each in readers.items()
    }
    assert read == {
        "district": 200, "city": 200, "beside": 404, "chair": 404, "street": 404, "accused": 404, "objector": 200,
    }  # fmt: skip
    log = await client.get("/me/access_log", params={"limit": 100}, headers=accused.headers)
    assert "file.read" not in log.text


async def test_evidence_of_somebody_unknown_or_of_somebody_else_is_refused(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    _, line = await published(world, town.units[0])
    mine, other = await world.person(), await world.person()
    file_id = str(await world.file(mine))
    for by, code in ((None, "sign_in_for_files"), (other, "file_unknown")):
        refused = await objected(client, line["id"], by, file_ids=[file_id])
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, code)
    assert (await client.get(f"/public/notices/{line['id']}")).status_code == 200  # nothing was stopped


# ---- the door ----


async def test_the_same_objection_sent_again_is_answered_again(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    _, line = await published(world, town.units[0])
    for by in (None, await world.person()):
        headers = make.keyed() | (by.headers if by else {})
        path = f"/public/notices/{line['id']}/objections"
        first, again = [await client.post(path, json={"text": "有异议"}, headers=headers) for _ in range(2)]
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        other = await client.post(path, json={"text": "另一份"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await owner.fetchval("select count(*) from notice_objection where notice_id = $1", line["id"]) == 2


async def test_a_bad_token_is_not_taken_for_nobody(client: httpx.AsyncClient, world: World, town: Town) -> None:
    _, line = await published(world, town.units[0])
    answer = await client.post(
        f"/public/notices/{line['id']}/objections", json={"text": "有异议"},
        headers=make.keyed() | {"Authorization": "Bearer nonsense"},
    )  # fmt: skip
    assert answer.status_code == 401


async def test_nobody_stops_more_lines_a_minute_than_they_may(
    client: httpx.AsyncClient, world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes._turnstile, "most", 2)
    cases = [await waiting(world, town.units[0]) for _ in range(3)]
    await publish(world, cases[0])
    lines = [await line_of(world, case.id) for case in cases]
    answers = [await objected(client, line["id"]) for line in lines]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[2].headers["retry-after"]
    assert answers[2].json()["code"] == "visits_too_many"
    assert (await objected(client, lines[2]["id"], await world.person())).status_code == 201


async def test_a_line_takes_so_many_objections_and_no_more(
    client: httpx.AsyncClient, world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, line = await published(world, town.units[0])
    answers = [await objected(client, line["id"]) for _ in range(MOST_OBJECTIONS + 1)]
    assert [answer.status_code for answer in answers] == [201] * MOST_OBJECTIONS + [409]
    assert answers[-1].json()["code"] == "objections_enough"


async def test_what_is_over_can_no_longer_be_objected_to(client: httpx.AsyncClient, world: World, town: Town) -> None:
    case = await waiting(world, town.units[0])
    await publish(world, case, seconds=-60)
    line = await line_of(world, case.id)
    refused = await objected(client, line["id"])
    assert (refused.status_code, refused.json()["code"]) == (404, "notice_not_found")
