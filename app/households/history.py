"""What differs between two forms, and a form as it was before. Pure.

Every difference is told at the deepest place where it can be: inside objects, and inside lists whose elements keep
their identity; another list is another value as a whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from app.policy.drafts import pointer_to

IDENTITIES: Final = ("id_number", "kind", "id")
"""What an element of a list is known by: a person by their number, an expense by its kind."""


class Absent(Enum):
    """Nothing stands there, not even null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Change:
    """One place of a form (JSON pointer), with what stood there and what stands there now: JSON values or ABSENT."""

    pointer: str
    before: Any
    after: Any


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every place where two forms differ."""
    return tuple(_inside((), old, new))


def undone(form: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The form as it was before these changes, the newest of which comes first."""
    earlier = deepcopy(dict(form))
    for change in changes:
        *way, last = steps(change.pointer)
        inside: Any = earlier
        for step in way:
            inside = inside[int(step)] if isinstance(inside, list) else inside[step]
        place = int(last) if isinstance(inside, list) else last
        if change.before is ABSENT:
            del inside[place]
        else:
            inside[place] = deepcopy(change.before)
    return earlier


def with_value(form: Mapping[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """The form with another value at a place inside its objects."""
    changed = deepcopy(dict(form))
    *way, last = steps(pointer)
    inside = changed
    for step in way:
        inside = inside.setdefault(step, {})
    inside[last] = value
    return changed


def steps(pointer: str) -> list[str]:
    """The steps of a JSON pointer (RFC 6901)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _inside(at: tuple[object, ...], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in [*old, *(name for name in new if name not in old)]:
        yield from _between((*at, name), old.get(name, ABSENT), new.get(name, ABSENT))


def _between(at: tuple[object, ...], old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _inside(at, old, new)
    elif isinstance(old, list) and isinstance(new, list) and _same_elements(old, new):
        for n, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _inside((*at, n), before, after)
    elif not _same(old, new):
        yield Change(pointer_to(at), old, new)


def _same_elements(old: list[Any], new: list[Any]) -> bool:
    """Whether two lists tell of the same things, in the same order."""
    if len(old) != len(new):
        return False
    names = [(_identity(before), _identity(after)) for before, after in zip(old, new, strict=True)]
    return all(before is not None and before == after for before, after in names)


def _identity(element: Any) -> tuple[str, str] | None:
    if not isinstance(element, Mapping):
        return None
    named = (name for name in IDENTITIES if isinstance(element.get(name), str))
    return next(((name, element[name]) for name in named), None)


def _same(old: Any, new: Any) -> bool:
    """Whether two values are the same JSON: to Python, true is 1."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(*pair) for pair in zip(old, new, strict=True))
    return type(old) is type(new) and bool(old == new)
