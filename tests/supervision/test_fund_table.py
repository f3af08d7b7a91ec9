"""The fund table: whatever happened on whichever day, its totals are the sums of its rows, and the ledger's."""

import os
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind
from app.db.transaction import Sight
from app.funds import ledger
from app.funds.ledger import Leg
from app.jobs import exports
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.business_time import SHANGHAI, business_date
from app.supervision.disclosure import disclosure_on
from app.supervision.fund_table import period_of, plain_yuan
from tests import make
from tests.bulk.importing import cells
from tests.calling import post
from tests.documents.reading import pages
from tests.http.refusals import refused
from tests.make import Guild, Someone, Town, World
from tests.supervision.booking import Booked, around, book, cases, granted

TABLE, EXPORTS = "/staff/fund_table", "/staff/fund_table/exports"
SOURCES = ("match", "union", "donation")
SEEDS = int(os.environ.get("AID_FUND_TABLE_SEEDS", "1"))
YEAR = 2025
MIDNIGHTS = [datetime(YEAR, month, 1, tzinfo=SHANGHAI) for month in (1, 4, 7, 10)]
MIDNIGHTS.append(datetime(YEAR + 1, 1, 1, tzinfo=SHANGHAI))


async def history(world: World, town: Town, chosen: random.Random) -> tuple[list[Booked], dict[UUID, str]]:
    """Sources with money, and payments and returns around the ends of quarters."""
    funds = {await world.fund(town.city, source=source): source for source in SOURCES}
    for fund in funds:
        legs = [Leg(fund, None, "source", -(10**9)), Leg(fund, None, "unallocated", 10**9)]
        await book(world, "grant", around(chosen, MIDNIGHTS[:2]), legs)
    booked, made = list[Booked](), await cases(world, town, 8, chosen)
    for _ in range(60):
        case = chosen.choice(made)
        parts = [
            (fund, funds[fund], chosen.randrange(1, 10**6))
            for fund in chosen.sample(list(funds), chosen.choice((1, 1, 2)))
        ]
        at = around(chosen, MIDNIGHTS)
        booked += await granted(world, town.city, case, parts, at)
        if chosen.random() < 0.2:
            booked += await granted(world, town.city, case, parts, around(chosen, MIDNIGHTS), back=True)
    return booked, funds


def under(booked: Iterable[Booked], union: Guild) -> list[Booked]:
    return [each for each in booked if each.case.home.ancestors[union.tier] == union.id]


