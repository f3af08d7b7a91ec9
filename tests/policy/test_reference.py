from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.policy.book import PolicyBook
from app.policy.reference import UNKNOWN, StandardVersion, minimum_living_standard
from app.policy.versions import InvalidPolicy, parse
from tests.kinds.books import BOOK
from tests.kinds.cases import check_text_is_plain
from tests.thorough import thorough

SHIPPED = BOOK.of("minimum_living_standard", StandardVersion)


def standard(on, residence="urban", code="440500", book=BOOK):
    return minimum_living_standard(book, code, on, residence)


@pytest.mark.parametrize(
    ("on", "urban_fen", "rural_fen", "edge_line_fen"),
    [
        (date(2007, 10, 1), 25_000, 22_000, None),
        (date(2007, 12, 31), 25_000, 22_000, None),
        (date(2020, 1, 1), 77_200, 53_200, None),
        (date(2020, 12, 31), 77_200, 53_200, None),
        (date(2025, 1, 1), 87_200, 81_700, None),
        (date(2025, 4, 30), 87_200, 81_700, None),
        (date(2025, 5, 1), 87_200, 81_700, 130_800),
        (date(2026, 9, 1), 87_200, 81_700, 130_800),
    ],
)
def test_a_published_value_holds_until_the_next(on, urban_fen, rural_fen, edge_line_fen):
    town, country = standard(on), standard(on, "rural")

    assert (town.monthly_fen, town.edge_line_fen, town.reason) == (urban_fen, edge_line_fen, None)
    assert (country.monthly_fen, country.edge_line_fen, country.reason) == (rural_fen, None, None)
    assert town.version
    assert str(on.year) in town.source or "2025" in town.source


@pytest.mark.parametrize(
    "on",
    [
        date(2007, 9, 30),
        date(2008, 1, 1),
        date(2018, 1, 1),
        date(2019, 12, 31),
        date(2021, 1, 1),
        date(2023, 6, 1),
        date(2024, 12, 31),
    ],
)
@pytest.mark.parametrize("residence", ["urban", "rural"])
def test_a_gap_is_answered_with_its_name_and_never_with_a_guess(on, residence):
    found = standard(on, residence)

    assert (found.monthly_fen, found.edge_line_fen, found.reason) == (None, None, UNKNOWN)
    check_text_is_plain(found.source)


def test_every_gap_says_so_in_its_note():
    gaps = [each for each in SHIPPED if each.urban.monthly_fen is None]

    assert [each.version for each in gaps] == ["2008", "2021"]
    assert all("空缺" in str(each.note) for each in gaps)


def test_the_edge_line_is_one_and_a_half_times_the_standard_as_the_notice_says():
    assert SHIPPED[-1].urban.edge_line_fen == SHIPPED[-1].urban.monthly_fen * 3 // 2


def test_a_district_has_the_standard_of_its_prefecture():
    on = date(2025, 9, 1)

    assert standard(on, code="440507") == standard(on, code="440515102000") == standard(on)


@pytest.mark.parametrize("code", ["440100", "440600", "350500", ""])
def test_another_area_is_unknown(code):
    found = standard(date(2025, 9, 1), code=code)

    assert (found.monthly_fen, found.reason, found.in_force_from, found.version) == (None, UNKNOWN, None, None)


ROW = """
- version: a
  area: "440500"
  in_force_from: 2020-01-01
  source: 某文〔2020〕1号
  urban: {monthly_fen: 100, edge_line_fen: null}
  rural: {monthly_fen: 90, edge_line_fen: null}
"""
PROVINCE = """
- version: p
  area: "440000"
  in_force_from: 2019-01-01
  source: 省定最低标准
  urban: {monthly_fen: 80, edge_line_fen: null}
  rural: {monthly_fen: 70, edge_line_fen: null}
"""


def test_the_provinces_minimum_stands_in_only_where_it_is_recorded_and_the_city_has_none():
    book = PolicyBook({"minimum_living_standard": parse(StandardVersion, PROVINCE + ROW)})

    assert standard(date(2019, 6, 1), book=book).monthly_fen == 80
    assert standard(date(2020, 1, 1), book=book).monthly_fen == 100
    assert standard(date(2020, 1, 1), code="440900", book=book).monthly_fen == 80
    assert standard(date(2018, 12, 31), book=book).reason == UNKNOWN


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("monthly_fen: 100", "monthly_fen: null", "gap_not_explained"),
        ("monthly_fen: 90", "monthly_fen: null", "gap_not_explained"),
        ("monthly_fen: 100, edge_line_fen: null", "monthly_fen: 100, edge_line_fen: 99", "edge_line_below_standard"),
        ("monthly_fen: 100", "monthly_fen: 0", "greater_than"),
        ("monthly_fen: 100", "monthly_fen: 7.72", "int_type"),
        ("monthly_fen: 100", "monthly_yuan: 1", "extra_forbidden"),
        ("  rural: {monthly_fen: 90, edge_line_fen: null}\n", "", "missing"),
        ('area: "440500"', "area: 汕头市", "string_pattern_mismatch"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_by_place(old, new, code):
    assert old in ROW
    with pytest.raises(ValidationError) as refused:
        parse(StandardVersion, ROW.replace(old, new))

    assert code in [each["type"] for each in refused.value.errors()]


def test_a_gap_that_is_explained_is_taken():
    explained = ROW.replace("monthly_fen: 100", "monthly_fen: null") + "  note: 空缺\n"

    assert parse(StandardVersion, explained)[0].urban.monthly_fen is None


def test_an_area_has_one_value_a_day_and_its_dates_rise():
    with pytest.raises(InvalidPolicy):
        parse(StandardVersion, ROW + ROW.replace("version: a", "version: b"))
    with pytest.raises(InvalidPolicy):
        parse(StandardVersion, ROW + ROW.replace("2020-01-01", "2019-01-01").replace("version: a", "version: b"))


@thorough
@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["urban", "rural"]))
def test_no_day_has_a_value_that_the_table_does_not_give_for_it(on, residence):
    found = standard(on, residence)
    begun = [each for each in SHIPPED if each.in_force_from <= on]

    assert found.monthly_fen == (begun[-1].of(residence).monthly_fen if begun else None)
    assert (found.monthly_fen is None) is (found.reason == UNKNOWN)
    if found.in_force_from:
        assert found.in_force_from <= on < found.in_force_from + timedelta(days=365 * 200)
