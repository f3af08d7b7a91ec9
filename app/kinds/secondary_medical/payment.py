"""How much the lines of a scheme pay on one claim, step by step. Pure.

Everything is counted in whole numbers: a fen is RATES times the denominator of the share above the pool's ceiling, so
that every rate, clamp and band is exact. Rounding to fen, half up, happens where the scheme says. The steps of the
trace are the differences of the rounded running total, and their codes begin with that of their line: a later claim
reads there what each line paid (`lines_paid`).
"""

from collections.abc import Sequence
from itertools import compress
from math import gcd
from operator import attrgetter
from typing import Final, NamedTuple

from app.kernel.money import WHOLE_BP, Fen, half_up, yuan
from app.kinds.secondary_medical.benefits import FIELDS, Benefit, Daily, ExclusiveGroup, LumpSum, Share, Stacking
from app.kinds.secondary_medical.facts import Facts, Paid
from app.kinds.secondary_medical.shares import (
    RATE,
    RATES,
    Exact,
    ReadyClamp,
    ReadyShare,
    Steps,
    daily_steps,
    ready_clamp,
    ready_share,
    share_steps,
    value,
)
from app.policy.decision import Decision, TraceStep

_SHEET: Final = attrgetter(*(f"{name}_fen" for name in FIELDS if name not in ("above_ceiling", "receipts")))


class ReadyLine(NamedTuple):
    """A benefit made ready to be worked out. `group`: the exclusive group that it belongs to."""

    benefit: Benefit
    code: str
    name: str
    share: ReadyShare | None
    group: ExclusiveGroup | None
    is_limited: bool


class Ready(NamedTuple):
    """A scheme made ready: `above` ÷ `parts` of what the supplement paid is the share above the ceiling."""

    lines: tuple[ReadyLine, ...]
    groups: tuple[ExclusiveGroup, ...]
    above: int
    parts: int
    fen: Exact
    total_clamps: tuple[ReadyClamp, ...]
    total_caps: tuple[Fen | None, Fen | None, Fen | None] | None
    rounds_lines: bool


class History(NamedTuple):
    """What earlier claims paid: how often and how much, in the term and in the calendar year."""

    term_times: int = 0
    term_fen: Fen = 0
    year_times: int = 0
    year_fen: Fen = 0


class Part(NamedTuple):
    """What one line comes to, and how."""

    line: ReadyLine
    exact: Exact
    steps: Steps


class Payment(NamedTuple):
    amount_fen: Fen
    trace: tuple[TraceStep, ...]


_NEVER: Final = History()
_NO_HISTORIES: Final[dict[str, History]] = {}
_SAYS_WHY_NOTHING: Final = (".used_up", ".exclusive")
"""Steps that stay in the trace though they change nothing."""


def made_ready(benefits: Sequence[Benefit], stacking: Stacking, large_amount_rate_bp: int | None) -> Ready:
    """Once per version: all that is the same for every claim."""
    above, parts = 0, 1
    if large_amount_rate_bp is not None:
        common = gcd(WHOLE_BP, large_amount_rate_bp)
        above, parts = (WHOLE_BP - large_amount_rate_bp) // common, large_amount_rate_bp // common
    grouped = {line: group for group in stacking.exclusive for line in group.lines}
    caps = stacking.total_caps
    return Ready(
        lines=tuple(
            ReadyLine(
                benefit,
                benefit.line,
                benefit.name,
                ready_share(benefit, parts * RATE) if isinstance(benefit, Share) else None,
                grouped.get(benefit.line),
                bool(benefit.limits.caps) or (isinstance(benefit, Daily) and benefit.max_days_per_term is not None),
            )
            for benefit in benefits
        ),
        groups=stacking.exclusive,
        above=above,
        parts=parts,
        fen=parts * RATES,
        total_clamps=tuple(
            ready_clamp(clamp, f"total_clamp_{number}", "各项合计")
            for number, clamp in enumerate(stacking.total_clamps, 1)
        ),
        total_caps=(caps.per_claim_fen, caps.per_term_fen, caps.per_year_fen) if caps else None,
        rounds_lines=stacking.round_at == "line",
    )


