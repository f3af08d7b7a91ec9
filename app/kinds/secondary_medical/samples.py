"""Stays and settlement sheets on which a benefit line surely pays. Pure.

They prove that a scheme pays at all when its document is read, and show how the facts of a refused claim would be if
there were something to pay.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from app.kernel.money import Fen
from app.kinds.secondary_medical.benefits import Benefit, Daily, Stacking
from app.kinds.secondary_medical.conditions import made_to_hold, stayed_at_least
from app.kinds.secondary_medical.facts import Facts, Settlement
from app.kinds.secondary_medical.payment import Ready, pays

_DAY: Final = date(2000, 1, 1)
_MILLION: Final[Fen] = 100_000_000
"""A million yuan: above every deductible and band that a union's scheme may have."""


class Sample(NamedTuple):
    """A sheet, and the days in hospital, on which a line pays."""

    settlement: Settlement
    days: int


def paying_sample(benefit: Benefit, stacking: Stacking, ready: Ready) -> Sample | None:
    """The first of some usual sheets on which this line, by itself, pays at least one fen."""
    days = benefit.free_days + 1 if isinstance(benefit, Daily) else 0
    alone = ready._replace(
        lines=tuple(line._replace(group=None) for line in ready.lines if line.benefit is benefit), groups=()
    )
    for sheet in _sheets():
        facts = stayed_at_least(made_to_hold(benefit.when, _facts(sheet)), days)
        if pays(alone, facts, _DAY.year, (), (True,)).amount_fen > 0:
            return Sample(sheet, days)
    return None


def _facts(sheet: Settlement) -> Facts:
    return Facts(
        applied_on=_DAY,
        cover=None,
        treatment="inpatient",
        cause="illness",
        admitted_on=_DAY,
        discharged_on=_DAY,
        ward=None,
        hospital_level=None,
        events=(),
        circumstances=(),
        settlement=sheet,
        receipts_fen=sheet.medfee_sumamt_fen,
        in_archive=None,
        settlement_claimed_before=False,
        paid_before=(),
    )


def _sheets() -> Iterator[Settlement]:
    """Sheets that add up: without and with what other payers bore, without and with a supplement."""
    for others in (0, 1):
        for supplement in (0, 4):
            for outside in (1, 3):
                yield _sheet(others * _MILLION, supplement * _MILLION, outside * _MILLION)


def _sheet(others: Fen, supplement: Fen, outside: Fen) -> Settlement:
    deductible, pool, borne_within = _MILLION, 8 * _MILLION, 5 * _MILLION
    scope = deductible + pool + supplement + borne_within
    total = scope + outside + 2 * _MILLION + 4 * _MILLION - outside
    borne = total - pool - supplement - 2 * others
    return Settlement(
        settled_on=_DAY,
        medfee_sumamt_fen=total,
        fulamt_ownpay_amt_fen=outside,
        overlmt_selfpay_fen=2 * _MILLION,
        preselfpay_amt_fen=4 * _MILLION - outside,
        inscp_scp_amt_fen=scope,
        act_pay_dedc_fen=deductible,
        hifp_pay_fen=pool,
        hifob_pay_fen=supplement,
        cvlserv_pay_fen=others,
        maf_pay_fen=others,
        acct_pay_fen=_MILLION,
        psn_cash_pay_fen=borne - _MILLION,
    )
