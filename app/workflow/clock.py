"""How long a case has taken, in working days: which stretches of its way count, which pause and why. Pure.

A working day belongs to the state in which it began: the day of an event still belongs to what came before it
(次日起算), so that no day counts twice and none is lost.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from app.kernel.business_time import business_date
from app.kernel.working_days import Calendar

WaitingFor = Literal["you", "union", "public", "nobody"]
Arrival = tuple[datetime, str]
"""When a case came to a state."""


class Segment(NamedTuple):
    """A stretch of time during which the clock runs, or stands still for one reason."""

    begins: datetime
    ends: datetime
    paused_because: str | None


class Clock(NamedTuple):
    """Where a case stands: day `day` of `of`."""

    day: int
    of: int
    waiting_for: WaitingFor
    paused_because: str | None
    due: date | None
    """The day that is day `of`; None while nobody can know it (paused), and for what ended earlier."""
    overdue_days: int
    provisional: bool
    """Whether days of a year count whose holidays are not announced yet."""


class Timed(NamedTuple):
    """By what a way is timed: how many working days in all, where the clock stands still and why, whom each state
    waits for, and the calendar. A state that waits for nobody is an end."""

    of: int
    pauses: Mapping[str, str]
    waits: Mapping[str, WaitingFor]
    calendar: Calendar


def segments(way: Sequence[Arrival], until: datetime, pauses: Mapping[str, str]) -> list[Segment]:
    """A way from its first arrival until an instant, without gaps; the last arrival is not later than that instant.

    What `pauses` does not name never pauses.
    """
    found: list[Segment] = []
    if not way:
        return found
    begins, state = way[0]
    reason = pauses.get(state)
    for arrived, state in way[1:]:
        following = pauses.get(state)
        if following != reason:
            found.append(Segment(begins, arrived, reason))
            begins, reason = arrived, following
    found.append(Segment(begins, until, reason))
    return found


def clock(way: Sequence[Arrival], now: datetime, timed: Timed) -> Clock:
    """How a case stands that has come this way, of one arrival at least."""
    arrived, state = way[-1]
    waiting_for = timed.waits[state]
    ended = waiting_for == "nobody"
    stretches = segments(way[:-1], arrived, timed.pauses) if ended else segments(way, now, timed.pauses)
    calendar, of, day, due = timed.calendar, timed.of, 0, None
    first = last = business_date(way[0][0])
    for _, ends, reason in stretches:
        begun, last = last, business_date(ends)
        if reason is None:
            before, day = day, day + calendar.working_days_between(begun, last)
            if due is None and (day >= of or (ends is now and not ended)):
                due = calendar.after_working_days(begun, of - before)
    paused = None if ended else timed.pauses.get(state)
    provisional = calendar.is_provisional(first) or calendar.is_provisional(due or last)
    return Clock(day, of, waiting_for, paused, due, max(0, day - of), provisional)
