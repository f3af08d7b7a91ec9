from dataclasses import asdict, replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.kinds.secondary_medical.forms import SecondaryMedicalForm
from app.kinds.secondary_medical.rules import Cover, Facts, assess, governed_on, lines_paid
from app.kinds.secondary_medical.scheme import Paid, Policy, Settlement
from app.policy.decision import from_plain, plain
from app.policy.replay import canonical, facts_from, facts_json
from app.policy.versions import NoPolicyInForce, in_force, load, parse
from tests.kinds.cases import changed, check_changes_flip, check_texts_are_plain, read_cases

POLICIES = load(Policy, "app.kinds.secondary_medical")


def sheet(
    *,
    pool=0,
    self_pay=0,
    deductible=0,
    large=0,
    self_above=0,
    self_funded=0,
    upfront=0,
    over_limit=0,
    civil=0,
    medical_aid=0,
    account=0,
):
    """A settlement sheet that adds up, from what an office would say of it; what nobody else pays is the worker's."""
    scope = deductible + pool + self_pay + large + self_above
    total = scope + self_funded + upfront + over_limit
    borne = total - pool - large - civil - medical_aid
    return Settlement(
        settled_on=date(2022, 6, 10),
        medfee_sumamt_fen=total,
        fulamt_ownpay_amt_fen=self_funded,
        overlmt_selfpay_fen=over_limit,
        preselfpay_amt_fen=upfront,
        inscp_scp_amt_fen=scope,
        act_pay_dedc_fen=deductible,
        hifp_pay_fen=pool,
        hifob_pay_fen=large,
        cvlserv_pay_fen=civil,
        maf_pay_fen=medical_aid,
        acct_pay_fen=account,
        psn_cash_pay_fen=borne - account,
    )


ORDINARY = Facts(
    applied_on=date(2022, 6, 20),
    cover=Cover(starts_on=date(2022, 1, 1), ends_on=date(2022, 12, 31), is_renewal=False),
    treatment="inpatient",
    cause="illness",
    admitted_on=date(2022, 6, 1),
    discharged_on=date(2022, 6, 10),
    settlement=sheet(pool=2_000_000, self_pay=300_000),
    settlement_claimed_before=False,
    paid_in_term=(),
)


def decide(facts):
    governs = governed_on(facts.cover.starts_on if facts.cover else None, facts.admitted_on)
    return assess(facts, in_force(POLICIES, governs), decided_on=facts.applied_on)


@pytest.mark.parametrize("case", read_cases(__file__), ids=lambda case: case.case)
def test_the_offices_cases(case):
    facts = replace(ORDINARY, settlement=sheet(**(case.sheet or {})))
    decision = decide(changed(facts, case.facts))

    case.check(decision)
    check_texts_are_plain(decision)


def test_the_calculation_is_shown_step_by_step():
    facts = replace(ORDINARY, settlement=sheet(pool=1_000_000, self_pay=350_000, deductible=80_000, civil=10_000))

    assert [(step.step, step.amount_fen) for step in decide(facts).trace] == [
        ("in_scope", 1_430_000),
        ("deductible", -80_000),
        ("pool_paid", -1_000_000),
        ("large_amount_paid", 0),
        ("other_payers", -10_000),
        ("base_in_pool", 340_000),
        ("counted_in_pool", 200_000),
        ("pays_in_pool", 160_000),
        ("payable", 160_000),
    ]


def test_the_version_is_that_of_the_start_of_the_term_or_of_the_admission():
    assert governed_on(date(2025, 6, 30), date(2026, 1, 1)) == date(2025, 6, 30)
    assert governed_on(None, date(2026, 1, 1)) == date(2026, 1, 1)


def test_before_the_scheme_there_is_no_policy():
    with pytest.raises(NoPolicyInForce):
        in_force(POLICIES, date(2013, 12, 31))


