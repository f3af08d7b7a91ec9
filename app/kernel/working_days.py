"""Working days on the Chinese calendar, with the make-up days (调休). Pure: the days come from `app.calendars`."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Final

from app.kernel.business_time import SHANGHAI, business_date

NOTICE_EXPECTED_BY: Final = 12
"""The State Council announces the next year's days in November; from December on a missing notice is somebody's job."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that differ from the weekday rule, and the years whose official notice is known."""

    exceptions: Mapping[date, bool]
    known_years: frozenset[int]
    _days: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """The exceptions as ordinals, in order."""
    _more: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """How many working days more (or fewer) than by the weekday rule, before the first of them, after it, …"""

    def __post_init__(self) -> None:
        days = sorted(self.exceptions)
        differs = (int(self.exceptions[day]) - int(day.weekday() < 5) for day in days)
        object.__setattr__(self, "_days", tuple(day.toordinal() for day in days))
        object.__setattr__(self, "_more", tuple(accumulate(differs, initial=0)))

    def works(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < 5)

    def is_provisional(self, day: date) -> bool:
        """Whether the year's holidays are not announced yet, so that only the weekday rule is known."""
        return day.year not in self.known_years

    def year_missing(self, today: date) -> int | None:
        """The first year whose notice should be known by now: this one, and from December on the next."""
        years = (today.year, today.year + 1) if today.month >= NOTICE_EXPECTED_BY else (today.year,)
        return next((year for year in years if year not in self.known_years), None)

    def working_days_between(self, start: date, end: date) -> int:
        """How many days work after `start`, which does not count, up to and with `end`; 0 when `end` is not later."""
        return self._until(end.toordinal()) - self._until(start.toordinal()) if end > start else 0

    def after_working_days(self, start: date, days: int) -> date:
        """The day on which `days` whole working days have passed since `start`, which does not count.

        Raises ValueError beyond the year 9999.
        """
        if days <= 0:
            return start
        day = start.toordinal()
        wanted = self._until(day) + days
        # Each day brings one working day at most: as many days on as are missing is never too far.
        while missing := wanted - self._until(day):
            day += missing
        return date.fromordinal(day)

    def end_of_working_day(self, start: datetime, days: int) -> datetime:
        """The end (24:00, Asia/Shanghai) of the last of `days` working days after the day of `start`."""
        last = self.after_working_days(business_date(start), days)
        return datetime.combine(last + timedelta(days=1), time(), SHANGHAI)

    def _until(self, ordinal: int) -> int:
        """The working days from 0001-01-01, a Monday with the ordinal 1, up to and with a day."""
        rest = ordinal % 7
        return ordinal // 7 * 5 + (rest if rest < 5 else 5) + self._more[bisect_right(self._days, ordinal)]
