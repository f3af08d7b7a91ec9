"""How much hardship aid (困难帮扶) a household gets: living, medical, accident, temporary. Pure; amounts in fen.

The amount is the least of what is asked, what is left of the year's cap, and, for costs, the policy's share of them
(rounded half up, once). Sources of each figure stand in policy.yaml.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from app.households.rules import (
    CATEGORY_NAMES,
    ByCategory,
    Category,
    CategoryPolicy,
    Classification,
    HouseholdFacts,
    standing,
)
from app.kernel.money import Fen, share, yuan
from app.policy.decision import Decision, Finding, TraceStep, cite, decide, finding
from app.policy.fields import Frozen
from app.policy.periods import months_after
from app.policy.versions import Version
from app.policy.wording import day_text, percent_text

KIND: Final = "hardship_aid"

Item = Literal["living", "medical", "accident", "temporary"]

_ITEM_NAMES: Final[dict[Item, str]] = {
    "living": "生活救助",
    "medical": "医疗救助",
    "accident": "意外救助",
    "temporary": "临时救助",
}


class OneItem(Frozen):
    """Categories whose households get one item a year, and the kinds of aid that count as items."""

    source: str
    categories: tuple[Category, ...]
    counted_kinds: tuple[str, ...]


class Living(Frozen):
    """The year's cap for a household, in months of the minimum living standard (of one person)."""

    source: str
    cap_months: ByCategory


class Costs(Frozen):
    """A share of costs in basis points, the year's cap for a household, and how old a bill may be."""

    source: str
    rate_bp: ByCategory
    cap_fen: ByCategory
    window_months: Annotated[int, Field(ge=1, le=60)]


class Temporary(Frozen):
    """The year's cap for a person without a file."""

    source: str
    cap_fen: Annotated[int, Field(gt=0)]


class Policy(Version):
    one_item: OneItem
    living: Living
    medical: Costs
    accident: Costs
    temporary: Temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Aid the household was granted this calendar year, approved and not yet paid included, reversed left out."""

    kind: str
    item: str | None
    amount_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may know. `applied_on` is the day of submission, and its year the year of the caps.

    `granted_this_year`: to the household, over all kinds of aid, this application left out.
    `temporary_granted_this_year_fen`: temporary aid to the applicant in person; None: not known.
    """

    applied_on: date
    household: HouseholdFacts
    item: Item
    requested_fen: Fen
    granted_this_year: tuple[Granted, ...]
    temporary_granted_this_year_fen: Fen | None
    medical_self_paid_fen: Fen | None = None
    medical_mutual_aid_paid_fen: Fen | None = None
    medical_settled_on: date | None = None
    accident_caused_fen: Fen | None = None
    accident_happened_on: date | None = None


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """An upper limit of the amount with its calculation; `limit_fen` None: none, or not known (a finding says so)."""

    limit_fen: Fen | None
    findings: tuple[Finding, ...]
    trace: tuple[TraceStep, ...]


_NO_CEILING = _Ceiling(None, (), ())


@dataclass(frozen=True, slots=True)
class _Bill:
    """Costs as applied for: `base_fen` is shared, None while not filled in; `rule` begins the codes of its rules."""

    rule: Literal["medical", "accident"]
    what: str
    day_name: str
    day: date | None
    base_fen: Fen | None
    steps: tuple[TraceStep, ...]


def assess(facts: Facts, policy: Policy, categories: CategoryPolicy, *, decided_on: date) -> Decision:
    """How much aid, or why none. `categories`: the household criteria in force on `facts.applied_on`."""
    household = _household(facts, categories)
    ceilings = _ceilings(facts, policy, household)
    findings = [
        _requested(facts, policy),
        *household.findings,
        *_one_item(facts, policy, household.hardship),
        *(each for ceiling in ceilings for each in ceiling.findings),
    ]
    limits = [facts.requested_fen, *(each.limit_fen for each in ceilings if each.limit_fen is not None)]
    trace = [
        *household.trace,
        *(step for ceiling in ceilings for step in ceiling.trace),
        TraceStep(step="requested", text="申请金额", amount_fen=facts.requested_fen),
    ]
    return decide(cite(KIND, policy), findings, trace, min(limits), decided_on)