def test_what_a_claim_paid_by_line_counts_in_the_next_one():
    facts = replace(
        ORDINARY,
        cover=Cover(starts_on=date(2025, 7, 1), ends_on=date(2026, 6, 30), is_renewal=True),
        applied_on=date(2026, 1, 20),
        admitted_on=date(2026, 1, 1),
        discharged_on=date(2026, 1, 10),
        settlement=replace(
            sheet(pool=2_000_000, self_pay=100_000, self_funded=1_000_000), settled_on=date(2026, 1, 10)
        ),
    )
    first = decide(facts)
    assert lines_paid(first) == (Paid(line="in_pool", amount_fen=80_000), Paid(line="self_funded", amount_fen=500_000))

    second = decide(replace(facts, paid_in_term=lines_paid(first)))
    assert lines_paid(second)[1] == Paid(line="self_funded", amount_fen=300_000)

    third = decide(replace(facts, paid_in_term=(*lines_paid(first), *lines_paid(second))))
    assert (third.outcome, lines_paid(third)) == ("ineligible", ())


def test_the_national_validation_case_shows_that_a_clamp_belongs_to_a_version():
    """A stay of 37,000 with 27,000 from insurance: 80 % of 10,000 without a clamp, of 5,400 with one of 20 %."""
    facts = replace(ORDINARY, settlement=sheet(pool=2_700_000, self_pay=1_000_000))
    clamped, free = in_force(POLICIES, date(2022, 1, 1)), in_force(POLICIES, date(2025, 7, 1))

    assert assess(facts, free, decided_on=facts.applied_on).amount_fen == 800_000
    assert assess(facts, clamped, decided_on=facts.applied_on).amount_fen == 432_000


@pytest.mark.parametrize(
    ("change", "can_change"),
    [
        ({"cover": None}, {"cover_in_force": False}),
        ({"cover": replace(ORDINARY.cover, starts_on=date(2022, 5, 20))}, {"waiting_period_over": False}),
        ({"discharged_on": date(2022, 5, 31)}, {"stay_dates_in_order": True}),
        ({"settlement_claimed_before": True}, {"settlement_not_claimed_before": False}),
        ({"applied_on": date(2023, 6, 11)}, {"claim_in_window": False}),
        ({"settlement": sheet(pool=2_000_000)}, {"self_pay_in_scope": False}),
        ({"paid_in_term": (Paid(line="in_pool", amount_fen=1),) * 2}, {"payments_left_in_term": False}),
        ({"settlement": replace(ORDINARY.settlement, medfee_sumamt_fen=2_300_001)}, {"settlement_adds_up": True}),
    ],
)
def test_it_is_said_whether_the_worker_can_do_something(change, can_change):
    decision = decide(replace(ORDINARY, **change))

    assert {each.rule: each.can_change for each in decision.changes} == can_change


def test_the_order_of_payment_is_told_in_words():
    facts = replace(ORDINARY, paid_in_term=(Paid(line="in_pool", amount_fen=240_000),))
    pays = next(step for step in decide(facts).trace if step.step == "pays_in_pool")

    assert pays.text == "统筹基金内自付：本保障期第2次给付，按70%"


def test_a_line_that_is_used_up_stays_in_the_trace_with_nothing():
    facts = replace(
        ORDINARY,
        settlement=sheet(pool=30_000_000, self_pay=300_000, large=8_000_000, self_above=2_000_000),
        paid_in_term=(Paid(line="above_pool", amount_fen=1_000),),
    )
    pays = {step.step: (step.amount_fen, step.text) for step in decide(facts).trace}

    assert pays["pays_above_pool"] == (0, "超封顶线自付：本保障期的给付次数或额度已经用完")
    assert pays["pays_in_pool"][0] == 240_000


def test_a_payment_held_to_what_the_worker_bore_says_so():
    facts = replace(ORDINARY, settlement=replace(ORDINARY.settlement, psn_cash_pay_fen=100_000))

    assert [(step.step, step.amount_fen) for step in decide(facts).trace[-2:]] == [
        ("borne", 100_000),
        ("payable", 100_000),
    ]
    assert "borne" not in {step.step for step in decide(ORDINARY).trace}


amounts = st.integers(0, 3_000_000)
small = st.integers(0, 200)


def sheets(parts):
    return st.builds(
        sheet,
        pool=parts,
        self_pay=parts,
        deductible=parts,
        large=st.just(0) | parts,
        self_above=parts,
        self_funded=parts,
        upfront=parts,
        over_limit=parts,
    )


