"""Which masked values may be shown whole, and to whom. Pure."""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, get_args

from app.kernel.actor import Permission
from app.kernel.masking import mask_id_number

Field = Literal["id_number", "phone", "bank_card", "diagnosis", "student_id_number"]
FIELDS: Final[tuple[Field, ...]] = get_args(Field)

_P = Permission
_REVIEW: Final = frozenset(
    {_P.ACCEPT_CASE, _P.REVIEW_AT_UNIT, _P.REVIEW_AT_DISTRICT, _P.APPROVE_AT_CITY, _P.APPROVE_MUTUAL_AID}
)
_PAY: Final = frozenset({_P.START_PAYMENT, _P.CONFIRM_PAYMENT})
SHOWN_TO: Final[dict[Field, frozenset[Permission]]] = {
    "id_number": _REVIEW | _PAY,
    "phone": _REVIEW,
    "bank_card": _PAY,
    "diagnosis": _REVIEW,
    "student_id_number": _REVIEW,
}
"""Whoever checks a case may compare it with the papers; whoever pays has to know who, and where to."""
HIDDEN: Final = "****"


def _hidden(_: str) -> str:
    return HIDDEN


_MASKS: Final[dict[str, Callable[[str], str]]] = {"id_number": mask_id_number, "diagnosis": _hidden}


def masked_form(form: Any) -> Any:
    """A form as staff see it: identity numbers and diagnoses wait to be asked for."""
    if isinstance(form, dict):
        return {key: _masked(key, value) for key, value in form.items()}
    return [masked_form(each) for each in form] if isinstance(form, list) else form


def _masked(key: str, value: Any) -> Any:
    mask = _MASKS.get(key)
    return mask(value) if mask is not None and isinstance(value, str) else masked_form(value)


IN_FORM: Final[dict[Field, tuple[str, str]]] = {
    "diagnosis": ("stay", "diagnosis"),
    "student_id_number": ("student", "id_number"),
}
"""What stands in the form: in which part, under which name."""


def in_form(form: Any, field: Field) -> str | None:
    """A value that stands in the form, where there is one."""
    part, name = IN_FORM[field]
    value = form.get(part, {}).get(name)
    return value if isinstance(value, str) else None


def revealable(form: Any, permissions: Iterable[Permission]) -> list[Field]:
    """What somebody with these permissions may ask to see whole of a case with this form, masked or not."""
    held = frozenset(permissions)
    return [
        field
        for field in FIELDS
        if SHOWN_TO[field] & held and (field not in IN_FORM or in_form(form, field) is not None)
    ]
