"""Reading a stranger's workbook: checked first, then read in a child process, row by row in chunks."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from app.confined.running import MIB, Failed, Limits, stream
from app.spreadsheets.precheck import Refused, check

CHUNK: Final = 500
LOST_DIGITS: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for a number that the spreadsheet program has already rounded: a long number that was not kept as text."""
_EXACT: Final = 10**15
_LIMITS: Final = Limits(memory_bytes=1024 * MIB, cpu_seconds=40, seconds=60)
_LONGEST_CELL: Final = 4_000


class Line(NamedTuple):
    """A row that is not empty: its number in the file (the first is 1) and its cells as text."""

    number: int
    cells: list[str]


class Chunk(NamedTuple):
    """Some rows; `total` is how many the sheet has, empty ones included."""

    total: int
    lines: list[Line]


async def read(content: bytes) -> AsyncGenerator[Chunk]:
    """The first visible sheet that is none of notes, chunk by chunk. Raises Refused.

    Whatever the file does to its reader is Refused too: nothing of the kind reaches this process.
    """
    async with aclosing(stream(rows, content, limits=_LIMITS)) as answers:
        async for answer in answers:
            if isinstance(answer, Failed):
                raise Refused("spreadsheet_unreadable")
            if isinstance(answer, str):
                raise Refused(answer)
            total, lines = answer
            yield Chunk(total, [Line(number, cells) for number, cells in lines])


async def refusal(content: bytes) -> str | None:
    """Why the file would not be read, from the look before any reader; None when it may be."""
    async with aclosing(stream(look, content, limits=Limits(cpu_seconds=10, seconds=20))) as answers:
        async for answer in answers:
            if isinstance(answer, Failed):
                return "spreadsheet_suspicious"
            return str(answer) if answer else None
    return "spreadsheet_suspicious"


# ---- in the child ----


def look(content: bytes) -> str | None:
    """The code with which the file is refused."""
    try:
        check(content)
    except Refused as refused:
        return refused.code
    return None


def rows(content: bytes) -> Iterator[Any]:
    """The code of a refusal; or pairs of the number of rows and some of them."""
    code = look(content)
    if code is not None:
        yield code
        return
    total, lines = 0, list[tuple[int, list[str]]]()
    for total, line in lines_of(content):
        if line is not None:
            lines.append((line.number, line.cells))
        if len(lines) >= CHUNK:
            yield total, lines
            lines = []
    yield (total, lines) if total else "spreadsheet_empty"


def lines_of(content: bytes) -> Iterator[tuple[int, Line | None]]:
    """Every row of a file that was looked at, with the number of all; None for an empty one."""
    import io

    from python_calamine import SheetTypeEnum, SheetVisibleEnum, load_workbook

    workbook = load_workbook(io.BytesIO(content))
    shown = [
        each.name
        for each in workbook.sheets_metadata
        if each.visible == SheetVisibleEnum.Visible and each.typ == SheetTypeEnum.WorkSheet
    ]
    if not shown:
        return
    sheet = workbook.get_sheet_by_name(shown[0])
    total, first = sheet.total_height + 1, (sheet.start or (0, 0))[1]
    for number, cells in enumerate(sheet.iter_rows(), 1):
        texts = [""] * first + [text_of(cell) for cell in cells] if first else [text_of(cell) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        yield total, Line(number, texts) if texts else None


def text_of(cell: Any) -> str:
    """A cell as a person would read it."""
    match cell:
        case str():
            return cell.strip()[:_LONGEST_CELL]
        case bool():
            return "是" if cell else "否"
        case int() | float():
            return _number(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "seconds")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return ""


def _number(cell: float) -> str:
    if abs(cell) >= _EXACT:
        return LOST_DIGITS
    if cell == int(cell):
        return str(int(cell))
    return format(cell, ".10f").rstrip("0")
