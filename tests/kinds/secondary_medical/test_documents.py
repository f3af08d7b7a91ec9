"""A scheme is data: what a document can say, and what is refused when it is read."""

import copy
import json
from dataclasses import replace
from datetime import date

import pytest
from pydantic import ValidationError

from app.kinds.secondary_medical.attribution import governing, joined, last_day_to_claim
from app.kinds.secondary_medical.documents import load_scheme, scheme_names
from app.kinds.secondary_medical.facts import Cover
from app.kinds.secondary_medical.payment import lines_paid
from app.kinds.secondary_medical.rules import assess, judge
from app.kinds.secondary_medical.scheme import Policy
from app.policy.book import PolicyBook
from app.policy.decision import Change, Reason
from app.policy.drafts import field_errors
from tests.kinds.secondary_medical.reading import ORDINARY, paid, sheet

NO_WAITING = {"illness": 0, "accident": 0}
SELF_PAY = {"name": "住院自付", "plus": ["inscp_scp_amt"], "minus": ["hifp_pay"]}
SHARE = {
    "kind": "share",
    "line": "self_pay",
    "name": "住院自付",
    "source": "样例第1条",
    "base": SELF_PAY,
    "rates_bp": [5_000],
}
DAILY = {
    "kind": "daily", "line": "daily", "name": "住院津贴", "source": "样例第2条", "amount_fen": 5_000,
    "counting": "one_end",
}  # fmt: skip
SUM = {"kind": "lump_sum", "line": "care", "name": "慰问金", "source": "样例第3条", "amount_fen": 30_000}
SCHEME = {
    "version": "样例-1",
    "area": "440500",
    "in_force_from": "2022-01-01",
    "name": "样例计划",
    "source": "样例〔2022〕1号",
    "enrolment": {"min_ratio_bp": 8_000, "source": "样例第4条"},
    "premium": {"amount_fen": 9_500, "source": "样例第5条"},
    "term": {"kind": "from_start", "months": 12, "source": "样例第6条"},
    "waiting": {
        "new": NO_WAITING,
        "renewal": NO_WAITING,
        "late_renewal": NO_WAITING,
        "renewal_grace_days": 0,
        "source": "样例第7条",
    },
    "attribution": {"stay_by": "admission", "version_by": "cover_start", "source": "样例第8条"},
    "claim_window": {"months": 12, "starts_with": "settlement", "first_day": "next_day", "source": "样例第9条"},
    "benefits": [SHARE],
    "stacking": {"round_at": "claim"},
}


def document(*benefits, **changes):
    """The sample scheme with these benefits and parts, as it would be written."""
    return copy.deepcopy(SCHEME | {"benefits": list(benefits or [SHARE])} | changes)


def scheme(*benefits, **changes):
    return Policy.model_validate_json(json.dumps(document(*benefits, **changes)))


def bands(mode, *rows, upper_bound="inclusive"):
    value = "amount_fen" if mode == "flat" else "rate_bp"
    listed = [{"above_fen": above, "up_to_fen": up_to, value: given} for above, up_to, given in rows]
    return {"mode": mode, "upper_bound": upper_bound, "rows": listed, "source": "样例分档"}


def banded(*args, **given):
    return {name: value for name, value in SHARE.items() if name != "rates_bp"} | {"bands": bands(*args, **given)}


def pays(policy, facts=ORDINARY, **bill):
    facts = replace(facts, settlement=sheet(**bill)) if bill else facts
    return assess(facts, policy, decided_on=facts.applied_on).amount_fen


def test_every_shipped_scheme_is_read_and_says_where_it_is_from():
    names = scheme_names()

    assert {"policy", "guangzhou", "hz21", "hz21b", "hz21c", "sh00", "bj", "hb25", "sc11", "fz10", "zj13"} <= set(names)
    for name in names:
        for policy in load_scheme(name):
            assert policy.note
            assert all(benefit.source for benefit in policy.benefits)


def test_a_whole_band_rates_the_whole_base():
    policy = scheme(banded("whole", (0, 100_000, 5_000), (100_000, None, 3_000)))

    assert pays(policy, self_pay=99_999) == 50_000
    assert pays(policy, self_pay=100_000) == 50_000
    assert pays(policy, self_pay=100_001) == 30_000


