"""A printed form as data: what stands where, before anybody draws it. Pure.

A form is described once (`Field`, `Column`, in the order of the form), and drawn twice: by typst (`paper.typ`) and as a
worksheet (`sheet.py`). Everything stands on a grid of UNITS equal columns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNITS = 36
LABEL_UNITS = 3
PAIR_UNITS = 9
"""A label and its value in the narrowest form: four of them make a line."""

Said = Mapping[str, Any]
"""What a form is filled in with: plain JSON, of which anything may be missing."""
Print = Callable[[Any], str]


def as_text(value: Any) -> str:
    """What is there as text; nothing for what is missing."""
    return "" if value is None else str(value)


def at(said: Any, pointer: str) -> Any:
    """The value at a JSON pointer; None where any part of the way is missing."""
    found: Any = said
    for part in filter(None, pointer.split("/")):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled value of a form. `width`: how many quarters of a line it takes."""

    label: str
    pointer: str
    width: int = 1
    show: Print = as_text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list; `units` of the grid wide."""

    label: str
    pointer: str
    units: int
    show: Print = as_text
    right: bool = False


def fields(title: str, described: Sequence[Field], said: Said) -> dict[str, Any]:
    """A block of labelled values, set line by line; the last value of a line takes what is left of it."""
    lines: list[list[dict[str, Any]]] = []
    free = 0
    for field in described:
        if field.width > free:
            if lines:
                lines[-1][-1]["units"] += free * PAIR_UNITS
            lines.append([])
            free = UNITS // PAIR_UNITS
        free -= field.width
        value = field.show(at(said, field.pointer))
        lines[-1] += [
            {"text": field.label, "units": LABEL_UNITS, "label": True},
            {"text": value, "units": field.width * PAIR_UNITS - LABEL_UNITS},
        ]
    if lines:
        lines[-1][-1]["units"] += free * PAIR_UNITS
    return {"title": title, "header": [], "lines": lines}


def table(title: str, described: Sequence[Sequence[Column]], rows: Iterable[Said], *, least: int = 0) -> dict[str, Any]:
    """A block of records; `least`: so many at least, with empty ones below.

    A record is as many lines high as the columns are described in; where these are several, it is numbered before the
    first one (a unit wide) and stays on one page.
    """
    filled = list(rows)
    filled += [{}] * (least - len(filled))
    high = len(described)
    header = [
        [{"text": c.label, "units": c.units, "label": True, "right": c.right} for c in line] for line in described
    ]
    lines: list[list[dict[str, Any]]] = []
    for n, row in enumerate(filled, 1):
        lines += _record(described, row, {"text": str(n) if row else "", "units": 1, "rows": high, "first": True})
    if high > 1:
        header[0].insert(0, {"text": "序号", "units": 1, "rows": high, "label": True})
    return {"title": title, "header": header, "lines": lines}


def _record(described: Sequence[Sequence[Column]], row: Said, number: dict[str, Any]) -> list[list[dict[str, Any]]]:
    several = len(described) > 1
    lines = [
        [
            {"text": c.show(at(row, c.pointer)), "units": c.units, "right": c.right, "first": several and n == 0}
            for c in line
        ]
        for n, line in enumerate(described)
    ]
    return [[number, *lines[0]], *lines[1:]] if several else lines


def opinions(title: str, boxes: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """Boxes to be signed and stamped: what each is for, what is said in it, and the line of its signature."""
    lines = [
        [
            {"text": label, "units": LABEL_UNITS * 2, "label": True},
            {"text": said, "units": UNITS - LABEL_UNITS * 2, "below": signature},
        ]
        for label, said, signature in boxes
    ]
    return {"title": title, "header": [], "lines": lines}


def paper(
    title: str, blocks: Sequence[dict[str, Any]], *, above: Sequence[str] = (), foot: str = "", landscape: bool = False
) -> dict[str, Any]:
    """The whole form; `above`: what stands under the title, from left to right."""
    return {"title": title, "above": list(above), "blocks": list(blocks), "foot": foot, "landscape": landscape}
