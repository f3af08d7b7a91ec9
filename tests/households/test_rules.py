from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households.criteria import CategoryPolicy
from app.households.facts import HouseholdFacts
from app.households.rules import classify, criteria_of, rests_on, standing
from app.policy.book import PolicyBook
from app.policy.decision import Cited, Judged
from app.policy.reference import minimum_living_standard
from app.policy.replay import facts_from, facts_json
from app.policy.versions import NoPolicyInForce, parse
from tests.kinds.books import BOOK
from tests.kinds.cases import check_changes_flip, check_remedies_mend
from tests.thorough import thorough

OLD, POLICY = BOOK.of("household_criteria", CategoryPolicy)
RANK = {"deep": 3, "relative": 2, "accident": 1, None: 0}


def yuan(amount):
    return amount * 100


def household(*, year=2020, members=3, income=36_000, rigid=0, **given_facts):
    standard = minimum_living_standard(BOOK, "440500", date(year, 9, 1))
    facts = HouseholdFacts(
        file_active=True,
        filed_on=date(2020, 3, 1),
        income_fen_yearly=yuan(income),
        rigid_spending_fen=yuan(rigid),
        members=members,
        primary_cause="serious_illness",
        accident_cost_fen=0,
        grave_illness_cost_fen=0,
        minimum_living_standard_fen=standard.monthly_fen,
        edge_line_fen=standard.edge_line_fen,
        minimum_living_standard_from=standard.in_force_from,
        minimum_living_standard_version=standard.version,
        minimum_living_standard_source=standard.source,
    )
    return replace(facts, **given_facts)


A3 = {"members": 4, "income": 120_000, "rigid": 30_000}


def judged(facts, policy=POLICY):
    found = standing(facts, policy)
    return Judged(found.findings, (), 1)


def asked(facts, policy=POLICY):
    return next(each.reason for each in classify(facts, policy).findings if each.reason.rule == "household_category")


def test_the_calculation_of_the_first_example_is_shown_line_by_line():
    reason = asked(household(rigid=12_000))

    assert reason.given == (
        "深度困难。扣除必要支出后的家庭人均月收入约666.67元：收入36,000.00元减必要支出12,000.00元，除以12个月、3人"
    )
    assert reason.needed == "深度困难：扣除必要支出后的家庭人均月收入低于772.00元（低保标准的100%）"


def test_each_figure_comes_with_its_source_and_its_date():
    reason = asked(household(rigid=12_000))

    assert "困难职工建档三类口径 深度困难" in reason.source
    assert "广东省2020年城乡低保最低标准" in reason.source
    assert "2020年1月1日起执行" in reason.source


def test_what_a_judgement_stands_on_is_cited_by_version():
    assert rests_on(household(), POLICY) == (
        Cited("household_criteria", "B-2020"),
        Cited("minimum_living_standard", "2020"),
    )


def test_a_local_edge_line_takes_the_place_of_one_and_a_half_times_the_standard():
    edge = asked(household(year=2025, members=1, income=15_696, rigid=5_232, primary_cause="child_schooling"), OLD)
    none = asked(household(members=1, income=13_896, rigid=4_632, primary_cause="child_schooling"), OLD)

    assert "低保边缘线的100%" in edge.needed
    assert "1,308.00元" in edge.needed
    assert "低保标准的150%" in none.needed
    assert "1,158.00元" in none.needed


EDGE = """
- version: test
  area: "440500"
  in_force_from: 2020-01-01
  source: 低保边缘家庭认定（样例）
  period_months: 12
  necessary_work_costs_count: true
  criteria:
    - category: relative
      aid_as: relative
      source: 样例
      all_of: [{measure: gross_per_head_month, operator: OPERATOR, percent: 100, of: edge_line}]
"""


@pytest.mark.parametrize(("operator", "category"), [("le", "relative"), ("lt", None)])
def test_a_household_at_the_edge_line_is_inside_or_outside_by_the_operator_alone(operator, category):
    policy = parse(CategoryPolicy, EDGE.replace("OPERATOR", operator))[0]
    facts = household(year=2025, members=1, income=1_308 * 12)

    assert facts.edge_line_fen == 1_308_00
    assert classify(facts, policy).category == category


