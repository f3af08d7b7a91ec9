"""What is shown of two files that look alike: each side as far as the reach goes, beyond it only whose file it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.duplicates.commands import NOTE
from app.duplicates.path import State
from app.duplicates.rules import Code
from app.households.forms import HouseholdForm
from app.http.views.applications import instant
from app.http.views.households import MaskedMember, summary

SIDES: Final = ("a", "b")
WORDS: Final[dict[Code, str]] = {
    "same_number": "证件号码相同（15 位、全角、大小写 X 已统一）",
    "near_number_same_name": "姓名相同，证件号码只差一位或相邻两位颠倒",
    "near_number_sounding_name": "姓名同音，证件号码只差一位或相邻两位颠倒",
    "near_number_near_name": "姓名只差一个字，证件号码只差一位或相邻两位颠倒",
    "near_serial_sounding_name": "姓名同音，证件号码只有顺序码不同（也可能是双胞胎）",
    "birth_same_name": "姓名和出生日期相同",
    "birth_sounding_name": "姓名同音，出生日期相同",
    "birth_near_name": "姓名只差一个字，出生日期相同",
    "phone": "联系电话相同",
    "card": "银行卡相同",
    "address": "住址相同",
    "paper": "用过同一张结算单或发票",
}


class DuplicateReason(BaseModel):
    code: Code
    points: int
    text: str
    a: str | None = Field(description="a 档案中的位置；不在管辖范围内的不显示")
    b: str | None


class DuplicateSide(BaseModel):
    """一份档案。不在管辖范围内的，只显示所属工会。"""

    in_reach: bool
    organisation: str
    household_id: str | None
    number: str | None
    state: str | None
    head_masked: str | None
    people: list[MaskedMember]


class DuplicateSummary(BaseModel):
    """两份疑似重复的家庭档案。score 满分 100，只提示核对，不作任何决定。"""

    id: str
    state: State
    version: int
    score: int
    reasons: list[DuplicateReason]
    weights: str = Field(description="计分口径的版本")
    found_at: str
    seen_at: str
    a: DuplicateSide
    b: DuplicateSide


class DuplicatePage(BaseModel):
    items: list[DuplicateSummary]
    next_cursor: str | None


class DuplicateCount(BaseModel):
    count: int = Field(description="最多数到 10001")


class DuplicateView(DuplicateSummary):
    note: str | None
    open_actions: list[str]
    hint: str | None = Field(description="merge：已认定为同一户，请办理档案合并")


class DuplicateJudged(BaseModel):
    id: str
    state: State
    version: int
    hint: str | None


def pair(
    row: Record,
    owners: Mapping[UUID, str],
    files: Mapping[str, Record | None],
    forms: Mapping[str, HouseholdForm | None] = MappingProxyType({}),
) -> dict[str, Any]:
    """`files`: the two by side, None for one beyond the reach; `forms`: what they say, where that is shown."""
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "version": row["version"],
        "score": row["score"],
        "reasons": [_reason(each, files) for each in row["reasons"]],
        "weights": row["weights"],
        "found_at": instant(row["created_at"]),
        "seen_at": instant(row["seen_at"]),
        **{side: _side(owners[row[f"organisation_{side}_id"]], files[side], forms.get(side)) for side in SIDES},
    }


def _reason(reason: dict[str, Any], files: Mapping[str, Record | None]) -> dict[str, Any]:
    places = {side: reason[side] if files[side] is not None else None for side in SIDES}
    return {"code": reason["code"], "points": reason["points"], "text": WORDS[reason["code"]], **places}


def _side(organisation: str, file: Record | None, form: HouseholdForm | None) -> dict[str, Any]:
    known: dict[str, Any] = dict.fromkeys(("household_id", "number", "state", "head_masked"))
    if file is not None:
        known = {"household_id": str(file["id"]), **{name: file[name] for name in ("number", "state", "head_masked")}}
    shown = summary(file, form) if file is not None and form is not None else None
    people = [shown["head"], *shown["members"]] if shown else []
    return {"in_reach": file is not None, "organisation": organisation, **known, "people": people}


def note(row: Record, keyring: Keyring) -> str | None:
    return keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None


def hint(row: Record) -> str | None:
    return "merge" if row["state"] == "same" else None
