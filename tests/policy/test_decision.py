from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.policy.decision import Decision, TraceStep, cite, decide, finding, from_plain, plain, unmet
from app.policy.versions import Version

VERSION = Version(version="v1", in_force_from=date(2025, 1, 1), source="样例〔2025〕1号")
TODAY = date(2026, 9, 1)


def asked(rule, met):
    return finding(
        rule,
        met,
        "某条件",
        needed="需要",
        given="实际",
        source="某文",
        change="改这个",
        can_change=True,
    )


def decided(*answers, amount_fen=500):
    findings = [asked(f"rule_{number}", met) for number, met in enumerate(answers)]
    trace = [TraceStep(step="base", text="基数", amount_fen=900)]
    return decide(cite("some_kind", VERSION), findings, trace, amount_fen, TODAY)


def test_all_rules_met_gives_the_amount_and_nothing_to_change():
    decision = decided(True, True)

    assert (decision.outcome, decision.amount_fen, decision.changes) == ("eligible", 500, ())
    assert [reason.met for reason in decision.reasons] == [True, True]


@pytest.mark.parametrize("answer", [False, None])
def test_one_rule_not_met_or_not_known_refuses_and_says_what_would_change_it(answer):
    decision = decided(True, answer, True)

    assert (decision.outcome, decision.amount_fen) == ("ineligible", 0)
    assert [(change.rule, change.can_change) for change in decision.changes] == [("rule_1", True)]
    assert len(decision.reasons) == 3


def test_a_refusal_keeps_the_calculation_and_ends_it_with_nothing():
    assert [(step.step, step.amount_fen) for step in decided(False).trace] == [("base", 900), ("payable", 0)]


def test_all_rules_met_without_an_amount_is_a_mistake_of_the_rules():
    with pytest.raises(ValidationError):
        decided(True, amount_fen=0)


def test_one_rule_cannot_be_asked_twice():
    with pytest.raises(ValidationError):
        decide(cite("some_kind", VERSION), [asked("same", True)] * 2, [], 5, TODAY)


def test_a_decision_has_the_promised_shape():
    assert plain(decided(False)) == {
        "outcome": "ineligible",
        "amount_fen": 0,
        "policy": {
            "kind": "some_kind",
            "version": "v1",
            "source": "样例〔2025〕1号",
            "in_force_from": "2025-01-01",
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
            {"step": "base", "text": "基数", "amount_fen": 900},
            {"step": "payable", "text": "有条件不符合或暂时无法判断，本次不发放", "amount_fen": 0},
        ],
        "decided_on": "2026-09-01",
    }


@given(st.lists(st.sampled_from([True, False, None]), max_size=8), st.integers(1, 10**12))
def test_a_decision_survives_being_written_and_read(answers, amount_fen):
    decision = decided(*answers, amount_fen=amount_fen)

    assert from_plain(plain(decision)) == decision
    assert unmet([asked("r", met) for met in answers]) is (decision.outcome == "ineligible")


@pytest.mark.parametrize(
    "tampered",
    [
        {"outcome": "eligible"},
        {"amount_fen": 500},
        {"changes": []},
        {"trace": []},
        {"reasons": []},
        {"amount_fen": -1},
        {"amount_fen": "0"},
        {"more": 1},
    ],
)
def test_a_decision_that_contradicts_itself_cannot_be_read(tampered):
    with pytest.raises(ValidationError):
        from_plain({**plain(decided(False, True)), **tampered})


def test_a_decision_cannot_be_changed():
    decision: Decision = decided(True)

    with pytest.raises(ValidationError):
        decision.amount_fen = 1
