"""To which cover and which version a stay belongs, how a cover began, and the days that follow from it. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from app.kinds.secondary_medical.facts import Facts, Joining
from app.kinds.secondary_medical.scheme import KIND, Attribution, ClaimWindow, Policy, Waiting
from app.policy.book import PolicyBook
from app.policy.periods import months_after
from app.policy.versions import CITY, NoPolicyInForce

_months_after = lru_cache(maxsize=4096)(months_after)
"""Few days come up, and each of them often."""


def day_of_stay(attribution: Attribution, admitted_on: date, discharged_on: date, settled_on: date) -> date:
    """The day that decides to which cover and calendar year a stay belongs."""
    if attribution.stay_by == "admission":
        return admitted_on
    return discharged_on if attribution.stay_by == "discharge" else settled_on


def event_day(policy: Policy, facts: Facts) -> date:
    return day_of_stay(policy.attribution, facts.admitted_on, facts.discharged_on, facts.settlement.settled_on)


def governing(
    book: PolicyBook,
    cover_starts_on: date | None,
    admitted_on: date,
    discharged_on: date,
    settled_on: date,
    division_code: str = CITY,
) -> Policy:
    """The version for a claim: that of the cover's start if it says so itself, else that of the day of the stay.

    Without a cover, that of the admission. Raises NoPolicyInForce.
    """
    if cover_starts_on is None:
        return book.in_force(KIND, Policy, admitted_on, division_code)
    try:
        at_start = book.in_force(KIND, Policy, cover_starts_on, division_code)
    except NoPolicyInForce:
        return book.in_force(KIND, Policy, admitted_on, division_code)
    if at_start.attribution.version_by == "cover_start":
        return at_start
    day = day_of_stay(at_start.attribution, admitted_on, discharged_on, settled_on)
    return book.in_force(KIND, Policy, max(day, cover_starts_on), division_code)


class Held(NamedTuple):
    """A cover of the applicant as it is recorded. `is_renewal` None: it was not stated."""

    starts_on: date
    ends_on: date
    area: str
    is_renewal: bool | None


def held_by_stay(
    book: PolicyBook, covers: Sequence[Held], admitted_on: date, discharged_on: date, settled_on: date
) -> int | None:
    """The place of the cover that a stay belongs to: the one whose days it falls in, else the latest, else None."""
    for place in range(len(covers) - 1, -1, -1):
        cover = covers[place]
        try:
            policy = governing(book, cover.starts_on, admitted_on, discharged_on, settled_on, cover.area)
        except NoPolicyInForce:
            continue
        day = day_of_stay(policy.attribution, admitted_on, discharged_on, settled_on)
        if cover.starts_on <= day <= cover.ends_on:
            return place
    return len(covers) - 1 if covers else None


def began(cover: Held, covers: Iterable[Held], waiting: Waiting) -> Joining:
    """How a cover began: a stated renewal is one; otherwise it follows from the earlier covers of the same scheme."""
    if cover.is_renewal:
        return "renewal"
    follows = joined(cover.starts_on, (each.ends_on for each in covers if each.area == cover.area), waiting)
    # It was stated not to be a renewal: then it is not one, whatever came before.
    return "new" if cover.is_renewal is False and follows == "renewal" else follows


def joined(starts_on: date, earlier_ends: Iterable[date], waiting: Waiting) -> Joining:
    """How a cover began, from the last days of the person's earlier ones."""
    last = max((day for day in earlier_ends if day < starts_on), default=None)
    if last is None:
        return "new"
    within = (starts_on - last).days <= max(waiting.renewal_grace_days, 1)
    return "renewal" if within else "late_renewal"


def last_day_to_claim(window: ClaimWindow, discharged_on: date, settled_on: date) -> date:
    """The last day of the period, itself included."""
    first = settled_on if window.starts_with == "settlement" else discharged_on
    last = first + timedelta(days=window.days) if window.days is not None else _months_after(first, window.months or 0)
    return last - timedelta(days=1) if window.first_day == "same_day" else last
