"""What the household file tells the rules."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from app.households.forms import DECLARED, HouseholdForm
from app.households.queries import facts_of
from tests.kinds.books import BOOK

ON = date(2026, 9, 1)
FILED = {"state": "active", "submitted_at": datetime(2019, 12, 31, 16, 30, tzinfo=UTC)}
FORM = {
    "head": {"name": "陈小明", "id_number": "440524188001010014", "health": "healthy"},
    "members": [
        {
            "name": "林阿妹",
            "id_number": "11010519491231002X",
            "relation": "spouse",
            "health": "healthy",
            "income_fen_yearly": 0,
        }
    ],
    "address": "龙湖区金霞街道",
    "division_code": "440507",
    "housing": "private_rental",
    "income_fen_yearly": 3_000_000,
    "rigid_spending": [
        {"kind": "illness", "amount_fen": 100},
        {"kind": "accident", "amount_fen": 20},
        {"kind": "accident", "amount_fen": 3},
        {"kind": "necessary_work_cost", "amount_fen": 4_000},
    ],
    "primary_cause": "laid_off",
}


def facts(change=None, row=FILED, on=ON):
    form = HouseholdForm.model_validate(FORM | (change or {})).model_dump(mode="json", exclude_unset=True)
    return facts_of(form, row, on, BOOK)


def test_spending_is_summed_whole_and_by_what_it_was_for():
    known = facts()

    assert (known.rigid_spending_fen, known.necessary_work_cost_fen, known.accident_cost_fen) == (4_123, 4_000, 23)
    assert known.members == 2


def test_an_illness_counts_as_grave_only_where_the_file_says_so():
    ill = FORM["members"][0] | {"health": "serious_illness"}

    assert facts().grave_illness_cost_fen == 0
    assert facts({"members": [ill]}).grave_illness_cost_fen == 100
    assert facts({"secondary_causes": ["serious_illness"]}).grave_illness_cost_fen == 100


@pytest.mark.parametrize(
    ("change", "circumstances"),
    [
        ({}, ("illness", "laid_off")),
        ({"rigid_spending": []}, ("laid_off",)),
        ({"rigid_spending": [], "single_parent": True}, ("laid_off", "single_parent")),
        ({"rigid_spending": [], "secondary_causes": ["accident"]}, ("accident", "laid_off")),
        ({"rigid_spending": [{"kind": "schooling", "amount_fen": 1}]}, ("child_schooling", "laid_off")),
        ({"rigid_spending": [{"kind": "disability", "amount_fen": 1}]}, ("disability", "laid_off")),
        ({"rigid_spending": [], "head": FORM["head"] | {"health": "disabled"}}, ("disability", "laid_off")),
        ({"rigid_spending": [], "head": FORM["head"] | {"health": "chronic_illness"}}, ("illness", "laid_off")),
        (
            {"rigid_spending": [], "head": FORM["head"] | {"health": "serious_illness"}},
            ("illness", "laid_off", "serious_illness"),
        ),
    ],
)
def test_circumstances_follow_from_causes_health_and_spending(change, circumstances):
    assert facts(change).circumstances == circumstances


def test_the_day_of_filing_is_the_business_day_in_shanghai():
    assert facts().filed_on == date(2020, 1, 1)


def test_what_nobody_declared_is_not_known_and_nothing_more_is_required():
    known = facts()

    assert {name: getattr(known, name) for name in DECLARED} == dict.fromkeys(DECLARED)


def test_what_is_declared_reaches_the_rules_under_its_own_name():
    declared = {
        "financial_assets_fen": 5,
        "receives_dibao": True,
        "months_below": 6,
        "homes": 1,
        "runs_business": False,
        "private_car": True,
        "non_dwelling_property": False,
        "high_fee_school": False,
        "study_abroad": False,
        "able_adult_not_working": False,
        "migrant_worker": True,
        "union_member": True,
        "labour_relation_months": 12,
    }

    assert set(declared) == set(DECLARED)
    assert {name: getattr(facts(declared), name) for name in DECLARED} == declared


def test_the_standard_is_that_of_the_day_and_of_town_or_country():
    town, country = facts(), facts({"residence": "rural"})

    assert (town.minimum_living_standard_fen, town.edge_line_fen) == (87_200, 130_800)
    assert (country.minimum_living_standard_fen, country.edge_line_fen) == (81_700, None)
    assert facts(on=date(2023, 1, 1)).minimum_living_standard_fen is None
    assert facts({"division_code": "440106"}).minimum_living_standard_fen is None


def test_without_a_file_nothing_is_known_but_the_citys_standard():
    known = facts_of(None, None, ON, BOOK)

    assert (known.file_active, known.income_fen_yearly, known.minimum_living_standard_fen) == (False, None, 87_200)


@pytest.mark.parametrize("state", ["draft", "submitted", "returned", "suspended", "lifted"])
def test_a_file_is_active_only_where_it_was_opened(state):
    assert facts(row=FILED | {"state": state}).file_active is False


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"homes": -1}, "greater_than_equal"),
        ({"homes": "1"}, "int_type"),
        ({"private_car": 1}, "bool_type"),
        ({"residence": "city"}, "literal_error"),
        ({"financial_assets_fen": 1.5}, "int_type"),
        ({"months_below": 601}, "less_than_equal"),
        ({"savings_fen": 1}, "extra_forbidden"),
    ],
)
def test_a_declaration_that_is_not_exactly_so_is_refused_by_name(change, code):
    with pytest.raises(ValidationError) as refused:
        HouseholdForm.model_validate(FORM | change)

    assert [each["type"] for each in refused.value.errors()] == [code]
