"""Budgets are proposed by one person and decided by another, down the tree, and never below what is used."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests.calling import post
from tests.funds.making import Treasury, budget, check_sums, state, treasury_of, work_off
from tests.http.refusals import refused
from tests.make import AMOUNT_FEN, NOW, TODAY, Guild, World

FEN = 10_000_00


@pytest.fixture
async def treasury(world: World) -> Treasury:
    return await treasury_of(world)


@pytest.fixture
async def fund(world: World, treasury: Treasury) -> UUID:
    """Ten thousand yuan of which nothing is allocated."""
    return await world.fund(treasury.town.city, received_fen=FEN)


async def proposed(
    client: httpx.AsyncClient, treasury: Treasury, fund: UUID, given: Guild | None, taken: Guild | None, **other: Any
) -> httpx.Response:
    ends = {"from_organisation_code": given, "to_organisation_code": taken}
    body = {
        "fund_id": str(fund), "kind": "hardship_aid", "year": TODAY.year, "amount_fen": FEN, "reason": "年度安排",
        **{name: end.code for name, end in ends.items() if end},
    } | other  # fmt: skip
    return await post(client, treasury.maker, "/staff/allocations", body)


async def decided(
    client: httpx.AsyncClient, treasury: Treasury, answer: httpx.Response, action: str = "approve", **words: str
) -> httpx.Response:
    assert answer.status_code == 201, answer.text
    path = f"/staff/allocations/{answer.json()['id']}/actions"
    return await post(client, treasury.checker, path, {"action": action} | words, 1)


async def allocated(owner: asyncpg.Connection, fund: UUID) -> dict[UUID, int]:
    rows = await owner.fetch("select organisation_id, allocated_fen from budget where fund_id = $1", fund)
    return dict(rows)


async def test_room_goes_down_the_tree_and_back_each_time_by_two_people(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury, fund: UUID
) -> None:
    city, district, unit = treasury.town.city, treasury.town.districts[0], treasury.town.units[0]
    moves = [
        (None, city, FEN), (city, district, 6_000_00), (district, unit, 1_000_00), (unit, city, 400_00),
        (city, None, 4_400_00),
    ]  # fmt: skip
    for given, taken, fen in moves:
        answer = await proposed(client, treasury, fund, given, taken, amount_fen=fen)
        before = await allocated(owner, fund)
        refused(await post(client, treasury.maker, _path(answer), {"action": "approve"}, 1), 403, "not_allowed")
        assert await allocated(owner, fund) == before
        done = await decided(client, treasury, answer)
        assert (done.status_code, done.json()["state"]) == (200, "approved"), done.text
    assert await allocated(owner, fund) == {city.id: 0, district.id: 5_000_00, unit.id: 600_00}
    row = await owner.fetchrow("select received_fen, allocated_fen from fund where id = $1", fund)
    assert tuple(row) == (FEN, 5_600_00)
    listed = (await client.get(f"/staff/budgets?fund_id={fund}", headers=treasury.maker.headers)).json()["items"]
    assert sum(each["available_fen"] for each in listed) == 5_600_00
    sides = await owner.fetch(
        "select organisation_id, sum(amount_fen)::bigint as fen from ledger_entry where fund_id = $1 "
        "and account = 'allocated' group by 1",
        fund,
    )
    assert dict(sides) == {city.id: 0, district.id: 5_000_00, unit.id: 600_00}


def _path(answer: httpx.Response) -> str:
    return f"/staff/allocations/{answer.json()['id']}/actions"


async def test_whoever_proposed_decides_nothing_even_with_the_post_for_it(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury, fund: UUID
) -> None:
    city = treasury.town.city
    both = await world.person(posts=((Role.FINANCE_MAKER, city), (Role.FINANCE_CHECKER, city)), consents=())
    treasury = replace(treasury, maker=both)
    answer = await proposed(client, treasury, fund, None, city)
    refused(await post(client, both, _path(answer), {"action": "approve"}, 1), 403, "own_allocation")
    with pytest.raises(asyncpg.CheckViolationError, match="second_person"):
        await owner.execute(
            "update allocation set state = 'approved', decided_by = proposed_by, decided_at = now() where id = $1",
            UUID(answer.json()["id"]),
        )
    withdrawn = await post(client, both, _path(answer), {"action": "withdraw"}, 1)
    assert withdrawn.json()["state"] == "withdrawn"
    refused(await post(client, treasury.checker, _path(answer), {"action": "approve"}, 2), 409, "already_decided")


async def test_a_proposal_is_refused_with_a_reason_and_nothing_moves(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury, fund: UUID
) -> None:
    answer = await proposed(client, treasury, fund, None, treasury.town.city)
    path = _path(answer)
    refused(await post(client, treasury.checker, path, {"action": "refuse"}, 1), 422, "invalid")
    refused(await post(client, treasury.checker, path, {"action": "withdraw"}, 1), 403, "not_your_proposal")
    refused(await post(client, treasury.checker, path, {"action": "approve"}, 9), 412, "stale_version")
    done = await decided(client, treasury, answer, "refuse", note="本季度不安排")
    assert done.json()["state"] == "refused"
    assert await allocated(owner, fund) == {}


async def test_no_more_is_allocated_than_there_is_and_no_less_than_is_used(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury, fund: UUID
) -> None:
    city = treasury.town.city
    more = await proposed(client, treasury, fund, None, city, amount_fen=FEN + 1)
    refused(await decided(client, treasury, more), 409, "fund_exhausted")
    assert (await decided(client, treasury, await proposed(client, treasury, fund, None, city))).status_code == 200
    assert (await treasury.act(client, await treasury.case(), 1)).json()["state"] == "public_notice"
    below = await proposed(client, treasury, fund, city, None, amount_fen=FEN - AMOUNT_FEN + 1)
    refused(await decided(client, treasury, below), 409, "budget_in_use")
    assert await owner.fetchval("select state from allocation where id = $1", UUID(below.json()["id"])) == "proposed"
    rest = await proposed(client, treasury, fund, city, None, amount_fen=FEN - AMOUNT_FEN)
    assert (await decided(client, treasury, rest)).status_code == 200
    empty = await proposed(client, treasury, fund, treasury.town.units[0], None, amount_fen=1)
    refused(await decided(client, treasury, empty), 409, "budget_in_use")
    await check_sums(owner, treasury.town)


async def test_what_a_fund_is_not_for_is_not_proposed(
    client: httpx.AsyncClient, world: World, treasury: Treasury
) -> None:
    city, other = treasury.town.city, await world.union("city")
    fund = await world.fund(city, kinds=["hardship_aid"], carry_over_years=1, received_fen=FEN)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kind": "golden_autumn"}, "kind_not_of_fund"), ({"year": TODAY.year + 2}, "year_not_of_fund"),
        ({"year": TODAY.year - 1}, "year_not_of_fund"), ({"amount_fen": 0}, "greater_than"),
    ]  # fmt: skip
    for wrong, code in cases:
        answer = await proposed(client, treasury, fund, None, city, **wrong)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), answer.text
    across = await proposed(client, treasury, fund, treasury.town.units[0], treasury.town.units[1])
    assert across.json()["errors"][0]["code"] == "not_in_line"
    refused(await proposed(client, treasury, fund, None, other), 404, "organisation_not_found")
    assert (await proposed(client, treasury, fund, None, city, year=TODAY.year + 1)).status_code == 201
    abroad = await world.fund(other, received_fen=FEN)
    refused(await proposed(client, treasury, abroad, None, other), 404, "fund_not_found")
    refused(await client.get(f"/staff/funds/{abroad}", headers=treasury.maker.headers), 404, "fund_not_found")


async def test_central_money_is_for_archives_of_the_national_level_alone(
    client: httpx.AsyncClient, owner: asyncpg.Connection, treasury: Treasury
) -> None:
    body: dict[str, Any] = {
        "name": "中央财政专项帮扶资金", "source": "central", "year": TODAY.year, "kinds": ["hardship_aid"],
        "organisation_code": treasury.town.city.code,
    }  # fmt: skip
    made = await post(client, treasury.maker, "/staff/funds", body | {"code": f"{treasury.town.city.code}-1"})
    shown = (await client.get(f"/staff/funds/{made.json()['id']}", headers=treasury.maker.headers)).json()
    assert shown["archive_levels"] == ["national"]
    wrong = body | {"code": f"{treasury.town.city.code}-2", "archive_levels": ["county"]}
    answer = await post(client, treasury.maker, "/staff/funds", wrong)
    assert answer.json()["errors"][0]["code"] == "levels_not_of_source"
    answer = await post(client, treasury.maker, "/staff/funds", body | {"code": "X", "intent": "随意"})
    assert answer.json()["errors"][0]["code"] == "intent_of_donation"
    answer = await post(client, treasury.maker, "/staff/funds", body | {"code": "X", "organisation_code": "NOWHERE"})
    refused(answer, 404, "organisation_not_found")


async def test_a_raised_budget_funds_whoever_waits_in_their_order(
    client: httpx.AsyncClient, owner: asyncpg.Connection, world: World, treasury: Treasury, fund: UUID
) -> None:
    cases = [await treasury.case(amount_fen=fen) for fen in (3_000_00, 4_000_00, 2_000_00, 2_000_00)]
    for case in cases:
        assert (await treasury.act(client, case, 1)).json()["state"] == "waiting_funds"
    city = treasury.town.city
    answer = await proposed(client, treasury, fund, None, city, amount_fen=8_000_00)
    assert (await decided(client, treasury, answer)).status_code == 200
    await work_off(world, owner, NOW, treasury.town)
    states = [await state(owner, case) for case in cases]
    assert states == ["public_notice", "public_notice", "waiting_funds", "waiting_funds"], (
        "1,000 yuan is left, too little"
    )
    assert await budget(owner, city) == (7_000_00, 0, 0)
    await work_off(world, owner, NOW, treasury.town)  # told again, nothing more comes of it
    assert await budget(owner, city) == (7_000_00, 0, 0)
    await check_sums(owner, treasury.town)


async def test_only_those_who_deal_with_money_see_it_and_only_of_their_own_unions(
    client: httpx.AsyncClient, world: World, treasury: Treasury
) -> None:
    """The walls of money: funds, budgets, proposals, reservations, the waiting list."""
    town = treasury.town
    fund = await world.fund(town.city, room_fen=10 * FEN)
    await world.budget(fund, town.districts[1], "hardship_aid", FEN)
    case = await treasury.case()
    assert (await treasury.act(client, case, 1)).status_code == 200
    leaders = [await world.staff(Role.DISTRICT_LEADER, district, consents=()) for district in town.districts]
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0], consents=())
    stranger = await world.staff(Role.FINANCE_CHECKER, await world.union("city"), consents=())
    seen = {"/staff/funds": (1, 0, 1), "/staff/budgets": (4, 0, 1), "/staff/reservations": (1, 0, 0)}
    for path, counts in seen.items():
        for who, count in zip((treasury.maker, *leaders), counts, strict=True):
            answer = await client.get(path, headers=who.headers)
            assert len(answer.json()["items"]) == count, (path, answer.text)
        refused(await client.get(path, headers=clerk.headers), 403, "not_allowed")
        refused(await client.get(path, headers=case.applicant.headers), 403, "not_allowed")
    refused(await client.get(f"/staff/funds/{fund}", headers=stranger.headers), 404, "fund_not_found")
    refused(await client.get(f"/staff/funds/{fund}", headers=leaders[0].headers), 404, "fund_not_found")
    assert (await client.get(f"/staff/funds/{fund}", headers=leaders[1].headers)).status_code == 200
    for path in ("/staff/allocations", "/staff/waiting_list"):
        assert (await client.get(path, headers=treasury.maker.headers)).json() == {"items": [], "next_cursor": None}
        refused(await client.get(path, headers=clerk.headers), 403, "not_allowed")
