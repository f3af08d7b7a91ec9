"""The statutory register, its dated code lists, and the levels of archives."""

from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.households import forms
from app.households.criteria import CLASS_NAMES
from app.households.dictionaries import Dictionary, dictionaries, unknown_codes
from app.households.levels import MONEY, ArchiveLevel, self_raised_only
from app.households.path import CANCEL_REASONS
from app.households.register import HEAD, HOUSEHOLD, register_gaps
from tests import make
from tests.make import Someone

TODAY = date(2026, 11, 25)
HEADED = Someone(make.new_id(), "陈小明", make.id_number(), make.new_id(), "")


def form(**head: Any) -> dict[str, Any]:
    whole = make.registered(make.household_form(HEADED))
    return whole | {"head": whole["head"] | head}


def pointers(told: dict[str, Any]) -> set[str]:
    return {gap.pointer for gap in register_gaps(told)}


def test_what_the_phone_must_send_is_not_yet_a_register() -> None:
    short = make.household_form(HEADED)
    forms.HouseholdForm.model_validate(short)
    assert pointers(short) == {*(f"/head/{name}" for name in HEAD), *(f"/{name}" for name in HOUSEHOLD)}


def test_a_register_with_every_starred_field_misses_nothing() -> None:
    forms.HouseholdForm.model_validate(form())
    assert register_gaps(form()) == []


@given(st.sets(st.sampled_from(sorted(HEAD))))
def test_exactly_what_is_left_out_is_missed(left_out: set[str]) -> None:
    told = form()
    told["head"] = {name: value for name, value in told["head"].items() if name not in left_out}
    assert pointers(told) == {f"/head/{name}" for name in left_out}


@pytest.mark.parametrize(
    ("health", "missed"),
    [
        ("healthy", set()),
        ("weak", set()),
        ("chronic_illness", {"/head/illness"}),
        ("serious_illness", {"/head/illness"}),
        ("disabled", {"/head/disability", "/head/disability_grade"}),
    ],
)
def test_who_is_ill_or_disabled_says_how(health: str, missed: set[str]) -> None:
    assert pointers(form(health=health)) == missed


def test_an_empty_draft_is_told_all_of_it() -> None:
    assert len(register_gaps({})) == len(HEAD) + len(HOUSEHOLD)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("relation", forms.Relation),
        ("health", forms.Health),
        ("spending", forms.Spending),
        ("schooling", forms.Schooling),
        ("cause", forms.Cause),
        ("archive_level", ArchiveLevel),
    ],
)
def test_the_lists_say_what_the_form_takes(name: str, codes: Any) -> None:
    newest = dictionaries()[name].on(TODAY)
    assert newest is not None
    assert newest.codes == set(get_args(codes))


def test_the_lists_of_classes_and_reasons_say_what_the_code_knows() -> None:
    classes = {item.code for edition in dictionaries()["category"].editions for item in edition.items}
    assert classes == set(CLASS_NAMES)
    reasons = dictionaries()["cancel_reason"].on(TODAY)
    assert reasons is not None
    assert {item.code: item.text for item in reasons.items} == CANCEL_REASONS


@pytest.mark.parametrize(("day", "codes"), [(date(2019, 12, 31), 4), (date(2020, 1, 1), 3)])
def test_each_generation_has_its_own_classes(day: date, codes: int) -> None:
    edition = dictionaries()["category"].on(day)
    assert edition is not None
    assert len(edition.items) == codes


def test_before_its_first_edition_a_list_has_no_code() -> None:
    assert dictionaries()["sex"].on(date(2015, 12, 31)) is None
    assert [error.pointer for error in unknown_codes({"head": {"sex": "male"}}, date(2015, 12, 31))] == ["/head/sex"]


def test_the_56_peoples_have_the_codes_of_the_national_standard() -> None:
    edition = dictionaries()["ethnicity"].on(TODAY)
    assert edition is not None
    assert [item.gb for item in edition.items][:56] == [f"{n:02d}" for n in range(1, 57)]
    assert (edition.items[0].text, edition.items[55].text) == ("汉族", "基诺族")


def test_a_code_that_no_list_has_is_named_where_it_stands() -> None:
    told = form(sex="martian") | {"floor_area": "palace", "attachments": [{"kind": "joke"}]}
    told["members"][0] |= {"ethnicity": "57"}
    found = {error.pointer for error in unknown_codes(told, TODAY)}
    assert found == {"/head/sex", "/floor_area", "/attachments/0/kind", "/members/0/ethnicity"}
    assert unknown_codes(form(), TODAY) == []


def test_a_list_with_a_code_twice_or_editions_out_of_order_is_not_taken() -> None:
    item = {"code": "a", "text": "甲"}
    edition = {"version": "1", "in_force_from": "2020-01-01", "source": "表", "items": [item]}
    for editions in ([edition, edition], [edition | {"items": [item, item]}]):
        with pytest.raises(ValidationError):
            Dictionary.model_validate({"name": "x", "title": "表", "standard": None, "editions": editions})


def test_an_own_level_archive_is_helped_with_self_raised_money_alone() -> None:
    assert MONEY["grassroots"] == {"self_raised"}
    assert [level for level in get_args(ArchiveLevel) if self_raised_only(level)] == ["grassroots"]
    assert not self_raised_only(None)


def test_money_of_centre_and_province_is_for_national_archives_alone() -> None:
    assert [level for level in MONEY if MONEY[level] & {"central", "provincial"}] == ["national"]
