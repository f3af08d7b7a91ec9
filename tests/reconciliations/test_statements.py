"""A bank's statement: each file once, all of it or nothing, no movement twice, and every wrong cell named."""

import asyncio
import io
from datetime import timedelta

import asyncpg
import httpx
import pytest
import xlsxwriter

from app.kernel.actor import Role
from app.kernel.errors import Invalid
from app.reconciliations.layouts import MOST_ERRORS, StatementReader
from tests.http.refusals import refused
from tests.make import TODAY
from tests.reconciliations.making import FIRST, LAST, PLACE, SENT_ON, Books, Told, file_of, moved, send_statement

HEAD = ["交易日期", "流水号", "摘要", "收支方向", "金额（元）"]
DAY = SENT_ON.isoformat()


async def test_a_file_is_read_in_once_and_its_movements_are_shown_masked(
    client: httpx.AsyncClient, books: Books, owner: asyncpg.Connection
) -> None:
    (line,) = await books.plant([(123_456, "paid")])
    content = file_of([line.out(), Told("in", 100)])
    done = await send_statement(client, books.maker, books.city, content)
    assert done.status_code == 201, done.text
    row = done.json()
    assert (row["rows"], row["new_rows"], row["out_fen"], row["in_fen"]) == (2, 2, 123_456, 100)
    again = await send_statement(client, books.checker, books.city, content)
    refused(again, 409, "statement_already_imported")
    shown = await client.get(f"{PLACE}/statements/{row['id']}/lines", headers=books.checker.headers)
    moves = {each["direction"]: each for each in shown.json()["items"]}
    assert (moves["out"]["line_id"], moves["in"]["line_id"]) == (str(line.id), None)
    assert moves["out"]["account_masked"] == "6217 **** **** 9908"
    kept = "select count(*) from bank_statement_line m where m::text like '%0999908%' or m::text like '%困难%'"
    assert await owner.fetchval(kept) == 0, "of whom it went to no more is kept"
    listed = await client.get(f"{PLACE}/statements", headers=books.checker.headers)
    assert [each["id"] for each in listed.json()["items"]] == [row["id"]]


async def test_days_may_be_told_twice_and_a_movement_counts_once(client: httpx.AsyncClient, books: Books) -> None:
    first, second = Told("out", 100), Told("out", 200)
    await books.told(client, [first])
    row = await books.told(client, [first, second])
    assert (row["rows"], row["new_rows"], row["out_fen"]) == (2, 1, 200)
    answer = await send_statement(client, books.maker, books.city, file_of([second, moved(first, fen=101)]))
    problem = refused(answer, 422, "invalid")
    (error,) = problem["errors"]
    assert (error["code"], error["pointer"]) == ("contradicts_statement", "/file/4/流水号")
    rows = await client.get(f"{PLACE}/statements", headers=books.maker.headers)
    assert len(rows.json()["items"]) == 2, "all or nothing"


async def test_two_who_read_in_the_same_days_at_once_keep_each_movement_once(
    client: httpx.AsyncClient, books: Books, owner: asyncpg.Connection
) -> None:
    told = [Told("out", 100 + n) for n in range(40)]
    files = [file_of(told), file_of(reversed(told)), file_of(told)]
    answers = await asyncio.gather(*(send_statement(client, books.maker, books.city, each) for each in files))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201, 201, 409], [answer.text for answer in answers]
    count = "select count(*), sum(amount_fen)::bigint from bank_statement_line where organisation_id = $1"
    assert tuple(await owner.fetchrow(count, books.city.id)) == (40, sum(each.fen for each in told))


