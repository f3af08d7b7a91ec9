"""The demo tree of unions: Shantou's districts and streets as they are, with invented units. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from app.kernel.actor import Tier

Level = Literal["city", "district", "industry", "street", "unit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """A union as the seed writes it. `area` is where its members live, in words."""

    code: str
    name: str
    level: Level
    tier: Tier
    division_code: str
    area: str
    parent: "Union | None" = None
    receives_unattached: bool = False

    @property
    def ancestors(self) -> dict[Tier, "Union"]:
        """The union on each tier from its own up, itself included."""
        above = self.parent.ancestors if self.parent else {}
        return above | {self.tier: self}

    @property
    def employer(self) -> str | None:
        """The employer of a unit's members; none in an industry's federation and at the service centre."""
        alone = self.receives_unattached or self.name.endswith("联合会")
        return None if alone else self.name.removesuffix("工会")


@cache
def tree() -> tuple[Union, ...]:
    """Every union of the demo world, parents before their children."""
    told = yaml.safe_load(files("app.seed").joinpath("organisations.yaml").read_text("utf-8"))
    city = Union(
        code=told["city"]["code"],
        name=f"{told['city']['name']}总工会",
        level="city",
        tier=Tier.CITY,
        division_code=told["city"]["code"],
        area=told["city"]["name"],
    )
    home = told["receives_unattached"]
    districts = (union for row in told["districts"] for union in _district(row, city, home))
    industries = (union for n, row in enumerate(told["industries"], 1) for union in _industry(n, row, city, home))
    return (city, *districts, *industries)


def units() -> tuple[Union, ...]:
    """The unions of the lowest tier, which workers belong to."""
    return tuple(union for union in tree() if union.tier is Tier.UNIT)


def _district(row: Any, city: Union, home: str) -> Iterator[Union]:
    code, name = row["code"], row["name"]
    district = Union(
        code=code,
        name=f"{name}总工会",
        level="district",
        tier=Tier.DISTRICT,
        division_code=code,
        area=f"{city.area}{name}",
        parent=city,
    )
    yield district
    for n, told in enumerate(row["streets"], 1):
        street = Union(
            code=f"{code}-S{n:02d}",
            name=f"{told['name']}总工会",
            level="street",
            tier=Tier.STREET,
            division_code=code,
            area=f"{district.area}{told['name']}",
            parent=district,
        )
        yield street
        yield from _units(told["units"], street, home)


def _industry(n: int, row: Any, city: Union, home: str) -> Iterator[Union]:
    """An industry union reports to the city directly, so it stands on the district tier."""
    industry = Union(
        code=f"{city.code}-I{n:02d}",
        name=f"{row['name']}工会",
        level="industry",
        tier=Tier.DISTRICT,
        division_code=city.code,
        area=city.area,
        parent=city,
    )
    yield industry
    yield from _units(row["units"], industry, home)


def _units(names: Iterable[str], parent: Union, home: str) -> Iterator[Union]:
    for n, name in enumerate(names, 1):
        code = f"{parent.code}-U{n:02d}"
        yield Union(
            code=code,
            name=f"{name}工会联合会" if name.endswith("行业") else f"{name}工会",
            level="unit",
            tier=Tier.UNIT,
            division_code=parent.division_code,
            area=parent.area,
            parent=parent,
            receives_unattached=code == home,
        )
