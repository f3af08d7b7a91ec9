"""The year's cap on what a household gets over all kinds of aid: kept by the database when amounts are granted."""

import asyncio
import os
import secrets
from datetime import date, timedelta
from random import Random
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.applications import household_caps
from app.applications.household_caps import HouseholdCap, cap_for
from app.applications.path import PATHS, Action, Kind, State
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.policy.book import PolicyBook
from app.policy.replay import canonical, sha256
from app.programmes import shipped
from tests import make
from tests.http.refusals import refused
from tests.make import Case, Someone, Town, World

ROUNDS = int(os.environ.get("AID_CONTESTS", "6"))
SEED = int(os.environ.get("AID_CONTEST_SEED") or secrets.randbelow(2**31))
CAP_FEN = 5_000_00
SAID: dict[str, Any] = {
    "version": "test-cap",
    "area": "440500",
    "in_force_from": "2099-01-01",
    "source": "测试用",
    "cap_fen": CAP_FEN,
    "counted_kinds": ["hardship_aid", "golden_autumn"],
}
TWO_KINDS = (Kind.HARDSHIP_AID, Kind.GOLDEN_AUTUMN)


def version(**given: Any) -> HouseholdCap:
    return HouseholdCap.model_validate_json(orjson.dumps(SAID | given))


@pytest.fixture
async def capped(owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch) -> HouseholdCap:
    """For the length of a test a cap is in force; its row is of a day that no other test comes to."""
    said = canonical(SAID)
    await owner.execute(
        "insert into policy_version (id, created_at, kind, area, name, in_force_from, source, document, sha256, state, "
        "origin, published_at, version) values ($1, now(), 'household_cap', '440500', 'test-cap', '2099-01-01', "
        "'测试用', $2::jsonb, $3, 'published', 'shipped', now(), 1) on conflict do nothing",
        new_id(), orjson.dumps(SAID).decode(), sha256(said),
    )  # fmt: skip
    found = version()
    monkeypatch.setattr(household_caps, "_cap_on", lambda policies, on: found)
    return found


async def waiting(world: World, town: Town, *amounts: int, **given: Any) -> list[Case]:
    """Claims of one household, of two kinds, that the city may approve."""
    worker, home = await world.person(home=town.units[0]), town.units[0]
    household_id = await world.household(worker, home)
    return [
        await world.application(
            worker,
            home,
            kind=TWO_KINDS[n % 2],
            state=State.CITY_APPROVAL,
            household_id=household_id,
            amount_fen=amount,
            decided_fen=amount,
            **given,
        )
        for n, amount in enumerate(amounts)
    ]


async def approve(client: httpx.AsyncClient, who: Someone, case: Case, **said: Any) -> httpx.Response:
    headers = who.headers | make.keyed() | {"If-Match": '"1"'}
    return await client.post(
        f"/staff/applications/{case.id}/actions", json={"action": "approve"} | said, headers=headers
    )


async def test_of_two_kinds_that_are_approved_at_once_exactly_one_fits(
    client: httpx.AsyncClient, world: World, capped: HouseholdCap
) -> None:
    town, random = await world.town(), Random(SEED)
    leaders = [await world.staff(Role.CITY_LEADER, town.city) for _ in range(2)]

    async def later(seconds: float, who: Someone, case: Case) -> httpx.Response:
        await asyncio.sleep(seconds)
        return await approve(client, who, case)

    for round_ in range(ROUNDS):
        pair = await waiting(world, town, 3_000_00, 3_000_00)
        answers = await asyncio.gather(
            *(later(random.random() * 0.012, who, case) for who, case in zip(leaders, pair, strict=True))
        )
        by_status = {answer.status_code: answer for answer in answers}
        assert sorted(answer.status_code for answer in answers) == [200, 409], (SEED, round_)
        refused(by_status[409], 409, "household_cap_reached")
        assert by_status[409].json()["room_fen"] == 2_000_00
        assert by_status[200].json()["state"] == "public_notice"


async def test_less_fits_into_what_is_left_and_a_fen_more_does_not(
    client: httpx.AsyncClient, world: World, capped: HouseholdCap
) -> None:
    town = await world.town()
    leader = await world.staff(Role.CITY_LEADER, town.city)
    first, second = await waiting(world, town, 3_000_00, 3_000_00)
    assert (await approve(client, leader, first)).status_code == 200
    refused(await approve(client, leader, second, amount_fen=2_000_01, note="核减"), 409, "household_cap_reached")
    assert (await approve(client, leader, second, amount_fen=2_000_00, note="核减")).status_code == 200


