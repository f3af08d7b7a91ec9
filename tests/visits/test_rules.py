"""The questionnaire against the file: both sides of every comparison."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.kernel.errors import FieldError
from app.kernel.money import MAX_FEN
from app.programmes import shipped
from app.visits.path import PURPOSES
from app.visits.policy import Question, VisitPolicy
from app.visits.rules import Contradiction, at, contradictions, missing, photo_of, photos_of, wrong_with
from tests.thorough import thorough
from tests.visits.making import SHA256, truthful

POLICY = shipped().versions["home_visits"][-1]
assert isinstance(POLICY, VisitPolicy)
FORM: dict[str, Any] = {
    "head": {"health": "weak"},
    "members": [{}, {}],
    "housing": "private_rental",
    "income_fen_yearly": 24_000_00,
}
PHOTO = "/photos/01a2087f-0000-7000-8000-000000000000"


def filled(**said: Any) -> dict[str, Any]:
    return {f"/answers/{code}": value for code, value in truthful(**said).items()}


def found(form: dict[str, Any], **said: Any) -> list[tuple[str, Any, Any]]:
    return [(each.field, each.in_file, each.found) for each in contradictions(POLICY, filled(**said), form)]


def test_answers_that_say_the_same_contradict_nothing() -> None:
    assert found(FORM) == []
    assert found(FORM | {"private_car": False, "runs_business": False, "receives_dibao": False, "homes": 0}) == []


@pytest.mark.parametrize(
    ("said", "contradiction"),
    [
        ({"members": 3}, ("/members", {"count": 2}, {"count": 3})),
        ({"housing": "commercial"}, ("/housing", "private_rental", "commercial")),
        ({"head_health": "disabled"}, ("/head/health", "weak", "disabled")),
        ({"private_car": True}, ("/private_car", None, True)),
        ({"homes": 1}, ("/homes", None, 1)),
        ({"income": 30_000_00}, ("/income_fen_yearly", 24_000_00, 30_000_00)),
        ({"income": 0}, ("/income_fen_yearly", 24_000_00, 0)),
    ],
)
def test_another_answer_is_a_contradiction_with_both_values(said: dict[str, Any], contradiction: Any) -> None:
    assert found(FORM, **said) == [contradiction]


@pytest.mark.parametrize(
    "said", [{"private_car": False}, {"homes": 0}, {"neighbours": "都说困难"}, {"lives_here": False}]
)
def test_what_the_file_leaves_open_is_not_contradicted_by_nothing(said: dict[str, Any]) -> None:
    assert found(FORM, **said) == []


def test_a_declaration_is_contradicted_both_ways() -> None:
    assert found(FORM | {"private_car": True}) == [("/private_car", True, False)]
    assert found(FORM | {"private_car": False}, private_car=True) == [("/private_car", False, True)]


@pytest.mark.parametrize(
    ("in_file", "said", "agrees"),
    [
        (24_000_00, 25_200_00, True),  # 5 % more
        (24_000_00, 25_200_01, False),
        (24_000_00, 22_800_00, True),
        (24_000_00, 22_799_99, False),
        (1_000_00, 1_600_00, True),  # 600 yuan more
        (1_000_00, 1_600_01, False),
        (0, 600_00, True),
        (0, 600_01, False),
    ],
)
def test_amounts_may_differ_by_what_the_policy_takes_for_the_same(in_file: int, said: int, agrees: bool) -> None:
    assert (found(FORM | {"income_fen_yearly": in_file}, income=said) == []) is agrees


@thorough
@given(in_file=st.integers(0, MAX_FEN), said=st.integers(0, MAX_FEN))
def test_the_tolerance_is_exact_for_every_amount(in_file: int, said: int) -> None:
    within = abs(said - in_file) <= POLICY.money_tolerance_fen or abs(said - in_file) * 20 <= in_file
    assert (found(FORM | {"income_fen_yearly": in_file}, income=said) == []) is within


@thorough
@given(st.dictionaries(st.sampled_from([q.code for q in POLICY.questions]), st.integers(0, 5) | st.booleans()))
def test_only_what_is_tied_to_the_file_is_compared_and_each_field_once(said: dict[str, Any]) -> None:
    content = {f"/answers/{code}": value for code, value in said.items()}
    fields = [each.field for each in contradictions(POLICY, content, FORM)]
    tied = {question.field for question in POLICY.questions if question.code in said}
    assert set(fields) <= tied - {None}
    assert len(set(fields)) == len(fields)
    assert contradictions(POLICY, {}, FORM) == []


def test_a_pointer_into_what_is_not_there_finds_nothing() -> None:
    assert at(FORM, "/head/health") == "weak"
    assert [at(FORM, pointer) for pointer in ("/tail", "/head/health/more", "/members/0")] == [None] * 3
    assert contradictions(POLICY, filled(members=0), {"members": None}) != [Contradiction("/members", 0, 0)]


# ---- what may be filled in ----


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("/answers/lives_here", True), ("/answers/members", 0), ("/answers/income", MAX_FEN),
        ("/answers/wishes", "看病"), ("/answers/housing", "none"), ("/findings", "家中整洁"), (PHOTO, SHA256),
        (PHOTO, None), ("/answers/income", None),
        ("/answers/wishes", "长"), ("/answers/wishes", "长" * 2_000), ("/findings", "好"), ("/findings", "长" * 2_000),
    ],
)  # fmt: skip
def test_what_fits_is_taken(field: str, value: Any) -> None:
    assert wrong_with(POLICY, field, value, "") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("/answers/lives_here", 1), ("/answers/members", True), ("/answers/members", 1_001), ("/answers/income", -1),
        ("/answers/income", "1"), ("/answers/housing", "castle"), ("/answers/wishes", ""),
        ("/answers/wishes", "长" * 2_001),
        ("/findings", 1), ("/findings", ""), ("/findings", "长" * 2_001), (PHOTO, "AB" * 32), (PHOTO, "ab"), (PHOTO, 1),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_place(field: str, value: Any) -> None:
    assert wrong_with(POLICY, field, value, "/operations/3") == FieldError(
        "/operations/3/value", "visit_value_wrong", "填写的内容与这一项的要求不符，请重新填写。"
    )


@pytest.mark.parametrize(
    "field", ["", "/answers/", "/answers/none_such", "/photos/x", "/findings/", "findings", PHOTO + "0"]
)
def test_a_field_that_is_not_in_the_questionnaire_is_refused(field: str) -> None:
    assert wrong_with(POLICY, field, "x", "/operations/0") == FieldError(
        "/operations/0/field", "visit_field_unknown", "问卷里没有这一项，请更新问卷后再试。"
    )


def test_a_visit_ends_when_everything_that_is_needed_is_there() -> None:
    for purpose in PURPOSES:
        lacking = {each.pointer for each in missing(POLICY, purpose, {})}
        required = {f"/answers/{question.code}" for question in POLICY.questions if question.required}
        photographed = {"/photos"} if purpose in ("admission", "annual") else set()
        assert lacking == required | photographed
        assert missing(POLICY, purpose, filled() | {PHOTO: SHA256}) == []
    one_less = {field: value for field, value in filled().items() if field != "/answers/income"}
    assert missing(POLICY, "spot", one_less) == [
        FieldError("/answers/income", "answer_required", "请先填写：全家上一年度总收入。")
    ]
    assert missing(POLICY, "admission", filled()) == [FieldError("/photos", "photos_required", "请至少拍 1 张照片。")]


def test_photos_are_told_by_their_file_with_their_hash_and_those_taken_back_are_not() -> None:
    other = PHOTO[:-1] + "1"

    assert photos_of({other: SHA256, PHOTO: SHA256, "/findings": "x", PHOTO[:-1] + "2": None}) == [
        {"file_id": PHOTO.removeprefix("/photos/"), "sha256": SHA256},
        {"file_id": other.removeprefix("/photos/"), "sha256": SHA256},
    ]
    assert photo_of(PHOTO) == UUID("01a2087f-0000-7000-8000-000000000000")
    assert [photo_of(field) for field in ("/findings", "/answers/income", PHOTO + "0")] == [None] * 3


# ---- the policy ----


def test_two_visitors_for_admission_and_the_yearly_review() -> None:
    assert [POLICY.purposes.of(purpose).visitors for purpose in PURPOSES] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "choice"},
        {"kind": "text", "choices": ({"value": "a", "text": "甲"},)},
        {"kind": "money", "measure": "count", "field": "/members"},
        {"kind": "number", "measure": "count"},
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Question.model_validate({"code": "x", "text": "问题", "required": True} | wrong)


def test_a_questionnaire_asks_each_thing_once() -> None:
    document = POLICY.model_dump()
    document["questions"] = (*document["questions"], document["questions"][0])
    with pytest.raises(ValidationError):
        VisitPolicy.model_validate(document)
