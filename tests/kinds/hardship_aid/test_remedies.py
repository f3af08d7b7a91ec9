"""How the facts would be if one rule were met, and what stays in the calculation of a refusal."""

from dataclasses import replace
from datetime import date

import pytest

from app.households.criteria import ByCategory
from app.kinds.hardship_aid.facts import Granted
from app.kinds.hardship_aid.rules import assess, judge
from tests.kinds.hardship_aid.test_rules import BILL, CAPPED, CRITERIA, ORDINARY, POLICY, decide, having_got

TODAY = ORDINARY.applied_on


def found(facts, policy=POLICY):
    return {each.reason.rule: each for each in judge(facts, policy, CRITERIA).findings}


def mended(facts, rule, policy=POLICY):
    return found(facts, policy)[rule].remedy.apply(facts)


def granted(item, amount_fen=100_000, kind="hardship_aid"):
    return Granted(kind=kind, item=item, amount_fen=amount_fen)


def test_the_decision_is_of_this_kind():
    assert decide(ORDINARY).policy.kind == "hardship_aid"


def test_who_asks_for_nothing_is_supposed_to_ask_for_a_fen():
    facts = replace(ORDINARY, requested_fen=0)

    assert mended(facts, "requested_amount_positive") == replace(facts, requested_fen=1)


UNTOLD = replace(
    ORDINARY, item="medical", mutual_aid_found_fen=3, medical_aided_before_fen=7, medical_mutual_aid_paid_fen=None
)


@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        ({}, {"medical_self_paid_fen": 3 + 7 + 5_000, "medical_settled_on": TODAY}),
        ({"mutual_aid_found_fen": None}, {"medical_self_paid_fen": 7 + 5_000, "medical_settled_on": TODAY}),
        ({"medical_self_paid_fen": 9}, {"medical_settled_on": TODAY}),
        ({"medical_self_paid_fen": 9, "medical_settled_on": date(2025, 8, 1)}, {}),
    ],
)
def test_a_medical_bill_is_completed_with_just_enough_and_what_was_told_stays(change, becomes):
    facts = replace(UNTOLD, **change)

    assert mended(facts, "medical_costs_unknown") == replace(facts, medical_mutual_aid_paid_fen=0, **becomes)


@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        ({}, {"accident_caused_fen": 5_000, "accident_happened_on": TODAY}),
        ({"accident_caused_fen": 9}, {"accident_happened_on": TODAY}),
        ({"accident_happened_on": date(2025, 8, 1)}, {"accident_caused_fen": 5_000}),
    ],
)
def test_an_accident_is_completed_with_just_enough_and_what_was_told_stays(change, becomes):
    facts = replace(ORDINARY, item="accident", **change)

    assert mended(facts, "accident_costs_unknown") == replace(facts, **becomes)


@pytest.mark.parametrize(
    ("item", "day", "rules"),
    [
        ("medical", "medical_settled_on", ["medical_costs_unknown", "medical_in_window"]),
        ("accident", "accident_happened_on", ["accident_costs_unknown", "accident_in_window"]),
    ],
)
def test_a_bill_that_is_too_old_is_told_so_even_while_its_amount_is_not_known(item, day, rules):
    asked = found(replace(ORDINARY, item=item, mutual_aid_found_fen=0, **{day: date(2020, 1, 1)}))

    assert [rule for rule in asked if rule.startswith(item) and asked[rule].reason.met is not True] == rules


def test_a_bill_that_others_bore_is_supposed_to_have_just_enough_more():
    facts = replace(BILL, medical_self_paid_fen=10, mutual_aid_found_fen=4, medical_aided_before_fen=6)
    unborne = replace(BILL, medical_self_paid_fen=0)

    assert mended(facts, "medical_costs_left") == replace(facts, medical_self_paid_fen=4 + 6 + 5_000)
    assert mended(unborne, "medical_costs_left") == replace(unborne, medical_self_paid_fen=5_000)


def test_what_is_left_of_a_bill_is_told_with_who_bore_the_rest():
    facts = replace(
        BILL,
        medical_self_paid_fen=10_000,
        medical_mutual_aid_paid_fen=1_000,
        mutual_aid_found_fen=2_000,
        medical_aided_before_fen=500,
    )

    def given(facts):
        return found(facts)["medical_costs_left"].reason.given

    assert given(facts) == (
        "自付100.00元，互助保障已付或在办20.00元（申请填写10.00元，系统查到20.00元）"
        "，同一次费用已得医疗救助5.00元，剩余75.00元"
    )
    assert given(replace(facts, medical_mutual_aid_paid_fen=2_000, medical_aided_before_fen=0)) == (
        "自付100.00元，互助保障已付或在办20.00元，剩余80.00元"
    )


def with_rates(deep, relative, accident):
    rates = ByCategory(deep=deep, relative=relative, accident=accident)
    return POLICY.model_copy(update={"medical": POLICY.medical.model_copy(update={"rate_bp": rates})})


@pytest.mark.parametrize("low", ["deep", "relative", "accident"])
def test_whether_costs_are_left_goes_by_the_rate_of_the_class_or_the_least_while_it_is_not_known(low):
    policy = with_rates(**(dict.fromkeys(("deep", "relative", "accident"), 10_000) | {low: 10}))
    facts = replace(BILL, medical_self_paid_fen=499)
    unknown = replace(facts, household=replace(facts.household, income_fen_yearly=None))

    assert found(facts, policy)["medical_costs_left"].reason.met is (low != "deep")
    assert found(unknown, policy)["medical_costs_left"].reason.met is False
    assert found(replace(unknown, medical_self_paid_fen=500), policy)["medical_costs_left"].reason.met is True


