"""The files of an exchange: hashes by vectors made with another program; every bad line named, and never repeated."""

import csv
import io
from contextlib import suppress
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from app.kernel.errors import Invalid
from app.kernel.identifiers import check_digit
from app.matching.departments import DEPARTMENTS, Mode, fields_of, in_form
from app.matching.exchange import KEY_BYTES, Person, csv_of, digest, normalised, read, rows_for, xlsx_of
from app.matching.rules import is_adult, outcome

KEY = bytes(range(KEY_BYTES))
TODAY = date(2026, 11, 25)
# printf %s NUMBER | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1e1f
VECTORS = {
    "11010519491231002X": "a66755453b106dcea0cfa264214ae59ff1e8b067f3e5f3aa8085e1d8757880eb",
    "440524188001010014": "1cc6ed93e7862a8155ddc02e0c87aedac8706a4290a6affe05a30cc42e3bf146",
    "990507196503184277": "56fe340105591e562e0ed994191e53a57352252266bab6b19ddef03faec9afce",
}
SPELLINGS = {
    "11010519491231002X": (
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        " 110105 19491231 002x ",
        "11010519491231002ｘ",
    ),
    "440524188001010014": ("440524-18800101-0014", "４４０５２４１８８００１０１００１４"),
    "990507196503184277": ("990507650318427", "９９０５０７６５０３１８４２７", " 990507650318427"),
}
HEADS = {"plain": "批次,序号,项目,结果,核对值,记录日期", "hashed": "批次,摘要,项目,结果,核对值,记录日期"}


@pytest.mark.parametrize(("number", "expected"), VECTORS.items())
def test_a_hash_is_the_one_that_another_program_makes(number: str, expected: str) -> None:
    assert digest(KEY, number) == expected


@pytest.mark.parametrize("number", SPELLINGS)
def test_every_spelling_of_a_number_has_one_hash(number: str) -> None:
    assert {digest(KEY, each) for each in SPELLINGS[number]} == {VECTORS[number]}


@given(st.integers(0, 10**8 - 1), st.integers(0, 999), st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_fifteen_digits_and_eighteen_hash_alike_and_another_key_hashes_otherwise(
    place: int, serial: int, other: bytes
) -> None:
    first15 = f"99{place:08d}"[:6] + "650318" + f"{serial:03d}"
    first17 = f"{first15[:6]}19{first15[6:]}"
    whole = first17 + check_digit(first17)
    assert normalised(first15) == whole
    assert digest(KEY, first15) == digest(KEY, whole)
    assert (digest(other, whole) == digest(KEY, whole)) is (other == KEY)


def test_a_hashed_list_says_nothing_of_names_numbers_or_families() -> None:
    people = [Person(n, "林晓东", number) for n, number in enumerate(VECTORS, 1)]
    written = csv_of(rows_for("hashed", "BD-1", people, KEY)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(written)))
    assert rows[0] == ["批次", "摘要"]
    assert [row[1] for row in rows[1:]] == sorted(VECTORS.values())
    assert not any(number in written for number in VECTORS)
    assert "林" not in written


def test_a_plain_list_is_the_same_in_both_formats_and_keeps_every_digit() -> None:
    people = [Person(1, "陈小明", "11010519491231002X"), Person(2, "=阿依古丽·买买提", "440524188001010014")]
    rows = rows_for("plain", "BD-1", people, None)
    book = CalamineWorkbook.from_filelike(io.BytesIO(xlsx_of(rows))).get_sheet_by_index(0)
    assert [[str(cell) for cell in row] for row in book.to_python()] == rows
    assert list(csv.reader(io.StringIO(csv_of(rows).decode("utf-8-sig")))) == rows


# ---- what comes back ----


def came(*lines: str, mode: Mode = "plain", encoding: str = "utf-8") -> bytes:
    return "\r\n".join((HEADS[mode], *lines)).encode(encoding)


def wrong(content: bytes, mode: Mode = "plain", department: str = "civil_affairs") -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        read(content, mode, "BD-1", fields_of(department), TODAY)  # type: ignore[arg-type]
    assert all(error.message.endswith("。") for error in refusal.value.errors)
    return [(error.pointer, error.code) for error in refusal.value.errors]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_an_answer_is_read_as_the_department_wrote_it(encoding: str) -> None:
    content = came("BD-1,1,是否享受低保,有记录,是,2026-11-01", "", "BD-1,０2,,无记录,,2026-11-02", encoding=encoding)
    rows = read(content, "plain", "BD-1", fields_of("civil_affairs"), TODAY)
    assert [(row.at, row.who, row.field and row.field.code, row.value) for row in rows] == [
        (2, "1", "receives_dibao", True),
        (4, "2", None, None),
    ]
    assert rows[1].found_on == date(2026, 11, 2)


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("BD-2,1,是否享受低保,有记录,是,2026-11-01", "批次", "batch_differs"),
        ("BD-1,一,是否享受低保,有记录,是,2026-11-01", "序号", "line_format"),
        ("BD-1,1,年收入（元）,有记录,1,2026-11-01", "项目", "field_unknown"),
        ("BD-1,1,是否享受低保,大概有,是,2026-11-01", "结果", "result_unknown"),
        ("BD-1,1,是否享受低保,有记录,也许,2026-11-01", "核对值", "value_unknown"),
        ("BD-1,1,是否享受低保,无记录,,2026-11-01", "项目", "field_unexpected"),
        ("BD-1,1,,无记录,是,2026-11-01", "核对值", "value_unexpected"),
        ("BD-1,1,是否享受低保,有记录,是,2026/11/1", "记录日期", "date_format"),
        ("BD-1,1,是否享受低保,有记录,是,2026-02-30", "记录日期", "date_format"),
        ("BD-1,1,是否享受低保,有记录,是,2026-11-26", "记录日期", "date_range"),
        ("BD-1,1,是否享受低保,有记录,是", "批次", "cells_wrong"),
        ("BD-1,1,是否享受低保,有记录,是,2026-11-01,x", "批次", "cells_wrong"),
    ],
)
def test_a_bad_line_is_named_with_its_place(line: str, column: str, code: str) -> None:
    good = "BD-1,7,是否享受低保,有记录,是,2026-11-01"
    assert wrong(came(good, line)) == [(f"/content/3/{column}", code)]


