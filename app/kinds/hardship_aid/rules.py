"""How much hardship aid (困难帮扶) a household gets: living, medical, accident, temporary. Pure; amounts in fen.

The amount is the least of what is asked, what is left of the year's caps, and, for costs, the policy's share of them
(rounded half up, once). Sources of each figure stand in policy.yaml.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Final

from app.households.criteria import CATEGORY_NAMES, Category, CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import lifted, rests_on, review_findings, standing
from app.kernel.money import Fen, yuan
from app.kinds.hardship_aid.costs import bill_of, costs_findings, share_steps
from app.kinds.hardship_aid.facts import Facts
from app.kinds.hardship_aid.policy import KIND, Costs, Item, Level, Living, Policy, Temporary
from app.kinds.hardship_aid.stacking import (
    granted_of_item,
    household_year,
    keeping,
    next_year,
    one_item,
    recounted,
    same_item,
)
from app.policy.changes import decide
from app.policy.decision import Decision, Finding, Judged, Running, cite, finding, fulfilled

ITEM_NAMES: Final[dict[Item, str]] = {
    "living": "生活救助",
    "medical": "医疗救助",
    "accident": "意外救助",
    "temporary": "临时救助",
}
_APPROVERS: Final[dict[Level, str]] = {"city": "汕头市总工会", "province": "广东省总工会", "national": "中华全国总工会"}

Asked = Finding[Facts]


def assess(facts: Facts, policy: Policy, criteria: CategoryPolicy, *, decided_on: date) -> Decision:
    """How much aid, or why none, and what would change it. `criteria`: those that govern the household's file."""
    stands_on = () if facts.item == "temporary" else rests_on(facts.household, criteria)
    return decide(cite(KIND, policy, *stands_on), facts, lambda known: judge(known, policy, criteria), decided_on)


def judge(facts: Facts, policy: Policy, criteria: CategoryPolicy) -> Judged[Facts]:
    """Every rule's answer and the calculation."""
    if facts.item not in policy.offered():
        return Judged((_requested(facts, policy), _not_offered(facts, policy)))
    if facts.item == "temporary" and policy.temporary is not None:
        judged = _temporary(facts, policy, policy.temporary)
    else:
        judged = _from_file(facts, policy, criteria)
    level = approval_level(facts, policy, judged.amount_fen)
    if level == "city" or not judged.eligible:
        return judged
    findings = (*judged.findings, _extra_approval(facts, policy, level))
    return Judged(findings, judged.trace, judged.amount_fen)


def approval_level(facts: Facts, policy: Policy, amount_fen: Fen) -> Level:
    """The highest union that must approve this amount: the year's total of the item against the policy's thresholds."""
    level: Level = "city"
    if amount_fen and facts.item in policy.approvals.items:
        total = granted_of_item(facts) + amount_fen
        for each in policy.approvals.levels:
            if total > each.above_fen:
                level = each.level
    return level


def _temporary(facts: Facts, policy: Policy, temporary: Temporary) -> Judged[Facts]:
    """Aid to a worker in person; the household's class is not asked."""
    granted = facts.temporary_granted_this_year_fen
    findings = (
        _requested(facts, policy),
        *(_without_file(facts, temporary) if temporary.only_without_file else ()),
        _room_left(facts, temporary.cap_fen, granted, temporary.source),
    )
    amount = Running()
    amount.to("yearly_cap", "每人每年临时救助上限", temporary.cap_fen)
    if granted is not None:
        amount.at_most("yearly_room", "减去本年度已发放的临时救助", max(temporary.cap_fen - granted, 0))
    amount.at_most("requested", "以申请金额为限", facts.requested_fen)
    return Judged(findings, tuple(amount.steps), amount.amount_fen)


def _from_file(facts: Facts, policy: Policy, criteria: CategoryPolicy) -> Judged[Facts]:
    """Aid to a household with a file: its class, what it got this year, and the item's own rules."""
    shown = household_shown(facts)
    found = standing(shown, criteria)
    category, again = recounted(facts, shown, found, policy, criteria)
    findings = [
        _requested(facts, policy),
        *lifted(found.findings, household_shown),
        *(lifted(review_findings(facts.household)) if facts.item != "accident" else ()),
        *again,
        *one_item(facts, policy, category),
    ]
    amount = Running()
    if facts.item == "living":
        findings += _living(facts, policy.living, category, amount)
    else:
        findings += _costs(facts, policy.medical if facts.item == "medical" else policy.accident, category, amount)
    findings += household_year(facts, policy, category, amount)
    amount.at_most("requested", "以申请金额为限", facts.requested_fen)
    return Judged(tuple(findings), tuple(amount.steps), amount.amount_fen)


def household_shown(facts: Facts) -> HouseholdFacts:
    """The household as the criteria see it: the accident that aid is asked for counts as its accident cost."""
    household, caused = facts.household, facts.accident_caused_fen
    if facts.item != "accident" or caused is None or caused == household.accident_cost_fen:
        return household
    return replace(household, accident_cost_fen=caused)


