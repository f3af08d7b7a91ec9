"""How an item of hardship aid stands beside the aid the household already had this year. Pure.

Which kinds count, and for which classes of hardship, is data (`one_item`, `earlier_aid`, `household_year`).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from app.households.criteria import CATEGORY_NAMES, CLASS_NAMES, Category, CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import Classification, class_of
from app.kernel.money import Fen, yuan
from app.kinds.hardship_aid.facts import Facts, Granted
from app.kinds.hardship_aid.policy import KIND, Policy
from app.policy.decision import Finding, Running, finding, fulfilled
from app.policy.wording import day_text

Asked = Finding[Facts]

_EARLIER_AID: Final = "hardship_after_earlier_aid"


def same_item(granted: Granted, facts: Facts) -> bool:
    """Whether an earlier grant was of the item that is asked for now."""
    return granted.kind == KIND and granted.item == facts.item


def granted_of_item(facts: Facts) -> Fen:
    """What the household got of this same item this year."""
    return sum([each.amount_fen for each in facts.granted_this_year if same_item(each, facts)])


def keeping(facts: Facts, wanted: Callable[[Granted], bool]) -> Facts:
    """The facts with only these earlier grants, as in a new year."""
    return replace(facts, granted_this_year=tuple(each for each in facts.granted_this_year if wanted(each)))


def next_year(day: date) -> str:
    return day_text(date(day.year + 1, 1, 1))


def recounted(
    facts: Facts, shown: HouseholdFacts, found: Classification, policy: Policy, criteria: CategoryPolicy
) -> tuple[Category | None, tuple[Asked, ...]]:
    """The class once earlier aid counts as income, where the policy counts it; and the finding that says so."""
    category, rule = found.hardship, policy.earlier_aid
    if category not in rule.categories or not facts.granted_this_year:
        return category, ()
    earlier = sum(each.amount_fen for each in facts.granted_this_year if each.kind in rule.counted_kinds)
    if not earlier:
        return category, ()
    again, known = class_of(replace(shown, income_fen_yearly=(shown.income_fen_yearly or 0) + earlier), criteria)
    text, needed = "本年度已得到的帮扶计入家庭收入后，家庭仍属困难", "计入后仍属可以帮扶的困难类别"
    name = "不属于困难家庭" if again is None else CLASS_NAMES[again.category]
    given = f"本年度已得到{yuan(earlier)}，计入后{f'为{name}' if known else '无法判断类别'}"
    if again is not None and again.aid_as is not None:
        return again.aid_as, (fulfilled(_EARLIER_AID, text, needed, given, rule.source),)
    asked = finding(
        _EARLIER_AID,
        False if known else None,
        text,
        needed,
        given,
        rule.source,
        f"{next_year(facts.applied_on)}起可以再次申请",
        True,
        lambda known: keeping(known, lambda each: each.kind not in rule.counted_kinds),
    )
    return category, (asked,)


def one_item(facts: Facts, policy: Policy, category: Category | None) -> Iterable[Asked]:
    """Asked only of classes that are limited to one item a year."""
    rule = policy.one_item
    if category is None or category not in rule.categories:
        return
    others = [g for g in facts.granted_this_year if g.kind in rule.counted_kinds and not same_item(g, facts)]
    text, needed = f"{CATEGORY_NAMES[category]}家庭每年只享受一项救助", "本年度没有享受过其他救助项目"
    if not others:
        yield fulfilled("one_item_per_year", text, needed, "没有享受过其他项目", rule.source)
        return
    yield finding(
        "one_item_per_year",
        False,
        text,
        needed,
        f"本年度已享受其他项目{yuan(sum(each.amount_fen for each in others))}",
        rule.source,
        f"{next_year(facts.applied_on)}起可以再次申请，或继续申请本年度已享受的那一项",
        True,
        lambda known: keeping(known, lambda each: each.kind not in rule.counted_kinds or same_item(each, known)),
    )


def household_year(facts: Facts, policy: Policy, category: Category | None, amount: Running) -> Iterable[Asked]:
    """The year's cap of a household over all items; asked only where there is one."""
    rule = policy.household_year
    cap = None if category is None else rule.cap_fen.of(category)
    if cap is None:
        return
    granted = sum(each.amount_fen for each in facts.granted_this_year if each.kind in rule.counted_kinds)
    amount.at_most("household_year_room", f"每户每年合计不超过{yuan(cap)}，减去已发放", max(cap - granted, 0))
    text, needed = "本年度各项帮扶合计还有剩余额度", f"各项合计少于{yuan(cap)}"
    given = f"各项已发放{yuan(granted)}"
    if granted < cap:
        yield fulfilled("household_year_room_left", text, needed, given, rule.source)
        return
    yield finding(
        "household_year_room_left",
        False,
        text,
        needed,
        given,
        rule.source,
        f"{next_year(facts.applied_on)}起有新的年度额度，可以再次申请",
        True,
        lambda known: keeping(known, lambda each: each.kind not in rule.counted_kinds),
    )
