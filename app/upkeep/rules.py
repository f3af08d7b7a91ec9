"""When a file is to be verified again, when to remind of it, and how a household that came back has changed. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, Literal, NamedTuple

from app.policy.periods import months_after

Way = Literal["visit", "match", "declaration"]
FoundToBe = Literal["unchanged", "changed", "may_leave"]
Outcome = Literal["stable", "relapse_risk", "unreachable"]
ListName = Literal["unchanged", "never_helped", "no_plan", "overdue"]
REMIND_DAYS: Final = (30, 7, 0)
WATCH_MONTHS: Final = (6, 12)
REMINDED_LATE_DAYS: Final = 30
"""How long after the due date the last reminder may still go out: the worker may have been away."""


def next_review(day: date) -> date:
    """Every file is gone through at least once a year."""
    return months_after(day, 12)


def reminder_window(days: int, today: date) -> tuple[date, date]:
    """First and last due date that are reminded of today with this reminder: each date lies in one window at most."""
    nearer = [other for other in REMIND_DAYS if other < days]
    first = today + timedelta(days=max(nearer) + 1) if nearer else today - timedelta(days=REMINDED_LATE_DAYS)
    return first, today + timedelta(days=days)


class Relapse(NamedTuple):
    """The causes of a first file beside those of a later one of the same household."""

    same_primary: bool
    still: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]


def causes_of(form: Mapping[str, Any]) -> tuple[str, ...]:
    """The main cause first, then the further ones, each once."""
    return tuple(dict.fromkeys((form["primary_cause"], *form.get("secondary_causes", ()))))


def compared(first: Mapping[str, Any], again: Mapping[str, Any]) -> Relapse:
    """What was there already, what is new, and what is gone."""
    before, now = causes_of(first), causes_of(again)
    return Relapse(
        same_primary=first["primary_cause"] == again["primary_cause"],
        still=tuple(cause for cause in now if cause in before),
        new=tuple(cause for cause in now if cause not in before),
        gone=tuple(cause for cause in before if cause not in now),
    )
