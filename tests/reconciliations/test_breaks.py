"""Whatever does not agree is found, each as one work item of its kind, and nothing else is."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from tests.calling import post
from tests.make import TODAY
from tests.reconciliations.making import FIRST, LAST, PLACE, SENT_ON, Books, Line, Told, at_noon, in_order

STATES = ("paid", "paid", "failed", "returned", "written_off", "paid")


async def everything(client: httpx.AsyncClient, books: Books) -> tuple[list[Line], list[Told]]:
    lines = await books.plant([(100_000 + n, state) for n, state in enumerate(STATES)])
    return lines, [told for line in lines for told in in_order(line)]


async def test_what_agrees_agrees_to_the_fen_four_ways_and_opens_nothing(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    lines, told = await everything(client, books)
    await books.told(client, told)
    run = await books.reconciled(client, background)
    paid = sum(line.fen for line in lines if line.state == "paid")
    assert (run["opened"], run["mended"], await books.found(client)) == (0, 0, set())
    assert run["figures"] == {
        "lines": len(lines), "unanswered": 0, "uncovered_days": 0, "sent_fen": sum(line.fen for line in lines),
        "approved_fen": paid, "paid_fen": paid, "bank_fen": paid, "ledger_fen": paid, "agree": True,
    }  # fmt: skip


def at_bank(wrong: str, lines: Sequence[Line], told: list[Told]) -> tuple[str, list[Told]]:
    """What a bank says otherwise, and of which line."""
    first, failed, returned = lines[0], lines[2], lines[3]
    rest = [each for each in told if each not in in_order(first)]
    of_first = [each for each in told if str(first.id).replace("-", "").upper() in each.remark]
    assert len(of_first) == 1
    rest = [each for each in told if each is not of_first[0]]
    match wrong:
        case "not_at_bank":
            return str(first.id), rest
        case "amount_differs":
            return str(first.id), [*rest, first.out(first.fen + 1)]
        case "paid_twice":
            return str(first.id), [*told, first.out()]
        case "returned_at_bank":
            return str(first.id), [*told, first.back()]
        case "returned_unpaid":
            return str(first.id), [*rest, first.back()]
        case "paid_at_bank":
            return str(failed.id), [*told, failed.out()]
        case "returned_too_little":
            backs = [each for each in told if each.direction == "in"]
            return str(returned.id), [each for each in told if each is not backs[0]]
    raise AssertionError(wrong)


@pytest.mark.parametrize(
    "wrong",
    ["not_at_bank", "amount_differs", "paid_twice", "returned_at_bank", "returned_unpaid", "paid_at_bank"],
)
async def test_each_way_in_which_a_bank_says_otherwise_is_one_break_that_is_mended_when_it_is_found_right(
    client: httpx.AsyncClient, books: Books, background: Jobs, wrong: str
) -> None:
    lines, told = await everything(client, books)
    subject, said = at_bank(wrong, lines, told)
    await books.told(client, said)
    for _ in range(2):
        await books.reconciled(client, background)
        assert await books.found(client) == {(wrong, subject)}
    (one,) = await books.breaks(client)
    assert (one["batch_id"], one["times"], one["subject_kind"]) == (str(lines[0].batch_id), 1, "line")
    assert (one["day"], one["age_days"], one["owner"] in ("finance_maker", "finance_checker")) == (
        SENT_ON.isoformat(), 0, True
    )  # fmt: skip
    await books.past("delete from bank_statement_line where organisation_id = $1", books.city.id)
    await books.told(client, told)
    run = await books.reconciled(client, background)
    assert (run["opened"], run["mended"], await books.found(client)) == (0, 1, set())
    (one,) = await books.breaks(client, "mended")
    assert (one["kind"], one["closed_at"] is not None) == (wrong, True)


async def test_what_came_back_with_us_and_not_at_the_bank_is_a_break(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    lines, told = await everything(client, books)
    subject, said = at_bank("returned_too_little", lines, told)
    await books.told(client, said)
    await books.reconciled(client, background)
    assert await books.found(client) == {("paid_at_bank", subject)}


async def test_what_a_bank_paid_and_nobody_read_in_is_a_break(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    (line,) = await books.plant([(70_000, "sent")])
    await books.told(client, [line.out()])
    run = await books.reconciled(client, background)
    assert await books.found(client) == {("result_missing", str(line.id))}
    assert (run["figures"]["unanswered"], run["figures"]["agree"]) == (1, False)


async def test_a_bank_has_some_days_before_it_is_said_that_it_has_nothing(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    (line,) = await books.plant([(70_000, "paid")])
    other = Told("in", 1, day=FIRST)
    await books.told(client, [other], (FIRST, SENT_ON + timedelta(days=2)))
    await books.past("delete from bank_statement_line where organisation_id = $1", books.city.id)
    await books.reconciled(client, background)
    assert await books.found(client) == set(), "the days are not told to the end yet"
    await books.told(client, [Told("in", 2, day=FIRST)], (FIRST, SENT_ON + timedelta(days=3)))
    await books.past("delete from bank_statement_line where organisation_id = $1", books.city.id)
    await books.reconciled(client, background)
    assert await books.found(client) == {("not_at_bank", str(line.id))}


async def test_movements_that_nobody_sent_or_entered_are_breaks(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    fee, grant, lost = Told("out", 666), Told("in", 5_000_000), Told("in", 70_000, remark="退汇 户名不符")
    stranger = Told("out", 30_000, remark=f"转账 {new_id().hex.upper()}")
    await books.told(client, [fee, grant, lost, stranger])
    entered = await post_grant(books, grant.fen, grant.reference)
    await books.reconciled(client, background)
    rows = await owner.fetch("select id, bank_reference from bank_statement_line where organisation_id = $1",
                             books.city.id)  # fmt: skip
    ids = {row["bank_reference"]: str(row["id"]) for row in rows}
    assert entered
    assert await books.found(client) == {
        ("unknown_payment", ids[fee.reference]), ("unknown_payment", ids[stranger.reference]),
        ("unknown_receipt", ids[lost.reference]),
    }  # fmt: skip


async def post_grant(books: Books, fen: int, reference: str) -> bool:
    """That a grant came in, by the bank's own number of it."""
    transaction_id = new_id()
    await books.past(
        "insert into ledger_transaction (id, created_at, event_key, kind, day, reference) "
        "values ($1, now(), $2, 'grant', $3, $4)", transaction_id, f"receipt:{reference}", TODAY, reference,
    )  # fmt: skip
    for account, sign in (("source", -1), ("unallocated", 1)):
        await books.past(
            "insert into ledger_entry (id, created_at, transaction_id, fund_id, account, amount_fen, day) "
            "values ($1, now(), $2, $3, $4, $5, $6)", new_id(), transaction_id, books.fund_id, account, sign * fen,
            TODAY,
        )  # fmt: skip
    return True


