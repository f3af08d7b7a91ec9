"""What is shown of a household file: whole to its owner, in short to those who decide."""

from typing import Any

import orjson
from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.households.forms import HouseholdForm
from app.households.queries import FORM
from app.http.problems import FieldProblem
from app.http.views.applications import instant
from app.kernel.errors import FieldError
from app.kernel.masking import mask_id_number, mask_name
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
    warnings: list[FieldProblem]
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


class HouseholdCase(HouseholdSummary):
    open_actions: list[str]


def own(row: Record, keyring: Keyring, warnings: list[FieldError], open_actions: list[str]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "state": row["state"],
        "version": row["version"],
        "form": orjson.Fragment(keyring.open(FORM, row["id"], row["form"])),
        "warnings": [{"pointer": w.pointer, "code": w.code, "message": w.message} for w in warnings],
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
        "warnings": [{"pointer": w.pointer, "code": w.code, "message": w.message} for w in warnings],
        "open_actions": ["confirm_proxy"],
        "submitted_at": None,
        "active_at": None,
    }


def own_then(row: Record) -> dict[str, Any]:
    """The file of a day in the past (app.households.changes: `as_of`)."""
    plain = {name: row[name] for name in ("number", "state", "version")}
    instants = {name: instant(row[name]) for name in ("submitted_at", "active_at")}
    return {"id": str(row["id"]), **plain, "form": row["then"], "warnings": [], "open_actions": [], **instants}


def task(row: Record) -> dict[str, Any]:
    return {
        "household_id": str(row["id"]),
        "number": row["number"],
        "state": row["state"],
        "head_masked": row["head_masked"],
        "submitted_at": instant(row["submitted_at"]),
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


def _member(member: dict[str, Any]) -> dict[str, Any]:
    return {
        "name_masked": mask_name(member["name"]),
        "id_number_masked": mask_id_number(member["id_number"]),
        **{key: member[key] for key in ("relation", "health", "income_fen_yearly", "schooling")},
    }
