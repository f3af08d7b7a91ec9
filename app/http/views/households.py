"""What is shown of a household file: whole to its owner, in short to those who decide."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.households.classing import Proposed
from app.households.forms import HouseholdForm
from app.households.levels import ArchiveLevel, self_raised_only
from app.households.queries import FORM
from app.households.register import register_gaps
from app.households.steps import NOTE
from app.households.transfers import NOTE as TRANSFER_NOTE
from app.http.problems import FieldProblem
from app.http.views.applications import instant
from app.kernel.errors import FieldError
from app.kernel.masking import mask_id_number, mask_name, mask_phone
from app.policy.drafts import draft_of, warnings_of
from app.proxy_filings.queries import FORM as FILED

HouseholdDraft = draft_of(HouseholdForm)


class HouseholdView(BaseModel):
    """我的家庭档案。"""

    id: str
    number: str | None = Field(description="档案编号；工会代填、等待本人确认的还没有")
    state: str
    version: int
    form: dict[str, Any]
    warnings: list[FieldProblem] = Field(description="提交前还必须补填或改正的")
    gaps: list[FieldProblem] = Field(description="登记表还缺的必填项：不影响提交，上报区县前由本人或经办人补齐")
    category: str | None = Field(description="困难类别，由工会确定")
    archive_level: ArchiveLevel | None
    previous_id: str | None = Field(description="返困的，以前的档案")
    open_actions: list[str]
    submitted_at: str | None
    active_at: str | None


class HouseholdMoved(BaseModel):
    """办理之后的状态。"""

    id: str
    state: str
    version: int


class HouseholdTask(BaseModel):
    """待办的家庭档案。"""

    household_id: str
    number: str
    state: str
    head_masked: str
    submitted_at: str | None
    version: int


class HouseholdTaskPage(BaseModel):
    items: list[HouseholdTask]
    next_cursor: str | None


class HouseholdCount(BaseModel):
    count: int = Field(description="最多数到 1001，即 1,000 以上")


class TransferView(BaseModel):
    """一份等待答复的转移。"""

    id: str
    number: str
    head_masked: str
    from_organisation: str
    to_organisation: str
    note: str | None
    proposed_at: str
    version: int


class TransferPage(BaseModel):
    items: list[TransferView]
    next_cursor: str | None


class MaskedMember(BaseModel):
    name_masked: str
    id_number_masked: str
    relation: str
    health: str
    income_fen_yearly: int
    schooling: str | None


class HouseholdSummary(BaseModel):
    """办理人员看到的家庭情况（姓名和证件号码已脱敏）。"""

    id: str
    number: str
    state: str
    version: int
    head: MaskedMember
    members: list[MaskedMember]
    income_fen_yearly: int
    rigid_spending_fen: int
    primary_cause: str
    secondary_causes: list[str]
    housing: str
    demands: list[str]
    active_at: str | None


class ReasonView(BaseModel):
    rule: str
    met: bool | None
    text: str
    needed: str
    given: str
    source: str


class ProposedClass(BaseModel):
    """按这份档案适用的口径测算的困难类别；由工作人员确定。"""

    category: str | None
    policy_version: str | None
    reasons: list[ReasonView]


class OpinionView(BaseModel):
    """办理过程中的一步：谁、代表哪个工会、意见和时间。"""

    action: str
    from_state: str
    to_state: str
    role: str | None
    organisation: str | None
    note: str | None
    reason_code: str | None
    at: str


class HouseholdCase(HouseholdSummary):
    """办理一份档案所需要的全部信息。"""

    form: dict[str, Any] = Field(description="登记表所填的全部内容，姓名、证件号码、电话已脱敏")
    gaps: list[FieldProblem] = Field(description="登记表还缺的必填项")
    category: str | None
    archive_level: ArchiveLevel | None
    self_raised_only: bool = Field(description="本级档案：只能用自筹资金帮扶")
    proposed: ProposedClass
    cohort_2016: bool
    cohort_fixed_on: str | None
    cancel_code: str | None
    previous_id: str | None
    merged_into_id: str | None
    split_from_id: str | None
    opinions: list[OpinionView]
    open_actions: list[str]


def own(
    row: Record, keyring: Keyring, warnings: list[FieldError], gaps: list[FieldError], open_actions: list[str]
) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "state": row["state"],
        "version": row["version"],
        "form": orjson.Fragment(keyring.open(FORM, row["id"], row["form"])),
        "warnings": warnings,
        "gaps": gaps,
        "category": row["category"],
        "archive_level": row["archive_level"],
        "previous_id": _id(row["previous_id"]),
        "open_actions": open_actions,
        "submitted_at": instant(row["submitted_at"]),
        "active_at": instant(row["active_at"]),
    }


def proxy(row: Record, keyring: Keyring) -> dict[str, Any]:
    """What staff filled in for the worker, who has not confirmed it yet."""
    form = keyring.open_document(FILED, row["id"], row["form"])
    warnings = warnings_of(HouseholdForm, form, at="")
    return {
        "id": str(row["id"]),
        "number": None,
        "state": "draft",
        "version": row["version"],
        "form": form,
        "warnings": warnings,
        "gaps": register_gaps(form),
        **_UNDECIDED,
        "open_actions": ["confirm_proxy"],
        "submitted_at": None,
        "active_at": None,
    }


def own_then(row: Record) -> dict[str, Any]:
    """The file of a day in the past (app.households.changes: `as_of`)."""
    plain = {name: row[name] for name in ("number", "state", "version")}
    instants = {name: instant(row[name]) for name in ("submitted_at", "active_at")}
    unsaid: dict[str, Any] = {"warnings": [], "gaps": [], "open_actions": [], **_UNDECIDED}
    return {"id": str(row["id"]), **plain, "form": row["then"], **unsaid, **instants}


_UNDECIDED = dict.fromkeys(("category", "archive_level", "previous_id"))


def task(row: Record) -> dict[str, Any]:
    return {
        "household_id": str(row["id"]),
        "number": row["number"],
        "state": row["state"],
        "head_masked": row["head_masked"],
        "submitted_at": instant(row["submitted_at"]),
        "version": row["version"],
    }


def transfer(row: Record, keyring: Keyring) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "head_masked": row["head_masked"],
        "from_organisation": row["from_organisation_name"],
        "to_organisation": row["to_organisation_name"],
        "note": keyring.open_text(TRANSFER_NOTE, row["id"], row["note"]) if row["note"] else None,
        "proposed_at": instant(row["created_at"]),
        "version": row["version"],
    }


def summary(row: Record, form: HouseholdForm) -> dict[str, Any]:
    head = {"relation": "self", "income_fen_yearly": 0, "schooling": None} | form.head.model_dump(mode="json")
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "state": row["state"],
        "version": row["version"],
        "head": _member(head),
        "members": [_member(member.model_dump(mode="json")) for member in form.members],
        "income_fen_yearly": form.income_fen_yearly,
        "rigid_spending_fen": sum(spending.amount_fen for spending in form.rigid_spending),
        "primary_cause": form.primary_cause,
        "secondary_causes": list(form.secondary_causes),
        "housing": form.housing,
        "demands": list(form.demands),
        "active_at": instant(row["active_at"]),
    }


def case(
    row: Record, form: HouseholdForm, gaps: list[FieldError], proposed: Proposed, taken: list[dict[str, Any]]
) -> dict[str, Any]:
    return summary(row, form) | {
        "form": _register(form),
        "gaps": gaps,
        "category": row["category"],
        "archive_level": row["archive_level"],
        "self_raised_only": self_raised_only(row["archive_level"]),
        "proposed": {
            "category": proposed.category,
            "policy_version": proposed.version,
            "reasons": [reason._asdict() for reason in proposed.reasons],
        },
        "cohort_2016": row["cohort_2016"],
        "cohort_fixed_on": str(row["cohort_fixed_on"]) if row["cohort_fixed_on"] else None,
        "cancel_code": row["cancel_code"],
        **{name: _id(row[name]) for name in ("previous_id", "merged_into_id", "split_from_id")},
        "opinions": taken,
    }


def case_then(row: Record, form: HouseholdForm) -> dict[str, Any]:
    """The file of a day in the past: what it said. How it is classed, and what may be done, is a matter of today."""
    unclassed = dict(row) | dict.fromkeys(("category", "archive_level"))
    nothing = Proposed(category=None, version=None, reasons=(), possible=frozenset())
    return case(unclassed, form, [], nothing, []) | {"open_actions": []}


def opinions(taken: Iterable[Record], keyring: Keyring) -> list[dict[str, Any]]:
    """The steps taken on a file, with what was said."""
    return [
        {
            "action": step["action"],
            "from_state": step["from_state"],
            "to_state": step["to_state"],
            "role": step["post_role"],
            "organisation": step["organisation_name"],
            "note": keyring.open_text(NOTE, step["id"], step["note"]) if step["note"] else None,
            "reason_code": step["reason_code"],
            "at": instant(step["created_at"]),
        }
        for step in taken
    ]


def _register(form: HouseholdForm) -> dict[str, Any]:
    return register_masked(form.model_dump(mode="json", exclude_none=True))


def register_masked(told: dict[str, Any]) -> dict[str, Any]:
    """All that is filled in, wholly or in part, without what names or reaches a person."""
    for person in (told.get("head", {}), *told.get("members", ())):
        for name, mask in (("name", mask_name), ("id_number", mask_id_number), ("mobile", mask_phone)):
            if name in person:
                person[f"{name}_masked"] = mask(person.pop(name))
        person.pop("other_contact", None)
    return told


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


def _member(member: dict[str, Any]) -> dict[str, Any]:
    return {
        "name_masked": mask_name(member["name"]),
        "id_number_masked": mask_id_number(member["id_number"]),
        **{key: member[key] for key in ("relation", "health", "income_fen_yearly", "schooling")},
    }
