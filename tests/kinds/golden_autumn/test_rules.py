from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households.rules import CategoryPolicy, HouseholdFacts
from app.kinds.golden_autumn.forms import GoldenAutumnForm
from app.kinds.golden_autumn.rules import Facts, MonthDay, Policy, assess
from app.policy.decision import from_plain, plain
from app.policy.replay import facts_from, facts_json
from app.policy.versions import in_force, load
from tests.kinds.cases import changed, check_changes_flip, check_texts_are_plain, read_cases

POLICY = in_force(load(Policy, "app.kinds.golden_autumn"), date(2026, 8, 20))
CATEGORIES = in_force(load(CategoryPolicy, "app.households"), date(2026, 8, 20))

ORDINARY = Facts(
    applied_on=date(2026, 8, 20),
    household=HouseholdFacts(
        file_active=True,
        income_fen_yearly=3_000_000,
        rigid_spending_fen=1_200_000,
        members=3,
        primary_cause="child_schooling",
        minimum_living_standard_fen=87_200,
        minimum_living_standard_from=date(2025, 1, 1),
        minimum_living_standard_source="汕头市2025年城乡低保标准",
    ),
    student_is_member=True,
    stage="undergraduate",
    school_public=True,
    enrolment="new",
    academic_year=2026,
    tuition_fen=685_000,
    admitted_on=date(2026, 7, 25),
    granted_for_this_year=False,
    other_grants_fen=(),
)


def decide(facts):
    return assess(facts, POLICY, CATEGORIES, decided_on=facts.applied_on)


@pytest.mark.parametrize("case", read_cases(__file__), ids=lambda case: case.case)
def test_the_offices_cases(case):
    decision = decide(changed(ORDINARY, case.facts))

    case.check(decision)
    check_texts_are_plain(decision)


def test_the_calculation_is_shown_step_by_step():
    decision = decide(replace(ORDINARY, other_grants_fen=(300_000, 72_000)))

    assert [(step.step, step.amount_fen) for step in decision.trace] == [
        ("household_income", 3_000_000),
        ("household_rigid_spending", -1_200_000),
        ("household_net_per_head_month", 50_000),
        ("minimum_living_standard", 87_200),
        ("stage_amount", 872_000),
        ("other_grants", -372_000),
        ("payable", 500_000),
    ]
    assert "10个月低保标准" in decision.trace[4].text


def test_who_comes_too_early_is_told_the_first_day():
    change = decide(replace(ORDINARY, applied_on=date(2026, 6, 30))).changes[0]

    assert change.can_change
    assert "2026年7月1日" in change.text


def test_a_day_that_not_every_year_has_cannot_open_a_window():
    with pytest.raises(ValidationError):
        MonthDay(month=2, day=29)


@pytest.mark.parametrize(
    ("change", "can_change"),
    [
        ({"student_is_member": False}, {"student_in_household": True}),
        ({"applied_on": date(2026, 6, 30)}, {"academic_year_window": True}),
        ({"applied_on": date(2027, 7, 1)}, {"academic_year_window": False}),
        ({"granted_for_this_year": True}, {"one_grant_per_academic_year": False}),
        ({"school_public": False, "tuition_fen": 3_000_000}, {"school_not_high_fee": False}),
        ({"school_public": False, "tuition_fen": None}, {"school_not_high_fee": True}),
        ({"admitted_on": None}, {"admission_given": True}),
        ({"other_grants_fen": (872_000,)}, {"grant_left_after_others": False}),
    ],
)
def test_it_is_said_whether_the_worker_can_do_something(change, can_change):
    decision = decide(replace(ORDINARY, **change))

    assert {each.rule: each.can_change for each in decision.changes} == can_change


