"""What a case holds of the funds in each state, and whose money may help which archives. Pure."""

from collections.abc import Collection, Mapping
from typing import Final, Literal

from app.funds.policy import Source
from app.households.levels import MONEY, Money

MoneyClass = Literal["reserved", "committed", "spent"]
HOLDS: Final[Mapping[str, MoneyClass]] = {
    "public_notice": "reserved",
    "approved": "reserved",
    "payment_failed": "reserved",
    "paying": "committed",
    "paid": "spent",
}
"""By state; every other holds nothing. The database says the same (`money_class`)."""
WHOSE: Final[Mapping[Source, Money]] = {
    "central": "central",
    "provincial": "provincial",
    "match": "municipal",
    "union": "self_raised",
    "donation": "self_raised",
    "interest": "self_raised",
}
"""Whose money a source is, where it depends on the level of an archive whom it may help."""


def levels_of(source: Source, wanted: Collection[str] | None) -> list[str] | None:
    """Of which levels the archives have to be that a fund may help; `wanted`: as somebody narrows it further."""
    may: list[str] = [level for level, money in MONEY.items() if WHOSE[source] in money]
    if wanted is None:
        return None if len(may) == len(MONEY) else may
    return [level for level in may if level in wanted]


def gives_room_back(from_state: str, to_state: str) -> bool:
    """Whether a step lets go of what a case held."""
    return HOLDS.get(from_state) is not None and HOLDS.get(to_state) is None


def carries_into(fund_year: int, carry_over_years: int, year: int) -> bool:
    """Whether a fund of one year may be budgeted for another."""
    return fund_year <= year <= fund_year + carry_over_years
