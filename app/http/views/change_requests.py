"""What is shown of a change that was asked for: always masked."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.change_requests.commands import NOTE, REASON, wanted_of
from app.db.transaction import Record
from app.db.work import Work
from app.households.masking import masked
from app.http.views.applications import By, instant

Kind = Literal["bank_card", "identity", "household_size"]
State = Literal["open", "approved", "rejected", "withdrawn"]


class ChangeRequestView(BaseModel):
    """一项变更申请：由一人提出，由另一人核对。"""

    id: str
    kind: Kind
    field: str = Field(description="变更的内容（JSON pointer）")
    state: State
    version: int
    person_masked: str
    household_id: str | None
    before: Any = Field(description="变更前，已脱敏；成员加入的为 null")
    after: Any = Field(description="变更后，已脱敏；成员离开的为 null")
    reason: str | None
    asked_at: str
    asked_by: By
    decided_at: str | None
    decided_by: By | None
    note: str | None
    withdrawn_at: str | None
    open_actions: list[str]


class ChangeRequestPage(BaseModel):
    items: list[ChangeRequestView]
    next_cursor: str | None


class ChangeRequestCount(BaseModel):
    count: int = Field(description="最多数到 10001")


class ChangeRequestMoved(BaseModel):
    """核对之后的状态。"""

    id: str
    state: State
    version: int


def request(row: Record, work: Work, open_actions: list[str]) -> dict[str, Any]:
    wanted, keyring = wanted_of(work, row), work.keyring
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in ("kind", "field", "state", "version", "person_masked")},
        "household_id": str(row["household_id"]) if row["household_id"] else None,
        "before": masked("", wanted.before),
        "after": masked("", wanted.after),
        "reason": keyring.open_text(REASON, row["id"], row["reason"]) if row["reason"] else None,
        "asked_at": instant(row["created_at"]),
        "asked_by": _by(row["asked_by_role"], row["asked_by_organisation"]),
        "decided_at": instant(row["decided_at"]),
        "decided_by": _by(row["decided_by_role"], row["decided_by_organisation"]) if row["decided_at"] else None,
        "note": keyring.open_text(NOTE, row["id"], row["decision_note"]) if row["decision_note"] else None,
        "withdrawn_at": instant(row["withdrawn_at"]),
        "open_actions": open_actions,
    }


def _by(role: str | None, organisation: str | None) -> dict[str, Any]:
    return {"who": "staff" if role else "self", "role": role, "organisation": organisation}