def expected(
    booked: Iterable[Booked], town: Town, first: date, before: date
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Paid and returned by source, kind and district, added up one by one."""
    names = {district.id: district.name for district in town.districts}
    sums = dict[tuple[str, str, str], tuple[int, int]]()
    for each in booked:
        if first <= business_date(each.at) < before:
            district = each.case.home.ancestors["district"]
            assert district is not None
            key = (each.source, each.case.kind.value, names[district])
            paid, returned = sums.get(key, (0, 0))
            back = each.what == "return"
            sums[key] = (paid + each.fen * (not back), returned + each.fen * back)
    return sums


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_totals_are_the_sums_of_the_rows_and_the_ledgers_for_every_filter_and_day(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, seed: int
) -> None:
    chosen = random.Random(seed)
    booked, funds = await history(world, town, chosen)
    auditor = await world.staff(Role.AUDITOR, town.city, consents=())
    everything = list(
        product((town.city, *town.districts, town.units[0]), (None, 1, 2, 3, 4), (None, *SOURCES), (None, *Kind))
    )
    asked = everything if SEEDS > 1 else chosen.sample(everything, 60)
    for union, quarter, source, kind in asked:
        period = period_of(YEAR, quarter)
        query = {"organisation_code": union.code, "year": YEAR, "quarter": quarter, "source": source, "kind": kind}
        wanted: Any = {name: str(value) for name, value in query.items() if value is not None}
        answer = await client.get(TABLE, params=wanted, headers=auditor.headers)
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        matching = [
            each for each in under(booked, union) if source in (None, each.source) and kind in (None, each.case.kind)
        ]
        rows = {(r["source"], r["kind"], r["district"]): (r["paid_fen"], r["returned_fen"]) for r in shown["rows"]}
        assert rows == expected(matching, town, period.first, period.before), (seed, union.tier, quarter, source, kind)
        for name in ("paid_fen", "returned_fen", "net_fen"):
            assert shown["total"][name] == sum(row[name] for row in shown["rows"])
        in_days = [each for each in matching if period.first <= business_date(each.at) < period.before]
        helped = {each.case.applicant.id for each in in_days if each.what == "payment"}
        assert shown["total"]["households"] == len(helped)
        if (union, kind) == (town.city, None):
            await agrees_with_ledger(background, shown, funds, source, (period.first, period.before))


async def agrees_with_ledger(
    background: Jobs, shown: Any, funds: dict[UUID, str], source: str | None, days: tuple[date, date]
) -> None:
    async def standing(before: date) -> dict[str, int]:
        sums = dict[str, int]()
        for fund, of in funds.items():
            if source in (None, of):
                async with background.work() as work:
                    for row in await ledger.balances(work.transaction, fund, before):
                        sums[row["account"]] = sums.get(row["account"], 0) + row["balance_fen"]
        return sums

    opening, closing = [await standing(day) for day in days]

    def left(stood: dict[str, int]) -> int:
        return -stood.get("source", 0) - stood.get("granted", 0)

    total = shown["flow_total"]
    assert (total["opening_fen"], total["closing_fen"]) == (left(opening), left(closing))
    spent = closing.get("granted", 0) - opening.get("granted", 0)
    assert total["spent_fen"] == spent == shown["total"]["net_fen"]
    for name in ("opening_fen", "received_fen", "spent_fen", "closing_fen"):
        assert total[name] == sum(flow[name] for flow in shown["flows"])


@pytest.fixture
async def reader(world: World, town: Town) -> Someone:
    return await world.staff(Role.CITY_LEADER, town.city, name="林主席", consents=())


async def exported(
    client: httpx.AsyncClient, background: Jobs, by: Someone, town: Town, **wanted: Any
) -> tuple[Any, httpx.Response]:
    body = {"organisation_code": town.city.code, "year": YEAR, "reason": "季度上报", **wanted}
    answer = await post(client, by, EXPORTS, body)
    assert answer.status_code == 202, answer.text
    await exports.make(background, UUID(answer.json()["id"]))
    path = f"/staff/exports/{answer.json()['id']}"
    shown = (await client.get(path, headers=by.headers)).json()
    return shown, await client.get(f"{path}/file", headers=by.headers)


@pytest.mark.parametrize("format", ["xlsx", "pdf"])
async def test_the_printed_table_says_what_the_screen_says_and_who_took_it(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, reader: Someone, format: str
) -> None:
    await history(world, town, random.Random(7))
    query = {"organisation_code": town.city.code, "year": YEAR}
    seen = (await client.get(TABLE, params=query, headers=reader.headers)).json()
    shown, got = await exported(client, background, reader, town, format=format)
    assert [shown[name] for name in ("state", "form", "format", "rows")] == [
        "done", "fund_table", format, len(seen["rows"]),
    ]  # fmt: skip
    said = (
        "".join(pages(got.content))
        if format == "pdf"
        else "".join(str(cell) for row in cells(got.content) for cell in row)
    )
    said = said.replace("\n", "").replace("\u200b", "")
    total = seen["total"]
    for words in (
        disclosure_on(make.TODAY).title, "2025年度", "导出人：林主席", plain_yuan(total["paid_fen"]),
        plain_yuan(total["net_fen"]), plain_yuan(seen["flow_total"]["closing_fen"]), "工会经费",
    ):  # fmt: skip
        assert words in said, words


async def test_a_table_is_its_askers_for_a_day_and_nobody_elses(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, reader: Someone, owner: asyncpg.Connection
) -> None:
    shown, got = await exported(client, background, reader, town, quarter=1)
    assert got.status_code == 200
    other = await world.staff(Role.CITY_LEADER, town.city, consents=())
    path = f"/staff/exports/{shown['id']}/file"
    refused(await client.get(path, headers=other.headers), 404, "export_not_found")
    async with world.jobs.begin(Sight("job")) as transaction:
        over = "update bulk_export set expires_at = now() - interval '1 second' where id = $1"
        await transaction.connection.execute(over, UUID(shown["id"]))
    refused(await client.get(path, headers=reader.headers), 404, "export_not_found")
    audited = "select count(*) from audit_entry where subject_id = $1 and action like 'export.%'"
    assert await owner.fetchval(audited, shown["id"]) == 3


async def test_whose_post_ended_while_it_was_made_gets_no_table(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, reader: Someone
) -> None:
    await history(world, town, random.Random(3))
    body = {"organisation_code": town.city.code, "year": YEAR, "reason": "季度上报"}
    asked = (await post(client, reader, EXPORTS, body)).json()
    async with world.jobs.begin(Sight("job")) as transaction:
        await transaction.connection.execute("update post set ended_at = now() where person_id = $1", reader.id)
    await exports.make(background, UUID(asked["id"]))
    assert not await background.files.beside("sheets").get(UUID(asked["id"]))


async def test_what_cannot_be_exported_is_refused(client: httpx.AsyncClient, town: Town, reader: Someone) -> None:
    good = {"organisation_code": town.city.code, "year": YEAR, "reason": "上报"}
    for wrong in ({"quarter": 0}, {"year": 2015}, {"format": "docx"}, {"reason": " "}, {"kind": "x"}, {"more": 1}):
        refused(await post(client, reader, EXPORTS, good | wrong), 422, "invalid")
    elsewhere = good | {"organisation_code": make.unique("X-")}
    refused(await post(client, reader, EXPORTS, elsewhere), 404, "organisation_not_found")


@pytest.mark.parametrize("quarter", [None, 1, 2, 3, 4])
def test_quarters_follow_one_another_without_a_gap(quarter: int | None) -> None:
    period = period_of(YEAR, quarter)
    if quarter is None:
        assert (period.first, period.before) == (period_of(YEAR, 1).first, period_of(YEAR, 4).before)
    elif quarter < 4:
        assert period.before == period_of(YEAR, quarter + 1).first
    assert (period.before - timedelta(days=1)).year == YEAR
