"""What has changed between the released contract and the one of the code. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.cli.contracts.shapes import NOTES, Change, Kind, Shapes

Document = Mapping[str, Any]
_PARAMETER: Final = re.compile(r"\{[^}]*\}")
BODY: Final = "请求"


def changes(before: Document, after: Document) -> list[Change]:
    """Every difference that a client can notice, those that break it first."""
    shapes = Shapes(before["components"]["schemas"], after["components"]["schemas"])
    found = [*_operations(before, after, shapes), *_problems(before, after)]
    order = list(Kind)
    return sorted(set(found), key=lambda each: (order.index(each.kind), each.place, each.what))


def breaking(found: list[Change]) -> list[Change]:
    return [each for each in found if each.kind is Kind.BREAKING]


def _operations(before: Document, after: Document, shapes: Shapes) -> Iterator[Change]:
    was, now = _by_place(before), _by_place(after)
    for place in was.keys() - now.keys():
        yield Change(Kind.BREAKING, place, f"接口已删除或改名（{was[place]['summary']}）")
    for place in now.keys() - was.keys():
        yield Change(Kind.ADDED, place, f"新增接口：{now[place]['summary']}")
    for place in sorted(was.keys() & now.keys()):
        yield from _parameters(place, was[place], now[place], shapes)
        yield from _bodies(place, was[place], now[place], shapes)
        yield from _answers(place, was[place], now[place], shapes)


def _by_place(document: Document) -> dict[str, dict[str, Any]]:
    """How a path calls its parameters matters to nobody."""
    return {
        f"{method.upper()} {_PARAMETER.sub('{}', path)}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _parameters(place: str, old: Any, new: Any, shapes: Shapes) -> Iterator[Change]:
    was, now = _named(old), _named(new)
    for name in was.keys() - now.keys():
        yield Change(Kind.BREAKING, f"{place} {name}", "参数已删除或改名")
    for name in now.keys() - was.keys():
        kind = Kind.BREAKING if now[name].get("required") else Kind.ADDED
        yield Change(kind, f"{place} {name}", "新增必填参数" if kind is Kind.BREAKING else "新增参数")
    for name in sorted(was.keys() & now.keys()):
        if now[name].get("required") and not was[name].get("required"):
            yield Change(Kind.BREAKING, f"{place} {name}", "参数改为必填")
        yield from shapes.compare(was[name]["schema"], now[name]["schema"], "request", f"{place} {name}")


def _named(operation: Any) -> dict[str, Any]:
    given = operation.get("parameters", ())
    return {f"{each['in']}:{each['name']}": each for each in given if each["in"] != "path"}


def _bodies(place: str, old: Any, new: Any, shapes: Shapes) -> Iterator[Change]:
    was, now = old.get("requestBody"), new.get("requestBody")
    if was is None or now is None:
        if was is not None:
            yield Change(Kind.BREAKING, f"{place} {BODY}", "不再有请求体")
        elif now is not None:
            yield Change(Kind.BREAKING if now.get("required") else Kind.ADDED, f"{place} {BODY}", "新增请求体")
        return
    if now.get("required") and not was.get("required"):
        yield Change(Kind.BREAKING, f"{place} {BODY}", "请求体改为必填")
    yield from _contents(f"{place} {BODY}", was, now, shapes, "request")


def _answers(place: str, old: Any, new: Any, shapes: Shapes) -> Iterator[Change]:
    """Refusals are of one shape everywhere, and a program lives with a status that it does not know."""
    was, now = _successes(old), _successes(new)
    for status in was.keys() - now.keys():
        yield Change(Kind.BREAKING, f"{place} {status}", "不再这样回答")
    for status in now.keys() - was.keys():
        yield Change(Kind.ADDED, f"{place} {status}", "新增一种回答")
    for status in sorted(was.keys() & now.keys()):
        yield from _contents(f"{place} {status}", was[status], now[status], shapes, "response")


def _successes(operation: Any) -> dict[str, Any]:
    return {status: each for status, each in operation["responses"].items() if status < "400"}


def _contents(place: str, was: Any, now: Any, shapes: Shapes, direction: Any) -> Iterator[Change]:
    old, new = was.get("content", {}), now.get("content", {})
    for media_type in old.keys() - new.keys():
        yield Change(Kind.BREAKING, place, f"不再是 {media_type}")
    for media_type in new.keys() - old.keys():
        yield Change(Kind.CHANGED if old else Kind.ADDED, place, f"也可以是 {media_type}")
    for media_type in sorted(old.keys() & new.keys()):
        schemas = old[media_type].get("schema", {}), new[media_type].get("schema", {})
        yield from shapes.compare(*schemas, direction, place)


def _problems(before: Document, after: Document) -> Iterator[Change]:
    """A code is what programs hold on to: it stays, with its status."""
    was, now = before.get("x-problems", {}), after.get("x-problems", {})
    for code in was.keys() - now.keys():
        yield Change(Kind.BREAKING, f"code {code}", "错误代码已删除或改名")
    for code in now.keys() - was.keys():
        yield Change(Kind.ADDED, f"code {code}", f"新增错误代码（{_said(now[code])}）")
    for code in was.keys() & now.keys():
        if set(was[code]) - set(now[code]):
            yield Change(Kind.BREAKING, f"code {code}", f"状态由 {_said(was[code])} 改为 {_said(now[code])}")


def _said(statuses: list[int]) -> str:
    return "、".join(map(str, statuses))


def bare(document: Document) -> dict[str, Any]:
    """What a released contract is kept as: all that clients rest on, and no words but the names of operations."""
    paths = {
        path: {method: _bare_operation(operation) for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    return {
        "info": {"version": document["info"]["version"]},
        "paths": paths,
        "components": {"schemas": _plain(document["components"]["schemas"], inside="names")},
        "x-problems": document["x-problems"],
    }


def _bare_operation(operation: Any) -> dict[str, Any]:
    responses = {status: each for status, each in operation["responses"].items() if status < "400"}
    kept = {"summary": operation["summary"], "responses": _plain(responses, inside="names")}
    for name in ("parameters", "requestBody"):
        if name in operation:
            kept[name] = _plain(operation[name])
    return kept


def _plain(value: Any, inside: str = "schema") -> Any:
    """Without notes; a member that happens to be called like one is kept."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    names = inside == "names"
    return {
        key: _plain(each, "names" if not names and key == "properties" else "schema")
        for key, each in value.items()
        if names or key not in NOTES
    }
