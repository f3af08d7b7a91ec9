from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households.rules import CategoryPolicy, HouseholdFacts, classify
from app.kernel.money import share
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.kinds.hardship_aid.rules import Facts, Granted, Policy, assess
from app.policy.decision import from_plain, plain
from app.policy.replay import facts_from, facts_json
from app.policy.versions import in_force, load
from tests.kinds.cases import changed, check_changes_flip, check_texts_are_plain, read_cases

POLICY = in_force(load(Policy, "app.kinds.hardship_aid"), date(2025, 9, 1))
CATEGORIES = in_force(load(CategoryPolicy, "app.households"), date(2025, 9, 1))

ORDINARY = Facts(
    applied_on=date(2025, 9, 1),
    household=HouseholdFacts(
        file_active=True,
        income_fen_yearly=3_000_000,
        rigid_spending_fen=1_200_000,
        members=3,
        primary_cause="serious_illness",
        minimum_living_standard_fen=87_200,
        minimum_living_standard_from=date(2025, 1, 1),
        minimum_living_standard_source="汕头市2025年城乡低保标准",
    ),
    item="living",
    requested_fen=10_000_000,
    granted_this_year=(),
    temporary_granted_this_year_fen=0,
)


def decide(facts):
    return assess(facts, POLICY, CATEGORIES, decided_on=facts.applied_on)


@pytest.mark.parametrize("case", read_cases(__file__), ids=lambda case: case.case)
def test_the_offices_cases(case):
    decision = decide(changed(ORDINARY, case.facts))

    case.check(decision)
    check_texts_are_plain(decision)


def test_met_rules_are_named_beside_the_failed_one():
    decision = decide(replace(ORDINARY, requested_fen=0))

    assert [(reason.rule, reason.met) for reason in decision.reasons] == [
        ("requested_amount_positive", False),
        ("household_file_active", True),
        ("household_category", True),
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
        ("household_income", 3_000_000),
        ("household_rigid_spending", -1_200_000),
        ("household_net_per_head_month", 50_000),
        ("minimum_living_standard", 87_200),
        ("costs", 1_200_000),
        ("mutual_aid_paid", -400_000),
        ("share_of_costs", 800_000),
        ("yearly_cap", 2_000_000),
        ("granted_this_year", 0),
        ("yearly_room", 2_000_000),
        ("requested", 700_000),
        ("payable", 700_000),
    ]


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
        ({"item": "temporary", "temporary_granted_this_year_fen": 300_000}, {"yearly_room_left": True}),
        ({"item": "temporary", "temporary_granted_this_year_fen": None}, {"yearly_room_left": False}),
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


@settings(deadline=None, max_examples=300)
@given(any_facts | likely_facts)
def test_the_amount_is_never_above_any_limit_and_a_refusal_always_says_why(facts):
    decision = decide(facts)
    failed = [reason.rule for reason in decision.reasons if reason.met is not True]

    assert (decision.outcome == "eligible") is not bool(failed)
    assert (decision.amount_fen > 0) is (decision.outcome == "eligible")
    assert [change.rule for change in decision.changes] == failed
    assert decision.amount_fen <= facts.requested_fen
    assert decision == decide(facts)
    check_texts_are_plain(decision)
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
    category = classify(household, CATEGORIES).category
    deep = category == "deep"
    if facts.item == "living":
        return household.minimum_living_standard_fen * (12 if deep else 10) - granted_fen
    if facts.item == "accident":
        return min(share(facts.accident_caused_fen, 1_500), 1_000_000 - granted_fen)
    left = facts.medical_self_paid_fen - facts.medical_mutual_aid_paid_fen
    return min(left, left if deep else share(left, 8_000), (2_000_000 if deep else 1_600_000) - granted_fen)


def mend_household(**figures):
    return lambda facts: replace(facts, household=replace(facts.household, **figures))


