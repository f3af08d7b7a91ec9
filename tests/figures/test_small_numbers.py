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
def test_nothing_of_a_few_is_told_on_a_day_or_from_one_day_to_the_next(days: list[dict[str, Cell]]) -> None:
    said = story(days)
    for now, shown in zip(days, said, strict=True):
        assert set(shown) == {key for key, cell in now.items() if cell.number}
        for key, cell in shown.items():
            assert (cell is None) == (now[key].number < LEAST)
            if cell is not None:
                assert cell.number >= LEAST
                assert abs(cell.number - now[key].number) < LEAST, "and what is told is never far from what is"
    for before, after in pairwise(said):
        for key in before.keys() & after.keys():
            one, two = before[key], after[key]
            if one is not None and two is not None and one != two:
                assert abs(one.number - two.number) >= LEAST


def test_a_sum_holds_told_cells_alone() -> None:
    assert total([Cell(7, 700), None, Cell(5, 1)]) == Cell(12, 701)


def test_one_more_person_does_not_show_what_they_got() -> None:
    """The attack that this is against: the figures of two days, one from the other."""
    first = told({}, {"a": Cell(5, 5_000_00)})
    second = told(first, {"a": Cell(6, 5_000_00 + 12_345_67)})
    assert second == first
    assert told(second, {"a": Cell(10, 99)}) == {"a": Cell(10, 99)}
