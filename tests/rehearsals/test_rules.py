"""What a rehearsal counts, and what it must not count."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.decision import Finding, Judged, Reason, Remedy
from app.rehearsals.rules import Answer, Compared, Tally, answer, effect

DISTRICTS = (UUID(int=1), UUID(int=2), None)


def judged(*answers: bool | None, amount_fen: int = 500) -> Judged[None]:
    findings = []
    for n, met in enumerate(answers):
        reason = Reason(f"rule_{n}", met, "某条件", "需要", "实际", "某文")
        findings.append(Finding(reason, None if met else Remedy(reason.rule, "改这个", True, lambda facts: facts)))
    return Judged(tuple(findings), (), amount_fen)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((True, True), Answer(500)),
        ((True, False), Answer(0)),
        ((True, None), Answer(None, "rule_1")),
        ((None, False), Answer(0)),
        ((None, None), Answer(None, "rule_0")),
    ],
)
def test_what_cannot_be_answered_is_neither_money_nor_a_refusal(answers, expected):
    assert answer(judged(*answers)) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0, 0, "same"),
        (5, 5, "same"),
        (0, 1, "gains"),
        (1, 0, "loses"),
        (1, 2, "more"),
        (2, 1, "less"),
        (None, 1, "unevaluable"),
        (1, None, "unevaluable"),
        (None, None, "unevaluable"),
    ],
)
def test_an_effect_is_what_changes_for_whoever_asked(before, after, expected):
    assert effect(Answer(before), Answer(after)) == expected


amounts = st.none() | st.integers(0, 10**12)
comparisons = st.builds(
    Compared,
    kind=st.sampled_from(["hardship_aid", "golden_autumn"]),
    item=st.just("living"),
    month=st.sampled_from(["2027-01", "2027-02"]),
    district_id=st.sampled_from(DISTRICTS),
    household_id=st.none(),
    application_id=st.none(),
    before=st.builds(Answer, amounts),
    after=st.builds(Answer, amounts),
)


@given(st.lists(comparisons))
def test_the_cells_sum_to_the_whole_and_the_effects_to_what_changed(given_comparisons):
    tally = Tally()
    for compared in given_comparisons:
        tally.add(compared)

    known = [c for c in given_comparisons if None not in (c.before.amount_fen, c.after.amount_fen)]
    assert tally.evaluated == len(known)
    assert tally.unevaluable == len(given_comparisons) - len(known)
    assert tally.after_fen == sum(c.after.amount_fen for c in known)
    cells = tally.money()
    for name in ("evaluated", "unevaluable", "before_fen", "after_fen"):
        assert sum(cell[name] for cell in cells) == getattr(tally, name)
    changed = sum(c.before.amount_fen != c.after.amount_fen for c in known)
    assert tally.gains + tally.loses + tally.more + tally.less == changed


def test_it_is_at_a_hundred_percent_only_when_it_has_ended():
    assert Tally(total=3, seen=3).percent == 99
    assert Tally(total=0).percent == 99
    assert Tally(total=200, seen=1).percent == 0
