"""The dated requirements of public notices: how long, at whose level, and how much is shown of whom. Pure."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.policy.fields import Frozen
from app.policy.versions import Version

KIND: Final = "public_notice"
NoticeKind = Literal["hardship_aid", "golden_autumn", "household_admission", "household_exit"]
Level = Literal["unit", "district", "city"]
Name = Literal["hidden", "surname", "masked"]
Union = Literal["district", "own"]
Amount = Literal["hidden", "band", "exact"]
LEAST_WORKING_DAYS: Final = 5
"""No version may ask for less (公示不少于 5 个工作日)."""
_MORE: Final = {
    "name": ("hidden", "surname", "masked"),
    "union": ("district", "own"),
    "amount": ("hidden", "band", "exact"),
}
"""What can be said of each part, the least first. No word here says more than a masked name."""


class Shown(Frozen):
    """一行公示写到什么程度。证件号码、银行卡、电话、住址、病情和子女信息在任何版本里都不公示。"""

    name: Annotated[Name, Field(description="姓名：hidden 不写，surname 只写姓，masked 脱敏")]
    union: Annotated[Union, Field(description="工会：district 只写到区县，own 写到所在工会")]
    amount: Annotated[Amount, Field(description="金额：hidden 不写，band 只写区间，exact 写金额")]

    def exceeds(self, other: "Shown") -> bool:
        """Whether any part says more than the other's."""
        return any(
            order.index(getattr(self, part)) > order.index(getattr(other, part)) for part, order in _MORE.items()
        )


class OfLevel(Frozen):
    """一级工会的公示。"""

    agreed: Shown = Field(description="本人同意公示的")
    otherwise: Shown = Field(description="本人没有同意、或已撤回同意的：不得比同意的写得更多")

    @model_validator(mode="after")
    def no_more_without_consent(self) -> Self:
        if self.otherwise.exceeds(self.agreed):
            raise PydanticCustomError("more_without_consent", "没有同意公示的，不能比同意公示的写得更多。")
        return self


class Levels(Frozen):
    """各级工会公示的内容。"""

    unit: OfLevel = Field(description="基层工会")
    district: OfLevel = Field(description="区县工会")
    city: OfLevel = Field(description="市总工会")

    def of(self, level: Level) -> OfLevel:
        found: OfLevel = getattr(self, level)
        return found


class PublishedBy(Frozen):
    """各种公示由哪一级工会发布。"""

    hardship_aid: Level = Field(description="困难帮扶")
    golden_autumn: Level = Field(description="金秋助学")
    household_admission: Level = Field(description="拟建档")
    household_exit: Level = Field(description="拟退出")

    def of(self, kind: NoticeKind) -> Level:
        found: Level = getattr(self, kind)
        return found


class NoticePolicy(Version):
    """公示的期限、发布单位和内容。"""

    working_days: Annotated[int, Field(ge=LEAST_WORKING_DAYS, le=60, description="公示几个完整的工作日")]
    investigation_working_days: Annotated[int, Field(ge=1, le=60, description="异议应在几个工作日内核查完毕")]
    hotline: Annotated[str, Field(pattern=r"^[0-9-]{5,20}$", description="受理异议的电话")]
    published_by: PublishedBy = Field(description="发布单位")
    shows: Levels = Field(description="公示的内容")
    bands_fen: Annotated[
        tuple[Annotated[int, Field(gt=0)], ...],
        Field(min_length=1, max_length=20, description="金额区间的分界，单位分"),
    ]

    @model_validator(mode="after")
    def bands_rise(self) -> Self:
        if list(self.bands_fen) != sorted(set(self.bands_fen)):
            raise PydanticCustomError("bands_rise", "金额区间的分界应从小到大排列。")
        return self
