"""What holds for every claim under every scheme that comes with the service."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kinds.secondary_medical.benefits import LumpSum, Share
from app.kinds.secondary_medical.conditions import made_to_hold, stayed_at_least
from app.kinds.secondary_medical.documents import load_scheme, scheme_names
from app.kinds.secondary_medical.facts import CIRCUMSTANCES, WARDS, Cover, Facts, Paid
from app.kinds.secondary_medical.payment import lines_paid, pays
from app.kinds.secondary_medical.rules import assess, judge
from app.policy.changes import smallest
from app.policy.decision import from_plain, plain
from app.policy.replay import canonical, facts_from, facts_json
from tests.kinds.cases import check_texts_are_plain
from tests.kinds.secondary_medical.reading import ORDINARY, sheet
from tests.thorough import thorough

POLICIES = [policy for name in scheme_names() for policy in load_scheme(name)]
LINES = sorted({benefit.line for policy in POLICIES for benefit in policy.benefits})
EVENTS = sorted({event for policy in POLICIES for when in policy.conditions for event in when.events})
FIELDS = [name for name in ORDINARY.settlement.__slots__ if name.endswith("_fen")]

policies = st.sampled_from(POLICIES)
amounts = st.integers(0, 200) | st.integers(0, 9_000_000) | st.just(0)
thousandths = st.just(0) | st.integers(0, 1000)


@st.composite
def good_sheets(draw):
    """A sheet that adds up; others pay a part of what was the worker's, the account one of the rest."""
    names = ("pool", "self_pay", "deductible", "large", "self_above", "self_funded", "upfront", "over_limit")
    settlement = sheet(**{name: draw(amounts) for name in names})
    rest, bears = settlement.psn_cash_pay_fen, {}
    for payer in ("cvlserv_pay_fen", "maf_pay_fen", "acct_pay_fen"):
        bears[payer] = rest * draw(thousandths) // 1000
        rest -= bears[payer]
    return replace(settlement, psn_cash_pay_fen=rest, **bears)


bad_sheets = st.builds(
    lambda settlement, name, fen: replace(settlement, **{name: fen}),
    good_sheets(),
    st.sampled_from(FIELDS),
    st.integers(0, 10**12),
)
days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
paid = st.builds(
    Paid, line=st.sampled_from([*LINES, "of_another_scheme"]), amount_fen=st.integers(1, 900_000),
    on=st.dates(date(2021, 1, 1), date(2023, 12, 31)), in_term=st.booleans(),
)  # fmt: skip
rest_of_a_claim = {
    "treatment": st.sampled_from(["inpatient", "inpatient", "outpatient_special"]),
    "cause": st.sampled_from(["illness", "accident"]),
    "ward": st.sampled_from(list(WARDS)),
    "hospital_level": st.sampled_from([1, 2, 3, None]),
    "events": st.lists(st.sampled_from(EVENTS), max_size=2, unique=True).map(tuple),
    "circumstances": st.lists(st.sampled_from(list(CIRCUMSTANCES)), max_size=1).map(tuple),
    "receipts_fen": st.none() | amounts,
    "in_archive": st.sampled_from([True, False, None]),
    "settlement_claimed_before": st.sampled_from([False, False, True, None]),
    "paid_before": st.lists(paid, max_size=3).map(tuple),
}
joinings = st.sampled_from(["new", "renewal", "late_renewal", None])
any_facts = st.builds(
    Facts,
    applied_on=days,
    cover=st.none() | st.builds(Cover, starts_on=days, ends_on=days, joining=joinings),
    admitted_on=days,
    discharged_on=days,
    settlement=st.builds(lambda settlement, on: replace(settlement, settled_on=on), good_sheets() | bad_sheets, days),
    **rest_of_a_claim,
)


@st.composite
def likely_facts(draw):
    """A claim in which little is wrong: dates near one another, a sheet that adds up."""
    admitted = date(2022, 6, 1) + timedelta(days=draw(st.integers(-20, 20)))
    discharged = admitted + timedelta(days=draw(st.integers(0, 40)))
    settled = discharged + timedelta(days=draw(st.integers(0, 5)))
    rest = {name: draw(strategy) for name, strategy in rest_of_a_claim.items()}
    return Facts(
        applied_on=settled + timedelta(days=draw(st.integers(0, 80) | st.integers(0, 400))),
        cover=Cover(
            starts_on=date(2022, 5, draw(st.integers(1, 31))), ends_on=date(2023, 4, 30), joining=draw(joinings)
        ),
        admitted_on=admitted,
        discharged_on=discharged,
        settlement=replace(draw(good_sheets()), settled_on=settled),
        **rest,
    )


def good(facts, policy):
    """The claim with everything that is not about money put right."""
    wanted = policy.conditions[0]
    return replace(
        ORDINARY,
        settlement=replace(facts.settlement, settled_on=ORDINARY.settlement.settled_on),
        events=tuple(wanted.events[:1]),
        treatment=wanted.treatments[0],
        ward="general",
        hospital_level=3,
        in_archive=True,
        receipts_fen=facts.settlement.medfee_sumamt_fen,
        paid_before=facts.paid_before,
    )


def failed(decision):
    return [reason.rule for reason in decision.reasons if reason.met is not True]


@thorough
@given(any_facts | likely_facts(), policies)
def test_every_claim_gets_a_decision_whose_trace_sums_to_its_amount(facts, policy):
    decision = assess(facts, policy, decided_on=facts.applied_on)

    assert sum(step.amount_fen for step in decision.trace) == decision.amount_fen
    assert (decision.outcome == "eligible") is (not failed(decision)) is (decision.amount_fen > 0)
    assert {change.rule for change in decision.changes} <= set(REMEDIES)
    check_texts_are_plain(decision)