def with_other_payers(settlement, civil, aid, account):
    """Others pay a part, in thousandths, of what was the worker's; the account a part of the rest."""
    borne = settlement.borne_fen
    civil_fen = borne * civil // 1000
    aid_fen = (borne - civil_fen) * aid // 1000
    rest = borne - civil_fen - aid_fen
    account_fen = rest * account // 1000
    return replace(
        settlement,
        cvlserv_pay_fen=civil_fen,
        maf_pay_fen=aid_fen,
        acct_pay_fen=account_fen,
        psn_cash_pay_fen=rest - account_fen,
    )


thousandths = st.sampled_from([0, 0, 0]) | st.integers(0, 1000)
good_sheets = st.builds(with_other_payers, sheets(amounts) | sheets(small), thousandths, thousandths, thousandths)
bad_sheets = st.builds(
    lambda settlement, name, value: replace(settlement, **{name: value}),
    good_sheets,
    st.sampled_from([name for name in asdict(ORDINARY.settlement) if name.endswith("_fen")]),
    amounts,
)
terms = st.sampled_from([date(2016, 3, 1), date(2022, 1, 1), date(2025, 9, 1)])
paid = st.builds(
    Paid,
    line=st.sampled_from(["in_pool", "above_pool", "self_funded", "outpatient_special"]),
    amount_fen=st.integers(1, 900_000),
)


@st.composite
def claims(draw, settlements=good_sheets, usual=False):
    starts_on = draw(terms)
    off = st.integers(40, 300) if usual else st.integers(-10, 400)
    admitted_on = starts_on + timedelta(days=draw(off))
    discharged_on = admitted_on + timedelta(days=draw(st.integers(0 if usual else -1, 30)))
    settled_on = discharged_on + timedelta(days=draw(st.integers(0 if usual else -2, 10)))
    applied_on = settled_on + timedelta(days=draw(st.integers(0 if usual else -5, 300 if usual else 380)))
    cover = Cover(
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=364),
        is_renewal=draw(st.sampled_from([True, False, None])),
    )
    return Facts(
        applied_on=applied_on,
        cover=cover if usual else draw(st.just(cover) | st.none()),
        treatment=draw(st.sampled_from(["inpatient", "inpatient", "outpatient_special"])),
        cause=draw(st.sampled_from(["illness", "accident"])),
        admitted_on=admitted_on,
        discharged_on=discharged_on,
        settlement=replace(draw(settlements), settled_on=settled_on),
        settlement_claimed_before=False if usual else draw(st.sampled_from([False, False, True, None])),
        paid_in_term=tuple(draw(st.lists(paid, max_size=3))),
    )


@settings(deadline=None, max_examples=500)
@given(claims(usual=True) | claims(settlements=good_sheets | bad_sheets))
def test_the_amount_is_never_above_what_the_worker_bore_and_a_refusal_always_says_why(facts):
    decision = decide(facts)
    failed = [reason.rule for reason in decision.reasons if reason.met is not True]

    assert (decision.outcome == "eligible") is not bool(failed)
    assert (decision.amount_fen > 0) is (decision.outcome == "eligible")
    assert [change.rule for change in decision.changes] == failed
    assert decision == decide(facts)
    check_texts_are_plain(decision)
    if decision.amount_fen:
        bill = facts.settlement
        outside = bill.overlmt_selfpay_fen + bill.preselfpay_amt_fen + bill.act_pay_dedc_fen
        assert decision.amount_fen <= bill.borne_fen
        assert decision.amount_fen + outside <= bill.medfee_sumamt_fen - bill.hifp_pay_fen - bill.hifob_pay_fen


@settings(deadline=None, max_examples=500)
@given(claims(usual=True))
def test_the_lines_of_the_trace_sum_to_the_amount_to_the_fen(facts):
    decision = decide(facts)

    if decision.outcome == "eligible":
        assert sum(step.amount_fen for step in decision.trace if step.step.startswith("pays_")) == decision.amount_fen
        assert sum(each.amount_fen for each in lines_paid(decision)) == decision.amount_fen


