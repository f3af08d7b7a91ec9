"""Reference values that several policies stand on: the minimum living standard (低保), by area and date. Pure."""

from datetime import date
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.kernel.money import MAX_FEN
from app.policy.book import PolicyBook
from app.policy.fields import Frozen
from app.policy.versions import NoPolicyInForce, Version

Residence = Literal["urban", "rural"]

KIND: Final = "minimum_living_standard"

UNKNOWN: Final = "minimum_living_standard_unknown"
"""The named reason when no value was published, or none is recorded, for that area and day."""

_PublishedFen = Annotated[int, Field(gt=0, le=MAX_FEN)]


class Lines(Frozen):
    """城镇或农村的低保标准和低保边缘线；没有查到公布数的为空。"""

    monthly_fen: _PublishedFen | None = Field(description="低保标准，每人每月，单位分；空缺填 null")
    edge_line_fen: _PublishedFen | None = Field(description="低保边缘线，每人每月，单位分；没有公布的填 null")

    @model_validator(mode="after")
    def the_edge_lies_above(self) -> Self:
        if self.edge_line_fen is not None and (self.monthly_fen is None or self.edge_line_fen < self.monthly_fen):
            raise PydanticCustomError(
                "edge_line_below_standard", "低保边缘线不能低于低保标准，也不能在没有低保标准时单独填写。"
            )
        return self


class StandardVersion(Version):
    """一个地区自某日起的最低生活保障标准（低保）。"""

    urban: Lines = Field(description="城镇标准")
    rural: Lines = Field(description="农村标准")

    @model_validator(mode="after")
    def a_gap_is_explained(self) -> Self:
        if None in (self.urban.monthly_fen, self.rural.monthly_fen) and not self.note:
            raise PydanticCustomError("gap_not_explained", "空缺的低保标准必须在 note 中说明。")
        return self

    def of(self, residence: Residence) -> Lines:
        return self.urban if residence == "urban" else self.rural


class Standard(NamedTuple):
    """What is known for an area and day, in fen per person and month.

    With `reason`, `monthly_fen` is None: nothing may be computed from it. `version` is what a decision then cites.
    """

    monthly_fen: int | None
    edge_line_fen: int | None
    in_force_from: date | None
    source: str
    version: str | None
    reason: str | None


def minimum_living_standard(book: PolicyBook, division_code: str, on: date, residence: Residence = "urban") -> Standard:
    """The standard for a division of six digits or more on a day; a district has its prefecture's.

    Never a guess: outside the table, or in a gap of it, the amount is None with the reason UNKNOWN.
    """
    try:
        version = book.in_force(KIND, StandardVersion, on, division_code)
    except NoPolicyInForce:
        return Standard(None, None, None, "没有这个地区当时的低保标准", None, UNKNOWN)
    lines = version.of(residence)
    reason = UNKNOWN if lines.monthly_fen is None else None
    return Standard(
        lines.monthly_fen, lines.edge_line_fen, version.in_force_from, version.source, version.version, reason
    )