def test_an_exclusive_bound_belongs_to_the_next_band():
    policy = scheme(banded("whole", (0, 100_000, 5_000), (100_000, None, 3_000), upper_bound="exclusive"))

    assert pays(policy, self_pay=99_999) == 50_000
    assert pays(policy, self_pay=100_000) == 30_000


def test_a_flat_band_pays_a_sum():
    policy = scheme(banded("flat", (50_000, 100_000, 10_000), (100_000, None, 30_000)))

    assert pays(policy, self_pay=50_000) == 0
    assert pays(policy, self_pay=50_001) == 10_000
    assert pays(policy, self_pay=100_001) == 30_000


def test_marginal_bands_may_leave_out_what_lies_below():
    policy = scheme(banded("marginal", (100_000, 200_000, 5_000), (200_000, None, 8_000)))

    assert pays(policy, self_pay=100_000) == 0
    assert pays(policy, self_pay=100_010) == 5
    assert pays(policy, self_pay=300_000) == 50_000 + 80_000


def test_a_deductible_is_taken_off_or_is_a_threshold():
    own = {"amount_fen": 100_000, "source": "样例起付"}
    subtracting = scheme(SHARE | {"deductible": own | {"mode": "subtract"}})
    threshold = scheme(SHARE | {"deductible": own | {"mode": "threshold"}})

    assert (pays(subtracting, self_pay=100_000), pays(subtracting, self_pay=100_002)) == (0, 1)
    assert (pays(threshold, self_pay=100_000), pays(threshold, self_pay=100_002)) == (0, 50_001)


def test_a_base_is_clamped_to_the_receipts_and_receipts_that_are_not_there_are_asked_for():
    clamp = {"of": {"name": "票据金额", "plus": ["receipts"]}, "rate_bp": 10_000, "source": "样例票据"}
    policy = scheme(SHARE | {"clamps": [clamp]})
    facts = replace(ORDINARY, settlement=sheet(self_pay=300_000), receipts_fen=200_000)

    assert pays(policy, facts) == 100_000
    missing = assess(replace(facts, receipts_fen=None), policy, decided_on=facts.applied_on)
    assert [(each.rule, each.text, each.can_change) for each in missing.changes] == [
        ("benefit_conditions_met", "请补充票据金额", True)
    ]


def test_payments_are_rated_by_their_number_and_capped_by_claim_term_and_year():
    policy = scheme(SHARE | {"rates_bp": [8_000, 6_000, 4_000], "limits": {"per_claim_fen": 200_000}})
    second, fourth = (paid("self_pay", 1),), (paid("self_pay", 1),) * 3
    claim = replace(ORDINARY, settlement=sheet(self_pay=250_000))

    assert pays(policy, claim) == 200_000
    assert pays(policy, replace(claim, paid_before=second)) == 150_000
    assert pays(policy, replace(claim, paid_before=fourth)) == 100_000

    yearly = scheme(SHARE | {"limits": {"per_year_fen": 100_000}})
    this_year, last_year = paid("self_pay", 99_000, in_term=False), paid("self_pay", 99_000, date(2021, 12, 31))
    assert pays(yearly, replace(claim, paid_before=(this_year,))) == 1_000
    assert pays(yearly, replace(claim, paid_before=(last_year,))) == 100_000


def test_days_are_counted_as_the_scheme_says():
    one_end, both_ends = scheme(DAILY), scheme(DAILY | {"counting": "both_ends"})

    assert (pays(one_end), pays(both_ends)) == (9 * 5_000, 10 * 5_000)
    assert pays(scheme(DAILY | {"free_days": 8})) == 5_000
    assert pays(scheme(DAILY | {"max_days_per_stay": 2})) == 10_000
    assert (
        pays(scheme(DAILY | {"max_days_per_term": 4}), replace(ORDINARY, paid_before=(paid("daily", 15_000),))) == 5_000
    )


def test_of_an_exclusive_group_the_best_or_the_first_counts():
    group = {"lines": ["care", "daily"], "over": "claim", "source": "样例第10条"}
    best = scheme(SUM, DAILY, stacking={"round_at": "claim", "exclusive": [group | {"counts": "best"}]})
    first = scheme(SUM, DAILY, stacking={"round_at": "claim", "exclusive": [group | {"counts": "first"}]})

    decision = assess(ORDINARY, best, decided_on=ORDINARY.applied_on)
    assert lines_paid(decision) == (("daily", 45_000),)
    assert [step.text for step in decision.trace if step.step == "care.exclusive"] == ["慰问金：与住院津贴只给付一项"]
    assert pays(first) == 30_000
    assert pays(scheme(SUM, DAILY)) == 75_000


