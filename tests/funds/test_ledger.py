"""The books: appended, in balance, each event once; what stands there is the same with and without what was kept."""

from datetime import date, timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.funds import ledger
from app.funds.ledger import AlreadyEntered, Event, Leg, post
from tests import calling
from tests.funds.making import Treasury, treasury_of
from tests.http.refusals import refused
from tests.make import NOW, TODAY, World, unique
from tests.notices.making import jobs_of

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def treasury(world: World) -> Treasury:
    return await treasury_of(world)


@pytest.fixture
async def fund(world: World, treasury: Treasury) -> UUID:
    return await world.fund(treasury.town.city)


async def entered(world: World, fund: UUID, *legs: tuple[UUID | None, str, int], key: str | None = None) -> None:
    sides = [Leg(fund, union, account, fen) for union, account, fen in legs]  # type: ignore[arg-type]
    await posted(world, key or unique("test:"), sides)


async def posted(world: World, key: str, legs: list[Leg]) -> None:
    async with jobs_of(world).work() as work:
        await post(work, Event(key, "allocation", None), legs)


async def test_a_transaction_that_does_not_balance_is_refused_when_it_commits(world: World, fund: UUID) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="sum to zero"):
        await entered(world, fund, (None, "source", -100), (None, "unallocated", 99))
    other = await world.fund(await world.union("city"))
    legs = [Leg(fund, None, "source", -100), Leg(other, None, "unallocated", 100)]
    with pytest.raises(asyncpg.CheckViolationError, match="sum to zero"):
        await posted(world, unique("test:"), legs)


async def test_an_event_is_entered_once(world: World, owner: asyncpg.Connection, fund: UUID) -> None:
    key = unique("test:")
    await entered(world, fund, (None, "source", -100), (None, "unallocated", 100), key=key)
    with pytest.raises(AlreadyEntered):
        await entered(world, fund, (None, "source", -100), (None, "unallocated", 100), key=key)
    assert await owner.fetchval("select count(*) from ledger_entry where fund_id = $1", fund) == 2


@pytest.mark.parametrize("table", ["ledger_transaction", "ledger_entry", "ledger_checkpoint"])
async def test_what_is_written_stays_written(owner: asyncpg.Connection, table: str) -> None:
    for change in (f"update {table} set created_at = now()", f"delete from {table}", f"truncate {table} cascade"):
        with pytest.raises(asyncpg.PostgresError):
            await owner.execute(change)


async def test_balances_are_the_same_with_and_without_what_was_kept(
    world: World, owner: asyncpg.Connection, treasury: Treasury, fund: UUID
) -> None:
    union = treasury.town.city.id
    await entered(world, fund, (None, "source", -500), (None, "unallocated", 500))
    await entered(world, fund, (None, "unallocated", -300), (union, "allocated", 300))

    async def standing(before: date) -> dict[tuple[UUID | None, str], int]:
        async with jobs_of(world).work() as work:
            rows = await ledger.balances(work.transaction, fund, before)
        return {(row["organisation_id"], row["account"]): row["balance_fen"] for row in rows}

    expected = {(None, "source"): -500, (None, "unallocated"): 200, (union, "allocated"): 300}
    assert await standing(TOMORROW) == expected
    assert await standing(TODAY) == {}
    async with jobs_of(world).work() as work:
        await work.transaction.run(ledger._CHECKPOINT, before=TOMORROW, now=NOW)
        again = await work.transaction.run(ledger._CHECKPOINT, before=TOMORROW, now=NOW)
    assert again == 0, "what was kept already"
    assert await owner.fetchval("select count(*) from ledger_checkpoint where fund_id = $1", fund) == 3
    assert await standing(TOMORROW) == expected
    # From now on what is older is not read again.
    await owner.execute("alter table ledger_entry disable trigger append_only")
    try:
        await owner.execute("delete from ledger_entry where fund_id = $1", fund)
        assert await standing(TOMORROW) == expected
    finally:
        await owner.execute("alter table ledger_entry enable trigger append_only")


async def test_money_is_received_by_its_paper_once_and_the_statement_shows_it(
    client: httpx.AsyncClient, treasury: Treasury
) -> None:
    body = {
        "code": unique("ZJ-"), "name": "爱心企业捐赠", "source": "donation", "year": TODAY.year,
        "organisation_code": treasury.town.city.code, "kinds": ["golden_autumn"], "intent": "资助大学新生",
    }  # fmt: skip
    made = await calling.post(client, treasury.maker, "/staff/funds", body)
    assert made.status_code == 201, made.text
    refused(await calling.post(client, treasury.maker, "/staff/funds", body), 409, "fund_code_taken")
    path = f"/staff/funds/{made.json()['id']}"
    paper = {"amount_fen": 50_000_00, "reference": "JZ-2026-1"}
    got = await calling.post(client, treasury.maker, f"{path}/receipts", paper, 1)
    assert (got.status_code, got.json()["unallocated_fen"]) == (201, 50_000_00), got.text
    refused(await calling.post(client, treasury.maker, f"{path}/receipts", paper, 1), 412, "stale_version")
    refused(await calling.post(client, treasury.maker, f"{path}/receipts", paper, 2), 409, "already_entered")
    refused(await calling.post(client, treasury.checker, f"{path}/receipts", paper, 2), 403, "not_allowed")
    month = f"{TODAY:%Y-%m}"
    shown = (await client.get(f"{path}/statement?month={month}&limit=1", headers=treasury.maker.headers)).json()
    assert shown["opening"] == []
    assert {each["account"]: each["balance_fen"] for each in shown["closing"]} == {
        "source": -50_000_00, "unallocated": 50_000_00,
    }  # fmt: skip
    rest = f"{path}/statement?month={month}&cursor={shown['next_cursor']}"
    more = (await client.get(rest, headers=treasury.maker.headers)).json()
    entries = [*shown["items"], *more["items"]]
    assert sorted(each["amount_fen"] for each in entries) == [-50_000_00, 50_000_00]
    assert {(each["kind"], each["reference"]) for each in entries} == {("donation", "JZ-2026-1")}
    refused(await client.get(f"{path}/statement?month=2026-13", headers=treasury.maker.headers), 422, "invalid")


async def test_the_night_finds_a_budget_and_books_that_do_not_agree(
    world: World, owner: asyncpg.Connection, treasury: Treasury
) -> None:
    fund = await world.fund(treasury.town.city, room_fen=1_000)  # which no ledger knows of
    async with jobs_of(world).work() as work:
        assert fund in await ledger.wrong_books(work.transaction, TOMORROW)
    union = treasury.town.city.id
    await entered(world, fund, (None, "source", -3_000), (None, "unallocated", 3_000))
    await entered(world, fund, (None, "unallocated", -3_000), (union, "allocated", 3_000))
    async with jobs_of(world).work() as work:
        assert fund not in await ledger.wrong_books(work.transaction, TOMORROW)
