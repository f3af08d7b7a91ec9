"""The dated standard of hardship aid (困难帮扶): what each item gives, and how items stand beside one another. Pure."""

from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.households.criteria import ByCategory, Category, LimitByCategory
from app.policy.fields import Frozen
from app.policy.versions import Version

KIND: Final = "hardship_aid"

Item = Literal["living", "medical", "accident", "temporary"]
AidKind = Literal["hardship_aid", "golden_autumn", "secondary_medical"]
Level = Literal["city", "province", "national"]

Source = Annotated[str, Field(min_length=2, description="出处（文号、条款）")]
_Rate = Annotated[int, Field(gt=0, le=10_000)]
_RANK: Final[dict[Level, int]] = {"city": 0, "province": 1, "national": 2}


class RateByCategory(Frozen):
    """各困难类别的比例，万分之几，8000 即 80%。"""

    deep: _Rate = Field(description="深度困难，万分之几，不超过 10000")
    relative: _Rate = Field(description="相对困难，万分之几，不超过 10000")
    accident: _Rate = Field(description="意外致困，万分之几，不超过 10000")

    def of(self, category: Category) -> int:
        value: int = getattr(self, category)
        return value


class OneItem(Frozen):
    """一个年度只享受一项救助的困难类别。"""

    categories: tuple[Category, ...] = Field(description="哪些困难类别只享受一项；空表示都可以享受多项")
    counted_kinds: tuple[AidKind, ...] = Field(description="哪几种帮扶算作一项救助")
    source: Source


class EarlierAid(Frozen):
    """本年度已得到的帮扶计入家庭收入，再判断一次困难类别。"""

    categories: tuple[Category, ...] = Field(description="对哪些困难类别这样做；空表示不计入")
    counted_kinds: tuple[AidKind, ...] = Field(description="哪几种帮扶计入收入")
    source: Source


class HouseholdYear(Frozen):
    """每户每年各项合计的上限。"""

    cap_fen: LimitByCategory = Field(description="合计上限，单位分；没有上限的填 null")
    counted_kinds: tuple[AidKind, ...] = Field(description="哪几种帮扶计入合计")
    source: Source


class Living(Frozen):
    """生活救助。"""

    cap_months: ByCategory = Field(description="每户每年的上限，一个人的低保标准的月数")
    source: Source


class Costs(Frozen):
    """按费用的比例计算的救助。"""

    rate_bp: RateByCategory = Field(description="比例，万分之几")
    cap_fen: LimitByCategory = Field(description="每户每年的上限，单位分；没有上限的填 null")
    window_months: Annotated[int, Field(ge=1, le=60, description="结算或发生之后多少个月内可以申请")]
    source: Source


class Medical(Costs):
    """医疗救助：以各类保险和互助保障之后的自付部分为基数。"""

    same_bill_days: Annotated[
        int, Field(ge=0, le=366, description="结算日相差多少天以内视为同一次费用，扣除住院二次医保和以前的医疗救助")
    ]


class Temporary(Frozen):
    """临时救助。"""

    cap_fen: Annotated[int, Field(gt=0, description="每人每年的上限，单位分")]
    only_without_file: bool = Field(description="是否只给没有建档的职工")
    source: Source


class Approval(Frozen):
    """超过一定金额须报上级工会审批。"""

    level: Literal["province", "national"] = Field(description="province 省总工会，national 全国总工会")
    above_fen: Annotated[int, Field(gt=0, description="每户每年该项合计超过此数（分）的须报批")]


class Approvals(Frozen):
    """哪些救助项目、多少金额以上须报上级审批。"""

    items: tuple[Item, ...] = Field(description="适用的救助项目")
    levels: tuple[Approval, ...] = Field(description="由低到高；空表示不须报批")
    source: Source

    @model_validator(mode="after")
    def levels_rise(self) -> Self:
        for lower, higher in pairwise(self.levels):
            if lower.above_fen >= higher.above_fen or _RANK[lower.level] >= _RANK[higher.level]:
                raise PydanticCustomError("approvals_not_rising", "报批级别和金额须由低到高排列，不能重复。")
        return self


class Policy(Version):
    """困难帮扶标准；没有出处、因而不开办的项目填 null。"""

    one_item: OneItem = Field(description="一年一项的规则")
    earlier_aid: EarlierAid = Field(description="已得帮扶计入收入的规则")
    household_year: HouseholdYear = Field(description="每户每年合计上限")
    living: Living | None = Field(description="生活救助")
    medical: Medical | None = Field(description="医疗救助")
    accident: Costs | None = Field(description="意外救助")
    temporary: Temporary | None = Field(description="临时救助")
    approvals: Approvals = Field(description="报上级工会审批的规则")

    @model_validator(mode="after")
    def some_item_is_offered(self) -> Self:
        if not self.offered():
            raise PydanticCustomError("no_item_offered", "至少要开办一个救助项目。")
        return self

    def offered(self) -> tuple[Item, ...]:
        """The items that this version gives at all."""
        every: tuple[Item, ...] = ("living", "medical", "accident", "temporary")
        return tuple(item for item in every if getattr(self, item) is not None)