REMEDIES = [
    "stay_dates_in_order", "settlement_pool_within_scope", "settlement_adds_up", "settlement_payers_within_total",
    "settlement_not_claimed_before", "claim_in_window", "cover_in_force", "waiting_period_over",
    "circumstance_not_excluded", "benefit_conditions_met", "self_pay_in_scope", "payments_left_in_term",
]  # fmt: skip


@thorough
@given(any_facts | likely_facts(), policies)
def test_the_changes_together_flip_a_refusal_and_each_of_them_is_needed(facts, policy):
    judged = judge(facts, policy)
    if judged.eligible:
        return
    remedies = smallest(facts, judged, lambda given: judge(given, policy))

    def eligible_with(chosen):
        mended = facts
        for remedy in chosen:
            mended = remedy.apply(mended)
        return judge(mended, policy).eligible

    assert eligible_with(remedies)
    for remedy in remedies:
        assert not eligible_with([each for each in remedies if each is not remedy])


@thorough
@given(any_facts | likely_facts(), policies)
def test_every_unmet_rule_has_a_remedy_that_meets_it(facts, policy):
    for finding in judge(facts, policy).findings:
        assert (finding.remedy is None) is (finding.reason.met is True)
        if finding.remedy:
            again = judge(finding.remedy.apply(facts), policy)
            assert all(each.reason.met is True for each in again.findings if each.reason.rule == finding.reason.rule)


@thorough
@given(any_facts | likely_facts(), policies)
def test_the_same_claim_gives_the_same_bytes_also_from_its_stored_facts(facts, policy):
    stored = facts_json(facts)
    decision = assess(facts, policy, decided_on=facts.applied_on)
    again = assess(facts_from(Facts, stored), policy, decided_on=facts.applied_on)

    assert canonical(plain(again)) == canonical(plain(decision))
    assert from_plain(plain(decision)) == decision


@thorough
@given(likely_facts(), policies)
def test_no_cap_of_the_scheme_is_ever_exceeded(facts, policy):
    claim = good(facts, policy)
    decision = assess(claim, policy, decided_on=claim.applied_on)
    pays = dict(lines_paid(decision))
    assert sum(pays.values()) == decision.amount_fen
    assert all(fen > 0 for fen in pays.values())

    def before(line, scope):
        return [each.amount_fen for each in claim.paid_before if each.line in (line, line or each.line) and scope(each)]

    def in_term(each):
        return each.in_term

    def in_year(each):
        return each.on.year == 2022

    for benefit in policy.benefits:
        line, limits = benefit.line, benefit.limits
        if line in pays:
            assert limits.per_claim_fen is None or pays[line] <= limits.per_claim_fen
            assert limits.per_term_fen is None or pays[line] + sum(before(line, in_term)) <= limits.per_term_fen
            assert limits.per_year_fen is None or pays[line] + sum(before(line, in_year)) <= limits.per_year_fen
            assert limits.max_payments_per_term is None or len(before(line, in_term)) < limits.max_payments_per_term
            assert limits.max_payments_per_year is None or len(before(line, in_year)) < limits.max_payments_per_year
            assert not isinstance(benefit, LumpSum) or pays[line] <= benefit.amount_fen
    total = policy.stacking.total_caps
    if total and total.per_term_fen and decision.amount_fen:
        assert decision.amount_fen + sum(before("", in_term)) <= total.per_term_fen
    if policy.area == "440000":
        assert decision.amount_fen <= claim.settlement.acct_pay_fen + claim.settlement.psn_cash_pay_fen


@thorough
@given(likely_facts(), policies, st.integers(1, 3_000_000))
def test_who_bore_more_is_never_paid_less(facts, policy, more):
    """Every scheme here is monotone: rates and marginal bands on sums of what the worker bore."""
    claim = good(facts, policy)
    bill = claim.settlement
    dearer = replace(
        bill,
        inscp_scp_amt_fen=bill.inscp_scp_amt_fen + more,
        medfee_sumamt_fen=bill.medfee_sumamt_fen + more,
        psn_cash_pay_fen=bill.psn_cash_pay_fen + more,
    )
    before = assess(claim, policy, decided_on=claim.applied_on)
    after = assess(replace(claim, settlement=dearer), policy, decided_on=claim.applied_on)

    assert after.amount_fen >= before.amount_fen


@thorough
@given(likely_facts(), policies, paid)
def test_an_earlier_payment_never_gives_more(facts, policy, earlier):
    """Where later payments are paid at no higher rate, as everywhere here."""
    assert all(
        list(benefit.rates_bp or ()) == sorted(benefit.rates_bp or (), reverse=True)
        for benefit in policy.benefits
        if isinstance(benefit, Share)
    )
    claim = good(facts, policy)
    after = replace(claim, paid_before=(*claim.paid_before, earlier))

    assert (
        assess(after, policy, decided_on=claim.applied_on).amount_fen
        <= assess(claim, policy, decided_on=claim.applied_on).amount_fen
    )


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.version)
def test_every_line_of_every_scheme_pays_on_its_own_sample(policy):
    for benefit, sample in zip(policy.benefits, policy.samples, strict=True):
        facts = replace(made_to_hold(benefit.when, ORDINARY), settlement=sample.settlement, receipts_fen=1)
        facts = stayed_at_least(facts, sample.days)
        answers = [each is benefit for each in policy.benefits]

        assert pays(policy.ready, facts, 2022, (), answers).amount_fen > 0
