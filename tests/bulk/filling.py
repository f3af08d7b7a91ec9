"""Filled-in templates, as a clerk would hand them in."""

import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from app.bulk import columns as c
from app.spreadsheets.writing import Workbook
from tests import make

Row = dict[str, str]


def head(**given: str) -> Row:
    """A whole row of a head; `given` by the titles of the columns."""
    return {
        c.RELATION: c.HEAD, c.NAME: "陈小明", c.NUMBER: make.id_number(), c.HEALTH: "大病", c.PHONE: "13800138000",
        c.ADDRESS: "金平区某街 1 号", c.DIVISION: "440511", c.HOUSING: "公租房", c.INCOME: "12,000.50",
        c.CAUSE: "患重病", c.OTHER_CAUSES: "子女上学、意外事故", c.DEMANDS: "医疗救助；助学",
        "患病支出（元）": "36000", c.DIBAO: "否", c.RESIDENCE: "城镇",
    } | given  # fmt: skip


def member(of: Row, **given: str) -> Row:
    return {
        c.RELATION: "子", c.NAME: "陈小雨", c.NUMBER: make.id_number(date(2010, 1, 1)), c.OF_HEAD: of[c.NUMBER],
        c.HEALTH: "健康", c.OWN_INCOME: "0", c.SCHOOLING: "初中",
    } | given  # fmt: skip


def family(members: int = 1, **given: str) -> list[Row]:
    first = head(**given)
    return [first, *(member(first) for _ in range(members))]


def workbook(
    rows: Iterable[Mapping[str, str]], *, offer_choices: bool = False, titles: tuple[str, ...] = c.TITLES
) -> bytes:
    """The template with these rows in it."""
    columns = [column for column in c.COLUMNS if column.title in titles]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "filled.xlsx"
        with Workbook(path, columns, sheet="家庭档案", notes=c.NOTES, offer_choices=offer_choices) as book:
            book.add([row.get(column.title, "") for column in columns] for row in rows)
        return path.read_bytes()
