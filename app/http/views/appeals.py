"""What is shown of an appeal: to whoever lodged it, and to whoever has to decide it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.appeals.commands import REASON, REPLY
from app.appeals.path import PATHS, WAITING, AppealState, Ground
from app.applications.path import Kind, State
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.kernel.actor import Permission

Answered = Literal["uphold", "change"]


class AppealReason(BaseModel):
    """申请人的理由和材料。"""

    text: str
    file_ids: list[str]


class AppealView(BaseModel):
    """一项申诉：由没有参与原决定的人复核，维持原决定或变更。"""

    id: str
    application_id: str
    kind: Kind
    ground: Ground = Field(description="refused 不予通过 · too_low 金额偏低")
    state: AppealState = Field(
        description="at_district、at_city 等待区县、市总复核 · upheld 维持原决定 · changed 变更 · withdrawn 已撤回"
    )
    reason: AppealReason
    before_fen: int = Field(description="申诉时已批准的金额；不予通过的为 0")
    created_at: str
    due_at: str = Field(description="答复期限")
    overdue: bool
    stepped_up_at: str | None = Field(description="原来一级没有可以复核的人，什么时候转到上一级")
    withdrawn_at: str | None
    decided_at: str | None
    decided_by_role: str | None
    decided_by_organisation: str | None
    reply: str | None
    amount_fen: int | None = Field(description="变更后的总额")
    version: int
    open_actions: list[Answered | Literal["withdraw"]] = Field(description="看的人现在可以做什么")


class AppealList(BaseModel):
    items: list[AppealView]


class AppealCase(AppealView):
    """复核一项申诉所需要的信息；案件本身见 /staff/applications。"""

    number: str
    applicant_masked: str
    organisation: str
    case_state: State


class AppealTask(BaseModel):
    """等我复核的一项申诉。"""

    id: str
    application_id: str
    number: str
    kind: Kind
    ground: Ground
    state: AppealState
    applicant_masked: str
    organisation: str
    before_fen: int
    created_at: str
    due_at: str
    overdue: bool
    version: int


class AppealTaskPage(BaseModel):
    items: list[AppealTask]
    next_cursor: str | None


class AppealMoved(BaseModel):
    """复核之后的状态。"""

    id: str
    state: AppealState
    version: int


def own(row: Record, keyring: Keyring, now: datetime) -> dict[str, Any]:
    """As whoever lodged it sees it."""
    return _whole(row, keyring, now, PATHS[Kind(row["kind"])].open_to(row["state"], [Permission.OWN]))


def _whole(row: Record, keyring: Keyring, now: datetime, open_actions: Iterable[str]) -> dict[str, Any]:
    return _common(row, now) | {
        "open_actions": list(open_actions),
        "stepped_up_at": instant(row["stepped_up_at"]),
        "withdrawn_at": instant(row["withdrawn_at"]),
        "reason": keyring.open_document(REASON, row["id"], row["reason"]),
        "decided_at": instant(row["decided_at"]),
        "decided_by_role": row["decided_by_role"],
        "decided_by_organisation": row["decided_by_organisation"],
        "reply": keyring.open_text(REPLY, row["id"], row["reply"]) if row["reply"] else None,
        "amount_fen": row["amount_fen"],
    }


def case(row: Record, keyring: Keyring, now: datetime, open_actions: Iterable[str]) -> dict[str, Any]:
    return _whole(row, keyring, now, open_actions) | _of_case(row) | {"case_state": row["case_state"]}


def task(row: Record, now: datetime) -> dict[str, Any]:
    return _common(row, now) | _of_case(row)


def _common(row: Record, now: datetime) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "application_id": str(row["application_id"]),
        "kind": row["kind"],
        "ground": row["ground"],
        "state": row["state"],
        "before_fen": row["before_fen"],
        "created_at": instant(row["created_at"]),
        "due_at": instant(row["due_at"]),
        "overdue": row["state"] in WAITING and row["due_at"] < now,
        "version": row["version"],
    }


def _of_case(row: Record) -> dict[str, Any]:
    return {
        "number": row["number"],
        "applicant_masked": row["applicant_masked"],
        "organisation": row["organisation_name"],
    }
