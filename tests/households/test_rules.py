from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households.rules import CategoryPolicy, HouseholdFacts, classify, standing
from app.policy.reference import UNKNOWN, load_standards, minimum_living_standard
from app.policy.versions import NoPolicyInForce, in_force, load, parse

POLICIES = load(CategoryPolicy, "app.households")
POLICY = in_force(POLICIES, date(2025, 9, 1))
RANK = {"deep": 3, "relative": 2, "accident": 1, "none": 0}


def yuan(amount):
    return amount * 100


def household(*, year=2020, members=3, income=36_000, rigid=0, **given_facts):
    standard = minimum_living_standard(load_standards(), "440500", date(year, 9, 1))
    facts = HouseholdFacts(
        file_active=True,
        income_fen_yearly=yuan(income),
        rigid_spending_fen=yuan(rigid),
        members=members,
        primary_cause="serious_illness",
        minimum_living_standard_fen=standard.monthly_fen,
        edge_line_fen=standard.edge_line_fen,
        minimum_living_standard_from=standard.in_force_from,
        minimum_living_standard_source=standard.source,
    )
    return replace(facts, **given_facts)


A3 = {"members": 4, "income": 120_000, "rigid": 30_000}


@pytest.mark.parametrize(
    ("facts", "category"),
    [
        (household(rigid=12_000), "deep"),
        (household(), "relative"),
        (household(**A3), "none"),
        (household(**A3, primary_cause="accident", accident_cost_fen=yuan(100_000)), "accident"),
    ],
    ids=["A1", "A2", "A3", "A4"],
)
def test_the_worked_examples_of_2020(facts, category):
    assert classify(facts, POLICY).category == category


def test_the_calculation_of_the_first_example_is_shown_to_the_fen():
    found = classify(household(rigid=12_000), POLICY)

    assert [(step.step, step.amount_fen) for step in found.trace] == [
        ("household_income", 36_000_00),
        ("household_rigid_spending", -12_000_00),
        ("household_net_per_head_month", 666_67),
        ("minimum_living_standard", 772_00),
    ]
    assert "约666.67元" in found.trace[2].text
    assert "2020年1月1日" in found.trace[3].text


@pytest.mark.parametrize(
    ("income_fen", "category"),
    [
        (77_200 * 36 - 1, "deep"),
        (77_200 * 36, "relative"),
        (154_400 * 36 - 1, "relative"),
        (154_400 * 36, "none"),
        (0, "deep"),
    ],
)
def test_each_line_is_below_and_not_at(income_fen, category):
    assert classify(household(income_fen_yearly=income_fen), POLICY).category == category


@pytest.mark.parametrize(("cost_fen", "category"), [(yuan(96_000), "none"), (yuan(96_000) + 1, "accident")])
def test_an_accident_counts_above_four_fifths_of_the_years_income(cost_fen, category):
    facts = household(**A3, primary_cause="natural_disaster", accident_cost_fen=cost_fen)

    assert classify(facts, POLICY).category == category


def test_a_cost_that_no_accident_caused_makes_no_accident_household():
    facts = household(**A3, primary_cause="serious_illness", accident_cost_fen=yuan(100_000))

    assert classify(facts, POLICY).category == "none"


def test_spending_above_income_is_deep_hardship():
    assert classify(household(income=10_000, rigid=90_000), POLICY).category == "deep"


EDGE = """
- version: test
  in_force_from: 2020-01-01
  source: 低保边缘家庭认定（样例）
  months: 12
  criteria:
    - category: relative
      all_of: [{measure: gross_per_head_month, operator: OPERATOR, percent: 100, of: edge_line}]
"""


@pytest.mark.parametrize(("operator", "category"), [("le", "relative"), ("lt", "none")])
def test_a_household_at_the_edge_line_is_inside_or_outside_by_the_operator_alone(operator, category):
    policy = parse(CategoryPolicy, EDGE.replace("OPERATOR", operator))[0]
    facts = household(year=2025, members=1, income=1_308 * 12)

    assert facts.edge_line_fen == 1_308_00
    assert classify(facts, policy).category == category


