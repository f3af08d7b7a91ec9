"""The comparisons behind the classes of hardship, and what a household is supposed to be where one does not hold."""

from dataclasses import replace
from datetime import date

import pytest

from app.households.comparing import figure, holds, made_to_hold, shares, spending_short, with_spending
from app.households.criteria import CategoryPolicy, Criterion, Predicate
from app.households.facts import HouseholdFacts
from app.households.rules import class_of, classify, lifted, rests_on, standing
from app.policy.decision import Cited
from app.policy.versions import parse
from tests.kinds.books import BOOK

OLD, POLICY = BOOK.of("household_criteria", CategoryPolicy)
EDGE = parse(
    CategoryPolicy,
    """
- version: 边缘
  area: "440500"
  in_force_from: 2020-01-01
  source: 样例
  period_months: 12
  necessary_work_costs_count: true
  criteria:
    - category: relative
      aid_as: relative
      source: 样例第1条
      all_of: [{measure: gross_per_head_month, operator: le, percent: 100, of: edge_line}]
    - category: deep
      aid_as: deep
      source: 样例第2条
      all_of: [{measure: gross_per_head_month, operator: lt, percent: 100, of: minimum_living_standard}]
""",
)[0]

KNOWN = HouseholdFacts(
    file_active=True,
    income_fen_yearly=3_600_000,
    rigid_spending_fen=600_000,
    necessary_work_cost_fen=100_000,
    members=3,
    primary_cause="accident",
    accident_cost_fen=40_000,
    grave_illness_cost_fen=2_000,
    financial_assets_fen=300,
    minimum_living_standard_fen=80_001,
    minimum_living_standard_source="某市低保标准",
)

AMOUNTS = {
    "gross_per_head_month": 3_600_000,
    "net_per_head_month": 3_000_000,
    "rigid_spending_year": 600_000,
    "accident_cost_year": 40_000,
    "after_event_per_head_month": 3_558_000,
    "after_event_with_assets_per_head_month": 3_558_300,
}
NEEDS = {
    "gross_per_head_month": ["income_fen_yearly"],
    "net_per_head_month": ["income_fen_yearly", "rigid_spending_fen"],
    "rigid_spending_year": ["rigid_spending_fen"],
    "accident_cost_year": ["accident_cost_fen"],
    "after_event_per_head_month": ["income_fen_yearly", "accident_cost_fen", "grave_illness_cost_fen"],
    "after_event_with_assets_per_head_month": [
        "income_fen_yearly", "accident_cost_fen", "grave_illness_cost_fen", "financial_assets_fen",
    ],
}  # fmt: skip


@pytest.mark.parametrize("measure", AMOUNTS)
def test_a_measured_amount_is_exact_and_not_known_while_a_part_of_it_is_not(measure):
    assert figure(measure, KNOWN, POLICY) == AMOUNTS[measure]
    for name in NEEDS[measure]:
        assert figure(measure, replace(KNOWN, **{name: None}), POLICY) is None, name
    for name in {name for names in NEEDS.values() for name in names} - set(NEEDS[measure]):
        assert figure(measure, replace(KNOWN, **{name: None}), POLICY) == AMOUNTS[measure], name


def test_where_the_costs_of_work_do_not_count_they_are_taken_out_of_the_spending():
    assert figure("rigid_spending_year", KNOWN, OLD) == 500_000
    assert figure("net_per_head_month", KNOWN, OLD) == 3_100_000
    assert figure("rigid_spending_year", replace(KNOWN, rigid_spending_fen=99_999), OLD) == 0


def test_a_figure_is_divided_by_months_and_members_and_by_nothing_while_there_are_none():
    assert (shares(KNOWN, POLICY), shares(replace(KNOWN, members=None), POLICY)) == (36, 0)


def criterion(*all_of, **beside):
    predicates = tuple(
        Predicate(measure=measure, operator=op, percent=percent, of="minimum_living_standard")
        for measure, op, percent in all_of
    )
    return Criterion(category="deep", aid_as="deep", source="样例", all_of=predicates, **beside)


# 3 members, 12 months, 800.01 a head: below 28,800.36 a year; the net income of KNOWN is 30,000.00.
@pytest.mark.parametrize(
    ("wanted", "short"),
    [
        (criterion(("net_per_head_month", "lt", 100)), 119_965),
        (criterion(("net_per_head_month", "le", 100)), 119_964),
        (criterion(("net_per_head_month", "lt", 100), ("net_per_head_month", "le", 50)), 3_000_000 - 1_440_018),
        (criterion(("net_per_head_month", "le", 50), ("net_per_head_month", "lt", 100)), 3_000_000 - 1_440_018),
        (criterion(("net_per_head_month", "lt", 200)), None),
        (criterion(("gross_per_head_month", "lt", 100)), None),
        (criterion(("net_per_head_month", "ge", 150)), None),
        (criterion(("net_per_head_month", "lt", 100), causes=("laid_off",)), None),
        (criterion(("net_per_head_month", "lt", 100), ("gross_per_head_month", "le", 100)), None),
    ],
)
def test_the_spending_that_is_short_is_exact_and_named_only_where_it_decides(wanted, short):
    assert spending_short(wanted, KNOWN, POLICY) == short
    if short is not None:
        assert holds(wanted, with_spending(KNOWN, short), POLICY) is True
        assert holds(wanted, with_spending(KNOWN, short - 1), POLICY) is False


