"""Policy documents: what is refused and where, how they are compared, and that their spelling is one."""

import copy
import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field

from app.kernel.errors import FieldError, Invalid
from app.policies.rules import Difference, differences, digest, document_of, label_of, read
from app.policy.book import PolicyKind
from app.policy.fields import Fen, Frozen
from app.policy.versions import Version
from app.programmes import MODELS, shipped
from tests.policies.making import KINDS, document, latest


class Band(Frozen):
    up_to_fen: Annotated[Fen | None, Field(description="本段上限（分）")]
    rate_bp: Annotated[int, Field(description="比例（万分之几）", ge=0, le=10_000)]


class Cap(Frozen):
    source: str
    cap_fen: Annotated[Fen, Field(description="每年上限（分）")]


class Banded(Version):
    bands: Annotated[tuple[Band, ...], Field(description="分段", min_length=1)]
    living: Annotated[Cap, Field(description="生活救助")]


BANDED: dict[str, Any] = {
    "version": "1", "area": "440500", "in_force_from": "2027-01-01", "source": "某文〔2026〕1号",
    "bands": [{"up_to_fen": 100_000, "rate_bp": 5_000}, {"up_to_fen": None, "rate_bp": 8_000}],
    "living": {"source": "第五条", "cap_fen": 2_000_000},
}  # fmt: skip
SCHEMA = Banded.model_json_schema()


def refusal(change: dict[str, Any]) -> tuple[FieldError, ...]:
    with pytest.raises(Invalid) as refused:
        read(Banded, BANDED | change, "/document")
    return refused.value.errors


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"bands": [{"up_to_fen": "1000", "rate_bp": 1}]}, "/document/bands/0/up_to_fen", "int_type"),
        ({"bands": [{"up_to_fen": 1.5, "rate_bp": 1}]}, "/document/bands/0/up_to_fen", "int_type"),
        ({"bands": [{"up_to_fen": 1, "rate_bp": 10_001}]}, "/document/bands/0/rate_bp", "less_than_equal"),
        ({"bands": []}, "/document/bands", "too_short"),
        ({"living": {"source": "x"}}, "/document/living/cap_fen", "missing"),
        ({"living": {"source": "x", "cap_fen": 1, "cap_yuan": 1}}, "/document/living", "extra_forbidden"),
        ({"in_force_from": "2027-1-1"}, "/document/in_force_from", "date_format"),
        ({"in_force_from": "2027-02-30"}, "/document/in_force_from", "date_invalid"),
        ({"area": "汕头"}, "/document/area", "string_pattern_mismatch"),
        ({"source": "某文\x00"}, "/document/source", "text_nul"),
        ({"source": "某文\u202e"}, "/document/source", "text_bidi"),
        ({"source": "某文\ud800"}, "/document", "text_surrogate"),
        ({"source": "长" * 2_001}, "/document/source", "string_too_long"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_document_is_told_by_its_place_and_in_chinese(
    change: dict[str, Any], pointer: str, code: str
) -> None:
    errors = refusal(change)
    assert (errors[0].pointer, errors[0].code) == (pointer, code)
    assert not errors[0].message.isascii()


def test_everything_wrong_is_told_at_once() -> None:
    errors = refusal({"area": "x", "bands": [{"up_to_fen": 1}], "living": {}})
    assert {error.pointer for error in errors} == {
        "/document/area", "/document/bands/0/rate_bp", "/document/living/source", "/document/living/cap_fen",
    }  # fmt: skip


def test_texts_are_kept_in_one_spelling() -> None:
    version = read(Banded, BANDED | {"source": "  某文 e\u0301\r\n第一条 "})
    assert version.source == "某文 é\n第一条"


@pytest.mark.parametrize("kind", KINDS)
def test_a_shipped_version_survives_being_written_and_read(kind: PolicyKind) -> None:
    for version in shipped().versions[kind]:
        written = document_of(version)
        assert read(MODELS[kind], json.loads(json.dumps(written))) == version
        assert digest(written) == digest(dict(reversed(written.items())))


def test_a_changed_figure_changes_the_hash() -> None:
    changed = copy.deepcopy(BANDED)
    changed["bands"][0]["rate_bp"] = 5_001
    assert digest(changed) != digest(BANDED)


# ---- differences ----


def test_a_document_does_not_differ_from_itself() -> None:
    assert differences(BANDED, copy.deepcopy(BANDED), SCHEMA) == []


def test_every_place_that_differs_is_named_with_both_values() -> None:
    new = copy.deepcopy(BANDED)
    new["bands"][1] = {"up_to_fen": 500_000, "rate_bp": 7_000}
    new["bands"].append({"up_to_fen": None, "rate_bp": 8_000})
    new["living"]["cap_fen"] = 2_400_000
    new["note"] = "提高上限"
    assert differences(BANDED, new, SCHEMA) == [
        Difference("/bands/1/up_to_fen", "分段／第2项／本段上限（分）", "changed", None, 500_000),
        Difference("/bands/1/rate_bp", "分段／第2项／比例（万分之几）", "changed", 8_000, 7_000),
        Difference("/bands/2", "分段／第3项", "added", None, {"up_to_fen": None, "rate_bp": 8_000}),
        Difference("/living/cap_fen", "生活救助／每年上限（分）", "changed", 2_000_000, 2_400_000),
        Difference("/note", label_of(SCHEMA, ("note",)), "added", None, "提高上限"),
    ]


def test_what_was_taken_out_is_named() -> None:
    fewer = BANDED | {"bands": BANDED["bands"][:1]}
    assert [(each.pointer, each.change, each.new) for each in differences(BANDED, fewer, SCHEMA)] == [
        ("/bands/1", "removed", None)
    ]


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (None, 0), ("1", 1), ([], {})])
def test_values_of_different_types_differ(old: Any, new: Any) -> None:
    assert len(differences({"x": old}, {"x": new}, {})) == 1


def test_a_place_that_the_schema_does_not_know_has_no_label() -> None:
    assert label_of(SCHEMA, ("nowhere", "at all")) is None


# ---- every field of every kind ----


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*at, key))


def with_value(whole: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    changed = copy.copy(whole)
    changed[at[0]] = with_value(whole[at[0]], at[1:], value)
    return changed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [1.5, {"unknown": 1}, [[]], "\x00", 10**30, -1], ids=str)
def test_no_field_of_any_kind_takes_a_value_of_another_kind(kind: PolicyKind, wrong: Any) -> None:
    whole = document(kind)
    for at in places(whole):
        if at:
            with pytest.raises(Invalid) as refused:
                read(MODELS[kind], with_value(whole, at, wrong))
            assert all(not error.message.isascii() for error in refused.value.errors), at


@pytest.mark.parametrize("kind", KINDS)
def test_no_object_of_any_kind_takes_an_unknown_field_and_its_name_is_not_repeated(kind: PolicyKind) -> None:
    whole = latest(kind)
    for at in places(whole):
        inside: Any = whole
        for part in at:
            inside = inside[part]
        if isinstance(inside, dict):
            with pytest.raises(Invalid) as refused:
                read(MODELS[kind], with_value(whole, at, inside | {"unheard_of": 1}))
            assert not any("unheard_of" in error.pointer for error in refused.value.errors), at
