"""Which measures answer which causes, and what a measure must say."""

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.applications.measures import measure_kind
from app.applications.path import Kind
from app.households.forms import Cause
from app.kinds.hardship_aid.policy import Item
from app.plans.rules import (
    MEASURE_KINDS,
    Kept,
    MeasureResult,
    MeasureState,
    proposed_for,
    terms_of,
    usual_due,
    wrong_with,
)
from tests.thorough import thorough

TODAY = date(2026, 11, 25)
CAUSES = st.lists(st.sampled_from(get_args(Cause)), min_size=1, max_size=4)


@given(CAUSES)
@thorough
def test_measures_are_proposed_once_each_and_the_main_causes_first(causes: list[Cause]) -> None:
    proposed = proposed_for(causes)
    assert len(set(proposed)) == len(proposed) > 0
    first = proposed_for(causes[:1])
    assert proposed[: len(first)] == first
    assert set(proposed) == {kind for cause in causes for kind in proposed_for([cause])}


def test_a_cause_that_the_list_does_not_know_proposes_nothing() -> None:
    assert proposed_for(["a cause of another edition", "child_schooling"]) == proposed_for(["child_schooling"])


@pytest.mark.parametrize(
    ("cause", "kinds"),
    [
        ("serious_illness", {"medical"}),
        ("child_schooling", {"schooling"}),
        ("unemployed_able", {"employment", "training", "yuan_dream"}),
        ("no_labour_capacity", {"living_aid", "dibao_docking"}),
    ],
)
def test_the_city_plan_answers_these_causes(cause: str, kinds: set[str]) -> None:
    assert kinds <= set(proposed_for([cause]))


@pytest.mark.parametrize("kind", MEASURE_KINDS)
def test_every_measure_has_a_name_a_source_and_a_usual_time(kind: str) -> None:
    terms = terms_of(kind)  # type: ignore[arg-type]
    assert terms.name
    assert "规划" in terms.source
    assert usual_due(kind, TODAY) > TODAY  # type: ignore[arg-type]


@given(
    st.sampled_from(get_args(MeasureState)),
    st.booleans(),
    st.none() | st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.none() | st.sampled_from(get_args(MeasureResult)),
)
@thorough
def test_a_measure_stands_only_with_somebody_responsible_a_date_and_a_result_when_it_ended(
    state: MeasureState, responsible: bool, due_on: date | None, result: MeasureResult | None
) -> None:
    fine = not wrong_with(Kept(state, responsible, due_on, result), TODAY)
    taken_on = state == "proposed" or (responsible and due_on is not None)
    near = due_on is None or due_on <= TODAY + timedelta(days=3 * 366)
    assert fine is (taken_on and near and (state in ("done", "dropped")) is (result is not None))


@pytest.mark.parametrize("item", get_args(Item))
def test_every_item_of_hardship_aid_belongs_to_a_measure(item: str) -> None:
    assert measure_kind(Kind.HARDSHIP_AID, item) == ("medical" if item == "medical" else "living_aid")


def test_a_grant_is_schooling_and_the_insurance_is_no_aid() -> None:
    assert measure_kind(Kind.GOLDEN_AUTUMN, "undergraduate") == "schooling"
    assert measure_kind(Kind.SECONDARY_MEDICAL, None) is None
