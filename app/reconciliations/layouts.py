"""How banks write statements of our own account (docs/bank_files.md): one small adapter for each way. Pure.

A file is read chunk by chunk. Whatever is wrong with a row is told with its number and column, and then nothing of the
file is taken.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from app.kernel.errors import FieldError, Invalid
from app.kernel.masking import mask_card
from app.payments.rules import fen_of

Direction = Literal["out", "in"]
StatementLayout = Literal["direction", "two_amounts"]
DAY, REFERENCE, REMARK, ACCOUNT = "交易日期", "流水号", "摘要", "对方账号"
DIRECTION, AMOUNT = "收支方向", "金额（元）"
OUT, IN = "支出（元）", "收入（元）"
MOST_ERRORS: Final = 20
"""So many are told at once."""
_HEAD_WITHIN: Final = 10
_DIRECTIONS: Final[Mapping[str, Direction]] = {"支出": "out", "借": "out", "收入": "in", "贷": "in"}
_DAYS: Final = (
    (re.compile(r"\A\d{4}-\d{2}-\d{2}\Z"), "%Y-%m-%d"),
    (re.compile(r"\A\d{4}/\d{2}/\d{2}\Z"), "%Y/%m/%d"),
    (re.compile(r"\A\d{8}\Z"), "%Y%m%d"),
)
_BANK_REFERENCE: Final = re.compile(r"\A[0-9A-Za-z_.-]{1,64}\Z")
_HIDDEN_BY_BANK: Final = re.compile(r"\A[0-9]{0,10}[*＊Xx]+([0-9]{4})\Z")
_OURS: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement on the account; `line_reference`: the reference of ours that its remark names, if any."""

    row_number: int
    day: date
    direction: Direction
    amount_fen: int
    bank_reference: str
    account_masked: str | None
    line_reference: UUID | None


class _Wrong(Exception):
    """A cell that cannot be read."""

    def __init__(self, title: str, code: str, what: str) -> None:
        super().__init__(code)
        self.title, self.code, self.what = title, code, what


Cells = Mapping[str, str]


def _by_direction(cells: Cells) -> tuple[Direction, int]:
    direction = _DIRECTIONS.get(cells[DIRECTION])
    if direction is None:
        raise _Wrong(DIRECTION, "direction_unknown", "应为“支出”或“收入”（或“借”“贷”）")
    return direction, _amount(AMOUNT, cells[AMOUNT])


def _by_two_amounts(cells: Cells) -> tuple[Direction, int]:
    given = [(title, cells[title]) for title in (OUT, IN) if cells[title] not in ("", "0", "0.00")]
    if len(given) != 1:
        raise _Wrong(OUT, "one_amount", "与“收入（元）”应当只有一个有金额")
    title, text = given[0]
    return ("out" if title == OUT else "in"), _amount(title, text)


def _amount(title: str, text: str) -> int:
    fen = fen_of(text)
    if not fen:
        raise _Wrong(title, "amount_format", "不是大于零的金额，写成 1234.56 的样子")
    return fen


_ADAPTERS: Final[Mapping[StatementLayout, tuple[tuple[str, ...], Callable[[Cells], tuple[Direction, int]]]]] = {
    "direction": ((DAY, REFERENCE, REMARK, DIRECTION, AMOUNT), _by_direction),
    "two_amounts": ((DAY, REFERENCE, REMARK, OUT, IN), _by_two_amounts),
}
"""By the columns that it must have; it may have others."""


@dataclass(slots=True)
class StatementReader:
    """Takes the rows of a file as they come, and gives its movements at the end. `days`: the first and the last."""

    days: tuple[date, date]
    movements: list[Movement] = field(default_factory=list)
    _head: list[Sequence[str]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _adapter: Callable[[Cells], tuple[Direction, int]] | None = None
    _errors: list[FieldError] = field(default_factory=list)
    _seen: dict[tuple[date, str], int] = field(default_factory=dict)

    def feed(self, lines: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Raises Invalid once there is more wrong than is told."""
        for number, cells in lines:
            if self._adapter is None:
                self._look_for_titles(cells)
            else:
                self._read(number, cells)
            if len(self._errors) >= MOST_ERRORS:
                raise Invalid(*self._errors)

    def end(self) -> list[Movement]:
        """Raises Invalid."""
        if self._adapter is None:
            raise _without_columns()
        if self._errors:
            raise Invalid(*self._errors)
        if not self.movements:
            raise Invalid(FieldError("/file", "statement_empty", "流水文件里没有一笔流水。"))
        return self.movements

    def _look_for_titles(self, cells: Sequence[str]) -> None:
        titles = [cell.strip().replace("(", "（").replace(")", "）") for cell in cells]
        for needed, adapter in _ADAPTERS.values():
            if all(title in titles for title in needed):
                self._adapter = adapter
                self._places = {title: titles.index(title) for title in (*needed, ACCOUNT) if title in titles}
                return
        self._head.append(cells)
        if len(self._head) >= _HEAD_WITHIN:
            raise _without_columns()

    def _read(self, number: int, cells: Sequence[str]) -> None:
        row = {
            title: cells[place].strip().lstrip("'") if place < len(cells) else ""
            for title, place in self._places.items()
        }
        try:
            movement = self._movement(number, row)
        except _Wrong as wrong:
            message = f"第 {number} 行“{wrong.title}”{wrong.what}。"
            self._errors.append(FieldError(f"/file/{number}/{wrong.title}", wrong.code, message))
        else:
            self.movements.append(movement)

    def _movement(self, number: int, row: Cells) -> Movement:
        assert self._adapter is not None
        day, reference = _day(row[DAY]), row[REFERENCE]
        if not self.days[0] <= day <= self.days[1]:
            raise _Wrong(DAY, "day_outside", "不在流水的起止日期之内")
        if not _BANK_REFERENCE.match(reference):
            raise _Wrong(REFERENCE, "reference_format", "应为 1 到 64 位字母或数字")
        before = self._seen.setdefault((day, reference), number)
        if before != number:
            raise _Wrong(REFERENCE, "reference_repeated", f"与第 {before} 行重复")
        ours = _OURS.findall(row[REMARK])
        if len(set(map(str.upper, ours))) > 1:
            raise _Wrong(REMARK, "references_many", "里有不止一个参考号")
        account = _account(row.get(ACCOUNT, ""))
        return Movement(number, day, *self._adapter(row), reference, account, UUID(hex=ours[0]) if ours else None)


def _day(text: str) -> date:
    for shape, written in _DAYS:
        if shape.match(text) and text.isascii():
            try:
                return datetime.strptime(text, written).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                break
    raise _Wrong(DAY, "day_format", "不是日期，写成 2026-01-31 的样子")


def _account(text: str) -> str | None:
    """Masked; of one that the bank has masked itself, what it left to see at the end."""
    hidden = _HIDDEN_BY_BANK.match(text.replace(" ", ""))
    return f"**** **** **** {hidden[1]}" if hidden else mask_card(text) or None


def _without_columns() -> Invalid:
    return Invalid(
        FieldError(
            "/file", "columns_missing",
            "流水文件缺少列：要有“交易日期”“流水号”“摘要”，以及“收支方向”和“金额（元）”，或“支出（元）”和“收入（元）”。",
        )
    )  # fmt: skip
