"""The form as the mini-program sends it, and the case file that an official writes."""

from dataclasses import asdict
from datetime import date

import pytest
from pydantic import ValidationError

from app.kinds.secondary_medical.case import Case, facts_of, judge_case, policy_of
from app.kinds.secondary_medical.forms import SecondaryMedicalForm
from app.policy.drafts import field_errors
from tests.kinds.secondary_medical.reading import ORDINARY, book

SHEET = {name: value for name, value in asdict(ORDINARY.settlement).items() if name != "settled_on"}
FORM = {
    "cover_id": "019a0000-0000-7000-8000-000000000001",
    "stay": {
        "hospital_code": "H44050700123",
        "hospital_name": "汕头市中心医院",
        "cause": "illness",
        "admitted_on": "2022-06-01",
        "discharged_on": "2022-06-10",
        "diagnosis": "肺炎",
    },
    "settlement": {"number": "440500G0000012345", "settled_at": "2022-06-10T23:30:00+08:00", **SHEET},
}


def test_a_form_as_the_mini_program_sends_it_is_read():
    form = SecondaryMedicalForm.model_validate(FORM)

    assert form.settlement.facts() == ORDINARY.settlement
    assert SecondaryMedicalForm.model_validate(form.model_dump(mode="json")) == form
    assert SecondaryMedicalForm.model_validate({key: FORM[key] for key in ("stay", "settlement")}).cover_id is None


def test_the_settlement_day_is_that_of_shanghai():
    form = SecondaryMedicalForm.model_validate(
        FORM | {"settlement": FORM["settlement"] | {"settled_at": "2022-06-10T16:00:00Z"}}
    )

    assert form.settlement.facts().settled_on == date(2022, 6, 11)


@pytest.mark.parametrize(
    ("part", "change", "code"),
    [
        ("stay", {"cause": "assault"}, "literal_error"),
        ("stay", {"discharged_on": "2022-05-31"}, "stay_dates"),
        ("stay", {"admitted_on": 20220601}, "date_format"),
        ("stay", {"hospital_code": "汕头"}, "code_characters"),
        ("stay", {"doctor": "x"}, "extra_forbidden"),
        ("settlement", {"settled_at": "2022-06-10"}, "instant_format"),
        ("settlement", {"number": ""}, "text_empty"),
        ("settlement", {"hifp_pay_fen": -1}, "greater_than_equal"),
        ("settlement", {"hifp_pay_fen": "1"}, "int_type"),
        ("settlement", {"hifes_pay_fen": 1}, "extra_forbidden"),
    ],
)
def test_a_form_that_is_not_exactly_so_is_refused_by_name(part, change, code):
    with pytest.raises(ValidationError) as error:
        SecondaryMedicalForm.model_validate(FORM | {part: FORM[part] | change})

    assert [each["type"] for each in error.value.errors()] == [code]


@pytest.mark.parametrize("missing", sorted(SHEET))
def test_no_figure_of_the_sheet_may_be_left_out(missing):
    settlement = {key: value for key, value in FORM["settlement"].items() if key != missing}

    with pytest.raises(ValidationError) as error:
        SecondaryMedicalForm.model_validate(FORM | {"settlement": settlement})

    assert [each["loc"] for each in error.value.errors()] == [("settlement", missing)]


CASE = {
    "event_date": "2022-06-20",
    "form": FORM,
    "cover": {"starts_on": "2022-01-01", "ends_on": "2022-12-31", "joining": "new"},
}


def test_a_case_file_is_judged_by_the_version_that_governs_it():
    case = Case.model_validate(CASE)

    assert facts_of(case, book("policy")) == ORDINARY
    policy = policy_of(case, book("policy"))
    assert policy.version == "GD-B"
    assert judge_case(case, policy, book("policy")).amount_fen == 240_000


def test_a_case_file_says_what_was_paid_before():
    before = {"line": "in_pool", "amount_fen": 240_000, "paid_for": "2022-03-01", "in_term": True}
    case = Case.model_validate(CASE | {"paid_before": [before]})

    assert judge_case(case, policy_of(case, book("policy")), book("policy")).amount_fen == 210_000


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"event_date": "20/6/2022"}, "/event_date", "date_format"),
        ({"area": "汕头"}, "/area", "string_pattern_mismatch"),
        ({"cover": CASE["cover"] | {"ends_on": "2021-12-31"}}, "/cover", "term_order"),
        ({"cover": CASE["cover"] | {"joining": "maybe"}}, "/cover/joining", "literal_error"),
        ({"paid_before": [{"line": "in_pool"}]}, "/paid_before/0/amount_fen", "missing"),
        ({"household": {}}, "", "extra_forbidden"),
    ],
)
def test_a_case_file_that_is_not_exactly_so_is_refused_with_its_place(change, pointer, code):
    with pytest.raises(ValidationError) as error:
        Case.model_validate(CASE | change)

    found = field_errors(error.value.errors())
    assert (pointer, code) in {(each.pointer, each.code) for each in found}
    assert all(not each.message.isascii() for each in found)
