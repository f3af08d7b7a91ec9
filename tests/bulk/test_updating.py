"""What the rows of a template make of a file that is there already."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk import columns as c
from app.bulk.rules import Household, household
from app.bulk.updating import Update, update_of
from app.households.forms import HouseholdForm
from tests import make
from tests.bulk.filling import Row, member
from tests.make import TODAY

NO_FILE = "01934d3e-0000-7000-8000-000000000001"
NUMBER, CHILD, SPOUSE = "11010519491231002X", "990105201001010014", "99010519800101001X"


def file(**given: Any) -> dict[str, Any]:
    form = {
        "head": {"name": "陈小明", "id_number": NUMBER, "health": "weak", "mobile": "13800138000"},
        "members": [make.member("son", number=CHILD), make.member("spouse", number=SPOUSE, name="林阿妹")],
        "address": "龙湖区金霞街道", "division_code": "440507", "housing": "private_rental",
        "income_fen_yearly": 24_000_00, "primary_cause": "serious_illness",
        "rigid_spending": [{"kind": "illness", "amount_fen": 6_000_00, "file_ids": [NO_FILE]}],
    } | given  # fmt: skip
    return HouseholdForm.model_validate(form).model_dump(mode="json", exclude_none=True, exclude_unset=True)


def row(**given: str) -> Row:
    return {c.RELATION: c.HEAD, c.NAME: "陈小明", c.NUMBER: NUMBER} | given


def of_member(number: str = CHILD, **given: str) -> Row:
    return {c.RELATION: "子", c.NAME: "陈小雨", c.NUMBER: number, c.OF_HEAD: NUMBER} | given


def tried(*rows: Row, before: dict[str, Any] | None = None) -> tuple[Update | None, Household]:
    found = household(list(enumerate(rows, 2)), TODAY)
    return update_of(found, before or file(), TODAY), found


def done(*rows: Row, before: dict[str, Any] | None = None) -> Update:
    update, found = tried(*rows, before=before)
    assert update is not None, found.wrong
    return update


def wrong(*rows: Row) -> list[tuple[int, str, str]]:
    update, found = tried(*rows)
    assert update is None
    return [(each.line, each.column, each.code) for each in found.wrong]


def test_empty_cells_change_nothing_and_who_is_not_listed_stays() -> None:
    update = done(row())
    assert (update.changes, update.requests, update.after) == ([], [], file())
    update = done(row(), of_member())
    assert (update.changes, update.requests) == ([], [])


def test_amounts_are_put_right_by_their_kind_and_keep_their_papers() -> None:
    update = done(row(**{"患病支出（元）": "1", "就学支出（元）": "2"}))
    assert update.after["rigid_spending"] == [
        {"kind": "illness", "amount_fen": 100, "file_ids": [NO_FILE]},
        {"kind": "schooling", "amount_fen": 200, "file_ids": []},
    ]
    (change,) = update.changes
    assert (change.line, change.column, change.pointer) == (2, "患病支出（元）", "/rigid_spending")


def test_each_change_is_told_at_the_cell_that_it_came_from() -> None:
    update = done(
        row(**{"四个一批": "union_aid"}), of_member(SPOUSE, **{c.RELATION: "配偶", c.NAME: "林阿妹", "民族": "03"})
    )
    assert [(each.line, each.column, each.pointer, each.before, each.after) for each in update.changes] == [
        (3, "民族", "/members/1/ethnicity", None, "03"),
        (2, "四个一批", "/measure_batch", None, "union_aid"),
    ]


def test_another_name_is_asked_for_and_not_written() -> None:
    update = done(row(**{c.NAME: "陈晓明"}), of_member(**{c.NAME: " 陈小雨 "}))
    assert update.after == file()
    assert [(each.kind, each.field, each.after["name"]) for each in update.requests] == [
        ("identity", "/head", "陈晓明")
    ]


def test_one_may_join_or_leave_at_a_time() -> None:
    joins = member(row(), **{c.NUMBER: make.id_number(date(2020, 1, 1)), c.NAME: "陈新"})
    (request,) = done(row(), joins).requests
    assert (request.kind, request.field, request.before, request.after["name"]) == (
        "household_size", "/members", None, "陈新",
    )  # fmt: skip
    left = of_member(**{c.RELATION: c.LEFT})
    (request,) = done(row(), left).requests
    assert (request.before["id_number"], request.after) == (CHILD, None)
    assert wrong(row(), joins, left) == [(4, c.RELATION, "size_change_one_at_a_time")]


def test_who_joins_is_filled_in_as_in_a_new_file() -> None:
    joins = member(row(), **{c.NUMBER: make.id_number(date(2020, 1, 1)), c.NAME: "陈新", c.HEALTH: ""})
    assert wrong(row(), joins) == [(3, c.HEALTH, "cell_missing")]


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        (c.NAME, "", "cell_missing"),
        (c.INCOME, "一万", "money_format"),
        ("出生日期", "去年", "day_format"),
        ("出生日期", "2026-02-30", "day_format"),
        ("住房套数", "两套", "count_format"),
        ("住房套数", "51", "less_than_equal"),
        ("民族", "火星族", "choice_unknown"),
        (c.CARD, "6222020000000000", "card_incomplete"),
        (c.DIVISION, "汕头", "string_pattern_mismatch"),
    ],
)
def test_what_is_wrong_is_told_at_its_cell(column: str, text: str, code: str) -> None:
    told = wrong(row(**{column: text}))
    assert told == [(2, c.BANK if code == "card_incomplete" else column, code)]


@pytest.mark.parametrize("text", ["2020-01-31", "2020/1/31", "2020.1.31", "2020年1月31日", "20200131"])
def test_a_day_is_read_in_the_ways_in_which_people_write_it(text: str) -> None:
    assert done(row(**{"参加工作时间": text})).after["head"]["work_began_on"] == "2020-01-31"


_WRITTEN = {
    c.HOUSING: ("自建房", "commercial", "公租房"), c.INCOME: ("0", "1,000.5", "20000"), "民族": ("汉族", "03"),
    "性别": ("男", "female"), "参加工作时间": ("1999-01-02", "2001年3月4日"), "住房套数": ("0", "2"),
    "是否单亲": ("是", "否"), c.OTHER_CAUSES: ("子女上学", "accident、其他"), c.DEMANDS: ("助学；就医",),
    "患病支出（元）": ("1", "6000"), "意外支出（元）": ("5",), "重点群体": ("other",), c.PHONE: ("13900139000",),
}  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(_WRITTEN)), st.integers(0, 2)))
def test_what_was_imported_once_changes_nothing_the_second_time(chosen: dict[str, int]) -> None:
    cells = {title: _WRITTEN[title][n % len(_WRITTEN[title])] for title, n in chosen.items()}
    first = done(row(**cells))
    HouseholdForm.model_validate(first.after)
    again = done(row(**cells), before=first.after)
    assert (again.changes, again.requests, again.after) == ([], [], first.after)
    assert {each.pointer for each in first.changes} <= set(_pointers(first.after))


def _pointers(value: Any, at: str = "") -> list[str]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(each for name, below in inside for each in _pointers(below, f"{at}/{name}"))]
