"""What a donor is told: every fen, and nobody."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.applications.path import Kind, State
from app.db.transaction import Sight
from app.funds.ledger import Leg
from app.supervision.donors import TITLE, Cell, Told, content_of, folded, together
from tests.calling import post
from tests.documents.reading import pages
from tests.funds.making import Treasury, treasury_of
from tests.http.refusals import refused
from tests.make import TODAY, World
from tests.supervision.booking import book, granted
from tests.thorough import thorough

REPORTS = "/staff/donor_reports"
LEAST = 5
YESTERDAY = TODAY - timedelta(days=1)
FUND = {"name": "爱心捐赠", "code": "ZJ-1", "intent": "帮助困难职工"}


@pytest.fixture
async def treasury(world: World) -> Treasury:
    return await treasury_of(world)


async def donated(world: World, treasury: Treasury, helped: dict[tuple[int, Kind], int]) -> str:
    """A donation of which so many households in a unit were given 1 yuan each for a kind."""
    town, now = treasury.town, datetime.now(UTC) - timedelta(days=1)
    fund = await world.fund(town.city, source="donation")
    await book(world, "donation", now, [Leg(fund, None, "source", -1_000_00), Leg(fund, None, "unallocated", 1_000_00)])
    for (unit, kind), count in helped.items():
        for _ in range(count):
            who = await world.person(name="郑小红", home=town.units[unit])
            household = await world.household(who, town.units[unit])
            case = await world.application(
                who, town.units[unit], kind=kind, state=State.APPROVED, household_id=household
            )
            await granted(world, town.city, case, [(fund, "donation", 1_00)], now)
    return str(fund)


async def prepare(client: httpx.AsyncClient, by: Any, fund: str, **given: str) -> httpx.Response:
    return await post(
        client, by, REPORTS, {"fund_id": fund, "first_day": f"{YESTERDAY}", "last_day": f"{YESTERDAY}"} | given
    )


async def decide(client: httpx.AsyncClient, by: Any, report: Any, action: str) -> httpx.Response:
    return await post(client, by, f"{REPORTS}/{report['id']}/actions", {"action": action}, report["version"])


async def test_a_report_tells_every_fen_and_puts_small_cells_together(
    client: httpx.AsyncClient, world: World, treasury: Treasury, owner: asyncpg.Connection
) -> None:
    helped = {(0, Kind.HARDSHIP_AID): 6, (2, Kind.HARDSHIP_AID): 2, (2, Kind.GOLDEN_AUTUMN): 1}
    fund = await donated(world, treasury, helped)
    answer = await prepare(client, treasury.maker, fund)
    assert answer.status_code == 201, answer.text
    report = answer.json()
    said = report["content"]
    assert (said["received_fen"], said["spent_in_all_fen"], said["remaining_fen"]) == (1_000_00, 9_00, 991_00)
    assert (said["households"], said["times"], said["spent_fen"]) == (9, 9, 9_00)
    # Three households in two small cells are too few even together: the next smallest joins them.
    assert said["rows"] == [{"kind": None, "district": None, "households": 9, "spent_fen": 9_00}]
    content = await owner.fetchval("select content from donor_report where id = $1", report["id"])
    assert hashlib.sha256(content).hexdigest() == report["sha256"]
    assert orjson.loads(content) == said
    assert "郑" not in content.decode()


async def test_two_people_let_a_report_out_and_then_it_stays(
    client: httpx.AsyncClient, world: World, treasury: Treasury
) -> None:
    fund = await donated(world, treasury, {(0, Kind.HARDSHIP_AID): 5, (2, Kind.GOLDEN_AUTUMN): 5})
    report = (await prepare(client, treasury.maker, fund)).json()
    refused(await prepare(client, treasury.maker, fund), 409, "report_already_prepared")
    refused(await decide(client, treasury.maker, report, "release"), 403, "not_allowed")
    draft = await client.get(f"{REPORTS}/{report['id']}/pdf", headers=treasury.checker.headers)
    assert "草稿" in "".join(pages(draft.content))
    stale = dict(report) | {"version": 5}
    refused(await decide(client, treasury.checker, stale, "release"), 412, "stale_version")
    out = await decide(client, treasury.checker, report, "release")
    assert (out.status_code, out.json()["state"], out.json()["sha256"]) == (200, "released", report["sha256"])
    for action in ("release", "withdraw"):
        refused(await decide(client, treasury.checker, out.json(), action), 409, "report_already_decided")
    shown = (await client.get(f"{REPORTS}/{report['id']}", headers=treasury.leader.headers)).json()
    assert (shown["content"], shown["mine"]) == (report["content"], False)
    path = f"{REPORTS}/{report['id']}/pdf"
    first, again = [await client.get(path, headers=treasury.maker.headers) for _ in range(2)]
    assert first.content == again.content
    text = "".join(pages(first.content)).replace("\n", "").replace("\u200b", "")
    for words in (TITLE, report["sha256"], "帮助困难职工", "金秋助学", "10 户", "10.00"):
        assert words in text, words
    assert "草稿" not in text
    assert "郑" not in text
    with pytest.raises(asyncpg.CheckViolationError):
        async with world.jobs.begin(Sight("job")) as transaction:
            await transaction.connection.execute(
                f"update donor_report set state = 'prepared' where id = '{report['id']}'"
            )


async def test_who_holds_both_posts_does_not_let_out_what_they_wrote(
    client: httpx.AsyncClient, world: World, treasury: Treasury
) -> None:
    both = await world.person(
        posts=(("finance_maker", treasury.town.city), ("finance_checker", treasury.town.city)),  # type: ignore[arg-type]
        consents=(),
    )
    fund = await donated(world, treasury, {})
    report = (await prepare(client, both, fund)).json()
    refused(await decide(client, both, report, "release"), 403, "another_releases")
    withdrawn = await decide(client, both, report, "withdraw")
    assert withdrawn.json()["state"] == "withdrawn"
    assert (await prepare(client, both, fund)).status_code == 201, "a withdrawn one is in nobody's way"
    listed = (await client.get(REPORTS, params={"fund_id": fund}, headers=both.headers)).json()["items"]
    assert [each["state"] for each in listed] == ["prepared", "withdrawn"]


async def test_a_report_that_cannot_be_is_refused(client: httpx.AsyncClient, world: World, treasury: Treasury) -> None:
    fund = await donated(world, treasury, {})
    union = str(await world.fund(treasury.town.city))
    refused(await prepare(client, treasury.maker, union), 409, "no_donation")
    refused(await prepare(client, treasury.checker, fund), 403, "not_allowed")
    today, before = f"{TODAY}", f"{TODAY - timedelta(days=2)}"
    assert (
        refused(await prepare(client, treasury.maker, fund, last_day=today), 422)["errors"][0]["code"]
        == "period_not_over"
    )
    assert (
        refused(await prepare(client, treasury.maker, fund, last_day=before), 422)["errors"][0]["code"]
        == "period_empty"
    )
    abroad = await treasury_of(world)
    refused(await prepare(client, abroad.maker, fund), 404, "fund_not_found")
    report = (await prepare(client, treasury.maker, fund)).json()
    for path in ("", "/pdf"):
        gone = await client.get(f"{REPORTS}/{report['id']}{path}", headers=abroad.maker.headers)
        refused(gone, 404, "donor_report_not_found")
    refused(await decide(client, abroad.checker, report, "release"), 404, "donor_report_not_found")


def cell(n: int, households: Iterable[int], fen: int) -> Cell:
    helped = frozenset(UUID(int=household) for household in households)
    return Cell("hardship_aid", f"{n:03d}", fen, len(helped), helped)


@thorough
@given(st.lists(st.tuples(st.frozensets(st.integers(0, 15), max_size=9), st.integers(0, 10**6)), max_size=12))
def test_no_cell_tells_of_too_few_and_no_fen_is_lost(given_cells: list[tuple[frozenset[int], int]]) -> None:
    cells = [cell(n, households, fen) for n, (households, fen) in enumerate(given_cells)]
    shown = folded(cells, LEAST)
    assert sum(each.net_fen for each in shown) == sum(fen for _, fen in given_cells)
    assert frozenset().union(*(each.households for each in shown)) == together(cells).households
    # What is too few to be told stands alone: nothing is left to subtract it from.
    if any(len(each.households) < LEAST for each in shown):
        assert len(shown) == 1
    assert len([each for each in shown if each.kind is None]) <= 1


def test_a_household_in_two_cells_is_one_household() -> None:
    three = [cell(0, (1, 2, 3), 10), cell(1, (1, 2, 3), 20)]
    assert [(each.net_fen, len(each.households)) for each in folded(three, LEAST)] == [(30, 3)]
    said = orjson.loads(content_of(Told(FUND, "总工会", TODAY, TODAY, 100, 30, three), LEAST))
    assert (said["households"], said["times"]) == (None, None)
    assert [row["households"] for row in said["rows"]] == [None]


def test_what_is_large_enough_is_told_as_it_is() -> None:
    cells = [cell(n, range(5 + n), 100 * n) for n in range(3)]
    assert folded(cells, LEAST) == cells


def test_nobody_helped_is_told_as_nobody() -> None:
    said = orjson.loads(content_of(Told(FUND, "总工会", TODAY, TODAY, 100, 0, []), LEAST))
    assert (said["households"], said["times"], said["rows"], said["remaining_fen"]) == (0, 0, [], 100)
