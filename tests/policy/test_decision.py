from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.changes import decide, mended, smallest
from app.policy.decision import (
    Cited,
    Finding,
    Judged,
    Reason,
    Running,
    TraceStep,
    cite,
    decided,
    finding,
    from_plain,
    plain,
)
from app.policy.versions import Version
from tests.thorough import thorough

VERSION = Version(version="v1", area="440500", in_force_from=date(2025, 1, 1), source="样例〔2025〕1号")
TODAY = date(2026, 9, 1)


@dataclass(frozen=True, slots=True)
class Facts:
    answers: tuple[bool | None, ...]
    amount_fen: int = 500


def answered(number):
    """Makes the rule of this number met."""

    def becomes(facts):
        return replace(facts, answers=(*facts.answers[:number], True, *facts.answers[number + 1 :]))

    return becomes


def asked(number, met, can_change=True):
    return finding(f"rule_{number}", met, "某条件", "需要", "实际", "某文", "改这个", can_change, answered(number))


def judge(facts):
    findings = tuple(asked(number, met) for number, met in enumerate(facts.answers))
    return Judged(findings, (TraceStep("base", "基数", facts.amount_fen),), facts.amount_fen)


def decision_of(*answers, amount_fen=500):
    return decide(cite("some_kind", VERSION), Facts(answers, amount_fen), judge, TODAY)


def test_all_rules_met_gives_the_amount_and_nothing_to_change():
    decision = decision_of(True, True)

    assert (decision.outcome, decision.amount_fen, decision.changes) == ("eligible", 500, ())
    assert [reason.met for reason in decision.reasons] == [True, True]


@pytest.mark.parametrize("answer", [False, None])
def test_one_rule_not_met_or_not_known_refuses_and_says_what_would_change_it(answer):
    decision = decision_of(True, answer, True)

    assert (decision.outcome, decision.amount_fen) == ("ineligible", 0)
    assert [(change.rule, change.can_change) for change in decision.changes] == [("rule_1", True)]
    assert len(decision.reasons) == 3


def test_a_refusal_keeps_the_calculation_and_takes_all_of_it_off_again():
    assert [(step.step, step.amount_fen) for step in decision_of(False).trace] == [("base", 500), ("refused", -500)]


def test_all_rules_met_without_an_amount_is_a_mistake_of_the_rules():
    with pytest.raises(ValueError, match=r"^every rule is met and nothing is paid: a rule was not asked$"):
        decision_of(True, amount_fen=0)


def test_one_rule_cannot_be_asked_twice():
    with pytest.raises(ValueError, match=r"^a rule is asked twice$"):
        decided(cite("some_kind", VERSION), Judged((asked(1, True), asked(1, True)), (), 5), (), TODAY)


def test_a_trace_that_does_not_come_to_the_amount_is_a_mistake_of_the_rules():
    with pytest.raises(ValueError, match=r"^the trace does not sum to the amount$"):
        decided(cite("some_kind", VERSION), Judged((asked(1, True),), (TraceStep("base", "基数", 4),), 5), (), TODAY)


def test_a_refusal_that_does_not_say_what_would_change_it_is_a_mistake_of_the_rules():
    with pytest.raises(ValueError, match=r"^a refusal must say what would change it$"):
        decided(cite("some_kind", VERSION), Judged((asked(1, False),), (), 0), (), TODAY)


def test_a_first_step_of_nothing_is_shown_and_a_limit_that_is_just_kept_is_not():
    amount = Running()
    amount.at_most("room", "余额", 0)
    assert amount.steps == []

    amount.to("costs", "费用", 0)
    amount.at_most("cap", "上限", 0)
    assert amount.steps == [TraceStep("costs", "费用", 0)]


def test_only_what_is_not_met_has_a_remedy():
    assert asked(0, True) == Finding(Reason("rule_0", True, "某条件", "需要", "实际", "某文"), None)
    assert asked(0, None).remedy is not None


def test_a_running_amount_keeps_each_step_as_the_difference_it_makes():
    amount = Running()
    amount.to("costs", "费用", 1_003)
    amount.to("same", "没有变化的一步", 1_003)
    amount.to("share", "按比例", 802)
    amount.at_most("cap", "上限", 1_000)
    amount.at_most("room", "余额", 800)

    assert [(step.step, step.amount_fen) for step in amount.steps] == [("costs", 1_003), ("share", -201), ("room", -2)]
    assert sum(step.amount_fen for step in amount.steps) == amount.amount_fen == 800


def test_a_decision_has_the_promised_shape():
    decision = decide(cite("some_kind", VERSION, Cited("other", "v2")), Facts((False,)), judge, TODAY)

    assert plain(decision) == {
        "outcome": "ineligible",
        "amount_fen": 0,
        "policy": {
            "kind": "some_kind",
            "version": "v1",
            "source": "样例〔2025〕1号",
            "in_force_from": "2025-01-01",
            "rests_on": [{"kind": "other", "version": "v2"}],
        },
        "reasons": [
            {
                "rule": "rule_0",
                "met": False,
                "text": "某条件",
                "needed": "需要",
                "given": "实际",
                "source": "某文",
            }
        ],
        "changes": [{"rule": "rule_0", "text": "改这个", "can_change": True}],
        "trace": [
            {"step": "base", "text": "基数", "amount_fen": 500},
            {"step": "refused", "text": "有条件不符合或暂时无法判断，本次不发放", "amount_fen": -500},
        ],
        "decided_on": "2026-09-01",
    }


@thorough
@given(st.lists(st.sampled_from([True, False, None]), max_size=8), st.integers(1, 10**12))
def test_a_decision_survives_being_written_and_read(answers, amount_fen):
    decision = decision_of(*answers, amount_fen=amount_fen)

    assert from_plain(plain(decision)) == decision


@thorough
@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=6))
def test_the_smallest_set_turns_a_refusal_and_nothing_in_it_is_idle(answers):
    facts = Facts(tuple(answers))
    judged = judge(facts)
    changes = () if judged.eligible else smallest(facts, judged, judge)

    assert judge(mended(facts, changes)).eligible
    assert len(changes) == sum(answer is not True for answer in answers)


def test_a_change_that_another_makes_needless_is_left_out():
    def either(facts):
        """Both rules ask for the same thing, and the second's remedy brings it about for both."""
        met = facts.answers[0]
        first = finding("first", met, "甲", "需要", "实际", "某文", "改甲", False, lambda known: known)
        second = finding("second", met, "乙", "需要", "实际", "某文", "改乙", True, answered(0))
        return Judged((first, second), (), 1)

    facts = Facts((False,))

    assert [each.rule for each in smallest(facts, either(facts), either)] == ["second"]


@pytest.mark.parametrize(
    "tampered",
    [
        {"outcome": "eligible"},
        {"amount_fen": 500},
        {"changes": []},
        {"trace": [{"step": "base", "text": "基数", "amount_fen": 500}]},
        {"reasons": [{"rule": "r", "met": True, "text": "", "needed": "", "given": "", "source": ""}] * 2},
        {"policy": {"kind": "some_kind"}},
        {"reasons": [{"rule": "r"}]},
    ],
)
def test_a_decision_that_contradicts_itself_cannot_be_read(tampered):
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_plain({**plain(decision_of(False, True)), **tampered})


def test_a_decision_cannot_be_changed():
    with pytest.raises(AttributeError):
        decision_of(True).amount_fen = 1
