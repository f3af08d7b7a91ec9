"""Dated policy: whole versions, each with its source. A decision cites the one version in force on its day."""

import json
import re
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, TypeVar

import yaml
from pydantic import Field

from app.kernel.errors import Conflict
from app.policy.fields import Frozen, IsoDate

V = TypeVar("V", bound="Version")


class Version(Frozen):
    """One version of a policy: in force from its day until the next version's. Never edited once in force."""

    version: Annotated[str, Field(min_length=1, max_length=60)]
    in_force_from: IsoDate
    source: Annotated[str, Field(min_length=2)]
    """The document and clause (文号、条款) it is taken from, in Chinese: people read it beside each reason."""
    note: str | None = None


class NoPolicyInForce(Conflict):
    """这一天还没有生效的政策，暂时不能计算。"""


class InvalidPolicy(ValueError):
    """A policy file that cannot be trusted. A process must not start with it."""


def load(model: type[V], package: str, file: str = "policy.yaml") -> tuple[V, ...]:
    """The versions in a package's own file. Raises as `parse`."""
    return parse(model, files(package).joinpath(file).read_text(encoding="utf-8"))


def parse(model: type[V], text: str) -> tuple[V, ...]:
    """The versions in a YAML list, oldest first. Raises InvalidPolicy or pydantic's ValidationError."""
    rows = read_yaml(text)
    if not isinstance(rows, list):
        raise InvalidPolicy("a policy file is a list of versions")
    return in_order(tuple(model.model_validate_json(json.dumps(row)) for row in rows))


def in_order(versions: tuple[V, ...]) -> tuple[V, ...]:
    """The same versions. Raises InvalidPolicy unless there is one, names differ and dates strictly rise."""
    if not versions:
        raise InvalidPolicy("no version at all")
    if len({each.version for each in versions}) < len(versions):
        raise InvalidPolicy("two versions have one name")
    if any(earlier.in_force_from >= later.in_force_from for earlier, later in pairwise(versions)):
        raise InvalidPolicy("versions must be listed by date, oldest first, no two on one day")
    return versions


def in_force(versions: Sequence[V], on: date) -> V:
    """The latest version that has begun by this day. Raises NoPolicyInForce before the first."""
    begun = [each for each in versions if each.in_force_from <= on]
    if not begun:
        raise NoPolicyInForce
    return begun[-1]


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: only null, true, false and decimal integers are not text; no key twice.

    YAML 1.1 would read `on` as true, 010 as eight, 1:30 as ninety and 0.8 as a float.
    """


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"\A(?:null|~|)\Z"), None)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"\A(?:true|false)\Z"), None)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"\A(?:0|-?[1-9][0-9_]*)\Z"), None)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    built = loader.construct_mapping(node, deep=True)
    if len(built) < len(node.value):
        raise InvalidPolicy(f"a key occurs twice {node.start_mark}")
    return dict(built)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(text: str) -> object:
    """A document of maps, lists, text, whole numbers, true, false and null. Raises InvalidPolicy."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise InvalidPolicy(str(error)) from error
    finally:
        loader.dispose()
