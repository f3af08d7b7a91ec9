"""What a reconciliation is over, and whether everything agrees. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

from app.kernel.business_time import SHANGHAI
from app.policy.replay import canonical

MOST_DAYS: Final = 366
"""A run is over a year at most."""
WAYS: Final = ("approved_fen", "paid_fen", "bank_fen", "ledger_fen")
"""What has to be one and the same, to the fen."""
Why = Literal["not_over", "not_reconciled", "uncovered_days", "unanswered", "breaks_open", "differs"]


def instants(days: tuple[date, date]) -> tuple[datetime, datetime]:
    """When the first of these business days begins, and when the last is over."""
    first, last = days
    begins = [datetime.combine(day, time(), SHANGHAI) for day in (first, last + timedelta(days=1))]
    return begins[0], begins[1]


def month_of(first: date) -> tuple[date, date]:
    """The first and the last day of the month that begins so."""
    after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first, after - timedelta(days=1)


def year_of(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


@dataclass(frozen=True, slots=True)
class Figures:
    """The three ways, and the ledger beside them."""

    lines: int
    unanswered: int
    """Sent, and no bank has said anything yet."""
    uncovered_days: int
    """Days of its accounts of which there is no statement."""
    sent_fen: int
    approved_fen: int
    """Of the applications whose lines these are, less what lines of other days paid of them."""
    paid_fen: int
    bank_fen: int
    """What went out less what came back, by the references of these lines."""
    ledger_fen: int

    @property
    def agree(self) -> bool:
        return len({getattr(self, way) for way in WAYS}) == 1


def figures_of(row: Mapping[str, Any]) -> Figures:
    return Figures(**{name: int(row[name]) for name in Figures.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Explained:
    """How many breaks people have explained, and by how much each way may therefore be away from what was paid."""

    count: int = 0
    approved_fen: int = 0
    bank_fen: int = 0
    ledger_fen: int = 0

    def covers(self, figures: Figures) -> bool:
        """Whether that is all by which the ways differ, to the fen."""
        return all(getattr(figures, way) - figures.paid_fen == getattr(self, way) for way in WAYS if way != "paid_fen")


@dataclass(frozen=True, slots=True)
class Parity:
    """Whether a month, a year or a batch may be closed or put away: only where nothing of `why` stands."""

    figures: Figures
    open: int
    explained: Explained
    why: tuple[Why, ...]


def weighed(figures: Figures, last: Figures | None, *, over: bool, open_breaks: int, explained: Explained) -> Parity:
    """`last`: what the last run of just this found. Differences may stand as far as a person has explained them, and no
    further."""
    stands: dict[Why, bool] = {
        "not_over": not over,
        "not_reconciled": last != figures,
        "uncovered_days": figures.uncovered_days > 0,
        "unanswered": figures.unanswered > 0,
        "breaks_open": open_breaks > 0,
        "differs": not explained.covers(figures),
    }
    return Parity(figures, open_breaks, explained, tuple(why for why, holds in stands.items() if holds))


def content_of(city_code: str, month: date, figures: Figures, explained: Explained) -> bytes:
    """What is kept of a month that is closed, in the one spelling that is hashed."""
    return canonical(
        {
            "organisation": city_code,
            "month": month.isoformat()[:7],
            "explained": explained.count,
            "explained_fen": {way: getattr(explained, way) for way in WAYS if way != "paid_fen"},
            "figures": {name: getattr(figures, name) for name in Figures.__dataclass_fields__},
        }
    )
