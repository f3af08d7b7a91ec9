"""Every case of the YAML files beside this one, exact to the fen."""

import pytest

from app.kinds.secondary_medical.payment import lines_paid
from tests.kinds.cases import check_texts_are_plain
from tests.kinds.secondary_medical.reading import book, decide, policy_for, read_cases
from tests.said import Said

CASES = [*read_cases("guangdong.yaml"), *read_cases("other_schemes.yaml")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.case)
def test_the_offices_cases(case):
    facts = case.facts_of_case()
    decision = decide(facts, case.scheme)
    failed = sorted(reason.rule for reason in decision.reasons if reason.met is not True)

    assert (decision.amount_fen, failed) == (case.amount_fen or 0, sorted(case.failed or []))
    assert case.version in (None, policy_for(facts, case.scheme).version)
    assert case.pays in (None, dict(lines_paid(decision)))
    assert case.change in (None, [change.rule for change in decision.changes])
    check_texts_are_plain(decision)


def test_what_is_said_in_the_offices_cases_is_what_was_agreed():
    said = Said()
    book.cache_clear()  # the documents are made ready anew
    for case in CASES:
        said.decision(case.case, decide(case.facts_of_case(), case.scheme))
    said.check(__file__)


def test_there_are_enough_of_them():
    assert len({case.case for case in CASES}) == len(CASES) >= 130