def pays(
    ready: Ready, facts: Facts, on_year: int, paid_before: tuple[Paid, ...], answers: Sequence[bool | None]
) -> Payment:
    """What the claim is paid if these were paid before. `on_year`: the calendar year that it belongs to.

    For a sheet that adds up and dates in order. `answers`: for each line, whether its conditions hold; the others pay
    nothing.
    """
    fields = fields_of(ready, facts)
    histories = _histories(paid_before, on_year) if paid_before else _NO_HISTORIES
    parts = [_part(ready, line, facts, fields, histories) for line in compress(ready.lines, answers)]
    if ready.groups:
        parts = _one_of_each_group(ready, parts)
    trace: list[TraceStep] = []
    total = amount_fen = 0
    fen, half, made = ready.fen, ready.fen // 2, tuple.__new__
    for part in parts:
        for code, text, exact in part.steps:
            at = total + exact
            # half_up, written out, as is the making of a step: this is the innermost loop of every decision.
            now_fen = (at + half) // fen if at >= 0 else -((half - at) // fen)
            if now_fen != amount_fen or code.endswith(_SAYS_WHY_NOTHING):
                trace.append(made(TraceStep, (code, text, now_fen - amount_fen)))
                amount_fen = now_fen
        total += part.exact
    if total:
        for code, text, limit in _total_limits(ready, fields, histories.get("", _NEVER)):
            if total > limit:
                amount_fen = _cut(ready, parts, (code, text), limit, trace, amount_fen)
                total = limit
    return Payment(amount_fen, tuple(trace))


def lines_paid(decision: Decision) -> tuple[tuple[str, Fen], ...]:
    """What a decision pays by line, nothing left out: the sums of the steps that carry its code."""
    found: dict[str, Fen] = {}
    if decision.outcome == "eligible":
        for step in decision.trace:
            line, _, what = step.step.partition(".")
            if what:
                found[line] = found.get(line, 0) + step.amount_fen
    return tuple((line, fen) for line, fen in found.items() if fen)


def lines_within(lines: tuple[tuple[str, Fen], ...], only_fen: Fen | None) -> tuple[tuple[str, Fen], ...]:
    """The first of these lines, up to so much; None: all of them."""
    if only_fen is None:
        return lines
    left, found = only_fen, []
    for line, fen in lines:
        if left > 0:
            found.append((line, min(fen, left)))
        left -= fen
    return tuple(found)


def fields_of(ready: Ready, facts: Facts) -> tuple[int, ...]:
    """The fields of FIELDS, in parts of a fen. Receipts not known count as none."""
    sheet = facts.settlement
    above = 0
    if ready.above and sheet.hifob_pay_fen:
        rest = sheet.inscp_scp_amt_fen - sheet.act_pay_dedc_fen - sheet.hifp_pay_fen - sheet.hifob_pay_fen
        # The sheet says only what the supplement paid; the worker's share above the ceiling follows from its rate.
        above = max(min(rest * ready.parts, sheet.hifob_pay_fen * ready.above), 0)
    parts = ready.parts
    return (*[fen * parts for fen in _SHEET(sheet)], above, (facts.receipts_fen or 0) * parts)


def _histories(paid_before: tuple[Paid, ...], on_year: int) -> dict[str, History]:
    """By line; "" is all lines together."""
    found: dict[str, History] = {}
    for paid in paid_before:
        in_term, in_year = paid.in_term, paid.on.year == on_year
        for line in (paid.line, ""):
            times, fen, year_times, year_fen = found.get(line, _NEVER)
            if in_term:
                times, fen = times + 1, fen + paid.amount_fen
            if in_year:
                year_times, year_fen = year_times + 1, year_fen + paid.amount_fen
            found[line] = History(times, fen, year_times, year_fen)
    return found


def _part(ready: Ready, line: ReadyLine, facts: Facts, fields: tuple[int, ...], histories: dict[str, History]) -> Part:
    benefit, past = line.benefit, histories.get(line.code, _NEVER)
    if past is not _NEVER and _spent(benefit, past):
        return Part(line, 0, [(f"{line.code}.used_up", f"{line.name}：给付次数或额度已经用完", 0)])
    if line.group and line.group.over == "term" and _other_paid(line, line.group, histories):
        return Part(line, 0, [(f"{line.code}.exclusive", f"{line.name}：本保障期已给付只能选一的另一项", 0)])
    if line.share:
        steps = share_steps(line.share, line.name, fields, past.term_times + 1)
    elif isinstance(benefit, Daily):
        steps = daily_steps(benefit, facts, ready.fen)
    else:
        assert isinstance(benefit, LumpSum)
        steps = [(f"{line.code}.sum", f"{line.name}：定额给付", benefit.amount_fen * ready.fen)]
    if not steps:
        return Part(line, 0, steps)
    if line.is_limited:
        if isinstance(benefit, Daily):
            _cap_days(benefit, past, steps, ready.fen)
        _cap(benefit, past, steps, ready.fen)
    if ready.rounds_lines:
        rounded = half_up(steps[-1][2], ready.fen) * ready.fen
        steps.append((f"{line.code}.rounded", f"{line.name}：四舍五入到分", rounded))
    return Part(line, steps[-1][2], steps)


