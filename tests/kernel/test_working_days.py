"""Working days: counted at once, and the same as when every day is looked at."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.working_days import Calendar

DAYS = st.dates(date(2015, 1, 1), date(2031, 12, 31))
CALENDARS = st.builds(
    Calendar, st.dictionaries(DAYS, st.booleans(), max_size=60), st.just(frozenset(range(2015, 2032)))
)
WEEKDAYS = Calendar({}, frozenset())


def walked(calendar: Calendar, start: date, end: date) -> int:
    count = 0
    while start < end:
        start += timedelta(days=1)
        count += calendar.works(start)
    return count


@given(CALENDARS, DAYS, st.integers(-30, 900))
def test_the_days_between_are_those_that_one_counts_by_walking(calendar: Calendar, start: date, length: int) -> None:
    end = start + timedelta(days=length)
    assert calendar.working_days_between(start, end) == walked(calendar, start, end)


@given(CALENDARS, DAYS, st.integers(0, 300), st.integers(0, 300))
def test_two_spans_that_meet_count_as_much_as_the_whole(calendar: Calendar, start: date, one: int, two: int) -> None:
    middle, end = start + timedelta(days=one), start + timedelta(days=one + two)
    between = calendar.working_days_between
    assert between(start, middle) + between(middle, end) == between(start, end)


@given(CALENDARS, DAYS, st.integers(0, 120))
def test_a_deadline_is_the_first_day_by_which_so_many_have_passed(calendar: Calendar, start: date, days: int) -> None:
    last = calendar.after_working_days(start, days)
    assert calendar.working_days_between(start, last) == days
    if days:
        assert calendar.works(last)
        assert calendar.working_days_between(start, last - timedelta(days=1)) == days - 1
    else:
        assert last == start


def test_the_day_of_an_event_does_not_count() -> None:
    friday = date(2027, 3, 5)
    assert WEEKDAYS.working_days_between(friday, friday) == 0
    assert WEEKDAYS.working_days_between(friday, friday + timedelta(days=2)) == 0
    assert WEEKDAYS.working_days_between(friday, friday + timedelta(days=3)) == 1
    assert WEEKDAYS.working_days_between(friday, friday - timedelta(days=7)) == 0


def test_a_deadline_ends_at_midnight_in_shantou() -> None:
    late_on_friday = datetime(2027, 3, 5, 15, 59, 59, tzinfo=UTC)
    assert WEEKDAYS.end_of_working_day(late_on_friday, 1) == datetime(2027, 3, 8, 16, tzinfo=UTC)
    saturday_there = datetime(2027, 3, 5, 16, tzinfo=UTC)
    assert WEEKDAYS.end_of_working_day(saturday_there, 1) == datetime(2027, 3, 8, 16, tzinfo=UTC)


def test_days_of_a_year_without_a_notice_are_provisional() -> None:
    calendar = Calendar({}, frozenset({2026}))
    assert not calendar.is_provisional(date(2026, 12, 31))
    assert calendar.is_provisional(date(2027, 1, 1))


@pytest.mark.parametrize(
    ("today", "known", "missing"),
    [
        (date(2026, 11, 30), {2026}, None),
        (date(2026, 12, 1), {2026}, 2027),
        (date(2026, 12, 31), {2026}, 2027),
        (date(2026, 12, 1), {2026, 2027}, None),
        (date(2027, 1, 1), {2026}, 2027),
        (date(2027, 1, 1), {2027}, None),
    ],
)
def test_from_december_on_the_next_years_notice_is_missed(today: date, known: set[int], missing: int | None) -> None:
    assert Calendar({}, frozenset(known)).year_missing(today) == missing
