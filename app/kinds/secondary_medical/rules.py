"""How much secondary medical insurance (住院二次医保) pays on one settlement sheet. Pure; amounts in fen.

Base: the worker's own share inside the insurance catalogue, without the deductible and without what other payers bore
(formula at the head of policy.yaml). Each line pays its rate; the lines are summed exactly and rounded half up once,
never above what the worker bore. The version is the one in force when the cover's term began.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from app.kernel.money import WHOLE_BP, Fen, half_up, yuan
from app.kinds.secondary_medical.scheme import (
    Cause,
    Line,
    LineName,
    Paid,
    Payable,
    Policy,
    Settlement,
    Treatment,
    payables,
)
from app.policy.decision import Decision, Finding, TraceStep, cite, decide, finding, unmet
from app.policy.periods import months_after
from app.policy.wording import day_text, percent_text

KIND: Final = "secondary_medical"

_LINE_NAMES: Final[Mapping[LineName, str]] = {
    "in_pool": "统筹基金内自付",
    "above_pool": "超封顶线自付",
    "self_funded": "自费项目",
    "outpatient_special": "门诊特定病种自付",
}
_RENEWAL: Final[Mapping[bool | None, str]] = {True: "续保", False: "首次参保", None: "暂时查不到是否续保"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The cover the stay falls in, or the applicant's latest; both days included."""

    starts_on: date
    ends_on: date
    is_renewal: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may know. `cover` None: none found. `settlement_claimed_before` None: not known."""

    applied_on: date
    cover: Cover | None
    treatment: Treatment
    cause: Cause
    admitted_on: date
    discharged_on: date
    settlement: Settlement
    settlement_claimed_before: bool | None
    paid_in_term: tuple[Paid, ...]


def assess(facts: Facts, policy: Policy, *, decided_on: date) -> Decision:
    """How much is paid on this sheet, or why nothing. `policy`: the version in force on `governed_on(facts)`."""
    sheet = _sheet(facts.settlement, policy)
    findings = [
        *_cover(facts, policy),
        _stay(facts, policy),
        *sheet,
        _first_claim(facts, policy),
        _claim_window(facts, policy),
    ]
    if unmet(sheet):  # what does not add up cannot be shared
        return decide(cite(KIND, policy), findings, (), 0, decided_on)
    payable = tuple(payables(facts.settlement, facts.treatment, policy, facts.paid_in_term))
    amount_fen = _rounded(sum((each.amount for each in payable), Fraction()), facts)
    findings += _something_to_pay(facts, policy, payable, amount_fen)
    trace = (*_base_trace(facts), *_line_trace(facts, payable))
    return decide(cite(KIND, policy), findings, trace, amount_fen, decided_on)


def governed_on(cover_starts_on: date | None, admitted_on: date) -> date:
    """The day whose policy version governs: the start of the cover's term, or the admission if there is no cover."""
    return cover_starts_on or admitted_on


def lines_paid(decision: Decision) -> tuple[Paid, ...]:
    """What a decision pays by line, for `Facts.paid_in_term` of the next claim. Their sum is its amount."""
    if decision.outcome == "ineligible":
        return ()
    amounts = {step.step: step.amount_fen for step in decision.trace}
    return tuple(
        Paid(line=line, amount_fen=amounts[f"pays_{line}"]) for line in _LINE_NAMES if amounts.get(f"pays_{line}")
    )


def _cover(facts: Facts, policy: Policy) -> Iterable[Finding]:
    cover, admitted = facts.cover, facts.admitted_on
    term = f"{day_text(cover.starts_on)}到{day_text(cover.ends_on)}" if cover else "没有找到参保记录"
    inside = cover is not None and cover.starts_on <= admitted <= cover.ends_on
    yield finding(
        "cover_in_force",
        inside,
        "入院当日在住院二次医保的保障期内",
        needed=f"{day_text(admitted)}入院时已参保",
        given=f"保障期{term}" if cover else term,
        source=policy.source,
        change="这次住院不在保障期内；请通过所在单位工会参保，参保后的住院可以申请",
    )
    if cover and inside:
        yield _waiting(facts, policy, cover)