def test_an_edge_line_that_is_needed_and_not_known_is_named():
    policy = parse(CategoryPolicy, EDGE.replace("OPERATOR", "le"))[0]
    found = classify(household(year=2020), policy)

    assert (found.category, [each.reason.rule for each in found.findings]) == (None, ["edge_line_unknown"])


EXPENDITURE = """
- version: 广东支出型
  area: "440000"
  in_force_from: 2020-01-01
  source: 广东省支出型困难家庭认定（样例）
  period_months: 12
  necessary_work_costs_count: false
  criteria:
    - category: relative
      aid_as: relative
      source: 刚性支出达到年收入60%
      all_of: [{measure: rigid_spending_year, operator: ge, percent: 60, of: income_year}]
  exclusions:
    - {what: financial_assets_months, at_most: 24, when_undeclared: refuse, source: 人均金融资产不超过24个月低保}
    - {what: homes, at_most: 1, when_undeclared: refuse, source: 不超过一套住房}
    - {what: non_dwelling_property, when_undeclared: refuse, source: 没有非居住类房产}
    - {what: private_car, when_undeclared: refuse, source: 没有机动车}
    - {what: runs_business, when_undeclared: refuse, source: 没有工商登记}
"""
DECLARED = {
    "financial_assets_fen": 77_200 * 24 * 3,
    "homes": 1,
    "non_dwelling_property": False,
    "private_car": False,
    "runs_business": False,
}


@pytest.mark.parametrize(
    ("change", "wanting"),
    [
        ({}, []),
        ({"rigid_spending_fen": 2_159_999}, ["household_category"]),
        ({"financial_assets_fen": 77_200 * 24 * 3 + 1}, ["household_excluded_financial_assets_months"]),
        ({"financial_assets_fen": None}, ["household_excluded_financial_assets_months"]),
        ({"homes": 2}, ["household_excluded_homes"]),
        ({"homes": None}, ["household_excluded_homes"]),
        ({"non_dwelling_property": True}, ["household_excluded_non_dwelling_property"]),
        ({"private_car": None}, ["household_excluded_private_car"]),
        ({"runs_business": True}, ["household_excluded_runs_business"]),
    ],
)
def test_the_asset_test_of_the_province_fits_the_same_shape_and_what_is_not_declared_refuses(change, wanting):
    policy = parse(CategoryPolicy, EXPENDITURE)[0]
    facts = household(rigid_spending_fen=2_160_000, **DECLARED)
    found = judged(replace(facts, **change), policy)

    assert [each.reason.rule for each in found.findings if each.remedy] == wanting
    check_changes_flip(replace(facts, **change), lambda known: judged(known, policy))


def test_only_what_is_unknown_can_be_filled_in_by_the_worker():
    policy = parse(CategoryPolicy, EXPENDITURE)[0]
    findings = standing(household(rigid=21_600, homes=2), policy).findings

    assert {each.remedy.rule: each.remedy.can_change for each in findings if each.remedy} == {
        "household_excluded_financial_assets_months": True,
        "household_excluded_homes": False,
        "household_excluded_non_dwelling_property": True,
        "household_excluded_private_car": True,
        "household_excluded_runs_business": True,
    }


@pytest.mark.parametrize(
    ("facts", "can_change"),
    [
        (household(income_fen_yearly=None), True),
        (household(minimum_living_standard_fen=None), False),
        (household(**A3), True),
        (HouseholdFacts(file_active=False), True),
        (household(migrant_worker=True, labour_relation_months=3), True),
    ],
)
def test_it_is_said_whether_the_worker_can_do_something(facts, can_change):
    assert [each.remedy.can_change for each in standing(facts, POLICY).findings if each.remedy] == [can_change]