def test_what_is_above_a_total_comes_off_the_last_lines_and_each_line_still_sums():
    total = {"round_at": "claim", "total_caps": {"per_claim_fen": 160_000, "source": "样例第11条"}}
    decision = assess(ORDINARY, scheme(SHARE, SUM, DAILY, stacking=total), decided_on=ORDINARY.applied_on)

    assert lines_paid(decision) == (("self_pay", 150_000), ("care", 10_000))
    assert decision.amount_fen == 160_000


def test_rounding_happens_once_or_for_each_line():
    two = (SHARE, SHARE | {"line": "again", "name": "第二笔"})

    assert pays(scheme(*two), self_pay=1) == 1
    assert pays(scheme(*two, stacking={"round_at": "line"}), self_pay=1) == 2


def test_an_excluded_circumstance_is_not_paid():
    policy = scheme(exclusions={"circumstances": ["work_injury", "crime"], "source": "样例第12条"})
    injured = replace(ORDINARY, circumstances=("work_injury", "overseas", "crime"))

    def asked(facts):
        return next(each for each in judge(facts, policy).findings if each.reason.rule == "circumstance_not_excluded")

    excluded, allowed = asked(injured), asked(replace(ORDINARY, circumstances=("overseas",)))
    assert excluded.reason == Reason(
        rule="circumstance_not_excluded",
        met=False,
        text="不属于不给付的情形",
        needed="没有下列情形：工伤、违法犯罪",
        given="工伤、违法犯罪",
        source="样例第12条",
    )
    assert assess(injured, policy, decided_on=ORDINARY.applied_on).changes == (
        Change("circumstance_not_excluded", "这种情形不在给付范围内；如填写有误，请核对后修改", False),
    )
    assert excluded.remedy.apply(injured).circumstances == ()
    assert (allowed.reason.met, allowed.reason.given, allowed.remedy) == (True, "没有这些情形", None)
    assert pays(policy, replace(ORDINARY, circumstances=("overseas",))) == 150_000


@pytest.mark.parametrize(
    ("stay_by", "first", "last"),
    [
        ("admission", date(2022, 6, 1), date(2022, 6, 1)),
        ("discharge", date(2022, 6, 10), date(2022, 6, 10)),
        ("settlement", date(2022, 6, 12), date(2022, 6, 12)),
    ],
)
def test_a_stay_belongs_to_the_cover_of_the_day_that_the_scheme_says(stay_by, first, last):
    policy = scheme(attribution={"stay_by": stay_by, "version_by": "cover_start", "source": "样例"})
    facts = replace(ORDINARY, settlement=replace(ORDINARY.settlement, settled_on=date(2022, 6, 12)))
    exact = Cover(starts_on=date(2022, 1, 1), ends_on=last, joining="new")
    short = replace(exact, ends_on=date.fromordinal(last.toordinal() - 1))

    assert pays(policy, replace(facts, cover=exact)) == 150_000
    assert pays(policy, replace(facts, cover=short)) == 0


def test_the_version_is_that_of_the_covers_start_or_of_the_stay_as_the_scheme_says():
    by_cover = scheme()
    later = scheme(version="样例-2", in_force_from="2022-05-01")
    by_stay = {"attribution": {"stay_by": "admission", "version_by": "stay", "source": "样例"}}
    stay = (date(2022, 6, 1), date(2022, 6, 10), date(2022, 6, 10))

    def chosen(first, second, starts_on):
        return governing(PolicyBook({"secondary_medical": (first, second)}), starts_on, *stay).version

    assert chosen(by_cover, later, date(2022, 4, 30)) == "样例-1"
    assert chosen(by_cover, later, date(2022, 5, 1)) == "样例-2"
    assert chosen(scheme(**by_stay), later, date(2022, 4, 30)) == "样例-2"
    assert chosen(by_cover, later, None) == "样例-2"
    assert chosen(by_cover, later, date(2021, 12, 31)) == "样例-2"