def _waiting(facts: Facts, policy: Policy, cover: Cover) -> Finding:
    """Asked once a cover is found. Not knowing whether it is a renewal matters only inside the waiting days."""
    days = policy.waiting_days.illness if facts.cause == "illness" else policy.waiting_days.accident
    first_day = cover.starts_on + timedelta(days=days)
    met = True if facts.admitted_on >= first_day else cover.is_renewal
    cause = "疾病" if facts.cause == "illness" else "意外"
    return finding(
        "waiting_period_over",
        met,
        "首次参保的等待期已过；续保没有等待期",
        needed=f"首次参保满{days}天，即{day_text(first_day)}起入院" if days else f"{cause}住院没有等待期",
        given=f"{day_text(facts.admitted_on)}入院，{_RENEWAL[cover.is_renewal]}",
        source=policy.source,
        change="由工会查核是否续保后重新计算" if met is None else "等待期内的住院不给付；等待期满以后的住院可以申请",
    )


def _stay(facts: Facts, policy: Policy) -> Finding:
    days = (facts.admitted_on, facts.discharged_on, facts.settlement.settled_on)
    in_order = days[0] <= min(days[1:]) and max(days) <= facts.applied_on
    return finding(
        "stay_dates_in_order",
        in_order,
        "入院在前，出院和结算在后，都不晚于申请日",
        needed=f"各日期不晚于申请日{day_text(facts.applied_on)}，且入院最早",
        given=f"入院{day_text(days[0])}，出院{day_text(days[1])}，结算{day_text(days[2])}",
        source=policy.source,
        change="请对照出院小结和医保结算单核对日期后修改",
        can_change=True,
    )


def _sheet(sheet: Settlement, policy: Policy) -> tuple[Finding, ...]:
    """The sums every sheet keeps. Payers may come to less than the total: some funds have no field here."""
    parts = sheet.fulamt_ownpay_amt_fen + sheet.overlmt_selfpay_fen + sheet.preselfpay_amt_fen + sheet.inscp_scp_amt_fen
    pooled = sheet.act_pay_dedc_fen + sheet.hifp_pay_fen + sheet.hifob_pay_fen
    payers = sheet.hifp_pay_fen + sheet.hifob_pay_fen + sheet.cvlserv_pay_fen + sheet.maf_pay_fen + sheet.borne_fen
    total, scope = sheet.medfee_sumamt_fen, sheet.inscp_scp_amt_fen
    return (
        _sum(
            "settlement_adds_up",
            parts == total,
            "全自费、超限价自费、先行自付与符合政策范围金额相加，等于医疗费总额",
            (f"合计{yuan(total)}", f"合计{yuan(parts)}"),
            policy,
        ),
        _sum(
            "settlement_pool_within_scope",
            pooled <= scope,
            "起付线、统筹支付与大额补助相加，不超过符合政策范围金额",
            (f"不超过{yuan(scope)}", f"合计{yuan(pooled)}"),
            policy,
        ),
        _sum(
            "settlement_payers_within_total",
            payers <= total,
            "各项基金、个人账户和现金支付相加，不超过医疗费总额",
            (f"不超过{yuan(total)}", f"合计{yuan(payers)}"),
            policy,
        ),
    )


def _sum(rule: str, met: bool, text: str, needed_given: tuple[str, str], policy: Policy) -> Finding:
    needed, given = needed_given
    change = "请对照医保结算单逐项核对金额后修改"
    return finding(rule, met, text, needed=needed, given=given, source=policy.source, change=change, can_change=True)


def _first_claim(facts: Facts, policy: Policy) -> Finding:
    claimed = facts.settlement_claimed_before
    return finding(
        "settlement_not_claimed_before",
        None if claimed is None else not claimed,
        "同一张医保结算单只能申请一次",
        needed="这张结算单没有申请过",
        given={True: "已经申请过", False: "没有申请过", None: "暂时查不到"}[claimed],
        source=policy.source,
        change="由工会查核后重新计算" if claimed is None else "这张结算单已经申请过，不能重复申请；请核对结算单号",
    )


def _claim_window(facts: Facts, policy: Policy) -> Finding:
    """From the settlement date (that after the day of application: `stay_dates_in_order`)."""
    last = months_after(facts.settlement.settled_on, policy.claim_months)
    return finding(
        "claim_in_window",
        facts.applied_on <= last,
        f"在医保结算后{policy.claim_months}个月内申请",
        needed=f"最迟{day_text(last)}申请",
        given=f"申请日{day_text(facts.applied_on)}",
        source=policy.source,
        change="已经超过申请期限，不能再申请这次住院的费用",
    )


def _rounded(total: Fraction, facts: Facts) -> Fen:
    """The one rounding: half up to whole fen, never above what the worker bore."""
    payable = min(total, Fraction(facts.settlement.borne_fen))
    return half_up(payable.numerator, payable.denominator)


