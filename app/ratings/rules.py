"""What may be said of ratings: nothing of a group so small that it might name somebody. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

SATISFIED_FROM = 4
"""满意 (5) and 较满意 (4): satisfaction is their share of all valid answers."""


@dataclass(frozen=True, slots=True)
class Summary:
    count: int
    satisfied_bp: int
    """Basis points, rounded half up."""


def summary(scores: Sequence[int], at_least: int) -> Summary | None:
    """`scores`: how often 1, 2, … 5 was given. None for fewer ratings than `at_least`."""
    count = sum(scores)
    if count < at_least:
        return None
    satisfied = sum(scores[SATISFIED_FROM - 1 :])
    return Summary(count, (satisfied * 20_000 + count) // (2 * count))
