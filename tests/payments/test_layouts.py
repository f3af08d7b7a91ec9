"""What a bank is told, in each layout: the same payments are the same bytes, and nothing in them ever runs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.ids import new_id
from app.payments.layouts import TITLES, Payment, written
from app.payments.policy import PaymentPolicy
from app.payments.rules import Known, Row, content_of, fen_of, reference_of, rows_of, weigh
from app.programmes import shipped
from app.spreadsheets.csv_reading import read_table
from app.spreadsheets.precheck import Refused
from tests.thorough import thorough

LAYOUTS = ("csv_gb18030", "csv_utf8", "xlsx")
(*_, POLICY) = shipped().of("payment", PaymentPolicy)


def batch(layout: str) -> dict[str, Any]:
    return {
        "number": "FK-440507-2026-000001", "sha256": "ab" * 32, "line_count": 2, "total_fen": 300_001,
        "layout": layout, "frozen_at": datetime(2026, 11, 30, 4, tzinfo=UTC),
    }  # fmt: skip


PAYMENTS = [
    Payment(1, "欧阳𬸣·阿依", "6217000000000000004", "中国工商银行", "汕头分行", 300_000, "A" * 32, "hardship_aid"),
    Payment(2, "陈小明", "6217000000000000012", "=1+1", '@支行, "东"', 1, "B" * 32, "secondary_medical"),
]


async def rows_in(content: bytes) -> list[list[str]]:
    return [line.cells async for chunk in read_table(content) for line in chunk.lines]


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_every_layout_says_the_same_and_twice_the_same_bytes(layout: str) -> None:
    first = written(batch(layout), PAYMENTS)
    assert first == written(batch(layout), PAYMENTS)
    banner, titles, one, other = await rows_in(first)
    assert banner[0] == f"批次 FK-440507-2026-000001　校验码 {'ab' * 32}　2 笔　合计 3000.01 元"
    assert tuple(titles) == TITLES
    assert one == [
        "1", "欧阳𬸣·阿依", "6217000000000000004", "中国工商银行", "汕头分行", "3000.00", "A" * 32, "困难帮扶金",
    ]  # fmt: skip
    assert other == [
        "2", "陈小明", "6217000000000000012", "'=1+1", "'@支行, \"东\"", "0.01", "B" * 32, "住院二次医保",
    ]  # fmt: skip


def test_what_gbk_knows_is_written_as_gbk() -> None:
    plain = [PAYMENTS[0].__class__(1, "陈小明", "6217000000000000004", "工行", "", 1, "A" * 32, "golden_autumn")]
    content = written(batch("csv_gb18030"), plain)
    assert content.decode("gbk").splitlines()[2].startswith("1,陈小明,")


# ---- what a bank says ----


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a\x00b", "text_undecodable"),
        (b"\xff\xff\xff", "text_undecodable"),
        (b"a\x1bb", "text_undecodable"),
        (b'"a', "spreadsheet_damaged"),
        (b"", "spreadsheet_empty"),
        (b"," * 200, "spreadsheet_too_wide"),
        (b"PK\x03\x04 and no workbook", "spreadsheet_damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "spreadsheet_encrypted"),
    ],
)
async def test_what_is_no_table_is_refused_by_name(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        await rows_in(content)
    assert refused.value.code == code


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
async def test_a_result_is_read_as_banks_write_it(encoding: str) -> None:
    text = "批次结果\r\n参考号,说明,金额(元),返回码\r\n\r\n" + f'{"A" * 32},交易成功,"3,000.00",0000\r\n'
    lines = [(line.number, line.cells) async for chunk in read_table(text.encode(encoding)) for line in chunk.lines]
    assert rows_of(lines) == [Row(4, "A" * 32, "3,000.00", "0000")]


@pytest.mark.parametrize(
    ("text", "fen"),
    [("3000.00", 300_000), ("3,000", 300_000), ("0.1", 10), ("0.01", 1), ("", None), ("-1", None), ("1.001", None),
     ("1e3", None), ("三千", None), ("999999999999.99", None), ("１００", None)],
)  # fmt: skip
def test_an_amount_is_exact_to_the_fen_or_none(text: str, fen: int | None) -> None:
    assert fen_of(text) == fen


STATES = ("waiting", "dropped", "sent", "paid", "failed", "returned", "written_off")
CODES = ("0000", "E01", "E05", "E09", "X1")


@thorough
@given(
    states=st.lists(st.tuples(st.sampled_from(STATES), st.booleans()), min_size=1, max_size=5),
    said=st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0, 0, 0, 1]), st.sampled_from(CODES)), max_size=9),
)
def test_whatever_a_bank_says_a_line_is_moved_once_at_most_and_never_by_what_does_not_fit(
    states: list[tuple[str, bool]], said: list[tuple[int, int, str]]
) -> None:
    lines = [Known(new_id(), 100, state, "E01" if state in STATES[4:] else None, fits) for state, fits in states]
    known = {reference_of(line.id): line for line in lines}
    references = [*known, reference_of(new_id())]
    rows = [Row(n, references[at % len(references)], f"{1 + off}.00", code) for n, (at, off, code) in enumerate(said)]
    outcomes, breaks = weigh(rows, known, POLICY)
    moved = [each.line_id for each in outcomes]
    assert len(set(moved)) == len(moved)
    assert not {each.row_number for each in breaks if each.line_id in moved and each.kind != "repeated"}
    assert len(outcomes) + len(breaks) <= len(rows)
    for each in outcomes:
        line = next(line for line in lines if line.id == each.line_id)
        mine = [row for row in rows if row.reference == reference_of(line.id)]
        assert len(mine) == 1
        assert fen_of(mine[0].amount) == line.amount_fen
        assert line.in_step
        paid = mine[0].code in POLICY.success_codes
        assert (line.state, each.ended) in {("sent", "paid" if paid else "failed"), ("paid", "returned")}
        assert (each.returned is None) is paid
    broken = {each.row_number for each in breaks}
    for row in rows:
        if fen_of(row.amount) != 100 or row.reference not in known:
            assert row.number in broken


def test_what_is_frozen_hangs_on_every_line_and_names_nobody_whole() -> None:
    line = {
        "id": new_id(), "serial": 1, "number": "BF-1", "round": 1, "applicant_masked": "陈*明", "bank_name": "工行",
        "card_id": new_id(), "card_masked": "****0004", "amount_fen": 1,
    }  # fmt: skip
    head = batch("xlsx") | {"organisation_name": "市总", "bank": "standard", "policy_version": "2026-1"}
    content = content_of(head, [line])
    for name in line:
        if name == "id":
            continue
        other = new_id() if name == "card_id" else 7 if isinstance(line[name], int) else "另"
        assert content_of(head, [line | {name: other}]) != content, name