def mend_category(facts):
    """The further spending that the change names."""
    change = next(each for each in decide(facts).changes if each.rule == "household_category")
    wanting = int(change.text.split("再有")[1].split("元")[0].replace(",", "").replace(".", ""))
    household = facts.household
    return replace(facts, household=replace(household, rigid_spending_fen=household.rigid_spending_fen + wanting))


def fill_medical(facts):
    if facts.medical_self_paid_fen is None or facts.medical_mutual_aid_paid_fen is None:
        facts = replace(facts, medical_self_paid_fen=100, medical_mutual_aid_paid_fen=0)
    return replace(facts, medical_settled_on=facts.medical_settled_on or facts.applied_on)


def fill_accident(facts):
    caused = 100 if facts.accident_caused_fen is None else facts.accident_caused_fen
    return replace(
        facts, accident_caused_fen=caused, accident_happened_on=facts.accident_happened_on or facts.applied_on
    )


REMEDIES = {
    "requested_amount_positive": lambda facts: replace(facts, requested_fen=1),
    "household_file_active": mend_household(file_active=True),
    "household_income_unknown": mend_household(income_fen_yearly=0),
    "household_rigid_spending_unknown": mend_household(rigid_spending_fen=10**11),
    "household_members_unknown": mend_household(members=1),
    "minimum_living_standard_unknown": mend_household(minimum_living_standard_fen=10**9),
    "household_category": mend_category,
    "one_item_per_year": lambda facts: replace(
        facts,
        granted_this_year=tuple(
            each for each in facts.granted_this_year if each.kind != "hardship_aid" or each.item == facts.item
        ),
    ),
    "yearly_room_left": lambda facts: replace(
        facts,
        granted_this_year=tuple(
            each for each in facts.granted_this_year if (each.kind, each.item) != ("hardship_aid", facts.item)
        ),
        temporary_granted_this_year_fen=0,
    ),
    "medical_costs_unknown": fill_medical,
    "medical_costs_left": lambda facts: replace(facts, medical_self_paid_fen=10**11),
    "medical_in_window": lambda facts: replace(facts, medical_settled_on=facts.applied_on),
    "accident_costs_unknown": fill_accident,
    "accident_costs_left": lambda facts: replace(facts, accident_caused_fen=100),
    "accident_in_window": lambda facts: replace(facts, accident_happened_on=facts.applied_on),
}


known_households = st.builds(
    HouseholdFacts,
    file_active=st.booleans(),
    income_fen_yearly=st.integers(0, 20_000_000),
    rigid_spending_fen=st.integers(0, 2_000_000),
    members=st.integers(1, 8),
    primary_cause=st.just("serious_illness"),
    minimum_living_standard_fen=st.just(87_200),
)


@settings(deadline=None, max_examples=500)
@given(st.builds(replace, any_facts, household=known_households, granted_this_year=st.just(())))
def test_the_changes_together_flip_a_refusal_and_each_of_them_is_needed(facts):
    check_changes_flip(facts, decide, REMEDIES)


@settings(deadline=None)
@given(likely_facts, st.integers(0, 10_000_000))
def test_more_income_never_gives_more_living_aid(facts, more):
    facts = replace(facts, item="living", granted_this_year=())
    household = facts.household
    richer = replace(facts, household=replace(household, income_fen_yearly=household.income_fen_yearly + more))

    assert decide(richer).amount_fen <= decide(facts).amount_fen


@settings(deadline=None)
@given(likely_facts, amounts)
def test_asking_for_more_never_gives_less(facts, more):
    assert decide(replace(facts, requested_fen=facts.requested_fen + more)).amount_fen >= decide(facts).amount_fen


@given(any_facts)
def test_a_decision_can_be_replayed_from_its_stored_facts(facts):
    stored, decision = facts_json(facts), decide(facts)
    again = assess(facts_from(Facts, stored), POLICY, CATEGORIES, decided_on=decision.decided_on)

    assert again == from_plain(plain(decision))


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
