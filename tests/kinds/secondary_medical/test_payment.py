"""All lines of a claim together, in the very parts of a fen that they are counted in: what no rounding may hide."""

from dataclasses import replace
from datetime import date

import pytest

from app.kinds.secondary_medical.benefits import ExclusiveGroup, LumpSum, Share, Stacking, TotalCaps
from app.kinds.secondary_medical.payment import fields_of, made_ready, pays
from app.kinds.secondary_medical.shares import RATES
from tests.kinds.secondary_medical.reading import ORDINARY, paid, sheet

NOTHING_ELSE = {"source": "样例"}


def lump(line: str, fen: int, **limits: int) -> LumpSum:
    given = {"kind": "lump_sum", "line": line, "name": line.upper(), "amount_fen": fen, "limits": limits}
    return LumpSum.model_validate(given | NOTHING_ELSE)


def share(line: str, plus: str, minus: str = "maf_pay", rate_bp: int = 5_000) -> Share:
    base = {"name": line.upper(), "plus": (plus,), "minus": (minus,)}
    given = {"kind": "share", "line": line, "name": line.upper(), "base": base, "rates_bp": (rate_bp,)}
    return Share.model_validate(given | NOTHING_ELSE)


def group(*lines: str, counts: str = "best", over: str = "claim") -> ExclusiveGroup:
    return ExclusiveGroup.model_validate({"lines": lines, "counts": counts, "over": over} | NOTHING_ELSE)


NO_BASE = share("none", "overlmt_selfpay")
BILL = sheet(pool=2_000_000, self_pay=300_000)


def told(*benefits, facts=ORDINARY, of_parts=True, rate_bp=None, **stacking):
    """The steps of the trace. `of_parts`: the least part that is counted is taken for a fen."""
    ready = made_ready(benefits, Stacking(**{"round_at": "claim"} | stacking), rate_bp)
    payment = pays(
        ready._replace(fen=1) if of_parts else ready, facts, 2022, facts.paid_before, (True,) * len(benefits)
    )
    assert sum(step.amount_fen for step in payment.trace) == payment.amount_fen
    return [(step.step, step.amount_fen) for step in payment.trace]


# ---- made ready ----


@pytest.mark.parametrize(
    ("rate_bp", "above", "parts"), [(None, 0, 1), (9_000, 1, 9), (8_000, 1, 4), (3_000, 7, 3), (10_000, 0, 1)]
)
def test_a_fen_is_counted_in_as_many_parts_as_the_share_above_the_ceiling_needs(rate_bp, above, parts):
    ready = made_ready((), Stacking(round_at="claim"), rate_bp)

    assert (ready.above, ready.parts, ready.fen) == (above, parts, parts * RATES)


@pytest.mark.parametrize(
    ("supplement", "above", "counted"),
    [(0, 500, 0), (90, 0, 0), (90, 9, 81), (90, 10, 90), (90, 11, 90)],
)
def test_the_fields_of_a_sheet_are_in_those_parts_and_what_is_not_given_is_none(supplement, above, counted):
    facts = replace(ORDINARY, settlement=sheet(pool=7, deductible=5, large=supplement, self_above=above))
    bill = facts.settlement
    ready = made_ready((), Stacking(round_at="claim"), 9_000)

    assert fields_of(ready, facts) == (
        *[
            fen * 9
            for fen in (
                bill.medfee_sumamt_fen, 0, 0, 0, bill.inscp_scp_amt_fen, 5, 7, supplement, 0, 0, 0, above + 5,
            )
        ],
        counted,
        0,
    )  # fmt: skip
    assert fields_of(ready, replace(facts, receipts_fen=3))[-1] == 27


def test_without_a_rate_of_the_supplement_nothing_is_known_above_the_ceiling():
    facts = replace(ORDINARY, settlement=sheet(pool=7, large=90, self_above=10))

    assert fields_of(made_ready((), Stacking(round_at="claim"), None), facts)[-2:] == (0, 0)


# ---- lines that pay nothing ----

USED_UP = replace(ORDINARY, paid_before=(paid("a", 1),))


def test_a_line_without_a_base_leaves_no_trace():
    assert told(NO_BASE, lump("b", 3)) == [("b.sum", 3)]


def test_a_line_that_is_used_up_counts_for_nothing_and_says_so():
    assert told(lump("a", 5, max_payments_per_term=1), lump("b", 3), facts=USED_UP) == [("a.used_up", 0), ("b.sum", 3)]


