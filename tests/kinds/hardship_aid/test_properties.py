from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from app.households.facts import HouseholdFacts
from app.households.rules import classify
from app.kernel.money import share
from app.kinds.hardship_aid.facts import Facts, Granted
from app.kinds.hardship_aid.rules import judge
from app.policy.replay import facts_from, facts_json
from tests.kinds.cases import (
    check_changes_flip,
    check_decision_agrees,
    check_remedies_mend,
    check_texts_are_plain,
)
from tests.kinds.hardship_aid.test_rules import CRITERIA, OLD, ORDINARY, POLICY, decide
from tests.thorough import thorough

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
