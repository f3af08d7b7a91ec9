"""The criteria of hardship in words: what is needed, what was given, where it comes from and since when. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from app.households.comparing import OF_A_YEAR, counted_spending, figure, line, shares, threshold
from app.households.criteria import (
    CLASS_NAMES,
    EXCLUSION_NAMES,
    CategoryPolicy,
    Circumstance,
    Criterion,
    Exclusion,
    Line,
    Measure,
    Operator,
    Predicate,
)
from app.households.facts import HouseholdFacts
from app.kernel.money import Fen, half_up, yuan
from app.policy.wording import day_text

MEASURES: Final[Mapping[Measure, str]] = {
    "gross_per_head_month": "家庭人均月收入",
    "net_per_head_month": "扣除必要支出后的家庭人均月收入",
    "after_event_per_head_month": "扣除意外或重病支出后的家庭人均月收入",
    "after_event_with_assets_per_head_month": "加上金融资产、扣除意外或重病支出后的家庭人均每月金额",
    "rigid_spending_year": "家庭全年必要支出",
    "accident_cost_year": "意外造成的支出",
}
LINES: Final[Mapping[Line, str]] = {
    "minimum_living_standard": "低保标准",
    "edge_line": "低保边缘线",
    "income_year": "家庭全年收入",
}
OPERATORS: Final[Mapping[Operator, str]] = {"lt": "低于", "le": "不高于", "gt": "高于", "ge": "不低于"}
CAUSES: Final[Mapping[Circumstance, str]] = {
    "no_labour_capacity": "无劳动能力",
    "unemployed_able": "有劳动能力而未就业",
    "laid_off": "下岗失业",
    "no_social_insurance": "未参加社会保险",
    "insurance_not_delivered": "社会保险待遇落实不到位",
    "serious_illness": "患重病",
    "natural_disaster": "自然灾害",
    "accident": "意外事故",
    "child_schooling": "子女上学",
    "other": "其他原因",
    "illness": "患病",
    "disability": "残疾",
    "single_parent": "单亲",
}
_STANDARDS_KEPT: Final = 256


def needed_text(criteria: Iterable[Criterion], facts: HouseholdFacts) -> str:
    """What the criteria ask for, with the amounts of the day."""
    return "；".join([criterion_text(each, facts) for each in criteria])


def criterion_text(criterion: Criterion, facts: HouseholdFacts) -> str:
    """What one of them asks for. Worded once per standard, unless it compares with the household's own income."""
    key = (facts.minimum_living_standard_fen, facts.edge_line_fen)
    kept = criterion.worded.get(key)
    if kept is not None:
        return kept
    text = _criterion_text(criterion, facts)
    if all(each.of != "income_year" for each in criterion.all_of) and len(criterion.worded) < _STANDARDS_KEPT:
        criterion.worded[key] = text
    return text


def _criterion_text(criterion: Criterion, facts: HouseholdFacts) -> str:
    conditions = [_condition(each, facts) for each in criterion.all_of]
    if criterion.receives_dibao is not None:
        conditions.append("享受低保" if criterion.receives_dibao else "未享受低保")
    if criterion.months_below is not None:
        conditions.append(f"收入低于低保连续{criterion.months_below}个月以上")
    if criterion.causes:
        conditions.append(f"原因为{'、'.join(CAUSES[each] for each in criterion.causes)}之一")
    return f"{CLASS_NAMES[criterion.category]}：" + "，且".join(conditions)


def _condition(predicate: Predicate, facts: HouseholdFacts) -> str:
    used = threshold(predicate, facts)
    limit = about((line(used.of, facts) or 0) * used.percent, 100)
    compared = OPERATORS[predicate.operator]
    return f"{MEASURES[predicate.measure]}{compared}{limit}（{LINES[used.of]}的{used.percent}%）"


def given_text(criteria: Iterable[Criterion], facts: HouseholdFacts, policy: CategoryPolicy) -> str:
    """How the household's figures that the criteria compare are worked out, each once."""
    measures = dict.fromkeys([each.measure for criterion in criteria for each in criterion.all_of])
    over = f"除以{policy.period_months}个月、{facts.members}人"
    return "；".join([_figure_text(each, facts, policy, over) for each in measures])


def _figure_text(measure: Measure, facts: HouseholdFacts, policy: CategoryPolicy, over: str) -> str:
    amount = figure(measure, facts, policy)
    name = MEASURES[measure]
    if amount is None:
        return f"{name}没有登记"
    if measure in OF_A_YEAR:
        return f"{name}{yuan(amount)}"
    found, income = about(amount, shares(facts, policy)), yuan(facts.income_fen_yearly or 0)
    if measure == "net_per_head_month":
        return f"{name}{found}：收入{income}减必要支出{yuan(counted_spending(facts, policy))}，{over}"
    if measure == "gross_per_head_month":
        return f"{name}{found}：收入{income}，{over}"
    cost = yuan((facts.accident_cost_fen or 0) + (facts.grave_illness_cost_fen or 0))
    assets = f"加金融资产{yuan(facts.financial_assets_fen or 0)}" if "assets" in measure else ""
    return f"{name}{found}：收入{income}{assets}减意外或重病支出{cost}，{over}"


@lru_cache(maxsize=256)
def sources_text(criteria_source: str, standard_source: str, since: date | None) -> str:
    """Where the condition and the standard come from, and since when the standard is in force."""
    return f"{criteria_source}；{standard_text(standard_source, since)}"


def standard_text(source: str, since: date | None) -> str:
    """The source of the minimum living standard with its date."""
    return source if since is None else f"{source}，{day_text(since)}起执行"


def exclusion_needed(exclusion: Exclusion) -> str:
    """The limit of an exclusion in words."""
    if exclusion.what == "homes":
        return f"住房不超过{exclusion.at_most}套"
    if exclusion.what == "financial_assets_months":
        return f"人均金融资产不超过{exclusion.at_most}个月低保标准"
    return f"没有{EXCLUSION_NAMES[exclusion.what]}的情形"


def about(numerator: Fen, denominator: int) -> str:
    """Yuan for people; 约 where fen are not exact (comparisons use the exact value)."""
    shown = yuan(half_up(numerator, denominator))
    return shown if numerator % denominator == 0 else f"约{shown}"
