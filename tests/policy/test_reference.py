from datetime import date

import pytest
from pydantic import ValidationError

from app.policy.reference import UNKNOWN, load_standards, minimum_living_standard, parse_standards
from app.policy.versions import InvalidPolicy

STANDARDS = load_standards()


@pytest.mark.parametrize(
    ("on", "monthly_fen", "edge_line_fen"),
    [
        (date(2020, 1, 1), 77_200, None),
        (date(2020, 12, 31), 77_200, None),
        (date(2025, 1, 1), 87_200, None),
        (date(2025, 4, 30), 87_200, None),
        (date(2025, 5, 1), 87_200, 130_800),
        (date(2026, 9, 1), 87_200, 130_800),
    ],
)
def test_a_published_value_holds_until_the_next(on, monthly_fen, edge_line_fen):
    standard = minimum_living_standard(STANDARDS, "440500", on)

    assert (standard.monthly_fen, standard.edge_line_fen, standard.reason) == (monthly_fen, edge_line_fen, None)
    assert "2025" in standard.source or "2020" in standard.source


@pytest.mark.parametrize(
    "on",
    [
        date(2017, 12, 31),
        date(2018, 1, 1),
        date(2019, 12, 31),
        date(2021, 1, 1),
        date(2023, 6, 1),
        date(2024, 12, 31),
    ],
)
def test_a_gap_is_answered_with_its_name_and_never_with_a_guess(on):
    standard = minimum_living_standard(STANDARDS, "440500", on)

    assert (standard.monthly_fen, standard.edge_line_fen, standard.reason) == (None, None, UNKNOWN)
    assert standard.source


def test_a_district_has_the_standard_of_its_prefecture():
    on = date(2025, 9, 1)

    assert minimum_living_standard(STANDARDS, "440507", on) == minimum_living_standard(STANDARDS, "440500", on)


@pytest.mark.parametrize(("code", "residence"), [("440100", "urban"), ("", "urban"), ("440500", "rural")])
def test_another_area_or_residence_is_unknown(code, residence):
    standard = minimum_living_standard(STANDARDS, code, date(2025, 9, 1), residence)

    assert (standard.monthly_fen, standard.reason, standard.in_force_from) == (None, UNKNOWN, None)


ROW = """
- area: "440500"
  name: 汕头市
  residence: urban
  versions: [{version: a, in_force_from: 2020-01-01, source: 某文, monthly_fen: 1, edge_line_fen: null}]
"""
SAME_DAY = "{version: z, in_force_from: 2020-01-01, source: 某文, monthly_fen: 1, edge_line_fen: null}, "


def test_a_gap_must_be_explained():
    with pytest.raises(ValidationError):
        parse_standards(ROW.replace("monthly_fen: 1", "monthly_fen: null"))

    assert parse_standards(ROW.replace("monthly_fen: 1", "monthly_fen: null, note: 空缺"))


def test_an_area_stands_once_and_its_dates_rise():
    with pytest.raises(InvalidPolicy):
        parse_standards(ROW + ROW)
    with pytest.raises(InvalidPolicy):
        parse_standards("a: 1")
    with pytest.raises(ValidationError):
        parse_standards(ROW.replace("versions: [", "versions: [" + SAME_DAY))
