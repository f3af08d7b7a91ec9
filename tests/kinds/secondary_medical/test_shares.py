"""One line before its limits, in the very parts of a fen that it is counted in: what no rounding may hide."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.kinds.secondary_medical.benefits import FIELDS, Daily, Share
from app.kinds.secondary_medical.shares import (
    RATE,
    RATES,
    ReadyExpression,
    daily_steps,
    ready_share,
    share_steps,
    value,
)
from tests.kinds.secondary_medical.reading import ORDINARY

SELF_PAY = {"name": "自付", "plus": ("preselfpay_amt",), "minus": ("cvlserv_pay",)}
LINE = {"kind": "share", "line": "self_pay", "name": "住院自付", "source": "样例第1条", "base": SELF_PAY}
OF_THE_POOL = {"of": {"name": "统筹支付", "plus": ("hifp_pay",)}, "rate_bp": 1, "source": "样例第2条"}
"""A ten-thousandth: with so many fen paid by the pool, so many parts are counted."""


def share(**parts: Any) -> Share:
    return Share.model_validate(LINE | ({} if "bands" in parts else {"rates_bp": (7_000,)}) | parts)


def banded(mode: str, *rows: tuple[int, int | None, int], upper_bound: str = "inclusive") -> dict[str, Any]:
    name = "amount_fen" if mode == "flat" else "rate_bp"
    bands = tuple({"above_fen": above, "up_to_fen": up_to, name: worth} for above, up_to, worth in rows)
    return {"mode": mode, "upper_bound": upper_bound, "rows": bands, "source": "样例第3条"}


def steps(line: Share, *, fen: int = RATE, number: int = 1, **given: int) -> list[tuple[str, str, int]]:
    """From the fields that are given. `fen`: base parts in a fen; one of them is the least that can be told apart."""
    fields = tuple(given.get(name, 0) for name in FIELDS)
    return share_steps(ready_share(line, fen), line.name, fields, number)


def ends(line: Share, **given: int) -> list[tuple[str, int]]:
    return [(code.partition(".")[2], exact) for code, _, exact in steps(line, **given)]


TAKEN = ("preselfpay_amt", 100 * RATES)


@pytest.mark.parametrize(("one", "other", "left"), [(5, 3, 2), (1, 0, 1), (3, 3, 0), (3, 5, 0)])
def test_a_sum_of_fields_is_never_below_zero(one, other, left):
    assert value(ReadyExpression((0,), (1,)), (one, other)) == left


def test_a_share_is_told_from_the_fields_to_the_rate_in_words():
    assert steps(share(), preselfpay_amt=100, cvlserv_pay=30) == [
        ("self_pay.preselfpay_amt", "住院自付：先行自付", 100 * RATES),
        ("self_pay.cvlserv_pay", "住院自付：减去公务员补助", 70 * RATES),
        ("self_pay.rate", "住院自付：本保障期第1次给付，按70%", 49 * RATES),
    ]


def test_without_a_base_there_is_nothing_to_tell_and_what_others_bore_is_no_base():
    assert steps(share(), cvlserv_pay=30) == []


@pytest.mark.parametrize(("others", "told"), [(99, []), (100, []), (101, [("none_left", 0)])])
def test_a_base_below_zero_counts_as_none_and_one_of_zero_is_none_already(others, told):
    left = (100 - others) * RATES

    assert ends(share(), preselfpay_amt=100, cvlserv_pay=others) == [
        TAKEN, ("cvlserv_pay", left), *told, ("rate", max(left, 0) * 7_000 // RATE),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, ("住院自付：本保障期第1次给付，按80%", 80 * RATES)),
        (2, ("住院自付：本保障期第2次给付，按50%", 50 * RATES)),
        (3, ("住院自付：本保障期第3次给付，按50%", 50 * RATES)),
    ],
)
def test_each_payment_has_its_rate_and_the_last_rate_stays(number, told):
    line = share(rates_bp=(8_000, 5_000))

    assert steps(line, number=number, preselfpay_amt=100)[-1][1:] == told


@pytest.mark.parametrize(("pool", "told"), [(999_999, [("clamp_1", 999_999 * RATE)]), (1_000_000, []), (1_000_001, [])])
def test_a_clamp_is_a_step_only_where_it_takes_something_off(pool, told):
    line = share(clamps=(OF_THE_POOL,))

    assert ends(line, preselfpay_amt=100, hifp_pay=pool)[1:-1] == told


def test_a_clamp_says_of_what_and_what_part():
    whole = OF_THE_POOL | {"rate_bp": 10_000}
    line = share(clamps=(whole, OF_THE_POOL))

    assert [text for _, text, _ in steps(line, preselfpay_amt=100, hifp_pay=9)][1:3] == [
        "住院自付：计入的不超过统筹支付",
        "住院自付：计入的不超过统筹支付的0.01%",
    ]


def deductible(mode: str, amount_fen: int = 5) -> dict[str, Any]:
    return {"deductible": {"amount_fen": amount_fen, "mode": mode, "source": "样例第4条"}, "clamps": (OF_THE_POOL,)}


@pytest.mark.parametrize(("parts", "left"), [(4, 0), (5, 0), (6, 1)])
def test_the_schemes_own_deductible_comes_off_to_the_smallest_part(parts, left):
    told = steps(share(**deductible("subtract")), fen=1, preselfpay_amt=100, hifp_pay=parts)

    assert told[2:] == [
        ("self_pay.deductible", "住院自付：减去本计划的起付额", left * RATE),
        ("self_pay.rate", "住院自付：本保障期第1次给付，按70%", left * 7_000),
    ]


@pytest.mark.parametrize(("parts", "counted"), [(4, False), (5, False), (6, True)])
def test_above_the_threshold_everything_counts_and_up_to_it_nothing(parts, counted):
    told = steps(share(**deductible("threshold")), fen=1, preselfpay_amt=100, hifp_pay=parts)

    said = [] if counted else [("self_pay.threshold", "住院自付：没有超过本计划的起付额", 0)]
    assert told[2:] == [*said, ("self_pay.rate", "住院自付：本保障期第1次给付，按70%", parts * 7_000 * counted)]


def test_a_share_without_a_deductible_takes_none_off():
    ready = ready_share(share(), RATE)

    assert (ready.deductible, ready.threshold, ready.narrows) == (0, 0, False)
    assert (ready.rows, ready.outside_texts, ready.mode, ready.minimum) == ((), ("", ""), "", 0)


@pytest.mark.parametrize(("mode", "kept"), [("subtract", (5 * RATE, 0)), ("threshold", (0, 5 * RATE))])
def test_a_deductible_is_one_or_the_other(mode, kept):
    ready = ready_share(share(**deductible(mode)), RATE)

    assert (ready.deductible, ready.threshold) == kept


@pytest.mark.parametrize(("base", "raised"), [(0, 0), (1, 500), (499, 500), (500, 500), (501, 501)])
def test_what_comes_to_less_than_the_minimum_is_raised_to_it(base, raised):
    line = share(rates_bp=(10_000,), minimum_fen=500)
    told = steps(line, preselfpay_amt=1_000, cvlserv_pay=1_000 - base)

    assert told[-1][2] == raised * RATES
    assert (told[-1][1] == "住院自付：不足5.00元的，按5.00元给付") is (0 < base < 500)


def test_the_least_part_of_a_fen_is_raised_to_the_minimum():
    line = share(rates_bp=(1,), clamps=(OF_THE_POOL,), minimum_fen=500)

    assert [steps(line, fen=1, preselfpay_amt=100, hifp_pay=parts)[-1][2] for parts in (0, 1)] == [0, 500 * RATE]
    assert ready_share(share(), RATE).minimum_text == "住院自付：不足0.00元的，按0.00元给付"


# ---- bands: 2 to 5, 5 to 9 ----

MARGINAL = banded("marginal", (2, 5, 5_000), (5, 9, 9_000))


def band(bands: dict[str, Any], parts: int) -> list[tuple[str, str, int]]:
    """The steps of the bands on a base of so many parts, a part being a fen."""
    line = share(bands=bands, clamps=(OF_THE_POOL,))
    return steps(line, fen=1, preselfpay_amt=100, hifp_pay=parts)[2:]


BELOW, FIRST = "住院自付：0.02元以下的部分不给付", "住院自付：0.02元至0.05元的部分给付50%"
SECOND, ABOVE = "住院自付：0.05元至0.09元的部分给付90%", "住院自付：超过0.09元的部分不给付"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (1, [(BELOW, 0)]),
        (2, [(BELOW, 0)]),
        (3, [(BELOW, 1 * RATE), (FIRST, 5_000)]),
        (5, [(BELOW, 3 * RATE), (FIRST, 15_000)]),
        (6, [(BELOW, 4 * RATE), (FIRST, 25_000), (SECOND, 24_000)]),
        (9, [(BELOW, 7 * RATE), (FIRST, 55_000), (SECOND, 51_000)]),
        (10, [(BELOW, 8 * RATE), (FIRST, 65_000), (SECOND, 61_000), (ABOVE, 51_000)]),
    ],
)
def test_marginal_bands_take_off_what_each_leaves_to_the_worker(parts, told):
    assert [(text, exact) for _, text, exact in band(MARGINAL, parts)] == told


def test_marginal_bands_are_numbered_and_those_from_zero_without_end_leave_nothing_outside():
    open_ended = banded("marginal", (0, 5, 5_000), (5, None, 9_000))

    assert [code for code, _, _ in band(MARGINAL, 10)] == [
        "self_pay.below_bands", "self_pay.band_1", "self_pay.band_2", "self_pay.above_bands",
    ]  # fmt: skip
    assert band(open_ended, 7) == [
        ("self_pay.band_1", "住院自付：0.00元至0.05元的部分给付50%", 45_000),
        ("self_pay.band_2", "住院自付：0.05元以上的部分给付90%", 43_000),
    ]


@pytest.mark.parametrize(("upper_bound", "number"), [("inclusive", [1, 1, 1, 2, 2]), ("exclusive", [1, 1, 2, 2, 2])])
def test_the_band_of_the_whole_base_is_the_one_that_holds_it(upper_bound, number):
    bands = banded("whole", (2, 5, 5_000), (5, None, 9_000), upper_bound=upper_bound)
    told = [band(bands, parts) for parts in (1, 4, 5, 6, 7)]

    assert [[code for code, _, _ in each] for each in told] == [[f"self_pay.band_{each}"] for each in number]
    assert [exact for [(_, _, exact)] in told] == [
        0, 4 * 5_000, 5 * (5_000 if upper_bound == "inclusive" else 9_000), 6 * 9_000, 7 * 9_000,
    ]  # fmt: skip
    assert [told[1][0][1], told[4][0][1]] == [
        "住院自付：基数在0.02元至0.05元，给付50%",
        "住院自付：基数在0.05元以上，给付90%",
    ]


@pytest.mark.parametrize(("upper_bound", "at_the_lowest"), [("inclusive", 0), ("exclusive", 2)])
def test_the_lowest_bound_belongs_to_the_band_where_the_upper_ones_do_not(upper_bound, at_the_lowest):
    bands = banded("whole", (2, None, 10_000), upper_bound=upper_bound)

    assert [exact for _, _, exact in band(bands, 2)] == [at_the_lowest * RATE]


@pytest.mark.parametrize(("parts", "fen"), [(0, 0), (1, 3), (2, 3), (3, 8)])
def test_a_flat_band_pays_its_sum_to_whoever_has_any_base(parts, fen):
    bands = banded("flat", (0, 2, 3), (2, None, 8))
    told = band(bands, parts)

    assert [exact for _, _, exact in told] == [fen * RATE]
    assert told[0][1] == (
        "住院自付：基数在0.02元以上，定额给付0.08元" if parts > 2 else "住院自付：基数在0.00元至0.02元，定额给付0.03元"
    )


def test_no_base_is_in_no_band_even_where_the_lowest_bound_counts():
    flat = banded("flat", (0, None, 3), upper_bound="exclusive")

    assert [exact for _, _, exact in band(flat, 0)] == [0]
    assert [exact for _, _, exact in band(flat, 1)] == [3 * RATE]


def test_a_flat_band_is_made_ready_with_its_sum_and_no_rate_and_the_others_with_a_rate_and_no_sum():
    (flat,) = ready_share(share(bands=banded("flat", (0, None, 3))), RATE).rows
    (whole,) = ready_share(share(bands=banded("whole", (0, None, 9_000))), RATE).rows

    assert (flat.above, flat.up_to, flat.keeps_bp, flat.amount) == (0, None, 10_000, 3 * RATES)
    assert (whole.above, whole.up_to, whole.keeps_bp, whole.amount) == (0, None, 1_000, 0)


def test_bands_without_end_have_no_word_for_what_is_above_them():
    ready = ready_share(share(bands=banded("marginal", (2, None, 9_000))), RATE)

    assert ready.outside_texts == (BELOW, "")


# ---- days ----

DAILY = {"kind": "daily", "line": "daily", "name": "住院津贴", "source": "样例第5条", "amount_fen": 4_000}


@pytest.mark.parametrize(
    ("parts", "stayed", "text"),
    [
        ({"counting": "one_end"}, 9, "住院津贴：住院9天，9天每天40.00元"),
        ({"counting": "both_ends"}, 9, "住院津贴：住院10天，10天每天40.00元"),
        ({"counting": "one_end", "free_days": 3}, 4, "住院津贴：住院4天，前3天不给付，1天每天40.00元"),
        (
            {"counting": "one_end", "free_days": 3, "max_days_per_stay": 5},
            9,
            "住院津贴：住院9天，前3天不给付，每次最多5天，5天每天40.00元",
        ),
    ],
)
def test_days_are_told_with_what_is_free_and_the_most_that_are_paid(parts, stayed, text):
    facts = replace(ORDINARY, discharged_on=date(2022, 6, 1 + stayed))
    days = int(text.rsplit("，", 1)[1].split("天")[0])

    assert daily_steps(Daily.model_validate(DAILY | parts), facts, 7) == [("daily.days", text, days * 4_000 * 7)]


@pytest.mark.parametrize(("stayed", "days"), [(2, 0), (3, 0), (4, 1)])
def test_no_more_days_than_are_free_are_no_step(stayed, days):
    facts = replace(ORDINARY, discharged_on=date(2022, 6, 1 + stayed))
    told = daily_steps(Daily.model_validate(DAILY | {"counting": "one_end", "free_days": 3}), facts, 1)

    assert [exact for _, _, exact in told] == [4_000] * days