def _living(facts: Facts, living: Living | None, category: Category | None, amount: Running) -> list[Asked]:
    standard = facts.household.minimum_living_standard_fen
    if living is None or category is None or standard is None:
        return []
    months = living.cap_months.of(category)
    amount.to("yearly_cap", _living_cap_text(category, months, standard), months * standard)
    return [_within_room(facts, months * standard, living.source, amount)]


def _costs(facts: Facts, costs: Costs | None, category: Category | None, amount: Running) -> list[Asked]:
    if costs is None:
        return []
    bill = bill_of(facts)
    findings = costs_findings(facts, costs, bill, category)
    if category is None:
        return findings
    if bill.base_fen is not None:
        share_steps(amount, bill, costs, category)
    cap = costs.cap_fen.of(category)
    if cap is not None:
        findings.append(_within_room(facts, cap, costs.source, amount))
    return findings


@lru_cache(maxsize=256)
def _living_cap_text(category: Category, months: int, standard: Fen) -> str:
    return f"{CATEGORY_NAMES[category]}家庭每年生活救助上限：{months}个月低保标准，每月{yuan(standard)}"


def _within_room(facts: Facts, cap_fen: Fen, source: str, amount: Running) -> Asked:
    """What is left of the item's cap for this household and year."""
    granted = granted_of_item(facts)
    room = max(cap_fen - granted, 0)
    if amount.amount_fen > room:
        amount.to("yearly_room", f"本年度上限{yuan(cap_fen)}，减去已发放{yuan(granted)}", room)
    return _room_left(facts, cap_fen, granted, source)


def _requested(facts: Facts, policy: Policy) -> Asked:
    given = yuan(facts.requested_fen)
    if facts.requested_fen > 0:
        return fulfilled("requested_amount_positive", "申请金额大于0元", "大于0元", given, policy.source)
    return finding(
        "requested_amount_positive",
        False,
        "申请金额大于0元",
        "大于0元",
        given,
        policy.source,
        "请填写申请金额",
        True,
        lambda known: replace(known, requested_fen=1),
    )


def _not_offered(facts: Facts, policy: Policy) -> Asked:
    offered = policy.offered()
    return finding(
        "item_offered",
        False,
        "申请的项目在当时的标准中开办",
        "、".join(ITEM_NAMES[each] for each in offered),
        ITEM_NAMES[facts.item],
        policy.source,
        "当时的标准没有这一项救助，请改为申请其他项目",
        True,
        lambda known: replace(known, item=offered[0]),
    )


def _without_file(facts: Facts, temporary: Temporary) -> Iterable[Asked]:
    """Temporary aid is for who has no file (source: 临时救助，未建档职工)."""
    active = facts.household.file_active
    yield finding(
        "temporary_without_file",
        None if active is None else not active,
        "临时救助只给没有建档的职工",
        "没有困难职工档案",
        "暂时查不到档案" if active is None else "已有有效档案" if active else "没有档案",
        temporary.source,
        "由工会查核档案后重新计算" if active is None else "已建档的家庭请改为申请生活救助、医疗救助或意外救助",
        active is not None,
        lambda known: replace(known, household=replace(known.household, file_active=False)),
    )


def _room_left(facts: Facts, cap_fen: Fen, granted_fen: Fen | None, source: str) -> Asked:
    """Whether a year's cap has room after what was granted (None: not known, so no room is certain)."""
    text, needed = _room_texts(facts.item, cap_fen)
    if granted_fen is not None and granted_fen < cap_fen:
        return fulfilled("yearly_room_left", text, needed, f"已发放{yuan(granted_fen)}", source)
    known = granted_fen is not None
    opens = f"{next_year(facts.applied_on)}起有新的年度额度，可以再次申请"
    return finding(
        "yearly_room_left",
        False if known else None,
        text,
        needed,
        "暂时查不到本年度已发放金额" if granted_fen is None else f"已发放{yuan(granted_fen)}",
        source,
        opens if known else "由工会查核本年度已发放金额后重新计算",
        known,
        lambda given: replace(
            keeping(given, lambda each: not same_item(each, given)), temporary_granted_this_year_fen=0
        ),
    )


@lru_cache(maxsize=256)
def _room_texts(item: Item, cap_fen: Fen) -> tuple[str, str]:
    return f"本年度{ITEM_NAMES[item]}还有剩余额度", f"本年度已发放少于{yuan(cap_fen)}"


def _extra_approval(facts: Facts, policy: Policy, level: Level) -> Asked:
    """No condition for the worker, and met: the amount needs a further approval, and the decision says so."""
    above = next(each.above_fen for each in policy.approvals.levels if each.level == level)
    name = ITEM_NAMES[facts.item]
    return fulfilled(
        "extra_approval_level",
        f"金额较大，除{_APPROVERS['city']}外，还须报{_APPROVERS[level]}审批",
        f"每户每年{name}合计超过{yuan(above)}的，须报{_APPROVERS[level]}审批",
        f"本年度{name}已发放{yuan(granted_of_item(facts))}，加上本次后超过",
        policy.approvals.source,
    )
