"""What we write a real spreadsheet program can open, and what it writes we can read."""

import io
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from app.bulk import columns as c
from app.bulk.rules import Household, Reader, places_in
from app.confined.running import MIB, Done, Limits, run
from app.jobs.exports import COLUMNS
from app.spreadsheets.annotating import annotate
from app.spreadsheets.precheck import Refused, check
from app.spreadsheets.reading import Line, lines_of, read
from app.spreadsheets.writing import NOTES, Column, Workbook
from tests.bulk.filling import workbook
from tests.make import TODAY
from tests.spreadsheets.fixtures.make import EVERY_GROUP, HERE, NUMBERS, filled, through_libreoffice

needs_libreoffice = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


def text_of(content: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        return zipped.read(name).decode()


def rows_of(content: bytes) -> list[Line]:
    return [line for _, line in lines_of(content) if line is not None]


async def households(content: bytes) -> list[Household]:
    lines = [line async for chunk in read(content) for line in chunk.lines]  # type: ignore[misc]
    places = places_in(lines[0])
    assert places is not None
    reader = Reader(places, TODAY)
    return [*reader.take(lines[1:]), *reader.rest()]


async def test_a_template_that_was_filled_in_and_saved_by_libreoffice_is_read_as_it_was_written() -> None:
    content = (HERE / "filled.xlsx").read_bytes()
    found = await households(content)
    assert [each.wrong for each in found] == [[], []]
    assert [[number for _, number in each.people] for each in found] == [[NUMBERS[0], NUMBERS[1]], [NUMBERS[2]]]
    assert found[0].form is not None
    assert found[0].form["head"]["name"] == "欧阳𬸣"
    assert found[0].form["income_fen_yearly"] == 12_000_50


async def test_every_group_of_the_register_is_read_as_words_or_codes() -> None:
    found = (await households((HERE / "filled.xlsx").read_bytes()))[0]
    form = found.form
    assert form is not None
    told = {item.head for item in c.ITEMS if item.title in EVERY_GROUP}
    missing = [at for at in told if at.removeprefix("/head/") not in form["head"] and at[1:] not in form]
    assert missing == []
    assert (form["head"]["illness"], form["head"]["political_status"]) == ("cancer", "masses")
    assert (form["head"]["work_began_on"], form["head"]["contract_signed_on"]) == ("1968-07-01", "2008-01-01")
    assert (form["floor_area"], form["homes"], form["single_parent"]) == ("20_to_50", 0, False)
    assert [form["members"][0][name] for name in ("ethnicity", "sex")] == ["05", "female"]
    assert found.card is not None
    assert found.card["bank_name"] == "中国银行"


async def test_numbers_and_days_that_somebody_typed_are_read_as_they_were_meant() -> None:
    (found,) = await households((HERE / "typed.xlsx").read_bytes())
    assert found.wrong == []
    assert found.form is not None
    head = found.form["head"]
    assert (head["postcode"], head["birth_date"], head["work_began_on"]) == ("515041", "1949-12-31", "1968-07-01")
    assert (found.phone, found.form["income_fen_yearly"], found.form["homes"]) == ("13800138000", 12_000_50, 1)


def test_another_kind_of_workbook_is_refused_with_a_sentence() -> None:
    with pytest.raises(Refused, match="spreadsheet_not_xlsx"):
        check((HERE / "filled.ods").read_bytes())


def test_libreoffice_keeps_the_drop_downs_and_the_notes_of_the_template() -> None:
    content = (HERE / "template.xlsx").read_bytes()
    check(content)
    workbook_xml, sheet = text_of(content, "xl/workbook.xml"), text_of(content, "xl/worksheets/sheet1.xml")
    assert NOTES in workbook_xml
    with_choices = sum(bool(column.choices) for column in c.COLUMNS)
    assert len(re.findall(r'<dataValidation [^>]*type="list"', sheet)) == with_choices
    assert rows_of(content)[0].cells == list(c.TITLES)


@needs_libreoffice
async def test_a_fresh_template_goes_there_and_back() -> None:
    found = await households(through_libreoffice(workbook(filled(), offer_choices=True)))
    assert [each.wrong for each in found] == [[], []]


@needs_libreoffice
def test_an_export_and_whatever_looks_like_a_formula_in_it_stay_text(tmp_path: Path) -> None:
    rows = [["=1+1", "+86", "-1", "@x", "=cmd|' /C calc'!A0", "https://x.invalid", "01", "1e5", "欧阳𬸣", "&", "<"]]
    with Workbook(tmp_path / "export.xlsx", COLUMNS, banner="导出人：林 & 主席") as book:
        book.add(rows)
    content = through_libreoffice((tmp_path / "export.xlsx").read_bytes())
    assert [line.cells for line in rows_of(content)][2:] == rows
    assert "<f>" not in text_of(content, "xl/worksheets/sheet1.xml")


@needs_libreoffice
async def test_the_file_that_comes_back_with_errors_opens_there_too() -> None:
    made = await run(
        annotate,
        (HERE / "filled.xlsx").read_bytes(),
        {"3": "姓名：请填写这一列。"},
        c.ERRORS,
        limits=Limits(memory_bytes=512 * MIB, file_bytes=64 * MIB),
    )
    assert isinstance(made, Done)
    rows = rows_of(through_libreoffice(made.values[0]))
    assert rows[0].cells[-1] == c.ERRORS
    assert [row.cells[-1] for row in rows if row.number == 3] == ["姓名：请填写这一列。"]


def test_memory_does_not_keep_the_rows_that_are_written(tmp_path: Path) -> None:
    """`constant_memory`: a cell of a row above is not there any more to be overwritten."""
    with Workbook(tmp_path / "a.xlsx", [Column("一")]) as book:
        book.add([["a"], ["b"]])
        assert book._sheet.write_string(0, 0, "too late") == -1
