"""Who may be matched, and how what a department says stands to what the file says. Pure: no verdict in either."""

from datetime import date
from typing import Any, Final

from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.matching.departments import Field, Outcome

ADULT_YEARS: Final = 18


def is_adult(id_number: str, today: date) -> bool:
    """Whether somebody signs for themselves. Whose number tells no birthday is asked like an adult."""
    try:
        born = resident_id(id_number, today).birth_date
    except InvalidIdentifier:
        return True
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) >= ADULT_YEARS


def outcome(field: Field, in_file: Any, found: Any) -> Outcome:
    """A declaration that was left out says no; anything else left out is not what was found."""
    if field.kind == "yes_no":
        return "agree" if bool(in_file) is bool(found) else "disagree"
    if field.kind == "text" and isinstance(in_file, str):
        return "agree" if _bare(in_file) == _bare(str(found)) else "disagree"
    return "agree" if in_file == found else "disagree"


def _bare(text: str) -> str:
    """A name of an employer without what clerks write differently."""
    return "".join(char for char in text.upper() if char.isalnum())
