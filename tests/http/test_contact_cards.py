"""Who is responsible for a household, and the card that says so: set by a leader, issued anew, told to the worker."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import httpx
import pytest

from app.contact_cards.card import Measure
from app.http.routes import contact_cards
from app.kernel.actor import Role
from app.settings import Settings
from tests.documents.reading import codes, glyphs, pages, strokes
from tests.make import Someone, Town, World


class Place:
    """A household, the people over it, and who is asked to be responsible."""

    def __init__(self, town: Town, household: object, worker: Someone, chair: Someone, clerk: Someone) -> None:
        self.town, self.id, self.worker, self.chair, self.clerk = town, household, worker, chair, clerk

    @property
    def path(self) -> str:
        return f"/staff/households/{self.id}"


@pytest.fixture
async def place(world: World) -> Place:
    town = await world.town()
    worker = await world.person(home=town.units[0], name="欧阳小明")
    household = await world.household(worker, town.units[0])
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0], name="陈主席")
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0], name="买买提·图尔荪")
    return Place(town, household, worker, chair, clerk)


async def assign(
    client: httpx.AsyncClient,
    place: Place,
    by: Someone,
    who: Someone,
    version: int,
    phone: str = "0754-88123456 转 8012",
) -> httpx.Response:
    body = {"person_id": str(who.id), "phone": phone}
    return await client.put(f"{place.path}/responsible", json=body, headers=by.headers | {"If-Match": f'"{version}"'})


async def card(client: httpx.AsyncClient, place: Place, by: Someone) -> httpx.Response:
    return await client.get(f"{place.path}/contact_card", headers=by.headers)


async def mine(client: httpx.AsyncClient, place: Place) -> dict[str, Any]:
    told: dict[str, Any] = (await client.get("/me/household/responsible", headers=place.worker.headers)).json()
    return told


async def test_before_anybody_is_responsible_there_is_no_card(client: httpx.AsyncClient, place: Place) -> None:
    for answer in (
        await card(client, place, place.chair),
        await client.get("/me/household/contact_card", headers=place.worker.headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "nobody_responsible")
    assert await mine(client, place) == {"responsible": None, "card": None}


async def test_a_leader_is_told_whom_they_may_choose(client: httpx.AsyncClient, world: World, place: Place) -> None:
    district = await world.staff(Role.DISTRICT_REVIEWER, place.town.districts[0], name="区工会")
    await world.staff(Role.UNIT_CLERK, place.town.units[1], name="别的单位")
    await world.staff(Role.SYSTEM_ADMIN, place.town.units[0], name="管理员")
    shown = await client.get(f"{place.path}/responsible", headers=place.chair.headers)
    assert (shown.status_code, shown.headers["etag"], shown.json()["version"]) == (200, '"1"', 1)
    offered = await client.get(f"{place.path}/responsible/candidates", headers=place.chair.headers)
    assert [(c["person_id"], c["name"]) for c in offered.json()["items"]] == [
        (str(place.chair.id), "陈主席"), (str(place.clerk.id), "买买提·图尔荪"), (str(district.id), "区工会"),
    ]  # fmt: skip
    stranger = await world.staff(Role.UNIT_CHAIR, place.town.units[1])
    statuses = [
        (await client.get(f"{place.path}/responsible/candidates", headers=who.headers)).status_code
        for who in (place.clerk, stranger, place.worker)
    ]
    assert statuses == [403, 404, 403]


async def test_the_card_names_the_responsible_person_and_the_worker_gets_the_same_card(
    client: httpx.AsyncClient, place: Place
) -> None:
    assigned = await assign(client, place, place.chair, place.clerk, 1)
    assert (assigned.status_code, assigned.headers["etag"]) == (200, '"2"'), assigned.text
    who = {"name": "买买提·图尔荪", "organisation": place.town.units[0].name, "phone": "0754-88123456 转 8012"}
    assert assigned.json()["responsible"].items() >= who.items()
    issued = assigned.json()["card"]
    printed = await card(client, place, place.chair)
    own = await client.get("/me/household/contact_card", headers=place.worker.headers)
    assert printed.content == own.content
    for answer in (printed, own):
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["contact-card-serial"] == issued["serial"]
    (page,) = pages(own.content)
    for words in (
        "买买提·图尔荪",
        "0754-88123456 转 8012",
        place.town.units[0].name,
        issued["serial"],
        "12351",
        "欧***",
    ):
        assert words in page.replace("\n", ""), words
    assert "欧阳小明" not in page
    assert 0 not in glyphs(own.content)
    assert (await mine(client, place))["card"]["serial"] == issued["serial"]
    assert issued["sha256"] is None  # nobody has drawn it yet: the worker does (tests/jobs/test_cards.py)


async def test_the_code_on_the_printed_card_leads_to_its_page_in_the_mini_program(
    client: httpx.AsyncClient, place: Place, configured: Settings
) -> None:
    assigned = await assign(client, place, place.chair, place.clerk, 1)
    printed = await card(client, place, place.chair)
    (read,) = codes(strokes(printed.content))
    assert read == f"{configured.printed_link}/pages/household/card?serial={assigned.json()['card']['serial']}"
    assert (await assign(client, place, place.chair, place.clerk, 2)).status_code == 200
    (after,) = codes(strokes((await card(client, place, place.chair)).content))
    assert after == read.removesuffix("-1") + "-2"


async def test_a_change_issues_a_new_card_and_the_old_one_is_superseded(
    client: httpx.AsyncClient, place: Place, owner: asyncpg.Connection
) -> None:
    first = (await assign(client, place, place.chair, place.clerk, 1)).json()["card"]
    second = (await assign(client, place, place.chair, place.chair, 2)).json()["card"]
    assert first["serial"] != second["serial"]
    assert (await mine(client, place))["card"] == second
    rows = await owner.fetch(
        "select serial, superseded_at from contact_card where household_id = $1 order by sequence", place.id
    )
    assert [(row["serial"], row["superseded_at"] is not None) for row in rows] == [
        (first["serial"], True), (second["serial"], False),
    ]  # fmt: skip
    terms = await owner.fetch(
        "select person_id, until_date, name, phone from responsible_person where household_id = $1 order by sequence",
        place.id,
    )
    assert [(term["person_id"], term["until_date"] is None) for term in terms] == [
        (place.clerk.id, False), (place.chair.id, True),
    ]  # fmt: skip
    assert b"88123456" not in terms[0]["phone"]
    assert "买买提".encode() not in terms[0]["name"]


async def test_a_card_that_says_the_same_is_not_issued_again_and_one_with_other_measures_is(
    client: httpx.AsyncClient, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = (await assign(client, place, place.chair, place.clerk, 1)).json()["card"]
    assert (await card(client, place, place.clerk)).headers["contact-card-serial"] == issued["serial"]

    async def planned(*_: object) -> list[Measure]:
        return [Measure("医疗救助：协助报销", "陈主席", "2026年12月31日前")]

    monkeypatch.setattr(contact_cards, "measures_of", planned)
    renewed = await card(client, place, place.clerk)
    assert renewed.headers["contact-card-serial"] != issued["serial"]
    assert "医疗救助：协助报销（陈主席，2026年12月31日前）" in pages(renewed.content)[0].replace("\n", "")
    assert (await card(client, place, place.clerk)).content == renewed.content


async def test_only_a_leader_over_the_household_assigns(client: httpx.AsyncClient, world: World, place: Place) -> None:
    stranger = await world.staff(Role.UNIT_CHAIR, place.town.units[1])
    city = await world.staff(Role.CITY_REVIEWER, place.town.city)
    refused = {
        who: (answer.status_code, answer.json()["code"])
        for who, answer in (
            ("clerk", await assign(client, place, place.clerk, place.clerk, 1)),
            ("stranger", await assign(client, place, stranger, place.clerk, 1)),
            ("city", await assign(client, place, city, place.clerk, 1)),
            ("worker", await assign(client, place, place.worker, place.clerk, 1)),
        )
    }
    assert refused == {
        "clerk": (403, "not_allowed"), "stranger": (404, "household_not_found"), "city": (403, "not_allowed"),
        "worker": (403, "not_allowed"),
    }  # fmt: skip
    for path in ("responsible", "contact_card"):
        seen = await client.get(f"{place.path}/{path}", headers=stranger.headers)
        assert seen.status_code == 404


async def test_only_staff_over_the_household_can_be_responsible_for_it(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    for who in (
        await world.staff(Role.UNIT_CLERK, place.town.units[1]),
        await world.staff(Role.PUBLICITY_EDITOR, place.town.units[0]),
        await world.person(home=place.town.units[0]),
        place.worker,
    ):
        answer = await assign(client, place, place.chair, who, 1)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "not_over_household")


async def test_a_change_of_what_was_not_seen_is_refused(client: httpx.AsyncClient, place: Place) -> None:
    body = {"person_id": str(place.clerk.id), "phone": "0754-88123456"}
    missing = await client.put(f"{place.path}/responsible", json=body, headers=place.chair.headers)
    assert (missing.status_code, missing.json()["code"]) == (428, "version_missing")
    assert (await assign(client, place, place.chair, place.clerk, 0)).status_code == 412
    assert (await assign(client, place, place.chair, place.clerk, 1)).status_code == 200
    stale = await assign(client, place, place.chair, place.chair, 1)
    assert (stale.status_code, stale.json()["version"]) == (412, 2)


@pytest.mark.parametrize("phone", ["", "1", "电话", "0754-88123456 转 ", "+86 754", "1" * 40, "138\n00138000"])
async def test_a_number_that_nobody_could_call_is_refused(client: httpx.AsyncClient, place: Place, phone: str) -> None:
    assert (await assign(client, place, place.chair, place.clerk, 1, phone)).status_code == 422


async def test_of_changes_at_once_one_wins_and_one_card_is_current(
    client: httpx.AsyncClient, place: Place, owner: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(*(assign(client, place, place.chair, place.clerk, 1) for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 5}
    current = "select count(*) from contact_card where household_id = $1 and superseded_at is null"
    assert await owner.fetchval(current, place.id) == 1


async def test_a_file_that_has_ended_gets_nobody_new(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    other = await world.person(home=place.town.units[0])
    ended = Place(place.town, await world.household(other, place.town.units[0], state="rejected"), other,
                  place.chair, place.clerk)  # fmt: skip
    answer = await assign(client, ended, place.chair, place.clerk, 1)
    assert (answer.status_code, answer.json()["code"]) == (409, "household_closed")


async def test_the_household_sees_who_printed_its_card(client: httpx.AsyncClient, place: Place) -> None:
    await assign(client, place, place.chair, place.clerk, 1)
    await card(client, place, place.clerk)
    log = (await client.get("/me/access_log", headers=place.worker.headers)).json()["items"]
    assert {"household.responsible_assigned", "household.card_issued", "household.card_printed"} <= {
        entry["action"] for entry in log
    }


async def test_colleagues_are_told_only_through_a_household_in_reach(
    world: World, place: Place, owner: asyncpg.Connection
) -> None:
    """The function that looks behind the walls: other doors, other unions and no union see nobody."""
    asked = "select count(*) from staff_over($1, current_date)"
    seen = {}
    for door, union in (
        ("staff", place.town.units[0]), ("staff", place.town.city), ("staff", place.town.units[1]), ("staff", None),
        ("worker", place.town.units[0]), ("public", place.town.units[0]),
    ):  # fmt: skip
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            await owner.execute("select set_config('app.door', $1, true)", door)
            reach = f"{{{union.id}}}" if union else ""
            await owner.execute("select set_config('app.organisations', $1, true)", reach)
            seen[door, union and union.name] = await owner.fetchval(asked, place.id)
    unit, city = place.town.units[0].name, place.town.city.name
    assert seen == {
        ("staff", unit): 2, ("staff", city): 2, ("staff", place.town.units[1].name): 0, ("staff", None): 0,
        ("worker", unit): 0, ("public", unit): 0,
    }  # fmt: skip