def test_a_household_above_every_line_is_told_how_much_is_wanting():
    found = classify(household(**A3), POLICY).findings[0]

    # 1,875.00 a head and month against 1,544.00: 331.00 × 48 = 15,888.00, and a fen more to be below.
    assert found.remedy
    assert "15,888.01元" in found.remedy.text
    assert "1,875.00元" in found.reason.given
    assert "1,544.00元" in found.reason.needed


def test_where_the_line_itself_is_inside_no_further_fen_is_wanting():
    # Classes of 2016: 1,158.00 a head and month is within 1.5 times; 386.00 × 36 of spending brings it to 772.00.
    facts = household(income_fen_yearly=115_800 * 36, primary_cause="child_schooling")

    assert "13,896.00元" in classify(facts, OLD).findings[0].remedy.text


@pytest.mark.parametrize(
    ("facts", "policy"),
    [
        (household(income=200_000, primary_cause="laid_off"), OLD),
        (household(rigid=1), parse(CategoryPolicy, EXPENDITURE)[0]),
    ],
)
def test_where_spending_off_the_income_does_not_decide_no_amount_is_promised(facts, policy):
    assert "再有" not in classify(facts, policy).findings[0].remedy.text


def test_a_file_is_judged_by_the_criteria_of_the_day_it_was_filed():
    def version(filed_on):
        return criteria_of(BOOK, HouseholdFacts(filed_on=filed_on), date(2026, 9, 1)).version

    assert [version(date(2014, 1, 1)), version(date(2019, 12, 31))] == ["A-2016", "A-2016"]
    assert [version(date(2020, 1, 1)), version(None)] == ["B-2020", "B-2020"]


def test_without_any_criteria_no_policy_is_in_force():
    with pytest.raises(NoPolicyInForce):
        criteria_of(PolicyBook({}), HouseholdFacts(), date(2026, 9, 1))
    with pytest.raises(NoPolicyInForce):
        criteria_of(BOOK, HouseholdFacts(), date(2026, 9, 1), "430100")


amounts = st.integers(0, 10**9)
maybe_amounts = st.none() | amounts
maybe = st.sampled_from([True, False, None])
causes = st.sampled_from(["accident", "natural_disaster", "serious_illness", "child_schooling", "laid_off"])
known_households = st.builds(
    HouseholdFacts,
    file_active=st.just(True),
    income_fen_yearly=amounts,
    rigid_spending_fen=amounts,
    members=st.integers(1, 12),
    primary_cause=causes,
    accident_cost_fen=amounts,
    minimum_living_standard_fen=st.integers(1, 300_000),
)
any_households = st.builds(
    HouseholdFacts,
    file_active=maybe,
    income_fen_yearly=maybe_amounts,
    rigid_spending_fen=maybe_amounts,
    necessary_work_cost_fen=st.integers(0, 10**6),
    members=st.none() | st.integers(0, 12),
    primary_cause=st.none() | causes,
    circumstances=st.lists(st.sampled_from(["disability", "single_parent", "illness"]), max_size=2).map(tuple),
    accident_cost_fen=maybe_amounts,
    grave_illness_cost_fen=maybe_amounts,
    financial_assets_fen=maybe_amounts,
    receives_dibao=maybe,
    months_below=st.none() | st.integers(0, 12),
    homes=st.none() | st.integers(0, 3),
    private_car=maybe,
    migrant_worker=maybe,
    union_member=maybe,
    labour_relation_months=st.none() | st.integers(0, 24),
    minimum_living_standard_fen=st.none() | st.integers(1, 300_000),
    edge_line_fen=st.none() | st.integers(300_000, 400_000),
)
policies = st.sampled_from([OLD, POLICY])


@thorough
@given(known_households, amounts)
def test_more_income_never_gives_a_better_class(facts, more):
    richer = replace(facts, income_fen_yearly=facts.income_fen_yearly + more)

    assert RANK[classify(richer, POLICY).category] <= RANK[classify(facts, POLICY).category]


