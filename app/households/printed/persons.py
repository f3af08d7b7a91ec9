"""What a form says of persons beyond what was filled in: hidden where the screen hides it too, derived where it can be.

Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.households.printed.words import text_of
from app.kernel.masking import mask_card, mask_id_number, mask_name, mask_phone

_HIDDEN: Final = "****"
_SHOWN_OF_ADDRESS: Final = 6
_MASKS: Final[Mapping[str, Callable[[str], str]]] = {
    "name": mask_name,
    "holder": mask_name,
    "id_number": mask_id_number,
    "birth_date": lambda said: _HIDDEN if said else "",
    "mobile": mask_phone,
    "other_contact": lambda said: _HIDDEN if said else "",
    "number": mask_card,
    "address": lambda said: said[:_SHOWN_OF_ADDRESS] + _HIDDEN if said else "",
}
"""Personal values by the name of their field, wherever it stands in the form."""


def masked(said: Any) -> Any:
    """The same document with every personal value masked as the screen does."""
    if isinstance(said, Mapping):
        return {
            key: _MASKS[key](value) if key in _MASKS and isinstance(value, str) else masked(value)
            for key, value in said.items()
        }
    return [masked(each) for each in said] if isinstance(said, list) else said


def completed(person: Mapping[str, Any]) -> dict[str, Any]:
    """A person with what follows from the rest: illness and disability in one, and sex and birth date as the identity
    number says them, where they are not filled in themselves."""
    ailments = [
        text_of(name, person[name]) for name in ("illness", "disability", "disability_grade") if person.get(name)
    ]
    number = str(person.get("id_number") or "")
    if len(number) != 18 or not number[:17].isdigit():
        return {**person, "ailment": "、".join(ailments)}
    told = {
        "ailment": "、".join(ailments),
        "sex": "male" if int(number[16]) % 2 else "female",
        "birth_date": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
    }
    return told | {key: value for key, value in person.items() if value is not None}
