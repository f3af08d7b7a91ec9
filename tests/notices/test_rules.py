"""What a notice shows of whom, how long it lasts, and what its hash says."""

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.calendars.queries import calendar as read_calendar
from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.business_time import SHANGHAI
from app.kernel.ids import new_id
from app.kernel.working_days import Calendar
from app.notices.policy import NoticePolicy
from app.notices.printed import day_and_time, notice_paper
from app.notices.rules import Heading, Subject, band, end_of_period, frozen, is_intact, lines_of
from app.policy.replay import sha256
from app.programmes import shipped
from tests.thorough import thorough

POLICY = shipped().of("public_notice", NoticePolicy)[-1]
LEVELS = ("unit", "district", "city")
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=SHANGHAI)


def subject(**given: Any) -> Subject:
    told: dict[str, Any] = {
        "application_id": new_id(), "household_id": None, "person_id": new_id(), "round": 1,
        "number": "BF-440507-2026-000123", "name_masked": "欧**明", "union": "龙湖某厂工会", "district": "龙湖区总工会",
        "amount_fen": 300_000, "agreed": True,
    }  # fmt: skip
    return Subject(**told | given)


def heading(**given: Any) -> Heading:
    told: dict[str, Any] = {
        "organisation_code": "440500", "organisation": "汕头市总工会", "kind": "hardship_aid", "level": "city",
        "policy_version": "2026", "working_days": 5, "hotline": "12351", "published_at": NOW,
        "ends_at": NOW + timedelta(days=8),
    }  # fmt: skip
    return Heading(**told | given)


# ---- what is shown ----


@pytest.mark.parametrize(
    ("level", "agreed", "shown"),
    [
        ("unit", True, ("欧**明", "龙湖某厂工会", 300_000, None)),
        ("unit", False, ("欧**", "龙湖某厂工会", None, "1,000.00元至3,000.00元")),
        ("district", True, ("欧**明", "龙湖某厂工会", 300_000, None)),
        ("district", False, ("*", "龙湖区总工会", None, None)),
        ("city", True, ("欧**", "龙湖某厂工会", 300_000, None)),
        ("city", False, ("*", "龙湖区总工会", None, None)),
    ],
)
def test_the_wider_the_audience_and_without_consent_the_less_is_shown(level: Any, agreed: bool, shown: Any) -> None:
    (line,) = lines_of(POLICY, level, [subject(agreed=agreed)])
    assert (line.name_masked, line.organisation, line.amount_fen, line.amount_band) == shown


@pytest.mark.parametrize("masked", ["*", "", "**"])
@pytest.mark.parametrize("level", LEVELS)
def test_of_a_name_that_could_not_be_masked_nothing_is_shown(level: Any, masked: str) -> None:
    (line,) = lines_of(POLICY, level, [subject(name_masked=masked)])
    assert line.name_masked == "*"


@pytest.mark.parametrize(
    ("fen", "said"),
    [
        (0, "1,000.00元及以下"),
        (100_000, "1,000.00元及以下"),
        (100_001, "1,000.00元至3,000.00元"),
        (300_000, "1,000.00元至3,000.00元"),
        (300_001, "3,000.00元至5,000.00元"),
        (2_000_000, "10,000.00元至20,000.00元"),
        (2_000_001, "20,000.00元以上"),
    ],
)
def test_an_amount_lies_in_one_band(fen: int, said: str) -> None:
    assert band(fen, POLICY.bands_fen) == said


def changed(**parts: Any) -> dict[str, Any]:
    document = POLICY.model_dump(mode="json")
    for pointer, value in parts.items():
        at: Any = document
        *way, last = pointer.split("__")
        for step in way:
            at = at[step]
        at[last] = value
    return document


@pytest.mark.parametrize(
    "wrong",
    [
        {"working_days": 4},
        {"shows__city__otherwise__name": "masked"},
        {"shows__city__otherwise__union": "own", "shows__city__agreed__union": "district"},
        {"shows__unit__otherwise__amount": "exact", "shows__unit__agreed__amount": "band"},
        {"bands_fen": [300_000, 100_000]},
        {"published_by__hardship_aid": "province"},
        {"shows__city__agreed__id_number": "exact"},
    ],
)
def test_a_policy_that_asks_for_less_time_or_shows_more_without_consent_is_none(wrong: dict[str, Any]) -> None:
    assert NoticePolicy.model_validate_json(json.dumps(changed())) == POLICY
    with pytest.raises(ValidationError):
        NoticePolicy.model_validate_json(json.dumps(changed(**wrong)))


# ---- how long ----


@pytest.fixture(scope="module")
async def days(jobs: Database) -> Calendar:
    async with jobs.begin(Sight("job")) as transaction:
        return await read_calendar(transaction)


