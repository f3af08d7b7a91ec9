"""Policy documents: read strictly, spelt in one way, compared field by field. Pure."""

import json
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any, Final, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from app.kernel.errors import FieldError, Invalid
from app.kernel.text import MESSAGES as TEXT_MESSAGES
from app.kernel.text import InvalidText, clean
from app.policy.drafts import MESSAGES, field_errors, place_in, pointer_to
from app.policy.replay import canonical, sha256
from app.policy.versions import Version

M = TypeVar("M", bound=BaseModel)

MAX_TEXT: Final = 2_000
"""Characters in any one text of a document."""
MAX_ERRORS: Final = 100
"""Mistakes told at once: whoever made more has sent something else."""
LARGEST: Final = 2**53 - 1
"""The largest whole number that every reader of JSON reads alike."""
_ABSENT: Final = object()
_QUOTE: Final = "'"
_BRANCHES: Final = ("anyOf", "oneOf", "allOf")

Part = str | int
Place = tuple[Part, ...]


class Difference(NamedTuple):
    """One place where two documents differ. `label` names it in Chinese where the schema does; null is no value."""

    pointer: str
    label: str | None
    change: Literal["added", "removed", "changed"]
    old: Any
    new: Any


def read(model: type[M], document: Mapping[str, Any], at: str = "", *, of_ones_own: bool = False) -> M:
    """What a JSON document says, its texts cleaned. Raises Invalid with every place that is wrong.

    To whoever checks a file `of_ones_own` the unknown names in it are told, and the choices that there are.
    """
    _validated(model, document, at, of_ones_own)  # first: from here on only known names are repeated
    cleaned, unsafe = _cleaned(dict(document), at)
    if unsafe:
        raise Invalid(*unsafe)
    return _validated(model, cleaned, at, of_ones_own)


def _validated(model: type[M], document: Mapping[str, Any], at: str, of_ones_own: bool) -> M:
    try:
        # As JSON: only there does the strict reader take a list for a tuple.
        return model.model_validate_json(json.dumps(document, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        raise Invalid(FieldError(at, "text_surrogate", TEXT_MESSAGES["text_surrogate"])) from None
    except ValidationError as wrong:
        errors = _told_once(
            [error | {"loc": place_in(document, error["loc"], error["type"])} for error in wrong.errors()]
        )[:MAX_ERRORS]
        told = field_errors(errors, at)
        raise Invalid(*(map(_in_full, errors, told, repeat(at)) if of_ones_own else told)) from None


def _in_full(error: Any, told: FieldError, at: str) -> FieldError:
    """What is told of a file of one's own: also the unknown name, and what there is to choose from."""
    match told.code:
        case "extra_forbidden":
            return FieldError(at + pointer_to(error["loc"]), told.code, told.message)
        case "literal_error":
            return FieldError(told.pointer, told.code, _choose(error["ctx"]["expected"]))
        case "union_tag_invalid":
            place = f"{told.pointer}/{error['ctx']['discriminator'].strip(_QUOTE)}"
            return FieldError(place, told.code, _choose(error["ctx"]["expected_tags"]))
        case _:
            return told


def _choose(expected: str) -> str:
    return f"应为以下之一：{expected.replace(_QUOTE, '').replace(' or ', ', ').replace(', ', '、')}。"


def _told_once(errors: list[Any]) -> list[Any]:
    """Each once; and without what only follows from another: a list that is too short because its rows are wrong."""
    above = {error["loc"][:n] for error in errors for n in range(len(error["loc"]))}
    told = {(error["loc"], error["type"]): error for error in errors}
    return [error for error in told.values() if error["type"] != "too_short" or error["loc"] not in above]


def document_of(version: Version) -> dict[str, Any]:
    """The version as JSON's own types, as it was written: what was left to a default stays left out."""
    return version.model_dump(mode="json", exclude_unset=True)


def digest(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a document's canonical bytes."""
    return sha256(canonical(document))


def differences(old: Mapping[str, Any], new: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Difference]:
    """Every place where two documents differ, in the order of the documents; lists are compared place by place.

    `schema` is the JSON Schema of the kind: its descriptions are the labels.
    """
    return [
        Difference(pointer_to(place), label_of(schema, place), _change(before, after), _value(before), _value(after))
        for place, before, after in _differing(old, new, ())
    ]


def label_of(schema: Mapping[str, Any], place: Place) -> str | None:
    """The Chinese name of a place in a document: the descriptions on the way to it; None where none has one."""
    names: list[str] = []
    here = [schema]
    for part in place:
        here = [below for each in here for whole in _whole(each, schema) for below in _below(whole, part)]
        if isinstance(part, int):
            names.append(f"第{part + 1}项")
        else:
            names += [said for said in (str(each.get("description", "")) for each in here) if not said.isascii()][:1]
    return "／".join(names) or None


def _change(before: Any, after: Any) -> Literal["added", "removed", "changed"]:
    if before is _ABSENT:
        return "added"
    return "removed" if after is _ABSENT else "changed"


def _value(value: Any) -> Any:
    return None if value is _ABSENT else value


def _differing(old: Any, new: Any, at: Place) -> Iterator[tuple[Place, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            yield from _differing(old.get(key, _ABSENT), new.get(key, _ABSENT), (*at, key))
    elif isinstance(old, list) and isinstance(new, list):
        for n in range(max(len(old), len(new))):
            before, after = (each[n] if n < len(each) else _ABSENT for each in (old, new))
            yield from _differing(before, after, (*at, n))
    elif old is _ABSENT or new is _ABSENT or type(old) is not type(new) or old != new:
        yield at, old, new


def _whole(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A schema with its reference and its branches followed."""
    yield schema
    if "$ref" in schema:
        yield from _whole(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for branch in _BRANCHES:
        for each in schema.get(branch, ()):
            yield from _whole(each, root)


def _below(schema: Mapping[str, Any], part: Part) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        first = schema.get("prefixItems", ())
        inside = first[part] if part < len(first) else schema.get("items")
    else:
        inside = schema.get("properties", {}).get(part, schema.get("additionalProperties"))
    if isinstance(inside, Mapping):
        yield inside


def _cleaned(value: Any, at: str) -> tuple[Any, list[FieldError]]:
    """The value with every text in it cleaned, and what cannot be."""
    if isinstance(value, str):
        return _text(value, at)
    if isinstance(value, dict):
        inside = {key: _cleaned(each, at + pointer_to((key,))) for key, each in value.items()}
        return {key: each for key, (each, _) in inside.items()}, [e for _, wrong in inside.values() for e in wrong]
    if isinstance(value, list):
        rows = [_cleaned(each, f"{at}/{n}") for n, each in enumerate(value)]
        return [each for each, _ in rows], [e for _, wrong in rows for e in wrong]
    if isinstance(value, int) and abs(value) > LARGEST:
        return value, [FieldError(at, "less_than_equal", MESSAGES["less_than_equal"])]
    return value, []


def _text(value: str, at: str) -> tuple[str, list[FieldError]]:
    if len(value) > MAX_TEXT:
        return value, [FieldError(at, "string_too_long", MESSAGES["string_too_long"])]
    try:
        return clean(value, multiline=True), []
    except InvalidText as unsafe:
        return value, [FieldError(at, unsafe.code, unsafe.message)]
