"""Writing workbooks: a table with drop-downs, a sheet of notes, and nothing that a cell could ever run.

Every value is written as text (`write_string`), rows go to the disk as they come, so memory does not grow with them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

NOTES: Final = "填表说明"
_LISTS: Final = "选项"
_LAST_ROW: Final = 50_000
_LONGEST: Final = 32_767
"""What a cell can hold (characters)."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, what is to be written into it, and what may be chosen."""

    title: str
    note: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    width: int = 16


class Workbook:
    """A table being written into a file. Use it with `with`: the file is complete at the end of the block."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        *,
        sheet: str = "数据",
        banner: str = "",
        notes: Sequence[str] = (),
        offer_choices: bool = False,
        created: datetime | None = None,
    ) -> None:
        """`banner`: a line above the table and on every printed page; `path.parent` takes what is written meanwhile.
        `created`: when it says that it was made, where the same content has to be the same bytes."""
        options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False,
                   "strings_to_urls": False, "strings_to_numbers": False}  # fmt: skip
        self._book: Any = xlsxwriter.Workbook(str(path), options)
        self._plain = self._book.add_format({"num_format": "@"})
        self._bold = self._book.add_format({"bold": True, "num_format": "@", "bg_color": "#DDEBF7", "border": 1})
        self._sheet = self._book.add_worksheet(sheet)
        self._columns = columns
        if offer_choices:
            self._offer()
        if notes or offer_choices:
            self._explain(notes)
        self._row = 0
        properties = ({"comments": banner} if banner else {}) | ({"created": created} if created else {})
        if properties:
            self._book.set_properties(properties)
        self._head(banner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Writes what is still to be written; only now there is a workbook."""
        self._book.close()

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        for row in rows:
            for column, text in enumerate(row):
                if text:
                    self._sheet.write_string(self._row, column, text[:_LONGEST])
            self._row += 1

    def _head(self, banner: str) -> None:
        for at, column in enumerate(self._columns):
            self._sheet.set_column(at, at, column.width, self._plain)
        if banner:
            self._sheet.write_string(0, 0, banner)
            # In a header an ampersand begins a code, so one that is meant is written twice.
            self._sheet.set_header("&L" + banner.replace("&", "&&")[:200])
            self._sheet.set_footer("&C第 &P 页，共 &N 页")
            self._row = 1
        for at, column in enumerate(self._columns):
            self._sheet.write_string(self._row, at, column.title, self._bold)
        self._row += 1
        self._sheet.freeze_panes(self._row, 0)

    def _offer(self) -> None:
        """The drop-downs; their choices stand in a hidden sheet, because a list in the rule itself may be 255 long."""
        lists = self._book.add_worksheet(_LISTS)
        lists.hide()
        chosen = [(at, column.choices) for at, column in enumerate(self._columns) if column.choices]
        for row in range(max((len(choices) for _, choices in chosen), default=0)):
            for n, (_, choices) in enumerate(chosen):
                if row < len(choices):
                    lists.write_string(row, n, choices[row])
        for n, (at, choices) in enumerate(chosen):
            letter = xl_col_to_name(n)
            source = f"={_LISTS}!${letter}$1:${letter}${len(choices)}"
            self._sheet.data_validation(1, at, _LAST_ROW, at, _rule(source))

    def _explain(self, notes: Sequence[str]) -> None:
        sheet = self._book.add_worksheet(NOTES)
        sheet.set_column(0, 0, 22)
        sheet.set_column(1, 1, 8)
        sheet.set_column(2, 2, 90)
        row = 0
        for note in notes:
            sheet.write_string(row, 0, note)
            row += 1
        for at, title in enumerate(("列", "必填", "怎样填写")):
            sheet.write_string(row, at, title, self._bold)
        for column in self._columns:
            row += 1
            choices = f"可选：{'、'.join(column.choices)}。" if column.choices else ""
            for at, text in enumerate((column.title, "是" if column.required else "", column.note + choices)):
                sheet.write_string(row, at, text)


def _rule(source: str) -> dict[str, str]:
    return {
        "validate": "list",
        "source": source,
        "error_title": "请从列表中选择",
        "error_message": "这一列只能填写下拉列表中的内容。",
    }
