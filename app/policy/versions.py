"""Dated policy: whole versions, each with its source. A decision cites the one version in force on its day."""

import json
import re
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from itertools import pairwise
from typing import Annotated, Final, TypeVar

import yaml
from pydantic import Field

from app.kernel.errors import Conflict
from app.policy.fields import Frozen, IsoDate

CITY: Final = "440500"
"""Shantou (汕头市), whose policies apply where nothing else is said."""

MAX_PARTS: Final = 100_000
"""Values in one file of policies or cases: a few references in a few lines can stand for billions."""

V = TypeVar("V", bound="Version")


class Version(Frozen):
    """One version of a policy: in force from its day until the next version's. Never edited once in force."""

    version: Annotated[
        str, Field(min_length=1, max_length=60, description="版本名称，决定里引用的就是它；发布后不能改")
    ]
    area: Annotated[str, Field(pattern=r"^[0-9]{6}$", description="适用地区：地级市（440500）或省（440000）")]
    """GB/T 2260 code of the prefecture (440500) or province (440000) that the version is for."""
    in_force_from: Annotated[IsoDate, Field(description="生效日期：从这一天起适用，到下一个版本生效的前一天为止")]
    source: Annotated[str, Field(min_length=2, description="依据的文件和条款（文号、条款）")]
    """The document and clause (文号、条款) it is taken from, in Chinese: people read it beside each reason."""
    note: Annotated[str | None, Field(description="说明：缺什么、暂按什么；可以不写")] = None


class NoPolicyInForce(Conflict):
    """这一天还没有生效的政策，暂时不能计算。"""


class InvalidPolicy(ValueError):
    """A policy file that cannot be trusted. A process must not start with it."""


def load(model: type[V], package: str, file: str = "policy.yaml") -> tuple[V, ...]:
    """The versions in a package's own file. Raises as `parse`."""
    return parse(model, files(package).joinpath(file).read_bytes().decode())


def parse(model: type[V], text: str) -> tuple[V, ...]:
    """The versions in a YAML list, oldest first. Raises InvalidPolicy or pydantic's ValidationError."""
    rows = read_yaml(text)
    if not isinstance(rows, list):
        raise InvalidPolicy("政策文件应是一列版本，每个版本以“- version:”开头")
    return in_order(tuple(model.model_validate_json(json.dumps(row)) for row in rows))


def in_order(versions: tuple[V, ...]) -> tuple[V, ...]:
    """The same versions. Raises InvalidPolicy unless there is one, and names differ and dates strictly rise by area."""
    if not versions:
        raise InvalidPolicy("没有任何版本")
    for area in {each.area for each in versions}:
        of_area = [each for each in versions if each.area == area]
        if len({each.version for each in of_area}) < len(of_area):
            raise InvalidPolicy("同一地区有两个版本同名")
        if any(earlier.in_force_from >= later.in_force_from for earlier, later in pairwise(of_area)):
            raise InvalidPolicy("同一地区的版本应按生效日期从早到晚排列，一天只能有一个")
    return versions


def in_force(versions: Sequence[V], on: date, division_code: str = CITY) -> V:
    """The latest version that has begun by this day: the prefecture's own, else its province's.

    Raises NoPolicyInForce before the first.
    """
    for area in (f"{division_code[:4]}00", f"{division_code[:2]}0000"):
        begun = [each for each in versions if each.area == area and each.in_force_from <= on]
        if begun:
            return begun[-1]
    raise NoPolicyInForce


class _Loader(yaml.SafeLoader):
    """YAML without its surprises: only null, true, false and decimal integers are not text; no key twice.

    YAML 1.1 would read `on` as true, 010 as eight, 1:30 as ninety and 0.8 as a float.
    """


_PLAIN: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "str", "seq"))
# What JSON has no word for (dates, sets, bytes, floats) cannot be asked for by a tag either; None is for unknown tags.
_Loader.yaml_constructors = {
    tag: build for tag, build in yaml.SafeLoader.yaml_constructors.items() if tag is None or tag in _PLAIN
}
_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"\A(?:null|~|)\Z"), None)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"\A(?:true|false)\Z"), None)
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"\A(?:0|-?[1-9][0-9_]*)\Z"), None)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    built = loader.construct_mapping(node)
    if len(built) < len(node.value):
        raise InvalidPolicy(f"同一项写了两次{_where(node.start_mark)}")
    return dict(built)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _where(mark: yaml.Mark | None) -> str:
    return f"（第{mark.line + 1}行第{mark.column + 1}列）" if mark else ""


def read_yaml(text: str) -> object:
    """A document of maps, lists, text, whole numbers, true, false and null. Raises InvalidPolicy."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _parts(node, {}) > MAX_PARTS:
                raise InvalidPolicy("内容太多，或者用引用（*）重复得太多")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except InvalidPolicy:
        raise
    except yaml.YAMLError as error:
        raise InvalidPolicy(f"不是有效的 YAML{_where(getattr(error, 'problem_mark', None))}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidPolicy("数字太长或层次太深") from error
    except LookupError as error:  # what a tag says the text is, and it is not
        raise InvalidPolicy("不是有效的 YAML") from error


def _parts(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """How many values a document has once every alias is written out; without end where one holds itself."""
    if node not in known:
        known[node] = MAX_PARTS
        inside: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inside = [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            inside = node.value
        known[node] = 1 + sum(_parts(each, known) for each in inside)
    return known[node]