def test_an_edge_line_that_is_needed_and_not_known_is_named():
    policy = parse(CategoryPolicy, EDGE.replace("OPERATOR", "le"))[0]
    found = classify(household(year=2020), policy)

    assert (found.category, [each.reason.rule for each in found.findings]) == (None, ["edge_line_unknown"])


def test_older_criteria_with_two_tests_fit_the_same_shape():
    policy = parse(
        CategoryPolicy,
        """
- version: A
  in_force_from: 2016-01-01
  source: 低保边缘户认定（样例）
  months: 12
  criteria:
    - category: relative
      all_of:
        - {measure: gross_per_head_month, operator: le, percent: 150, of: minimum_living_standard}
        - {measure: net_per_head_month, operator: le, percent: 100, of: minimum_living_standard}
""",
    )[0]
    inside = household(income_fen_yearly=115_800 * 36, rigid_spending_fen=38_600 * 36)

    assert classify(inside, policy).category == "relative"
    assert classify(replace(inside, income_fen_yearly=115_800 * 36 + 1), policy).category == "none"
    assert classify(replace(inside, rigid_spending_fen=38_600 * 36 - 1), policy).category == "none"


@pytest.mark.parametrize(
    ("missing", "rule"),
    [
        ({"income_fen_yearly": None}, "household_income_unknown"),
        ({"rigid_spending_fen": None}, "household_rigid_spending_unknown"),
        ({"members": None}, "household_members_unknown"),
        ({"members": 0}, "household_members_unknown"),
        ({"minimum_living_standard_fen": None}, UNKNOWN),
    ],
)
def test_what_is_not_known_is_named_and_no_class_is_guessed(missing, rule):
    found = classify(household(**missing), POLICY)

    assert found.category is None
    assert found.hardship is None
    assert [(each.reason.rule, each.reason.met) for each in found.findings] == [(rule, None)]
    assert found.findings[0].change


@pytest.mark.parametrize(
    ("facts", "can_change"),
    [
        (household(income_fen_yearly=None), True),
        (household(minimum_living_standard_fen=None), False),
        (household(**A3), True),
        (HouseholdFacts(file_active=False), True),
    ],
)
def test_it_is_said_whether_the_worker_can_do_something(facts, can_change):
    assert [each.change.can_change for each in standing(facts, POLICY).findings if each.change] == [can_change]


def test_in_a_year_without_a_known_standard_there_is_no_class():
    found = classify(household(year=2023, rigid=36_000), POLICY)

    assert (found.category, [each.reason.rule for each in found.findings]) == (None, [UNKNOWN])
    assert found.findings[0].change
    assert not found.findings[0].change.can_change


def test_everything_missing_is_named_at_once():
    found = classify(HouseholdFacts(file_active=True), POLICY)

    assert [each.reason.rule for each in found.findings] == [
        "household_income_unknown",
        "household_rigid_spending_unknown",
        "household_members_unknown",
        UNKNOWN,
    ]


def test_without_any_file_only_the_file_is_wanting():
    found = standing(HouseholdFacts(file_active=False), POLICY)

    assert [(each.reason.rule, each.reason.met) for each in found.findings] == [("household_file_active", False)]


@pytest.mark.parametrize("file_active", [True, False, None])
def test_a_file_with_figures_is_judged_whatever_its_state(file_active):
    found = standing(household(file_active=file_active), POLICY)

    assert [(each.reason.rule, each.reason.met) for each in found.findings] == [
        ("household_file_active", file_active),
        ("household_category", True),
    ]


def test_a_household_above_every_line_is_told_how_much_is_wanting():
    found = classify(household(**A3), POLICY)
    asked = found.findings[0]

    # 1,875.00 a head and month against 1,544.00: 331.00 × 48 = 15,888.00, and a fen more to be below.
    assert asked.change
    assert "15,888.01元" in asked.change.text
    assert "1,875.00元" in asked.reason.given
    assert "1,544.00元" in asked.reason.needed


NET = """
- version: test
  in_force_from: 2020-01-01
  source: 某市口径（样例）
  months: 12
  criteria:
    - category: deep
      CAUSES
      all_of: [{measure: MEASURE, operator: OPERATOR, percent: 100, of: minimum_living_standard}MORE]
"""


