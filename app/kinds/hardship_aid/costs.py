"""The share of a bill that hardship aid bears: medical costs after every other payer, or an accident's costs. Pure.

Each thing that is known of the bill is judged, whatever is missing.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from app.households.criteria import CATEGORY_NAMES, Category
from app.kernel.money import WHOLE_BP, Fen, share, yuan
from app.kinds.hardship_aid.facts import Facts
from app.kinds.hardship_aid.policy import Costs
from app.policy.decision import Finding, Running, finding, fulfilled
from app.policy.periods import months_after
from app.policy.wording import day_text, percent_text

Asked = Finding[Facts]

_SOMETHING_FEN: Final = WHOLE_BP // 2
"""Of so much, even the smallest rate comes to a fen."""


class BillKind(NamedTuple):
    """What is said of a bill; how the facts would be with a complete, a sufficient or a recent one."""

    rule: Literal["medical", "accident"]
    what: str
    day_name: str
    complete: Callable[[Facts], Facts]
    enough: Callable[[Facts], Facts]
    dated: Callable[[Facts], Facts]


class Bill(NamedTuple):
    """Costs as applied for, less what others bore, less earlier aid of ours; the rest, `base_fen`, is shared.

    None while not known; `left_by_others_fen` is of medical costs alone. `given`: how the rest comes about.
    """

    of: BillKind
    day: date | None
    costs_fen: Fen | None
    base_fen: Fen | None = None
    given: str = ""
    left_by_others_fen: Fen | None = None


def bill_of(facts: Facts) -> Bill:
    """The bill of an application for medical or accident aid."""
    return _medical_bill(facts) if facts.item == "medical" else _accident_bill(facts)


def mutual_aid(facts: Facts) -> Fen | None:
    """What mutual aid bears of a medical bill: at least what our own records say, whatever the form says."""
    told, found = facts.medical_mutual_aid_paid_fen, facts.mutual_aid_found_fen
    return None if told is None or found is None else max(told, found)


def _medical_bill(facts: Facts) -> Bill:
    """What is left after every other payer, the union's own secondary insurance and earlier aid included."""
    paid, mutual, aided = facts.medical_self_paid_fen, mutual_aid(facts), facts.medical_aided_before_fen
    if paid is None or mutual is None:
        return Bill(_MEDICAL, facts.medical_settled_on, paid)
    left = max(paid - mutual, 0)
    base = max(left - aided, 0)
    told, found = facts.medical_mutual_aid_paid_fen or 0, facts.mutual_aid_found_fen or 0
    whose = f"（申请填写{yuan(told)}，系统查到{yuan(found)}）" if told != found else ""
    before = f"，同一次费用已得医疗救助{yuan(aided)}" if aided else ""
    given = f"自付{yuan(paid)}，互助保障已付或在办{yuan(mutual)}{whose}{before}，剩余{yuan(base)}"
    return Bill(_MEDICAL, facts.medical_settled_on, paid, base, given, left)


def _complete_medical(facts: Facts) -> Facts:
    told = facts.medical_mutual_aid_paid_fen or 0
    enough = max(told, facts.mutual_aid_found_fen or 0) + facts.medical_aided_before_fen + _SOMETHING_FEN
    paid = facts.medical_self_paid_fen
    return replace(
        facts,
        medical_mutual_aid_paid_fen=told,
        medical_self_paid_fen=enough if paid is None else paid,
        medical_settled_on=facts.medical_settled_on or facts.applied_on,
    )


def _enough_medical(facts: Facts) -> Facts:
    borne = (mutual_aid(facts) or 0) + facts.medical_aided_before_fen
    return replace(facts, medical_self_paid_fen=borne + _SOMETHING_FEN)


def _accident_bill(facts: Facts) -> Bill:
    caused, day = facts.accident_caused_fen, facts.accident_happened_on
    if caused is None:
        return Bill(_ACCIDENT, day, None)
    return Bill(_ACCIDENT, day, caused, caused, f"意外造成的支出{yuan(caused)}")


def _complete_accident(facts: Facts) -> Facts:
    caused = facts.accident_caused_fen
    return replace(
        facts,
        accident_caused_fen=_SOMETHING_FEN if caused is None else caused,
        accident_happened_on=facts.accident_happened_on or facts.applied_on,
    )


