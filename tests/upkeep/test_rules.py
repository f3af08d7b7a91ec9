"""When a file is due again, which reminder a day sends, and what a household that came back has in common."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.periods import months_after
from app.upkeep.rules import REMIND_DAYS, causes_of, compared, next_review, reminder_window
from tests.thorough import thorough

DAYS = st.dates(date(2016, 1, 1), date(2060, 1, 1))


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 12, 31), 12, date(2027, 12, 31)),
        (date(2026, 1, 15), 6, date(2026, 7, 15)),
    ],
)
def test_months_end_where_the_shorter_month_ends(day: date, months: int, after: date) -> None:
    assert months_after(day, months) == after


@given(DAYS)
@thorough
def test_a_year_is_a_year(day: date) -> None:
    assert 365 <= (next_review(day) - day).days <= 366


@given(DAYS, st.integers(-200, 200))
@thorough
def test_a_due_date_is_reminded_of_by_one_reminder_a_day_at_most(today: date, ahead: int) -> None:
    due = today + timedelta(days=ahead)
    sent = [days for days in REMIND_DAYS if reminder_window(days, today)[0] <= due <= reminder_window(days, today)[1]]
    expected = [30] if 7 < ahead <= 30 else [7] if 0 < ahead <= 7 else [0] if -30 <= ahead <= 0 else []
    assert sent == expected


CAUSES = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)


@given(CAUSES, CAUSES)
@thorough
def test_what_stayed_what_is_new_and_what_is_gone_make_up_both_files(first: list[str], again: list[str]) -> None:
    before, now = ({"primary_cause": each[0], "secondary_causes": each[1:]} for each in (first, again))
    found = compared(before, now)
    assert causes_of(before) == tuple(first)
    assert found.same_primary is (first[0] == again[0])
    assert set(found.still) | set(found.new) == set(again)
    assert set(found.still) | set(found.gone) == set(first)
    assert not set(found.new) & set(first)
