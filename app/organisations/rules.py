"""What a union must be like, and what a list of them would change (工会组织). Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from app.kernel.actor import Tier
from app.kernel.errors import FieldError
from app.policy.fields import Code, Frozen, ShortText

Level = Literal["city", "district", "industry", "street", "unit"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From the top down: whatever stands under another comes after it."""
BelowCity = Literal["district", "industry", "street", "unit"]
TIER_OF: Final[Mapping[str, Tier]] = {
    "city": Tier.CITY,
    "district": Tier.DISTRICT,
    "industry": Tier.DISTRICT,
    "street": Tier.STREET,
    "unit": Tier.UNIT,
}
"""An industry union (产业工会) reports to the city directly, as a district does."""
ABOVE: Final[Mapping[str, tuple[str, ...]]] = {
    "city": (),
    "district": ("city",),
    "industry": ("city",),
    "street": ("district",),
    "unit": ("street", "district", "industry", "city"),
}
"""Which levels each may stand under."""
WORDS: Final[Mapping[str, str]] = {
    "city": "市总工会",
    "district": "区县工会",
    "industry": "产业工会",
    "street": "镇街工会",
    "unit": "基层工会",
}
WORKERS_BELONG_TO: Final = ("unit", "street")
"""Where a worker may belong, and so where one without a union may be received."""
_LONGEST_CODE: Final = 40
_DIVISION_CODE: Final = range(6, 13)


def _short(code: str) -> str:
    if len(code) > _LONGEST_CODE:
        raise PydanticCustomError("code_too_long", "编码最多 40 个字符。")
    return code


def _level(value: object) -> object:
    if isinstance(value, str) and value not in LEVELS:
        raise PydanticCustomError("level_unknown", "层级应为 city、district、industry、street 或 unit。")
    return value


def _division_code(code: str) -> str:
    if not (code.isascii() and code.isdigit() and len(code) in _DIVISION_CODE):
        raise PydanticCustomError("division_code_format", "区划代码应为 6 到 12 位数字。")
    return code


UnionCode = Annotated[Code, AfterValidator(_short)]
DivisionCode = Annotated[str, Field(max_length=64), AfterValidator(_division_code)]
AnyLevel = Annotated[Level, BeforeValidator(_level)]


class Written(Frozen):
    """A union as somebody writes it down."""

    code: UnionCode
    name: ShortText
    level: AnyLevel
    parent_code: UnionCode | None
    division_code: DivisionCode
    receives_unattached: bool = False


Known = Mapping[str, Any]
"""A union that is there: what is written of it, and its id."""
KEPT: Final[Mapping[str, str]] = {
    "level": "这个工会已经录入，层级不能再改：它名下可能已有档案和申请。",
    "parent_code": "这个工会已经录入，上级不能再改：它名下可能已有档案和申请。",
    "division_code": "这个工会已经录入，区划代码不能再改：它名下可能已有档案和申请。",
}
"""What is never changed of a union, by column."""


def wrong_place(level: str, above: str | None) -> FieldError | None:
    """What is wrong with a level under another (None: under nobody)."""
    allowed = ABOVE[level]
    if above is None:
        return FieldError("/parent_code", "parent_missing", "请写明上级工会的编码。") if allowed else None
    if not allowed:
        return FieldError("/parent_code", "city_has_no_parent", "市总工会没有上级，请留空。")
    if above not in allowed:
        fitting = "、".join(WORDS[each] for each in allowed)
        return FieldError("/parent_code", "parent_level", f"{WORDS[level]}的上级只能是{fitting}。")
    return None


def wrong_receiver(level: str) -> FieldError | None:
    """What is wrong with workers without a union being received by a union of this level."""
    if level in WORKERS_BELONG_TO:
        return None
    return FieldError("/receives_unattached", "receiver_level", "接收没有工会的职工的，应为基层工会或镇街工会。")


# ---- a whole list ----


class Line(NamedTuple):
    """A union of a list, and where it stands in it."""

    number: int
    union: Written


