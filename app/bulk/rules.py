"""From the rows of a filled-in template to household forms, or to what is wrong in which row and column. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from app.bulk import columns as c
from app.households.forms import HouseholdForm
from app.kernel.identifiers import InvalidIdentifier, mobile, resident_id
from app.kernel.money import MAX_FEN
from app.policy.drafts import field_errors
from app.spreadsheets.reading import LOST_DIGITS, Line

MAX_LINES: Final = 50_000
MESSAGES: Final[Mapping[str, str]] = {
    "columns_missing": "表格缺少必需的列，请使用下载的模板。",
    "too_many_lines": "一次最多导入 50,000 行，请分成几个文件。",
    "cell_missing": "请填写这一列。",
    "choice_unknown": "请从下拉列表中选择。",
    "money_format": "请填写金额（元），最多两位小数。",
    "number_lost_digits": "这个长数字被表格软件改动了，请把这一列设为文本格式后重新填写。",
    "head_missing": "成员前面没有户主，每户请从“本人”一行开始。",
    "head_differs": "户主证件号码与上面的户主不一致，请检查行的顺序。",
    "member_repeated": "这个证件号码在表格中出现了不止一次。",
    "member_elsewhere": "这个人已在另一份家庭档案中，请联系该档案所在的工会核对。",
    "filing_open": "这个人已有一份等待确认的代办档案。",
    "union_unknown": "这个工会编码不在导入的工会及其下级之中。",
}
"""Every code of an import besides those of the form and of identity numbers."""
_SEPARATORS = re.compile(r"[、,，;；/\s]+")
_CLAUSES = re.compile(r"[;；\n]+")
_MONEY = re.compile(r"\A-?[0-9]{1,14}(?:\.[0-9]{1,10})?\Z")


class Wrong(NamedTuple):
    """What is wrong in one cell; the message never repeats it."""

    line: int
    column: str
    code: str
    message: str


@dataclass(slots=True)
class Household:
    """The rows of one household: its form if nothing is wrong, and everybody's number with their line."""

    lines: list[int]
    form: dict[str, Any] | None = None
    phone: str = ""
    union_code: str = ""
    people: list[tuple[int, str]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)

    @property
    def head_number(self) -> str:
        return self.people[0][1] if self.people and self.people[0][0] == self.lines[0] else ""

    def refuse(self, line: int, column: str, code: str, message: str | None = None) -> None:
        self.wrong.append(Wrong(line, column, code, message or MESSAGES[code]))


def places_in(head: Line) -> dict[str, int] | None:
    """Where each column stands, by the titles of the first row; None when a needed one is missing."""
    found = {title.rstrip("*＊ ").strip(): at for at, title in enumerate(head.cells) if title}
    return {title: at for title, at in found.items() if title in c.TITLES} if found.keys() >= c.NEEDED else None


class Reader:
    """Takes rows as they come and gives households as soon as they are complete."""

    def __init__(self, places: Mapping[str, int], today: date) -> None:
        self._places, self._today = places, today
        self._waiting: list[tuple[int, dict[str, str]]] = []

    def take(self, lines: Sequence[Line]) -> Iterator[Household]:
        for line in lines:
            row = {title: line.cells[at] for title, at in self._places.items() if at < len(line.cells)}
            if not any(row.values()):
                continue
            if row.get(c.RELATION) == c.HEAD:
                yield from self.rest()
            self._waiting.append((line.number, row))

    def rest(self) -> Iterator[Household]:
        if self._waiting:
            yield household(self._waiting, self._today)
            self._waiting = []


def household(rows: Sequence[tuple[int, Mapping[str, str]]], today: date) -> Household:
    """One household, of its rows in order."""
    (first, head), members = rows[0], rows[1:]
    found = Household([line for line, _ in rows])
    if head.get(c.RELATION) != c.HEAD:
        for line, row in rows:
            found.refuse(line, c.RELATION, "head_missing")
            _number(found, line, row, today)
        return found
    form = _of_head(found, first, head, today)
    form["members"] = [_member(found, line, row, today) for line, row in members]
    _check(found, form, [line for line, _ in members])
    if not found.wrong:
        found.form = form
    return found


