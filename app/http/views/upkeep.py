"""What is shown of the upkeep of files: lists, verifications, watch tasks, and what changed on a relapse."""

from typing import Any

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.upkeep.commands import NOTE
from app.upkeep.rules import FoundToBe, Outcome, Relapse, Way


class ListedFile(BaseModel):
    """名单上的一份档案。"""

    household_id: str
    number: str
    state: str
    version: int
    head_masked: str
    active_at: str | None
    changed_at: str
    last_helped_at: str | None
    review_due_on: str | None
    has_open_plan: bool


class ListedFilePage(BaseModel):
    items: list[ListedFile]
    next_cursor: str | None


class Count(BaseModel):
    count: int = Field(description="最多数到 1001，即 1,000 以上")


class VerificationView(BaseModel):
    """一次复核。"""

    id: str
    way: Way
    reference: str
    verified_on: str
    finding: FoundToBe
    note: str | None
    next_due_on: str
    role: str
    organisation: str


class VerificationPage(BaseModel):
    items: list[VerificationView]


class VerifiedView(BaseModel):
    """复核登记的结果：档案状态和下一次复核的期限。"""

    id: str
    state: str
    next_due_on: str


class WatchTaskView(BaseModel):
    """一项脱困后的回访任务。"""

    id: str
    household_id: str
    head_masked: str
    months: int
    due_on: str
    version: int


class WatchTaskPage(BaseModel):
    items: list[WatchTaskView]
    next_cursor: str | None


class WatchDoneView(BaseModel):
    id: str
    version: int
    outcome: Outcome


class EarlierFile(BaseModel):
    """上一次的档案。"""

    household_id: str
    number: str
    state: str


class RelapseView(BaseModel):
    """与上一次档案相比的致困原因和全年收入；没有上一次档案的，previous 为 null。"""

    previous: EarlierFile | None
    same_primary: bool | None
    still: list[str]
    new: list[str]
    gone: list[str]
    income_before_fen: int | None
    income_now_fen: int | None


def listed(row: Record, changed_at: str) -> dict[str, Any]:
    due_on = row["review_due_on"]
    return {
        "household_id": str(row["id"]),
        "number": row["number"],
        "state": row["state"],
        "version": row["version"],
        "head_masked": row["head_masked"],
        "active_at": instant(row["active_at"]),
        "changed_at": instant(row[changed_at]),
        "last_helped_at": instant(row["last_helped_at"]),
        "review_due_on": due_on.isoformat() if due_on else None,
        "has_open_plan": row["has_open_plan"],
    }


def verification(row: Record, keyring: Keyring) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "way": row["way"],
        "reference": row["reference"],
        "verified_on": row["verified_on"].isoformat(),
        "finding": row["finding"],
        "note": keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None,
        "next_due_on": row["next_due_on"].isoformat(),
        "role": row["post_role"],
        "organisation": row["organisation_name"],
    }


def watch_task(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "household_id": str(row["household_id"]),
        "head_masked": row["head_masked"],
        "months": row["months"],
        "due_on": row["due_on"].isoformat(),
        "version": row["version"],
    }


def relapse(earlier: Record | None, found: Relapse | None) -> dict[str, Any]:
    previous = (
        {"household_id": str(earlier["id"]), "number": earlier["number"], "state": earlier["state"]}
        if earlier
        else None
    )
    return {
        "previous": previous,
        "same_primary": found.same_primary if found else None,
        "still": list(found.still) if found else [],
        "new": list(found.new) if found else [],
        "gone": list(found.gone) if found else [],
        "income_before_fen": found.income_before_fen if found else None,
        "income_now_fen": found.income_now_fen if found else None,
    }