amounts = st.integers(0, 5_000_000)
maybe = st.sampled_from([True, False, None])
households = st.builds(
    HouseholdFacts,
    file_active=maybe,
    income_fen_yearly=st.none() | st.integers(0, 15_000_000),
    rigid_spending_fen=st.none() | st.integers(0, 15_000_000),
    members=st.none() | st.integers(0, 8),
    primary_cause=st.sampled_from([None, "accident", "child_schooling"]),
    accident_cost_fen=st.none() | amounts,
    minimum_living_standard_fen=st.sampled_from([None, 77_200, 87_200]),
)
known_households = st.builds(
    replace, st.just(ORDINARY.household), file_active=st.booleans(), income_fen_yearly=st.integers(0, 10_000_000)
)
any_facts = st.builds(
    Facts,
    applied_on=st.dates(date(2025, 6, 1), date(2027, 8, 1)),
    household=households | known_households,
    student_is_member=maybe,
    stage=st.sampled_from(["senior_high", "secondary_vocational", "junior_college", "undergraduate", "postgraduate"]),
    school_public=maybe,
    enrolment=st.sampled_from(["new", "continuing"]),
    academic_year=st.integers(2025, 2027),
    tuition_fen=st.none() | amounts,
    admitted_on=st.none() | st.dates(date(2025, 1, 1), date(2027, 8, 1)),
    granted_for_this_year=maybe,
    other_grants_fen=st.lists(amounts, max_size=3).map(tuple),
)
likely_facts = st.builds(
    replace,
    st.just(ORDINARY),
    household=known_households,
    stage=st.sampled_from(["senior_high", "undergraduate"]),
    other_grants_fen=st.lists(st.integers(0, 600_000), max_size=2).map(tuple),
)


@settings(deadline=None, max_examples=300)
@given(any_facts | likely_facts)
def test_the_amount_is_never_above_ten_months_and_a_refusal_always_says_why(facts):
    decision = decide(facts)
    failed = [reason.rule for reason in decision.reasons if reason.met is not True]

    assert (decision.outcome == "eligible") is not bool(failed)
    assert (decision.amount_fen > 0) is (decision.outcome == "eligible")
    assert [change.rule for change in decision.changes] == failed
    assert decision == decide(facts)
    check_texts_are_plain(decision)
    if decision.amount_fen:
        months = 6 if facts.stage in ("senior_high", "secondary_vocational") else 10
        cap_fen = months * facts.household.minimum_living_standard_fen
        assert decision.amount_fen + sum(facts.other_grants_fen) <= cap_fen


@settings(deadline=None)
@given(likely_facts, st.integers(0, 10_000_000))
def test_more_income_never_gives_a_larger_grant(facts, more):
    household = facts.household
    richer = replace(facts, household=replace(household, income_fen_yearly=household.income_fen_yearly + more))

    assert decide(richer).amount_fen <= decide(facts).amount_fen


@settings(deadline=None)
@given(likely_facts, amounts)
def test_a_further_grant_from_others_never_gives_more(facts, more):
    further = replace(facts, other_grants_fen=(*facts.other_grants_fen, more))

    assert decide(further).amount_fen <= decide(facts).amount_fen


def mend_category(facts):
    """The further spending that the change names."""
    change = next(each for each in decide(facts).changes if each.rule == "household_category")
    wanting = int(change.text.split("再有")[1].split("元")[0].replace(",", "").replace(".", ""))
    household = facts.household
    return replace(facts, household=replace(household, rigid_spending_fen=household.rigid_spending_fen + wanting))


REMEDIES = {
    "household_file_active": lambda facts: replace(facts, household=replace(facts.household, file_active=True)),
    "household_category": mend_category,
    "student_in_household": lambda facts: replace(facts, student_is_member=True),
    "academic_year_window": lambda facts: replace(facts, applied_on=date(facts.academic_year, 7, 1)),
    "one_grant_per_academic_year": lambda facts: replace(facts, granted_for_this_year=False),
    "school_not_high_fee": lambda facts: replace(facts, school_public=True),
    "admission_given": lambda facts: replace(facts, admitted_on=facts.applied_on),
    "grant_left_after_others": lambda facts: replace(facts, other_grants_fen=()),
}


@settings(deadline=None, max_examples=500)
@given(st.builds(replace, any_facts, household=known_households, other_grants_fen=st.sampled_from([(), (100_000,)])))
def test_the_changes_together_flip_a_refusal_and_each_of_them_is_needed(facts):
    check_changes_flip(facts, decide, REMEDIES)


@given(any_facts)
def test_a_decision_can_be_replayed_from_its_stored_facts(facts):
    stored, decision = facts_json(facts), decide(facts)
    again = assess(facts_from(Facts, stored), POLICY, CATEGORIES, decided_on=decision.decided_on)

    assert again == from_plain(plain(decision))


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

    assert (form.admitted_on, form.other_grants, form.file_ids) == (None, [], [])


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
        ({"household_id": "x"}, "extra_forbidden"),
    ],
)
def test_a_form_that_is_not_exactly_so_is_refused_by_name(change, code):
    with pytest.raises(ValidationError) as error:
        GoldenAutumnForm.model_validate(FORM | change)

    assert [each["type"] for each in error.value.errors()] == [code]
