"""The departments that files are matched with, and what each knows of a person. Pure.

A field says where in the household form the same thing stands; what no form has a place for is not asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from app.households.forms import Health, Schooling

Department = Literal["civil_affairs", "medical_insurance", "education", "human_resources"]
Mode = Literal["plain", "hashed"]
MatchPurpose = Literal["identification", "annual_review", "exit_check"]
Outcome = Literal["agree", "disagree", "no_record"]
Kind = Literal["yes_no", "yuan", "number", "text", "health", "schooling"]
Subject = Literal["household", "head", "member", "anyone"]
DEPARTMENTS: Final[tuple[Department, ...]] = get_args(Department)
NAMES: Final[Mapping[Department, str]] = MappingProxyType(
    {
        "civil_affairs": "民政部门",
        "medical_insurance": "医保部门",
        "education": "教育部门",
        "human_resources": "人社部门",
    }
)
_HEALTH: Final[Mapping[str, Health]] = MappingProxyType(
    {"健康": "healthy", "体弱": "weak", "慢性病": "chronic_illness", "重大疾病": "serious_illness", "残疾": "disabled"}
)
_SCHOOLING: Final[Mapping[str, Schooling]] = MappingProxyType(
    {
        "不在学": "none",
        "学前": "pre_school",
        "小学": "primary",
        "初中": "junior_high",
        "高中": "senior_high",
        "中职": "secondary_vocational",
        "大专": "junior_college",
        "本科": "undergraduate",
        "研究生": "postgraduate",
    }
)
CHOICES: Final[Mapping[Kind, Mapping[str, str | bool]]] = MappingProxyType(
    {"yes_no": {"是": True, "否": False}, "health": _HEALTH, "schooling": _SCHOOLING}
)


@dataclass(frozen=True, slots=True)
class Field:
    """What a department says of a person, and where the household form says it. `of`: of whom it may be said."""

    code: str
    label: str
    kind: Kind
    of: Subject

    def pointer(self, person: str) -> str:
        """`person`: the pointer of the person in the form, such as /members/0."""
        return f"/{self.code}" if self.of == "household" else f"{person}/{self.code}"

    def fits(self, person: str) -> bool:
        """Whether the form has a place for it where this person is concerned."""
        return {"household": True, "anyone": True, "head": person == "/head", "member": person != "/head"}[self.of]


_FIELDS: Final[Mapping[Department, tuple[Field, ...]]] = MappingProxyType(
    {
        "civil_affairs": (
            Field("receives_dibao", "是否享受低保", "yes_no", "household"),
            Field("single_parent", "是否单亲", "yes_no", "household"),
        ),
        "medical_insurance": (Field("health", "健康状况", "health", "anyone"),),
        "education": (Field("schooling", "就读学段", "schooling", "member"),),
        "human_resources": (
            Field("income_fen_yearly", "年收入（元）", "yuan", "member"),
            Field("labour_relation_months", "劳动关系月数", "number", "household"),
            Field("employer", "工作单位", "text", "head"),
        ),
    }
)


def fields_of(department: Department) -> Mapping[str, Field]:
    """By the label that stands in the files."""
    return {field.label: field for field in _FIELDS[department]}


def by_code(department: Department) -> Mapping[str, Field]:
    return {field.code: field for field in _FIELDS[department]}


def in_form(form: Mapping[str, Any], pointer: str) -> Any:
    """What the form says at a pointer; None where it says nothing."""
    found: Any = form
    for step in pointer.strip("/").split("/"):
        if isinstance(found, list):
            found = found[int(step)] if int(step) < len(found) else None
        else:
            found = found.get(step) if found is not None else None
    return found


def people_of(form: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Everybody of a form, by pointer."""
    return {"/head": form["head"]} | {f"/members/{n}": each for n, each in enumerate(form["members"])}
