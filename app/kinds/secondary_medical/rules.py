"""How much secondary medical insurance (住院二次医保) pays on one settlement sheet, or why nothing. Pure; in fen.

The scheme is a document (`scheme.Policy`); which version governs a claim is said by `attribution.governing`.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from app.kernel.money import yuan
from app.kinds.secondary_medical import remedies
from app.kinds.secondary_medical.attribution import event_day, last_day_to_claim
from app.kinds.secondary_medical.conditions import given_text, holds, unknown
from app.kinds.secondary_medical.facts import CAUSES, CIRCUMSTANCES, JOININGS, Cover, Facts, Joining
from app.kinds.secondary_medical.payment import Payment, pays
from app.kinds.secondary_medical.scheme import ClaimWindow, Exclusions, Policy
from app.kinds.secondary_medical.sheets import sheet_findings
from app.policy.changes import decide
from app.policy.decision import Decision, Finding, Judged, Reason, Remedy, finding, fulfilled
from app.policy.wording import day_text

__all__ = ["Facts", "assess", "judge"]

_DAYS: Final = {"admission": "入院", "discharge": "出院", "settlement": "结算"}
_JOININGS: Final[tuple[Joining, ...]] = ("new", "late_renewal", "renewal")


def assess(facts: Facts, policy: Policy, *, decided_on: date) -> Decision:
    """How much is paid on this sheet, or why nothing and what would change it."""
    return decide(policy.cited, facts, lambda given: judge(given, policy), decided_on)


def judge(facts: Facts, policy: Policy) -> Judged[Facts]:
    """Every rule asked. What does not add up, or is not known, is not shared."""
    dates = _dates(facts, policy)
    sheet = sheet_findings(facts.settlement, policy.source)
    day = event_day(policy, facts)
    findings = [dates, *sheet, _first_claim(facts.settlement_claimed_before, policy.source)]
    if policy.claim_window:
        findings.append(_claim_window(facts, policy.claim_window))
    findings.append(_cover(facts, policy, day))
    if facts.cover and findings[-1].remedy is None:
        findings.append(_waiting(facts, policy, facts.cover))
    if policy.exclusions:
        findings.append(_exclusions(facts, policy.exclusions))
    if dates.remedy or sheet[0].remedy or sheet[1].remedy or sheet[2].remedy:
        return Judged(tuple(findings))
    answers = [holds(when, facts) for when in policy.conditions]
    findings.append(_conditions(facts, policy, answers))
    if findings[-1].remedy:
        return Judged(tuple(findings))
    payment = pays(policy.ready, facts, day.year, facts.paid_before, answers)
    payable = payment.amount_fen > 0
    shared = payable or (bool(facts.paid_before) and pays(policy.ready, facts, day.year, (), answers).amount_fen > 0)
    findings.append(_something_to_pay(payment, policy, shared))
    if shared:
        findings.append(_payments_left(_given_before(facts), payable, policy.source))
    return Judged(tuple(findings), payment.trace, payment.amount_fen)


def _dates(facts: Facts, policy: Policy) -> Finding[Facts]:
    admitted, discharged, settled = facts.admitted_on, facts.discharged_on, facts.settlement.settled_on
    met = admitted <= discharged <= facts.applied_on and admitted <= settled <= facts.applied_on
    rule, text = "stay_dates_in_order", "入院在前，出院和结算在后，都不晚于申请日"
    needed = f"各日期不晚于申请日{day_text(facts.applied_on)}，且入院最早"
    given = f"入院{day_text(admitted)}，出院{day_text(discharged)}，结算{day_text(settled)}"
    if met:
        return fulfilled(rule, text, needed, given, policy.source)
    change = "请对照出院小结和医保结算单核对日期后修改"
    return finding(rule, False, text, needed, given, policy.source, change, True, remedies.dates_in_order)


@lru_cache(maxsize=64)
def _first_claim(claimed: bool | None, source: str) -> Finding[Facts]:
    reason = Reason(
        "settlement_not_claimed_before",
        None if claimed is None else not claimed,
        "同一张医保结算单只能申请一次",
        "这张结算单没有申请过",
        "暂时查不到" if claimed is None else "已经申请过" if claimed else "没有申请过",
        source,
    )
    if claimed is False:
        return Finding(reason, None)
    change = "这张结算单已经申请过，不能重复申请；请核对结算单号" if claimed else "由工会查核后重新计算"
    return Finding(reason, Remedy(reason.rule, change, False, remedies.not_claimed))


def _claim_window(facts: Facts, window: ClaimWindow) -> Finding[Facts]:
    last = last_day_to_claim(window, facts.discharged_on, facts.settlement.settled_on)
    rule, text, needed = "claim_in_window", f"在{window.text}内申请", f"最迟{day_text(last)}申请"
    given = f"申请日{day_text(facts.applied_on)}"
    if facts.applied_on <= last:
        return fulfilled(rule, text, needed, given, window.source)
    change = "已经超过申请期限，不能再申请这次住院的费用"
    return finding(rule, False, text, needed, given, window.source, change, False, remedies.claimed_in_time(window))


def _cover(facts: Facts, policy: Policy, day: date) -> Finding[Facts]:
    cover, what = facts.cover, _DAYS[policy.attribution.stay_by]
    rule, text, source = "cover_in_force", f"{what}当日在住院二次医保的保障期内", policy.attribution.source
    needed = f"{day_text(day)}{what}时已参保"
    given = f"保障期{day_text(cover.starts_on)}到{day_text(cover.ends_on)}" if cover else "没有找到参保记录"
    if cover and cover.starts_on <= day <= cover.ends_on:
        return fulfilled(rule, text, needed, given, source)
    change = "这次住院不在保障期内；请通过所在单位工会参保，参保后的住院可以申请"
    return finding(rule, False, text, needed, given, source, change, False, remedies.covered(policy))


def _waiting(facts: Facts, policy: Policy, cover: Cover) -> Finding[Facts]:
    """Asked once a cover is found. How it began matters only while the answer depends on it."""
    joining, admitted, periods = cover.joining, facts.admitted_on, policy.waiting.periods
    longest = shortest = periods[joining or "new", facts.cause]
    if joining is None:
        possible = [periods[each, facts.cause] for each in _JOININGS]
        longest, shortest = max(possible), min(possible)
    first_day, days = cover.starts_on + longest, longest.days
    met = True if admitted >= first_day else None if admitted >= cover.starts_on + shortest else False
    who = JOININGS[joining or "new"]
    needed = (
        f"{who}满{days}天，即{day_text(first_day)}起入院" if days else f"{who}，{CAUSES[facts.cause]}住院没有等待期"
    )
    rule, text, source = "waiting_period_over", "等待期已过", policy.waiting.source
    given = f"{day_text(admitted)}入院，{JOININGS[joining]}"
    if met:
        return fulfilled(rule, text, needed, given, source)
    change = "由工会查核是否续保后重新计算" if met is None else "等待期内的住院不给付；等待期满以后的住院可以申请"
    return finding(rule, met, text, needed, given, source, change, False, remedies.waited(policy))


def _exclusions(facts: Facts, exclusions: Exclusions) -> Finding[Facts]:
    rule, text, source = "circumstance_not_excluded", "不属于不给付的情形", exclusions.source
    needed = "没有下列情形：" + "、".join(CIRCUMSTANCES[each] for each in exclusions.circumstances)
    found = "、".join([CIRCUMSTANCES[each] for each in facts.circumstances if each in exclusions.circumstances])
    if not found:
        return fulfilled(rule, text, needed, "没有这些情形", source)
    change = "这种情形不在给付范围内；如填写有误，请核对后修改"
    return finding(rule, False, text, needed, found, source, change, False, remedies.no_circumstance)


def _conditions(facts: Facts, policy: Policy, answers: Sequence[bool | None]) -> Finding[Facts]:
    """Whether any line is paid on such a stay; not known, if what a line asks is not known."""
    no_receipts = policy.asks_receipts and facts.receipts_fen is None
    met = None if None in answers or (no_receipts and True in answers) else True in answers
    rule, text, given = "benefit_conditions_met", "符合给付条件", given_text(facts, policy.asked)
    if met:
        return fulfilled(rule, text, policy.condition_texts[answers.index(True)], given, policy.source)
    needed = "；或".join(dict.fromkeys(policy.condition_texts))
    change = "这次住院不符合给付条件；如填写有误，请核对后修改"
    if met is None:
        missing = [what for place, answer in enumerate(answers) if answer is None
                   for what in unknown(policy.conditions[place], facts)]  # fmt: skip
        change = f"请补充{'、'.join(dict.fromkeys([*missing, *(['票据金额'] if no_receipts else [])]))}"
    return finding(rule, met, text, needed, given, policy.source, change, met is None, remedies.conditions_met(policy))


def _something_to_pay(payment: Payment, policy: Policy, shared: bool) -> Finding[Facts]:
    rule, text, needed = "self_pay_in_scope", "有可以给付的费用", "按给付标准计算后不少于0.01元"
    given = f"按给付标准计算为{yuan(payment.amount_fen)}" if payment.amount_fen or not shared else text
    if shared:
        return fulfilled(rule, text, needed, given, policy.source)
    change = "这次住院没有在给付范围内的费用；如结算单填写有误，请核对后修改"
    apply = remedies.something_to_pay(policy)
    return finding(rule, False, text, needed, given, policy.source, change, False, apply)


def _given_before(facts: Facts) -> str:
    if not facts.paid_before:
        return "以前没有给付过"
    paid = [each.amount_fen for each in facts.paid_before if each.in_term]
    return f"本保障期内已给付{len(paid)}项，共{yuan(sum(paid))}"


@lru_cache(maxsize=64)
def _payments_left(given: str, met: bool, source: str) -> Finding[Facts]:
    """Asked where there is something to share: whether the term and the year still have payments for it."""
    reason = Reason(
        "payments_left_in_term", met, "本保障期内还有给付次数和额度", "给付次数和额度没有用完", given, source
    )
    change = "本保障期的给付次数或额度已经用完；下一个保障期内的住院可以申请"
    return Finding(reason, None if met else Remedy(reason.rule, change, False, remedies.nothing_paid_before))
