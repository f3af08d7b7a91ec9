"""Reading a stranger's table of text, separated by commas: the same rules as for workbooks, in the same child process.

Banks write GBK; what begins as UTF-8 with a mark, or is nothing but UTF-8, is read as that.
"""

import csv
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final

from app.confined.running import MIB, Failed, Limits, stream
from app.spreadsheets.precheck import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, Refused
from app.spreadsheets.reading import CHUNK, Chunk, Line, read

_LIMITS: Final = Limits(memory_bytes=512 * MIB, cpu_seconds=20, seconds=30)
_LONGEST_CELL: Final = 4_000


async def read_table(content: bytes) -> AsyncGenerator[Chunk]:
    """A workbook or comma-separated text, by how it begins. Raises Refused."""
    if content.startswith(b"PK\x03\x04") or content.startswith(b"\xd0\xcf\x11\xe0"):
        async with aclosing(read(content)) as chunks:
            async for chunk in chunks:
                yield chunk
        return
    async with aclosing(stream(rows, content, limits=_LIMITS)) as answers:
        async for answer in answers:
            if isinstance(answer, Failed):
                raise Refused("spreadsheet_unreadable")
            if isinstance(answer, str):
                raise Refused(answer)
            total, lines = answer
            yield Chunk(total, [Line(number, cells) for number, cells in lines])


# ---- in the child ----


def rows(content: bytes) -> Iterator[Any]:
    """The code of a refusal; or pairs of the number of rows so far and some of them."""
    text = _text(content)
    if text is None:
        yield "text_undecodable"
        return
    total, lines = 0, list[tuple[int, list[str]]]()
    try:
        for total, cells in enumerate(csv.reader(text.splitlines(), strict=True), 1):
            if total > MAX_ROWS or len(cells) > MAX_COLUMNS or any(len(cell) > _LONGEST_CELL for cell in cells):
                yield "spreadsheet_too_wide"
                return
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append((total, stripped))
            if len(lines) >= CHUNK:
                yield total, lines
                lines = []
    except csv.Error:
        yield "spreadsheet_damaged"
        return
    yield (total, lines) if total else "spreadsheet_empty"


def _text(content: bytes) -> str | None:
    """None: nothing that a bank would write."""
    if len(content) > MAX_BYTES or b"\0" in content:
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if any(ord(letter) < 32 and letter not in "\r\n\t" for letter in text) else text
    return None