@pytest.mark.parametrize(
    ("starts_on", "earlier", "grace", "how"),
    [
        (date(2023, 1, 1), [], 0, "new"),
        (date(2023, 1, 1), [date(2022, 12, 31)], 0, "renewal"),
        (date(2023, 1, 2), [date(2022, 12, 31)], 0, "late_renewal"),
        (date(2023, 1, 10), [date(2022, 12, 31)], 10, "renewal"),
        (date(2023, 1, 11), [date(2022, 12, 31)], 10, "late_renewal"),
        (date(2023, 1, 1), [date(2020, 12, 31), date(2022, 12, 31)], 0, "renewal"),
        (date(2023, 1, 1), [date(2024, 12, 31)], 0, "new"),
    ],
)
def test_how_a_cover_began_follows_from_the_earlier_ones(starts_on, earlier, grace, how):
    waiting = scheme().waiting.model_copy(update={"renewal_grace_days": grace})

    assert joined(starts_on, earlier, waiting) == how


@pytest.mark.parametrize(
    ("window", "last"),
    [
        ({"days": 120, "first_day": "next_day"}, date(2022, 11, 12)),
        ({"days": 120, "first_day": "same_day"}, date(2022, 11, 11)),
        ({"months": 12, "first_day": "next_day"}, date(2023, 7, 15)),
        ({"months": 12, "first_day": "same_day"}, date(2023, 7, 14)),
    ],
)
def test_a_claim_period_is_counted_as_the_scheme_says(window, last):
    document = {"starts_with": "settlement", "source": "样例"} | window
    counted = scheme(claim_window=document).claim_window

    assert last_day_to_claim(counted, date(2022, 7, 1), date(2022, 7, 15)) == last
    by_discharge = scheme(claim_window=document | {"starts_with": "discharge"}).claim_window
    assert last_day_to_claim(by_discharge, date(2022, 7, 15), date(2022, 7, 20)) == last


def test_without_a_period_nothing_is_asked_about_it():
    late = replace(ORDINARY, applied_on=date(2040, 1, 1))

    assert pays(scheme(claim_window=None), late) == 150_000


CLAMP = {"of": {"name": "统筹支付", "plus": ["hifp_pay"]}, "rate_bp": 2_000, "source": "样例"}
GROUP = {"lines": ["self_pay", "daily"], "counts": "best", "over": "claim", "source": "样例"}
LOW_TOTAL = {"round_at": "claim", "total_caps": {"per_claim_fen": 29_999, "source": "样例"}}
PERIOD = {"starts_with": "settlement", "first_day": "next_day", "source": "样例"}
SUBSIDY = {"payer": "工会", "amount_fen": 101, "for_whom": "职工", "source": "样例"}
UNIFORM = {"starts_on": "2022-07-01", "ends_on": "2023-06-30", "enrol_from": "2022-06-01", "enrol_until": "2022-07-31"}