@pytest.mark.parametrize(("limit", "used"), [("per_term_fen", 5), ("per_year_fen", 5)])
def test_a_cap_that_is_just_used_up_is_used_up_and_no_cap_any_more(limit, used):
    lines = (lump("a", 5, **{limit: 5}), lump("b", 3))
    before = replace(ORDINARY, paid_before=(paid("a", used),))
    one_less = replace(ORDINARY, paid_before=(paid("a", used - 1),))

    assert told(*lines, facts=before) == [("a.used_up", 0), ("b.sum", 3)]
    assert told(*lines, facts=one_less) == [("a.sum", 5), (f"a.cap_{limit[4:8]}", -4), ("b.sum", 3)]


def test_what_another_line_of_the_group_was_paid_in_the_term_excludes_it_and_counts_for_nothing():
    lines = (lump("b", 5), lump("a", 4), lump("c", 3))

    assert told(*lines, facts=USED_UP, exclusive=(group("a", "b", over="term"),)) == [
        ("b.exclusive", 0), ("a.sum", 4), ("c.sum", 3),
    ]  # fmt: skip


# ---- groups ----


@pytest.mark.parametrize("counts", ["best", "first"])
def test_a_line_that_pays_nothing_leaves_its_group_to_the_other_and_is_not_told(counts):
    lines = (NO_BASE, lump("b", 3))

    assert told(*lines, exclusive=(group("none", "b", counts=counts),)) == [("b.sum", 3)]


@pytest.mark.parametrize("counts", ["best", "first"])
def test_a_line_that_is_used_up_leaves_its_group_to_the_other(counts):
    lines = (lump("a", 5, max_payments_per_term=1), lump("b", 3))

    assert told(*lines, facts=USED_UP, exclusive=(group("a", "b", counts=counts),)) == [("a.used_up", 0), ("b.sum", 3)]


def test_even_the_least_amounts_exclude_each_other():
    assert told(lump("a", 1), lump("b", 1), lump("c", 1), exclusive=(group("a", "b"),)) == [
        ("a.sum", 1), ("b.exclusive", 0), ("c.sum", 1),
    ]  # fmt: skip


def test_each_group_pays_one_of_its_own():
    lines = (lump("a", 2), lump("b", 1), lump("c", 1), lump("d", 2), lump("e", 1))

    assert told(*lines, exclusive=(group("a", "b"), group("c", "d"))) == [
        ("a.sum", 2), ("b.exclusive", 0), ("c.exclusive", 0), ("d.sum", 2), ("e.sum", 1),
    ]  # fmt: skip


# ---- the whole ----


@pytest.mark.parametrize(
    ("cap", "cut"),
    [
        (9, []),
        (8, []),
        (7, [("b.total_cap_claim", -1)]),
        (5, [("b.total_cap_claim", -3)]),
        (4, [("b.total_cap_claim", -3), ("a.total_cap_claim", -1)]),
        (1, [("b.total_cap_claim", -3), ("a.total_cap_claim", -4)]),
    ],
)
def test_what_is_above_a_cap_on_the_whole_comes_off_to_the_least_part_the_last_line_first(cap, cut):
    caps = TotalCaps(per_claim_fen=cap, source="样例")

    assert told(lump("a", 5), lump("b", 3), total_caps=caps) == [("a.sum", 5), ("b.sum", 3), *cut]


def test_each_line_is_rounded_by_itself_where_the_scheme_says_so():
    facts = replace(ORDINARY, settlement=replace(BILL, preselfpay_amt_fen=4, cvlserv_pay_fen=1))
    lines = (share("a", "preselfpay_amt", "cvlserv_pay"), share("b", "preselfpay_amt", "cvlserv_pay"))

    assert told(*lines, facts=facts, of_parts=False, round_at="line")[-1] == ("b.rate", -1)
    assert sum(fen for _, fen in told(*lines, facts=facts, of_parts=False, round_at="line")) == 4
    assert sum(fen for _, fen in told(*lines, facts=facts, of_parts=False)) == 3


def test_on_the_way_a_half_below_zero_is_rounded_away_from_it():
    bill = replace(BILL, preselfpay_amt_fen=1, cvlserv_pay_fen=1, hifp_pay_fen=100)
    facts = replace(ORDINARY, settlement=bill)

    # 0.50, then 1.50, then −98.50, then 0.50 again.
    assert told(share("a", "preselfpay_amt"), share("b", "cvlserv_pay", "hifp_pay"), facts=facts, of_parts=False) == [
        ("a.preselfpay_amt", 1), ("b.cvlserv_pay", 1), ("b.hifp_pay", -101), ("b.none_left", 100),
    ]  # fmt: skip


def test_what_was_paid_in_another_year_counts_in_the_term_and_not_in_the_year():
    last_year = replace(ORDINARY, paid_before=(paid("a", 5, date(2021, 12, 31)),))

    assert told(lump("a", 5, per_year_fen=5), facts=last_year) == [("a.sum", 5)]
    assert told(lump("a", 5, per_term_fen=5), facts=last_year) == [("a.used_up", 0)]
