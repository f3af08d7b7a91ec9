"""How a decision tells what it did: reasons, changes, steps; and what the next claim learns from it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.kinds.secondary_medical.facts import Cover, Paid
from app.kinds.secondary_medical.payment import lines_paid
from app.kinds.secondary_medical.rules import assess
from app.policy.versions import NoPolicyInForce
from tests.kinds.secondary_medical.reading import ORDINARY, decide, paid, policy_for, sheet


def test_the_calculation_is_shown_step_by_step_and_sums_to_the_amount():
    facts = replace(ORDINARY, settlement=sheet(pool=1_000_000, self_pay=350_000, deductible=80_000, civil=10_000))
    decision = decide(facts)

    assert [(step.step, step.amount_fen) for step in decision.trace] == [
        ("in_pool.inscp_scp_amt", 1_430_000),
        ("in_pool.act_pay_dedc", -80_000),
        ("in_pool.hifp_pay", -1_000_000),
        ("in_pool.cvlserv_pay", -10_000),
        ("in_pool.clamp_1", -140_000),
        ("in_pool.rate", -40_000),
    ]
    assert decision.amount_fen == 160_000
    assert [step.text for step in decision.trace[-2:]] == [
        "统筹基金内自付：计入的不超过统筹基金支付的20%",
        "统筹基金内自付：本保障期第1次给付，按80%",
    ]


def test_each_band_is_a_step():
    facts = replace(ORDINARY, settlement=sheet(self_pay=1_200_000))

    assert [(step.step, step.amount_fen, step.text) for step in decide(facts, "hz21").trace] == [
        ("self_pay.inscp_scp_amt", 1_200_000, "住院自付：符合政策范围金额"),
        ("self_pay.band_1", -80_000, "住院自付：0.00元至1,000.00元的部分给付20%"),
        ("self_pay.band_2", -450_000, "住院自付：1,000.00元至10,000.00元的部分给付50%"),
        ("self_pay.band_3", -20_000, "住院自付：10,000.00元至15,000.00元的部分给付90%"),
    ]


def test_a_refusal_keeps_its_calculation_and_ends_it_with_nothing():
    decision = decide(replace(ORDINARY, settlement_claimed_before=True))

    assert sum(step.amount_fen for step in decision.trace) == decision.amount_fen == 0
    assert decision.trace[-1].step == "refused"
    assert lines_paid(decision) == ()


def test_before_the_scheme_there_is_no_policy():
    with pytest.raises(NoPolicyInForce):
        policy_for(replace(ORDINARY, cover=None, admitted_on=date(2013, 12, 31)))


def test_what_a_claim_paid_by_line_counts_in_the_next_one():
    facts = replace(
        ORDINARY,
        cover=Cover(starts_on=date(2025, 7, 1), ends_on=date(2026, 6, 30), joining="renewal"),
        applied_on=date(2026, 1, 20),
        admitted_on=date(2026, 1, 1),
        discharged_on=date(2026, 1, 10),
        settlement=replace(
            sheet(pool=2_000_000, self_pay=100_000, self_funded=1_000_000), settled_on=date(2026, 1, 10)
        ),
    )

    def after(*decisions):
        before = [paid(line, fen) for decision in decisions for line, fen in lines_paid(decision)]
        return decide(replace(facts, paid_before=tuple(before)))

    first = after()
    assert lines_paid(first) == (("in_pool", 80_000), ("self_funded", 500_000))
    second = after(first)
    assert lines_paid(second) == (("in_pool", 80_000), ("self_funded", 300_000))
    third = after(first, second)
    assert (third.outcome, lines_paid(third)) == ("ineligible", ())


def test_what_is_held_to_the_workers_share_is_taken_off_the_last_line():
    bill = replace(sheet(pool=2_000_000, self_pay=100_000, self_funded=1_000_000), psn_cash_pay_fen=90_000)
    facts = replace(ORDINARY, settlement=bill)
    decision = assess(
        facts, policy_for(replace(facts, cover=None, admitted_on=date(2025, 7, 1))), decided_on=facts.applied_on
    )

    assert lines_paid(decision) == (("in_pool", 80_000), ("self_funded", 10_000))
    assert decision.trace[-1].step == "self_funded.total_clamp_1"
    assert decision.trace[-1].text == "各项合计不超过个人账户与现金实际负担之和"


def test_the_national_validation_case_shows_that_a_clamp_belongs_to_a_version():
    """A stay of 37,000 with 27,000 from insurance: 80 % of 10,000 without a clamp, of 5,400 with one of 20 %."""
    facts = replace(ORDINARY, settlement=sheet(pool=2_700_000, self_pay=1_000_000))
    free = policy_for(replace(facts, cover=None, admitted_on=date(2025, 7, 1)))

    assert assess(facts, free, decided_on=facts.applied_on).amount_fen == 800_000
    assert decide(facts).amount_fen == 432_000


@pytest.mark.parametrize(
    ("change", "can_change"),
    [
        ({"cover": None}, {"cover_in_force": False}),
        ({"cover": replace(ORDINARY.cover, starts_on=date(2022, 5, 20))}, {"waiting_period_over": False}),
        ({"discharged_on": date(2022, 5, 31)}, {"stay_dates_in_order": True}),
        ({"settlement_claimed_before": True}, {"settlement_not_claimed_before": False}),
        ({"settlement_claimed_before": None}, {"settlement_not_claimed_before": False}),
        ({"applied_on": date(2023, 6, 11)}, {"claim_in_window": False}),
        ({"settlement": sheet(pool=2_000_000)}, {"self_pay_in_scope": False}),
        ({"paid_before": (paid("in_pool", 1),) * 2}, {"payments_left_in_term": False}),
        ({"settlement": replace(ORDINARY.settlement, medfee_sumamt_fen=2_300_001)}, {"settlement_adds_up": True}),
    ],
)
def test_it_is_said_whether_the_worker_can_do_something(change, can_change):
    decision = decide(replace(ORDINARY, **change))

    assert {each.rule: each.can_change for each in decision.changes} == can_change


def test_the_order_of_payment_is_told_in_words():
    steps = decide(replace(ORDINARY, paid_before=(paid("in_pool", 240_000),))).trace

    assert steps[-1].text == "统筹基金内自付：本保障期第2次给付，按70%"


def test_a_line_that_is_used_up_stays_in_the_trace_with_nothing():
    facts = replace(
        ORDINARY,
        settlement=sheet(pool=30_000_000, self_pay=300_000, large=8_000_000, self_above=2_000_000),
        paid_before=(paid("above_pool", 1_000),),
    )
    steps = {step.step: (step.amount_fen, step.text) for step in decide(facts).trace}

    assert steps["above_pool.used_up"] == (0, "超封顶线自付：给付次数或额度已经用完")
    assert dict(lines_paid(decide(facts))) == {"in_pool": 240_000}


def test_waiting_that_does_not_depend_on_how_the_cover_began_is_not_left_open():
    """Inside the waiting of a first cover and of a renewal alike, not knowing which it is changes nothing."""
    early = replace(ORDINARY, cover=replace(ORDINARY.cover, starts_on=ORDINARY.admitted_on - timedelta(days=30)))

    assert decide(early).outcome == "eligible"
    unknown = decide(replace(early, cover=replace(early.cover, starts_on=date(2022, 5, 3), joining=None)))
    assert [reason.met for reason in unknown.reasons if reason.rule == "waiting_period_over"] == [None]


def test_an_earlier_payment_of_another_scheme_does_not_count():
    other = Paid(line="something_else", amount_fen=1, on=date(2022, 1, 1), in_term=True)

    assert decide(replace(ORDINARY, paid_before=(other,))).amount_fen == 240_000
