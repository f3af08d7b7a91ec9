"""To which cover and which version a stay belongs, and how a cover began."""

from datetime import date

import pytest

from app.kinds.secondary_medical.attribution import Held, began, governing, held_by_stay, joined
from app.policy.book import PolicyBook
from app.policy.versions import NoPolicyInForce
from tests.kinds.secondary_medical.test_documents import scheme

BY_COVER = scheme()
BY_DISCHARGE = {"stay_by": "discharge", "version_by": "stay", "source": "样例"}
ELSEWHERE = scheme(version="外市", area="440100", attribution=BY_DISCHARGE)
BOOK = PolicyBook({"secondary_medical": (BY_COVER, ELSEWHERE)})
STAY = (date(2022, 6, 1), date(2022, 6, 10), date(2022, 6, 12))


def held(starts_on, ends_on, area="440500", is_renewal=None):
    return Held(starts_on, ends_on, area, is_renewal)


FIRST = held(date(2022, 1, 1), date(2022, 5, 31))
SECOND = held(date(2022, 6, 1), date(2022, 12, 31))
THIRD = held(date(2022, 7, 1), date(2023, 6, 30))


@pytest.mark.parametrize(
    ("covers", "place"),
    [
        ((), None),
        ((FIRST,), 0),
        ((FIRST, SECOND), 1),
        ((SECOND, THIRD), 0),
        ((FIRST, SECOND, THIRD), 1),
        ((FIRST, THIRD), 1),
        ((held(date(2022, 1, 1), date(2022, 6, 1)), THIRD), 0),
        ((SECOND, SECOND), 1),
    ],
)
def test_a_stay_belongs_to_the_cover_whose_days_it_falls_in_else_to_the_latest(covers, place):
    assert held_by_stay(BOOK, covers, *STAY) == place


def test_each_cover_is_judged_by_the_scheme_of_its_own_area():
    until_admission = {"starts_on": date(2022, 1, 1), "ends_on": date(2022, 6, 9)}
    here, there = held(**until_admission), held(**until_admission, area="440100")

    assert held_by_stay(BOOK, (here, THIRD), *STAY) == 0
    assert held_by_stay(BOOK, (there, THIRD), *STAY) == 1
    assert held_by_stay(BOOK, (there._replace(ends_on=date(2022, 6, 10)), THIRD), *STAY) == 0


def test_each_cover_is_judged_by_the_version_of_its_own_start():
    later = scheme(version="样例-2", in_force_from="2022-05-01", attribution=BY_DISCHARGE)
    book = PolicyBook({"secondary_medical": (BY_COVER, later)})
    until_admission = held(date(2022, 1, 1), date(2022, 6, 9))

    assert held_by_stay(book, (until_admission, THIRD), *STAY) == 0
    assert held_by_stay(book, (until_admission._replace(starts_on=date(2022, 5, 1)), THIRD), *STAY) == 1


def test_a_cover_from_before_the_first_version_is_judged_by_that_of_the_admission():
    assert held_by_stay(BOOK, (held(date(2021, 12, 1), date(2022, 11, 30)), THIRD), *STAY) == 0


def test_where_the_settlement_decides_the_cover_of_its_day_is_the_one():
    by_settlement = scheme(attribution={"stay_by": "settlement", "version_by": "stay", "source": "样例"})
    book = PolicyBook({"secondary_medical": (by_settlement,)})
    until_settlement = held(date(2022, 1, 1), date(2022, 6, 12))

    assert held_by_stay(book, (until_settlement, THIRD), *STAY) == 0
    assert held_by_stay(book, (until_settlement._replace(ends_on=date(2022, 6, 11)), THIRD), *STAY) == 1


def test_a_cover_for_which_no_scheme_is_in_force_is_passed_over():
    nowhere = SECOND._replace(area="430100")

    assert held_by_stay(BOOK, (SECOND, nowhere), *STAY) == 0
    assert held_by_stay(BOOK, (nowhere,), *STAY) == 0


def test_the_version_is_that_of_the_area():
    later = scheme(version="外市-2", area="440100", in_force_from="2022-06-05", attribution=BY_DISCHARGE)
    book = PolicyBook({"secondary_medical": (BY_COVER, ELSEWHERE, later)})

    def chosen(starts_on, area):
        return governing(book, starts_on, *STAY, area).version

    assert [chosen(None, "440507"), chosen(None, "440106")] == ["样例-1", "外市"]
    assert [chosen(date(2022, 1, 1), "440507"), chosen(date(2022, 1, 1), "440106")] == ["样例-1", "外市-2"]
    assert [chosen(date(2021, 1, 1), "440507"), chosen(date(2021, 1, 1), "440106")] == ["样例-1", "外市"]
    assert chosen(date(2022, 6, 20), "440106") == "外市-2"
    with pytest.raises(NoPolicyInForce):
        chosen(None, "430100")


@pytest.mark.parametrize("stay_by", ["admission", "discharge", "settlement"])
def test_the_day_of_the_stay_that_the_scheme_names_chooses_the_version(stay_by):
    by = {"attribution": {"stay_by": stay_by, "version_by": "stay", "source": "样例"}}
    versions = (
        scheme(**by),
        scheme(**by, version="discharge", in_force_from="2022-06-10"),
        scheme(**by, version="settlement", in_force_from="2022-06-12"),
    )
    chosen = governing(PolicyBook({"secondary_medical": versions}), date(2022, 1, 1), *STAY)

    assert chosen.version == {"admission": "样例-1"}.get(stay_by, stay_by)


LAST_YEAR = held(date(2022, 1, 1), date(2022, 12, 31))
THIS_YEAR = held(date(2023, 1, 1), date(2023, 12, 31))


@pytest.mark.parametrize(
    ("starts_on", "stated", "earlier", "how"),
    [
        (date(2023, 1, 1), None, (), "new"),
        (date(2023, 1, 1), None, (LAST_YEAR,), "renewal"),
        (date(2023, 1, 2), None, (LAST_YEAR,), "late_renewal"),
        (date(2023, 1, 1), None, (LAST_YEAR._replace(area="440100"),), "new"),
        (date(2023, 1, 1), True, (), "renewal"),
        (date(2023, 1, 2), True, (LAST_YEAR,), "renewal"),
        (date(2023, 1, 1), False, (LAST_YEAR,), "new"),
        (date(2023, 1, 2), False, (LAST_YEAR,), "late_renewal"),
        (date(2023, 1, 1), False, (), "new"),
    ],
)
def test_a_stated_renewal_is_one_and_otherwise_the_earlier_covers_tell(starts_on, stated, earlier, how):
    cover = THIS_YEAR._replace(starts_on=starts_on, is_renewal=stated)

    assert began(cover, (*earlier, cover), BY_COVER.waiting) == how


def test_a_cover_that_ends_on_the_day_the_next_begins_is_no_earlier_one():
    assert joined(date(2023, 1, 1), [date(2023, 1, 1)], BY_COVER.waiting) == "new"
    assert joined(date(2023, 1, 1), [date(2022, 12, 31), date(2023, 1, 1)], BY_COVER.waiting) == "renewal"
