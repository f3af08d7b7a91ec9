"""A file that would hurt its reader is refused within a second, by name, and never reaches the reader."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.spreadsheets import reading
from app.spreadsheets.precheck import MAX_BYTES, MESSAGES, Refused, check
from app.spreadsheets.reading import LOST_DIGITS, Chunk, read, refusal, text_of
from tests.spreadsheets.bombs import BOMBS, HARMLESS, ROW, workbook
from tests.thorough import thorough


def code_of(content: bytes) -> str | None:
    try:
        check(content)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_name_within_a_second(name: str) -> None:
    content, code = BOMBS[name]
    begun = time.monotonic()
    assert code_of(content) == code
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_never_reaches_the_reader(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(content: bytes) -> Iterator[None]:
        raise AssertionError("a bomb was given to the reader")

    monkeypatch.setattr(reading, "lines_of", opened)
    content, code = BOMBS[name]
    assert list(reading.rows(content)) == [code]


async def test_a_bomb_is_refused_from_the_child_too() -> None:
    begun = time.monotonic()
    assert await refusal(BOMBS["sparse"][0]) == "spreadsheet_too_wide"
    assert time.monotonic() - begun < 1
    with pytest.raises(Refused):
        await anext(read(BOMBS["zip bomb"][0]))


async def test_what_kills_the_reader_itself_is_refused_and_the_parent_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look is blind here, as if a trick had got past it: the child aborts, and that is a refusal."""
    monkeypatch.setattr(reading, "rows", unlooked)
    with pytest.raises(Refused, match="spreadsheet_unreadable"):
        await anext(read(BOMBS["sparse"][0]))


def unlooked(content: bytes) -> Iterator[object]:
    return iter(list(reading.lines_of(content)))


unlooked.__module__, unlooked.__qualname__ = "app.spreadsheets.reading", "lines_of"


def test_a_file_that_is_too_large_is_not_even_opened() -> None:
    assert code_of(b"PK\x03\x04" + bytes(MAX_BYTES)) == "spreadsheet_too_large"


async def test_an_honest_file_is_read() -> None:
    content = workbook(HARMLESS + ROW.format(3, "B"))
    chunks = [chunk async for chunk in read(content)]
    assert [(line.number, line.cells) for chunk in chunks for line in chunk.lines] == [(1, ["a"]), (3, ["", "a"])]
    assert isinstance(chunks[0], Chunk)
    assert chunks[0].total == 3


async def test_the_last_row_and_column_that_may_be_used_may_be_used() -> None:
    assert code_of(workbook(HARMLESS + ROW.format(50_001, "CV"))) is None


@thorough
@given(st.binary(max_size=400))
def test_noise_is_refused_by_a_known_name(noise: bytes) -> None:
    for content in (noise, b"PK\x03\x04" + noise, workbook()[:-50] + noise):
        code = code_of(content)
        assert code is None or code in MESSAGES


@thorough
@given(st.data())
def test_a_file_with_damage_anywhere_is_read_or_refused_by_a_known_name(data: st.DataObject) -> None:
    content = bytearray(workbook())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    code = code_of(bytes(content))
    assert code is None or code in MESSAGES


def test_a_cell_becomes_what_a_person_reads() -> None:
    from datetime import date, datetime

    cells = ["  甲 ", 12.0, 12.5, True, datetime(2026, 1, 2), date(2026, 1, 2), None, 4.40507198001011e17]  # noqa: DTZ001 - a spreadsheet knows no zone
    assert [text_of(cell) for cell in cells] == [
        "甲", "12", "12.5", "是", "2026-01-02", "2026-01-02", "", LOST_DIGITS,
    ]  # fmt: skip