NO_FILE = replace(ORDINARY, item="temporary", household=replace(ORDINARY.household, file_active=False))


@pytest.mark.parametrize(
    ("facts", "policy", "step"),
    [
        (replace(NO_FILE, temporary_granted_this_year_fen=300_001), POLICY, ("yearly_room", -300_000)),
        (
            replace(ORDINARY, granted_this_year=(granted("living", 1_046_401),)),
            POLICY,
            ("yearly_room", -1_046_400),
        ),
        (having_got(900_001), CAPPED, ("household_year_room", -1_046_400)),
    ],
)
def test_where_more_than_the_years_room_was_granted_nothing_is_left_in_the_calculation(facts, policy, step):
    decision = assess(facts, policy, CRITERIA, decided_on=TODAY)

    assert [(each.step, each.amount_fen) for each in decision.trace][1:] == [step, ("refused", 0)]


@pytest.mark.parametrize("granted_fen", [300_000, None])
def test_who_used_up_the_years_temporary_aid_is_supposed_to_have_had_none(granted_fen):
    facts = replace(NO_FILE, temporary_granted_this_year_fen=granted_fen)

    assert mended(facts, "yearly_room_left") == replace(facts, temporary_granted_this_year_fen=0)


def test_where_the_payments_of_mutual_aid_are_not_known_none_are_supposed():
    facts = replace(BILL, mutual_aid_found_fen=None)

    assert mended(facts, "mutual_aid_paid_unknown") == replace(facts, mutual_aid_found_fen=0)


def test_a_bill_of_nothing_is_calculated_from_nothing():
    trace = assess(replace(BILL, medical_self_paid_fen=0), POLICY, CRITERIA, decided_on=TODAY).trace

    assert [(each.step, each.amount_fen) for each in trace] == [("costs", 0), ("refused", 0)]


def test_where_the_document_says_so_temporary_aid_is_also_for_who_has_a_file():
    temporary = POLICY.temporary.model_copy(update={"only_without_file": False})
    policy = POLICY.model_copy(update={"temporary": temporary})
    facts = replace(ORDINARY, item="temporary")

    assert assess(facts, policy, CRITERIA, decided_on=TODAY).amount_fen == 300_000
    assert list(found(facts, policy)) == ["requested_amount_positive", "yearly_room_left"]


def test_the_accident_that_aid_is_asked_for_stays_with_the_household_when_something_else_is_mended():
    household = replace(ORDINARY.household, file_active=False, accident_cost_fen=5)
    facts = replace(ORDINARY, household=household, item="accident", accident_caused_fen=9_600_001)
    told = replace(facts, accident_caused_fen=None)

    assert mended(facts, "household_file_active").household == replace(
        household, file_active=True, accident_cost_fen=9_600_001
    )
    assert mended(told, "household_file_active").household == replace(household, file_active=True)


LIVING, MEDICAL, GRANT = granted("living"), granted("medical"), granted("undergraduate", kind="golden_autumn")
INSURANCE = granted(None, kind="secondary_medical")
OF_ALL_SORTS = (LIVING, MEDICAL, GRANT, INSURANCE)
RELATIVE = replace(ORDINARY.household, income_fen_yearly=4_500_000)


def test_in_a_new_year_what_counted_is_gone_and_what_did_not_count_stays():
    other_item = replace(ORDINARY, household=RELATIVE, granted_this_year=OF_ALL_SORTS)
    too_much = replace(ORDINARY, granted_this_year=(*OF_ALL_SORTS, granted("accident", 9_000_000)))
    full = replace(ORDINARY, granted_this_year=(granted("living", 1_046_400), MEDICAL, GRANT, INSURANCE))
    capped = replace(ORDINARY, granted_this_year=(*OF_ALL_SORTS, granted("medical", 900_000)))

    assert mended(other_item, "one_item_per_year").granted_this_year == (LIVING, GRANT, INSURANCE)
    assert mended(too_much, "hardship_after_earlier_aid").granted_this_year == (INSURANCE,)
    assert mended(full, "yearly_room_left").granted_this_year == (MEDICAL, GRANT, INSURANCE)
    assert mended(capped, "household_year_room_left", CAPPED).granted_this_year == (INSURANCE,)


def test_a_class_that_earlier_aid_makes_unknown_is_not_known():
    household = replace(ORDINARY.household, primary_cause="accident", accident_cost_fen=None)
    facts = replace(ORDINARY, household=household, granted_this_year=(granted("medical", 9_000_000),))
    reason = found(facts)["hardship_after_earlier_aid"].reason

    assert (reason.met, reason.given) == (None, "本年度已得到90,000.00元，计入后无法判断类别")


def test_a_full_room_is_told_to_open_again_and_an_unknown_one_is_for_the_union_to_find():
    full = found(replace(NO_FILE, temporary_granted_this_year_fen=300_000))["yearly_room_left"]
    unknown = found(replace(NO_FILE, temporary_granted_this_year_fen=None))["yearly_room_left"]

    assert (full.reason.met, full.reason.given) == (False, "已发放3,000.00元")
    assert full.remedy.apply(NO_FILE).temporary_granted_this_year_fen == 0
    assert (unknown.reason.met, unknown.reason.given) == (None, "暂时查不到本年度已发放金额")
