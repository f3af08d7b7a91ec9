"""Working days on the Chinese calendar, with the make-up days (调休). Pure: the days come from `app.calendars`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.kernel.business_time import SHANGHAI, business_date


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that differ from the weekday rule, and the years whose official notice is known."""

    exceptions: Mapping[date, bool]
    known_years: frozenset[int]

    def works(self, day: date) -> bool:
        return self.exceptions.get(day, day.weekday() < 5)

    def is_provisional(self, day: date) -> bool:
        """Whether the year's holidays are not announced yet, so that only the weekday rule is known."""
        return day.year not in self.known_years

    def after_working_days(self, start: date, days: int) -> date:
        """The day on which `days` whole working days have passed since `start`, which does not count."""
        day = start
        while days > 0:
            day += timedelta(days=1)
            days -= self.works(day)
        return day

    def end_of_working_day(self, start: datetime, days: int) -> datetime:
        """The end (24:00, Asia/Shanghai) of the last of `days` working days after the day of `start`."""
        last = self.after_working_days(business_date(start), days)
        return datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