def test_without_a_figure_or_a_line_no_spending_is_named():
    wanted = criterion(("net_per_head_month", "lt", 100))

    assert spending_short(wanted, replace(KNOWN, income_fen_yearly=None), POLICY) is None
    assert spending_short(wanted, replace(KNOWN, minimum_living_standard_fen=None), POLICY) is None
    assert with_spending(replace(KNOWN, rigid_spending_fen=None), 5).rigid_spending_fen == 5


NEVER_LESS = {"income_fen_yearly": 0, "financial_assets_fen": 0}


@pytest.mark.parametrize(
    ("beside", "facts", "changed"),
    [
        ({}, KNOWN, {}),
        ({}, replace(KNOWN, accident_cost_fen=None, months_below=2), {"accident_cost_fen": 1}),
        ({"causes": ("laid_off", "accident")}, KNOWN, {}),
        ({"causes": ("serious_illness", "laid_off")}, KNOWN, {"circumstances": ("serious_illness",)}),
        (
            {"causes": ("serious_illness",)},
            replace(KNOWN, circumstances=("single_parent",)),
            {"circumstances": ("serious_illness", "single_parent")},
        ),
        ({"months_below": 6}, KNOWN, {"months_below": 6}),
        ({"months_below": 6}, replace(KNOWN, months_below=7), {}),
        ({"receives_dibao": False}, KNOWN, {"receives_dibao": False}),
        ({"months_below": 6}, replace(KNOWN, months_below=0), {"months_below": 6}),
        ({"receives_dibao": None}, replace(KNOWN, receives_dibao=True), {}),
    ],
)
def test_a_household_is_supposed_to_be_as_a_criterion_wants_it_and_otherwise_as_it_is(beside, facts, changed):
    wanted = criterion(("net_per_head_month", "lt", 100), **beside)
    supposed = made_to_hold(wanted, facts)

    assert supposed == replace(facts, **NEVER_LESS | changed)
    assert holds(wanted, supposed, POLICY) is True


def test_an_earlier_class_that_cannot_be_judged_leaves_a_later_one_open():
    poor = replace(KNOWN, income_fen_yearly=100)

    assert class_of(poor, EDGE) == (None, False)
    assert class_of(replace(poor, edge_line_fen=90_000), EDGE) == (EDGE.criteria[0], True)
    assert class_of(replace(poor, income_fen_yearly=None), EDGE) == (None, False)


def test_an_edge_line_that_is_not_published_is_for_the_union_to_find():
    (found,) = classify(replace(KNOWN, minimum_living_standard_from=date(2020, 1, 1)), EDGE).findings

    assert found.reason == (
        "edge_line_unknown",
        None,
        "计算需要申请当日的低保边缘线",
        "申请当日公布的低保边缘线",
        "系统中没有当日的低保边缘线",
        "某市低保标准，2020年1月1日起执行",
    )
    assert (found.remedy.text, found.remedy.can_change) == (
        "由工会补录当日的低保边缘线后重新计算，您不需要补交材料",
        False,
    )
    assert found.remedy.apply(KNOWN) == replace(KNOWN, edge_line_fen=120_001)


def test_the_line_that_takes_the_place_of_another_is_not_missing_where_a_cost_is():
    either = {"percent": 100, "of": "edge_line", "or_else": {"percent": 150, "of": "minimum_living_standard"}}
    spent = Predicate.model_validate({"measure": "after_event_per_head_month", "operator": "le"} | either)
    policy = EDGE.model_copy(update={"criteria": (EDGE.criteria[0].model_copy(update={"all_of": (spent,)}),)})
    found = classify(replace(KNOWN, accident_cost_fen=None), policy).findings

    assert [each.reason.rule for each in found] == ["household_accident_cost_unknown"]


FILLED = {
    "household_income_unknown": {"income_fen_yearly": 0},
    "household_rigid_spending_unknown": {"rigid_spending_fen": 0},
    "household_members_unknown": {"members": 1},
    "minimum_living_standard_unknown": {"minimum_living_standard_fen": 100_000},
    "household_cause_unknown": {"primary_cause": "accident"},
    "household_accident_cost_unknown": {"accident_cost_fen": 0},
    "household_illness_cost_unknown": {"grave_illness_cost_fen": 0},
    "household_assets_unknown": {"financial_assets_fen": 0},
}


@pytest.mark.parametrize("rule", FILLED)
def test_what_is_not_known_is_supposed_to_be_the_least(rule):
    (name,) = FILLED[rule]
    policy = POLICY if rule in ("household_accident_cost_unknown", "household_cause_unknown") else OLD
    rich = replace(KNOWN, income_fen_yearly=50_000_000, accident_cost_fen=49_000_000, receives_dibao=False)
    without = replace(rich, **{name: None})
    found = {each.reason.rule: each.remedy for each in classify(without, policy).findings}

    assert found[rule].apply(without) == replace(without, **FILLED[rule])


def test_a_household_of_one_has_all_that_is_needed():
    assert classify(replace(KNOWN, members=1, rigid_spending_fen=3_600_000), POLICY).category == "deep"


def test_without_a_standard_only_the_criteria_are_cited():
    assert rests_on(KNOWN, POLICY) == (Cited("household_criteria", "B-2020"),)


def test_findings_of_which_all_are_met_are_passed_on_as_they_are():
    found = standing(replace(KNOWN, rigid_spending_fen=3_600_000), POLICY).findings

    assert lifted(found) is found
