"""What staff may see of the values in a file: amounts, flags and codes as they are, names and numbers masked. Pure.

A field is masked unless the form says that it takes one of a few codes: a new one is hidden until that is so.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel

from app.households.forms import HouseholdForm
from app.kernel.masking import mask_card, mask_id_number, mask_name

HIDDEN: Final = "****"
_MASKS = {"name": mask_name, "holder": mask_name, "id_number": mask_id_number, "number": mask_card}
_SHOWN = frozenset({"demands", "bank_name"})
"""Words that the case shows as well."""


def masked(field: str, value: Any) -> Any:
    """A value as staff see it; `field`: the name of the field that it stands in."""
    if isinstance(value, dict):
        return {name: masked(name, inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [masked(field, inside) for inside in value]
    if not isinstance(value, str) or field in _SHOWN or (field in coded() and value in coded()[field]):
        return value
    return _MASKS[field](value) if field in _MASKS else HIDDEN


def field_of(pointer: str) -> str:
    """The name of the field that a JSON pointer ends in, list positions aside."""
    names = [step for step in pointer.split("/") if step and not step.isdigit()]
    return names[-1] if names else ""


@cache
def coded() -> dict[str, frozenset[str]]:
    """The fields of the form that take one of a few codes, with these codes."""
    found: dict[str, set[str]] = {}
    for name, codes in _codes(HouseholdForm):
        found.setdefault(name, set()).update(codes)
    return {name: frozenset(codes) for name, codes in found.items()}


def _codes(model: type[BaseModel]) -> Iterator[tuple[str, list[str]]]:
    for name, field in model.model_fields.items():
        for annotation in _types(field.annotation):
            if get_origin(annotation) is Literal:
                yield name, [code for code in get_args(annotation) if isinstance(code, str)]
            elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
                yield from _codes(annotation)


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from _types(argument)
