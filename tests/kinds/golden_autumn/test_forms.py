from datetime import date

import pytest
from pydantic import ValidationError

from app.kinds.golden_autumn.case import Case, judge_case
from app.kinds.golden_autumn.forms import GoldenAutumnForm
from app.policy.decision import Cited
from tests.kinds.books import BOOK
from tests.kinds.golden_autumn.test_rules import POLICY

CASE = {
    "event_date": "2026-08-20",
    "household": {
        "file_active": True,
        "filed_on": "2024-03-01",
        "income_fen_yearly": 3_000_000,
        "rigid_spending_fen": 1_200_000,
        "members": 3,
        "primary_cause": "child_schooling",
    },
    "student_is_member": True,
    "granted_for_this_year": False,
}


def test_a_case_file_is_judged_by_the_versions_of_its_day():
    decision = judge_case(Case.model_validate(CASE | {"form": FORM}), POLICY, BOOK)

    assert (decision.amount_fen, decision.policy.version) == (772_000, "2020")
    assert decision.policy.rests_on[1] == Cited("minimum_living_standard", "2025-edge")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"household": None}, "household_file_active"),
        ({"event_date": "2023-08-20"}, "minimum_living_standard_unknown"),
        ({"student_is_member": None}, "student_in_household"),
        ({"granted_for_this_year": None}, "one_grant_per_academic_year"),
    ],
)
def test_what_a_case_does_not_say_refuses_by_name(change, rule):
    decision = judge_case(Case.model_validate(CASE | {"form": FORM} | change), POLICY, BOOK)

    assert rule in [reason.rule for reason in decision.reasons if reason.met is not True]


FORM = {
    "student": {"name": "陈小明", "id_number": "44052418800101001４", "relation": "child"},
    "stage": "undergraduate",
    "school": "汕头大学",
    "school_public": True,
    "enrolment": "new",
    "academic_year": 2026,
    "tuition_fen": 685_000,
    "admitted_on": "2026-07-25",
    "other_grants": [{"giver": "某基金会", "amount_fen": 100_000}],
}


def test_a_form_as_the_mini_program_sends_it_is_read():
    form = GoldenAutumnForm.model_validate(FORM)

    assert form.student.id_number == "440524188001010014"
    assert form.admitted_on == date(2026, 7, 25)
    assert GoldenAutumnForm.model_validate(form.model_dump(mode="json")) == form


def test_what_is_optional_may_be_left_out():
    form = GoldenAutumnForm.model_validate(
        {key: FORM[key] for key in FORM if key not in ("admitted_on", "other_grants")}
    )

    assert (form.admitted_on, form.other_grants, form.file_ids, form.programme_type) == (None, [], [], None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"stage": "primary"}, "literal_error"),
        ({"enrolment": "leave"}, "literal_error"),
        ({"academic_year": 1999}, "greater_than_equal"),
        ({"academic_year": 2101}, "less_than_equal"),
        ({"academic_year": "2026"}, "int_type"),
        ({"school_public": "true"}, "bool_type"),
        ({"school_public": 1}, "bool_type"),
        ({"tuition_fen": None}, "int_type"),
        ({"admitted_on": "2026/07/25"}, "date_format"),
        ({"student": FORM["student"] | {"id_number": "440524188001010015"}}, "id_number_checksum"),
        ({"student": FORM["student"] | {"relation": "friend"}}, "literal_error"),
        ({"student": FORM["student"] | {"name": "x1"}}, "name_characters"),
        ({"other_grants": [{"giver": "某基金会", "amount_fen": -1}]}, "greater_than_equal"),
        ({"other_grants": [FORM["other_grants"][0]] * 21}, "too_long"),
        ({"programme_type": "evening"}, "literal_error"),
        ({"household_id": "x"}, "extra_forbidden"),
    ],
)
def test_a_form_that_is_not_exactly_so_is_refused_by_name(change, code):
    with pytest.raises(ValidationError) as error:
        GoldenAutumnForm.model_validate(FORM | change)

    assert [each["type"] for each in error.value.errors()] == [code]
