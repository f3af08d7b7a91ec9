"""Money in whole fen (1 yuan = 100 fen). No float ever touches it. Pure."""

from typing import Final, TypeAlias

Fen: TypeAlias = int
"""An amount in fen; negative only for corrections."""

MAX_FEN: Final[Fen] = 10**12
"""The largest amount any field takes: 10 billion yuan (一百亿元)."""

WHOLE_BP: Final = 10_000
"""100 % in basis points; 70 % is 7_000."""

_CENTS: Final = tuple(f".{rest:02d}元" for rest in range(100))


def yuan(fen: Fen) -> str:
    """An amount as people read it: 123456 → 1,234.56元, −5 → -0.05元."""
    return f"{fen // 100:,}{_CENTS[fen % 100]}" if fen >= 0 else f"-{yuan(-fen)}"


def half_up(numerator: int, denominator: int) -> int:
    """numerator ÷ denominator to the nearest integer, halves away from zero (四舍五入): 5/2 → 3, −5/2 → −3.

    Symmetric, so that reversing an amount reverses its share exactly. Raises ValueError unless denominator > 0.
    """
    if denominator <= 0:
        raise ValueError("denominator must be positive")
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def share(fen: Fen, rate_bp: int) -> Fen:
    """`rate_bp` basis points of an amount, rounded half up to whole fen: share(1_005, 5_000) → 503.

    The rate may exceed 10_000 (150 % of a line). Raises ValueError if it is negative.
    """
    if rate_bp < 0:
        raise ValueError("rate must not be negative")
    return half_up(fen * rate_bp, WHOLE_BP)