def _household(facts: Facts, categories: CategoryPolicy) -> Classification:
    """The household's standing; temporary aid asks for none. The accident applied for counts as its accident cost."""
    if facts.item == "temporary":
        return Classification(None, (), ())
    household = facts.household
    if facts.item == "accident" and facts.accident_caused_fen is not None:
        household = replace(household, accident_cost_fen=facts.accident_caused_fen)
    return standing(household, categories)


def _ceilings(facts: Facts, policy: Policy, household: Classification) -> tuple[_Ceiling, ...]:
    category = household.hardship
    match facts.item:
        case "living":
            return (_living_room(facts, policy.living, category),)
        case "medical":
            return _costs_ceilings(facts, policy.medical, _medical_bill(facts), category)
        case "accident":
            return _costs_ceilings(facts, policy.accident, _accident_bill(facts), category)
        case "temporary":
            return (_temporary_room(facts, policy.temporary),)


def _costs_ceilings(facts: Facts, costs: Costs, bill: _Bill, category: Category | None) -> tuple[_Ceiling, ...]:
    return (_share_of(bill, costs, category, facts.applied_on), _costs_room(facts, costs, category))


def _requested(facts: Facts, policy: Policy) -> Finding:
    return finding(
        "requested_amount_positive",
        facts.requested_fen > 0,
        "申请金额大于0元",
        needed="大于0元",
        given=yuan(facts.requested_fen),
        source=policy.source,
        change="请填写申请金额",
        can_change=True,
    )


def _one_item(facts: Facts, policy: Policy, category: Category | None) -> Iterable[Finding]:
    """Asked only of categories that are limited to one item a year."""
    if category is None or category not in policy.one_item.categories:
        return
    others = [
        each
        for each in facts.granted_this_year
        if each.kind in policy.one_item.counted_kinds and (each.kind, each.item) != (KIND, facts.item)
    ]
    yield finding(
        "one_item_per_year",
        not others,
        f"{CATEGORY_NAMES[category]}家庭每年只享受一项救助",
        needed="本年度没有享受过其他救助项目",
        given=f"本年度已享受其他项目{yuan(sum(each.amount_fen for each in others))}"
        if others
        else "没有享受过其他项目",
        source=policy.one_item.source,
        change=f"{_next_year(facts.applied_on)}起可以再次申请，或继续申请本年度已享受的那一项",
        can_change=True,
    )


def _living_room(facts: Facts, living: Living, category: Category | None) -> _Ceiling:
    standard = facts.household.minimum_living_standard_fen
    if category is None or standard is None:
        return _NO_CEILING
    months = living.cap_months.of(category)
    name = f"{CATEGORY_NAMES[category]}家庭每年生活救助上限，{months}个月低保标准"
    return _room(facts, standard * months, _granted(facts), name, living.source)


def _costs_room(facts: Facts, costs: Costs, category: Category | None) -> _Ceiling:
    if category is None:
        return _NO_CEILING
    name = f"{CATEGORY_NAMES[category]}家庭每年{_ITEM_NAMES[facts.item]}上限"
    return _room(facts, costs.cap_fen.of(category), _granted(facts), name, costs.source)


def _temporary_room(facts: Facts, temporary: Temporary) -> _Ceiling:
    granted = facts.temporary_granted_this_year_fen
    return _room(facts, temporary.cap_fen, granted, "每人每年临时救助上限", temporary.source)


def _granted(facts: Facts) -> Fen:
    """What the household got of this same item this year."""
    return sum(each.amount_fen for each in facts.granted_this_year if (each.kind, each.item) == (KIND, facts.item))


def _room(facts: Facts, cap_fen: Fen, granted_fen: Fen | None, name: str, source: str) -> _Ceiling:
    """What is left of a year's cap after what was granted (None: not known, so no room is certain)."""
    item, known = _ITEM_NAMES[facts.item], granted_fen is not None
    opens = f"{_next_year(facts.applied_on)}起有新的年度额度，可以再次申请"
    asked = finding(
        "yearly_room_left",
        None if granted_fen is None else granted_fen < cap_fen,
        f"本年度{item}还有剩余额度",
        needed=f"本年度已发放少于{yuan(cap_fen)}",
        given="暂时查不到本年度已发放金额" if granted_fen is None else f"已发放{yuan(granted_fen)}",
        source=source,
        change=opens if known else "由工会查核本年度已发放金额后重新计算",
        can_change=known,
    )
    trace = [TraceStep(step="yearly_cap", text=name, amount_fen=cap_fen)]
    if granted_fen is None:
        return _Ceiling(None, (asked,), tuple(trace))
    room = max(cap_fen - granted_fen, 0)
    trace += [
        TraceStep(step="granted_this_year", text=f"减去本年度已发放的{item}", amount_fen=-granted_fen),
        TraceStep(step="yearly_room", text="本年度剩余额度", amount_fen=room),
    ]
    return _Ceiling(room, (asked,), tuple(trace))


