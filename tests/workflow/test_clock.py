"""The clock of a case: its segments are the whole time, and only what is listed pauses."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.business_time import SHANGHAI, business_date
from app.kernel.working_days import Calendar
from app.workflow.clock import Arrival, Clock, Timed, clock, segments

PAUSES = {"returned": "等申请人补正", "public_notice": "公示期"}
WAITS: dict[str, Any] = {
    "submitted": "union", "review": "union", "returned": "you", "public_notice": "public", "paid": "nobody",
}  # fmt: skip
CALENDAR = Calendar({date(2026, 10, 1): False, date(2026, 10, 10): True}, frozenset({2026}))
STATES = st.sampled_from(["submitted", "review", "returned", "public_notice"])
MONDAY = datetime(2026, 9, 7, 2, tzinfo=UTC)
"""10:00 in Shantou."""


@st.composite
def ways(draw: Any) -> tuple[list[Arrival], datetime]:
    """A way of up to nine arrivals, several of them on one day now and then, and an instant not before the last."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 400_000)))
    way = []
    for state in draw(st.lists(STATES, min_size=1, max_size=9)):
        way.append((at, state))
        at += timedelta(minutes=draw(st.integers(0, 15_000)))
    return way, at


def timed(of: int = 15, pauses: dict[str, str] = PAUSES) -> Timed:
    return Timed(of, pauses, WAITS, CALENDAR)


def at_midnight(way: list[Arrival], day: date) -> str:
    """The state in which a day began."""
    midnight = datetime.combine(day, time(), SHANGHAI)
    return [state for arrived, state in way if arrived < midnight][-1]


def by_hand(way: list[Arrival], today: date) -> int:
    day, count = business_date(way[0][0]), 0
    while day < today:
        day += timedelta(days=1)
        count += CALENDAR.works(day) and at_midnight(way, day) not in PAUSES
    return count


@given(ways())
def test_the_segments_are_the_whole_time_without_gaps(given: tuple[list[Arrival], datetime]) -> None:
    way, now = given
    found = segments(way, now, PAUSES)
    assert sum((each.ends - each.begins for each in found), timedelta()) == now - way[0][0]
    assert (found[0].begins, found[-1].ends) == (way[0][0], now)
    assert all(one.ends == two.begins for one, two in itertools.pairwise(found))
    assert all(one.paused_because != two.paused_because for one, two in itertools.pairwise(found))


@given(ways())
def test_a_stretch_pauses_for_the_reason_of_its_state_and_for_no_other(given: tuple[list[Arrival], datetime]) -> None:
    way, now = given
    found = segments(way, now, PAUSES)
    for (begins, state), (ends, _) in zip(way, [*way[1:], (now, "")], strict=True):
        around = [each for each in found if each.begins <= begins and ends <= each.ends and begins < ends]
        assert [each.paused_because for each in around] == [PAUSES.get(state)] * (begins < ends)


@given(ways())
def test_the_day_is_counted_as_by_hand(given: tuple[list[Arrival], datetime]) -> None:
    way, now = given
    found = clock(way, now, timed())
    assert found.day == by_hand(way, business_date(now))
    assert found.overdue_days == max(0, found.day - 15)
    assert (found.paused_because is None) == (way[-1][1] not in PAUSES)


@given(ways(), st.integers(1, 20))
def test_the_due_day_is_the_last_that_counts_in_time(given: tuple[list[Arrival], datetime], of: int) -> None:
    way, now = given
    found = clock(way, now, timed(of))
    if found.due is None:
        assert found.paused_because is not None
        assert found.day < of
        return
    assert by_hand(way, found.due) == of
    assert by_hand(way, found.due - timedelta(days=1)) == of - 1
    assert CALENDAR.works(found.due)
    assert found.due > business_date(now) or found.day >= of


def days_on(count: int, hours: int = 0) -> datetime:
    return MONDAY + timedelta(days=count, hours=hours)


def test_day_six_of_fifteen_waiting_for_you() -> None:
    way = [(MONDAY, "submitted"), (days_on(8), "returned")]
    assert clock(way, days_on(30), timed()) == Clock(6, 15, "you", "等申请人补正", None, 0, False)


def test_the_pause_ends_with_the_day_of_the_resubmission() -> None:
    way = [(MONDAY, "submitted"), (days_on(1), "returned"), (days_on(3), "submitted")]
    assert clock(way, days_on(3), timed()).day == 1
    assert clock(way, days_on(4), timed()) == Clock(2, 15, "union", None, date(2026, 9, 30), 0, False)


def test_a_make_up_day_counts_and_a_holiday_does_not() -> None:
    way = [(datetime(2026, 9, 30, 2, tzinfo=UTC), "submitted")]
    assert [clock(way, datetime(2026, 10, day, 2, tzinfo=UTC), timed()).day for day in (1, 2, 9, 10, 11)] == [
        0, 1, 6, 7, 7,
    ]  # fmt: skip


def test_what_is_late_says_by_how_much_and_keeps_its_due_day() -> None:
    late = clock([(MONDAY, "submitted")], days_on(30), timed(3))
    assert (late.day, late.due, late.overdue_days) == (21, date(2026, 9, 10), 18)
    paused = clock([(MONDAY, "submitted"), (days_on(30), "returned")], days_on(60), timed(3))
    assert (paused.day, paused.due, paused.overdue_days) == (21, date(2026, 9, 10), 18)


def test_the_clock_stops_with_the_case() -> None:
    way = [(MONDAY, "submitted"), (days_on(2), "paid")]
    assert clock(way, days_on(200), timed()) == Clock(2, 15, "nobody", None, None, 0, False)
    assert clock([(MONDAY, "paid")], days_on(200), timed()) == Clock(0, 15, "nobody", None, None, 0, False)


@pytest.mark.parametrize("pauses", [{}, {"public_notice": "公示期"}])
def test_what_the_standard_does_not_list_does_not_pause(pauses: dict[str, str]) -> None:
    way = [(MONDAY, "submitted"), (days_on(1), "returned")]
    found = clock(way, days_on(4), timed(pauses=pauses))
    assert (found.day, found.waiting_for, found.paused_because) == (4, "you", None)


def test_what_counts_on_a_year_that_is_not_announced_is_provisional() -> None:
    december = datetime(2026, 12, 14, 2, tzinfo=UTC)
    assert clock([(december, "submitted")], december, timed(14)).provisional
    assert not clock([(december, "submitted")], december, timed(13)).provisional
    assert not clock([(december, "submitted"), (december, "paid")], december, timed()).provisional
