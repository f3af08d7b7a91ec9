"""What figures of money are made of. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.applications.path import Kind
from app.funds.policy import Source


@dataclass(frozen=True, slots=True)
class Spent:
    """A row of the fund table, or, without a source, all of it. Payments less what banks sent back was spent."""

    source: Source | None
    kind: Kind | None
    district: str | None
    paid_fen: int
    returned_fen: int
    times: int
    households: int

    @property
    def net_fen(self) -> int:
        return self.paid_fen - self.returned_fen


@dataclass(frozen=True, slots=True)
class Flow:
    """What a source, or all together, had, got, spent, and has."""

    source: Source | None
    opening_fen: int
    received_fen: int
    spent_fen: int

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.received_fen - self.spent_fen


@dataclass(frozen=True, slots=True)
class Figures:
    """The fund table. `flows`: none where a kind was asked for, since money comes in for no kind."""

    flows: Sequence[Flow]
    rows: Sequence[Spent]
    total: Spent
