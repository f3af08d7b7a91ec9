"""What a claim is told: each reason by its exact words, and which of two it is."""

from dataclasses import replace
from datetime import date

from app.kinds.secondary_medical.rules import assess
from app.policy.decision import Reason
from tests.kinds.secondary_medical.reading import ORDINARY, paid, sheet
from tests.kinds.secondary_medical.test_documents import SHARE, SUM, scheme


def reasons(policy, facts):
    return {each.rule: each for each in assess(facts, policy, decided_on=facts.applied_on).reasons}


def unmet(policy, facts):
    return [each.rule for each in reasons(policy, facts).values() if each.met is not True]


ONCE = scheme(SHARE | {"limits": {"max_payments_per_term": 1}})
PAID_ONCE = replace(ORDINARY, paid_before=(paid("self_pay", 7),))


def test_where_there_is_nothing_to_share_nothing_is_said_of_earlier_payments():
    assert unmet(ONCE, replace(PAID_ONCE, settlement=sheet(pool=5))) == ["self_pay_in_scope"]
    assert unmet(ONCE, replace(ORDINARY, settlement=sheet(pool=5))) == ["self_pay_in_scope"]


def test_where_there_is_a_fen_to_share_the_earlier_payments_are_what_is_in_the_way():
    facts = replace(PAID_ONCE, settlement=sheet(self_pay=1))
    told = reasons(ONCE, facts)

    assert unmet(ONCE, facts) == ["payments_left_in_term"]
    assert told["self_pay_in_scope"].given == "有可以给付的费用"
    assert told["payments_left_in_term"].given == "本保障期内已给付1项，共0.07元"
    assert reasons(ONCE, ORDINARY)["self_pay_in_scope"].given == "按给付标准计算为1,500.00元"


def test_a_stay_that_is_not_excluded_is_told_what_would_be():
    policy = scheme(exclusions={"circumstances": ["work_injury", "crime"], "source": "样例第12条"})

    assert reasons(policy, ORDINARY)["circumstance_not_excluded"] == Reason(
        "circumstance_not_excluded",
        True,
        "不属于不给付的情形",
        "没有下列情形：工伤、违法犯罪",
        "没有这些情形",
        "样例第12条",
    )


def test_a_period_from_the_discharge_is_counted_from_it():
    window = {"days": 20, "starts_with": "discharge", "first_day": "next_day", "source": "样例第9条"}
    facts = replace(
        ORDINARY, settlement=replace(ORDINARY.settlement, settled_on=date(2022, 6, 20)), applied_on=date(2022, 6, 30)
    )

    assert reasons(scheme(claim_window=window), facts)["claim_in_window"] == Reason(
        "claim_in_window", True, "在出院后20天内申请", "最迟2022年6月30日申请", "申请日2022年6月30日", "样例第9条"
    )


def test_the_conditions_of_all_lines_are_told_each_once_and_what_is_missing_of_them():
    level = {"when": {"hospital_levels": [2, 3]}}
    ward = {"when": {"excluded_wards": ["psychiatric"], "min_days": 3}}
    policy = scheme(SHARE | level, SUM | ward, SUM | ward | {"line": "again"})
    short = replace(ORDINARY, discharged_on=date(2022, 6, 2), hospital_level=1)
    unknown = assess(ORDINARY, policy, decided_on=ORDINARY.applied_on)

    needed = "住院，限二级医院、三级医院；或住院，连续住院至少3天，不含精神科病房"
    assert reasons(policy, short)["benefit_conditions_met"].needed == needed
    assert [(each.rule, each.text) for each in unknown.changes] == [
        ("benefit_conditions_met", "请补充医院等级、病房类别")
    ]
