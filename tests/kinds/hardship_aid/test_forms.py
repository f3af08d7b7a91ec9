import json
from datetime import date

import pytest
from pydantic import ValidationError

from app.kinds.hardship_aid.case import Case, judge_case
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.kinds.hardship_aid.policy import Policy
from app.policy.decision import Cited
from tests.kinds.books import BOOK
from tests.kinds.hardship_aid.test_rules import POLICY

FORM = {
    "item": "medical",
    "requested_fen": 500_000,
    "reason": "住院\n自付较多",
    "medical": {"self_paid_fen": 1_200_000, "mutual_aid_paid_fen": 400_000, "settled_on": "2025-08-01"},
    "file_ids": ["019a0000-0000-7000-8000-000000000001"],
}


def test_a_form_as_the_mini_program_sends_it_is_read():
    form = HardshipAidForm.model_validate(FORM)

    assert form.medical
    assert form.medical.settled_on == date(2025, 8, 1)
    assert HardshipAidForm.model_validate(form.model_dump(mode="json")) == form
    assert HardshipAidForm.model_validate_json(form.model_dump_json()) == form


def test_files_and_costs_of_other_items_may_be_left_out():
    form = HardshipAidForm.model_validate({"item": "living", "requested_fen": 1, "reason": "生活困难"})

    assert (form.file_ids, form.medical, form.accident) == ([], None, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"item": "housing"}, "literal_error"),
        ({"requested_fen": "500000"}, "int_type"),
        ({"requested_fen": 1.0}, "int_type"),
        ({"requested_fen": True}, "int_type"),
        ({"requested_fen": -1}, "greater_than_equal"),
        ({"requested_fen": 10**12 + 1}, "less_than_equal"),
        ({"reason": ""}, "text_empty"),
        ({"reason": None}, "string_type"),
        ({"medical": None}, "medical_required"),
        ({"item": "accident"}, "accident_required"),
        ({"medical": FORM["medical"] | {"settled_on": "2025-8-1"}}, "date_format"),
        ({"medical": FORM["medical"] | {"invoice": "1"}}, "extra_forbidden"),
        ({"amount_fen": 5}, "extra_forbidden"),
        ({"file_ids": ["1"]}, "id_format"),
    ],
)
def test_a_form_that_is_not_exactly_so_is_refused_by_name(change, code):
    with pytest.raises(ValidationError) as error:
        HardshipAidForm.model_validate(FORM | change)

    assert [each["type"] for each in error.value.errors()] == [code]


@pytest.mark.parametrize("missing", ["item", "requested_fen", "reason"])
def test_what_every_application_needs_cannot_be_left_out(missing):
    with pytest.raises(ValidationError) as error:
        HardshipAidForm.model_validate({key: value for key, value in FORM.items() if key != missing})

    assert [(each["loc"], each["type"]) for each in error.value.errors()] == [((missing,), "missing")]


CASE = {
    "event_date": "2025-09-01",
    "form": {"item": "living", "requested_fen": 10_000_000, "reason": "生活困难"},
    "household": {
        "file_active": True,
        "filed_on": "2024-03-01",
        "income_fen_yearly": 3_000_000,
        "rigid_spending_fen": 1_200_000,
        "members": 3,
        "primary_cause": "serious_illness",
    },
}


def test_a_case_file_is_judged_by_the_versions_of_its_day():
    decision = judge_case(Case.model_validate(CASE), POLICY, BOOK)

    assert (decision.amount_fen, decision.policy.version) == (1_046_400, "2020")
    assert decision.policy.rests_on == (
        Cited("household_criteria", "B-2020"),
        Cited("minimum_living_standard", "2025-edge"),
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"household": None}, "household_file_active"),
        ({"event_date": "2023-09-01"}, "minimum_living_standard_unknown"),
        ({"area": "440600"}, "minimum_living_standard_unknown"),
        ({"form": CASE["form"] | {"item": "temporary"}}, "temporary_without_file"),
        (
            {
                "household": None,
                "form": CASE["form"] | {"item": "temporary"},
                "temporary_paid_before_fen": None,
            },
            "yearly_room_left",
        ),
        (
            {"paid_before": [{"kind": "hardship_aid", "item": "living", "amount_fen": 1_046_400}]},
            "yearly_room_left",
        ),
    ],
)
def test_what_a_case_says_or_does_not_say_refuses_by_name(change, rule):
    decision = judge_case(Case.model_validate(CASE | change), POLICY, BOOK)

    assert rule in [reason.rule for reason in decision.reasons if reason.met is not True]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"event_date": "2025-9-1"}, ("event_date",)),
        ({"household": CASE["household"] | {"members": "3"}}, ("household", "members")),
        ({"household": {"income_fen_yearly": 1}}, ("household", "file_active")),
        ({"form": CASE["form"] | {"requested_yuan": 1}}, ("form", "requested_yuan")),
        ({"paid_before": [{"kind": "loan", "amount_fen": 1}]}, ("paid_before", 0, "kind")),
    ],
)
def test_a_case_that_is_not_exactly_so_is_refused_with_its_place(change, place):
    with pytest.raises(ValidationError) as refused:
        Case.model_validate(CASE | change)

    assert [each["loc"] for each in refused.value.errors()] == [place]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            {"approvals": {"levels": [{"level": "national", "above_fen": 1}, {"level": "province", "above_fen": 2}]}},
            "approvals_not_rising",
        ),
        (
            {"approvals": {"levels": [{"level": "province", "above_fen": 2}, {"level": "national", "above_fen": 2}]}},
            "approvals_not_rising",
        ),
        ({"medical": {"rate_bp": {"deep": 10_001}}}, "less_than_equal"),
        ({"medical": {"rate_bp": {"deep": 0}}}, "greater_than"),
        ({"medical": {"cap_yuan": 20_000}}, "extra_forbidden"),
        ({"living": {"cap_months": {"deep": "12"}}}, "int_type"),
        ({"living": {"source": ""}}, "string_too_short"),
        ({"one_item": {"categories": ["poor"]}}, "literal_error"),
        ({"living": None, "medical": None, "accident": None, "temporary": None}, "no_item_offered"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused_by_place(change, code):
    document = merged(json.loads(POLICY.model_dump_json()), change)
    with pytest.raises(ValidationError) as refused:
        Policy.model_validate_json(json.dumps(document))

    assert [each["type"] for each in refused.value.errors()] == [code]


def merged(old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {key: merged(old.get(key), value) for key, value in new.items()}
    return new
