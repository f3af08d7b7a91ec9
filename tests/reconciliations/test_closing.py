"""A month is closed once all ways agree and nothing is open; and then nothing is posted into it, by whomever."""

import asyncio
import hashlib
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.funds.ledger import Event, Leg
from app.funds.ledger import post as enter
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.reconciliations.rules import Explained, Figures, month_of, weighed
from tests.calling import post
from tests.faults.heap import Heap
from tests.http.refusals import refused
from tests.make import TODAY, unique
from tests.reconciliations.making import PLACE, Books, Line, Told, at_noon, file_of, in_order, send_statement

_LAST = TODAY.replace(day=1) - timedelta(days=1)
MONTH = (_LAST.replace(day=1) - timedelta(days=1)).replace(day=1)
"""The month before the last one: it is over whatever day it is today."""
DAYS = month_of(MONTH)
MIDDLE = MONTH + timedelta(days=14)


def told_of(line: Line) -> list[Told]:
    return [
        Told(each.direction, each.fen, day=MIDDLE + timedelta(days=1), remark=each.remark) for each in in_order(line)
    ]


async def parity(client: httpx.AsyncClient, books: Books) -> dict[str, Any]:
    path = f"{PLACE}/parity?organisation_code={books.city.code}&month={MONTH.isoformat()[:7]}"
    answer = await client.get(path, headers=books.checker.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def close(client: httpx.AsyncClient, books: Books, by: Any = None) -> httpx.Response:
    body = {"organisation_code": books.city.code, "month": MONTH.isoformat()[:7]}
    return await post(client, by or books.checker, f"{PLACE}/closings", body)


async def closed(client: httpx.AsyncClient, books: Books, jobs: Jobs) -> list[Line]:
    lines = await books.plant([(50_000, "paid"), (60_000, "returned"), (70_000, "paid")], sent_on=MIDDLE)
    await books.told(client, [told for line in lines for told in told_of(line)], DAYS)
    await books.reconciled(client, jobs, DAYS)
    done = await close(client, books)
    assert done.status_code == 201, done.text
    return lines


async def entered(books: Books, jobs: Jobs, day: date) -> None:
    """Something is entered on a day."""
    async with jobs.work() as work:
        object.__setattr__(work, "now", at_noon(day))
        legs = [Leg(books.fund_id, None, "source", -100), Leg(books.fund_id, None, "unallocated", 100)]
        await enter(work, Event(unique("t:"), "grant", None), legs)


async def test_a_month_is_closed_only_when_everything_is_in_place(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    lines = await books.plant([(50_000, "paid"), (60_000, "sent")], sent_on=MIDDLE)
    found = await parity(client, books)
    assert found["why"] == ["not_reconciled", "uncovered_days", "unanswered", "differs"]
    refused(await close(client, books), 409, "not_in_agreement")
    told = [
        *told_of(lines[0]),
        Told("out", 60_000, day=MIDDLE, remark=lines[1].out().remark),
        Told("out", 5, day=MIDDLE),
    ]
    await books.told(client, told, DAYS)
    await books.reconciled(client, background, DAYS)
    assert (await parity(client, books))["why"] == ["unanswered", "breaks_open", "differs"]
    await books.past("update payment_line set state = 'paid', answered_at = sent_at where id = $1", lines[1].id)
    await books.past("update application set state = 'paid', paid_at = now() where id = $1", lines[1].application_id)
    heap_line = Line(lines[1].id, lines[1].application_id, lines[1].batch_id, 60_000, "paid")
    await book(books, heap_line)
    assert (await parity(client, books))["why"] == ["not_reconciled", "breaks_open"]
    await books.reconciled(client, background, DAYS)
    assert (await parity(client, books))["why"] == ["breaks_open"]
    problem = refused(await close(client, books), 409, "not_in_agreement")
    assert problem["why"] == "breaks_open"
    (fee,) = await books.breaks(client)
    explained = {"action": "explain", "reason": "银行手续费，已向市总工会报备"}
    done = await post(client, books.checker, f"{PLACE}/breaks/{fee['id']}/actions", explained, fee["version"])
    assert done.status_code == 200
    assert (await parity(client, books)) | {"figures": None} == {
        "may_close": True, "why": [], "open": 0, "explained": 1, "figures": None,
    }  # fmt: skip
    refused(await close(client, books, books.maker), 403, "not_allowed")
    answers = await asyncio.gather(*(close(client, books) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409]
    (row,) = (await client.get(f"{PLACE}/closings", headers=books.maker.headers)).json()["items"]
    assert hashlib.sha256(row["content"].encode()).hexdigest() == row["sha256"]
    content = orjson.loads(row["content"])
    assert (content["figures"]["paid_fen"], content["explained"], row["month"]) == (110_000, 1, MONTH.isoformat()[:7])


async def book(books: Books, line: Line) -> None:
    heap = Heap(books.world.jobs, books.world.keyring)
    await books.enter(heap, line, at_noon(MIDDLE))
    await books.pour(heap)


async def test_nothing_is_posted_into_a_closed_month_and_a_late_return_goes_into_the_open_one(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    lines = await closed(client, books, background)
    for day in (DAYS[0], MIDDLE, DAYS[1]):
        with pytest.raises(asyncpg.CheckViolationError, match="closed"):
            await entered(books, background, day)
    for day in (DAYS[0] - timedelta(days=1), DAYS[1] + timedelta(days=1), TODAY):
        await entered(books, background, day)
    elsewhere = await books.world.fund(await books.world.union("city"))
    await entered(Books(books.world, owner, books.city, elsewhere, books.maker, books.checker), background, MIDDLE)
    answer = await send_statement(client, books.maker, books.city, file_of([Told("out", 1, day=MIDDLE)]), DAYS)
    refused(answer, 409, "statement_of_closed_month")
    # What comes back later: the bank says so in another month, and so do the books.
    late = Told("in", lines[0].fen, day=DAYS[1] + timedelta(days=3), remark=lines[0].out().remark)
    after = (DAYS[1] + timedelta(days=1), DAYS[1] + timedelta(days=9))
    await books.told(client, [late], after)
    await books.reconciled(client, background, after)
    assert await books.found(client) == {("returned_at_bank", str(lines[0].id))}
    day = await owner.fetchval("select day from reconciliation_break where subject_id = $1", lines[0].id)
    assert day == MIDDLE, "it is a break of the line, wherever the bank tells it"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await owner.execute("update month_closing set explained = 1")


async def test_one_difference_that_was_explained_excuses_no_other(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    """Of an application that was paid a fen less than it was approved, and whose last line was sent in another month:
    its break is of that month, and the sum differs in both."""
    (line,) = await books.plant([(50_000, "paid")], sent_on=MIDDLE, amount_fen=50_001)
    (again,) = await books.plant([(50_000, "returned")], sent_on=DAYS[1] + timedelta(days=9))
    await books.past("update payment_line set application_id = $1 where id = $2", line.application_id, again.id)
    after = (DAYS[1] + timedelta(days=1), DAYS[1] + timedelta(days=20))
    back = [Told(each.direction, each.fen, after[1], remark=each.remark) for each in in_order(again)]
    await books.told(client, [*told_of(line), Told("out", 5, day=MIDDLE)], DAYS)
    await books.told(client, back, after)
    for days in (after, DAYS):
        await books.reconciled(client, background, days)
    found = {each["kind"]: each for each in await books.breaks(client)}
    assert set(found) == {"approved_differs", "unknown_payment"}
    assert (await parity(client, books))["why"] == ["breaks_open", "differs"]
    for kind, why in (("unknown_payment", ["differs"]), ("approved_differs", [])):
        said = {"action": "explain", "reason": "银行书面答复，已报市总工会"}
        one = found[kind]
        done = await post(client, books.checker, f"{PLACE}/breaks/{one['id']}/actions", said, one["version"])
        assert done.status_code == 200, done.text
        assert (await parity(client, books))["why"] == why
    content = orjson.loads((await close(client, books)).json()["content"])
    assert content["explained_fen"] == {"approved_fen": 1, "bank_fen": 0, "ledger_fen": 0}


async def test_nobody_closes_a_month_past_the_check(books: Books, owner: asyncpg.Connection) -> None:
    columns = (
        "id, created_at, city_id, organisation_name, month, reconciliation_id, closed_by, role, explained, content"
    )
    values = "(gen_random_uuid(), now(), $1, 'x', $2, $3, $4, 'finance_checker', 0, ''::bytea, repeat('0', 64))"
    with pytest.raises(asyncpg.CheckViolationError, match="over"):
        await owner.execute(
            f"insert into month_closing ({columns}, sha256) values {values}", books.city.id, TODAY.replace(day=1),
            books.city.id, books.checker.id,
        )  # fmt: skip


async def test_only_a_city_closes_months(client: httpx.AsyncClient, books: Books) -> None:
    district = await books.world.union("district", books.city)
    checker = await books.world.staff(Role.FINANCE_CHECKER, district, consents=())
    body = {"organisation_code": district.code, "month": MONTH.isoformat()[:7]}
    problem = refused(await post(client, checker, f"{PLACE}/closings", body), 422, "invalid")
    assert problem["errors"][0]["code"] == "not_a_city"
    assert (await client.get(f"{PLACE}/closings", headers=checker.headers)).json()["items"] == []
    body["organisation_code"] = books.city.code
    refused(await post(client, checker, f"{PLACE}/closings", body), 404, "organisation_not_found")
    for query in ("", f"?organisation_code={books.city.code}", "?month=2026-01", "?year=2026&month=2026-01"):
        problem = refused(await client.get(f"{PLACE}/parity{query}", headers=checker.headers), 422, "invalid")
        assert problem["errors"][0]["code"] == "one_of"
    year = await client.get(f"{PLACE}/parity?organisation_code={district.code}&year=2017", headers=checker.headers)
    assert year.json()["why"] == ["not_reconciled", "uncovered_days"]


FIGURES = Figures(1, 0, 0, 5, 5, 5, 5, 5)


@pytest.mark.parametrize(
    ("figures", "explained", "why"),
    [
        (FIGURES, Explained(), ()),
        (Figures(1, 0, 0, 5, 4, 5, 5, 5), Explained(), ("differs",)),
        (Figures(1, 0, 0, 5, 5, 4, 5, 5), Explained(), ("differs",)),
        (Figures(1, 0, 0, 5, 5, 5, 4, 5), Explained(), ("differs",)),
        (Figures(1, 0, 0, 5, 5, 5, 5, 4), Explained(), ("differs",)),
        (Figures(1, 0, 0, 9, 5, 5, 5, 5), Explained(), ()),  # what a bank refused was sent as well
        (Figures(1, 0, 0, 5, 5, 5, 4, 5), Explained(1, bank_fen=-1), ()),
        (Figures(1, 0, 0, 5, 5, 5, 4, 5), Explained(1), ("differs",)),  # a fee, and a fen that nobody explained
        (Figures(1, 0, 0, 5, 5, 5, 4, 5), Explained(1, bank_fen=1), ("differs",)),
        (Figures(1, 0, 0, 5, 5, 5, 3, 5), Explained(1, bank_fen=-1), ("differs",)),
        (Figures(1, 0, 0, 5, 5, 5, 4, 5), Explained(1, ledger_fen=-1), ("differs",)),
        (Figures(3, 0, 0, 5, 8, 5, 4, 7), Explained(3, 3, -1, 2), ()),
        (FIGURES, Explained(1, bank_fen=-1), ("differs",)),  # what was explained has gone, and no run has seen it
    ],
)
def test_the_three_ways_are_one_sum_but_for_what_was_explained(
    figures: Figures, explained: Explained, why: tuple[str, ...]
) -> None:
    assert weighed(figures, figures, over=True, open_breaks=0, explained=explained).why == why


@pytest.mark.parametrize("month", [date(2026, 1, 1), date(2026, 12, 1), date(2024, 2, 1)])
def test_a_month_ends_before_the_next_begins(month: date) -> None:
    first, last = month_of(month)
    assert (first, (last + timedelta(days=1)).day, (last.month, last.year)) == (month, 1, (month.month, month.year))
    assert isinstance(at_noon(last), datetime)
