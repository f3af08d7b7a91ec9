"""What a union must be like, and what a list of them would change."""

from itertools import product
from typing import Any

import pytest
from pydantic import ValidationError

from app.organisations.rules import (
    ABOVE,
    LEVELS,
    TIER_OF,
    WORDS,
    Line,
    Written,
    plan,
    wrong_lines,
    wrong_place,
    wrong_receiver,
)
from app.policy.drafts import field_errors
from app.seed.organisations import tree


def written(code: str, level: str = "unit", parent: str | None = "C", **given: Any) -> Written:
    return Written.model_validate(
        {"code": code, "name": f"{code}工会", "level": level, "parent_code": parent, "division_code": "440507"} | given
    )


def known(code: str, level: str = "unit", parent: str | None = "C", **given: Any) -> dict[str, Any]:
    return written(code, level, parent).model_dump() | {"id": code} | given


def lines(*unions: Written) -> list[Line]:
    """The first below the header."""
    return [Line(number, union) for number, union in enumerate(unions, 2)]


def wrong(unions: list[Line], there: list[dict[str, Any]] | None = None, unreadable: tuple[str, ...] = ()) -> Any:
    found = wrong_lines(unions, unreadable, {each["code"]: each for each in there or []})
    assert all(each.error.message.endswith("。") for each in found)
    return [(each.number, each.error.pointer, each.error.code) for each in found]


CITY = known("C", "city", None)


def test_which_level_stands_under_which() -> None:
    for level, above in product(LEVELS, (None, *LEVELS)):
        fits = above in ABOVE[level] if above or ABOVE[level] else True
        assert (wrong_place(level, above) is None) is fits, (level, above)
    assert [level for level in LEVELS if wrong_place(level, None) is None] == ["city"]
    assert {*TIER_OF, *ABOVE, *WORDS} == {*LEVELS}


def test_parents_are_of_a_level_that_comes_before() -> None:
    order: list[str] = [*LEVELS]
    for level, above in ABOVE.items():
        assert all(order.index(each) < order.index(level) for each in above)


def test_the_demo_tree_is_as_it_must_be() -> None:
    unions = [
        written(each.code, each.level, each.parent.code if each.parent else None, name=each.name,
                division_code=each.division_code, receives_unattached=each.receives_unattached)
        for each in tree()
    ]  # fmt: skip
    assert wrong(lines(*unions)) == []
    assert all(TIER_OF[each.level] is each.tier for each in tree())


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"code": ""}, "text_empty"),
        ({"code": "工会一"}, "code_characters"),
        ({"code": "-U"}, "code_characters"),
        ({"code": "U" * 41}, "code_too_long"),
        ({"name": ""}, "text_empty"),
        ({"name": "工" * 101}, "string_too_long"),
        ({"name": "工\n会"}, "text_control"),
        ({"level": "企业"}, "level_unknown"),
        ({"parent_code": "上级"}, "code_characters"),
        ({"division_code": "44050"}, "division_code_format"),
        ({"division_code": "4405070000000"}, "division_code_format"),
        ({"division_code": "4.405E+11"}, "division_code_format"),
        ({"division_code": "４４０５０７"}, "division_code_format"),
        ({"receives_unattached": "也许"}, "bool_type"),
    ],
)
def test_what_no_union_can_be(given: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Written.model_validate(written("U").model_dump() | given)
    (error,) = field_errors(refused.value.errors())
    assert (error.pointer, error.code) == (f"/{next(iter(given))}", code)
    assert error.message.endswith("。")


def test_a_longest_code_and_division_are_taken() -> None:
    union = written("U" * 40, division_code="440507001002")
    assert (union.code, union.division_code) == ("U" * 40, "440507001002")


def test_children_may_stand_before_their_parents() -> None:
    unions = lines(
        written("U", "unit", "S"), written("S", "street", "D"), written("D", "district", "C"),
        written("C", "city", None),
    )  # fmt: skip
    assert wrong(unions) == []
    planned = plan(unions, {})
    assert [union.code for union in planned.entered] == ["C", "D", "S", "U"]
    assert planned.counts() == {"entered": 4, "renamed": 0, "receiving": 0, "unchanged": 0}


def test_every_wrong_line_is_named() -> None:
    unions = lines(
        written("C", "city", "X"),
        written("D", "district", None),
        written("S", "street", "C"),
        written("U", "unit", "NOWHERE"),
        written("U", "unit", "D"),
        written("V", "unit", "V"),
        written("W", "unit", "BROKEN"),
    )
    assert wrong(unions, unreadable=("BROKEN",)) == [
        (2, "/parent_code", "parent_unknown"),
        (3, "/parent_code", "parent_missing"),
        (4, "/parent_code", "parent_level"),
        (5, "/parent_code", "parent_unknown"),
        (6, "/code", "code_repeated"),
        (7, "/parent_code", "parent_level"),
    ]
    assert wrong(lines(written("C", "city", "E")), [known("E", "city", None)]) == [
        (2, "/parent_code", "city_has_no_parent")
    ]


def test_what_cases_hang_on_is_never_changed() -> None:
    there = [CITY, known("D", "district"), known("U", "unit", "D")]
    moved = lines(
        written("D", "industry"), written("U", "unit", "C"), written("C", "city", None, division_code="440500")
    )
    assert wrong(moved, there) == [
        (2, "/level", "level_kept"),
        (3, "/parent_code", "parent_code_kept"),
        (4, "/division_code", "division_code_kept"),
    ]


def test_one_union_of_a_city_receives_the_unattached() -> None:
    unions = lines(
        written("A", receives_unattached=True),
        written("D", "district", receives_unattached=True),
        written("B", "unit", "D", receives_unattached=True),
        written("E", "city", None),
        written("F", "unit", "E", receives_unattached=True),
    )
    assert wrong(unions, [CITY]) == [
        (3, "/receives_unattached", "receiver_level"),
        (3, "/receives_unattached", "receiver_repeated"),
        (4, "/receives_unattached", "receiver_repeated"),
    ]
    assert wrong_receiver("street") is None


def test_a_list_that_goes_in_circles_is_refused_and_ends() -> None:
    unions = lines(written("A", "unit", "B", receives_unattached=True), written("B", "unit", "A"))
    assert {code for _, _, code in wrong(unions)} == {"parent_level"}


def test_what_is_said_again_changes_nothing() -> None:
    there = {each["code"]: each for each in (CITY, known("A", receives_unattached=True), known("B"), known("D"))}
    said = lines(
        written("C", "city", None), written("A"), written("B", name="新名称"), written("D", receives_unattached=True),
        written("E", "street", "D"),
    )  # fmt: skip
    planned = plan(said, there)
    assert [union.code for union in planned.entered] == ["E"]
    assert planned.renamed == [(there["B"], "新名称")]
    assert list(planned.receiving) == ["D"]
    assert planned.counts() == {"entered": 1, "renamed": 1, "receiving": 1, "unchanged": 2}
    again = plan(lines(written("A", receives_unattached=True)), there)
    assert again.counts() == {"entered": 0, "renamed": 0, "receiving": 0, "unchanged": 1}
