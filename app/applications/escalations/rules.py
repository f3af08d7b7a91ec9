"""Who is told of a case that nobody has dealt with in time. Pure."""

from collections.abc import Collection
from typing import Final

from app.applications.path import State
from app.kernel.actor import Tier

_UPWARDS: Final = (Tier.UNIT, Tier.STREET, Tier.DISTRICT, Tier.CITY)
TOLD: Final = (Tier.DISTRICT, Tier.CITY)
"""The levels that are told: streets take no step on an application."""
ACTS: Final = {
    State.SUBMITTED: Tier.UNIT,
    State.UNIT_REVIEW: Tier.UNIT,
    State.DISTRICT_REVIEW: Tier.DISTRICT,
    State.CITY_APPROVAL: Tier.CITY,
    State.MEETING: Tier.CITY,
    State.APPROVED: Tier.CITY,
    State.PAYING: Tier.CITY,
    State.PAYMENT_FAILED: Tier.CITY,
}
"""On which level a case waits for somebody in each state. An appeal has a list of its own of those that are late; what
waits for money has its list, and no step on the case itself would help it."""


def level_told(state: State, present: Collection[Tier]) -> Tier:
    """The next level above the one that should act; the city itself where there is none above it.

    `present`: the levels on which the case has an organisation. A case without a unit waits on the next level that it
    has.
    """
    upwards = [tier for tier in _UPWARDS if tier in present or tier is Tier.CITY]
    acts = next(tier for tier in upwards if _UPWARDS.index(tier) >= _UPWARDS.index(ACTS[state]))
    above = upwards[upwards.index(acts) + 1 :]
    return next((tier for tier in above if tier in TOLD), Tier.CITY)