async def test_what_was_paid_before_more_was_refused_stays_counted_and_what_was_refused_does_not(
    client: httpx.AsyncClient, world: World, capped: HouseholdCap, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    leader = await world.staff(Role.CITY_LEADER, town.city)
    one, two, three = await waiting(world, town, 4_000_00, 3_000_00, 3_000_00)
    await owner.execute("update application set state = 'rejected', paid_before_fen = 100000 where id = $1", one.id)
    assert (await approve(client, leader, two)).status_code == 200
    refused(await approve(client, leader, three), 409, "household_cap_reached")


async def test_another_year_another_household_and_a_kind_that_is_not_counted_have_room_of_their_own(
    client: httpx.AsyncClient, world: World, capped: HouseholdCap
) -> None:
    town = await world.town()
    leader, officer = (
        await world.staff(Role.CITY_LEADER, town.city),
        await world.staff(Role.MUTUAL_AID_OFFICER, town.city),
    )
    (first,) = await waiting(world, town, 5_000_00)
    assert (await approve(client, leader, first)).status_code == 200
    (other,) = await waiting(world, town, 5_000_00)
    assert (await approve(client, leader, other)).status_code == 200
    (last_year,) = await waiting(world, town, 5_000_00, submitted_at=make.NOW - timedelta(days=400))
    assert (await approve(client, leader, last_year)).status_code == 200
    household = {"household_id": await world.household(await world.person(), town.units[0])}
    insured = await world.application(
        await world.person(), town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.CITY_APPROVAL,
        amount_fen=9_000_00, **household,
    )  # fmt: skip
    assert (await approve(client, officer, insured)).status_code == 200


async def test_a_batch_grants_what_fits_and_says_of_the_rest_why_not(
    client: httpx.AsyncClient, world: World, capped: HouseholdCap
) -> None:
    town = await world.town()
    leader = await world.staff(Role.CITY_LEADER, town.city)
    cases = [*await waiting(world, town, 3_000_00, 3_000_00), *await waiting(world, town, 3_000_00)]
    said = {"action": "approve", "items": [{"application_id": str(case.id), "version": 1} for case in cases]}
    seen = await client.post("/staff/batch_actions/preview", json=said, headers=leader.headers | make.keyed())
    assert seen.status_code in (200, 201), seen.text
    done = await client.post(
        "/staff/batch_actions", json={"token": seen.json()["token"], "action": "approve"},
        headers=leader.headers | make.keyed(),
    )  # fmt: skip
    assert done.text.count("household_cap_reached") == 1, done.text
    assert done.text.count("public_notice") == 2, done.text


@pytest.fixture
def hardship() -> dict[str, Any]:
    return {"kind": Kind.HARDSHIP_AID}


def test_the_cap_is_that_of_the_day_and_none_is_none(hardship: dict[str, Any]) -> None:
    path = PATHS[Kind.HARDSHIP_AID]
    granting, passing = path.step(State.CITY_APPROVAL, Action.APPROVE), path.step(State.UNIT_REVIEW, Action.APPROVE)
    old, new = version(in_force_from="2020-01-01", version="old"), version(in_force_from="2025-01-01", version="new")
    book = PolicyBook({"household_cap": (old, new)})
    assert cap_for(book, hardship, granting, date(2024, 12, 31)) == "old"
    assert cap_for(book, hardship, granting, date(2025, 1, 1)) == "new"
    assert cap_for(book, hardship, granting, date(2019, 12, 31)) is None
    assert cap_for(book, hardship, passing, date(2025, 1, 1)) is None
    assert cap_for(book, hardship, path.step(State.PUBLIC_NOTICE, Action.END_NOTICE), date(2025, 1, 1)) is None
    assert cap_for(book, hardship, path.step(State.PAID, Action.CHANGE_DECISION), date(2025, 1, 1)) == "new"
    assert cap_for(book, {"kind": Kind.SECONDARY_MEDICAL}, granting, date(2025, 1, 1)) is None
    lifted = PolicyBook({"household_cap": (old, version(in_force_from="2025-01-01", version="none", cap_fen=None))})
    assert cap_for(lifted, hardship, granting, date(2025, 1, 1)) is None


def test_what_comes_with_the_service_sets_no_cap(hardship: dict[str, Any]) -> None:
    granting = PATHS[Kind.HARDSHIP_AID].step(State.CITY_APPROVAL, Action.APPROVE)
    assert cap_for(shipped(), hardship, granting, make.TODAY) is None
