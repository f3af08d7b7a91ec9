from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.business_time import SHANGHAI, academic_year, business_date, rfc3339

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
first, last = datetime(1992, 1, 2, tzinfo=UTC), datetime(2100, 12, 30, tzinfo=UTC)
served = st.builds(
    lambda microseconds, offset: (first + timedelta(microseconds=microseconds)).astimezone(offset),
    st.integers(0, (last - first) // timedelta(microseconds=1)),
    offsets,
)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 16, 0, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 12, 31, 15, 59, 59, 999_999, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 28, 16, 0, 0, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2028, 2, 29, 16, 0, 0, tzinfo=UTC), date(2028, 3, 1)),
        (datetime(2027, 2, 28, 16, 0, 0, tzinfo=UTC), date(2027, 3, 1)),
        (datetime(2026, 11, 23, 0, 0, 0, tzinfo=SHANGHAI), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 23, 0, 0, tzinfo=timezone(timedelta(hours=-8))), date(2026, 11, 24)),
    ],
)
def test_the_business_day_turns_at_midnight_in_shanghai(instant: datetime, day: date) -> None:
    assert business_date(instant) == day


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), "2026-11-23T23:59:59+08:00"),
        (datetime(2026, 11, 23, 16, 0, 0, tzinfo=UTC), "2026-11-24T00:00:00+08:00"),
        (datetime(2026, 12, 31, 16, 0, 0, 5, tzinfo=UTC), "2027-01-01T00:00:00.000005+08:00"),
        (datetime(2028, 2, 28, 16, 0, 0, tzinfo=UTC), "2028-02-29T00:00:00+08:00"),
        (datetime(1988, 7, 1, 0, 0, 0, tzinfo=UTC), "1988-07-01T08:00:00+08:00"),
        (datetime(1900, 1, 1, 0, 0, 0, tzinfo=UTC), "1900-01-01T08:00:00+08:00"),
    ],
)
def test_instants_are_always_written_at_plus_eight(instant: datetime, written: str) -> None:
    assert rfc3339(instant) == written


@given(served)
def test_a_written_instant_reads_back_the_same(instant: datetime) -> None:
    assert datetime.fromisoformat(rfc3339(instant)) == instant


@given(served)
def test_the_written_day_is_the_business_day(instant: datetime) -> None:
    assert rfc3339(instant)[:10] == business_date(instant).isoformat()


def test_a_time_without_offset_is_refused() -> None:
    naive = datetime(2026, 11, 23, 16, 0, 0, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="offset"):
        business_date(naive)
    with pytest.raises(ValueError, match="offset"):
        rfc3339(naive)


@pytest.mark.parametrize(
    ("on", "year"),
    [
        (date(2026, 6, 30), 2025),
        (date(2026, 7, 1), 2026),
        (date(2026, 9, 1), 2026),
        (date(2026, 12, 31), 2026),
        (date(2027, 1, 1), 2026),
        (date(2028, 2, 29), 2027),
    ],
)
def test_the_academic_year_opens_on_the_first_of_july(on: date, year: int) -> None:
    assert academic_year(on) == year