def net_policy(*, measure="net_per_head_month", operator="le", causes="causes: []", more=""):
    text = NET.replace("MEASURE", measure).replace("OPERATOR", operator).replace("CAUSES", causes)
    return parse(CategoryPolicy, text.replace("MORE", more))[0]


def test_where_the_line_itself_is_inside_no_further_fen_is_wanting():
    # 800.00 a head and month against 772.00: 28.00 × 12.
    found = classify(household(members=1, income=9_600), net_policy())

    assert "336.00元" in found.findings[0].change.text


@pytest.mark.parametrize(
    ("policy", "income"),
    [
        (net_policy(measure="gross_per_head_month"), 12_000),
        (net_policy(operator="ge"), 9_000),
        (net_policy(causes="causes: [accident]"), 12_000),
        (net_policy(more=", {measure: gross_per_head_month, operator: lt, percent: 1, of: edge_line}"), 12_000),
    ],
)
def test_where_net_income_alone_does_not_decide_no_amount_is_promised(policy, income):
    found = classify(household(year=2025, members=1, income=income), policy)

    assert found.category == "none"
    assert "再有" not in found.findings[0].change.text


amounts = st.integers(0, 10**9)
households = st.builds(
    HouseholdFacts,
    file_active=st.just(True),
    income_fen_yearly=amounts,
    rigid_spending_fen=amounts,
    members=st.integers(1, 12),
    primary_cause=st.sampled_from(["accident", "natural_disaster", "serious_illness", "other"]),
    accident_cost_fen=st.none() | amounts,
    minimum_living_standard_fen=st.integers(1, 300_000),
)


@settings(deadline=None)
@given(households, amounts)
def test_more_income_never_gives_a_better_class(facts, more):
    richer = replace(facts, income_fen_yearly=facts.income_fen_yearly + more)

    assert RANK[classify(richer, POLICY).category] <= RANK[classify(facts, POLICY).category]


@settings(deadline=None)
@given(households, amounts)
def test_more_rigid_spending_never_gives_a_worse_class(facts, more):
    poorer = replace(facts, rigid_spending_fen=facts.rigid_spending_fen + more)

    assert RANK[classify(poorer, POLICY).category] >= RANK[classify(facts, POLICY).category]


@settings(deadline=None)
@given(households)
def test_the_class_is_that_of_the_exact_fraction(facts):
    net = Fraction(facts.income_fen_yearly - facts.rigid_spending_fen, 12 * facts.members)
    standard = facts.minimum_living_standard_fen
    category = classify(facts, POLICY).category

    assert (category == "deep") is (net < standard)
    assert (category == "relative") is (standard <= net < 2 * standard)


@settings(deadline=None)
@given(households)
def test_the_spending_that_is_named_as_wanting_is_enough_and_no_more_than_needed(facts):
    asked = classify(facts, POLICY).findings[0]
    assume(asked.change)
    wanting = int(asked.change.text.split("再有")[1].split("元")[0].replace(",", "").replace(".", ""))

    def with_spending(more):
        return classify(replace(facts, rigid_spending_fen=facts.rigid_spending_fen + more), POLICY).category

    assert with_spending(wanting) == "relative"
    assert with_spending(wanting - 1) == "none"


def test_before_the_first_criteria_no_policy_is_in_force():
    with pytest.raises(NoPolicyInForce):
        in_force(POLICIES, date(2019, 12, 31))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("operator: OPERATOR", "operator: eq"),
        ("percent: 100", "percent: 1.5"),
        ("percent: 100", "percent: 0"),
        ("of: edge_line", "of: savings"),
        ("measure: gross_per_head_month", "measure: score"),
        ("months: 12", "months: 13"),
        ("category: relative", "category: none"),
        ("[{measure", "[] # {measure"),
    ],
)
def test_a_criterion_that_says_something_unknown_is_refused(old, new):
    text = EDGE.replace(old, new).replace("OPERATOR", "le")

    with pytest.raises(ValidationError):
        parse(CategoryPolicy, text)
