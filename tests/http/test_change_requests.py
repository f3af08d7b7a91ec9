"""A card, an identity, the size of a household: asked for by one, decided by another."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.http.change_requests import REASON, Place, ask, decide
from tests.make import Someone, World

CARDS = ("6217000000000000004", "6217000000000000012", "6222021234567890128")


def card(someone: Someone, number: str) -> dict[str, Any]:
    return {"holder": someone.name, "number": number, "bank_name": "中国银行"}


async def requests(client: httpx.AsyncClient, by: Someone, **query: Any) -> list[dict[str, Any]]:
    listed = await client.get("/staff/change_requests", params={"state": "open"} | query, headers=by.headers)
    assert listed.status_code == 200, listed.text
    items: list[dict[str, Any]] = listed.json()["items"]
    counted = await client.get("/staff/change_requests/count", params={"state": "open"} | query, headers=by.headers)
    assert counted.json() == {"count": len(items)}
    return items


async def cards(client: httpx.AsyncClient, someone: Someone) -> list[tuple[str, str]]:
    me = await client.get("/me", headers=someone.headers)
    return [(each["number_masked"][-4:], each["state"]) for each in me.json()["bank_cards"]]


async def bind(client: httpx.AsyncClient, someone: Someone, number: str) -> httpx.Response:
    return await client.put("/me/bank_card", json=card(someone, number), headers=someone.headers)


@pytest.mark.parametrize(("action", "left"), [("approve", [("0012", "current")]), ("reject", [("0004", "current")])])
async def test_a_second_card_is_confirmed_or_refused_by_a_second_person(
    client: httpx.AsyncClient, place: Place, action: str, left: list[tuple[str, str]]
) -> None:
    assert (await bind(client, place.worker, CARDS[0])).status_code == 200
    assert await requests(client, place.chair) == []
    assert (await bind(client, place.worker, CARDS[1])).status_code == 200
    again = await bind(client, place.worker, CARDS[2])
    assert (again.status_code, again.json()["code"]) == (409, "change_pending")
    assert (again.json()["field"], again.json()["in_the_way"], again.json()["yours"]) == (
        "/bank_card", "6217 **** **** 0012", "6222 **** **** 0128",
    )  # fmt: skip
    (request,) = await requests(client, place.chair)
    assert (request["kind"], request["after"]["number"], request["after"]["holder"]) == (
        "bank_card", "6217 **** **** 0012", "陈*明",
    )  # fmt: skip
    assert request["open_actions"] == ["approve", "reject"]
    assert (await decide(client, place.clerk, request)).status_code == 403
    without = await decide(client, place.chair, request, action, note=None)
    assert (without.status_code, without.json()["errors"][0]["code"]) == (422, "note_required")
    done = await decide(client, place.chair, request, action)
    assert (done.status_code, done.json()["state"]) == (200, {"approve": "approved", "reject": "rejected"}[action])
    assert await cards(client, place.worker) == left
    own = (await client.get("/me/household/change_requests", headers=place.worker.headers)).json()["items"]
    assert [(each["state"], each["note"], each["decided_by"]["role"]) for each in own] == [
        (done.json()["state"], "已核对原件", "unit_chair")
    ]
    assert (await bind(client, place.worker, CARDS[2])).status_code == 200


async def test_the_card_of_somebody_without_a_file_is_confirmed_by_their_union(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    someone = await world.person(home=town.units[0])
    chair, other = [await world.staff(Role.UNIT_CHAIR, unit) for unit in town.units[:2]]
    for number in CARDS[:2]:
        assert (await bind(client, someone, number)).status_code == 200
    (request,) = await requests(client, chair)
    assert await requests(client, other) == []
    assert (await decide(client, other, request)).status_code == 404
    assert (await decide(client, chair, request)).status_code == 200
    assert await cards(client, someone) == [("0012", "current")]


async def test_a_clerk_asks_for_a_card_in_the_workers_name(client: httpx.AsyncClient, place: Place) -> None:
    await bind(client, place.worker, CARDS[0])
    stranger = await ask(
        client, place, place.clerk, kind="bank_card", bank_card=card(place.worker, CARDS[1]) | {"holder": "林一"}
    )
    assert stranger.json()["errors"][0]["code"] == "holder_differs"
    asked = await ask(client, place, place.clerk, kind="bank_card", bank_card=card(place.worker, CARDS[1]))
    assert asked.status_code == 201, asked.text
    assert await cards(client, place.worker) == [("0004", "current"), ("0012", "pending")]
    assert (await decide(client, place.chair, asked.json())).status_code == 200
    assert await cards(client, place.worker) == [("0012", "current")]


async def test_a_corrected_identity_changes_file_account_membership_and_history(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    right, wrong = make.id_number(), place.worker.id_number
    identity = {"field": "/head", "name": "陈晓明", "id_number": right}
    asked = await ask(client, place, place.worker, kind="identity", **identity)
    assert asked.status_code == 201, asked.text
    assert right not in asked.text
    assert asked.json()["after"]["name"] == "陈*明"
    assert (await decide(client, place.chair, asked.json())).status_code == 200
    copy = (await client.get("/me/export", headers=place.worker.headers)).json()
    assert (copy["person"]["name"], copy["person"]["id_number"]) == ("陈晓明", right)
    assert copy["household"]["form"]["head"]["id_number"] == right
    changes = (await client.get("/me/household/changes", headers=place.worker.headers)).json()["items"]
    assert {(each["pointer"], each["before"], each["after"], each["source"], each["reason"]) for each in changes} == {
        ("/head/name", "陈小明", "陈晓明", "self", REASON),
        ("/head/id_number", wrong, right, "self", REASON),
    }
    body = {"name": "陈晓明", "id_number": right}
    assert (await client.put("/me/identity", json=body, headers=place.worker.headers)).status_code == 200


async def test_a_number_that_belongs_to_another_account_is_not_given_to_a_head(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    taken = (await world.person()).id_number
    asked = await ask(client, place, place.clerk, kind="identity", field="/head", name="陈小明", id_number=taken)
    refused = await decide(client, place.chair, asked.json())
    assert (refused.status_code, refused.json()["code"]) == (409, "identity_taken")


async def test_a_member_joins_and_leaves_and_belongs_to_one_household(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    elsewhere = make.member("son", name="陈小军")
    other = await world.person(home=place.town.units[1])
    await world.household(other, place.town.units[1], members=[elsewhere])
    taken = await ask(client, place, place.clerk, kind="household_size", member_joins=elsewhere)
    refused = await decide(client, place.chair, taken.json())
    assert (refused.status_code, refused.json()["code"]) == (409, "member_elsewhere")
    assert (await decide(client, place.chair, taken.json(), "reject")).status_code == 200
    baby = make.member("son", name="陈小虎")
    joins = await ask(client, place, place.clerk, kind="household_size", member_joins=baby)
    assert (await decide(client, place.chair, joins.json())).status_code == 200
    form = (await client.get("/me/household", headers=place.worker.headers)).json()["form"]
    assert [each["id_number"] for each in form["members"]][-1] == baby["id_number"]
    leaves = await ask(client, place, place.clerk, kind="household_size", field="/members/0")
    assert (await decide(client, place.chair, leaves.json())).status_code == 200
    changes = (await client.get("/me/household/changes", headers=place.worker.headers)).json()["items"]
    assert [(each["pointer"], each["source"], each["by"]["role"]) for each in changes] == [
        ("/members", "staff", "unit_clerk")
    ] * 2
    gone = form["members"][0]
    joins = await client.post(
        "/me/household/change_requests",
        json={"kind": "household_size", "reason": "同住", "member_joins": gone},
        headers=other.headers | make.keyed(),
    )
    chair = await world.staff(Role.UNIT_CHAIR, place.town.units[1])
    assert (await decide(client, chair, joins.json())).status_code == 200


async def test_a_file_that_changed_since_is_not_changed_blindly(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    identity = {"field": "/members/1", "name": "林阿姐", "id_number": make.id_number()}
    corrected = await ask(client, place, place.clerk, kind="identity", **identity)
    leaves = await ask(client, place, place.clerk, kind="household_size", field="/members/0")
    assert (await decide(client, place.chair, leaves.json())).status_code == 200
    outdated = await decide(client, place.chair, corrected.json())
    assert (outdated.status_code, outdated.json()["code"]) == (409, "change_outdated")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "identity"}, "change_parts"),
        ({"kind": "identity", "field": "/members/0"}, "change_parts"),
        ({"kind": "household_size", "field": "/head"}, "change_parts"),
        ({"kind": "household_size", "field": "/members/9"}, "change_outdated"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, place: Place, body: dict[str, Any], code: str
) -> None:
    refused = await ask(client, place, place.clerk, **body)
    problem = refused.json()
    assert code in {problem["code"], *(each["code"] for each in problem.get("errors", []))}, problem


async def test_nobody_decides_what_they_asked_for_or_what_is_their_own(
    client: httpx.AsyncClient, world: World, place: Place, owner: asyncpg.Connection
) -> None:
    unit = place.town.units[0]
    both = await world.person(posts=((Role.UNIT_CLERK, unit), (Role.UNIT_CHAIR, unit)))
    identity = {"field": "/members/0", "name": "陈大雨", "id_number": make.id_number()}
    asked = (await ask(client, place, both, kind="identity", **identity)).json()
    assert asked["open_actions"] == []
    refused = await decide(client, both, asked)
    assert (refused.status_code, refused.json()["code"]) == (403, "asked_by_yourself")
    # The same human under another account: the first one is closed, and its number is free to be bound again.
    index = await owner.fetchval("select id_number_index from person where id = $1", both.id)
    await owner.execute("update person set closed_at = now() where id = $1", both.id)
    again = await world.staff(Role.UNIT_CHAIR, unit)
    await owner.execute("update person set id_number_index = $2 where id = $1", again.id, index)
    refused = await decide(client, again, asked)
    assert (refused.status_code, refused.json()["code"]) == (403, "asked_by_yourself")
    # A member of the household, and the database itself.
    spouse = await world.staff(Role.UNIT_CHAIR, unit)
    await owner.execute(
        "insert into household_member (id, created_at, household_id, id_number_index, relation, living) "
        "select gen_random_uuid(), now(), $1, id_number_index, 'spouse', true from person where id = $2",
        place.household_id, spouse.id,
    )  # fmt: skip
    assert (await decide(client, spouse, asked)).status_code == 403
    with pytest.raises(asyncpg.CheckViolationError, match="second_person"):
        await owner.execute(
            "update change_request set state = 'approved', decided_at = now(), decided_by = $2, "
            "decided_by_number_index = asked_by_number_index where id = $1",
            UUID(asked["id"]), again.id,
        )  # fmt: skip
    assert (await decide(client, place.chair, asked)).status_code == 200


async def test_what_lies_outside_the_reach_does_not_exist(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    asked = (await ask(client, place, place.clerk, kind="household_size", field="/members/0")).json()
    for union in (place.town.units[1], place.town.districts[1], await world.union("city")):
        for role in (Role.UNIT_CHAIR, Role.DISTRICT_REVIEWER, Role.CITY_LEADER):
            stranger = await world.staff(role, union, consents=())
            assert await requests(client, stranger) == []
            assert (await decide(client, stranger, asked)).status_code == 404
    for role, union in ((Role.DISTRICT_LEADER, place.town.districts[0]), (Role.CITY_REVIEWER, place.town.city)):
        assert [each["id"] for each in await requests(client, await world.staff(role, union))] == [asked["id"]]
    for role in (Role.FINANCE_MAKER, Role.AUDITOR, Role.SYSTEM_ADMIN):
        idle = await world.staff(role, place.town.city)
        assert (await client.get("/staff/change_requests", headers=idle.headers)).status_code == 403
        assert (await ask(client, place, idle, kind="household_size", field="/members/0")).status_code == 403


async def test_of_two_requests_at_once_one_wins_and_the_other_sees_both_values(
    client: httpx.AsyncClient, world: World, place: Place
) -> None:
    clerks = [place.clerk, await world.staff(Role.UNIT_CLERK, place.town.units[0])]
    for field in ("/members/0", "/members/1", "/head"):
        numbers = [make.id_number(), make.id_number()]
        bodies = [
            {"field": field, "name": name, "id_number": n} for name, n in zip(("陈大", "陈二小"), numbers, strict=True)
        ]
        answers = await asyncio.gather(
            *(ask(client, place, clerk, kind="identity", **body) for clerk, body in zip(clerks, bodies, strict=True))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        lost = next(n for n, answer in enumerate(answers) if answer.status_code == 409)
        problem = answers[lost].json()
        assert (problem["code"], problem["field"]) == ("change_request_open", field)
        names = {0: "陈*", 1: "陈*小"}
        assert names[lost] in problem["yours"]
        assert names[1 - lost] in problem["in_the_way"]
        assert not any(number in answers[lost].text for number in numbers)