@settings(deadline=None, max_examples=500)
@given(claims(usual=True))
def test_the_amount_is_the_exact_sum_rounded_once(facts):
    """The whole formula again, in one expression per line."""
    bill = facts.settlement
    rest = bill.inscp_scp_amt_fen - bill.act_pay_dedc_fen - bill.hifp_pay_fen - bill.hifob_pay_fen
    above = min(Fraction(rest), Fraction(bill.hifob_pay_fen, 4))
    within = rest - above - bill.cvlserv_pay_fen - bill.maf_pay_fen
    times = [sum(1 for each in facts.paid_in_term if each.line == line) for line in ("in_pool", "above_pool")]
    version = {2016: "GD-A", 2022: "GD-B", 2025: "GD-C"}[facts.cover.starts_on.year]
    exact = Fraction()
    if facts.treatment == "outpatient_special":
        if not any(each.line == "outpatient_special" for each in facts.paid_in_term):
            exact = max(within, Fraction()) / 2
    else:
        rates = {"GD-A": (70, 70), "GD-B": (80, 70), "GD-C": (80, 80)}[version]
        counted = max(within, Fraction())
        if version == "GD-B":
            counted = min(counted, Fraction(bill.hifp_pay_fen, 5))
        exact += counted * (*rates, 0, 0)[times[0]] / 100
        exact += 0 if times[1] else max(above + min(within, Fraction()), Fraction()) * 60 / 100
        if version == "GD-C":
            room = 800_000 - sum(each.amount_fen for each in facts.paid_in_term if each.line == "self_funded")
            exact += min(Fraction(bill.fulamt_ownpay_amt_fen, 2), Fraction(max(room, 0)))
    exact = min(exact, Fraction(bill.borne_fen))

    assert decide(facts).amount_fen == int(exact + Fraction(1, 2))


@settings(deadline=None)
@given(claims(usual=True), paid)
def test_an_earlier_payment_in_the_term_never_gives_more(facts, earlier):
    assert decide(replace(facts, paid_in_term=(*facts.paid_in_term, earlier))).amount_fen <= decide(facts).amount_fen


def mend_sheet(facts):
    return replace(
        facts, settlement=replace(sheet(pool=2_000_000, self_pay=300_000), settled_on=facts.settlement.settled_on)
    )


REMEDIES = {
    "cover_in_force": lambda facts: replace(
        facts,
        cover=Cover(starts_on=facts.admitted_on, ends_on=facts.admitted_on + timedelta(days=364), is_renewal=True),
    ),
    "waiting_period_over": lambda facts: replace(facts, cover=replace(facts.cover, is_renewal=True)),
    "settlement_not_claimed_before": lambda facts: replace(facts, settlement_claimed_before=False),
    "claim_in_window": lambda facts: replace(facts, applied_on=facts.settlement.settled_on + timedelta(days=365)),
    "self_pay_in_scope": mend_sheet,
    "payments_left_in_term": lambda facts: replace(facts, paid_in_term=()),
}


@st.composite
def refusable(draw):
    """A good claim with some things gone wrong, each by itself mendable."""
    facts = replace(draw(claims(usual=True)), treatment="inpatient", paid_in_term=(), settlement=ORDINARY.settlement)
    facts = replace(facts, settlement=replace(facts.settlement, settled_on=facts.discharged_on))
    match draw(st.sampled_from(["covered", "not covered", "new", "perhaps new"])):
        case "not covered":
            facts = replace(facts, cover=None)
        case "new" | "perhaps new" as cover:
            joined = facts.admitted_on - timedelta(days=draw(st.integers(0, 35)))
            renewal = False if cover == "new" else None
            facts = replace(facts, cover=replace(facts.cover, starts_on=joined, is_renewal=renewal))
    if draw(st.booleans()):
        facts = replace(facts, settlement_claimed_before=draw(st.sampled_from([True, None])))
    if draw(st.booleans()):
        facts = replace(facts, applied_on=facts.settlement.settled_on + timedelta(days=draw(st.integers(360, 380))))
    wrong = draw(st.sampled_from(["nothing", "spent", "empty"]))
    if wrong == "spent":
        facts = replace(facts, paid_in_term=(Paid(line="in_pool", amount_fen=1),) * 2)
    if wrong == "empty":
        facts = replace(facts, settlement=replace(sheet(pool=500), settled_on=facts.settlement.settled_on))
    return facts


