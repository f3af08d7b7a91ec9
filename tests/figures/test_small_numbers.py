"""What everyone is told says nothing of a few, whether on one day or from one day to the next."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.figures.rules import LEAST, Cell, told, total
from tests.thorough import thorough

KEYS = st.sampled_from(["aid|2026|hardship_aid|A", "aid|2026|golden_autumn|A", "aid|2026|hardship_aid|B"])
DAYS = st.lists(
    st.dictionaries(KEYS, st.builds(Cell, st.integers(0, 30), st.integers(0, 10**7))), min_size=1, max_size=12
)


def story(days: list[dict[str, Cell]]) -> list[dict[str, Cell | None]]:
    """What is told on each day."""
    said: list[dict[str, Cell | None]] = [{}]
    for now in days:
        said.append(told(said[-1], now))
    return said[1:]


@given(DAYS)
@thorough
def test_no_cell_of_a_few_is_ever_told(days: list[dict[str, Cell]]) -> None:
    for now, said in zip(days, story(days), strict=True):
        assert set(said) == {key for key, cell in now.items() if cell.number}
        for key, cell in said.items():
            assert (cell is None) == (now[key].number < LEAST)
            assert cell is None or cell.number >= LEAST


@given(DAYS)
@thorough
def test_what_is_told_two_days_running_differs_by_many_or_not_at_all(days: list[dict[str, Cell]]) -> None:
    for before, after in pairwise(story(days)):
        for key in before.keys() & after.keys():
            one, two = before[key], after[key]
            if one is not None and two is not None and one != two:
                assert abs(one.number - two.number) >= LEAST


@given(DAYS)
@thorough
def test_what_is_told_is_never_far_from_what_is(days: list[dict[str, Cell]]) -> None:
    for now, said in zip(days, story(days), strict=True):
        assert all(abs(cell.number - now[key].number) < LEAST for key, cell in said.items() if cell is not None)


def test_a_sum_holds_told_cells_alone() -> None:
    assert total([Cell(7, 700), None, Cell(5, 1)]) == Cell(12, 701)


def test_one_more_person_does_not_show_what_they_got() -> None:
    """The attack that this is against: the figures of two days, one from the other."""
    first = told({}, {"a": Cell(5, 5_000_00)})
    second = told(first, {"a": Cell(6, 5_000_00 + 12_345_67)})
    assert second == first
    assert told(second, {"a": Cell(10, 99)}) == {"a": Cell(10, 99)}
