"""Reading stored facts: compiled once for each kind of facts, strict, and fast enough to replay every decision. Pure.

What is read is exactly what `replay.facts_json` writes: text, whole numbers, truth, nothing, dates, tuples, and frozen
dataclasses of these. Anything missing, added or of another type raises FactsChanged.
"""

from collections.abc import Callable
from dataclasses import MISSING, field, fields, is_dataclass
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

Read = Callable[[Any], Any]
_ATOMS: Final = (str, int, bool)


class FactsChanged(ValueError):
    """The stored facts are not what was stored: their bytes, their fields or their types differ."""


_LATER: Final = "added_later"


def added_later(default: Any) -> Any:
    """A field that facts did not have from the first: those stored without it are read as having its default."""
    return field(default=default, metadata={_LATER: True})


def reader_of(kind: type) -> Read:
    """Reads parsed JSON as facts of this kind. Raises TypeError, when it is made, for a type that is no fact."""
    return _compiled(kind)


@cache
def _compiled(kind: type) -> Read:
    hints = get_type_hints(kind)
    parts = tuple((field.name, _reader(hints[field.name])) for field in fields(kind))
    size = len(parts)
    later = {each.name: each.default for each in fields(kind) if each.metadata.get(_LATER)}
    assert MISSING not in later.values()

    def read(value: Any) -> Any:
        if type(value) is dict and later and len(value) < size:
            value = {name: default for name, default in later.items() if name not in value} | value
        if type(value) is not dict or len(value) != size:
            raise FactsChanged("other fields than those of this kind")
        try:
            return kind(**{name: part(value[name]) for name, part in parts})
        except KeyError:
            raise FactsChanged("other fields than those of this kind") from None

    return read


def _reader(kind: Any) -> Read:
    """The reader of a type. Raises TypeError for one that is no fact."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _either(arguments)
    if origin is Literal:
        return _one_of(arguments)
    if origin is tuple:
        return _every(arguments[0]) if arguments[-1:] == (Ellipsis,) else _each(arguments)
    if kind in (*_ATOMS, NoneType, None):
        return _exactly(NoneType if kind is None else kind)
    if kind is date:
        return _day
    if is_dataclass(kind) and isinstance(kind, type):
        return reader_of(kind)
    raise TypeError(f"not a fact: {kind}")


def _exactly(kind: type, *, or_none: bool = False) -> Read:
    def read(value: Any) -> Any:
        if value is None and or_none:
            return None
        if type(value) is not kind:
            raise FactsChanged(f"not of type {kind.__name__}")
        return value

    return read


def _day(value: Any) -> date:
    if type(value) is str and len(value) == 10:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise FactsChanged("no such day") from None
        if day.isoformat() == value:
            return day
    raise FactsChanged("not a date as it is written")


def _one_of(values: tuple[Any, ...]) -> Read:
    known = {(type(value), value) for value in values}

    def read(value: Any) -> Any:
        if type(value) not in (str, int, bool) or (type(value), value) not in known:
            raise FactsChanged("not one of the known values")
        return value

    return read


def _either(kinds: tuple[Any, ...]) -> Read:
    if len(kinds) == 2 and kinds[1] is NoneType and kinds[0] in _ATOMS:
        return _exactly(kinds[0], or_none=True)  # the most usual case, in one call
    readers = tuple(_reader(kind) for kind in kinds if kind is not NoneType)
    if len(readers) == 1 and NoneType in kinds:
        only = readers[0]
        return lambda value: None if value is None else only(value)

    def read(value: Any) -> Any:
        if value is None and NoneType in kinds:
            return None
        for reader in readers:
            try:
                return reader(value)
            except FactsChanged:
                continue
        raise FactsChanged("of none of the types that it may have")

    return read


def _every(kind: Any) -> Read:
    each = _reader(kind)

    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise FactsChanged("not a list")
        return tuple([each(one) for one in value])

    return read


def _each(kinds: tuple[Any, ...]) -> Read:
    readers = tuple(map(_reader, kinds))

    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(readers):
            raise FactsChanged("not a list of this length")
        return tuple(reader(one) for reader, one in zip(readers, value, strict=True))

    return read
