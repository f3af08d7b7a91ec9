"""Leaving the file: above the line for six months, or carried by floor and standing aid; each side of each boundary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.households import leaving
from app.households.leaving import Recheck
from app.households.upkeep import UpkeepPolicy
from app.policy.decision import Reason
from app.programmes import shipped

STANDARD = 872_00
YEAR = STANDARD * 12
FEN = st.integers(0, 10**9)
POLICY = shipped().versions["household_upkeep"][-1]
assert isinstance(POLICY, UpkeepPolicy)
LIFTING, RELIEF = POLICY.lifting, POLICY.relief


def household(**given: object) -> Recheck:
    told: dict[str, object] = {
        "income_fen_yearly": 0,
        "rigid_spending_fen": 0,
        "members": 3,
        "circumstances": ("serious_illness",),
        "months_above": 6,
        "floor_aid_fen_yearly": 0,
        "standing_aid_fen_yearly": 0,
        "minimum_living_standard_fen": STANDARD,
        "standard_source": "汕头市低保标准",
    }
    return Recheck(**told | given)  # type: ignore[arg-type]


def lifted(facts: Recheck) -> tuple[Reason, ...]:
    return leaving.lifted(facts, LIFTING)


def relieved(facts: Recheck) -> tuple[Reason, ...]:
    return leaving.relieved(facts, RELIEF)


def met(reasons: tuple[object, ...]) -> list[bool | None]:
    return [reason.met for reason in reasons]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("fen", "above"), [(-1, False), (0, False), (1, True)])
def test_lifted_is_who_has_more_than_the_standard_not_as_much(fen: int, above: bool) -> None:
    assert met(lifted(household(income_fen_yearly=3 * YEAR + fen)))[0] is above


@pytest.mark.parametrize(("months", "enough"), [(0, False), (5, False), (6, True), (7, True)])
def test_lifted_is_who_has_been_so_for_six_months(months: int, enough: bool) -> None:
    assert met(lifted(household(income_fen_yearly=4 * YEAR, months_above=months))) == [True, enough]


@pytest.mark.parametrize(("fen", "reached"), [(-1, False), (0, True), (1, True)])
def test_relieved_is_who_reaches_the_standard_with_floor_and_standing_aid(fen: int, reached: bool) -> None:
    aided = household(income_fen_yearly=YEAR, floor_aid_fen_yearly=YEAR, standing_aid_fen_yearly=YEAR + fen)
    assert met(relieved(aided)) == [True, reached]


@pytest.mark.parametrize("circumstance", ["laid_off", "child_schooling", "other"])
def test_who_could_be_lifted_is_not_relieved(circumstance: str) -> None:
    assert met(relieved(household(income_fen_yearly=4 * YEAR, circumstances=(circumstance,)))) == [False, True]
    assert circumstance not in RELIEF.circumstances


@pytest.mark.parametrize("unknown", [{"minimum_living_standard_fen": None}, {"members": 0}])
def test_what_cannot_be_computed_is_no_reason_to_leave(unknown: dict[str, object]) -> None:
    assert met(lifted(household(income_fen_yearly=10**10, **unknown)))[0] is None
    assert met(relieved(household(income_fen_yearly=10**10, **unknown)))[1] is None


@given(FEN, FEN, st.integers(1, 20), st.integers(1, 10**6))
def test_a_figure_per_head_is_compared_exactly(income: int, spending: int, members: int, standard: int) -> None:
    told = household(
        income_fen_yearly=income, rigid_spending_fen=spending, members=members, minimum_living_standard_fen=standard
    )
    assert met(lifted(told))[0] is ((income - spending) > standard * 12 * members)


@given(FEN, FEN, FEN)
def test_more_aid_never_makes_it_worse(income: int, floor: int, more: int) -> None:
    less = met(relieved(household(income_fen_yearly=income, floor_aid_fen_yearly=floor)))[1]
    further = met(relieved(household(income_fen_yearly=income, floor_aid_fen_yearly=floor + more)))[1]
    assert further or not less


@pytest.mark.parametrize(("months", "enough"), [(2, False), (3, True)])
def test_how_many_months_it_takes_is_what_the_policy_says(months: int, enough: bool) -> None:
    shorter = LIFTING.model_copy(update={"months_above": 3, "source": "测试文件"})
    reason = leaving.lifted(household(income_fen_yearly=4 * YEAR, months_above=months), shorter)[1]
    assert (reason.met, reason.needed, reason.source) == (enough, "连续3个月以上", "测试文件")


def test_what_keeps_a_household_from_being_lifted_is_what_the_policy_says() -> None:
    wider = RELIEF.model_copy(update={"circumstances": ("laid_off",), "source": "测试文件"})
    reasons = leaving.relieved(household(income_fen_yearly=4 * YEAR, circumstances=("laid_off",)), wider)
    assert (met(reasons), reasons[0].source) == ([True, True], "测试文件")
    assert met(leaving.relieved(household(income_fen_yearly=4 * YEAR), wider)) == [False, True]


def test_the_limits_are_those_of_everything_that_was_decided_before_they_were_data() -> None:
    assert (LIFTING.months_above, set(RELIEF.circumstances)) == (
        6,
        {"serious_illness", "disability", "no_labour_capacity"},
    )
