"""How a household would be if one rule were met: of exactly which household, and by how much."""

from dataclasses import replace

import pytest

from app.households.facts import HouseholdFacts
from app.households.rules import classify, review_findings
from app.policy.versions import parse
from tests.households.test_comparing import EDGE, KNOWN, POLICY

# 3 members, 12 months, twice 800.01: below 57,600.72 a year; the net income is 70,000.00.
RICH = replace(KNOWN, income_fen_yearly=7_600_000)
SHORT = 7_000_000 - 5_760_072 + 1


def supposed(facts: HouseholdFacts, of: HouseholdFacts = RICH, policy=POLICY) -> HouseholdFacts:
    (found,) = classify(of, policy).findings
    return found.remedy.apply(facts)


def test_of_the_household_that_was_judged_the_spending_that_was_named_is_supposed():
    assert supposed(RICH) == replace(RICH, rigid_spending_fen=600_000 + SHORT)


def test_of_a_household_that_was_mended_otherwise_its_own_spending_is_supposed():
    richer = replace(RICH, income_fen_yearly=7_700_000)
    smaller = replace(RICH, members=2)

    assert supposed(richer) == replace(richer, rigid_spending_fen=600_000 + SHORT + 100_000)
    assert supposed(smaller) == replace(smaller, rigid_spending_fen=600_000 + 7_000_000 - 3_840_048 + 1)


def test_a_household_that_is_of_a_class_already_stays_as_it_is():
    assert supposed(KNOWN) is KNOWN


@pytest.mark.parametrize("name", ["income_fen_yearly", "rigid_spending_fen", "members", "minimum_living_standard_fen"])
def test_of_a_household_whose_figures_are_not_known_nothing_is_supposed(name):
    unknown = replace(RICH, **{name: None})

    assert supposed(unknown) is unknown


def test_where_spending_does_not_decide_the_first_supposition_that_gives_a_class_is_taken():
    facts = replace(RICH, edge_line_fen=90_000)

    assert supposed(facts, facts, EDGE) == replace(facts, income_fen_yearly=0, financial_assets_fen=0)


def test_where_no_supposition_gives_a_class_the_household_stays_as_it_is():
    written = EDGE.model_dump(mode="json")
    above = {"measure": "gross_per_head_month", "operator": "gt", "percent": 1_000, "of": "minimum_living_standard"}
    only = [written["criteria"][0] | {"all_of": [above | {"or_else": None}]}]
    (policy,) = parse(type(EDGE), str([written | {"criteria": only}]).replace("None", "null").replace("True", "true"))

    assert supposed(RICH, RICH, policy) is RICH


@pytest.mark.parametrize(
    ("days", "met", "given"),
    [(0, True, "没有逾期"), (1, True, "已逾期1天"), (30, True, "已逾期30天"), (31, False, "已逾期31天")],
)
def test_a_file_may_be_a_month_overdue_and_no_longer(days, met, given):
    (found,) = review_findings(HouseholdFacts(review_overdue_days=days))

    assert (found.reason.rule, found.reason.met, found.reason.given) == ("household_review_overdue", met, given)


def test_a_file_that_is_long_overdue_is_supposed_to_be_verified_today():
    overdue = replace(KNOWN, review_overdue_days=31)
    (found,) = review_findings(overdue)

    assert found.remedy.can_change is True
    assert found.remedy.apply(overdue) == replace(KNOWN, review_overdue_days=0)


def test_a_file_without_a_due_date_is_not_asked():
    assert review_findings(KNOWN) == ()
