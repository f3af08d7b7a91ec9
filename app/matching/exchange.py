"""The files that go to a department and come back. Pure.

Plain: a list of names and numbers. Hashed: for each person HMAC-SHA256 over the normalised number, under a key made for
this one exchange; the department computes the same over its own register and answers by hash. Without the key nobody
can try the numbers of a district (some 37 million) against the list, and a list without its key says nothing.
"""

import csv
import hashlib
import hmac
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import xlsxwriter

from app.kernel.errors import FieldError, Invalid
from app.kernel.identifiers import eighteen
from app.kernel.money import MAX_FEN
from app.kernel.text import InvalidText, clean
from app.matching.departments import CHOICES, Field, Mode

KEY_BYTES: Final = 32
MAX_ROWS: Final = 6_000
MAX_ERRORS: Final = 50
MAX_TEXT: Final = 100
BY: Final[Mapping[Mode, str]] = {"plain": "序号", "hashed": "摘要"}
_OUT: Final[Mapping[Mode, tuple[str, ...]]] = {
    "plain": ("批次", "序号", "姓名", "证件号码"),
    "hashed": ("批次", "摘要"),
}
_RECORD, _NO_RECORD = "有记录", "无记录"
_SPACES: Final = re.compile(r"[\s\-]+")
_YUAN: Final = re.compile(r"\A[0-9]{1,10}(?:\.[0-9]{1,2})?\Z")
_NUMBER: Final = re.compile(r"\A[0-9]{1,5}\Z")
_DATE: Final = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DIGEST: Final = re.compile(r"\A[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Person:
    """One line of a list."""

    line: int
    name: str
    id_number: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an answer: what a department has of a person, or that it has nothing. `at`: its line in the file."""

    at: int
    who: str
    field: Field | None
    value: Any
    found_on: date


def normalised(id_number: str) -> str:
    """What is hashed: 18 characters, X in upper case, half-width; 15 digits are made 18; nothing else is judged."""
    return eighteen(_SPACES.sub("", unicodedata.normalize("NFKC", id_number)).upper())


def digest(key: bytes, id_number: str) -> str:
    """64 hexadecimal characters: HMAC-SHA256 of the normalised number in ASCII (UTF-8)."""
    return hmac.new(key, normalised(id_number).encode(), hashlib.sha256).hexdigest()


def rows_for(mode: Mode, number: str, people: Sequence[Person], key: bytes | None) -> list[list[str]]:
    """The list for a department, its head first. Hashes stand in their own order, which tells nothing of families."""
    if mode == "hashed":
        assert key is not None
        lines = [[number, each] for each in sorted(digest(key, person.id_number) for person in people)]
    else:
        lines = [[number, str(person.line), person.name, person.id_number] for person in people]
    return [list(_OUT[mode]), *lines]


def csv_of(rows: Sequence[Sequence[str]]) -> bytes:
    """As office programs read it: UTF-8 with its mark."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue().encode("utf-8-sig")


def xlsx_of(rows: Sequence[Sequence[str]]) -> bytes:
    """The same as a workbook; every cell is text, so that no number loses its last digits."""
    written = io.BytesIO()
    with xlsxwriter.Workbook(written, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("名单")
        for n, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(n, column, cell)
    return written.getvalue()


def read(content: bytes, mode: Mode, number: str, fields: Mapping[str, Field], today: date) -> list[Row]:
    """The lines of an answer. Raises Invalid, naming each bad place; never what stands there."""
    lines = _lines(content)
    heads = ["批次", BY[mode], "项目", "结果", "核对值", "记录日期"]
    if not lines or [cell.strip() for cell in lines[0][1]] != heads:
        raise Invalid(_error(1, "表头", "columns_wrong", f"表头应依次为：{'、'.join(heads)}"))
    if len(lines) - 1 > MAX_ROWS:
        raise Invalid(_error(1, "表头", "too_many_rows", f"一个文件最多 {MAX_ROWS} 行，请分批提交"))
    if len(lines) == 1:
        raise Invalid(_error(2, "批次", "no_rows", "文件里没有任何结果"))
    reader = _Reader(mode, number, fields, today)
    rows = [row for at, line in lines[1:] if (row := reader.row(at, line)) is not None]
    if reader.errors:
        raise Invalid(*reader.errors[:MAX_ERRORS])
    return rows


def unknown(rows: Sequence[Row], known: Mapping[str, Any]) -> None:
    """Raises Invalid for the lines about somebody who is not in the batch."""
    errors = [_error(row.at, "序号", "person_unknown", "这一批里没有这个序号") for row in rows if row.who not in known]
    if errors:
        raise Invalid(*errors[:MAX_ERRORS])


def _lines(content: bytes) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, each with its number in the file."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Invalid(_error(1, "表头", "encoding_unknown", "文件应为 UTF-8 或 GB18030 编码的 CSV"))
    if "\x00" in text:
        raise Invalid(_error(1, "表头", "not_csv", "这不是 CSV 文件"))
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        return [(reader.line_num, line) for line in reader if any(line)]
    except csv.Error:
        raise Invalid(_error(1, "表头", "not_csv", "这不是 CSV 文件")) from None


def _error(at: int, column: str, code: str, message: str) -> FieldError:
    return FieldError(f"/content/{at}/{column}", code, f"第 {at} 行“{column}”：{message}。")


class _Reader:
    """Reads one line after the other and keeps what is wrong with them."""

    def __init__(self, mode: Mode, number: str, fields: Mapping[str, Field], today: date) -> None:
        self.mode, self.number, self.today = mode, number, today
        self.labels = "、".join(fields)
        self.fields = {unicodedata.normalize("NFKC", label): field for label, field in fields.items()}
        self.errors: list[FieldError] = []
        self._seen: dict[tuple[str, str], int] = {}

    def row(self, at: int, line: Sequence[str]) -> Row | None:
        before = len(self.errors)
        cells = [unicodedata.normalize("NFKC", cell).strip() for cell in line]
        if len(cells) != 6:
            self._wrong(at, "批次", "cells_wrong", "这一行的列数不对")
            return None
        batch, who, label, result, value, day = cells
        if batch != self.number:
            self._wrong(at, "批次", "batch_differs", "不是这一批的结果")
        found_on = self._day(at, day)
        who = self._who(at, who)
        field = self._field(at, label, result)
        told = self._value(at, field, line[4].strip() if field and field.kind == "text" else value, result)
        first = self._seen.setdefault((who, label), at)
        if first != at:
            self._wrong(at, BY[self.mode], "row_repeated", f"与第 {first} 行重复")
        if len(self.errors) > before or found_on is None:
            return None
        return Row(at, who, field, told, found_on)

    def _wrong(self, at: int, column: str, code: str, message: str) -> None:
        self.errors.append(_error(at, column, code, message))

    def _who(self, at: int, who: str) -> str:
        if self.mode == "hashed":
            who = who.lower()
            if not _DIGEST.match(who):
                self._wrong(at, "摘要", "digest_format", "摘要应为 64 位十六进制数")
        elif not _NUMBER.match(who):
            self._wrong(at, "序号", "line_format", "序号应为名单上的序号")
        else:
            who = str(int(who))
        return who

    def _field(self, at: int, label: str, result: str) -> Field | None:
        if result not in (_RECORD, _NO_RECORD):
            self._wrong(at, "结果", "result_unknown", f"应为“{_RECORD}”或“{_NO_RECORD}”")
        if result == _NO_RECORD:
            if label:
                self._wrong(at, "项目", "field_unexpected", "没有记录的，项目应为空")
            return None
        if label not in self.fields:
            self._wrong(at, "项目", "field_unknown", f"应为：{self.labels}")
        return self.fields.get(label)

    def _value(self, at: int, field: Field | None, value: str, result: str) -> Any:
        if field is None:
            if value and result == _NO_RECORD:
                self._wrong(at, "核对值", "value_unexpected", "没有记录的，核对值应为空")
            return None
        choices = CHOICES.get(field.kind)
        if choices is not None:
            if value not in choices:
                self._wrong(at, "核对值", "value_unknown", f"应为：{'、'.join(choices)}")
            return choices.get(value)
        if field.kind == "text":
            return self._text(at, value)
        if not (_YUAN if field.kind == "yuan" else _NUMBER).match(value):
            self._wrong(at, "核对值", "number_format", "应为数字，金额以元计，最多两位小数")
            return None
        whole, _, cents = value.partition(".")
        return min(int(whole) * 100 + int(cents.ljust(2, "0") or 0), MAX_FEN) if field.kind == "yuan" else int(value)

    def _text(self, at: int, value: str) -> str | None:
        try:
            cleaned = clean(value) if len(value) <= MAX_TEXT else ""
        except InvalidText:
            cleaned = ""
        if not cleaned:
            self._wrong(at, "核对值", "text_wrong", f"应为 1 到 {MAX_TEXT} 个字，不含特殊字符")
        return cleaned or None

    def _day(self, at: int, day: str) -> date | None:
        try:
            found = date.fromisoformat(day) if _DATE.match(day) else None
        except ValueError:
            found = None
        if found is None:
            self._wrong(at, "记录日期", "date_format", "日期应写成“2026-09-01”的样子")
        elif not date(2000, 1, 1) <= found <= self.today:
            self._wrong(at, "记录日期", "date_range", "日期应在 2000 年之后、今天之前")
            return None
        return found