def test_a_repeated_line_is_named_with_the_first() -> None:
    line = "BD-1,1,是否享受低保,有记录,是,2026-11-01"
    assert wrong(came(line, line.replace(",1,", ",01,"))) == [("/content/3/序号", "row_repeated")]


@pytest.mark.parametrize("value", ["-1", "1,5", "1e3", "12.345", "NaN", "99999999999", ""])
def test_an_amount_that_is_none_is_refused(value: str) -> None:
    quoted = f'BD-1,1,年收入（元）,有记录,"{value}",2026-11-01'
    assert wrong(came(quoted), department="human_resources") == [("/content/2/核对值", "number_format")]


@pytest.mark.parametrize(("value", "fen"), [("12000", 12_000_00), ("0.5", 50), ("１２.05", 12_05), ("0", 0)])
def test_an_amount_in_yuan_becomes_fen(value: str, fen: int) -> None:
    content = came(f"BD-1,1,年收入(元),有记录,{value},2026-11-01")
    assert read(content, "plain", "BD-1", fields_of("human_resources"), TODAY)[0].value == fen


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00",
        b"PK\x03\x04\xff\xfe\xfa",
        "序号,批次,项目,结果,核对值,记录日期\r\n".encode(),
        HEADS["plain"].encode(),
        HEADS["hashed"].encode() + b"\r\n",
        b'"' + b"a" * 1_000,
        came(*(f"BD-1,{n},,无记录,,2026-11-01" for n in range(6_001))),
    ],
)
def test_what_is_no_answer_is_refused_whole(content: bytes) -> None:
    assert len(wrong(content)) == 1


def test_a_hash_is_64_hexadecimal_digits() -> None:
    assert wrong(came("BD-1,zz,,无记录,,2026-11-01", mode="hashed"), "hashed") == [("/content/2/摘要", "digest_format")]
    whole = VECTORS["11010519491231002X"].upper()
    content = came(f"BD-1,{whole},,无记录,,2026-11-01", mode="hashed")
    assert read(content, "hashed", "BD-1", fields_of("education"), TODAY)[0].who == whole.lower()


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    for mode, department in product(("plain", "hashed"), DEPARTMENTS):
        for bytes_ in (content, HEADS[mode].encode() + b"\r\n" + content):
            with suppress(Invalid):
                read(bytes_, mode, "BD-1", fields_of(department), TODAY)  # type: ignore[arg-type]


# ---- comparing ----


def test_a_declaration_that_was_left_out_says_no_and_anything_else_left_out_differs() -> None:
    dibao = fields_of("civil_affairs")["是否享受低保"]
    assert [outcome(dibao, said, True) for said in (True, False, None)] == ["agree", "disagree", "disagree"]
    assert [outcome(dibao, said, False) for said in (True, False, None)] == ["disagree", "agree", "agree"]
    schooling = fields_of("education")["就读学段"]
    assert outcome(schooling, None, "primary") == "disagree"
    assert outcome(schooling, "primary", "primary") == "agree"
    employer = fields_of("human_resources")["工作单位"]
    assert outcome(employer, "汕头（某）公司", "汕头(某)公司") == "agree"
    assert outcome(employer, None, "汕头某公司") == "disagree"


def test_a_pointer_finds_what_the_form_says_and_nothing_where_it_says_nothing() -> None:
    form = {"head": {"health": "weak"}, "members": [{"schooling": "primary"}], "receives_dibao": True}
    assert in_form(form, "/head/health") == "weak"
    assert in_form(form, "/members/0/schooling") == "primary"
    assert in_form(form, "/members/3/schooling") is None
    assert in_form(form, "/head/employer/x") is None
    assert in_form(form, "/receives_dibao") is True


def test_somebody_is_an_adult_on_their_eighteenth_birthday() -> None:
    first17 = "99050720081125001"
    number = first17 + check_digit(first17)
    assert not is_adult(number, date(2026, 11, 24))
    assert is_adult(number, date(2026, 11, 25))
    assert is_adult("没有号码", TODAY)
