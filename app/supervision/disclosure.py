"""What is shown of money and how much of it: dated data with its source (supervision.yaml), read once. Pure."""

from datetime import date
from functools import cache
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from app.policy.fields import Frozen, ShortText
from app.policy.versions import Version, load

FieldName = Literal["source", "kind", "district", "times", "households", "paid", "returned", "net"]
UNITS: Final = 36


class TableColumn(Frozen):
    """A column of the fund table."""

    field: FieldName
    title: ShortText
    units: Annotated[int, Field(ge=1, le=UNITS)]


class Disclosure(Version):
    """How figures of money are shown."""

    least_households: Annotated[int, Field(ge=2, le=100)]
    """A cell of fewer households is put together with others before anybody outside sees it."""
    most_lines: Annotated[int, Field(ge=1, le=1_000_000)]
    z_ten_thousandths: Annotated[int, Field(ge=10_000, le=40_000)]
    title: ShortText
    columns: Annotated[tuple[TableColumn, ...], Field(min_length=1)]

    @field_validator("columns")
    @classmethod
    def every_column_once(cls, columns: tuple[TableColumn, ...]) -> tuple[TableColumn, ...]:
        if sorted(each.field for each in columns) != sorted(get_args(FieldName)):
            raise PydanticCustomError("columns_once", "每个栏目都要写，并且只写一次。")
        if sum(each.units for each in columns) != UNITS:
            raise PydanticCustomError("columns_wide", "栏宽合计应为 36。")
        return columns


@cache
def _all() -> tuple[Disclosure, ...]:
    return load(Disclosure, __package__, "supervision.yaml")


def disclosure_on(day: date) -> Disclosure:
    """The version in force on a day; before the first, the first."""
    versions = _all()
    return next((each for each in reversed(versions) if each.in_force_from <= day), versions[0])