async def test_every_wrong_cell_is_told_with_its_row_and_column(client: httpx.AsyncClient, books: Books) -> None:
    good = Told("out", 100)
    wrong = [
        moved(good, day=LAST + timedelta(days=1)), moved(good, reference="号"), good, good,
        moved(good, direction="in", fen=0, reference="LS1"),
        moved(good, reference="LS2", remark=f"{'A' * 32} {'B' * 32}"),
    ]  # fmt: skip
    answer = await send_statement(client, books.maker, books.city, file_of(wrong))
    errors = refused(answer, 422, "invalid")["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [
        ("/file/3/交易日期", "day_outside"), ("/file/4/流水号", "reference_format"),
        ("/file/6/流水号", "reference_repeated"), ("/file/7/金额（元）", "amount_format"),
        ("/file/8/摘要", "references_many"),
    ]  # fmt: skip
    assert errors[2]["message"] == "第 6 行“流水号”与第 5 行重复。"
    for fields, code in (
        ({"first_day": "2026-13-01"}, "day_format"), ({"last_day": "2016-01-01"}, "days_wrong"),
        ({"bank": "nobody"}, "bank_unknown"), ({"last_day": (TODAY + timedelta(days=1)).isoformat()}, "day_ahead"),
    ):  # fmt: skip
        answer = await send_statement(client, books.maker, books.city, file_of([good]), **fields)
        assert refused(answer, 422, "invalid")["errors"][0]["code"] == code
    for content, code in ((b"a,b\r\n1,2\r\n", "columns_missing"), (file_of([]), "statement_empty")):
        answer = await send_statement(client, books.maker, books.city, content)
        assert refused(answer, 422, "invalid")["errors"][0]["code"] == code
    listed = await client.get(f"{PLACE}/statements", headers=books.maker.headers)
    assert listed.json()["items"] == []


async def test_a_workbook_with_two_columns_of_amounts_is_read_as_well(client: httpx.AsyncClient, books: Books) -> None:
    (line,) = await books.plant([(123_456, "paid")])
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for n, cells in enumerate((
            ["交易日期", "流水号", "摘要", "支出（元）", "收入（元）"],
            [SENT_ON.strftime("%Y%m%d"), "LS-1", line.out().remark, "1,234.56", ""],
            [SENT_ON.strftime("%Y/%m/%d"), "LS-2", "利息", "", "0.01"],
        )):  # fmt: skip
            sheet.write_row(n, 0, cells)
    done = await send_statement(client, books.maker, books.city, written.getvalue())
    assert done.status_code == 201, done.text
    assert (done.json()["out_fen"], done.json()["in_fen"]) == (123_456, 1)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (["2026-2-1", "1", "", "支出", "1"], "day_format"),
        (["20269999", "1", "", "支出", "1"], "day_format"),
        ([DAY, "", "", "支出", "1"], "reference_format"),
        ([DAY, "1" * 65, "", "支出", "1"], "reference_format"),
        ([DAY, "1", "", "out", "1"], "direction_unknown"),
        ([DAY, "1", "", "支出", "-1"], "amount_format"),
        ([DAY, "1", "", "支出", "1.234"], "amount_format"),
        ([DAY, "1", "", "支出"], "amount_format"),
    ],
)
def test_a_cell_that_means_nothing_is_refused(row: list[str], code: str) -> None:
    reader = StatementReader((FIRST, LAST))
    reader.feed([(1, HEAD), (2, row)])
    with pytest.raises(Invalid) as refusal:
        reader.end()
    assert [error.code for error in refusal.value.errors] == [code]


def test_no_more_is_told_than_somebody_would_read() -> None:
    reader = StatementReader((FIRST, LAST))
    with pytest.raises(Invalid) as refusal:
        reader.feed([(1, HEAD), *((n, [DAY, "", "", "借", "1"]) for n in range(2, 1_000))])
    assert len(refusal.value.errors) == MOST_ERRORS


async def test_whoever_runs_payments_reads_statements_in_and_those_who_supervise_only_look(
    client: httpx.AsyncClient, books: Books
) -> None:
    elsewhere = await books.world.staff(Role.FINANCE_MAKER, await books.world.union("city"), consents=())
    answer = await send_statement(client, elsewhere, books.city, file_of([Told("out", 1)]))
    refused(answer, 404, "organisation_not_found")
    row = await books.told(client, [Told("out", 1)])
    lines = f"{PLACE}/statements/{row['id']}/lines"
    refused(await client.get(lines, headers=elsewhere.headers), 404, "statement_not_found")
    for role in Role:
        somebody = await books.world.staff(role, books.city, consents=())
        looks = role in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.CITY_LEADER, Role.AUDITOR)
        seen = await client.get(lines, headers=somebody.headers)
        assert seen.status_code == (200 if looks else 403), role
        if role not in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER):
            told = await send_statement(client, somebody, books.city, file_of([Told("out", 2)]))
            refused(told, 403, "not_allowed")
    unknown = await books.world.person(posts=((Role.FINANCE_MAKER, books.city),), verified=False, consents=())
    told = await send_statement(client, unknown, books.city, file_of([Told("out", 2)]))
    refused(told, 409, "identity_required")