async def test_what_was_approved_and_never_sent_or_paid_otherwise_is_a_break(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    lines, told = await everything(client, books)
    await books.told(client, told)
    first, second = lines[0], lines[1]
    await books.past("update application set amount_fen = amount_fen + 1 where id = $1", first.application_id)
    (again,) = await books.plant([(second.fen, "sent")], sent_on=TODAY)
    await books.past(
        "update payment_line set application_id = $1 where id = $2", second.application_id, again.id
    )  # fmt: skip
    await books.past("delete from application where id = $1", again.application_id)
    someone = await books.world.person()
    old = await books.world.application(
        someone, books.city, kind=Kind.SECONDARY_MEDICAL, state=State.APPROVED,
        approved_at=SENT_ON - timedelta(days=40),
    )  # fmt: skip
    lineless = await books.world.application(
        someone, books.city, kind=Kind.SECONDARY_MEDICAL, state=State.PAID, paid_at=at_noon(SENT_ON), amount_fen=700
    )
    await books.reconciled(client, background, (SENT_ON - timedelta(days=60), LAST))
    assert await books.found(client) == {
        ("approved_differs", str(lineless.id)),
        ("approved_differs", str(first.application_id)), ("sent_twice", str(second.application_id)),
        ("approved_not_sent", str(old.id)),
    }  # fmt: skip
    await books.past("update application set amount_fen = amount_fen - 1 where id = $1", first.application_id)
    for each in (old, lineless):
        await books.past("update application set state = 'withdrawn' where id = $1", each.id)
    await books.past("delete from payment_line where id = $1", again.id)
    await books.reconciled(client, background)
    assert await books.found(client) == set(), "a later run over other days mends what is open as well"


async def test_books_that_say_otherwise_are_a_break(client: httpx.AsyncClient, books: Books, background: Jobs) -> None:
    lines = await books.plant([(50_000, "paid"), (60_000, "paid")])
    (unbooked,) = await books.plant([(70_000, "paid")], books=False)
    await books.told(client, [told for line in [*lines, unbooked] for told in in_order(line)])
    run = await books.reconciled(client, background)
    assert await books.found(client) == {("ledger_differs", str(unbooked.application_id))}
    figures = run["figures"]
    assert (figures["paid_fen"], figures["bank_fen"], figures["ledger_fen"]) == (180_000, 180_000, 110_000)


async def test_one_batch_alone_is_reconciled(client: httpx.AsyncClient, books: Books, background: Jobs) -> None:
    (good,), (bad,) = await books.plant([(50_000, "paid")]), await books.plant([(60_000, "paid")])
    await books.told(client, in_order(good))
    run = await books.reconciled(client, background, batch_id=str(good.batch_id))
    assert (run["figures"]["agree"], run["batch_id"], await books.found(client)) == (True, str(good.batch_id), set())
    await books.reconciled(client, background, batch_id=str(bad.batch_id))
    assert await books.found(client) == {("not_at_bank", str(bad.id))}
    shown = await client.get(f"{PLACE}/parity?batch_id={good.batch_id}", headers=books.checker.headers)
    assert (shown.json()["may_close"], shown.json()["why"]) == (True, [])
    shown = await client.get(f"{PLACE}/parity?batch_id={bad.batch_id}", headers=books.checker.headers)
    assert shown.json()["why"] == ["breaks_open", "differs"]


async def test_what_is_wrong_again_opens_again_and_is_never_deleted(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    (line,) = await books.plant([(50_000, "paid")])
    await books.told(client, in_order(line))
    change = "update application set amount_fen = $2 where id = $1"
    for times in (1, 2):
        await books.past(change, line.application_id, 50_001)
        await books.reconciled(client, background)
        (one,) = await books.breaks(client)
        assert (one["kind"], one["times"], one["expected_fen"]) == ("approved_differs", times, 50_001)
        await books.past(change, line.application_id, 50_000)
        await books.reconciled(client, background)
        assert await books.found(client) == set()
    with pytest.raises(asyncpg.CheckViolationError, match="never deleted"):
        await owner.execute("delete from reconciliation_break where id = $1", UUID(one["id"]))


async def test_whoever_asks_wrongly_is_told_so(client: httpx.AsyncClient, books: Books) -> None:
    days = {"first_day": "2026-01-02", "last_day": "2026-01-01"}
    for body, code in (
        ({}, "one_of"), ({"organisation_code": books.city.code}, "one_of"),
        ({"organisation_code": books.city.code, **days}, "days_wrong"),
        ({"batch_id": str(new_id()), **days}, "one_of"),
    ):  # fmt: skip
        answer = await post(client, books.maker, PLACE, body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), answer.text
    assert (await post(client, books.maker, PLACE, {"batch_id": str(new_id())})).json()[
        "code"
    ] == "payment_batch_not_found"
