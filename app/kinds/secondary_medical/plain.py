"""A scheme of secondary medical insurance in plain words, from its data. Pure."""

from collections.abc import Iterator

from app.kernel.money import WHOLE_BP
from app.kinds.secondary_medical.benefits import (
    FIELDS,
    Bands,
    Benefit,
    Clamp,
    Conditions,
    Daily,
    Expression,
    Limits,
    LumpSum,
    Share,
)
from app.kinds.secondary_medical.facts import CAUSES, CIRCUMSTANCES, HOSPITAL_LEVELS, TREATMENTS, WARDS
from app.kinds.secondary_medical.scheme import Enrolment, Policy, Premium, WaitingDays, YearFromStart
from app.policy.plain import Section, Table, money
from app.policy.wording import day_text, percent_text


def sections(policy: Policy) -> tuple[Section, ...]:
    """What is paid, then who is insured, for how long, and until when one claims."""
    return tuple(_sections(policy))


def _sections(policy: Policy) -> Iterator[Section]:
    for benefit in policy.benefits:
        yield _benefit(benefit)
    yield from _total(policy)
    if policy.enrolment is not None:
        yield Section("谁可以参保", tuple(_enrolled(policy.enrolment)), None, policy.enrolment.source)
    if policy.premium is not None:
        yield Section("保费", tuple(_premium(policy.premium)), None, policy.premium.source)
    yield _term(policy)
    waiting = policy.waiting
    lines = tuple(
        f"{name}：{_waits(days)}。"
        for name, days in (
            ("首次参保", waiting.new), ("按期续保", waiting.renewal), ("逾期续保", waiting.late_renewal),
        )
    )  # fmt: skip
    yield Section("等待期", lines, None, waiting.source)
    if policy.claim_window is not None:
        yield Section("什么时候申请", (f"{policy.claim_window.text}以内。",), None, policy.claim_window.source)
    if policy.exclusions is not None:
        excluded = "、".join(CIRCUMSTANCES[each] for each in policy.exclusions.circumstances)
        yield Section("不给付的情形", (f"{excluded}。",), None, policy.exclusions.source)


def _benefit(benefit: Benefit) -> Section:
    lines, table = [*_when(benefit.when)], None
    match benefit:
        case Share():
            lines += _share(benefit)
            table = _bands(benefit.bands) if benefit.bands is not None else None
        case Daily():
            lines += _daily(benefit)
        case LumpSum():
            lines.append(f"定额给付{money(benefit.amount_fen)}。")
    return Section(benefit.name, (*lines, *_limits(benefit.limits)), table, benefit.source)


def _share(share: Share) -> Iterator[str]:
    yield f"按{_named(share.base)}计算。"
    if share.deductible is not None:
        first = "先减去" if share.deductible.mode == "subtract" else "须超过"
        yield f"{first}{money(share.deductible.amount_fen)}。"
    for clamp in share.clamps:
        yield f"计入的部分{_clamp(clamp)}。"
    if share.rates_bp is not None:
        rates = [percent_text(each) for each in share.rates_bp]
        if len(set(rates)) == 1:
            yield f"给付{rates[0]}。"
        else:
            listed = "，".join(f"第{number}次{each}" for number, each in enumerate(rates, 1))
            yield f"一个保障期内{listed}；以后各次按{rates[-1]}。"
    if share.minimum_fen is not None:
        yield f"算出来不足{money(share.minimum_fen)}的，按{money(share.minimum_fen)}给付。"


def _bands(bands: Bands) -> Table:
    how = {"marginal": "分段计算", "whole": "全部按所在档的比例", "flat": "按所在档的定额"}[bands.mode]
    rows = tuple(
        (
            f"{money(band.above_fen)}以上"
            if band.up_to_fen is None
            else f"{money(band.above_fen)}到{money(band.up_to_fen)}",
            money(band.amount_fen) if band.amount_fen is not None else percent_text(band.rate_bp or 0),
        )
        for band in bands.rows
    )
    return Table(f"各档给付（{how}）", ("金额", "给付"), rows, (1,))


def _daily(daily: Daily) -> Iterator[str]:
    yield f"住院每天{money(daily.amount_fen)}。"
    if daily.free_days:
        yield f"前{daily.free_days}天不给付。"
    most = [
        *([f"每次住院最多{daily.max_days_per_stay}天"] if daily.max_days_per_stay else []),
        *([f"一个保障期最多{daily.max_days_per_term}天"] if daily.max_days_per_term else []),
    ]
    if most:
        yield f"{'，'.join(most)}。"


def _sum(expression: Expression) -> str:
    plus = "加".join(FIELDS[each] for each in expression.plus)
    minus = "、".join(FIELDS[each] for each in expression.minus)
    return f"{plus}，减去{minus}" if minus else plus


