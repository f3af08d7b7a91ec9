"""The book of policies: by kind, area, day and name; closed where a version could not be read."""

from datetime import date

import pytest

from app.policy.book import PolicyBook
from app.policy.versions import NoPolicyInForce, Version

KIND = "golden_autumn"
ON = date(2026, 9, 1)


class Other(Version):
    """Another kind's versions."""


def version(name, area="440500", year=2020):
    return Version(version=name, area=area, in_force_from=date(year, 1, 1), source="某文")


OWN, NEXT, PROVINCE = version("a"), version("b", year=2025), version("a", area="440000")
BOOK = PolicyBook({KIND: (PROVINCE, OWN, NEXT)})


def closed(area, kind=KIND):
    return PolicyBook(BOOK.versions, frozenset({(kind, area)}))


def test_a_kind_has_the_versions_of_its_own_sort_and_no_others():
    mixed = PolicyBook({KIND: (OWN, Other(version="x", area="440500", in_force_from=ON, source="某文"))})

    assert BOOK.of(KIND, Version) == (PROVINCE, OWN, NEXT)
    assert [each.version for each in mixed.of(KIND, Other)] == ["x"]
    assert BOOK.of("hardship_aid", Version) == ()


def test_the_citys_version_is_in_force_where_no_division_is_named():
    assert BOOK.in_force(KIND, Version, ON) is NEXT
    assert BOOK.in_force(KIND, Version, ON, "440507103") is NEXT
    assert BOOK.in_force(KIND, Version, date(2024, 12, 31), "440507") is OWN
    assert BOOK.in_force(KIND, Version, ON, "440106") is PROVINCE


@pytest.mark.parametrize("division_code", ["440500", "440507", "440507103"])
def test_where_a_version_could_not_be_read_nothing_is_in_force_not_even_the_provinces(division_code):
    with pytest.raises(NoPolicyInForce):
        closed("440500").in_force(KIND, Version, ON, division_code)


def test_where_its_own_or_the_provinces_could_not_be_read_a_prefecture_has_none():
    with pytest.raises(NoPolicyInForce):
        closed("440100").in_force(KIND, Version, ON, "440106")
    with pytest.raises(NoPolicyInForce):
        closed("440000").in_force(KIND, Version, ON, "440106")
    assert closed("440000").in_force(KIND, Version, ON, "440507") is NEXT


def test_what_is_closed_elsewhere_or_of_another_kind_does_not_count():
    assert closed("440100").in_force(KIND, Version, ON, "440507") is NEXT
    assert closed("440500", "hardship_aid").in_force(KIND, Version, ON, "440507") is NEXT


def test_a_version_is_found_by_its_name_the_prefectures_before_the_provinces():
    assert BOOK.named(KIND, Version, "a") is OWN
    assert BOOK.named(KIND, Version, "a", "440507103") is OWN
    assert BOOK.named(KIND, Version, "b", "440507") is NEXT
    assert BOOK.named(KIND, Version, "a", "440106") is PROVINCE


@pytest.mark.parametrize(("name", "division_code"), [("c", "440500"), ("b", "440106"), ("a", "430100")])
def test_a_name_that_no_version_of_the_area_has_is_not_found(name, division_code):
    with pytest.raises(NoPolicyInForce):
        BOOK.named(KIND, Version, name, division_code)