@thorough
@given(known_households, amounts)
def test_more_rigid_spending_never_gives_a_worse_class(facts, more):
    poorer = replace(facts, rigid_spending_fen=facts.rigid_spending_fen + more)

    assert RANK[classify(poorer, POLICY).category] >= RANK[classify(facts, POLICY).category]


@thorough
@given(known_households)
def test_the_class_is_that_of_the_exact_fraction(facts):
    net = Fraction(facts.income_fen_yearly - facts.rigid_spending_fen, 12 * facts.members)
    standard = facts.minimum_living_standard_fen
    category = classify(facts, POLICY).category

    assert (category == "deep") is (net < standard)
    assert (category == "relative") is (standard <= net < 2 * standard)


@thorough
@given(any_households, policies)
def test_the_changes_together_give_the_household_a_standing_and_each_is_needed(facts, policy):
    check_changes_flip(facts, lambda known: judged(known, policy))


@thorough
@given(any_households, policies)
def test_each_remedy_mends_its_own_rule(facts, policy):
    check_remedies_mend(facts, lambda known: judged(known, policy))


@thorough
@given(any_households, policies)
def test_a_class_with_aid_needs_every_fact_that_could_decide_it(facts, policy):
    found = standing(facts, policy)

    if found.hardship:
        assert facts.minimum_living_standard_fen is not None
        assert None not in (facts.income_fen_yearly, facts.rigid_spending_fen, facts.members)
    again = standing(facts_from(HouseholdFacts, facts_json(facts)), policy)
    assert [each.reason for each in again.findings] == [each.reason for each in found.findings]


@thorough
@given(known_households)
def test_the_spending_that_is_named_as_wanting_is_enough_and_no_more_than_needed(facts):
    remedy = classify(facts, POLICY).findings[0].remedy
    if remedy is None:
        return
    wanting = int(remedy.text.split("再有")[1].split("元")[0].replace(",", "").replace(".", ""))

    def with_spending(more):
        return classify(replace(facts, rigid_spending_fen=facts.rigid_spending_fen + more), POLICY).category

    assert with_spending(wanting) == "relative"
    assert with_spending(wanting - 1) is None


CAPPED = EXPENDITURE + "  migrants: {union_member: true, labour_relation_months: 12, source: 样例}\n"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("operator: ge", "operator: eq", "literal_error"),
        ("percent: 60", "percent: 1.5", "int_type"),
        ("percent: 60", "percent: 0", "greater_than"),
        ("percent: 60", "percent: 1001", "less_than_equal"),
        ("of: income_year", "of: savings", "literal_error"),
        ("of: income_year", "of: edge_line", "units_differ"),
        ("measure: rigid_spending_year", "measure: net_per_head_month", "units_differ"),
        ("measure: rigid_spending_year", "measure: score", "literal_error"),
        ("period_months: 12", "period_months: 13", "less_than_equal"),
        ("category: relative", "category: rich", "literal_error"),
        ("aid_as: relative", "aid_as: null", "no_class_with_aid"),
        ("[{measure", "[] # {measure", "too_short"),
        ("what: homes, at_most: 1", "what: homes", "limit_misplaced"),
        ("what: private_car", "what: private_car, at_most: 1", "limit_misplaced"),
        ("what: private_car", "what: runs_business", "exclusion_twice"),
        ("when_undeclared: refuse, source: 没有机动车", "source: 没有机动车", "missing"),
        ("when_undeclared: refuse, source: 没有机动车", "when_undeclared: ask, source: 没有机动车", "literal_error"),
        ("labour_relation_months: 12", "labour_relation_years: 1", "extra_forbidden"),
    ],
)
def test_criteria_that_say_something_unknown_or_impossible_are_refused_by_place(old, new, code):
    assert old in CAPPED
    with pytest.raises(ValidationError) as refused:
        parse(CategoryPolicy, CAPPED.replace(old, new))

    assert code in [each["type"] for each in refused.value.errors()]
    for each in refused.value.errors():
        if each["type"] in ("units_differ", "no_class_with_aid", "limit_misplaced", "exclusion_twice"):
            assert any("\u4e00" <= char <= "\u9fff" for char in each["msg"])
