"""From the rows of a filled-in template to household forms, or to what is wrong in which row and column. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from app.bulk import columns as c
from app.households.dictionaries import unknown_codes
from app.households.forms import HouseholdForm
from app.kernel.identifiers import InvalidIdentifier, bank_card, mobile, resident_id
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
    "day_format": "请填写日期，例如 2020-01-31。",
    "count_format": "请填写整数。",
    "card_incomplete": "开户银行和银行卡号要一起填写。",
    "number_lost_digits": "这个长数字被表格软件改动了，请把这一列设为文本格式后重新填写。",
    "head_missing": "成员前面没有户主，每户请从“本人”一行开始。",
    "head_differs": "户主证件号码与上面的户主不一致，请检查行的顺序。",
    "member_repeated": "这个证件号码在表格中出现了不止一次。",
    "member_elsewhere": "这个人已在另一份家庭档案中，请联系该档案所在的工会核对。",
    "filing_open": "这个人已有一份等待确认的代办档案。",
    "union_unknown": "这个工会编码不在导入的工会及其下级之中。",
    "union_not_keeper": "这份档案不在所填的工会。换工会请办理档案转接。",
    "own_family": "不能导入本人、家人或亲属的档案，请由另一名工作人员办理。",
    "file_not_correctable": "这份档案在现在的办理状态下不能修改，请等它在档或回到工会初审时再导入。",
    "not_a_member": "这个人不是这份档案的家庭成员。",
    "size_change_one_at_a_time": "一次只能有一名成员加入或离开，请等上一项变更核对后再办。",
    "change_open": "同一项内容已有变更申请正在核对，请等待核对结果。",
    "too_many_requests": "一个工会一次最多提出 1,000 项变更申请，请分几次导入。",
    "identity_required": "经办人要先完成实名认证，才能代填档案或提出变更申请。",
}
"""Every code of an import besides those of the form and of identity numbers."""
_SEPARATORS = re.compile(r"[、,，;；/\s]+")
_CLAUSES = re.compile(r"[;；\n]+")
_MONEY = re.compile(r"\A-?[0-9]{1,14}(?:\.[0-9]{1,10})?\Z")
_DAY = re.compile(r"\A([0-9]{4})(?:[-/.年]?)([0-9]{1,2})(?:[-/.月]?)([0-9]{1,2})日?\Z")


class Wrong(NamedTuple):
    """What is wrong in one cell; the message never repeats it."""

    line: int
    column: str
    code: str
    message: str


@dataclass(slots=True)
class Household:
    """The rows of one household: what is filled in, its whole form if nothing is wrong, and everybody's number with
    their line."""

    lines: list[int]
    given: dict[str, Any] = field(default_factory=dict)
    """Of the form what is filled in: `members` are those who belong to the household."""
    form: dict[str, Any] | None = None
    phone: str = ""
    union_code: str = ""
    card: dict[str, str] | None = None
    people: list[tuple[int, str]] = field(default_factory=list)
    left: list[tuple[int, str]] = field(default_factory=list)
    """Line and number of those who are members no more."""
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
            if row.get(c.RELATION) in (c.HEAD, "self"):
                yield from self.rest()
            self._waiting.append((line.number, row))

    def rest(self) -> Iterator[Household]:
        if self._waiting:
            yield household(self._waiting, self._today)
            self._waiting = []


def household(rows: Sequence[tuple[int, Mapping[str, str]]], today: date) -> Household:
    """One household, of its rows in order."""
    (first, head), others = rows[0], rows[1:]
    found = Household([line for line, _ in rows])
    if head.get(c.RELATION) not in (c.HEAD, "self"):
        for line, row in rows:
            found.refuse(line, c.RELATION, "head_missing")
            _number(found, line, row, today)
        return found
    found.given = _of_head(found, first, head, today)
    members, lines = list[dict[str, Any]](), list[int]()
    for line, row in others:
        if row.get(c.RELATION) == c.LEFT:
            _leaving(found, line, row, today)
        else:
            members.append(_member(found, line, row, today))
            lines.append(line)
    found.given["members"] = members
    form = {"rigid_spending": [], **found.given, "members": [{"income_fen_yearly": 0, **each} for each in members]}
    check(found, form, lines, today)
    if found.left:
        found.refuse(found.left[0][0], c.NUMBER, "not_a_member")
    if not found.wrong:
        found.form = form
    return found


def _of_head(found: Household, line: int, row: Mapping[str, str], today: date) -> dict[str, Any]:
    for column in c.COLUMNS:
        if column.required and not row.get(column.title):
            found.refuse(line, column.title, "cell_missing")
    form: dict[str, Any] = {"head": {"name": row.get(c.NAME, ""), "id_number": _number(found, line, row, today)}}
    for item in c.ITEMS:
        if item.head and (value := _value(found, line, row, item)) is not None:
            inside, name = (form["head"] if item.head.startswith("/head/") else form), item.head.rpartition("/")[2]
            inside[name] = value
    found.phone, found.union_code = _phone(found, line, row), row.get(c.UNION, "")
    if found.phone:
        form["head"]["mobile"] = found.phone
    found.card = _card(found, line, row)
    if row.get(c.OTHER_CAUSES):
        form["secondary_causes"] = _causes(found, line, row)
    if row.get(c.DEMANDS):
        form["demands"] = [text for text in _CLAUSES.split(row[c.DEMANDS]) if text.strip()]
    spending: list[dict[str, Any]] = [
        {"kind": kind, "amount_fen": _fen(found, line, row, title), "file_ids": []}
        for title, kind in c.SPENDINGS.items()
        if row.get(title)
    ]
    return form | ({"rigid_spending": spending} if spending else {})


def _member(found: Household, line: int, row: Mapping[str, str], today: date) -> dict[str, Any]:
    for title in (c.RELATION, c.NAME, c.NUMBER, c.HEALTH, c.OF_HEAD):
        if not row.get(title):
            found.refuse(line, title, "cell_missing")
    _of_this_head(found, line, row, today)
    member = {
        "name": row.get(c.NAME, ""),
        "id_number": _number(found, line, row, today),
        "relation": _chosen(found, line, row, c.RELATION, "relation"),
        **{item.member: _value(found, line, row, item) for item in c.ITEMS if item.member},
    }
    return {key: value for key, value in member.items() if value is not None}


def _leaving(found: Household, line: int, row: Mapping[str, str], today: date) -> None:
    for title in (c.NUMBER, c.OF_HEAD):
        if not row.get(title):
            found.refuse(line, title, "cell_missing")
    _of_this_head(found, line, row, today)
    if _number(found, line, row, today):
        found.left.append(found.people.pop())


def _of_this_head(found: Household, line: int, row: Mapping[str, str], today: date) -> None:
    given = row.get(c.OF_HEAD, "")
    if given and _normal(given, today) != found.head_number:
        found.refuse(line, c.OF_HEAD, "head_differs")


def check(found: Household, form: Mapping[str, Any], lines: Sequence[int], today: date) -> None:
    """What the form itself refuses, in the rows and columns that it came from; a cell is complained of once. `lines`:
    where each of its members stands."""
    wrong = []
    try:
        HouseholdForm.model_validate(form)
    except ValidationError as refused:
        wrong = field_errors(refused.errors())
    known = {(each.line, each.column) for each in found.wrong}
    for error in (*wrong, *unknown_codes(form, today)):
        line, column = place_of(error.pointer, found.lines[0], lines)
        if (line, column) not in known:
            known.add((line, column))
            found.refuse(line, column, error.code, error.message)


def place_of(pointer: str, head: int, members: Sequence[int]) -> tuple[int, str]:
    """Line and column of a place of the form."""
    parts = pointer.split("/")
    if len(parts) > 3 and parts[1] == "members":
        return members[int(parts[2])], c.MEMBER_PLACES.get(parts[3], c.RELATION)
    said = (title for place, title in c.PLACES.items() if f"{pointer}/".startswith(f"{place}/"))
    return head, next(said, c.RELATION)


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


def _card(found: Household, line: int, row: Mapping[str, str]) -> dict[str, str] | None:
    """The card that aid is to be paid to; its holder is the head."""
    given = {title: row.get(title, "") for title in (c.BANK, c.CARD, c.BRANCH)}
    if not any(given.values()):
        return None
    if not given[c.BANK] or not given[c.CARD]:
        found.refuse(line, c.CARD if given[c.BANK] else c.BANK, "card_incomplete")
        return None
    if given[c.CARD] == LOST_DIGITS:
        found.refuse(line, c.CARD, "number_lost_digits")
        return None
    try:
        number = bank_card(given[c.CARD])
    except InvalidIdentifier as wrong:
        found.refuse(line, c.CARD, wrong.code, wrong.message)
        return None
    card = {"holder": row.get(c.NAME, ""), "number": number, "bank_name": given[c.BANK][:100]}
    return card | ({"branch": given[c.BRANCH][:100]} if given[c.BRANCH] else {})


def _value(found: Household, line: int, row: Mapping[str, str], item: c.Item) -> Any:
    """What a cell says as the form says it; None when it is empty, or wrong."""
    text = row.get(item.title, "")
    if not text:
        return None
    match item.reads:
        case "code" | "flag":
            return _chosen(found, line, row, item.title, item.list)
        case "money":
            return _fen(found, line, row, item.title)
        case "day":
            return _day(found, line, item.title, text)
        case "count":
            return _count(found, line, item.title, text)
    return text


def _chosen(found: Household, line: int, row: Mapping[str, str], title: str, of: str) -> Any:
    """The word of a choice, or its code."""
    text, choices = row.get(title, ""), c.choices(of)
    if text and text not in choices:
        found.refuse(line, title, "choice_unknown")
    return choices.get(text)


def _causes(found: Household, line: int, row: Mapping[str, str]) -> list[str]:
    named = [text for text in _SEPARATORS.split(row.get(c.OTHER_CAUSES, "")) if text]
    known = c.choices("cause")
    if any(text not in known for text in named):
        found.refuse(line, c.OTHER_CAUSES, "choice_unknown")
    return [known[text] for text in named if text in known]


def _day(found: Household, line: int, title: str, text: str) -> str | None:
    """A date in any of the ways that people and spreadsheet programs write it."""
    parts = _DAY.match(text)
    try:
        if parts is not None:
            return date(*map(int, parts.groups())).isoformat()
    except ValueError:
        pass
    found.refuse(line, title, "day_format")
    return None


def _count(found: Household, line: int, title: str, text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 6:
        return int(text)
    found.refuse(line, title, "count_format")
    return None


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