@settings(deadline=None, max_examples=300)
@given(refusable())
def test_the_changes_together_flip_a_refusal_and_each_of_them_is_needed(facts):
    check_changes_flip(facts, decide, REMEDIES)


@given(claims(settlements=good_sheets | bad_sheets))
def test_a_decision_can_be_replayed_from_its_stored_facts(facts):
    stored, decision = facts_json(facts), decide(facts)
    again = decide(facts_from(Facts, stored))

    assert canonical(plain(again)) == canonical(plain(decision))
    assert from_plain(plain(decision)) == decision


def test_a_version_with_one_line_twice_is_refused():
    line = "{line: in_pool, rates_bp: [7_000], max_payments: 2, clamp_bp_of_pool: null, cap_per_term_fen: null}"
    text = f"""
- version: x
  in_force_from: 2030-01-01
  source: 样例
  large_amount_rate_bp: 8_000
  waiting_days: {{illness: 0, accident: 0}}
  claim_months: 12
  lines: [{line}, LAST]
"""
    with pytest.raises(ValidationError):
        parse(Policy, text.replace("LAST", line))
    assert parse(Policy, text.replace("LAST", line.replace("in_pool", "above_pool")))


SHEET = {name: value for name, value in asdict(ORDINARY.settlement).items() if name != "settled_on"}
FORM = {
    "cover_id": "019a0000-0000-7000-8000-000000000001",
    "stay": {
        "hospital_code": "H44050700123",
        "hospital_name": "汕头市中心医院",
        "cause": "illness",
        "admitted_on": "2022-06-01",
        "discharged_on": "2022-06-10",
        "diagnosis": "肺炎",
    },
    "settlement": {"number": "440500G0000012345", "settled_at": "2022-06-10T23:30:00+08:00", **SHEET},
}


def test_a_form_as_the_mini_program_sends_it_is_read():
    form = SecondaryMedicalForm.model_validate(FORM)

    assert form.settlement.facts() == ORDINARY.settlement
    assert SecondaryMedicalForm.model_validate(form.model_dump(mode="json")) == form
    assert SecondaryMedicalForm.model_validate({key: FORM[key] for key in ("stay", "settlement")}).cover_id is None


def test_the_settlement_day_is_that_of_shanghai():
    form = SecondaryMedicalForm.model_validate(
        FORM | {"settlement": FORM["settlement"] | {"settled_at": "2022-06-10T16:00:00Z"}}
    )

    assert form.settlement.facts().settled_on == date(2022, 6, 11)


@pytest.mark.parametrize(
    ("part", "change", "code"),
    [
        ("stay", {"cause": "assault"}, "literal_error"),
        ("stay", {"discharged_on": "2022-05-31"}, "stay_dates"),
        ("stay", {"admitted_on": 20220601}, "date_format"),
        ("stay", {"hospital_code": "汕头"}, "code_characters"),
        ("stay", {"doctor": "x"}, "extra_forbidden"),
        ("settlement", {"settled_at": "2022-06-10"}, "instant_format"),
        ("settlement", {"number": ""}, "text_empty"),
        ("settlement", {"hifp_pay_fen": -1}, "greater_than_equal"),
        ("settlement", {"hifp_pay_fen": "1"}, "int_type"),
        ("settlement", {"hifes_pay_fen": 1}, "extra_forbidden"),
    ],
)
def test_a_form_that_is_not_exactly_so_is_refused_by_name(part, change, code):
    with pytest.raises(ValidationError) as error:
        SecondaryMedicalForm.model_validate(FORM | {part: FORM[part] | change})

    assert [each["type"] for each in error.value.errors()] == [code]


@pytest.mark.parametrize("missing", sorted(SHEET))
def test_no_figure_of_the_sheet_may_be_left_out(missing):
    settlement = {key: value for key, value in FORM["settlement"].items() if key != missing}

    with pytest.raises(ValidationError) as error:
        SecondaryMedicalForm.model_validate(FORM | {"settlement": settlement})

    assert [each["loc"] for each in error.value.errors()] == [("settlement", missing)]