def _named(expression: Expression) -> str:
    """By its name; and what it is made of, where that is more than one thing."""
    alone = len(expression.fields) == 1
    return FIELDS[expression.plus[0]] if alone else f"{expression.name}（{_sum(expression)}）"


def _clamp(clamp: Clamp) -> str:
    part = "" if clamp.rate_bp == WHOLE_BP else f"的{percent_text(clamp.rate_bp)}"
    return f"不超过{_named(clamp.of)}{part}"


def _when(when: Conditions) -> Iterator[str]:
    if when.treatments != ("inpatient",):
        yield f"限{'、'.join(TREATMENTS[each] for each in when.treatments)}。"
    if len(when.causes) < len(CAUSES):
        yield f"限因{'、'.join(CAUSES[each] for each in when.causes)}。"
    if when.min_days is not None:
        yield f"至少连续住院{when.min_days}天。"
    if when.hospital_levels is not None:
        yield f"限{'、'.join(HOSPITAL_LEVELS[each] for each in when.hospital_levels)}。"
    if when.excluded_wards:
        yield f"{'、'.join(WARDS[each] for each in when.excluded_wards)}不给付。"
    if when.events:
        yield "须发生本项名称所说的情形。"
    if when.archived_only:
        yield "只给已建立档案的困难职工。"


def _limits(limits: Limits) -> Iterator[str]:
    counts = ((limits.max_payments_per_term, "一个保障期"), (limits.max_payments_per_year, "一年"))
    sums = ((limits.per_claim_fen, "每次"), (limits.per_term_fen, "一个保障期"), (limits.per_year_fen, "一年"))
    yield from (f"{name}最多{count}次。" for count, name in counts if count is not None)
    yield from (f"{name}最多{money(fen)}。" for fen, name in sums if fen is not None)


def _total(policy: Policy) -> Iterator[Section]:
    stacking, names = policy.stacking, {each.line: each.name for each in policy.benefits}
    for group in stacking.exclusive:
        listed = "、".join(names[each] for each in group.lines)
        which = "金额最高的一项" if group.counts == "best" else "排在前面的一项"
        over = "一次申请" if group.over == "claim" else "一个保障期"
        yield Section("只给其中一项", (f"{listed}：{over}内只给{which}。",), None, group.source)
    for clamp in stacking.total_clamps:
        yield Section("各项合计", (f"各项合计{_clamp(clamp)}。",), None, clamp.source)
    caps = stacking.total_caps
    if caps is not None:
        sums = ((caps.per_claim_fen, "每次"), (caps.per_term_fen, "一个保障期"), (caps.per_year_fen, "一年"))
        lines = tuple(f"各项合计{name}最多{money(fen)}。" for fen, name in sums if fen is not None)
        yield Section("各项合计的上限", lines, None, caps.source)


def _enrolled(enrolment: Enrolment) -> Iterator[str]:
    least, most = enrolment.min_age_years, enrolment.max_age_years
    if least is not None and most is not None:
        yield f"{least}至{most}周岁。"
    elif least is not None or most is not None:
        yield f"年满{least}周岁。" if least is not None else f"不超过{most}周岁。"
    if enrolment.min_ratio_bp is not None:
        yield f"以单位为整体参保，参保人数不少于在职职工的{percent_text(enrolment.min_ratio_bp)}。"
    if enrolment.all_if_below_staff is not None:
        yield f"在职职工不足{enrolment.all_if_below_staff}人的单位全员参保。"
    if enrolment.min_persons is not None:
        yield f"每个单位至少{enrolment.min_persons}人参保。"


def _premium(premium: Premium) -> Iterator[str]:
    if premium.amount_fen is None:
        yield "来源没有写明，请向所在工会询问。"
        return
    yield f"每人每期{money(premium.amount_fen)}。"
    if premium.high_risk_amount_fen is not None:
        yield f"高危行业每人每期{money(premium.high_risk_amount_fen)}。"
    for each in premium.subsidies:
        yield f"{each.payer}为{each.for_whom}补助{money(each.amount_fen)}。"


def _term(policy: Policy) -> Section:
    term = policy.term
    if isinstance(term, YearFromStart):
        return Section("保障期", (f"从参保之日起{term.months}个月。",), None, term.source)
    lines = tuple(
        f"{day_text(each.starts_on)}到{day_text(each.ends_on)}；{day_text(each.enrol_from)}到"
        f"{day_text(each.enrol_until)}办理参保。"
        for each in term.terms
    )
    return Section("保障期", lines, None, term.source)


def _waits(days: WaitingDays) -> str:
    if not (days.illness or days.accident):
        return "没有等待期"
    return "，".join(
        f"因{name}住院等待{count}天" if count else f"因{name}住院没有等待期"
        for name, count in (("疾病", days.illness), ("意外", days.accident))
    )
