"""Reference values that several policies stand on: the minimum living standard (低保), by area and date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from json import dumps
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from app.policy.fields import Fen, Frozen
from app.policy.versions import InvalidPolicy, NoPolicyInForce, Version, in_force, in_order, read_yaml

Residence = Literal["urban", "rural"]

UNKNOWN: Final = "minimum_living_standard_unknown"
"""The named reason when no value was published, or none is recorded, for that area and day."""


class StandardVersion(Version):
    """Fen per person and month. A gap, where no published value was found, is null and says so in its note."""

    monthly_fen: Fen | None
    edge_line_fen: Fen | None
    """The line of households at the edge of 低保 (低保边缘), where the area has published one."""

    @model_validator(mode="after")
    def a_gap_is_explained(self) -> Self:
        if self.monthly_fen is None and not self.note:
            raise ValueError("a gap must say so in its note")
        return self


class Area(Frozen):
    """The standards of one prefecture, urban or rural, oldest first."""

    area: str = Field(pattern=r"^[0-9]{6}$")
    name: str
    residence: Residence
    versions: tuple[StandardVersion, ...]

    @model_validator(mode="after")
    def versions_are_in_order(self) -> Self:
        in_order(self.versions)
        return self


@dataclass(frozen=True, slots=True)
class Standard:
    """What is known for an area and day. With `reason`, `monthly_fen` is None: nothing may be computed from it."""

    monthly_fen: int | None
    edge_line_fen: int | None
    in_force_from: date | None
    source: str
    reason: str | None


def load_standards() -> tuple[Area, ...]:
    """The table as published with this package. Raises InvalidPolicy or pydantic's ValidationError."""
    return parse_standards(files("app.policy").joinpath("minimum_living_standard.yaml").read_text(encoding="utf-8"))


def parse_standards(text: str) -> tuple[Area, ...]:
    """A table from YAML: a list of areas. Raises InvalidPolicy or pydantic's ValidationError."""
    rows = read_yaml(text)
    if not isinstance(rows, list):
        raise InvalidPolicy("the table is a list of areas")
    areas = tuple(Area.model_validate_json(dumps(row)) for row in rows)
    if len({(each.area, each.residence) for each in areas}) < len(areas):
        raise InvalidPolicy("an area occurs twice")
    return areas


def minimum_living_standard(
    areas: Sequence[Area], division_code: str, on: date, residence: Residence = "urban"
) -> Standard:
    """The standard for a division of six digits or more on a day; a district has its prefecture's.

    Never a guess: outside the table, or in a gap of it, the answer is None with the reason UNKNOWN.
    """
    prefecture = f"{division_code[:4]}00"
    for area in areas:
        if area.area == prefecture and area.residence == residence:
            return _on(area, on)
    return Standard(None, None, None, "没有这个地区的低保标准", UNKNOWN)


def _on(area: Area, on: date) -> Standard:
    try:
        version = in_force(area.versions, on)
    except NoPolicyInForce:
        return Standard(None, None, None, f"没有{area.name}当时的低保标准", UNKNOWN)
    reason = UNKNOWN if version.monthly_fen is None else None
    return Standard(version.monthly_fen, version.edge_line_fen, version.in_force_from, version.source, reason)
