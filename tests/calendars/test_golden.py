"""The calendar that is loaded, against what the State Council announced, typed in by hand (golden.yaml)."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.calendars.queries import calendar
from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.working_days import Calendar

GOLDEN: Final = yaml.safe_load(Path(__file__).with_name("golden.yaml").read_text(encoding="utf-8"))
YEARS: Final = range(2017, 2027)
SPANS: Final = (1, 3, 5, 10, 15)


@pytest.fixture(scope="module")
async def loaded(jobs: Database) -> Calendar:
    async with jobs.begin(Sight("job")) as transaction:
        return await calendar(transaction)


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def announced() -> dict[date, bool]:
    """Every day of the years that was announced as a holiday, or as worked."""
    holidays = [holiday for year in GOLDEN["years"] for holiday in year["holidays"]]
    off = {day: False for each in holidays for day in days(each["from"], each["to"])}
    return off | {day: True for each in holidays for day in each["works"]}


def test_no_year_was_forgotten() -> None:
    assert [year["year"] for year in GOLDEN["years"]] == list(YEARS)
    named = [(year["year"], holiday["name"]) for year in GOLDEN["years"] for holiday in year["holidays"]]
    whole = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")
    for year in YEARS:
        assert all(any(y == year and holiday in name for y, name in named) for holiday in whole), year
    assert len([1 for year in GOLDEN["years"] for _ in year["deadlines"]]) == len(named)


async def test_every_day_works_or_not_as_it_was_announced(loaded: Calendar) -> None:
    said = announced()
    wrong = [
        day
        for day in days(date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31))
        if loaded.works(day) != said.get(day, day.weekday() < 5)
    ]
    assert wrong == []


def deadlines() -> Iterator[Any]:
    for year in GOLDEN["years"]:
        yield from (pytest.param(row, id=f"{year['year']}-{row['before']}") for row in year["deadlines"])


@pytest.mark.parametrize("row", list(deadlines()))
async def test_what_begins_before_a_holiday_ends_on_its_day(loaded: Calendar, row: dict[Any, Any]) -> None:
    start = row["start"]
    assert {n: loaded.after_working_days(start, n) for n in SPANS} == {n: row[n] for n in SPANS}
    assert [loaded.working_days_between(start, row[n]) for n in SPANS] == list(SPANS)
    assert not any(loaded.is_provisional(row[n]) for n in SPANS)


@pytest.mark.parametrize("row", GOLDEN["provisional"], ids=lambda row: str(row["start"]))
async def test_a_year_that_is_not_announced_counts_by_weekdays_and_says_so(
    loaded: Calendar, row: dict[Any, Any]
) -> None:
    # As it was before the notice of 2027, whichever year this is run in.
    until = {day: works for day, works in loaded.exceptions.items() if day.year < 2027}
    known = Calendar(until, frozenset(range(2016, 2027)))
    ends = {n: known.after_working_days(row["start"], n) for n in SPANS}
    assert ends == {n: row[n] for n in SPANS}
    assert {n: known.is_provisional(end) for n, end in ends.items()} == {n: row[n].year > 2026 for n in SPANS}
