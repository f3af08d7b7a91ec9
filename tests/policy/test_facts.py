"""Stored facts are read strictly: by the types that they were written with, and by nothing near them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from app.households.facts import HouseholdFacts
from app.policy.facts import FactsChanged, added_later, reader_of
from app.policy.replay import canonical, facts_from, facts_json
from app.programmes import REPLAYERS
from tests.thorough import thorough


@dataclass(frozen=True, slots=True)
class Stay:
    admitted_on: date
    fen: Annotated[int, Field(ge=0)] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    cause: Literal["illness", "accident"]
    level: Literal[1, 2, 3] | None
    known: bool
    pair: tuple[str, int]
    stays: tuple[Stay, ...] = ()
    either: Stay | str | None = None


TOLD = Told(cause="illness", level=2, known=True, pair=("甲", 1), stays=(Stay(date(2026, 9, 1), None),), either="乙")
PLAIN: dict[str, Any] = {
    "cause": "illness", "level": 2, "known": True, "pair": ["甲", 1],
    "stays": [{"admitted_on": "2026-09-01", "fen": None}], "either": "乙",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMore:
    known: bool
    fen: int | None = None
    days: int | None = added_later(None)


def test_only_a_field_that_was_added_later_may_be_missing() -> None:
    read = reader_of(ToldMore)
    assert read({"known": True, "fen": 1}) == ToldMore(known=True, fen=1)
    assert read({"known": True, "fen": 1, "days": 31}) == ToldMore(known=True, fen=1, days=31)
    for wrong in ({"known": True, "days": 1}, {"known": True}, {"known": True, "fen": 1, "more": 1},
                  {"known": True, "more": 1}, {"known": True, "fen": 1, "days": "1"}):  # fmt: skip
        with pytest.raises(FactsChanged):
            read(wrong)


def test_facts_of_a_household_from_before_the_yearly_verification_are_read_as_they_were() -> None:
    written = orjson.loads(facts_json(HouseholdFacts(file_active=True, members=3)))
    assert written.pop("review_overdue_days") is None
    assert facts_from(HouseholdFacts, canonical(written)) == HouseholdFacts(file_active=True, members=3)


def test_facts_from_before_the_limits_were_data_are_judged_by_the_thirty_days_of_then() -> None:
    then = HouseholdFacts(file_active=True, review_overdue_days=31)
    written = orjson.loads(facts_json(then))
    for later in ("review_grace_days", "review_source", "upkeep_version"):
        written.pop(later)
    assert (then.review_grace_days, then.upkeep_version) == (30, None)
    assert facts_from(HouseholdFacts, canonical(written)) == then


def test_what_was_written_is_read_again() -> None:
    assert reader_of(Told)(PLAIN) == TOLD
    assert facts_from(Told, facts_json(TOLD)) == TOLD


@pytest.mark.parametrize(
    "change",
    [
        {"cause": "unknown"}, {"cause": None}, {"level": 4}, {"level": True}, {"level": "2"}, {"known": 1},
        {"known": None}, {"pair": ["甲"]}, {"pair": ["甲", 1, 2]}, {"pair": "甲1"}, {"pair": [1, "甲"]}, {"stays": {}},
        {"stays": None}, {"stays": [None]}, {"stays": [{"admitted_on": "2026-09-01"}]}, {"either": 1},
        {"stays": [{"admitted_on": "20260901", "fen": 1}]}, {"stays": [{"admitted_on": "2026-W36-2", "fen": 1}]},
        {"stays": [{"admitted_on": "2026-02-30", "fen": 1}]}, {"stays": [{"admitted_on": 1, "fen": 1}]},
        {"stays": [{"admitted_on": "2026-09-01", "fen": 1.0}]},
        {"stays": [{"admitted_on": "2026-09-01", "fen": False}]},
        {"stays": [{"admitted_on": "2026-09-01", "fen": 1, "more": 1}]}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_near_it_is_not(change: dict[str, Any]) -> None:
    with pytest.raises(FactsChanged):
        reader_of(Told)(PLAIN | change)


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_may_be_missing_not_even_what_has_a_default(name: str) -> None:
    with pytest.raises(FactsChanged):
        reader_of(Told)({key: value for key, value in PLAIN.items() if key != name})


@pytest.mark.parametrize("kind", [float, datetime, bytes, list[int], dict[str, int], set[int]])
def test_a_type_that_is_no_fact_has_no_reader(kind: Any) -> None:
    @dataclass(frozen=True)
    class Wrong:
        value: Any

    Wrong.__annotations__["value"] = kind
    with pytest.raises(TypeError, match="not a fact"):
        reader_of(Wrong)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=8,
)


@thorough
@given(st.sampled_from(sorted(PLAIN)), json_values)
def test_whatever_stands_there_is_read_as_it_was_written_or_refused(name: str, value: Any) -> None:
    try:
        data = canonical(PLAIN | {name: value})
    except UnicodeEncodeError:
        return
    try:
        facts = facts_from(Told, data)
    except FactsChanged:
        return
    assert facts_json(facts) == data


def test_the_facts_of_every_kind_can_be_read() -> None:
    assert [reader_of(replayer.facts) for replayer in REPLAYERS.values()]
