"""What must hold of all money is asked every night; whatever does not is a break, and nothing else is."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import Kind, State
from app.funds.ledger import Event, Leg, post
from app.jobs import reconciliations
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.reconciliations.invariant_queries import INVARIANTS
from app.reconciliations.kinds import break_kinds
from app.reconciliations.run_commands import begin_nightly
from tests.make import AMOUNT_FEN, TODAY, Case, unique
from tests.reconciliations.making import PLACE, Books

ROOM = 100 * AMOUNT_FEN
ROOM_CHECK = "constraint ck_budget_room check (reserved_fen + committed_fen + spent_fen <= allocated_fen)"


async def funded(books: Books, *states: State) -> Case:
    """A case that went through these states, with money that the books know."""
    someone = await books.world.person(home=books.city)
    case = await books.world.application(
        someone, books.city, kind=Kind.SECONDARY_MEDICAL, state=State.CITY_APPROVAL, amount_fen=AMOUNT_FEN
    )
    for state in states:
        await books.owner.execute(
            "update application set state = $2::text, version = version + 1, updated_at = now(), approved_at = now(), "
            "paid_at = case when $2::text = 'paid' then now() end where id = $1", case.id, state,
        )  # fmt: skip
    return case


async def treasury(books: Books, jobs: Jobs) -> dict[str, Any]:
    """A fund of whose budget one case holds some and another was paid, and which agrees in everything."""
    fund = await books.world.fund(books.city, room_fen=ROOM)
    kinds = len(Kind)
    async with jobs.work() as work:
        legs = [
            Leg(fund, None, "source", -ROOM * kinds), Leg(fund, None, "unallocated", ROOM * kinds),
        ]  # fmt: skip
        await post(work, Event(unique("t:"), "grant", None), legs)
        legs = [
            Leg(fund, None, "unallocated", -ROOM * kinds), Leg(fund, books.city.id, "allocated", ROOM * kinds),
        ]  # fmt: skip
        await post(work, Event(unique("t:"), "allocation", None), legs)
    held = await funded(books, State.APPROVED)
    paid = await funded(books, State.APPROVED, State.PAYING, State.PAID)
    budget = await books.owner.fetchval("select budget_id from drawing where application_id = $1", held.id)
    (line,) = await books.plant([(AMOUNT_FEN, "paid")], sent_on=TODAY, books=False)
    await books.past("update payment_line set application_id = $1 where id = $2", paid.id, line.id)
    await books.past("delete from application where id = $1", line.application_id)
    transaction = await books.owner.fetchval("select id from ledger_transaction where application_id = $1", paid.id)
    return {
        "fund": fund, "held": held.id, "paid": paid.id, "budget": budget, "line": line.id, "batch": line.batch_id,
        "transaction": transaction, "city": books.city.id,
    }  # fmt: skip


LEG = "update ledger_entry set amount_fen = amount_fen {} where transaction_id = $1 and account = '{}'"
PLANTED: dict[str, tuple[list[tuple[str, str]], set[tuple[str, str]]]] = {
    "a budget holds more than is drawn": (
        [("update budget set reserved_fen = reserved_fen + 1 where id = $1", "budget")],
        {("budget_differs", "budget")},
    ),
    "a budget gave more than it has": (
        [("alter table budget drop constraint ck_budget_room", ""),
         ("update budget set allocated_fen = 1 where id = $1", "budget")],
        {("budget_differs", "budget"), ("books_differ", "fund")},
    ),
    "the books say that more was granted": (
        [(LEG.format("+ 1", "granted"), "transaction"), (LEG.format("- 1", "allocated"), "transaction")],
        {("books_differ", "fund")},
    ),
    "a fund received more than was entered": (
        [("update fund set received_fen = received_fen + 1 where id = $1", "fund")],
        {("books_differ", "fund")},
    ),
    "a transaction does not balance": (
        [(LEG.format("+ 1", "granted"), "transaction")],
        {("books_differ", "fund"), ("transaction_unbalanced", "transaction")},
    ),
    "what was written down of a day is another sum": (
        [(f"insert into ledger_checkpoint (id, created_at, fund_id, account, day, balance_fen) "
          f"values ('{new_id()}', now(), $1, 'source', now()::date - 1, 1)", "fund")],
        {("checkpoint_differs", "fund")},
    ),
    "more was paid than approved": (
        [("update payment_line set amount_fen = amount_fen + 1 where id = $1", "line"),
         ("update payment_batch set total_fen = total_fen + 1 where id = $1", "batch")],
        {("overpaid", "paid")},
    ),
    "a batch is not its lines": (
        [("update payment_batch set total_fen = total_fen + 1 where id = $1", "batch")],
        {("batch_differs", "batch")},
    ),
    "a line was paid in a batch that no bank was told of": (
        [("update payment_batch set state = 'confirmed', exported_at = null, file = null, file_sha256 = null "
          "where id = $1", "batch")],
        {("batch_differs", "batch")},
    ),
    "a case holds another sum than its state says": (
        [("update application set amount_fen = amount_fen + 1 where id = $1", "held")],
        {("held_differs", "held")},
    ),
    "a case that is over holds something": (
        [("update application set state = 'withdrawn' where id = $1", "held")],
        {("held_differs", "held")},
    ),
    "money is kept as paid for a case that was not": (
        [("update application set state = 'paying' where id = $1", "paid")],
        {("held_differs", "paid")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", PLANTED)
async def test_each_law_that_does_not_hold_is_found_and_nothing_else_is(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection, wrong: str
) -> None:
    rows = await treasury(books, background)
    names = {str(row_id): name for name, row_id in rows.items()}
    changes, expected = PLANTED[wrong]
    await reconciliations.keep_laws(background)
    before = {pair for pair in await books.found(client) if pair[1] in names}
    assert before == set(), "all of it agrees"
    try:
        for query, of in changes:
            await books.past(query, *([rows[of]] if of else []))
        for _ in range(2):
            await reconciliations.keep_laws(background)
            found = {(kind, names[subject]) for kind, subject in await books.found(client) if subject in names}
            assert found == expected
    finally:
        await owner.execute("update budget set allocated_fen = $2 where id = $1", rows["budget"], ROOM)
        await owner.execute(f"alter table budget drop constraint if exists ck_budget_room, add {ROOM_CHECK}")


async def test_what_holds_again_is_mended_and_whoever_supervises_is_told(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    rows = await treasury(books, background)
    await books.past("update application set amount_fen = amount_fen + 1 where id = $1", rows["held"])
    assert await reconciliations.keep_laws(background) >= 1
    told = "select count(*) from out_message where name = 'BreaksOpened' and body->>'organisation_id' = $1"
    assert await owner.fetchval(told, str(books.city.id)) == 1
    metric = reconciliations.BREAKS.labels("held_differs")._value.get()
    assert metric >= 1
    await books.past("update application set amount_fen = amount_fen - 1 where id = $1", rows["held"])
    await reconciliations.keep_laws(background)
    (one,) = await books.breaks(client, "mended")
    assert (one["kind"], one["subject_id"], one["way"]) == ("held_differs", str(rows["held"]), "invariant")


async def test_each_account_is_reconciled_once_a_night_over_the_last_month_and_this_one(
    client: httpx.AsyncClient, books: Books, background: Jobs, owner: asyncpg.Connection
) -> None:
    (line,) = await books.plant([(50_000, "paid")])
    await books.told(client, [line.out(), line.out()])

    async def begun() -> set[UUID]:
        async with background.work() as work:
            return set(await begin_nightly(work))

    for _ in range(2):
        found = await asyncio.gather(begun(), begun())
        rows = await owner.fetch("select * from reconciliation where organisation_id = $1", books.city.id)
        assert [found[n] & {row["id"] for row in rows} for n in range(2)] == [{rows[0]["id"]}] * 2
    (row,) = rows
    assert (row["last_day"], row["asked_by"], row["first_day"].day) == (TODAY - timedelta(days=1), None, 1)
    await asyncio.gather(*(reconciliations.run(background, row["id"]) for _ in range(2)))
    assert await books.found(client) == {("paid_twice", str(line.id))}
    assert row["id"] not in await begun(), "it was done"
    (shown,) = (await client.get(PLACE, headers=books.checker.headers)).json()["items"]
    assert (shown["nightly"], shown["state"], shown["opened"]) == (True, "done", 1)


def test_every_law_and_every_finding_has_a_name_and_a_cure() -> None:
    laws = {kind.code for kind in break_kinds().kinds if kind.way == "invariant"}
    assert laws == set(INVARIANTS)
    assert len(break_kinds().by_code) == len(break_kinds().kinds)