def term(**changes):
    return {"kind": "uniform", "terms": [UNIFORM | changes], "source": "样例"}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (document(SHARE | {"rates_bp": [10_001]}), "rate_bp"),
        (document(SHARE | {"rates_bp": [0]}), "rate_bp"),
        (document(SHARE | {"rates_bp": [-1]}), "rate_bp"),
        (document(SHARE | {"rates_bp": ["80%"]}), "int_type"),
        (document(SHARE | {"rates_bp": [0.8]}), "int_type"),
        (document(SHARE | {"rates_bp": []}), "too_short"),
        (document(SHARE | {"rate": 5}), "extra_forbidden"),
        (document(bonus=5), "extra_forbidden"),
        (document({name: value for name, value in SHARE.items() if name != "source"}), "missing"),
        (document(SHARE | {"bands": bands("marginal", (0, None, 5_000))}), "rates_or_bands"),
        (document({name: value for name, value in SHARE.items() if name != "rates_bp"}), "rates_or_bands"),
        (document(banded("marginal", (0, 100, 5_000), (101, None, 5_000))), "band_gap"),
        (document(banded("marginal", (0, 100, 5_000), (99, None, 5_000))), "band_overlap"),
        (document(banded("marginal", (0, None, 5_000), (99, None, 5_000))), "band_overlap"),
        (document(banded("marginal", (100, 100, 5_000))), "band_empty"),
        (document(banded("marginal", (100, 50, 5_000))), "band_empty"),
        (document(banded("whole", (0, 100, 5_000))), "band_open_end"),
        (document(banded("flat", (0, 100, 5_000))), "band_open_end"),
        (document(banded("whole", (0, None, 10_001))), "rate_bp"),
        (document(SHARE | {"base": SELF_PAY | {"plus": ["profit"]}}), "literal_error"),
        (document(SHARE | {"base": SELF_PAY | {"plus": []}}), "too_short"),
        (document(SHARE | {"base": SELF_PAY | {"minus": ["inscp_scp_amt"]}}), "field_twice"),
        (document(SHARE | {"base": {"name": "超封顶线", "plus": ["above_ceiling"]}}), "large_amount_missing"),
        (document(SHARE | {"base": {"name": "空", "plus": ["hifob_pay"], "minus": ["hifp_pay"]}}), "never_pays"),
        (document(SHARE | {"minimum_fen": 10_000, "limits": {"per_claim_fen": 9_999}}), "cap_below_minimum"),
        (document(SHARE | {"limits": {"max_payments_per_term": 0}}), "count"),
        (document(SHARE | {"limits": {"per_term_fen": 0}}), "amount_fen"),
        (document(SHARE | {"clamps": [CLAMP | {"rate_bp": 10_001}]}), "rate_bp"),
        (document(SHARE | {"when": {"excluded_wards": ["general"]}}), "ward_general"),
        (document(SHARE | {"when": {"causes": ["illness", "illness"]}}), "condition_twice"),
        (document(SHARE | {"when": {"hospital_levels": [4]}}), "literal_error"),
        (document(SHARE | {"line": "Self Pay"}), "string_pattern_mismatch"),
        (document(SHARE, SHARE), "line_twice"),
        (document(SHARE | {"kind": "gift"}), "union_tag_invalid"),
        (document(DAILY | {"limits": {"per_claim_fen": 4_999}}), "cap_below_day"),
        (document(SUM | {"limits": {"per_claim_fen": 29_999}}), "cap_below_sum"),
        (document(SUM, stacking=LOW_TOTAL), "total_cap_too_low"),
        (document(SHARE, stacking={"round_at": "claim", "exclusive": [GROUP]}), "group_line_unknown"),
        (document(SHARE, DAILY, stacking={"round_at": "claim", "exclusive": [GROUP, GROUP]}), "group_line_twice"),
        (document(SHARE, stacking={"round_at": "never"}), "literal_error"),
        (document(claim_window=PERIOD | {"days": 1, "months": 1}), "days_or_months"),
        (document(claim_window=PERIOD), "days_or_months"),
        (document(enrolment={"min_age_years": 61, "max_age_years": 60, "source": "样例"}), "age_order"),
        (document(premium={"amount_fen": 100, "subsidies": [SUBSIDY], "source": "样例"}), "subsidy_above_premium"),
        (document(premium={"amount_fen": None, "subsidies": [SUBSIDY], "source": "样例"}), "subsidy_without_premium"),
        (document(term=term(ends_on="2022-07-01")), "term_order"),
        (document(term=term(enrol_until="2023-07-01")), "enrolment_order"),
        (document(term={"kind": "uniform", "terms": [UNIFORM, UNIFORM], "source": "样例"}), "terms_overlap"),
        (document(term=term(ends_on="2022-13-01")), "date_invalid"),
        (document(waiting=SCHEME["waiting"] | {"new": {"illness": -1, "accident": 0}}), "greater_than_equal"),
        (document(in_force_from="2022/01/01"), "date_format"),
        (document(area="4405"), "string_pattern_mismatch"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_a_document_that_cannot_be_meant_is_refused_by_name_and_in_chinese(written, code):
    with pytest.raises(ValidationError) as error:
        Policy.model_validate_json(json.dumps(written))

    found = field_errors(error.value.errors())
    assert code in {each.code for each in found}
    assert all(not each.message.isascii() for each in found)


def test_the_place_of_a_mistake_is_told():
    with pytest.raises(ValidationError) as error:
        scheme(SHARE, banded("marginal", (0, 100, 5_000), (101, None, 5_000)) | {"line": "more"})

    assert [each.pointer for each in field_errors(error.value.errors())] == ["/benefits/1/share/bands"]


def test_a_document_has_a_json_schema_with_words_for_its_fields():
    schema = json.dumps(Policy.model_json_schema(), ensure_ascii=False)

    assert "计入的基数以什么为限" in schema
    assert "等待期" in schema
