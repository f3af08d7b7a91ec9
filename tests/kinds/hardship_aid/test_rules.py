from dataclasses import replace
from datetime import date

import pytest

from app.households.criteria import CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import criteria_of
from app.kinds.hardship_aid.facts import Facts, Granted
from app.kinds.hardship_aid.policy import Policy
from app.kinds.hardship_aid.rules import approval_level, assess, judge
from app.policy.decision import Cited
from tests.kinds.books import BOOK
from tests.kinds.cases import (
    changed,
    check_changes_flip,
    check_decision_agrees,
    check_texts_are_plain,
    read_cases,
)
from tests.said import Said

POLICY = BOOK.in_force("hardship_aid", Policy, date(2025, 9, 1))
OLD, CRITERIA = BOOK.of("household_criteria", CategoryPolicy)

ORDINARY = Facts(
    applied_on=date(2025, 9, 1),
    household=HouseholdFacts(
        file_active=True,
        filed_on=date(2024, 3, 1),
        income_fen_yearly=3_000_000,
        rigid_spending_fen=1_200_000,
        members=3,
        primary_cause="serious_illness",
        minimum_living_standard_fen=87_200,
        accident_cost_fen=0,
        grave_illness_cost_fen=0,
        minimum_living_standard_from=date(2025, 1, 1),
        minimum_living_standard_version="2025",
        minimum_living_standard_source="汕头市2025年城乡低保标准",
    ),
    item="living",
    requested_fen=10_000_000,
    granted_this_year=(),
    temporary_granted_this_year_fen=0,
    mutual_aid_found_fen=0,
)


def judged(facts):
    return judge(facts, POLICY, CRITERIA)


def decide(facts):
    """By the versions of the day, as the service does."""
    policy = BOOK.in_force("hardship_aid", Policy, facts.applied_on)
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
    for granted_fen in (0, 400_000, 900_000):
        facts = having_got(granted_fen)
        said.decision(f"合计有上限，已得{granted_fen}分", assess(facts, CAPPED, CRITERIA, decided_on=facts.applied_on))
    said.check(__file__)


def test_met_rules_are_named_beside_the_failed_one():
    decision = decide(replace(ORDINARY, requested_fen=0))

    assert [(reason.rule, reason.met) for reason in decision.reasons] == [
        ("requested_amount_positive", False),
        ("household_file_active", True),
        ("household_category", True),
        ("household_not_excluded", True),
        ("yearly_room_left", True),
    ]


def test_the_calculation_is_shown_step_by_step():
    facts = replace(
        ORDINARY,
        item="medical",
        requested_fen=700_000,
        medical_self_paid_fen=1_200_000,
        medical_mutual_aid_paid_fen=400_000,
        medical_settled_on=date(2025, 8, 1),
    )

    assert [(step.step, step.amount_fen) for step in decide(facts).trace] == [
        ("costs", 1_200_000),
        ("mutual_aid_paid", -400_000),
        ("requested", -100_000),
    ]


def test_the_rounding_shows_only_as_the_difference_of_running_totals():
    facts = replace(
        ORDINARY,
        item="medical",
        household=replace(ORDINARY.household, income_fen_yearly=4_500_000),
        medical_self_paid_fen=1_003,
        medical_mutual_aid_paid_fen=0,
        medical_settled_on=date(2025, 8, 1),
    )

    assert [(step.step, step.amount_fen) for step in decide(facts).trace] == [
        ("costs", 1_003),
        ("share_of_costs", -201),
    ]


def test_what_was_granted_before_is_a_step_of_its_own():
    facts = replace(ORDINARY, granted_this_year=(Granted(kind="hardship_aid", item="living", amount_fen=500_000),))

    assert [(step.step, step.amount_fen) for step in decide(facts).trace] == [
        ("yearly_cap", 1_046_400),
        ("yearly_room", -500_000),
    ]


def test_the_versions_that_a_decision_rests_on_are_cited():
    assert decide(ORDINARY).policy.rests_on == (
        Cited("household_criteria", "B-2020"),
        Cited("minimum_living_standard", "2025"),
    )
    assert decide(replace(ORDINARY, item="temporary")).policy.rests_on == ()


BILL = replace(ORDINARY, item="medical", medical_mutual_aid_paid_fen=0, medical_settled_on=date(2025, 8, 1))


@pytest.mark.parametrize(
    ("self_paid_fen", "level", "said"),
    [
        (2_000_000, "city", None),
        (2_000_001, "province", "广东省总工会"),
        (5_000_000, "province", "广东省总工会"),
        (5_000_001, "national", "中华全国总工会"),
    ],
)
def test_a_large_amount_says_who_else_must_approve_it(self_paid_fen, level, said):
    facts = replace(BILL, medical_self_paid_fen=self_paid_fen)
    decision = decide(facts)
    texts = [reason.text for reason in decision.reasons if reason.rule == "extra_approval_level"]

    assert decision.amount_fen == self_paid_fen
    assert approval_level(facts, POLICY, decision.amount_fen) == level
    assert bool(texts) is (said is not None)
    assert all(str(said) in text for text in texts)


