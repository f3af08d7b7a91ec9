"""A movement that names our reference has to agree in the account that it went to, and in whose account it is on."""

import httpx
import pytest

from app.jobs.running import Jobs
from app.reconciliations.layouts import StatementReader
from tests.reconciliations.making import FIRST, LAST, SENT_ON, Books, file_of, in_order, moved, send_statement

ANOTHER = "6217000000000999907"


@pytest.mark.parametrize(
    ("account", "agrees"),
    [
        ("6217 0000 0000 0999 908", True),
        ("6217***********9908", True),
        ("", True),  # nothing is told of it
        ("待划转款项", True),
        (ANOTHER, False),
        ("6217***********9907", False),
    ],
)
async def test_what_went_to_another_account_is_a_break_of_its_own(
    client: httpx.AsyncClient, books: Books, background: Jobs, account: str, agrees: bool
) -> None:
    (line,) = await books.plant([(50_000, "paid")])
    await books.told(client, [moved(line.out(), account=account)])
    run = await books.reconciled(client, background)
    assert await books.found(client) == (set() if agrees else {("account_differs", str(line.id))})
    assert run["figures"]["agree"] is True, "the sums are right"
    if not agrees:
        (one,) = await books.breaks(client)
        assert (one["expected_fen"], one["found_fen"], one["age_days"]) == (0, 50_000, 0)
        assert (one["batch_id"], one["application_id"]) == (str(line.batch_id), str(line.application_id))


async def test_a_wrong_amount_to_another_account_is_two_breaks_and_what_comes_back_may_come_from_elsewhere(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    wrong, returned = await books.plant([(50_000, "paid"), (60_000, "returned")])
    out, back = in_order(returned)
    astray = moved(wrong.out(50_001), account=ANOTHER)
    await books.told(client, [astray, out, moved(back, account=ANOTHER)])
    await books.reconciled(client, background)
    kinds = {("amount_differs", str(wrong.id)), ("account_differs", str(wrong.id))}
    assert await books.found(client) == kinds
    await books.past("delete from bank_statement_line where organisation_id = $1", books.city.id)
    await books.told(client, [wrong.out(), *in_order(returned)])
    run = await books.reconciled(client, background)
    assert (run["mended"], await books.found(client)) == (2, set())


async def test_a_payment_from_the_account_of_another_union_is_a_break_of_its_own(
    client: httpx.AsyncClient, books: Books, background: Jobs
) -> None:
    """A union above pays for those below it; no other does."""
    line, other = await books.plant([(50_000, "paid"), (70_000, "paid")])
    district = await books.world.union("district", books.city)
    done = await send_statement(client, books.maker, district, file_of([line.out()]))
    assert done.status_code == 201, done.text
    await books.told(client, [other.out()])
    await books.reconciled(client, background)
    assert await books.found(client) == {("union_differs", str(line.id))}
    await books.past("update payment_batch set district_id = $1 where id = $2", district.id, line.batch_id)
    run = await books.reconciled(client, background)
    assert (run["mended"], await books.found(client)) == (1, set())


def test_of_an_account_that_the_bank_has_masked_its_end_is_kept() -> None:
    reader = StatementReader((FIRST, LAST))
    head = ["交易日期", "流水号", "摘要", "收支方向", "金额（元）", "对方账号"]
    told = ["6217****9908", "＊＊＊＊9908", "44050001040012345", "4405****99", ""]
    rows = [(n, [SENT_ON.isoformat(), str(n), "", "支出", "1", account]) for n, account in enumerate(told, 2)]
    reader.feed([(1, head), *rows])
    masked = [each.account_masked for each in reader.end()]
    assert masked[:3] == ["**** **** **** 9908", "**** **** **** 9908", "4405 **** **** 2345"]
    assert (masked[3] or "").strip("*") == ""
    assert masked[4] is None
