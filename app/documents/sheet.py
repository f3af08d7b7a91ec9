"""A form as a worksheet. Every cell is text (`write_string`): nothing that anybody typed becomes a formula."""

import io
from datetime import datetime
from typing import Any

import xlsxwriter

from app.documents.paper import UNITS

_UNIT_WIDTH = 2.6
_LINE_HEIGHT, _OPINION_HEIGHT = 20, 80
_FONT = {"font_name": "宋体", "font_size": 9}
_CHARACTERS_A_UNIT = 1.5
"""How many Chinese characters of that size a unit of the grid is wide."""
_Cell = dict[str, Any]


def workbook_of(paper: dict[str, Any], made_at: datetime) -> bytes:
    """The .xlsx of a form; equal forms of the same day give equal bytes."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": paper["title"], "created": made_at.replace(tzinfo=None)})
    _Sheet(book, paper).write()
    book.close()
    return written.getvalue()


class _Sheet:
    """One worksheet, written from top to bottom."""

    def __init__(self, book: xlsxwriter.Workbook, paper: dict[str, Any]) -> None:
        self.paper = paper
        self.sheet = book.add_worksheet(paper["title"][:31])
        base = _FONT | {"valign": "vcenter", "text_wrap": True}
        framed = base | {"border": 1}
        self.title = book.add_format(_FONT | {"font_size": 16, "bold": True, "align": "center", "valign": "vcenter"})
        self.plain = book.add_format(base)
        self.heading = book.add_format(base | {"bold": True})
        self.label = book.add_format(framed | {"align": "center", "bg_color": "#F2F2F2"})
        self.value = book.add_format(framed | {"num_format": "@"})
        self.number = book.add_format(framed | {"num_format": "@", "align": "right"})
        self.row, self.hanging = 0, 0

    def write(self) -> None:
        # A list of one block with one line a record is a list to be worked with: a column for each of its columns.
        blocks = self.paper["blocks"]
        columns = blocks[0]["header"][0] if len(blocks) == 1 and len(blocks[0]["header"]) == 1 else None
        self.widths = [cell["units"] for cell in columns] if columns else [1] * UNITS
        for n, units in enumerate(self.widths):
            self.sheet.set_column(n, n, units * _UNIT_WIDTH)
        self._set_page()
        self._across([(self.paper["title"], len(self.widths))], self.title, 30)
        if self.paper["above"]:
            self._across(self._shared(self.paper["above"]), self.plain, _LINE_HEIGHT)
        for block in blocks:
            self._block(block)
        if self.paper["foot"]:
            self._across([(self.paper["foot"], len(self.widths))], self.plain, _LINE_HEIGHT * 2)

    def _set_page(self) -> None:
        self.sheet.set_paper(9)  # A4
        self.sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_footer("&C&9第 &P 页，共 &N 页")
        if self.paper["landscape"]:
            self.sheet.set_landscape()

    def _shared(self, texts: list[str]) -> list[tuple[str, int]]:
        """Texts side by side, each over its share of the columns."""
        share = max(1, len(self.widths) // len(texts))
        return [(text, share) for text in texts[:-1]] + [(texts[-1], len(self.widths) - share * (len(texts) - 1))]

    def _across(self, cells: list[tuple[str, int]], style: Any, height: float) -> None:
        column = 0
        for text, columns in cells:
            self._cell(column, columns, text, style)
            column += columns
        self.sheet.set_row(self.row, height)
        self.row += 1

    def _block(self, block: dict[str, Any]) -> None:
        if block["title"]:
            self._across([(block["title"], len(self.widths))], self.heading, _LINE_HEIGHT)
        for line in block["header"]:
            self._line(line)
        if len(self.widths) != UNITS and block["header"]:
            self.sheet.freeze_panes(self.row, 0)
            self.sheet.repeat_rows(self.row - 1)
        for line in block["lines"]:
            self._line(line)

    def _line(self, line: list[_Cell]) -> None:
        column, self.hanging = self.hanging, 0
        high = _LINE_HEIGHT
        for cell in line:
            columns, rows = cell["units"] if len(self.widths) == UNITS else 1, cell.get("rows", 1)
            style = self.label if cell.get("label") else self.number if cell.get("right") else self.value
            below = cell.get("below")
            self._cell(column, columns, cell["text"] + (f"\n\n{below}" if below else ""), style, rows)
            column += columns
            if rows > 1:
                # The next line begins beside it.
                self.hanging = column
            high = max(high, _OPINION_HEIGHT if below else 0, _height(cell))
        self.sheet.set_row(self.row, high)
        self.row += 1

    def _cell(self, column: int, columns: int, text: str, style: Any, rows: int = 1) -> None:
        if columns > 1 or rows > 1:
            self.sheet.merge_range(self.row, column, self.row + rows - 1, column + columns - 1, "", style)
        self.sheet.write_string(self.row, column, text, style)


def _height(cell: _Cell) -> int:
    """How high a line must be for a text to be read whole."""
    per_line = max(1.0, cell["units"] * _CHARACTERS_A_UNIT)
    wide = sum(1.0 if ord(character) > 255 else 0.55 for character in cell["text"])
    lines = max(1, -(-wide // per_line)) + cell["text"].count("\n")
    return int(6 + 12 * lines)
