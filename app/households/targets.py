"""The yearly target of the cohort of 2016 (解困脱困对象): exit_target.yaml. Pure."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.policy.fields import Frozen
from app.policy.versions import Version

KIND: Final = "exit_target"


class YearTarget(Frozen):
    """一年的目标。"""

    year: Annotated[int, Field(ge=2016, le=2100, description="哪一年")]
    percent: Annotated[int, Field(ge=1, le=100, description="解困脱困的户数不少于解困脱困对象总数的百分之几")]


class ExitTarget(Version):
    """解困脱困的年度目标。没有列出的年份没有目标。"""

    years: Annotated[tuple[YearTarget, ...], Field(min_length=1, description="各年的目标")]

    @model_validator(mode="after")
    def a_year_stands_once(self) -> Self:
        if len({each.year for each in self.years}) < len(self.years):
            raise PydanticCustomError("year_twice", "同一年的目标写了两次。")
        return self

    def of(self, year: int) -> int | None:
        """The percentage of a year; None: there is no target."""
        return next((each.percent for each in self.years if each.year == year), None)
