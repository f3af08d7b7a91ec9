"""How two schemas of the contract differ, and whether whoever was built against the first can still live. Pure.

What clients send may be taken wider and never narrower; what they are answered may say more and never less.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

Schema = Mapping[str, Any]
Direction = Literal["request", "response"]
NULL: Final = {"type": "null"}
NOTES: Final = frozenset({"title", "description", "default", "examples", "example", "deprecated", "links"})
"""Members of a schema or of an answer that allow and forbid nothing."""
AT_MOST: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems"})
AT_LEAST: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})
STRUCTURE: Final = frozenset({"$ref", "anyOf", "oneOf", "properties", "required", "items", "enum", "const", "type"})


class Kind(StrEnum):
    BREAKING = "breaking"
    ADDED = "added"
    CHANGED = "changed"


class Change(NamedTuple):
    """One difference: what it means for clients, where it stands, what it is."""

    kind: Kind
    place: str
    what: str


@dataclass
class Shapes:
    """Compares the schemas of two documents; a schema with a name is compared once in each direction."""

    before: Mapping[str, Schema]
    after: Mapping[str, Schema]
    _compared: set[tuple[str, str, Direction]] = field(default_factory=set)

    def compare(self, old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[Change]:
        names = _name(old), _name(new)
        if names[0] is not None and names[1] is not None:
            if (names[0], names[1], direction) in self._compared:
                return
            self._compared.add((names[0], names[1], direction))
        old, was_nullable = self._core(old, self.before)
        new, is_nullable = self._core(new, self.after)
        yield from _nullable(was_nullable, is_nullable, direction, place)
        variants = _variants(old), _variants(new)
        if any(len(each) > 1 for each in variants):
            yield from self._unions(*variants, direction, place)
        elif _type(old) != _type(new) and not (direction == "request" and not _type(new)):
            yield Change(Kind.BREAKING, place, f"类型由 {_type(old) or '任意'} 改为 {_type(new) or '任意'}")
        else:
            yield from _values(old, new, direction, place)
            yield from _bounds(old, new, direction, place)
            yield from self._members(old, new, direction, place)
            if "items" in old and "items" in new:
                yield from self.compare(old["items"], new["items"], direction, f"{place}[]")
            yield from self._free_members(old, new, direction, place)

    def _core(self, schema: Schema, named: Mapping[str, Schema]) -> tuple[Schema, bool]:
        """The schema behind its name and without its null, and whether it had one."""
        while (name := _name(schema)) is not None:
            schema = named[name]
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices is None:
            return schema, schema == NULL
        real = [each for each in choices if each != NULL]
        nullable = len(real) < len(choices)
        if len(real) != 1:
            return {"anyOf": real}, nullable
        core, inner = self._core(real[0], named)
        return core, nullable or inner

    def _members(self, old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[Change]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed_before, needed = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(was.keys() - now.keys()):
            yield Change(Kind.BREAKING, f"{place}.{name}", "字段已删除或改名")
        for name in sorted(now.keys() - was.keys()):
            if direction == "request" and name in needed:
                yield Change(Kind.BREAKING, f"{place}.{name}", "新增了必填字段")
            else:
                yield Change(Kind.ADDED, f"{place}.{name}", "新增字段")
        for name in sorted(was.keys() & now.keys()):
            if direction == "request" and name in needed - needed_before:
                yield Change(Kind.BREAKING, f"{place}.{name}", "改为必填")
            elif direction == "response" and name in needed_before - needed:
                yield Change(Kind.BREAKING, f"{place}.{name}", "回答中不再总有这个字段")
            yield from self.compare(was[name], now[name], direction, f"{place}.{name}")

    def _free_members(self, old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[Change]:
        """Members that are not named: refused, taken as they come, or of one shape."""
        was, now = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from self.compare(was, now, direction, f"{place}.*")
        elif direction == "request" and was is not False and now is False:
            yield Change(Kind.BREAKING, place, "不再接受没有列出的字段")

    def _unions(self, was: list[Schema], now: list[Schema], direction: Direction, place: str) -> Iterator[Change]:
        """Variants are matched by name, those without one by their type."""
        before, after = {_label(each): each for each in was}, {_label(each): each for each in now}
        for label in sorted(before.keys() - after.keys()):
            kind = Kind.BREAKING if direction == "request" else Kind.CHANGED
            yield Change(kind, place, f"不再有 {label} 这一种")
        for label in sorted(after.keys() - before.keys()):
            yield Change(Kind.CHANGED, place, f"新增 {label} 这一种")
        for label in sorted(before.keys() & after.keys()):
            yield from self.compare(before[label], after[label], direction, place)


def _nullable(was: bool, now: bool, direction: Direction, place: str) -> Iterator[Change]:
    if was and not now and direction == "request":
        yield Change(Kind.BREAKING, place, "不再可以为 null")
    elif now and not was:
        kind = Kind.BREAKING if direction == "response" else Kind.CHANGED
        yield Change(kind, place, "可能为 null" if direction == "response" else "可以为 null")


def _values(old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[Change]:
    """Lists of values: a request may not lose one, an answer may gain one (clients show what they do not know)."""
    was, now = _enum(old), _enum(new)
    if was is None and now is None:
        return
    if was is None or now is None:
        kind = Kind.BREAKING if (now is not None) is (direction == "request") else Kind.CHANGED
        yield Change(kind, place, "改为只能从列表中选" if now is not None else "不再限于列表中的值")
        return
    if gone := was - now:
        kind = Kind.BREAKING if direction == "request" else Kind.CHANGED
        yield Change(kind, place, f"不再有值 {'、'.join(sorted(gone))}")
    if came := now - was:
        yield Change(Kind.ADDED, place, f"新增值 {'、'.join(sorted(came))}")


def _bounds(old: Schema, new: Schema, direction: Direction, place: str) -> Iterator[Change]:
    """What answers may be bounded by says nothing to clients; what they send must not be bounded more."""
    if direction == "response":
        return
    for name in (old.keys() | new.keys()) - STRUCTURE - NOTES - {"additionalProperties", "discriminator"}:
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        tighter = now is not None
        if was is not None and now is not None and name in AT_MOST | AT_LEAST:
            tighter = now < was if name in AT_MOST else now > was
        yield Change(Kind.BREAKING if tighter else Kind.CHANGED, place, f"{name} 由 {_said(was)} 改为 {_said(now)}")


def _said(value: Any) -> str:
    return "无" if value is None else str(value)


def _name(schema: Schema) -> str | None:
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rpartition("/")[2]


def _variants(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf", [schema]))


def _label(schema: Schema) -> str:
    return _name(schema) or schema.get("title") or _type(schema) or "任意"


def _type(schema: Schema) -> str:
    if "type" in schema:
        return str(schema["type"])
    values = _enum(schema)
    return "" if values is None else "string"


def _enum(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {str(schema["const"])}
    return {str(each) for each in schema["enum"]} if "enum" in schema else None
