"""Which class of hardship a household falls in, by dated criteria. Pure, exact: integers and fractions, no floats.

Source of the shape: the union's three classes of 2020 (深度、相对、意外致困). The older generation's classes are other
criteria over the same measures, not other code.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Final, Literal

from pydantic import Field

from app.kernel.money import Fen, half_up, yuan
from app.policy.decision import Finding, TraceStep, finding
from app.policy.fields import Frozen
from app.policy.reference import UNKNOWN
from app.policy.versions import Version
from app.policy.wording import day_text

Category = Literal["deep", "relative", "accident"]
Found = Literal["deep", "relative", "accident", "none"]
Operator = Literal["lt", "le", "gt", "ge"]
Measure = Literal["gross_per_head_month", "net_per_head_month", "accident_cost_year"]
Against = Literal["minimum_living_standard", "edge_line", "income_year"]

CATEGORY_NAMES: Final[Mapping[Found, str]] = {
    "deep": "深度困难",
    "relative": "相对困难",
    "accident": "意外致困",
    "none": "不属于困难家庭",
}
_MEASURE_NAMES: Final[Mapping[Measure, str]] = {
    "gross_per_head_month": "家庭人均月收入",
    "net_per_head_month": "扣除必要支出后的家庭人均月收入",
    "accident_cost_year": "意外造成的支出",
}
_AGAINST_NAMES: Final[Mapping[Against, str]] = {
    "minimum_living_standard": "低保标准",
    "edge_line": "低保边缘线",
    "income_year": "家庭全年收入",
}
_OPERATORS: Final[Mapping[Operator, tuple[str, Callable[[Fraction, Fraction], bool]]]] = {
    "lt": ("低于", operator.lt),
    "le": ("不高于", operator.le),
    "gt": ("高于", operator.gt),
    "ge": ("不低于", operator.ge),
}


class ByCategory(Frozen):
    """A number for each class of hardship."""

    deep: Annotated[int, Field(ge=0)]
    relative: Annotated[int, Field(ge=0)]
    accident: Annotated[int, Field(ge=0)]

    def of(self, category: Category) -> int:
        return {"deep": self.deep, "relative": self.relative, "accident": self.accident}[category]


class Predicate(Frozen):
    """A measure compared with a percentage of a line; percent 150 is one and a half times."""

    measure: Measure
    operator: Operator
    percent: Annotated[int, Field(gt=0, le=1000)]
    of: Against


class Criterion(Frozen):
    """A class of hardship and all that must hold for it; `causes` empty: whatever the primary cause."""

    category: Category
    causes: tuple[str, ...] = ()
    all_of: Annotated[tuple[Predicate, ...], Field(min_length=1)]


class CategoryPolicy(Version):
    """Criteria in the order they are tried; `months` the income and spending figures cover (12: a year)."""

    months: Annotated[int, Field(ge=1, le=12)]
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdFacts:
    """A household on the day of application. None: not known, and then nothing is granted on it.

    Amounts in fen for the policy's period (a year). `members` counts the co-living household, its head included.
    `rigid_spending_fen` is 0 when there is none. `accident_cost_fen` is what an accident or disaster has cost after
    compensation and insurance. The minimum living standard is per person and month, of the day of application.
    """

    file_active: bool | None = None
    income_fen_yearly: Fen | None = None
    rigid_spending_fen: Fen | None = None
    members: int | None = None
    primary_cause: str | None = None
    accident_cost_fen: Fen | None = None
    minimum_living_standard_fen: Fen | None = None
    edge_line_fen: Fen | None = None
    minimum_living_standard_from: date | None = None
    minimum_living_standard_source: str = "没有登记低保标准的出处"


@dataclass(frozen=True, slots=True)
class Classification:
    """The class found (`none`: no criterion holds; None: cannot be judged), why, and the calculation."""

    category: Found | None
    findings: tuple[Finding, ...]
    trace: tuple[TraceStep, ...]

    @property
    def hardship(self) -> Category | None:
        """The class, if it is one that aid is given to."""
        return None if self.category is None or self.category == "none" else self.category


@dataclass(frozen=True, slots=True)
class _Figures:
    """Everything the criteria may compare; a missing figure is absent and its predicate does not hold."""

    shares: int
    """Months × members: what a figure of the whole period is divided by."""
    measures: Mapping[Measure, Fraction]
    lines: Mapping[Against, Fraction]


def classify(facts: HouseholdFacts, policy: CategoryPolicy) -> Classification:
    """The first criterion that holds. An unknown income, size or standard leaves the class unknown, by name."""
    unknown = _unknown(facts, policy)
    figures = None if unknown else _figures(facts, policy)
    if figures is None:
        return Classification(None, unknown, ())
    category: Found = next((each.category for each in policy.criteria if _holds(each, facts, figures)), "none")
    asked = _category_finding(category, facts, policy, figures)
    return Classification(category, (asked,), _trace(facts, policy, figures))


def standing(facts: HouseholdFacts, policy: CategoryPolicy) -> Classification:
    """The class together with whether the file is in force (先建档、后帮扶): what every aid from a file asks first.

    Without any file there are no figures to miss: then the file alone is what is wanting.
    """
    asked = _file_finding(facts, policy.source)
    figures = (facts.income_fen_yearly, facts.rigid_spending_fen, facts.members)
    if facts.file_active is not True and figures == (None, None, None):
        return Classification(None, (asked,), ())
    found = classify(facts, policy)
    return Classification(found.category, (asked, *found.findings), found.trace)


def _file_finding(facts: HouseholdFacts, source: str) -> Finding:
    return finding(
        "household_file_active",
        facts.file_active,
        "家庭已建立困难职工档案，并且档案有效",
        needed="困难职工档案已经建立并且有效",
        given={True: "档案有效", False: "没有有效的档案", None: "暂时查不到档案"}[facts.file_active],
        source=source,
        change="请先在“家庭档案”中填写并提交建档，审核通过后再申请",
        can_change=True,
    )


def _unknown(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Finding, ...]:
    edge_needed = any(each.of == "edge_line" for criterion in policy.criteria for each in criterion.all_of)
    missing = {
        "household_income_unknown": (facts.income_fen_yearly is None, "家庭全年收入"),
        "household_rigid_spending_unknown": (facts.rigid_spending_fen is None, "家庭全年必要支出"),
        "household_members_unknown": (facts.members is None or facts.members < 1, "共同生活的家庭人数"),
    }
    asked = [_missing(rule, what, policy.source) for rule, (is_missing, what) in missing.items() if is_missing]
    if facts.minimum_living_standard_fen is None:
        asked.append(_missing_line(UNKNOWN, "低保标准", facts.minimum_living_standard_source))
    if edge_needed and facts.edge_line_fen is None:
        asked.append(_missing_line("edge_line_unknown", "低保边缘线", facts.minimum_living_standard_source))
    return tuple(asked)


def _missing(rule: str, what: str, source: str) -> Finding:
    return finding(
        rule,
        None,
        f"判断家庭困难类别需要知道{what}",
        needed=f"家庭档案中填有{what}",
        given="没有填写",
        source=source,
        change=f"请在家庭档案中补填{what}",
        can_change=True,
    )


def _missing_line(rule: str, what: str, source: str) -> Finding:
    return finding(
        rule,
        None,
        f"计算需要申请当日的{what}",
        needed=f"申请当日公布的{what}",
        given=f"系统中没有当日的{what}",
        source=source,
        change=f"由工会补录当日的{what}后重新计算，您不需要补交材料",
    )


def _figures(facts: HouseholdFacts, policy: CategoryPolicy) -> _Figures | None:
    """The figures, or None while one that every class needs is missing (`_unknown` has then named it)."""
    income, rigid, members = facts.income_fen_yearly, facts.rigid_spending_fen, facts.members
    standard = facts.minimum_living_standard_fen
    if income is None or rigid is None or not members or standard is None:
        return None
    shares = policy.months * members
    measures: dict[Measure, Fraction] = {
        "gross_per_head_month": Fraction(income, shares),
        "net_per_head_month": Fraction(income - rigid, shares),
    }
    if facts.accident_cost_fen is not None:
        measures["accident_cost_year"] = Fraction(facts.accident_cost_fen)
    lines: dict[Against, Fraction] = {
        "minimum_living_standard": Fraction(standard),
        "income_year": Fraction(income),
    }
    if facts.edge_line_fen is not None:
        lines["edge_line"] = Fraction(facts.edge_line_fen)
    return _Figures(shares, measures, lines)


def _holds(criterion: Criterion, facts: HouseholdFacts, figures: _Figures) -> bool:
    if criterion.causes and facts.primary_cause not in criterion.causes:
        return False
    return all(_compares(each, figures) for each in criterion.all_of)


def _compares(predicate: Predicate, figures: _Figures) -> bool:
    measure, line = figures.measures.get(predicate.measure), figures.lines.get(predicate.of)
    if measure is None or line is None:
        return False
    return _OPERATORS[predicate.operator][1](measure, line * Fraction(predicate.percent, 100))


def _category_finding(category: Found, facts: HouseholdFacts, policy: CategoryPolicy, figures: _Figures) -> Finding:
    net = _about(figures.measures["net_per_head_month"])
    return finding(
        "household_category",
        category != "none",
        "家庭属于深度困难、相对困难或意外致困",
        needed="；或".join(_criterion_text(each, figures) for each in policy.criteria),
        given=f"扣除必要支出后的家庭人均月收入{net}，{CATEGORY_NAMES[category]}",
        source=f"{policy.source}；{facts.minimum_living_standard_source}",
        change=_category_change(policy, figures),
        can_change=True,
    )


def _criterion_text(criterion: Criterion, figures: _Figures) -> str:
    return f"{CATEGORY_NAMES[criterion.category]}：" + "，且".join(
        _predicate_text(p, figures) for p in criterion.all_of
    )


def _predicate_text(predicate: Predicate, figures: _Figures) -> str:
    limit = _about(figures.lines[predicate.of] * Fraction(predicate.percent, 100))
    compared, line = _OPERATORS[predicate.operator][0], _AGAINST_NAMES[predicate.of]
    return f"{_MEASURE_NAMES[predicate.measure]}{compared}{limit}（{line}的{predicate.percent}%）"


def _category_change(policy: CategoryPolicy, figures: _Figures) -> str:
    """Names the least further yearly spending that would do, where one income line alone decides."""
    short = [gap for each in policy.criteria if (gap := _spending_short(each, figures)) is not None]
    if not short:
        return "家庭收入、必要支出或人口有变化时，请更新家庭档案后再申请"
    return (
        f"如还有没有登记的医疗、残疾、就学等必要支出，请补充凭证并更新家庭档案：全年合计再有{yuan(min(short))}"
        "即可符合；收入或人口有变化时也请更新"
    )


def _spending_short(criterion: Criterion, figures: _Figures) -> Fen | None:
    """The least further rigid spending, in fen a year, with which this criterion would hold by the net income alone."""
    only = criterion.all_of[0]
    if len(criterion.all_of) > 1 or criterion.causes or only.measure != "net_per_head_month":
        return None
    line = figures.lines[only.of] * Fraction(only.percent, 100)
    over = (figures.measures["net_per_head_month"] - line) * figures.shares
    if only.operator == "lt":
        return floor(over) + 1
    return ceil(over) if only.operator == "le" else None


def _trace(facts: HouseholdFacts, policy: CategoryPolicy, figures: _Figures) -> tuple[TraceStep, ...]:
    income, rigid = facts.income_fen_yearly or 0, facts.rigid_spending_fen or 0
    net, standard = figures.measures["net_per_head_month"], figures.lines["minimum_living_standard"]
    since = facts.minimum_living_standard_from
    standard_text = "当日低保标准，每人每月" if since is None else f"{day_text(since)}起的低保标准，每人每月"
    return (
        TraceStep(step="household_income", text="家庭全年收入", amount_fen=income),
        TraceStep(step="household_rigid_spending", text="减去全年必要支出", amount_fen=-rigid),
        TraceStep(
            step="household_net_per_head_month",
            text=f"余额除以{policy.months}个月、{facts.members}人，得人均每月{_about(net)}",
            amount_fen=half_up(net.numerator, net.denominator),
        ),
        TraceStep(step="minimum_living_standard", text=standard_text, amount_fen=int(standard)),
    )


def _about(amount: Fraction) -> str:
    """Yuan for people; 约 where fen are not exact (comparisons use the exact value)."""
    shown = yuan(half_up(amount.numerator, amount.denominator))
    return shown if amount.denominator == 1 else f"约{shown}"