def _accident_bill(facts: Facts) -> _Bill:
    caused = facts.accident_caused_fen
    return _Bill(
        rule="accident",
        what="意外造成的支出和发生日期",
        day_name="意外发生日期",
        day=facts.accident_happened_on,
        base_fen=caused,
        steps=() if caused is None else (TraceStep(step="costs", text="意外造成的支出", amount_fen=caused),),
    )


def _medical_bill(facts: Facts) -> _Bill:
    """What is left after every other payer, mutual aid included."""
    paid, mutual = facts.medical_self_paid_fen, facts.medical_mutual_aid_paid_fen
    base, steps = None, []
    if paid is not None and mutual is not None:
        base = max(paid - mutual, 0)
        steps = [
            TraceStep(step="costs", text="各类保险报销后的自付费用", amount_fen=paid),
            TraceStep(step="mutual_aid_paid", text="减去职工互助保障已付", amount_fen=-mutual),
        ]
    return _Bill(
        rule="medical",
        what="医疗费用自付金额、互助保障已付金额和结算日期",
        day_name="医疗费用结算日期",
        day=facts.medical_settled_on,
        base_fen=base,
        steps=tuple(steps),
    )


def _share_of(bill: _Bill, costs: Costs, category: Category | None, applied_on: date) -> _Ceiling:
    """The share of a bill for this category. Each thing that is known of the bill is judged, whatever is missing."""
    asked, trace = [], list(bill.steps)
    limit = None
    if bill.base_fen is None or bill.day is None:
        asked.append(_costs_unknown(bill, costs))
    if bill.base_fen is not None:
        asked.append(_costs_left(bill, bill.base_fen, costs, category))
        if category is not None:
            rate = costs.rate_bp.of(category)
            limit = share(bill.base_fen, rate)
            text = f"{CATEGORY_NAMES[category]}家庭按{percent_text(rate)}计算"
            trace.append(TraceStep(step="share_of_costs", text=text, amount_fen=limit))
    if bill.day is not None:
        asked.append(_in_window(bill, bill.day, applied_on, costs))
    return _Ceiling(limit, tuple(asked), tuple(trace))


def _costs_unknown(bill: _Bill, costs: Costs) -> Finding:
    return finding(
        f"{bill.rule}_costs_unknown",
        None,
        f"计算需要知道{bill.what}",
        needed=f"填写{bill.what}",
        given="没有填写完整",
        source=costs.source,
        change=f"请补填{bill.what}，并上传凭证",
        can_change=True,
    )


def _costs_left(bill: _Bill, base_fen: Fen, costs: Costs, category: Category | None) -> Finding:
    """Met when the share comes to a fen at least; while the category is not known, the least share of any."""
    rates = (costs.rate_bp.deep, costs.rate_bp.relative, costs.rate_bp.accident)
    rate = min(rates) if category is None else costs.rate_bp.of(category)
    return finding(
        f"{bill.rule}_costs_left",
        share(base_fen, rate) > 0,
        "扣除各类保险、补偿和互助保障后，仍有自己承担的费用",
        needed="按比例计算后不少于0.01元",
        given=yuan(base_fen),
        source=costs.source,
        change="这笔费用已经没有需要由救助承担的部分；如填写有误，请核对单据后修改",
    )


def _in_window(bill: _Bill, day: date, applied_on: date, costs: Costs) -> Finding:
    last = months_after(day, costs.window_months)
    too_early = day > applied_on
    change = f"请核对{bill.day_name}，或从{day_text(day)}起再申请" if too_early else "已经超过申请期限，不能再申请"
    return finding(
        f"{bill.rule}_in_window",
        not too_early and applied_on <= last,
        f"{bill.day_name}在申请之日以前{costs.window_months}个月内",
        needed=f"申请日在{day_text(day)}到{day_text(last)}之间",
        given=f"申请日{day_text(applied_on)}",
        source=costs.source,
        change=change,
        can_change=too_early,
    )


def _next_year(day: date) -> str:
    return day_text(date(day.year + 1, 1, 1))
