"""The criteria of hardship (建档口径) as dated data: both generations are entries in policy.yaml, not code. Pure.

Sources of the shape: 总工办〔2016〕36号 for the classes of 2016 (低保户、低保边缘户、意外致困户), and the union's three
classes of 2020 (深度、相对、意外致困).
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.policy.fields import Frozen
from app.policy.versions import Version

Category = Literal["deep", "relative", "accident"]
"""What the aid tables know (困难类别)."""

HardshipClass = Literal[
    "deep", "relative", "accident", "dibao_household", "edge_household", "accident_household", "auxiliary"
]
"""What the criteria of either generation find; each says which row of the aid tables it stands for."""

Circumstance = Literal[
    "no_labour_capacity", "unemployed_able", "laid_off", "no_social_insurance", "insurance_not_delivered",
    "serious_illness", "natural_disaster", "accident", "child_schooling", "other",
    "illness", "disability", "single_parent",
]  # fmt: skip
"""The causes of the household form, and what else may be behind the hardship."""

Operator = Literal["lt", "le", "gt", "ge"]
Measure = Literal[
    "gross_per_head_month",
    "net_per_head_month",
    "after_event_per_head_month",
    "after_event_with_assets_per_head_month",
    "rigid_spending_year",
    "accident_cost_year",
]
Line = Literal["minimum_living_standard", "edge_line", "income_year"]
Declared = Literal[
    "runs_business",
    "private_car",
    "non_dwelling_property",
    "high_fee_school",
    "study_abroad",
    "able_adult_not_working",
]
Countable = Literal["homes", "financial_assets_months"]

CLASS_NAMES: Final[Mapping[HardshipClass, str]] = {
    "deep": "深度困难",
    "relative": "相对困难",
    "accident": "意外致困",
    "dibao_household": "低保户",
    "edge_household": "低保边缘户",
    "accident_household": "意外致困户",
    "auxiliary": "本级辅助档案困难职工",
}
CATEGORY_NAMES: Final[Mapping[Category, str]] = {"deep": "深度困难", "relative": "相对困难", "accident": "意外致困"}
EXCLUSION_NAMES: Final[Mapping[Declared | Countable, str]] = {
    "homes": "住房套数超过规定",
    "financial_assets_months": "人均金融资产超过规定",
    "runs_business": "经商办店或雇佣他人",
    "private_car": "经常使用非经营性机动车",
    "non_dwelling_property": "有非居住类房产",
    "high_fee_school": "子女就读高收费学校",
    "study_abroad": "子女自费出国留学",
    "able_adult_not_working": "有劳动能力而无正当理由不就业",
}
_OF_A_YEAR: Final = frozenset({"rigid_spending_year", "accident_cost_year"})


class ByCategory(Frozen):
    """每个困难类别一个数。"""

    deep: Annotated[int, Field(gt=0, description="深度困难（2016年口径的低保户按此）")]
    relative: Annotated[int, Field(gt=0, description="相对困难（2016年口径的低保边缘户按此）")]
    accident: Annotated[int, Field(gt=0, description="意外致困（2016年口径的意外致困户按此）")]

    def of(self, category: Category) -> int:
        value: int = getattr(self, category)
        return value


class LimitByCategory(Frozen):
    """每个困难类别一个上限；没有上限的填 null。"""

    deep: Annotated[int, Field(gt=0)] | None = Field(description="深度困难的上限，没有则为 null")
    relative: Annotated[int, Field(gt=0)] | None = Field(description="相对困难的上限，没有则为 null")
    accident: Annotated[int, Field(gt=0)] | None = Field(description="意外致困的上限，没有则为 null")

    def of(self, category: Category) -> int | None:
        value: int | None = getattr(self, category)
        return value


class Threshold(Frozen):
    """一条界线的百分之几；150 即 1.5 倍。"""

    of: Line = Field(description="界线：低保标准、低保边缘线（均为每人每月）或家庭全年收入")
    percent: Annotated[int, Field(gt=0, le=1000, description="百分之几，整数，150 即 1.5 倍")]


class Predicate(Threshold):
    """一项比较：measure 与界线的 percent% 按 operator 比较。"""

    measure: Measure = Field(description="被比较的数：_per_head_month 为每人每月，_year 为全年合计")
    operator: Operator = Field(description="lt 低于、le 不高于、gt 高于、ge 不低于")
    or_else: Threshold | None = Field(default=None, description="当地没有公布该界线时改用的界线")

    @model_validator(mode="after")
    def units_agree(self) -> Self:
        of_a_year = self.measure in _OF_A_YEAR
        lines = [self.of] if self.or_else is None else [self.of, self.or_else.of]
        if any((line == "income_year") is not of_a_year for line in lines):
            raise PydanticCustomError(
                "units_differ", "每人每月的数只能与低保标准或低保边缘线比较，全年合计只能与全年收入比较。"
            )
        return self


class Criterion(Frozen):
    """一类困难，以及必须同时满足的各项条件。"""

    category: HardshipClass = Field(description="困难类别代码")
    aid_as: Category | None = Field(
        description="在救助和助学标准中按哪一类计算；null 表示不适用这些标准（本级档案只用自筹资金）"
    )
    source: Annotated[str, Field(min_length=2, description="这一类条件的出处（文号、条款）")]
    causes: tuple[Circumstance, ...] = Field(default=(), description="致困原因须为其中之一；空表示不限原因")
    receives_dibao: bool | None = Field(default=None, description="是否须（或须未）享受低保；null 表示不看")
    months_below: Annotated[int, Field(gt=0, le=60)] | None = Field(
        default=None, description="人均收入须连续低于低保标准的月数；null 表示不看"
    )
    all_of: Annotated[tuple[Predicate, ...], Field(min_length=1, description="须同时成立的各项比较")]

    @cached_property
    def asks_beside(self) -> bool:
        """Whether it asks for more than comparisons of amounts."""
        return bool(self.causes) or self.receives_dibao is not None or self.months_below is not None

    @cached_property
    def worded(self) -> dict[tuple[int | None, int | None], str]:
        """Its text by standard and edge line: it stands in every decision (`app.households.wording`)."""
        return {}


class Exclusion(Frozen):
    """一种不予建档的情形。"""

    what: Declared | Countable = Field(
        description="情形；homes 为住房套数，financial_assets_months 为人均金融资产折合低保月数"
    )
    at_most: Annotated[int, Field(ge=0, le=600)] | None = Field(
        default=None, description="不得超过的数（套数，或低保标准的月数）；其余情形不填"
    )
    when_undeclared: Literal["pass", "refuse"] = Field(
        description="档案没有申报这一项时：pass 视为没有、由入户调查核实；refuse 不予通过、须先申报"
    )
    source: Annotated[str, Field(min_length=2, description="出处（文号、条款）")]

    @model_validator(mode="after")
    def only_what_is_counted_has_a_limit(self) -> Self:
        counted = self.what in ("homes", "financial_assets_months")
        if counted is (self.at_most is None):
            raise PydanticCustomError("limit_misplaced", "住房套数和金融资产须填 at_most，其余情形不能填。")
        return self


class Migrants(Frozen):
    """农民工另须满足的条件。"""

    union_member: bool = Field(description="是否须为工会会员")
    labour_relation_months: Annotated[int, Field(ge=0, le=120, description="劳动关系至少满多少个月；0 表示不限")]
    source: Annotated[str, Field(min_length=2, description="出处（文号、条款）")]


class CategoryPolicy(Version):
    """困难职工家庭的建档口径；criteria 按顺序逐类比对，先符合者为准。"""

    period_months: Annotated[int, Field(ge=1, le=12, description="收入和支出数所覆盖的月数：12 为全年，1 为一个月")]
    necessary_work_costs_count: bool = Field(description="必要就业成本是否计入刚性支出")
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, description="各类条件，顺序即比对顺序")]
    exclusions: tuple[Exclusion, ...] = Field(default=(), description="不予建档的情形")
    migrants: Migrants | None = Field(default=None, description="农民工另须满足的条件；没有则为 null")

    @model_validator(mode="after")
    def gives_aid_to_somebody_and_excludes_once(self) -> Self:
        if all(each.aid_as is None for each in self.criteria):
            raise PydanticCustomError("no_class_with_aid", "至少要有一类可以按标准得到帮扶。")
        if len({each.what for each in self.exclusions}) < len(self.exclusions):
            raise PydanticCustomError("exclusion_twice", "同一种不予建档的情形写了两次。")
        return self

    @cached_property
    def excluding(self) -> str:
        """Every situation that excludes, in words."""
        return "没有以下情形：" + "、".join(EXCLUSION_NAMES[each.what] for each in self.exclusions)

    @cached_property
    def excluding_facts(self) -> Callable[[object], tuple[object, ...]] | None:
        """Reads all that could exclude at once, if nothing declared means that nothing excludes; otherwise None."""
        names = [each.what for each in self.exclusions if each.when_undeclared == "pass"]
        if len(names) < max(len(self.exclusions), 2) or "financial_assets_months" in names:
            return None
        return attrgetter(*names)
