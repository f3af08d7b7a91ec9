"""Which figures may be told to everyone. Pure.

A cell that holds few people is nobody's business but theirs, and so is the difference between two days' figures: who
was helped yesterday, and with how much. So a cell is told only from `LEAST` people on, and told anew only when so many
have come or gone since it was last told. Sums are made of told cells alone: they say nothing that these do not.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

LEAST: Final = 5
Key = str
"""What a cell counts, its parts divided by `|`: aid|2026|hardship_aid|SD-CH."""


class Cell(NamedTuple):
    """How many, and what they got."""

    number: int
    amount_fen: int


Told = Mapping[Key, Cell | None]
"""By cell what is told of it; None: that there is somebody, and no more."""


def told(before: Told, now: Mapping[Key, Cell]) -> dict[Key, Cell | None]:
    """What is told of the cells as they are now, after `before` was told. Empty cells are not there."""
    return {key: _told(before.get(key), cell) for key, cell in sorted(now.items()) if cell.number > 0}


def _told(before: Cell | None, now: Cell) -> Cell | None:
    if now.number < LEAST:
        return None
    if before is None or abs(now.number - before.number) >= LEAST:
        return now
    return before


def total(cells: Iterable[Cell | None]) -> Cell:
    """Of those that are told."""
    shown = [cell for cell in cells if cell is not None]
    return Cell(sum(cell.number for cell in shown), sum(cell.amount_fen for cell in shown))