def _spent(benefit: Benefit, past: History) -> bool:
    limits = benefit.limits
    return (
        (limits.max_payments_per_term is not None and past.term_times >= limits.max_payments_per_term)
        or (limits.max_payments_per_year is not None and past.year_times >= limits.max_payments_per_year)
        or (limits.per_term_fen is not None and past.term_fen >= limits.per_term_fen)
        or (limits.per_year_fen is not None and past.year_fen >= limits.per_year_fen)
        or (isinstance(benefit, Daily) and _days_left_fen(benefit, past) == 0)
    )


def _days_left_fen(benefit: Daily, past: History) -> Fen | None:
    """What the days left in the term come to; what was paid in it tells how many were used."""
    if benefit.max_days_per_term is None:
        return None
    return max(benefit.max_days_per_term * benefit.amount_fen - past.term_fen, 0)


def _other_paid(line: ReadyLine, group: ExclusiveGroup, histories: dict[str, History]) -> bool:
    return any(other != line.code and histories.get(other, _NEVER).term_times for other in group.lines)


def _cap(benefit: Benefit, past: History, steps: Steps, fen: Exact) -> None:
    """Steps down to what the limits of the line leave, worded only where one is above. Of a line that is not spent."""
    limits = benefit.limits
    for code, words, limit, used in (
        ("claim", "每次最多", limits.per_claim_fen, 0),
        ("term", "一个保障期合计最多", limits.per_term_fen, past.term_fen),
        ("year", "一个自然年合计最多", limits.per_year_fen, past.year_fen),
    ):
        if limit is not None and steps[-1][2] > (left := (limit - used) * fen):
            steps.append((f"{benefit.line}.cap_{code}", f"{benefit.name}：{words}{yuan(limit)}", left))


def _cap_days(benefit: Daily, past: History, steps: Steps, fen: Exact) -> None:
    left = _days_left_fen(benefit, past)
    if left is not None and steps[-1][2] > left * fen:
        text = f"{benefit.name}：一个保障期最多{benefit.max_days_per_term}天"
        steps.append((f"{benefit.line}.cap_days", text, left * fen))


def _one_of_each_group(ready: Ready, parts: list[Part]) -> list[Part]:
    """In each exclusive group one part stays; the others say that it does."""
    for group in ready.groups:
        inside = [part for part in parts if part.line.group is group and part.exact > 0]
        if inside:
            order = {line: place for place, line in enumerate(group.lines)}
            inside.sort(key=lambda part: order[part.line.code])
            kept = inside[0] if group.counts == "first" else max(inside, key=lambda part: part.exact)
            text = f"与{kept.line.name}只给付一项"
            parts = [
                Part(part.line, 0, [(f"{part.line.code}.exclusive", f"{part.line.name}：{text}", 0)])
                if part.line.group is group and part is not kept and part.exact > 0
                else part
                for part in parts
            ]
    return parts


def _cut(
    ready: Ready, parts: list[Part], step: tuple[str, str], limit: Exact, trace: list[TraceStep], amount_fen: Fen
) -> Fen:
    """Down to a limit of the whole: the last lines give way first, each with a step of its own."""
    total = sum(part.exact for part in parts)
    for place in reversed(range(len(parts))):
        part = parts[place]
        cut = min(total - limit, part.exact)
        total -= cut
        parts[place] = part._replace(exact=part.exact - cut)
        now_fen = half_up(total, ready.fen)
        if now_fen != amount_fen:
            trace.append(TraceStep(f"{part.line.code}.{step[0]}", step[1], now_fen - amount_fen))
            amount_fen = now_fen
    return amount_fen


def _total_limits(ready: Ready, fields: tuple[int, ...], past: History) -> list[tuple[str, str, Exact]]:
    limits = [(clamp.code, clamp.text, value(clamp.of, fields) * clamp.rate_bp * RATE) for clamp in ready.total_clamps]
    if ready.total_caps is None:
        return limits
    per_claim, per_term, per_year = ready.total_caps
    if per_claim is not None:
        limits.append(("total_cap_claim", f"各项合计每次最多{yuan(per_claim)}", per_claim * ready.fen))
    if per_term is not None:
        left = max(per_term - past.term_fen, 0)
        limits.append(("total_cap_term", f"各项一个保障期合计最多{yuan(per_term)}", left * ready.fen))
    if per_year is not None:
        left = max(per_year - past.year_fen, 0)
        limits.append(("total_cap_year", f"各项一个自然年合计最多{yuan(per_year)}", left * ready.fen))
    return limits