class WrongLine(NamedTuple):
    number: int
    error: FieldError


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list changes."""

    entered: Sequence[Written]
    """Parents before their children."""
    renamed: Sequence[tuple[Known, str]]
    receiving: Sequence[str]
    """The codes of those that receive workers without a union from now on."""
    unchanged: int

    def counts(self) -> dict[str, int]:
        return {
            "entered": len(self.entered),
            "renamed": len(self.renamed),
            "receiving": len(self.receiving),
            "unchanged": self.unchanged,
        }


def wrong_lines(lines: Sequence[Line], unreadable: Iterable[str], there: Mapping[str, Known]) -> list[WrongLine]:
    """Everything that is wrong with a list, in its order. `unreadable`: codes on lines that say something impossible;
    what stands under these is not wrong for that. `there`: the unions that are there, by code."""
    first: dict[str, Line] = {}
    for line in lines:
        first.setdefault(line.union.code, line)
    levels = {code: str(known["level"]) for code, known in there.items()}
    levels |= {code: line.union.level for code, line in first.items()}
    beside, found = frozenset(unreadable) - levels.keys(), list[WrongLine]()
    for line in lines:
        union = line.union
        if (earlier := first[union.code]) is not line:
            said = f"这个编码在第 {earlier.number} 行已经写过。"
            found.append(WrongLine(line.number, FieldError("/code", "code_repeated", said)))
        if union.parent_code is None or union.parent_code in levels:
            found += _wrong(line, wrong_place(union.level, levels.get(union.parent_code or "")))
        elif union.parent_code not in beside:
            said = "没有这个编码的工会，文件里也没有。"
            found.append(WrongLine(line.number, FieldError("/parent_code", "parent_unknown", said)))
        if union.receives_unattached:
            found += _wrong(line, wrong_receiver(union.level))
        found += (WrongLine(line.number, error) for error in _moved(union, there.get(union.code)))
    return sorted([*found, *_received_twice(lines, there)], key=lambda wrong: wrong.number)


def plan(lines: Sequence[Line], there: Mapping[str, Known]) -> Plan:
    """What a list changes in which nothing is wrong."""
    unions = [line.union for line in lines]
    known = [(union, there[union.code]) for union in unions if union.code in there]
    entered = sorted((union for union in unions if union.code not in there), key=lambda u: LEVELS.index(u.level))
    renamed = [(before, union.name) for union, before in known if union.name != before["name"]]
    receiving = [u.code for u in unions if u.receives_unattached and not there.get(u.code, _NEW)["receives_unattached"]]
    changed = {before["code"] for before, _ in renamed}.union(receiving)
    return Plan(entered, renamed, receiving, sum(union.code not in changed for union, _ in known))


_NEW: Final[Known] = {"receives_unattached": False}


def _wrong(line: Line, error: FieldError | None) -> Iterator[WrongLine]:
    if error is not None:
        yield WrongLine(line.number, error)


def _moved(union: Written, known: Known | None) -> Iterator[FieldError]:
    """What the list says otherwise of a union that is there, though it never changes."""
    if known is not None:
        for column, said in KEPT.items():
            if getattr(union, column) != known[column]:
                yield FieldError(f"/{column}", f"{column}_kept", said)


def _received_twice(lines: Sequence[Line], there: Mapping[str, Known]) -> Iterator[WrongLine]:
    """Of those that receive the workers without a union, all but the first of each city."""
    parents = {code: known["parent_code"] for code, known in there.items()}
    parents |= {line.union.code: line.union.parent_code for line in lines}
    counted = Counter[str]()
    for line in lines:
        if line.union.receives_unattached:
            top = _top(line.union.code, parents)
            counted[top] += 1
            if counted[top] > 1:
                said = "一个市只能有一个工会接收没有工会的职工，前面已经写了一个。"
                error = FieldError("/receives_unattached", "receiver_repeated", said)
                yield WrongLine(line.number, error)


def _top(code: str, parents: Mapping[str, str | None]) -> str:
    """The city that a union stands under. No deeper than there are levels: a wrong list may go in circles."""
    for _ in LEVELS:
        code = parents.get(code) or code
    return code
