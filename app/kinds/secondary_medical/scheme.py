"""The scheme of secondary medical insurance (住院二次医保) as data, and its arithmetic. Pure; amounts in fen.

What is shared (`bases`) and what each line pays of it (`payables`) are exact fractions; rounding is the caller's, once.
The formula is stated at the head of policy.yaml.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.kernel.money import WHOLE_BP, Fen
from app.policy.fields import Frozen
from app.policy.versions import Version

Treatment = Literal["inpatient", "outpatient_special"]
Cause = Literal["illness", "accident"]
LineName = Literal["in_pool", "above_pool", "self_funded", "outpatient_special"]
RateBp = Annotated[int, Field(gt=0, le=WHOLE_BP)]


class Line(Frozen):
    """What one line pays. `rates_bp` by the number of the payment in the term, the last for all that follow."""

    line: LineName
    rates_bp: Annotated[tuple[RateBp, ...], Field(min_length=1)]
    max_payments: Annotated[int, Field(ge=1)] | None
    clamp_bp_of_pool: RateBp | None
    cap_per_term_fen: Annotated[int, Field(gt=0)] | None


class WaitingDays(Frozen):
    """Days from the start of a first cover in which a stay is not payable; a renewal waits for none."""

    illness: Annotated[int, Field(ge=0)]
    accident: Annotated[int, Field(ge=0)]


class Policy(Version):
    large_amount_rate_bp: RateBp
    """What the large-amount supplement (大额补助) pays of costs above the pool's ceiling."""
    waiting_days: WaitingDays
    claim_months: Annotated[int, Field(ge=1, le=60)]
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def a_line_stands_once(self) -> Self:
        if len({each.line for each in self.lines}) < len(self.lines):
            raise ValueError("a line occurs twice")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The settlement sheet (医保结算单), by the national sheet's names; `settled_on` is its business date."""

    settled_on: date
    medfee_sumamt_fen: Fen
    fulamt_ownpay_amt_fen: Fen
    overlmt_selfpay_fen: Fen
    preselfpay_amt_fen: Fen
    inscp_scp_amt_fen: Fen
    act_pay_dedc_fen: Fen
    hifp_pay_fen: Fen
    hifob_pay_fen: Fen
    cvlserv_pay_fen: Fen
    maf_pay_fen: Fen
    acct_pay_fen: Fen
    psn_cash_pay_fen: Fen

    @property
    def borne_fen(self) -> Fen:
        """What the worker bore: cash, and the personal account, which is the worker's own money."""
        return self.acct_pay_fen + self.psn_cash_pay_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One line of one earlier claim in the same term, approved and not yet paid included."""

    line: LineName
    amount_fen: Fen


@dataclass(frozen=True, slots=True)
class Payable:
    """One line of this claim: what it starts from, and the exact amount; `spent`: its payments or cap are used up."""

    line: Line
    base: Fraction
    counted: Fraction
    rate_bp: int
    amount: Fraction
    spent: bool


def bases(sheet: Settlement, treatment: Treatment, policy: Policy) -> Mapping[LineName, Fraction]:
    """The worker's own shares, exact. Above the ceiling the sheet says only what the supplement paid, hence the rate.

    For a sheet that adds up: the deductible, the pool and the supplement come to no more than what is in scope.
    """
    rest = Fraction(sheet.inscp_scp_amt_fen - sheet.act_pay_dedc_fen - sheet.hifp_pay_fen - sheet.hifob_pay_fen)
    rate = Fraction(policy.large_amount_rate_bp, WHOLE_BP)
    above = min(rest, sheet.hifob_pay_fen * (1 - rate) / rate)
    within = rest - above - sheet.cvlserv_pay_fen - sheet.maf_pay_fen
    if treatment == "outpatient_special":
        return {"outpatient_special": max(within, Fraction())}
    return {
        "in_pool": max(within, Fraction()),
        # Other payers bear the share within the pool first; only what they bore beyond it comes off here.
        "above_pool": max(above + min(within, Fraction()), Fraction()),
        "self_funded": Fraction(sheet.fulamt_ownpay_amt_fen),
    }


def payables(
    sheet: Settlement, treatment: Treatment, policy: Policy, paid_in_term: Iterable[Paid]
) -> Iterable[Payable]:
    """What each line of the policy that applies to this treatment pays, in the policy's order."""
    found, paid = bases(sheet, treatment, policy), tuple(paid_in_term)
    for line in policy.lines:
        if line.line in found:
            base = found[line.line]
            yield _payable(line, base, _counted(base, line, sheet), paid)


def _counted(base: Fraction, line: Line, sheet: Settlement) -> Fraction:
    if line.clamp_bp_of_pool is None:
        return base
    return min(base, Fraction(sheet.hifp_pay_fen * line.clamp_bp_of_pool, WHOLE_BP))


def _payable(line: Line, base: Fraction, counted: Fraction, paid_in_term: Iterable[Paid]) -> Payable:
    paid = [each.amount_fen for each in paid_in_term if each.line == line.line]
    rate_bp = line.rates_bp[min(len(paid), len(line.rates_bp) - 1)]
    due = counted * rate_bp / WHOLE_BP
    room = due if line.cap_per_term_fen is None else Fraction(max(line.cap_per_term_fen - sum(paid), 0))
    spent = (room == 0 and due > 0) or (line.max_payments is not None and len(paid) >= line.max_payments)
    amount = Fraction() if spent else min(due, room)
    return Payable(line, base, counted, rate_bp, amount, spent)
