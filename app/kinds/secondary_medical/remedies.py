"""How the facts of a refused claim would be if one rule were met. Pure.

Each takes any facts, so that they can be tried together (`app.policy.changes`); none undoes another.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeAlias

from app.kinds.secondary_medical.attribution import last_day_to_claim
from app.kinds.secondary_medical.conditions import holds, made_known, made_to_hold, stayed_at_least
from app.kinds.secondary_medical.facts import Cover, Facts, Joining
from app.kinds.secondary_medical.scheme import ClaimWindow, Policy

Apply: TypeAlias = Callable[[Facts], Facts]

_LONG = timedelta(days=10_000)
"""Longer than any stay and any waiting, so that a cover still holds when other remedies move the days of the stay."""


def dates_in_order(facts: Facts) -> Facts:
    admitted = min(facts.admitted_on, facts.applied_on)
    discharged = min(max(facts.discharged_on, admitted), facts.applied_on)
    settled = min(max(facts.settlement.settled_on, admitted), facts.applied_on)
    settlement = replace(facts.settlement, settled_on=settled)
    return replace(facts, admitted_on=admitted, discharged_on=discharged, settlement=settlement)


def not_claimed(facts: Facts) -> Facts:
    return replace(facts, settlement_claimed_before=False)


def claimed_in_time(window: ClaimWindow) -> Apply:
    """Claimed on the first day on which it could be; what would lie after the period is moved into it."""

    def apply(facts: Facts) -> Facts:
        settled, discharged = facts.settlement.settled_on, facts.discharged_on
        ends = max(settled, discharged)
        if ends > last_day_to_claim(window, discharged, settled):
            settled = discharged = ends
        settlement = replace(facts.settlement, settled_on=settled)
        return replace(facts, discharged_on=discharged, settlement=settlement, applied_on=ends)

    return apply


def covered(policy: Policy) -> Apply:
    """Under a cover that began long enough before the stay and lasts beyond it."""

    def apply(facts: Facts) -> Facts:
        days = (facts.admitted_on, facts.discharged_on, facts.settlement.settled_on)
        joining = _least_waiting(policy, facts)
        return replace(facts, cover=Cover(starts_on=min(days) - _LONG, ends_on=max(days) + _LONG, joining=joining))

    return apply


def waited(policy: Policy) -> Apply:
    """Under a cover that began so, or so long before, that the waiting is over."""

    def apply(facts: Facts) -> Facts:
        cover = facts.cover
        if cover is None:
            return facts
        joining = cover.joining or _least_waiting(policy, facts)
        longest = max(policy.waiting.periods[joining, "illness"], policy.waiting.periods[joining, "accident"])
        latest = facts.admitted_on - longest
        return replace(facts, cover=replace(cover, starts_on=min(cover.starts_on, latest), joining=joining))

    return apply


def _least_waiting(policy: Policy, facts: Facts) -> Joining:
    joinings: tuple[Joining, ...] = ("renewal", "new", "late_renewal")
    return min(joinings, key=lambda joining: policy.waiting.periods[joining, facts.cause])


def no_circumstance(facts: Facts) -> Facts:
    return replace(facts, circumstances=())


def conditions_met(policy: Policy) -> Apply:
    """With what is asked known as the lines want it; if no line is paid on such a stay, as the first one wants it."""

    def apply(facts: Facts) -> Facts:
        if not any(holds(benefit.when, facts) is not False for benefit in policy.benefits):
            facts = made_to_hold(policy.benefits[0].when, facts)
        return _all_known(policy, facts)

    return apply


def something_to_pay(policy: Policy) -> Apply:
    """With a sheet and a stay on which the first line that applies pays."""

    def apply(facts: Facts) -> Facts:
        for place, benefit in enumerate(policy.benefits):
            if holds(benefit.when, facts):
                sample = policy.samples[place]
                sheet = replace(sample.settlement, settled_on=facts.settlement.settled_on)
                known = _all_known(policy, stayed_at_least(replace(facts, settlement=sheet), sample.days))
                return replace(known, receipts_fen=sheet.medfee_sumamt_fen) if policy.asks_receipts else known
        return facts

    return apply


def nothing_paid_before(facts: Facts) -> Facts:
    return replace(facts, paid_before=())


def _all_known(policy: Policy, facts: Facts) -> Facts:
    for benefit in policy.benefits:
        if holds(benefit.when, facts) is None:
            facts = made_known(benefit.when, facts)
    if policy.asks_receipts and facts.receipts_fen is None:
        facts = replace(facts, receipts_fen=facts.settlement.medfee_sumamt_fen)
    return facts