def _something_to_pay(facts: Facts, policy: Policy, payable: Iterable[Payable], amount_fen: Fen) -> Iterable[Finding]:
    """Whether there is anything to share; if so, whether the term still has payments for it."""
    lines = [each for each in payable if each.counted > 0]
    least = sum((each.counted * min(each.line.rates_bp) / WHOLE_BP for each in lines), Fraction())
    shared = _rounded(least, facts) > 0
    yield finding(
        "self_pay_in_scope",
        shared,
        "个人有可以给付的自付费用",
        needed="按给付标准计算后不少于0.01元",
        given="、".join(f"{_LINE_NAMES[each.line.line]}{_yuan(each.counted)}" for each in lines)
        or "没有可以给付的自付费用",
        source=policy.source,
        change="这次住院没有在给付范围内的自付费用；如结算单填写有误，请核对后修改",
    )
    if shared:
        yield finding(
            "payments_left_in_term",
            amount_fen > 0,
            "本保障期内还有给付次数和额度",
            needed="；".join(_allowance(each.line) for each in lines),
            given="；".join(_used(each.line, facts) for each in lines),
            source=policy.source,
            change="本保障期的给付次数或额度已经用完；下一个保障期内的住院可以申请",
        )


def _allowance(line: Line) -> str:
    times = f"最多{line.max_payments}次" if line.max_payments else "不限次数"
    cap = f"，合计不超过{yuan(line.cap_per_term_fen)}" if line.cap_per_term_fen else ""
    return f"{_LINE_NAMES[line.line]}{times}{cap}"


def _used(line: Line, facts: Facts) -> str:
    paid = [each.amount_fen for each in facts.paid_in_term if each.line == line.line]
    return f"{_LINE_NAMES[line.line]}已给付{len(paid)}次，共{yuan(sum(paid))}"


def _base_trace(facts: Facts) -> Iterable[TraceStep]:
    sheet = facts.settlement
    others = sheet.cvlserv_pay_fen + sheet.maf_pay_fen
    yield TraceStep(step="in_scope", text="符合政策范围金额", amount_fen=sheet.inscp_scp_amt_fen)
    yield TraceStep(step="deductible", text="减去起付线", amount_fen=-sheet.act_pay_dedc_fen)
    yield TraceStep(step="pool_paid", text="减去统筹基金支付", amount_fen=-sheet.hifp_pay_fen)
    yield TraceStep(step="large_amount_paid", text="减去大额补助支付", amount_fen=-sheet.hifob_pay_fen)
    yield TraceStep(step="other_payers", text="减去公务员补助和医疗救助", amount_fen=-others)


def _line_trace(facts: Facts, payable: Iterable[Payable]) -> Iterable[TraceStep]:
    """For each line with a base: the base, what is counted of it, what it pays. What the lines pay sums to the amount:
    each is the growth of the rounded running total, so that nothing is rounded twice.
    """
    total = Fraction()
    for each in payable:
        before, total = total, total + each.amount
        if each.base > 0:
            yield from _line_steps(each, _rounded(total, facts) - _rounded(before, facts), facts)
    if total > facts.settlement.borne_fen:
        yield TraceStep(step="borne", text="给付合计不超过个人实际负担", amount_fen=facts.settlement.borne_fen)


def _line_steps(payable: Payable, pays_fen: Fen, facts: Facts) -> Iterable[TraceStep]:
    line, name = payable.line, _LINE_NAMES[payable.line.line]
    yield TraceStep(step=f"base_{line.line}", text=name, amount_fen=_fen(payable.base))
    if line.clamp_bp_of_pool is not None and payable.counted < payable.base:
        text = f"{name}最多计入统筹基金支付的{percent_text(line.clamp_bp_of_pool)}"
        yield TraceStep(step=f"counted_{line.line}", text=text, amount_fen=_fen(payable.counted))
    number = sum(1 for each in facts.paid_in_term if each.line == line.line) + 1
    text = f"{name}：本保障期第{number}次给付，按{percent_text(payable.rate_bp)}"
    if line.cap_per_term_fen:
        text += f"，合计不超过{yuan(line.cap_per_term_fen)}"
    if payable.spent:
        text = f"{name}：本保障期的给付次数或额度已经用完"
    yield TraceStep(step=f"pays_{line.line}", text=text, amount_fen=pays_fen)


def _fen(amount: Fraction) -> Fen:
    return half_up(amount.numerator, amount.denominator)


def _yuan(amount: Fraction) -> str:
    return yuan(_fen(amount))
