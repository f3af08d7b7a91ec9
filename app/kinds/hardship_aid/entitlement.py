"""The most that a household could ask for of hardship aid (困难帮扶): what screening and rehearsal put to the rules.

Pure. No earlier aid of the year is known of: an application shows what is left.
"""

from datetime import date
from typing import NamedTuple

from app.households.facts import HouseholdFacts
from app.kernel.money import MAX_FEN, Fen
from app.kinds.hardship_aid.facts import Facts
from app.kinds.hardship_aid.policy import Item, Policy


class Cost(NamedTuple):
    """What a bill left to the household, and the day it is counted from."""

    amount_fen: Fen
    on: date


def questions(
    household: HouseholdFacts, policy: Policy, on: date, medical: Cost | None = None, accident: Cost | None = None
) -> tuple[Facts, ...]:
    """One application of each item that the policy gives: what an item pays for costs only where there are any."""
    costs: dict[Item, Cost | None] = {"medical": medical, "accident": accident}
    return tuple(
        Facts(
            applied_on=on,
            household=household,
            item=item,
            requested_fen=MAX_FEN,
            granted_this_year=(),
            temporary_granted_this_year_fen=0,
            medical_self_paid_fen=medical.amount_fen if item == "medical" and medical else None,
            medical_mutual_aid_paid_fen=0 if item == "medical" else None,
            medical_settled_on=medical.on if item == "medical" and medical else None,
            mutual_aid_found_fen=0 if item == "medical" else None,
            accident_caused_fen=accident.amount_fen if item == "accident" and accident else None,
            accident_happened_on=accident.on if item == "accident" and accident else None,
        )
        for item in policy.offered()
        if item not in costs or costs[item]
    )