def _of_head(found: Household, line: int, row: Mapping[str, str], today: date) -> dict[str, Any]:
    for column in c.COLUMNS:
        if column.required and not row.get(column.title):
            found.refuse(line, column.title, "cell_missing")
    head: dict[str, Any] = {
        "name": row.get(c.NAME, ""),
        "id_number": _number(found, line, row, today),
        "health": _chosen(found, line, row, c.HEALTH, c.HEALTHS),
    }
    if row.get(c.EMPLOYER):
        head["employer"] = row[c.EMPLOYER]
    found.phone, found.union_code = _phone(found, line, row), row.get(c.UNION, "")
    form: dict[str, Any] = {
        "head": head,
        "address": row.get(c.ADDRESS, ""),
        "division_code": row.get(c.DIVISION, ""),
        "housing": _chosen(found, line, row, c.HOUSING, c.HOUSINGS),
        "income_fen_yearly": _fen(found, line, row, c.INCOME),
        "primary_cause": _chosen(found, line, row, c.CAUSE, c.CAUSES),
        "secondary_causes": _causes(found, line, row),
        "demands": [text for text in _CLAUSES.split(row.get(c.DEMANDS, "")) if text.strip()],
        "rigid_spending": [
            {"kind": kind, "amount_fen": _fen(found, line, row, title), "file_ids": []}
            for title, kind in c.SPENDINGS.items()
            if row.get(title)
        ],
        "residence": _chosen(found, line, row, c.RESIDENCE, c.RESIDENCES),
        "receives_dibao": _chosen(found, line, row, c.DIBAO, c.FLAGS),
    }
    return {key: value for key, value in form.items() if value is not None}


def _member(found: Household, line: int, row: Mapping[str, str], today: date) -> dict[str, Any]:
    for title in (c.RELATION, c.NAME, c.NUMBER, c.HEALTH, c.OF_HEAD):
        if not row.get(title):
            found.refuse(line, title, "cell_missing")
    given = row.get(c.OF_HEAD, "")
    if given and _normal(given, today) != found.head_number:
        found.refuse(line, c.OF_HEAD, "head_differs")
    member = {
        "name": row.get(c.NAME, ""),
        "id_number": _number(found, line, row, today),
        "relation": _chosen(found, line, row, c.RELATION, c.RELATIONS),
        "health": _chosen(found, line, row, c.HEALTH, c.HEALTHS),
        "income_fen_yearly": _fen(found, line, row, c.OWN_INCOME) if row.get(c.OWN_INCOME) else 0,
        "schooling": _chosen(found, line, row, c.SCHOOLING, c.SCHOOLINGS),
    }
    return {key: value for key, value in member.items() if value is not None}


def _check(found: Household, form: Mapping[str, Any], lines: Sequence[int]) -> None:
    """What the form itself refuses, in the rows and columns that it came from; a cell is complained of once."""
    try:
        HouseholdForm.model_validate(form)
    except ValidationError as wrong:
        known = {(each.line, each.column) for each in found.wrong}
        for error in field_errors(wrong.errors()):
            line, column = _place(error.pointer, found.lines[0], lines)
            if (line, column) not in known:
                known.add((line, column))
                found.refuse(line, column, error.code, error.message)


def _place(pointer: str, head: int, members: Sequence[int]) -> tuple[int, str]:
    parts = pointer.split("/")
    if len(parts) > 3 and parts[1] == "members":
        return members[int(parts[2])], c.MEMBER_PLACES.get(parts[3], c.RELATION)
    return head, next((title for place, title in c.PLACES.items() if pointer.startswith(place)), c.RELATION)


def _number(found: Household, line: int, row: Mapping[str, str], today: date) -> str:
    text = row.get(c.NUMBER, "")
    if text == LOST_DIGITS:
        found.refuse(line, c.NUMBER, "number_lost_digits")
    elif text:
        try:
            number = resident_id(text, today).number
        except InvalidIdentifier as wrong:
            found.refuse(line, c.NUMBER, wrong.code, wrong.message)
        else:
            found.people.append((line, number))
            return number
    return ""


def _normal(text: str, today: date) -> str:
    try:
        return resident_id(text, today).number
    except InvalidIdentifier:
        return text


def _phone(found: Household, line: int, row: Mapping[str, str]) -> str:
    text = row.get(c.PHONE, "")
    try:
        return mobile(text) if text else ""
    except InvalidIdentifier as wrong:
        found.refuse(line, c.PHONE, wrong.code, wrong.message)
        return ""


def _chosen(found: Household, line: int, row: Mapping[str, str], title: str, choices: Mapping[str, Any]) -> Any:
    text = row.get(title, "")
    if text and text not in choices:
        found.refuse(line, title, "choice_unknown")
    return choices.get(text)


def _causes(found: Household, line: int, row: Mapping[str, str]) -> list[str]:
    named = [text for text in _SEPARATORS.split(row.get(c.OTHER_CAUSES, "")) if text]
    if any(text not in c.CAUSES for text in named):
        found.refuse(line, c.OTHER_CAUSES, "choice_unknown")
    return [c.CAUSES[text] for text in named if text in c.CAUSES]


def _fen(found: Household, line: int, row: Mapping[str, str], title: str) -> int | None:
    """Yuan as text, with or without thousands separators, as whole fen; nothing is rounded."""
    text = row.get(title, "").replace(",", "").replace("，", "").removesuffix("元").strip()
    if not text:
        return None
    try:
        fen = Decimal(text) * 100 if _MONEY.match(text) else Decimal("0.5")
    except InvalidOperation:
        fen = Decimal("0.5")
    if fen != int(fen) or not 0 <= fen <= MAX_FEN:
        found.refuse(line, title, "money_format")
        return None
    return int(fen)