_MEDICAL: Final = BillKind(
    "medical",
    "医疗费用自付金额、互助保障已付金额和结算日期",
    "医疗费用结算日期",
    _complete_medical,
    _enough_medical,
    lambda facts: replace(facts, medical_settled_on=facts.applied_on),
)
_ACCIDENT: Final = BillKind(
    "accident",
    "意外造成的支出和发生日期",
    "意外发生日期",
    _complete_accident,
    lambda facts: replace(facts, accident_caused_fen=_SOMETHING_FEN),
    lambda facts: replace(facts, accident_happened_on=facts.applied_on),
)


def costs_findings(facts: Facts, costs: Costs, bill: Bill, category: Category | None) -> list[Asked]:
    """Whether the bill is complete, leaves anything to bear, and is recent enough."""
    medical = bill.of is _MEDICAL
    untold = medical and facts.medical_mutual_aid_paid_fen is None
    findings: list[Asked] = []
    if untold or bill.costs_fen is None or bill.day is None:
        findings.append(_costs_unknown(bill, costs))
    if medical and facts.mutual_aid_found_fen is None:
        findings.append(_mutual_aid_unknown(costs))
    if bill.base_fen is not None:
        findings.append(_costs_left(bill, bill.base_fen, costs, category))
    if bill.day is not None:
        findings.append(_in_window(bill, bill.day, facts.applied_on, costs))
    return findings


def share_steps(amount: Running, bill: Bill, costs: Costs, category: Category) -> None:
    """From the whole costs to the share that is borne, rounded half up once."""
    base = bill.base_fen or 0
    if bill.of.rule == "medical":
        amount.to("costs", "各类保险报销后的自付费用", bill.costs_fen or 0)
        amount.to("mutual_aid_paid", "减去职工互助保障（住院二次医保）已付或在办的金额", bill.left_by_others_fen or 0)
        amount.to("aided_before", "减去同一次费用已得到的医疗救助", base)
    else:
        amount.to("costs", "意外造成的支出", base)
    rate = costs.rate_bp.of(category)
    if rate != WHOLE_BP:
        amount.to("share_of_costs", _rate_text(category, rate), share(base, rate))


@lru_cache(maxsize=64)
def _rate_text(category: Category, rate_bp: int) -> str:
    return f"{CATEGORY_NAMES[category]}家庭按{percent_text(rate_bp)}计算"


@lru_cache(maxsize=64)
def _window_text(day_name: str, months: int) -> str:
    return f"{day_name}在申请之日以前{months}个月内"


def _costs_unknown(bill: Bill, costs: Costs) -> Asked:
    return finding(
        f"{bill.of.rule}_costs_unknown",
        None,
        f"计算需要知道{bill.of.what}",
        f"填写{bill.of.what}",
        "没有填写完整",
        costs.source,
        f"请补填{bill.of.what}，并上传凭证",
        True,
        bill.of.complete,
    )


def _mutual_aid_unknown(costs: Costs) -> Asked:
    return finding(
        "mutual_aid_paid_unknown",
        None,
        "计算需要知道住院二次医保对这次费用的给付",
        "查到本人和家庭的住院二次医保给付记录",
        "暂时查不到",
        costs.source,
        "由工会查核住院二次医保的给付记录后重新计算",
        False,
        lambda known: replace(known, mutual_aid_found_fen=0),
    )


def _costs_left(bill: Bill, base_fen: Fen, costs: Costs, category: Category | None) -> Asked:
    """Met when the share comes to a fen at least; while the category is not known, the least share of any."""
    rates = costs.rate_bp
    rate = min(rates.deep, rates.relative, rates.accident) if category is None else rates.of(category)
    rule = f"{bill.of.rule}_costs_left"
    text, needed = "扣除各类保险、补偿和互助保障后，仍有自己承担的费用", "按比例计算后不少于0.01元"
    if share(base_fen, rate) > 0:
        return fulfilled(rule, text, needed, bill.given, costs.source)
    change = "这笔费用已经没有需要由救助承担的部分；如填写有误，请核对单据后修改"
    return finding(rule, False, text, needed, bill.given, costs.source, change, False, bill.of.enough)


def _in_window(bill: Bill, day: date, applied_on: date, costs: Costs) -> Asked:
    last = months_after(day, costs.window_months)
    rule, text = f"{bill.of.rule}_in_window", _window_text(bill.of.day_name, costs.window_months)
    needed, given = f"申请日在{day_text(day)}到{day_text(last)}之间", f"申请日{day_text(applied_on)}"
    early = day > applied_on
    if not early and applied_on <= last:
        return fulfilled(rule, text, needed, given, costs.source)
    change = f"请核对{bill.of.day_name}，或从{day_text(day)}起再申请" if early else "已经超过申请期限，不能再申请"
    return finding(rule, False, text, needed, given, costs.source, change, early, bill.of.dated)
