"""Enrolling a unit: the list as a whole, and each of its people."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kinds.secondary_medical.documents import load_scheme
from app.kinds.secondary_medical.enrolment import UnitList, judge_unit, term_end
from app.kinds.secondary_medical.scheme import Policy
from app.policy.fields import Frozen, IsoDate
from app.policy.versions import in_force, read_yaml
from tests.kinds.secondary_medical.reading import HERE, book
from tests.said import Said
from tests.thorough import thorough


class UnitCase(Frozen):
    case: str
    scheme: str = "policy"
    staff: int
    names: int
    covered: int = 0
    applied_on: IsoDate = date(2026, 1, 5)
    starts_on: IsoDate = date(2026, 1, 10)
    born: IsoDate = date(1980, 1, 1)
    failed: tuple[str, ...]
    unfit: str | None = None


def cases():
    rows = read_yaml((HERE / "enrolment.yaml").read_text(encoding="utf-8"))
    return [UnitCase.model_validate_json(json.dumps(row)) for row in rows]


def unit(**given):
    return UnitList(
        **{
            "applied_on": date(2026, 1, 5),
            "starts_on": date(2026, 1, 10),
            "staff_count": 100,
            "covered_before": 0,
            "people": (date(1980, 1, 1),) * 80,
        }
        | given
    )


def policy_of(scheme, on):
    versions = load_scheme(scheme)
    return in_force(versions, on, versions[-1].area)


def asked_in(case):
    return unit(
        applied_on=case.applied_on,
        starts_on=case.starts_on,
        staff_count=case.staff,
        covered_before=case.covered,
        people=(case.born,) * case.names,
    )


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.case)
def test_the_offices_cases(case):
    answer = judge_unit(asked_in(case), policy_of(case.scheme, case.starts_on))

    assert sorted(reason.rule for reason in answer.reasons if not reason.met) == sorted(case.failed)
    assert {each.code for each in answer.unfit} == ({case.unfit} if case.unfit else set())
    assert answer.accepted is (not case.failed and case.unfit is None)


def test_what_is_said_in_the_offices_cases_is_what_was_agreed():
    said = Said()
    unfit = {}
    for case in cases():
        answer = judge_unit(asked_in(case), policy_of(case.scheme, case.starts_on))
        for reason in answer.reasons:
            said.reason(case.case, reason)
        unfit |= {each.code: each.text for each in answer.unfit}
    said.check(__file__, "enrolment_said.txt")
    assert unfit == {"too_young": "参保之日未满16周岁。", "too_old": "参保之日已超过60周岁。"}


def test_a_person_listed_twice_is_told_where_and_counts_once():
    policy = policy_of("policy", date(2026, 1, 10))
    answer = judge_unit(unit(people=(date(1980, 1, 1),) * 81, repeated=frozenset({80})), policy)

    assert [(each.place, each.code, each.text) for each in answer.unfit] == [
        (80, "duplicate", "名单中有重复的身份证号。")
    ]
    assert all(reason.met for reason in answer.reasons)
    assert not judge_unit(unit(people=(date(1980, 1, 1),) * 80, repeated=frozenset({79})), policy).reasons[-1].met


def test_on_the_last_day_of_a_term_nobody_can_begin_and_its_days_of_enrolment_are_told():
    policy = policy_of("guangzhou", date(2025, 6, 30))
    (term, *_) = policy.term.terms
    reasons = {each.rule: each for each in judge_unit(unit(starts_on=term.ends_on), policy).reasons}

    assert (reasons["term_open"].met, reasons["enrolment_open"].needed) == (False, "2024年6月6日至2024年7月31日办理")


def test_the_terms_of_a_scheme_are_told_one_after_the_other():
    policy = policy_of("guangzhou", date(2025, 6, 30))
    (first,) = policy.term.terms
    second = first.model_copy(update={"starts_on": date(2025, 7, 1), "ends_on": date(2026, 6, 30)})
    both = policy.model_copy(update={"term": policy.term.model_copy(update={"terms": (first, second)})})

    assert judge_unit(unit(), both).reasons[0].needed == ("2024年7月1日至2025年6月30日；2025年7月1日至2026年6月30日")


@pytest.mark.parametrize(
    ("scheme", "starts_on", "ends_on"),
    [
        ("policy", date(2026, 1, 10), date(2027, 1, 9)),
        ("policy", date(2028, 2, 29), date(2029, 2, 27)),
        ("guangzhou", date(2024, 7, 20), date(2025, 6, 30)),
        ("guangzhou", date(2025, 6, 30), None),
        ("guangzhou", date(2025, 7, 1), None),
    ],
)
def test_a_cover_ends_as_the_scheme_says(scheme, starts_on, ends_on):
    assert term_end(policy_of(scheme, starts_on), starts_on) == ends_on


days = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@thorough
@given(
    st.builds(
        UnitList, applied_on=days, starts_on=days, staff_count=st.integers(1, 300),
        covered_before=st.integers(0, 300), people=st.lists(days, max_size=120).map(tuple),
    ),
    st.sampled_from(["policy", "sh00", "guangzhou", "hz21"]),
)  # fmt: skip
def test_any_list_gets_an_answer_that_is_accepted_exactly_when_nothing_is_against_it(asked, scheme):
    for policy in book(scheme).of("secondary_medical", Policy):
        answer = judge_unit(asked, policy)
        assert answer.accepted is (all(reason.met for reason in answer.reasons) and not answer.unfit)
        assert (answer.ends_on is None) is any(
            reason.rule == "term_open" and not reason.met for reason in answer.reasons
        )
        assert all(each.place < len(asked.people) for each in answer.unfit)
