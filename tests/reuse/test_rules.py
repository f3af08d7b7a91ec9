"""Which claims are hinted at, and which never: numbers one digit away, sums, stays; keys that bring them together."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.identifiers import plain_number
from app.reuse.rules import POINTS, THRESHOLD, Claim, claim_of, compare, is_likely, keys, near
from app.seed.bills import Bill, bill, one_digit_changed
from tests import make
from tests.thorough import thorough

NUMBERS = st.text("0123456789ABCDEFGHJ", min_size=6, max_size=24)


def claim(said: Bill, files: tuple[str, ...] = (), codes: tuple[int, ...] = ()) -> Claim:
    return claim_of("secondary_medical", {"stay": said.stay(), "settlement": said.sheet()}, files, codes)


def two(seed: int = 1) -> tuple[Bill, Bill]:
    random = Random(seed)
    first = bill(random, make.TODAY, "汕头市中心医院")
    return first, bill(random, make.TODAY, "汕头市中心医院")


def codes(one: Claim, other: Claim, **laid: bool) -> set[str]:
    pictures = {("a", "b"): True} if laid.get("picture") else {}
    return {each.code for each in compare(one, other, pictures).evidence}


@thorough
@given(NUMBERS, st.data())
def test_one_wrong_digit_leaves_a_key_whole_and_is_near(number: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(number) - 1))
    how = data.draw(st.sampled_from(["changed", "lost", "added"]))
    digit = data.draw(st.sampled_from("0123456789"))
    wrong = {"changed": number[:at] + digit + number[at + 1 :], "lost": number[:at] + number[at + 1 :],
             "added": number[:at] + digit + number[at:]}[how]  # fmt: skip
    one, other = Claim("secondary_medical", number), Claim("secondary_medical", wrong)
    assert set(keys(one)) & set(keys(other))
    assert wrong == number or near(number, wrong)


def test_the_next_in_line_of_the_same_days_is_never_enough() -> None:
    first, other = two()
    neighbour = replace(
        other, number=first.number[:-1] + "9", admitted_on=first.admitted_on, discharged_on=first.discharged_on
    )
    found = compare(claim(replace(first, number=first.number[:-1] + "8")), claim(neighbour), {})
    assert {each.code for each in found.evidence} == {"number_near", "stay"}
    assert not is_likely(found)
    assert "medfee_sumamt_fen" in found.differs


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"number", "amounts", "stay"}),
        ({"number": "different-number-1"}, {"amounts", "stay"}),
        ({"number": "different-number-1", "hospital": "澄海区人民医院"}, {"amounts"}),
    ],
)
def test_what_is_equal_is_named(changed: dict[str, str], expected: set[str]) -> None:
    first, _ = two()
    assert codes(claim(first), claim(replace(first, **changed))) == expected  # type: ignore[arg-type]


def test_sums_alone_or_a_near_number_alone_do_not_accuse_and_one_thing_more_does() -> None:
    assert max(POINTS["amounts"], POINTS["number_near"], POINTS["bill"]) < THRESHOLD
    assert POINTS["number_near"] + POINTS["stay"] < THRESHOLD
    assert POINTS["bill"] + POINTS["stay"] < THRESHOLD
    assert POINTS["amounts"] + POINTS["stay"] >= THRESHOLD
    assert POINTS["amounts"] + POINTS["number_near"] >= THRESHOLD
    assert all(POINTS[strong] >= THRESHOLD for strong in ("file", "code", "picture", "number"))


def test_a_picture_a_file_or_a_code_is_enough_whatever_the_form_says() -> None:
    first, other = two()
    assert is_likely(compare(claim(first), claim(other), {("a", "b"): True}))
    assert is_likely(compare(claim(first, ("ff",)), claim(other, ("ff",)), {}))
    assert is_likely(compare(claim(first, codes=(5,)), claim(other, codes=(5,)), {}))
    assert not is_likely(compare(claim(first, ("fe",), (4,)), claim(other, ("ff",), (5,)), {("a", "b"): False}))


def test_seen_from_the_other_side_the_papers_change_places() -> None:
    first, other = two()
    found = compare(claim(first), claim(other), {("a", "b"): True})
    assert [each.files for each in found.turned().evidence] == [("b", "a")]
    assert found.turned().turned() == found


def test_a_number_has_one_spelling() -> None:
    assert plain_number("s-12/3_4.５ａ") == "S12345A"


def test_two_digits_away_is_another_number() -> None:
    random = Random(3)
    number = "123456789012"
    assert near(number, one_digit_changed(number, random))
    assert near("123456789012", "213456789012")
    assert not near(number, "123456789099")
    assert not near("1234", "1235")
