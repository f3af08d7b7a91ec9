import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households.criteria import CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import criteria_of
from app.kinds.golden_autumn.policy import MonthDay, Policy
from app.kinds.golden_autumn.rules import Facts, assess, judge, otherwise_in_file
from app.policy.decision import Cited
from app.policy.replay import canonical, facts_from, facts_json
from app.policy.versions import parse
from tests.kinds.books import BOOK
from tests.kinds.cases import (
    changed,
    check_changes_flip,
    check_decision_agrees,
    check_remedies_mend,
    check_texts_are_plain,
    read_cases,
)
from tests.said import Said
from tests.thorough import thorough

POLICY = BOOK.in_force("golden_autumn", Policy, date(2026, 8, 20))
CRITERIA = BOOK.in_force("household_criteria", CategoryPolicy, date(2026, 8, 20))

ORDINARY = Facts(
    applied_on=date(2026, 8, 20),
    household=HouseholdFacts(
        file_active=True,
        filed_on=date(2024, 3, 1),
        income_fen_yearly=3_000_000,
        rigid_spending_fen=1_200_000,
        members=3,
        primary_cause="child_schooling",
        minimum_living_standard_fen=87_200,
        minimum_living_standard_from=date(2025, 1, 1),
        minimum_living_standard_version="2025",
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


def judged(facts):
    return judge(facts, POLICY, CRITERIA)


def decide(facts):
    """By the versions of the day, as the service does."""
    policy = BOOK.in_force("golden_autumn", Policy, facts.applied_on)
    criteria = criteria_of(BOOK, facts.household, facts.applied_on)
    return assess(facts, policy, criteria, decided_on=facts.applied_on)


@pytest.mark.parametrize("case", read_cases(__file__), ids=lambda case: case.case)
def test_the_offices_cases(case):
    decision = decide(changed(ORDINARY, case.facts))

    case.check(decision)
    check_decision_agrees(decision)
    check_texts_are_plain(decision)


def test_what_is_said_in_the_offices_cases_is_what_was_agreed():
    said = Said()
    for case in read_cases(__file__):
        said.decision(case.case, decide(changed(ORDINARY, case.facts)))
    for number, (change, _) in enumerate(BY_VARIANT, 1):
        said.decision(f"另一标准第{number}例", by_variant(replace(ORDINARY, **change)))
    said.check(__file__)


def test_the_calculation_is_shown_step_by_step():
    decision = decide(replace(ORDINARY, other_grants_fen=(300_000, 72_000)))

    assert [(step.step, step.amount_fen) for step in decision.trace] == [
        ("stage_amount", 872_000),
        ("other_grants", -372_000),
    ]
    assert decision.trace[0].text == "深度困难家庭，本科资助标准：10个月低保标准，每月872.00元"


@pytest.mark.parametrize(
    ("enrolment", "in_file", "otherwise"),
    [
        ("continuing", {"name": "林小明", "schooling": "undergraduate"}, ()),
        ("continuing", {"name": "林小明", "schooling": "senior_high"}, ("schooling",)),
        ("continuing", {"name": "林小名", "schooling": "senior_high"}, ("name", "schooling")),
        ("continuing", {"name": "林小明", "schooling": None}, ()),
        ("continuing", {"name": "林小明"}, ()),
        ("new", {"name": "林小明", "schooling": "senior_high"}, ()),
        ("new", {"name": "林小名", "schooling": "senior_high"}, ("name",)),
    ],
)
def test_a_student_is_compared_with_the_file_and_a_new_one_not_by_the_stage(enrolment, in_file, otherwise):
    assert otherwise_in_file("林小明", "undergraduate", enrolment, in_file) == otherwise


def test_what_the_file_says_otherwise_is_told_and_decides_nothing():
    def member(*otherwise):
        decision = decide(replace(ORDINARY, otherwise_in_file=otherwise or None))
        assert decision.amount_fen == 872_000
        return next(each.given for each in decision.reasons if each.rule == "student_in_household")

    assert member() == "已登记"
    assert member("name", "schooling") == "已登记；档案中的姓名、学业阶段与申请不同，请审核时核对"


def test_facts_from_before_the_student_was_compared_are_read_as_agreeing():
    written = json.loads(facts_json(ORDINARY))
    assert written.pop("otherwise_in_file") is None
    assert facts_from(Facts, canonical(written)) == ORDINARY


def test_the_versions_that_a_decision_rests_on_are_cited():
    assert decide(ORDINARY).policy.rests_on == (
        Cited("household_criteria", "B-2020"),
        Cited("minimum_living_standard", "2025"),
    )
    assert decide(ORDINARY).policy.kind == "golden_autumn"


def test_who_comes_too_early_is_told_the_first_day():
    change = decide(replace(ORDINARY, applied_on=date(2026, 6, 30), admitted_on=date(2026, 6, 1))).changes[0]

    assert change.can_change
    assert "2026年7月1日" in change.text


def test_a_stage_that_was_not_aided_is_changed_into_the_highest_that_was():
    early = BOOK.of("golden_autumn", Policy)[0]
    facts = replace(ORDINARY, stage="postgraduate")
    found = {each.reason.rule: each for each in judge(facts, early, CRITERIA).findings}

    assert found["stage_offered"].remedy.apply(facts) == replace(facts, stage="undergraduate")


def test_a_day_that_not_every_year_has_cannot_open_a_window():
    with pytest.raises(ValidationError):
        MonthDay(month=2, day=29)


@pytest.mark.parametrize(
    ("change", "can_change"),
    [
        ({"student_is_member": False}, {"student_in_household": True}),
        ({"student_is_member": None}, {"student_in_household": False}),
        ({"applied_on": date(2026, 6, 30), "admitted_on": date(2026, 6, 1)}, {"academic_year_window": True}),
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
    programme_type=st.sampled_from(["ordinary", "ordinary", "sino_foreign"]),
)
likely_facts = st.builds(
    replace,
    st.just(ORDINARY),
    household=known_households,
    stage=st.sampled_from(["senior_high", "undergraduate"]),
    other_grants_fen=st.lists(st.integers(0, 600_000), max_size=2).map(tuple),
)


@thorough
@given(any_facts | likely_facts)
def test_the_amount_is_never_above_the_months_and_every_decision_agrees_with_itself(facts):
    decision = decide(facts)

    check_decision_agrees(decision)
    check_texts_are_plain(decision)
    if decision.amount_fen:
        months = 6 if facts.stage in ("senior_high", "secondary_vocational") else 10
        cap_fen = months * facts.household.minimum_living_standard_fen
        assert decision.amount_fen + sum(facts.other_grants_fen) <= cap_fen


@thorough
@given(likely_facts, st.integers(0, 10_000_000))
def test_more_income_never_gives_a_larger_grant(facts, more):
    household = facts.household
    richer = replace(facts, household=replace(household, income_fen_yearly=household.income_fen_yearly + more))

    assert decide(richer).amount_fen <= decide(facts).amount_fen


@thorough
@given(likely_facts, amounts)
def test_a_further_grant_from_others_never_gives_more(facts, more):
    further = replace(facts, other_grants_fen=(*facts.other_grants_fen, more))

    assert decide(further).amount_fen <= decide(facts).amount_fen


@thorough
@given(any_facts | likely_facts)
def test_the_changes_together_flip_a_refusal_and_each_of_them_is_needed(facts):
    check_changes_flip(facts, judged)


@thorough
@given(any_facts)
def test_each_remedy_mends_its_own_rule(facts):
    check_remedies_mend(facts, judged)


@thorough
@given(any_facts)
def test_a_decision_can_be_replayed_from_its_stored_facts(facts):
    stored = facts_json(facts)

    assert decide(facts_from(Facts, stored)) == decide(facts)
    assert facts_json(facts_from(Facts, stored)) == stored


VARIANT = """
- version: test
  area: "440500"
  in_force_from: 2024-01-01
  source: 某市2025年金秋助学标准（样例）
  windows:
    source: 样例：在读8月15日截止，新生8月31日截止
    new: {opens: {month: 7, day: 1}, closes: {month: 8, day: 31}, closes_next_year: false}
    continuing: {opens: {month: 7, day: 1}, closes: {month: 8, day: 15}, closes_next_year: false}
  stages:
    source: 样例：高等教育7500元、6000元，高中4000元、3000元，不超过10个月低保
    high_fee_source: 样例
    senior_high:
      grant_fen: {deep: 400_000, relative: 300_000, accident: null}
      cap_months: {deep: 10, relative: 10, accident: 3}
      high_fee_above_fen: 500_000
    secondary_vocational: null
    junior_college: null
    undergraduate:
      grant_fen: {deep: 900_000, relative: 600_000, accident: 600_000}
      cap_months: {deep: 10, relative: 10, accident: 10}
      high_fee_above_fen: 500_000
    postgraduate: null
  other_grants: {rule: exclude, source: 样例：已获其他资助的不再资助}
  excluded_programmes: {types: [study_abroad], source: 样例}
  admission: {dated_from: {month: 3, day: 1}, source: 样例}
"""


def by_variant(facts):
    return assess(facts, parse(Policy, VARIANT)[0], CRITERIA, decided_on=facts.applied_on)


RELATIVE = replace(ORDINARY.household, income_fen_yearly=4_500_000)
ACCIDENT = replace(
    ORDINARY.household, income_fen_yearly=9_000_000, primary_cause="accident", accident_cost_fen=7_200_001
)


BY_VARIANT = [
    ({}, 872_000),  # 9,000 fixed, 8,720 at most
    ({"household": RELATIVE}, 600_000),
    ({"stage": "senior_high", "tuition_fen": 0}, 400_000),
    ({"stage": "senior_high", "tuition_fen": 0, "household": RELATIVE}, 300_000),
    ({"stage": "senior_high", "tuition_fen": 0, "household": ACCIDENT}, 261_600),
    ({"applied_on": date(2026, 8, 31)}, 872_000),
    ({"applied_on": date(2026, 9, 1)}, 0),
    ({"enrolment": "continuing", "applied_on": date(2026, 8, 15)}, 872_000),
    ({"enrolment": "continuing", "applied_on": date(2026, 8, 16)}, 0),
    ({"stage": "postgraduate"}, 0),
    ({"other_grants_fen": (1,)}, 0),
    ({"other_grants_fen": (0,)}, 872_000),
    ({"programme_type": "targeted"}, 872_000),
    ({"programme_type": "study_abroad"}, 0),
    ({"admitted_on": date(2026, 3, 1)}, 872_000),
    ({"admitted_on": date(2026, 2, 28)}, 0),
]


@pytest.mark.parametrize(("change", "amount_fen"), BY_VARIANT)
def test_fixed_grants_separate_windows_and_other_exclusions_are_a_matter_of_the_document(change, amount_fen):
    facts = replace(ORDINARY, **change)
    decision = by_variant(facts)

    assert decision.amount_fen == amount_fen
    check_decision_agrees(decision)
    check_changes_flip(facts, lambda known: judge(known, parse(Policy, VARIANT)[0], CRITERIA))


@pytest.mark.parametrize(
    ("enrolment", "applied_on", "timely"),
    [
        ("new", date(2026, 9, 1), date(2026, 8, 31)),
        ("continuing", date(2026, 9, 1), date(2026, 8, 15)),
        ("new", date(2026, 6, 30), date(2026, 7, 1)),
    ],
)
def test_who_comes_at_another_time_is_supposed_to_come_at_the_nearest_right_one(enrolment, applied_on, timely):
    facts = replace(ORDINARY, enrolment=enrolment, applied_on=applied_on)
    found = {each.reason.rule: each for each in judge(facts, parse(Policy, VARIANT)[0], CRITERIA).findings}

    assert found["academic_year_window"].remedy.apply(facts) == replace(facts, applied_on=timely)


def test_a_document_that_excludes_no_programme_and_any_other_grant_says_so():
    variant = parse(Policy, VARIANT.replace("types: [study_abroad]", "types: []"))[0]
    found = {each.reason.rule: each.reason for each in judge(ORDINARY, variant, CRITERIA).findings}

    assert found["programme_not_excluded"].needed == "就读类型不限"
    assert found["grant_left_after_others"].needed == "没有其他单位的资助"


def test_another_grant_that_excludes_leaves_nothing_in_the_calculation():
    steps = by_variant(replace(ORDINARY, other_grants_fen=(1,))).trace

    assert [(step.step, step.amount_fen) for step in steps] == [
        ("stage_amount", 900_000),
        ("stage_cap", -28_000),
        ("other_grants", -872_000),
        ("refused", 0),
    ]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{month: 8, day: 15}", "{month: 2, day: 29}", "day_not_every_year"),
        ("{month: 8, day: 15}", "{month: 6, day: 30}", "window_closes_first"),
        ("dated_from: {month: 3, day: 1}", "dated_from: {month: 7, day: 2}", "admission_after_opening"),
        ("rule: exclude", "rule: ignore", "literal_error"),
        ("types: [study_abroad]", "types: [ordinary]", "literal_error"),
        ("high_fee_above_fen: 500_000", "high_fee_above_yuan: 5_000", "extra_forbidden"),
        ("cap_months: {deep: 10, relative: 10, accident: 3}", "cap_months: {deep: 10, relative: 10}", "missing"),
        ("deep: 900_000", "deep: 0", "greater_than"),
        ("closes_next_year: false", "closes_next_year: 0", "bool_type"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused_by_place(old, new, code):
    assert old in VARIANT
    with pytest.raises(ValidationError) as refused:
        parse(Policy, VARIANT.replace(old, new))

    assert code in [each["type"] for each in refused.value.errors()]
