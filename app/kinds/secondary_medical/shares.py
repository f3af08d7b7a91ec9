"""What one line pays before its limits: a share of a base, or days. Pure; exact whole numbers, rounded nowhere.

A claim's fields come as a tuple in the order of FIELDS, in parts of a fen (`Unit`): the denominator of the share
above the pool's ceiling. Amounts are then in parts of WHOLE_BP squared times that denominator.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from app.kernel.money import WHOLE_BP, yuan
from app.kinds.secondary_medical.benefits import FIELDS, Band, Bands, Clamp, Daily, Expression, Share
from app.kinds.secondary_medical.conditions import days_in_hospital
from app.kinds.secondary_medical.facts import Facts
from app.policy.wording import percent_text

Exact: TypeAlias = int
"""An amount in the parts of a fen that a scheme counts in."""
Steps: TypeAlias = list[tuple[str, str, Exact]]
"""What a line comes to after each step: the step's code, its words, the exact amount."""

RATE: Final = WHOLE_BP
RATES: Final = WHOLE_BP * WHOLE_BP
_INDEX: Final = {name: index for index, name in enumerate(FIELDS)}


class ReadyExpression(NamedTuple):
    """An expression made ready: its fields as places in the tuple."""

    plus: tuple[int, ...]
    minus: tuple[int, ...]


class ReadyClamp(NamedTuple):
    code: str
    of: ReadyExpression
    rate_bp: int
    text: str


class ReadyRow(NamedTuple):
    """A band with its bounds in base parts; what it pays is a rate, or a sum in exact parts."""

    above: int
    up_to: int | None
    keeps_bp: int
    amount: Exact
    text: str


class ReadyShare(NamedTuple):
    """A share made ready for one denominator of a fen."""

    code: str
    """What the codes of its steps begin with."""
    plus: tuple[int, ...]
    steps: tuple[tuple[int, int, str, str], ...]
    """Place, sign, code and words of each field."""
    narrows: bool
    """Whether there are clamps, or a deductible of the scheme's own."""
    clamps: tuple[ReadyClamp, ...]
    deductible: int
    threshold: int
    rates_bp: tuple[int, ...]
    rate_code: str
    rate_texts: tuple[str, ...]
    mode: str
    inclusive: bool
    rows: tuple[ReadyRow, ...]
    outside_texts: tuple[str, str]
    """Of what lies below the lowest and above the highest band."""
    minimum: Exact
    minimum_text: str


def ready_expression(expression: Expression) -> ReadyExpression:
    return ReadyExpression(
        tuple(_INDEX[name] for name in expression.plus), tuple(_INDEX[name] for name in expression.minus)
    )


def ready_clamp(clamp: Clamp, code: str, subject: str) -> ReadyClamp:
    part = "" if clamp.rate_bp == WHOLE_BP else f"的{percent_text(clamp.rate_bp)}"
    return ReadyClamp(code, ready_expression(clamp.of), clamp.rate_bp, f"{subject}不超过{clamp.of.name}{part}")


def ready_share(share: Share, fen: int) -> ReadyShare:
    """`fen`: base parts in a fen, the denominator times RATE."""
    deductible = share.deductible
    amount = deductible.amount_fen * fen if deductible else 0
    subtract = deductible is not None and deductible.mode == "subtract"
    minimum_fen = share.minimum_fen or 0
    return ReadyShare(
        code=share.line,
        plus=tuple(_INDEX[name] for name in share.base.plus),
        steps=(
            *((_INDEX[name], 1, f"{share.line}.{name}", f"{share.name}：{FIELDS[name]}") for name in share.base.plus),
            *(
                (_INDEX[name], -1, f"{share.line}.{name}", f"{share.name}：减去{FIELDS[name]}")
                for name in share.base.minus
            ),
        ),
        narrows=bool(share.clamps or deductible),
        clamps=tuple(
            ready_clamp(clamp, f"{share.line}.clamp_{number}", f"{share.name}：计入的")
            for number, clamp in enumerate(share.clamps, 1)
        ),
        deductible=amount if subtract else 0,
        threshold=0 if subtract else amount,
        rates_bp=share.rates_bp or (),
        rate_code=f"{share.line}.rate",
        rate_texts=tuple(_rate_text(share.name, number, rate) for number, rate in enumerate(share.rates_bp or (), 1)),
        mode=share.bands.mode if share.bands else "",
        inclusive=share.bands is not None and share.bands.upper_bound == "inclusive",
        rows=tuple(_ready_row(row, share.bands, share.name, fen) for row in share.bands.rows) if share.bands else (),
        outside_texts=_outside(share.bands, share.name) if share.bands else ("", ""),
        minimum=minimum_fen * fen * RATE,
        minimum_text=f"{share.name}：不足{yuan(minimum_fen)}的，按{yuan(minimum_fen)}给付",
    )


