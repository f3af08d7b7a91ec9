import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households.criteria import CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import classify, criteria_of
from app.kernel.money import share
from app.kinds.hardship_aid.case import Case, judge_case
from app.kinds.hardship_aid.facts import Facts, Granted
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.kinds.hardship_aid.policy import Policy
from app.kinds.hardship_aid.rules import approval_level, assess, judge
from app.policy.decision import Cited
from app.policy.replay import facts_from, facts_json
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


amounts = st.integers(0, 10**10)
maybe_amounts = st.none() | amounts
days = st.dates(date(2023, 1, 1), date(2026, 12, 31))
maybe_days = st.none() | days
granted = st.builds(
    Granted,
    kind=st.sampled_from(["hardship_aid", "golden_autumn"]),
    item=st.sampled_from([None, "living", "medical", "accident", "temporary"]),
    amount_fen=st.integers(1, 3_000_000),
)
households = st.builds(
    HouseholdFacts,
    file_active=st.sampled_from([True, True, True, False, None]),
    income_fen_yearly=st.none() | st.integers(0, 20_000_000),
    rigid_spending_fen=st.none() | st.integers(0, 20_000_000),
    members=st.none() | st.integers(0, 8),
    primary_cause=st.sampled_from([None, "accident", "serious_illness"]),
    accident_cost_fen=st.none() | st.integers(0, 20_000_000),
    grave_illness_cost_fen=st.none() | st.integers(0, 20_000_000),
    financial_assets_fen=st.none() | st.integers(0, 20_000_000),
    receives_dibao=st.sampled_from([None, True, False]),
    months_below=st.none() | st.integers(0, 12),
    homes=st.sampled_from([None, None, 1, 2]),
    minimum_living_standard_fen=st.sampled_from([None, 77_200, 87_200, 87_200]),
)
any_facts = st.builds(
    Facts,
    applied_on=days,
    household=households,
    item=st.sampled_from(["living", "medical", "accident", "temporary"]),
    requested_fen=amounts,
    granted_this_year=st.lists(granted, max_size=3).map(tuple),
    temporary_granted_this_year_fen=st.none() | st.integers(0, 400_000),
    medical_self_paid_fen=maybe_amounts,
    medical_mutual_aid_paid_fen=maybe_amounts,
    medical_settled_on=maybe_days,
    mutual_aid_found_fen=maybe_amounts,
    medical_aided_before_fen=st.sampled_from([0, 0, 1, 500_000]),
    accident_caused_fen=maybe_amounts,
    accident_happened_on=maybe_days,
)
likely_facts = st.builds(
    lambda facts, household: replace(facts, household=household, applied_on=date(2025, 9, 1)),
    any_facts,
    st.builds(
        replace,
        st.just(ORDINARY.household),
        income_fen_yearly=st.integers(0, 8_000_000),
    ),
)


@thorough
@given(any_facts | likely_facts)
def test_the_amount_is_never_above_any_limit_and_every_decision_agrees_with_itself(facts):
    decision = decide(facts)

    check_decision_agrees(decision)
    check_texts_are_plain(decision)
    assert decision.amount_fen <= facts.requested_fen
    if decision.amount_fen:
        assert decision.amount_fen <= limit(facts)


def limit(facts):
    """The caps, once more and in another way."""
    granted_fen = sum(
        each.amount_fen for each in facts.granted_this_year if (each.kind, each.item) == ("hardship_aid", facts.item)
    )
    if facts.item == "temporary":
        return 300_000 - facts.temporary_granted_this_year_fen
    household = facts.household
    if facts.item == "accident":
        household = replace(household, accident_cost_fen=facts.accident_caused_fen)
    counted = sum(g.amount_fen for g in facts.granted_this_year if g.kind != "secondary_medical")
    deep = classify(household, CRITERIA).category == "deep"
    if deep:
        household = replace(household, income_fen_yearly=household.income_fen_yearly + counted)
        deep = classify(household, CRITERIA).category == "deep"
    if facts.item == "living":
        return household.minimum_living_standard_fen * (12 if deep else 10) - granted_fen
    if facts.item == "accident":
        return min(share(facts.accident_caused_fen, 1_500), 1_000_000 - granted_fen)
    left = facts.medical_self_paid_fen - max(facts.medical_mutual_aid_paid_fen, facts.mutual_aid_found_fen)
    left -= facts.medical_aided_before_fen
    return left if deep else min(share(left, 8_000), 1_600_000 - granted_fen)


@thorough
@given(any_facts | likely_facts, st.sampled_from([CRITERIA, OLD]))
def test_the_changes_together_flip_a_refusal_and_each_of_them_is_needed(facts, criteria):
    check_changes_flip(facts, lambda known: judge(known, POLICY, criteria))


@thorough
@given(any_facts, st.sampled_from([CRITERIA, OLD]))
def test_each_remedy_mends_its_own_rule(facts, criteria):
    check_remedies_mend(facts, lambda known: judge(known, POLICY, criteria))


@thorough
@given(likely_facts, st.integers(1, 3_000_000))
def test_aid_that_was_granted_before_never_gives_more(facts, amount_fen):
    before = replace(facts, granted_this_year=(Granted(kind="golden_autumn", item=None, amount_fen=amount_fen),))

    assert decide(before).amount_fen <= decide(replace(facts, granted_this_year=())).amount_fen


@thorough
@given(likely_facts, amounts)
def test_more_from_the_unions_own_insurance_never_gives_more_medical_aid(facts, more):
    facts = replace(facts, item="medical", mutual_aid_found_fen=facts.mutual_aid_found_fen or 0)
    paid = replace(facts, mutual_aid_found_fen=facts.mutual_aid_found_fen + more)

    assert decide(paid).amount_fen <= decide(facts).amount_fen


@thorough
@given(likely_facts, st.integers(0, 10_000_000))
def test_more_income_never_gives_more_living_aid(facts, more):
    facts = replace(facts, item="living", granted_this_year=())
    household = facts.household
    richer = replace(facts, household=replace(household, income_fen_yearly=household.income_fen_yearly + more))

    assert decide(richer).amount_fen <= decide(facts).amount_fen


@thorough
@given(likely_facts, amounts)
def test_asking_for_more_never_gives_less(facts, more):
    assert decide(replace(facts, requested_fen=facts.requested_fen + more)).amount_fen >= decide(facts).amount_fen


@thorough
@given(any_facts)
def test_a_decision_can_be_replayed_from_its_stored_facts(facts):
    stored = facts_json(facts)

    assert decide(facts_from(Facts, stored)) == decide(facts)
    assert facts_json(facts_from(Facts, stored)) == stored


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