GOLDEN = [
    ("2026-11-23T09:00:00", "2026-11-30", "an ordinary week"),
    ("2026-11-23T00:00:00", "2026-11-30", "the first instant of a day"),
    ("2026-11-22T23:59:59", "2026-11-27", "the last instant of the Sunday before it"),
    ("2026-11-27T23:59:59", "2026-12-04", "the last instant of a Friday"),
    ("2026-11-28T00:00:00", "2026-12-04", "the first of the Saturday after it"),
    ("2026-09-17T10:00:00", "2026-09-23", "a Sunday that is worked (2026-09-20)"),
    ("2026-09-30T10:00:00", "2026-10-13", "the National Day week, with the Saturday after it worked"),
    ("2025-01-24T10:00:00", "2025-02-07", "the Spring Festival, with the Sunday before it worked"),
    ("2024-04-26T17:00:00", "2024-05-07", "Labour Day, with the Sunday before it worked"),
    ("2023-12-29T10:00:00", "2024-01-08", "New Year's Day, announced"),
    ("2017-09-28T10:00:00", "2017-10-11", "Mid-Autumn and National Day, with a Saturday worked"),
    ("2026-12-29T10:00:00", "2027-01-06", "into a year that is not announced: its first day is free by law"),
]


@pytest.mark.parametrize(("start", "last", "why"), GOLDEN)
async def test_a_notice_lasts_five_whole_working_days(days: Calendar, start: str, last: str, why: str) -> None:
    begun = datetime.fromisoformat(start).replace(tzinfo=SHANGHAI)
    ends = end_of_period(days, begun.astimezone(UTC), 5)
    assert ends == datetime.combine(date.fromisoformat(last) + timedelta(days=1), datetime.min.time(), SHANGHAI), why


async def test_the_database_counts_working_days_as_the_calendar_does(days: Calendar, jobs: Database) -> None:
    begun = datetime(2016, 1, 1, 15, 59, 59, tzinfo=UTC)
    instants = [begun + timedelta(days=3 * n, seconds=n % 3) for n in range(1_200)]
    async with jobs.begin(Sight("job")) as transaction:
        counted = await transaction.connection.fetch(
            "select end_of_notice(at, 5) as ends from unnest($1::timestamptz[]) with ordinality as u(at, n) order by n",
            instants,
        )
    assert [row["ends"] for row in counted] == [days.end_of_working_day(at, 5) for at in instants]


@pytest.mark.parametrize(
    ("written", "read"),
    [("2026-12-02T00:00:00+08:00", "2026年12月1日24时"), ("2026-11-25T09:05:00+08:00", "2026年11月25日9时05分")],
)
def test_the_end_of_a_day_is_said_as_that_days(written: str, read: str) -> None:
    assert day_and_time(written) == read


# ---- the hash ----

SUBJECTS = st.lists(
    st.builds(
        subject,
        number=st.text("BFJX-0123456789", min_size=5, max_size=20),
        name_masked=st.sampled_from(["陈*", "欧**明", "迪***·***", "𬸣**", "*"]),
        union=st.text('汕头龙湖工会"<>&', min_size=1, max_size=20),
        amount_fen=st.none() | st.integers(0, 10**9),
        agreed=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@thorough
@given(SUBJECTS, st.sampled_from(LEVELS), st.data())
def test_any_change_of_a_list_changes_its_hash(subjects: list[Subject], level: Any, data: Any) -> None:
    lines = lines_of(POLICY, level, subjects)
    content = frozen(heading(level=level), lines)
    assert is_intact(content, sha256(content), lines)
    assert frozen(heading(level=level), lines) == content
    n = data.draw(st.integers(0, len(lines) - 1))
    field = data.draw(st.sampled_from(["number", "name_masked", "organisation", "amount_band"]))
    other = replace(lines[n], **{field: "另一个"})
    changed_lines = (*lines[:n], other, *lines[n + 1 :])
    assert sha256(frozen(heading(level=level), changed_lines)) != sha256(content)
    assert not is_intact(content, sha256(content), changed_lines)
    assert not is_intact(content.replace(b"12351", b"12352"), sha256(content), lines)


@thorough
@given(SUBJECTS, st.sampled_from(LEVELS))
def test_without_consent_nothing_is_shown_that_consent_would_hide(subjects: list[Subject], level: Any) -> None:
    for each in subjects:
        (more,) = lines_of(POLICY, level, [replace(each, agreed=True)])
        (less,) = lines_of(POLICY, level, [replace(each, agreed=False)])
        assert less.name_masked in ("*", more.name_masked, f"{more.name_masked[0]}**")
        assert less.organisation in (more.organisation, each.district)
        assert less.amount_fen in (None, more.amount_fen)


def test_a_line_that_stands_still_is_printed_without_what_it_said() -> None:
    said = [
        asdict(line) | {"shown": line.serial == 1}
        for line in lines_of(POLICY, "city", [subject(), subject(number="BF-440507-2026-000999", name_masked="郑*")])
    ]
    told = asdict(heading()) | {"published_at": NOW.isoformat(), "ends_at": NOW.isoformat(), "sha256": "ab" * 32}
    drawn = str(notice_paper(told | {"lines": said}))
    assert "BF-440507-2026-000123" in drawn
    assert "暂停公示" in drawn
    assert "ab" * 32 in drawn
    assert "000999" not in drawn
    assert "郑" not in drawn