def _ready_row(row: Band, bands: Bands, name: str, fen: int) -> ReadyRow:
    within = f"{yuan(row.above_fen)}以上" if row.up_to_fen is None else f"{yuan(row.above_fen)}至{yuan(row.up_to_fen)}"
    rate_bp, amount_fen = row.rate_bp or 0, row.amount_fen or 0
    if bands.mode == "marginal":
        text = f"{name}：{within}的部分给付{percent_text(rate_bp)}"
    elif bands.mode == "whole":
        text = f"{name}：基数在{within}，给付{percent_text(rate_bp)}"
    else:
        text = f"{name}：基数在{within}，定额给付{yuan(amount_fen)}"
    return ReadyRow(
        row.above_fen * fen,
        None if row.up_to_fen is None else row.up_to_fen * fen,
        WHOLE_BP - rate_bp,
        amount_fen * fen * RATE,
        text,
    )


def _outside(bands: Bands, name: str) -> tuple[str, str]:
    lowest, highest = bands.rows[0].above_fen, bands.rows[-1].up_to_fen
    above = "" if highest is None else f"{name}：超过{yuan(highest)}的部分不给付"
    return f"{name}：{yuan(lowest)}以下的部分不给付", above


def _rate_text(name: str, number: int, rate_bp: int) -> str:
    return f"{name}：本保障期第{number}次给付，按{percent_text(rate_bp)}"


def value(expression: ReadyExpression, fields: Sequence[int]) -> int:
    """The sum of the fields, never below zero."""
    total = 0
    for place in expression.plus:
        total += fields[place]
    for place in expression.minus:
        total -= fields[place]
    return max(total, 0)


def share_steps(share: ReadyShare, name: str, fields: Sequence[int], number: int) -> Steps:
    """From the fields of the sheet to what is paid, for the so-manieth payment of the term. Empty: no base at all."""
    for place in share.plus:
        if fields[place]:
            break
    else:
        return []
    steps: Steps = []
    total = 0
    for place, sign, code, text in share.steps:
        given = fields[place]
        if given:
            total += sign * given
            steps.append((code, text, total * RATES))
    if total < 0:
        total = 0
        steps.append((f"{share.code}.none_left", f"{name}：不足零的按零计", 0))
    base = total * RATE
    if share.narrows:
        base = _counted(share, name, base, fields, steps)
    if share.rates_bp:
        if number <= len(share.rates_bp):
            rate_bp, text = share.rates_bp[number - 1], share.rate_texts[number - 1]
        else:
            rate_bp = share.rates_bp[-1]
            text = _rate_text(name, number, rate_bp)
        steps.append((share.rate_code, text, base * rate_bp))
    else:
        _band_steps(share, base, steps)
    if 0 < steps[-1][2] < share.minimum:
        steps.append((f"{share.code}.minimum", share.minimum_text, share.minimum))
    return steps


def _counted(share: ReadyShare, name: str, base: int, fields: Sequence[int], steps: Steps) -> int:
    """The base, in base parts, after the clamps and the scheme's own deductible."""
    for clamp in share.clamps:
        limit = value(clamp.of, fields) * clamp.rate_bp
        if limit < base:
            base = limit
            steps.append((clamp.code, clamp.text, base * RATE))
    if share.deductible:
        base = max(base - share.deductible, 0)
        steps.append((f"{share.code}.deductible", f"{name}：减去本计划的起付额", base * RATE))
    if share.threshold and base <= share.threshold:
        base = 0
        steps.append((f"{share.code}.threshold", f"{name}：没有超过本计划的起付额", 0))
    return base


def _band_steps(share: ReadyShare, base: int, steps: Steps) -> None:
    if share.mode == "marginal":
        _marginal_steps(share, base, steps)
        return
    for number, row in enumerate(share.rows, 1):
        if row.up_to is None or base < row.up_to or (base == row.up_to and share.inclusive):
            within = base > row.above or (base == row.above and not share.inclusive)
            pays = row.amount or base * (WHOLE_BP - row.keeps_bp)
            steps.append((f"{share.code}.band_{number}", row.text, pays if within and base > 0 else 0))
            return


def _marginal_steps(share: ReadyShare, base: int, steps: Steps) -> None:
    """What each band leaves to the worker comes off."""
    rows, rest = share.rows, base * RATE
    below, top = rows[0].above, rows[-1].up_to
    if below:
        rest -= min(base, below) * RATE
        steps.append((f"{share.code}.below_bands", share.outside_texts[0], rest))
    for number, row in enumerate(rows, 1):
        part = (base if row.up_to is None else min(base, row.up_to)) - row.above
        if part > 0:
            rest -= part * row.keeps_bp
            steps.append((f"{share.code}.band_{number}", row.text, rest))
    if top is not None and base > top:
        rest -= (base - top) * RATE
        steps.append((f"{share.code}.above_bands", share.outside_texts[1], rest))


def daily_steps(benefit: Daily, facts: Facts, fen: Exact) -> Steps:
    """The days that are paid at the daily rate. Empty: none. `fen`: exact parts in a fen."""
    stayed = days_in_hospital(facts, benefit.counting == "both_ends")
    days = stayed - benefit.free_days
    if benefit.max_days_per_stay is not None:
        days = min(days, benefit.max_days_per_stay)
    if days <= 0:
        return []
    free = f"，前{benefit.free_days}天不给付" if benefit.free_days else ""
    most = f"，每次最多{benefit.max_days_per_stay}天" if benefit.max_days_per_stay else ""
    text = f"{benefit.name}：住院{stayed}天{free}{most}，{days}天每天{yuan(benefit.amount_fen)}"
    return [(f"{benefit.line}.days", text, days * benefit.amount_fen * fen)]
