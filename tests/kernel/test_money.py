from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.money import MAX_FEN, WHOLE_BP, half_up, share, yuan

amounts = st.integers(-MAX_FEN, MAX_FEN)


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (123456, "1,234.56元"),
        (0, "0.00元"),
        (5, "0.05元"),
        (100, "1.00元"),
        (99_999, "999.99元"),
        (100_000, "1,000.00元"),
        (-5, "-0.05元"),
        (-123456, "-1,234.56元"),
        (MAX_FEN, "10,000,000,000.00元"),
    ],
)
def test_an_amount_is_written_in_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text


@given(st.integers(-(10**30), 10**30))
def test_no_fen_is_lost_in_writing(fen: int) -> None:
    assert int(yuan(fen).removesuffix("元").replace(",", "").replace(".", "")) == fen


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [
        (5, 2, 3),
        (-5, 2, -3),
        (4, 3, 1),
        (5, 3, 2),
        (-4, 3, -1),
        (0, 7, 0),
        (1, 2, 1),
        (-1, 2, -1),
        (49, 100, 0),
        (7, 1, 7),
    ],
)
def test_halves_go_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


@given(amounts, st.integers(1, 10**6))
def test_rounding_is_that_of_exact_decimals(numerator: int, denominator: int) -> None:
    # 2·denominator decides a tie exactly; a quotient of Decimals might have been rounded once before.
    doubled = Decimal(2 * numerator)
    assert abs(2 * denominator * half_up(numerator, denominator) - doubled) <= denominator
    if denominator in (10, 100, 1000):
        exact = (Decimal(numerator) / denominator).quantize(Decimal(1), ROUND_HALF_UP)
        assert half_up(numerator, denominator) == exact


@given(amounts, st.integers(1, 10**6))
def test_a_reversal_mirrors_its_amount(numerator: int, denominator: int) -> None:
    assert half_up(-numerator, denominator) == -half_up(numerator, denominator)


@pytest.mark.parametrize("denominator", [0, -1])
def test_a_denominator_must_be_positive(denominator: int) -> None:
    with pytest.raises(ValueError, match=r"^denominator must be positive$"):
        half_up(1, denominator)


@pytest.mark.parametrize(
    ("fen", "rate_bp", "part"),
    [
        (1_005, 5_000, 503),
        (1_004, 5_000, 502),
        (16_777_217, WHOLE_BP, 16_777_217),
        (123_456, 7_000, 86_419),
        (-123_456, 7_000, -86_419),
        (96_000, 15_000, 144_000),
        (100, 0, 0),
    ],
)
def test_a_share_is_rounded_to_whole_fen(fen: int, rate_bp: int, part: int) -> None:
    assert share(fen, rate_bp) == part


def test_a_rate_is_never_negative() -> None:
    with pytest.raises(ValueError, match=r"^rate must not be negative$"):
        share(100, -1)


@given(amounts, st.integers(0, WHOLE_BP))
def test_two_parts_of_a_whole_miss_it_by_one_fen_at_most(fen: int, rate_bp: int) -> None:
    assert abs(share(fen, rate_bp) + share(fen, WHOLE_BP - rate_bp) - fen) <= 1
