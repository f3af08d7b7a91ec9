"""The dated limits of looking after files: the version of the day of the event counts, and nothing is guessed."""

from datetime import date, timedelta

import pytest

from app.households.case import NO_FILE, household_facts
from app.households.exits import ExitNotSupported, Proposal, judge
from app.households.facts import HouseholdFacts
from app.households.queries import facts_of
from app.households.rules import rests_on, review_findings
from app.households.upkeep import KIND, UpkeepPolicy, review_limit, upkeep_policy
from app.policy.book import PolicyBook
from app.policy.decision import Cited
from app.policy.versions import NoPolicyInForce
from app.programmes import shipped

SHIPPED = shipped()
FIRST = upkeep_policy(SHIPPED, date(2026, 11, 25))
CHANGED_ON = date(2027, 1, 1)
SECOND = FIRST.model_copy(
    update={
        "version": "2027",
        "in_force_from": CHANGED_ON,
        "review": FIRST.review.model_copy(update={"grace_days": 60, "source": "测试文件第三条"}),
        "lifting": FIRST.lifting.model_copy(update={"months_above": 3}),
    }
)
BOOK = PolicyBook({**SHIPPED.versions, KIND: (FIRST, SECOND)})
THE_DAY_BEFORE = CHANGED_ON - timedelta(days=1)


def verdict(days: int, on: date) -> tuple[bool | None, str, str]:
    limit = review_limit(BOOK, on)
    facts = HouseholdFacts(
        review_overdue_days=days, review_grace_days=limit.grace_days, review_source=limit.source,
        upkeep_version=limit.version,
    )  # fmt: skip
    (found,) = review_findings(facts)
    return found.reason.met, found.reason.needed, found.reason.source


@pytest.mark.parametrize(
    ("days", "on", "met"),
    [
        (30, THE_DAY_BEFORE, True),
        (31, THE_DAY_BEFORE, False),
        (31, CHANGED_ON, True),
        (60, CHANGED_ON, True),
        (61, CHANGED_ON, False),
    ],
)
def test_the_limit_is_that_of_the_day_of_application(days: int, on: date, met: bool) -> None:
    assert verdict(days, on)[0] is met


def test_what_is_needed_and_where_it_stands_are_told_as_the_version_of_the_day_says() -> None:
    assert verdict(31, THE_DAY_BEFORE)[1:] == (
        "年度复核按期完成，或逾期不超过30天（意外救助、临时救助不受此限）",
        FIRST.review.source,
    )
    assert verdict(61, CHANGED_ON)[1:] == (
        "年度复核按期完成，或逾期不超过60天（意外救助、临时救助不受此限）",
        "测试文件第三条",
    )


@pytest.mark.parametrize(("days", "met"), [(0, True), (1, None), (400, None)])
def test_where_no_limit_is_known_only_who_is_in_time_passes(days: int, met: bool | None) -> None:
    (found,) = review_findings(HouseholdFacts(review_overdue_days=days, review_grace_days=None))
    assert found.reason.met is met
    assert found.reason.needed == (
        "年度复核按期完成，或逾期不超过规定的天数（系统中没有）（意外救助、临时救助不受此限）"
    )


def test_facts_and_written_cases_carry_the_limit_of_their_day_and_its_version() -> None:
    for on, limit in ((THE_DAY_BEFORE, (30, "2016")), (CHANGED_ON, (60, "2027"))):
        for known in (facts_of(None, None, on, BOOK), household_facts(NO_FILE, on, "440500", BOOK)):
            assert (known.review_grace_days, known.upkeep_version) == limit


def test_a_decision_cites_the_version_that_it_rests_on() -> None:
    criteria = SHIPPED.versions["household_criteria"][-1]
    facts = HouseholdFacts(upkeep_version="2027")
    assert rests_on(facts, criteria) == (Cited("household_criteria", criteria.version), Cited(KIND, "2027"))  # type: ignore[arg-type]
    assert rests_on(HouseholdFacts(), criteria) == (Cited("household_criteria", criteria.version),)  # type: ignore[arg-type]


def test_before_the_first_version_and_where_one_cannot_be_read_nothing_is_guessed() -> None:
    early = date(2015, 12, 31)
    with pytest.raises(NoPolicyInForce):
        upkeep_policy(BOOK, early)
    closed = PolicyBook(SHIPPED.versions, frozenset({(KIND, "440500")}))  # type: ignore[arg-type]
    assert (review_limit(BOOK, early).grace_days, review_limit(closed, CHANGED_ON).grace_days) == (None, None)


def test_the_shipped_limits_are_what_was_written_into_the_code_before() -> None:
    assert isinstance(FIRST, UpkeepPolicy)
    assert (FIRST.lifting.months_above, FIRST.review.grace_days, FIRST.discrepancy.answer_working_days) == (6, 30, 10)


@pytest.mark.parametrize(("on", "enough"), [(THE_DAY_BEFORE, False), (CHANGED_ON, True)])
def test_an_exit_is_judged_by_the_version_of_the_day_on_which_it_is_proposed(on: date, enough: bool) -> None:
    form = {
        "head": {"id_number": "1", "health": "healthy"}, "members": [], "division_code": "440507",
        "income_fen_yearly": 0, "rigid_spending": [], "primary_cause": "laid_off",
    }  # fmt: skip
    row = {"state": "active", "submitted_at": None}
    proposal = Proposal("lifted", None, (), 60_000_00, 0, 3, 0, 0)
    if enough:
        decision = judge(form, row, proposal, on, BOOK)
        assert decision is not None
        assert (decision["upkeep_version"], decision["decided_on"]) == ("2027", "2027-01-01")
    else:
        with pytest.raises(ExitNotSupported) as refused:
            judge(form, row, proposal, on, BOOK)
        assert [error.code for error in refused.value.errors] == ["exit_months_above_standard"]
