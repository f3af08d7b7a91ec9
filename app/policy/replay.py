"""What must be kept so that a decision can be made again years later: its facts, exactly, and the code that judged.

The policy version is named in the decision itself; versions are immutable once in force.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from app.policy.facts import FactsChanged, reader_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

F = TypeVar("F")

_OURS = "app."


def facts_json(facts: "DataclassInstance") -> bytes:
    """Facts as canonical JSON: UTF-8, sorted keys, no spaces, dates as YYYY-MM-DD.

    Raises TypeError for anything but text, whole numbers of 64 bits, booleans, None, dates, tuples and such facts
    again.
    """
    return orjson.dumps(_plain(facts), option=orjson.OPT_SORT_KEYS)


def canonical(data: object) -> bytes:
    """JSON's own types in the one spelling that is hashed."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256(data: bytes) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def facts_from(kind: type[F], data: bytes) -> F:
    """The facts that `facts_json` wrote. Raises FactsChanged if anything is missing, added, or of another type."""
    try:
        plain = orjson.loads(data)
    except ValueError as error:
        raise FactsChanged("stored facts are not JSON") from error
    facts: F = reader_of(kind)(plain)
    # Covers what a parser is lenient about: a key twice, white space, another order.
    if orjson.dumps(plain, option=orjson.OPT_SORT_KEYS) != data:
        raise FactsChanged("stored facts are not in their canonical spelling")
    return facts


def differing(stored: Mapping[str, Any], again: Mapping[str, Any]) -> tuple[str, ...]:
    """The members in which two decisions, as `decision.plain` writes them, differ."""
    one, other = ({name: canonical(value) for name, value in each.items()} for each in (stored, again))
    return tuple(name for name in one | other if one.get(name) != other.get(name))


def code_sha256(rules: ModuleType) -> str:
    """The hash of the code that judges: a rules module and every module of ours it imports, by name and source."""
    digest = hashlib.sha256()
    for name in sorted(_reached(rules.__name__)):
        digest.update(f"{name}\n{_source(name)}\n".encode())
    return digest.hexdigest()


def _reached(start: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(_imports(name))
    return reached


@cache
def _source(name: str) -> str:
    """The module's text; universal newlines, so that a checkout on another system hashes alike."""
    return Path(str(sys.modules[name].__file__)).read_text(encoding="utf-8")


@cache
def _imports(name: str) -> tuple[str, ...]:
    tree = ast.parse(_source(name))
    named: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            named.update((node.module, *(f"{node.module}.{each.name}" for each in node.names)))
        elif isinstance(node, ast.Import):
            named.update(each.name for each in node.names)
    return tuple(each for each in sorted(named) if each.startswith(_OURS) and each in sys.modules)


def _plain(value: Any) -> object:
    """Exact types only: a float, a datetime or a set in a fact is a mistake, not something to convert."""
    kind = type(value)
    if value is None or kind is int or kind is str or kind is bool:
        return value
    if kind is date:
        return value.isoformat()
    if kind is tuple:
        return [_plain(each) for each in value]
    names = _NAMES.get(kind)
    if names is None:
        if not is_dataclass(kind):
            raise TypeError(f"not a fact: {kind.__name__}")
        names = _NAMES[kind] = tuple(each.name for each in fields(kind))
    return {name: _plain(getattr(value, name)) for name in names}


_NAMES: dict[type, tuple[str, ...]] = {}
"""The fields of each kind of facts."""
