"""Whether a criterion of hardship holds for a household: exact, three-valued, in whole numbers. Pure.

A figure per head and month is never divided: both sides are multiplied by months, members and 100 instead.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from app.households.criteria import CategoryPolicy, Criterion, Line, Measure, Operator, Predicate, Threshold
from app.households.facts import HouseholdFacts
from app.kernel.money import Fen

COMPARE: Final[Mapping[Operator, Callable[[int, int], bool]]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
OF_A_YEAR: Final = frozenset({"rigid_spending_year", "accident_cost_year"})


def figure(measure: Measure, facts: HouseholdFacts, policy: CategoryPolicy) -> Fen | None:
    """The measured amount of the whole household and period, in fen; None while a part of it is not known."""
    income, rigid = facts.income_fen_yearly, facts.rigid_spending_fen
    match measure:
        case "gross_per_head_month":
            return income
        case "net_per_head_month":
            return None if income is None or rigid is None else income - counted_spending(facts, policy)
        case "rigid_spending_year":
            return None if rigid is None else counted_spending(facts, policy)
        case "accident_cost_year":
            return facts.accident_cost_fen
        case "after_event_per_head_month":
            cost = _event_cost(facts)
            return None if income is None or cost is None else income - cost
        case "after_event_with_assets_per_head_month":
            cost, assets = _event_cost(facts), facts.financial_assets_fen
            return None if income is None or cost is None or assets is None else income + assets - cost


def counted_spending(facts: HouseholdFacts, policy: CategoryPolicy) -> Fen:
    """The rigid spending that these criteria take off."""
    spending = facts.rigid_spending_fen or 0
    return spending if policy.necessary_work_costs_count else max(spending - facts.necessary_work_cost_fen, 0)


def _event_cost(facts: HouseholdFacts) -> Fen | None:
    accident, illness = facts.accident_cost_fen, facts.grave_illness_cost_fen
    return None if accident is None or illness is None else accident + illness


def line(of: Line, facts: HouseholdFacts) -> Fen | None:
    """What is compared with: per head and month, or the household's income of the whole period."""
    if of == "minimum_living_standard":
        return facts.minimum_living_standard_fen
    return facts.edge_line_fen if of == "edge_line" else facts.income_fen_yearly


def threshold(predicate: Predicate, facts: HouseholdFacts) -> Threshold:
    """The line this predicate uses for these facts: another where the area has not published the first."""
    if predicate.or_else is not None and line(predicate.of, facts) is None:
        return predicate.or_else
    return predicate


def shares(facts: HouseholdFacts, policy: CategoryPolicy) -> int:
    """Months × members: what a figure of the whole household and period is divided by."""
    return policy.period_months * (facts.members or 0)


def compares(predicate: Predicate, facts: HouseholdFacts, policy: CategoryPolicy) -> bool | None:
    """None while the figure or its line is not known."""
    both = _sides(predicate, facts, policy)
    return None if both is None else COMPARE[predicate.operator](*both)


def _sides(predicate: Predicate, facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[int, int] | None:
    """What is compared, the figure and its line, in hundredths of a fen of the whole household and period."""
    used = threshold(predicate, facts)
    measured, against = figure(predicate.measure, facts, policy), line(used.of, facts)
    if measured is None or against is None:
        return None
    over = 1 if predicate.measure in OF_A_YEAR else shares(facts, policy)
    return measured * 100, against * used.percent * over


def holds(criterion: Criterion, facts: HouseholdFacts, policy: CategoryPolicy) -> bool | None:
    """Whether all of it holds; None while what is not known could decide."""
    answer: bool | None = True
    for predicate in criterion.all_of:
        met = compares(predicate, facts, policy)
        if met is False:
            return False
        answer = answer and met
    beside = list(_beside(criterion, facts)) if criterion.asks_beside else ()
    return False if False in beside else None if None in beside else answer


def _beside(criterion: Criterion, facts: HouseholdFacts) -> Iterable[bool | None]:
    """The conditions that compare no amounts."""
    if criterion.causes:
        yield cause_fits(criterion, facts)
    if criterion.receives_dibao is not None:
        yield None if facts.receives_dibao is None else facts.receives_dibao is criterion.receives_dibao
    if criterion.months_below is not None:
        yield None if facts.months_below is None else facts.months_below >= criterion.months_below


def cause_fits(criterion: Criterion, facts: HouseholdFacts) -> bool | None:
    """Any of the household's causes and circumstances will do; None while none is known."""
    if facts.primary_cause in criterion.causes or any(each in criterion.causes for each in facts.circumstances):
        return True
    return None if facts.primary_cause is None and not facts.circumstances else False


def spending_short(criterion: Criterion, facts: HouseholdFacts, policy: CategoryPolicy) -> Fen | None:
    """The least further rigid spending, in fen, with which this criterion would hold; None where none can do that."""
    gap = 0
    for each in criterion.all_of:
        both = _sides(each, facts, policy)
        if both is None or COMPARE[each.operator](*both):
            continue
        if each.measure != "net_per_head_month":
            return None
        measured, limit = both
        # The largest whole net amount that is still inside, then how far above it we are.
        inside = -(-limit // 100) - 1 if each.operator == "lt" else limit // 100
        gap = max(gap, measured // 100 - inside)
    if not gap or holds(criterion, with_spending(facts, gap), policy) is not True:
        return None
    return gap


def with_spending(facts: HouseholdFacts, more_fen: Fen) -> HouseholdFacts:
    """The same household with further rigid spending."""
    return replace(facts, rigid_spending_fen=(facts.rigid_spending_fen or 0) + more_fen)


def made_to_hold(criterion: Criterion, facts: HouseholdFacts) -> HouseholdFacts:
    """The household without income or assets, and otherwise as the criterion wants it: a supposition to judge again."""
    causes = facts.circumstances
    if criterion.causes and not cause_fits(criterion, facts):
        causes = tuple(sorted({*causes, criterion.causes[0]}))
    months, wanted = facts.months_below, criterion.months_below
    if wanted is not None:
        months = max(months or wanted, wanted)
    receives = facts.receives_dibao if criterion.receives_dibao is None else criterion.receives_dibao
    return replace(
        facts,
        income_fen_yearly=0,
        financial_assets_fen=0,
        accident_cost_fen=facts.accident_cost_fen or 1,
        circumstances=causes,
        months_below=months,
        receives_dibao=receives,
    )
