"""What is being paid as a period ends is on the list of it, or in the next period: nothing falls between; and once."""

import asyncio

import asyncpg
import httpx
import pytest

from app.funds.ledger import Leg
from app.payments import result_commands
from app.supervision import sample_commands
from app.supervision.disclosure import disclosure_on
from tests.http.refusals import refused
from tests.make import AMOUNT_FEN, NOW, TODAY, Someone
from tests.paused import Paused, waits
from tests.paying import answered, lines_of, paid, sent
from tests.payments.conftest import Till
from tests.supervision.booking import book
from tests.supervision.sampling import announced, checks, draw, drawn, ended


async def test_whoever_draws_waits_for_a_payment_that_is_not_committed_yet(
    client: httpx.AsyncClient, till: Till, auditor: Someone, monkeypatch: pytest.MonkeyPatch, owner: asyncpg.Connection
) -> None:
    case = await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    sample = await announced(client, auditor, till.town.city)
    paused = Paused(monkeypatch, result_commands, "_carry_out")
    paying = asyncio.ensure_future(answered(client, till.checker, batch))
    await paused.reached.wait()
    await ended(sample)
    drawing = await waits(owner, draw(client, auditor, sample))
    paused.go.set()
    await paying
    shown = (await drawing).json()
    assert (shown["lines"], shown["fen"]) == (1, AMOUNT_FEN)
    assert [check["number"] for check in await checks(client, auditor, shown)] == [case.number]


async def test_a_payment_whose_request_came_before_the_end_is_of_the_moment_at_which_it_comes_to_the_books(
    client: httpx.AsyncClient, till: Till, auditor: Someone, monkeypatch: pytest.MonkeyPatch, owner: asyncpg.Connection
) -> None:
    case = await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.city)
    sample = await announced(client, auditor, till.town.city)
    paused = Paused(monkeypatch, result_commands, "batch", before=True)
    paying = asyncio.ensure_future(answered(client, till.checker, batch))
    await paused.reached.wait()
    await ended(sample)
    shown = (await draw(client, auditor, sample)).json()
    assert shown["lines"] == 0
    paused.go.set()
    await paying
    within = await owner.fetchval(
        "select created_at < (select until from payment_sample where id = $2) from ledger_transaction "
        "where application_id = $1", case.id, sample["id"],
    )  # fmt: skip
    assert within is False


async def test_a_line_that_was_booked_more_than_once_is_one_line_with_all_of_it_and_takes_no_place_of_another(
    client: httpx.AsyncClient, till: Till, auditor: Someone, monkeypatch: pytest.MonkeyPatch, owner: asyncpg.Connection
) -> None:
    case = await till.approved()
    batch = await paid(client, till.maker, till.checker, till.town.city)
    fund = await owner.fetchval("select fund_id from drawing where application_id = $1", case.id)
    legs = [Leg(fund, till.town.city.id, "allocated", -700), Leg(fund, till.town.city.id, "granted", 700)]
    for _ in range(2):
        await book(till.world, "payment", await _just_now(owner), legs, case)
    shown = await drawn(client, auditor, till.town.city)
    assert (shown["lines"], shown["fen"]) == (1, AMOUNT_FEN + 1_400)
    assert [check["amount_fen"] for check in await checks(client, auditor, shown)] == [AMOUNT_FEN + 1_400]
    (line,) = await lines_of(client, till.checker, batch)
    assert [check["line_id"] for check in await checks(client, auditor, shown)] == [line["id"]]
    # With room for one line, a second is not cut off unseen because the first came three times.
    await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    one = disclosure_on(TODAY).model_copy(update={"most_lines": 1})
    monkeypatch.setattr(sample_commands, "disclosure_on", lambda day: one)
    sample = await announced(client, auditor, till.town.city)
    await ended(sample)
    refused(await draw(client, auditor, sample), 409, "population_too_large")


async def _just_now(owner: asyncpg.Connection) -> object:
    return await owner.fetchval("select clock_timestamp()")


async def test_a_clock_that_is_behind_loses_no_payment(
    client: httpx.AsyncClient, till: Till, auditor: Someone, owner: asyncpg.Connection
) -> None:
    """The process that sent it may have had the faster clock."""
    case = await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    await owner.execute("set session_replication_role = replica")
    await owner.execute(
        "update payment_line set sent_at = $2 where application_id = $1", case.id, NOW.replace(year=2100)
    )
    await owner.execute("set session_replication_role = origin")
    assert (await drawn(client, auditor, till.town.city))["lines"] == 1
