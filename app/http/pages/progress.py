"""How far the work is: who was helped with how much, and who left hardship. Counted once a day, never by a visitor."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response

from app.applications.path import Kind
from app.db.transaction import Record, Sight
from app.figures.queries import cells_of, newest
from app.figures.rules import LEAST, Cell, Key, total
from app.households.criteria import CLASS_NAMES
from app.households.targets import KIND, ExitTarget
from app.http.door import look, service_of
from app.http.pages.forms import PageDoor
from app.http.pages.shelf import shelf_of
from app.http.pages.shell import render
from app.http.service import clock
from app.kernel.business_time import business_date
from app.kernel.money import WHOLE_BP, yuan
from app.policy.book import PolicyBook
from app.policy.versions import NoPolicyInForce
from app.policy.wording import percent_text
from app.programmes import KINDS

router = APIRouter(include_in_schema=False, route_class=PageDoor)
SECONDS: Final = 300
FEW: Final = f"少于{LEAST}"
Cells = Mapping[Key, Cell | None]


class Bar(NamedTuple):
    """`part`: of the longest bar of its chart, in thousandths."""

    label: str
    shown: str
    part: int
    people: str

    @property
    def cells(self) -> tuple[str, ...]:
        return self.label, self.people, self.shown


class Year(NamedTuple):
    """What was given in a year. `few`: how many cells are left out for being small."""

    year: int
    people: int
    amount: str
    by_kind: tuple[Bar, ...]
    by_union: tuple[Bar, ...]
    few: int


class Target(NamedTuple):
    """How many of the cohort left hardship in a year, and how many should have; in thousandths of the cohort."""

    year: int
    aim: str
    left: str
    rate: str
    part: int
    mark: int

    @property
    def cells(self) -> tuple[str, ...]:
        return f"{self.year}年", self.aim, self.left, self.rate


@router.get("/progress")
async def read_progress(request: Request) -> Response:
    """The figures of the last day that was counted, with charts and the same as tables."""
    book, today = await service_of(request).policies.get(), business_date(clock())

    async def make() -> str:
        work = await look(request, Sight("public"))
        return page(await newest(work.transaction), book, today)

    return await shelf_of(request).show(request, SECONDS, make)


def page(row: Record | None, book: PolicyBook, today: date) -> str:
    """The page of what was told last."""
    if row is None:
        return render("progress.html", "/progress", figures=None)
    cells, names = cells_of(row["content"]), row["content"]["names"]
    years = sorted({int(key.split("|")[1]) for key in cells if key.startswith("aid|")}, reverse=True)
    try:
        target: ExitTarget | None = book.in_force(KIND, ExitTarget, today)
    except NoPolicyInForce:
        target = None
    figures: dict[str, Any] = {
        "day": row["created_at"],
        "years": [_year(cells, names, year) for year in years],
        "files": [
            (CLASS_NAMES[category], _count(cells.get(f"file|{category}")))
            for category in CLASS_NAMES
            if f"file|{category}" in cells
        ],
        "left": _left(cells),
        "cohort": _count(cells.get("cohort")),
        "targets": _targets(cells, target),
        "target": target,
        "this_year": today.year if target is None or target.of(today.year) is None else None,
        "least": LEAST,
    }
    return render("progress.html", "/progress", figures=figures)


def _year(cells: Cells, names: Mapping[str, str], year: int) -> Year:
    mine = {tuple(key.split("|")[2:]): cell for key, cell in cells.items() if key.startswith(f"aid|{year}|")}
    everything = total(mine.values())
    kinds = {KINDS[each].name: total(cell for (kind, _), cell in mine.items() if kind == each) for each in Kind}
    unions = {
        names.get(code, code): total(cell for (_, at), cell in mine.items() if at == code)
        for code in sorted({code for _, code in mine})
    }
    return Year(
        year,
        everything.number,
        yuan(everything.amount_fen),
        _bars(kinds),
        _bars(unions),
        sum(cell is None for cell in mine.values()),
    )


def _bars(cells: Mapping[str, Cell]) -> tuple[Bar, ...]:
    """The largest first; what has nothing that is told is left out."""
    shown = sorted(((name, cell) for name, cell in cells.items() if cell.number), key=lambda each: -each[1].amount_fen)
    most = max((cell.amount_fen for _, cell in shown), default=0) or 1
    return tuple(
        Bar(name, yuan(cell.amount_fen), cell.amount_fen * 1000 // most, f"{cell.number:,}") for name, cell in shown
    )


def _left(cells: Cells) -> list[tuple[str, str, str]]:
    """Of each year how many were lifted and how many relieved."""
    years = sorted({int(key.split("|")[1]) for key in cells if key.startswith("left|")}, reverse=True)
    return [
        (
            f"{year}年",
            _count(cells.get(f"left|{year}|lifted", _NONE)),
            _count(cells.get(f"left|{year}|relieved", _NONE)),
        )
        for year in years
    ]


def _targets(cells: Cells, target: ExitTarget | None) -> list[Target]:
    cohort = cells.get("cohort")
    if target is None or cohort is None:
        return []
    return [
        _target(each.year, each.percent, cells.get(f"cohort_left|{each.year}", _NONE), cohort) for each in target.years
    ]


def _target(year: int, aim: int, left: Cell | None, cohort: Cell) -> Target:
    rate = None if left is None else left.number * WHOLE_BP // cohort.number
    return Target(
        year,
        f"{aim}%",
        _count(left),
        "—" if rate is None else percent_text(rate),
        min((rate or 0) // 10, 1000),
        aim * 10,
    )


_NONE: Final = Cell(0, 0)


def _count(cell: Cell | None) -> str:
    return FEW if cell is None else f"{cell.number:,}"