def test_the_year_counts_towards_who_must_approve():
    before = (Granted(kind="hardship_aid", item="medical", amount_fen=1_000_000),)

    assert approval_level(replace(BILL, granted_this_year=before), POLICY, 1_000_000) == "city"
    assert approval_level(replace(BILL, granted_this_year=before), POLICY, 1_000_001) == "province"
    assert approval_level(replace(BILL, item="living", granted_this_year=before), POLICY, 9_000_000) == "city"


CAPPED = POLICY.model_copy(
    update={
        "household_year": POLICY.household_year.model_copy(
            update={"cap_fen": type(POLICY.household_year.cap_fen)(deep=900_000, relative=None, accident=None)}
        )
    }
)


def having_got(granted_fen):
    before = (Granted(kind="golden_autumn", item="undergraduate", amount_fen=granted_fen),)
    return replace(ORDINARY, granted_this_year=before if granted_fen else ())


@pytest.mark.parametrize(("granted_fen", "amount_fen"), [(0, 900_000), (400_000, 500_000), (899_999, 1), (900_000, 0)])
def test_a_cap_over_all_items_is_a_matter_of_the_document(granted_fen, amount_fen):
    facts = having_got(granted_fen)
    decision = assess(facts, CAPPED, CRITERIA, decided_on=facts.applied_on)

    assert decision.amount_fen == amount_fen
    check_decision_agrees(decision)
    check_changes_flip(facts, lambda known: judge(known, CAPPED, CRITERIA))


def test_aid_that_does_not_count_leaves_the_cap_over_all_items_whole():
    other = Granted(kind="secondary_medical", item=None, amount_fen=900_000)
    facts = replace(ORDINARY, granted_this_year=(other,))

    assert assess(facts, CAPPED, CRITERIA, decided_on=facts.applied_on).amount_fen == 900_000


def test_an_item_that_was_not_offered_is_changed_into_the_first_that_was():
    early = BOOK.of("hardship_aid", Policy)[0]
    facts = replace(ORDINARY, item="temporary")
    remedies = [each.remedy for each in judge(facts, early, OLD).findings if each.remedy]

    assert [each.apply(facts).item for each in remedies] == ["living"]


def test_a_used_up_year_names_the_day_the_next_one_opens():
    used = replace(ORDINARY, granted_this_year=(Granted(kind="hardship_aid", item="living", amount_fen=1_046_400),))
    change = decide(used).changes[0]

    assert change.can_change
    assert "2026年1月1日" in change.text


def test_an_accident_counts_only_where_aid_for_it_is_asked():
    comfortable = replace(ORDINARY.household, income_fen_yearly=12_000_000, primary_cause="accident")
    facts = replace(
        ORDINARY,
        household=comfortable,
        item="living",
        accident_caused_fen=9_600_001,
        accident_happened_on=date(2025, 7, 1),
    )

    assert [change.rule for change in decide(facts).changes] == ["household_category"]
    assert decide(replace(facts, item="accident")).outcome == "eligible"


SETTLED = {"item": "medical", "medical_self_paid_fen": 100, "medical_mutual_aid_paid_fen": 0}
NO_FILE = replace(ORDINARY.household, file_active=False)


@pytest.mark.parametrize(
    ("change", "can_change"),
    [
        ({"requested_fen": 0}, {"requested_amount_positive": True}),
        ({"item": "medical"}, {"medical_costs_unknown": True}),
        (
            SETTLED | {"medical_self_paid_fen": 0, "medical_settled_on": date(2025, 8, 1)},
            {"medical_costs_left": False},
        ),
        (SETTLED | {"medical_settled_on": date(2025, 9, 2)}, {"medical_in_window": True}),
        (SETTLED | {"medical_settled_on": date(2024, 8, 31)}, {"medical_in_window": False}),
        (
            {"item": "temporary", "household": NO_FILE, "temporary_granted_this_year_fen": 300_000},
            {"yearly_room_left": True},
        ),
        (
            {"item": "temporary", "household": NO_FILE, "temporary_granted_this_year_fen": None},
            {"yearly_room_left": False},
        ),
        ({"item": "temporary"}, {"temporary_without_file": True}),
        (
            SETTLED | {"medical_settled_on": date(2025, 8, 1), "mutual_aid_found_fen": None},
            {"mutual_aid_paid_unknown": False},
        ),
        (
            {
                "household": replace(ORDINARY.household, income_fen_yearly=4_500_000),
                "granted_this_year": (Granted(kind="hardship_aid", item="medical", amount_fen=1),),
            },
            {"one_item_per_year": True},
        ),
    ],
)
def test_it_is_said_whether_the_worker_can_do_something(change, can_change):
    decision = decide(replace(ORDINARY, **change))

    assert {each.rule: each.can_change for each in decision.changes} == can_change
