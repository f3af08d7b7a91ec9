"""Parts of the calculation that no scheme of today uses, or whose edge no case meets; each exact to the fen."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.kinds.secondary_medical.benefits import Conditions
from app.kinds.secondary_medical.conditions import (
    all_asked,
    condition_text,
    holds,
    made_known,
    made_to_hold,
    stayed_at_least,
    unknown,
)
from app.kinds.secondary_medical.facts import Cover
from app.kinds.secondary_medical.remedies import (
    claimed_in_time,
    conditions_met,
    covered,
    nothing_paid_before,
    something_to_pay,
    waited,
)
from app.kinds.secondary_medical.rules import assess
from tests.kinds.secondary_medical.reading import ORDINARY, paid, sheet
from tests.kinds.secondary_medical.test_documents import DAILY, SELF_PAY, SHARE, SUM, banded, pays, scheme

ABOVE = SHARE | {"base": {"name": "封顶线以上自付", "plus": ["above_ceiling"]}, "rates_bp": [10_000]}


def steps(policy, facts=ORDINARY):
    return [
        (step.step, step.amount_fen, step.text) for step in assess(facts, policy, decided_on=facts.applied_on).trace
    ]


@pytest.mark.parametrize(
    ("rate_bp", "bill", "amount_fen"),
    [
        (9_000, {"large": 90_000, "self_above": 10_000}, 10_000),
        (9_000, {"large": 90_000, "self_above": 10_000, "deductible": 70_000, "pool": 500_000}, 10_000),
        (9_000, {"large": 90_004, "self_above": 20_000}, 10_000),
        (9_000, {"large": 90_005, "self_above": 20_000}, 10_001),
        (9_000, {"large": 90_000, "self_above": 9_999}, 9_999),
        (9_000, {"large": 90_000, "self_above": 9_999, "deductible": 70_000, "pool": 500_000}, 9_999),
        (9_000, {"large": 0, "self_above": 10_000, "self_pay": 10_000}, 0),
        (8_000, {"large": 80_000, "self_above": 50_000}, 20_000),
        (3_000, {"large": 30_000, "self_above": 90_000, "deductible": 5, "pool": 7}, 70_000),
    ],
)
def test_the_share_above_the_ceiling_follows_from_what_the_supplement_paid(rate_bp, bill, amount_fen):
    policy = scheme(ABOVE, large_amount={"rate_bp": rate_bp, "source": "样例"})

    assert pays(policy, **bill) == amount_fen


TOTAL = {"round_at": "claim", "total_caps": {"source": "样例第11条"}}


def capped(**caps):
    return scheme(SHARE, SUM, stacking=TOTAL | {"total_caps": TOTAL["total_caps"] | caps})


BEFORE = (paid("self_pay", 30_000), paid("care", 5_000), paid("care", 1_000, date(2021, 12, 31)))
IN_YEAR = (paid("self_pay", 30_000, in_term=False), paid("care", 5_000, in_term=False))


@pytest.mark.parametrize(
    ("caps", "before", "code", "text", "left"),
    [
        ({"per_claim_fen": 170_000}, BEFORE, "claim", "各项合计每次最多1,700.00元", 170_000),
        ({"per_term_fen": 170_000}, BEFORE, "term", "各项一个保障期合计最多1,700.00元", 134_000),
        ({"per_year_fen": 170_000}, BEFORE, "year", "各项一个自然年合计最多1,700.00元", 135_000),
        ({"per_year_fen": 170_000}, IN_YEAR, "year", "各项一个自然年合计最多1,700.00元", 135_000),
        ({"per_year_fen": 35_001}, IN_YEAR, "year", "各项一个自然年合计最多350.01元", 1),
    ],
)
def test_a_cap_on_the_whole_counts_what_all_lines_were_paid_before(caps, before, code, text, left):
    facts = replace(ORDINARY, paid_before=before)
    told = steps(capped(**caps), facts)

    assert sum(fen for _, fen, _ in told) == left
    assert told[-1][0].endswith(f".total_cap_{code}")
    assert told[-1][2] == text


@pytest.mark.parametrize("name", ["per_term_fen", "per_year_fen"])
def test_a_cap_on_the_whole_that_is_used_up_leaves_nothing(name):
    assert pays(capped(**{name: 35_000}), replace(ORDINARY, paid_before=(paid("self_pay", 35_000),))) == 0


def test_a_total_that_is_just_kept_is_no_step():
    assert steps(capped(per_claim_fen=180_000)) == steps(scheme(SHARE, SUM))


def test_the_limits_of_a_line_are_steps_with_their_words():
    limits = {"per_claim_fen": 140_000, "per_term_fen": 150_000, "per_year_fen": 150_000}
    facts = replace(ORDINARY, paid_before=(paid("self_pay", 20_000), paid("self_pay", 9_000, in_term=False)))

    assert steps(scheme(SHARE | {"limits": limits}), facts)[-3:] == [
        ("self_pay.cap_claim", -10_000, "住院自付：每次最多1,400.00元"),
        ("self_pay.cap_term", -10_000, "住院自付：一个保障期合计最多1,500.00元"),
        ("self_pay.cap_year", -9_000, "住院自付：一个自然年合计最多1,500.00元"),
    ]


def test_the_days_of_a_term_and_a_line_that_is_used_up_say_so():
    daily = scheme(DAILY | {"max_days_per_term": 4}, SUM)
    used = replace(ORDINARY, paid_before=(paid("daily", 20_000),))

    assert steps(daily) == [
        ("daily.days", 45_000, "住院津贴：住院9天，9天每天50.00元"),
        ("daily.cap_days", -25_000, "住院津贴：一个保障期最多4天"),
        ("care.sum", 30_000, "慰问金：定额给付"),
    ]
    assert steps(daily, used) == [
        ("daily.used_up", 0, "住院津贴：给付次数或额度已经用完"),
        ("care.sum", 30_000, "慰问金：定额给付"),
    ]


def test_a_total_of_the_bill_and_a_cap_after_it_each_take_off_their_own_part():
    borne = {"of": {"name": "现金", "plus": ["psn_cash_pay"]}, "rate_bp": 10_000, "source": "样例第13条"}
    both = {"round_at": "claim", "total_clamps": [borne], "total_caps": {"per_claim_fen": 90_000, "source": "样例"}}
    bill = replace(sheet(pool=5, self_pay=300_000), psn_cash_pay_fen=100_000)

    assert steps(scheme(SHARE, SUM, stacking=both), replace(ORDINARY, settlement=bill))[-3:] == [
        ("care.total_clamp_1", -30_000, "各项合计不超过现金"),
        ("self_pay.total_clamp_1", -50_000, "各项合计不超过现金"),
        ("self_pay.total_cap_claim", -10_000, "各项合计每次最多900.00元"),
    ]


def test_payments_of_a_year_are_counted_one_by_one():
    twice = scheme(SHARE | {"limits": {"max_payments_per_year": 3}})
    before = paid("self_pay", 1, in_term=False)

    assert pays(twice, replace(ORDINARY, paid_before=(before,) * 2)) == 150_000
    assert pays(twice, replace(ORDINARY, paid_before=(before,) * 3)) == 0


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"act_pay_dedc_fen": 9_000_000}, "settlement_pool_within_scope"),
        ({"medfee_sumamt_fen": 9_000_000}, "settlement_adds_up"),
        ({"psn_cash_pay_fen": 9_000_000}, "settlement_payers_within_total"),
    ],
)
def test_a_sheet_that_is_wrong_in_one_thing_is_not_calculated(change, rule):
    facts = replace(ORDINARY, settlement=replace(ORDINARY.settlement, **change))
    decision = assess(facts, scheme(SHARE), decided_on=facts.applied_on)

    assert [reason.rule for reason in decision.reasons if not reason.met] == [rule]
    assert [step.step for step in decision.trace] == ["refused"]


def test_dates_that_cannot_be_are_not_calculated():
    facts = replace(ORDINARY, discharged_on=date(2022, 5, 31))

    assert [code for code, _, _ in steps(scheme(SHARE), facts)] == ["refused"]


WANTED = Conditions(
    treatments=("inpatient",),
    causes=("accident",),
    min_days=12,
    hospital_levels=(2, 3),
    excluded_wards=("psychiatric", "maternity"),
    events=("critical_illness", "cancer"),
    archived_only=True,
)
MADE = replace(
    ORDINARY,
    cause="accident",
    discharged_on=date(2022, 6, 13),
    settlement=replace(ORDINARY.settlement, settled_on=date(2022, 6, 13)),
    hospital_level=3,
    ward="general",
    events=("critical_illness",),
    in_archive=True,
)


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({}, {}),
        ({"treatment": "outpatient_special"}, {}),
        ({"events": ("cancer",)}, {"events": ("cancer",)}),
        ({"events": ("birth",)}, {"events": ("birth", "critical_illness")}),
        ({"hospital_level": 2}, {"hospital_level": 2}),
        ({"hospital_level": 1, "ward": "maternity", "in_archive": False}, {}),
        ({"ward": "rehabilitation"}, {"ward": "rehabilitation"}),
    ],
)
def test_a_stay_is_supposed_to_be_as_a_line_wants_it_and_otherwise_as_it_is(change, made):
    facts = replace(ORDINARY, **change)

    assert made_to_hold(WANTED, facts) == replace(MADE, **made)
    assert holds(WANTED, made_to_hold(WANTED, facts)) is True


def test_nothing_is_supposed_where_nothing_is_asked():
    facts = replace(ORDINARY, ward="maternity", hospital_level=1, in_archive=False)

    assert made_to_hold(Conditions(), facts) == facts
    assert made_known(Conditions(), replace(facts, ward=None, hospital_level=None, in_archive=None)) == replace(
        facts, ward=None, hospital_level=None, in_archive=None
    )
    assert made_known(WANTED, facts) == facts
    assert made_known(WANTED, ORDINARY) == replace(ORDINARY, ward="general", hospital_level=3, in_archive=True)


def test_a_stay_of_a_day_is_not_made_longer_where_no_days_are_asked_for():
    same_day = replace(ORDINARY, discharged_on=ORDINARY.admitted_on)

    assert made_to_hold(Conditions(causes=("accident",)), same_day) == replace(same_day, cause="accident")


def test_what_is_asked_and_not_known_is_named():
    assert unknown(WANTED, ORDINARY) == ("医院等级", "病房类别", "是否已建立困难职工档案")
    assert unknown(Conditions(excluded_wards=("maternity",)), ORDINARY) == ("病房类别",)
    assert unknown(Conditions(hospital_levels=(3,)), ORDINARY) == ("医院等级",)
    assert unknown(Conditions(archived_only=True), ORDINARY) == ("是否已建立困难职工档案",)
    assert unknown(Conditions(), ORDINARY) == ()


def test_conditions_are_told_in_words():
    both = Conditions(treatments=("inpatient", "outpatient_special"))

    assert condition_text(both) == "住院或门诊特定病种"
    assert condition_text(WANTED) == (
        "住院，因意外，连续住院至少12天，限二级医院、三级医院，不含精神科病房、产科病房，限已建档的困难职工"
    )


def test_all_that_any_line_asks_is_asked_of_the_claim():
    asked = all_asked([Conditions(), WANTED, Conditions()])

    assert (asked.hospital_levels, asked.excluded_wards, asked.archived_only) == (
        (2, 3), ("psychiatric", "maternity"), True,
    )  # fmt: skip
    assert all_asked([Conditions()]) == Conditions()


def test_a_longer_stay_moves_what_comes_after_it_and_a_stay_that_is_long_enough_stays():
    longer = stayed_at_least(ORDINARY, 30)
    end = ORDINARY.admitted_on + timedelta(days=30)

    assert stayed_at_least(ORDINARY, 9) is ORDINARY
    assert (longer.discharged_on, longer.settlement.settled_on, longer.applied_on) == (end, end, end)
    assert stayed_at_least(ORDINARY, 10).applied_on == ORDINARY.applied_on


def waiting(new, renewal=0, late=0):
    kinds = {"new": new, "renewal": renewal, "late_renewal": late}
    written = {kind: {"illness": days, "accident": 0} for kind, days in kinds.items()}
    return scheme(waiting=written | {"renewal_grace_days": 0, "source": "样例第7条"})


def cover_of(starts_on, joining):
    return Cover(starts_on=starts_on, ends_on=date(2022, 12, 31), joining=joining)


@pytest.mark.parametrize(
    ("cover", "becomes"),
    [
        (cover_of(date(2022, 5, 20), "new"), cover_of(date(2022, 5, 2), "new")),
        (cover_of(date(2022, 1, 1), "new"), cover_of(date(2022, 1, 1), "new")),
        (cover_of(date(2022, 5, 20), None), cover_of(date(2022, 5, 20), "renewal")),
        (None, None),
    ],
)
def test_a_cover_is_supposed_to_have_begun_so_early_that_the_waiting_is_over(cover, becomes):
    facts = replace(ORDINARY, cover=cover)

    assert waited(waiting(30))(facts) == replace(facts, cover=becomes)


@pytest.mark.parametrize(("begins", "met"), [(31, True), (30, None), (11, None), (10, False)])
def test_how_a_cover_began_matters_only_while_the_answer_depends_on_it(begins, met):
    policy = waiting(30, 10, 20)
    cover = cover_of(date(2022, 6, 1) - timedelta(days=begins - 1), None)
    decision = assess(replace(ORDINARY, cover=cover), policy, decided_on=ORDINARY.applied_on)

    assert [reason.met for reason in decision.reasons if reason.rule == "waiting_period_over"] == [met]


@pytest.mark.parametrize(
    ("policy", "joining"),
    [(waiting(30), "renewal"), (waiting(0, 5, 5), "new"), (waiting(30, 30), "late_renewal"), (waiting(0), "renewal")],
)
def test_without_a_cover_one_is_supposed_that_lasts_and_waits_least(policy, joining):
    cover = covered(policy)(replace(ORDINARY, cover=None)).cover

    assert cover.joining == joining
    assert cover.starts_on == date(2022, 6, 1) - timedelta(days=10_000)
    assert cover.ends_on == date(2022, 6, 10) + timedelta(days=10_000)


def test_a_late_claim_is_supposed_to_come_when_the_stay_and_its_settlement_are_over():
    window = scheme().claim_window
    late = replace(ORDINARY, applied_on=date(2024, 1, 1))
    settled_later = replace(late, settlement=replace(late.settlement, settled_on=date(2022, 6, 30)))
    far_apart = replace(late, discharged_on=date(2023, 12, 1))

    assert claimed_in_time(window)(late) == replace(late, applied_on=date(2022, 6, 10))
    assert claimed_in_time(window)(settled_later) == replace(settled_later, applied_on=date(2022, 6, 30))
    assert claimed_in_time(window)(far_apart) == replace(
        far_apart,
        settlement=replace(late.settlement, settled_on=date(2023, 12, 1)),
        applied_on=date(2023, 12, 1),
    )


def test_a_claim_on_the_very_last_day_stays_as_it_is_and_one_counted_from_the_discharge_moves_it():
    by_discharge = scheme(
        claim_window={"days": 20, "starts_with": "discharge", "first_day": "next_day", "source": "样例第9条"}
    ).claim_window
    settlement = replace(ORDINARY.settlement, settled_on=date(2022, 6, 30))
    last = replace(ORDINARY, settlement=settlement, applied_on=date(2023, 1, 1))
    too_late = replace(last, settlement=replace(settlement, settled_on=date(2022, 7, 1)))

    assert claimed_in_time(by_discharge)(last) == replace(last, applied_on=date(2022, 6, 30))
    assert claimed_in_time(by_discharge)(too_late) == replace(
        too_late, discharged_on=date(2022, 7, 1), applied_on=date(2022, 7, 1)
    )


def test_a_claim_of_which_nothing_is_paid_is_supposed_to_have_a_sheet_that_pays():
    policy = scheme(SHARE)
    empty = replace(ORDINARY, settlement=sheet(pool=5))
    made = something_to_pay(policy)(empty)

    assert made.settlement.settled_on == empty.settlement.settled_on
    assert pays(policy, made) > 0
    assert replace(made, settlement=empty.settlement) == empty
    assert nothing_paid_before(replace(empty, paid_before=BEFORE)) == empty


def test_a_claim_that_asks_for_receipts_is_supposed_to_have_them():
    clamp = {"of": {"name": "票据金额", "plus": ["receipts"]}, "rate_bp": 10_000, "source": "样例票据"}
    policy = scheme(SHARE | {"base": SELF_PAY, "clamps": [clamp]})
    made = something_to_pay(policy)(replace(ORDINARY, settlement=sheet(pool=5), receipts_fen=0))

    assert made.receipts_fen == made.settlement.medfee_sumamt_fen > 0
    assert pays(policy, made) > 0
    unknown = replace(ORDINARY, receipts_fen=None)
    assert conditions_met(policy)(unknown) == replace(unknown, receipts_fen=2_300_000)
    assert conditions_met(policy)(replace(unknown, receipts_fen=5)) == replace(unknown, receipts_fen=5)


@pytest.mark.parametrize("mode", ["marginal", "whole"])
def test_the_first_fen_counts(mode):
    policy = scheme(banded(mode, (0, 1, 10_000), (1, None, 10_000)))

    assert [pays(policy, self_pay=fen) for fen in (0, 1, 2, 3)] == [0, 1, 2, 3]


def test_a_line_of_nothing_is_not_raised_to_its_minimum():
    policy = scheme(SHARE | {"rates_bp": [10_000], "minimum_fen": 500})

    assert [pays(policy, self_pay=fen) for fen in (0, 1, 499, 500, 501)] == [0, 500, 500, 500, 501]
