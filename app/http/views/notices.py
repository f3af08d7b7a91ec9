"""What is shown of public notices: to everyone, and of objections to those who look into them."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.notices.objection_commands import CONTACT, NOTE, REPLY, WORDS
from app.notices.path import State
from app.notices.policy import Level, NoticeKind


class NoticeView(BaseModel):
    """一行公示：只有按规定可以公示的姓名、工会、项目和金额；建档和退出的公示没有金额。"""

    id: str
    number: str
    kind: NoticeKind
    name_masked: str = Field(description="没有同意公示的只写 *")
    organisation: str
    amount_fen: int | None
    amount_band: str | None = Field(description="只公示区间的，写在这里")
    published_at: str
    ends_at: str
    working_days: int
    batch_id: str | None = Field(description="所在的一批")
    sha256: str | None = Field(description="这一批名单的校验码")


class NoticePage(BaseModel):
    items: list[NoticeView]
    next_cursor: str | None


class BatchLine(BaseModel):
    """名单中的一行；暂停公示的只留序号。"""

    serial: int
    shown: bool = Field(description="false：有异议正在核查，或已撤下")
    number: str | None
    name_masked: str | None
    organisation: str | None
    amount_fen: int | None
    amount_band: str | None


class BatchView(BaseModel):
    """一批公示：发布后不再改动，任何改动都是新的一批。"""

    id: str
    organisation: str
    kind: NoticeKind
    level: Level
    policy_version: str
    working_days: int
    hotline: str
    published_at: str
    ends_at: str
    sha256: str = Field(description="名单全文的 SHA-256")
    lines: list[BatchLine]


class BatchSummary(BaseModel):
    """本单位及下级发布过的一批公示。"""

    id: str
    organisation: str
    kind: NoticeKind
    level: Level
    policy_version: str
    lines: int
    sha256: str
    working_days: int
    published_at: str
    ends_at: str


class BatchPage(BaseModel):
    items: list[BatchSummary]
    next_cursor: str | None


class ObjectionReceived(BaseModel):
    """收到的异议。"""

    id: str
    state: Literal["received"]
    receipt_code: str = Field(description="受理编号：凭它查询处理情况，只在这里显示一次")


class ObjectionStatus(BaseModel):
    """一份异议的处理情况，凭受理编号查询。"""

    number: str = Field(description="被公示的案件或档案的编号")
    kind: NoticeKind
    state: State = Field(description="open 正在核查 · upheld 异议成立 · dismissed 异议不成立")
    text: str
    received_at: str
    due_on: str = Field(description="核查期限")
    overdue: bool
    decided_at: str | None
    decided_by: str | None = Field(description="作出认定的工会")
    reply: str | None = Field(description="工会的答复")


class ObjectionView(BaseModel):
    """一份异议。匿名的不显示是谁。"""

    id: str
    received_at: str
    anonymous: bool
    objector_masked: str | None
    text: str
    contact: str | None = Field(description="提出人自愿留下的联系方式")
    file_ids: list[str]


class InvestigationTask(BaseModel):
    """等待核查的一行公示。"""

    id: str
    number: str
    kind: NoticeKind
    state: State
    opened_at: str
    due_on: str
    overdue: bool
    version: int


class InvestigationPage(BaseModel):
    items: list[InvestigationTask]
    next_cursor: str | None


class InvestigationCase(InvestigationTask):
    """核查一行公示所需要的信息。"""

    objections: list[ObjectionView]
    note: str | None
    reply: str | None = Field(description="给提出人的答复")
    decided_at: str | None
    open_actions: list[str]


class InvestigationMoved(BaseModel):
    id: str
    state: State
    version: int


def notice(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "kind": row["kind"],
        "name_masked": row["name_masked"],
        "organisation": row["organisation_name"],
        "amount_fen": row["amount_fen"],
        "amount_band": row["amount_band"],
        "published_at": instant(row["created_at"]),
        "ends_at": instant(row["ends_at"]),
        "working_days": row["working_days"],
        "batch_id": str(row["batch_id"]) if row["batch_id"] else None,
        "sha256": row["sha256"],
    }


_SAID = ("number", "name_masked", "organisation", "amount_fen", "amount_band")
_HEADING = ("organisation", "kind", "level", "policy_version", "working_days", "hotline", "published_at", "ends_at")


def batch(row: Record, still: Iterable[int]) -> dict[str, Any]:
    """A list as it was frozen, but for the lines that stand still or are down: of those only that they are there."""
    content, shown = orjson.loads(row["content"]), frozenset(still)
    lines = [
        {"serial": line["serial"], "shown": line["serial"] in shown}
        | {name: line[name] if line["serial"] in shown else None for name in _SAID}
        for line in content["lines"]
    ]
    heading = {name: content[name] for name in _HEADING}
    return {"id": str(row["id"]), **heading, "sha256": row["sha256"], "lines": lines}


def batch_summary(row: Record) -> dict[str, Any]:
    told = {name: row[name] for name in ("kind", "level", "policy_version", "lines", "sha256", "working_days")}
    return told | {
        "id": str(row["id"]),
        "organisation": row["organisation_name"],
        "published_at": instant(row["created_at"]),
        "ends_at": instant(row["ends_at"]),
    }


def task(row: Record, today: date) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "kind": row["kind"],
        "state": row["state"],
        "opened_at": instant(row["created_at"]),
        "due_on": row["due_on"].isoformat(),
        "overdue": row["state"] == "open" and row["due_on"] < today,
        "version": row["version"],
    }


def case(
    row: Record, said: Iterable[tuple[Record, list[str]]], keyring: Keyring, today: date, actions: list[str]
) -> dict[str, Any]:
    """An investigation with what was said, each with the files that it names."""
    note, reply, decided_at = row["note"], row["reply"], row["decided_at"]
    return task(row, today) | {
        "objections": [_objection(each, file_ids, keyring) for each, file_ids in said],
        "note": keyring.open_text(NOTE, row["id"], note) if note else None,
        "reply": keyring.open_text(REPLY, row["id"], reply) if reply else None,
        "decided_at": instant(decided_at) if decided_at else None,
        "open_actions": actions,
    }


def _objection(row: Record, file_ids: list[str], keyring: Keyring) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "received_at": instant(row["created_at"]),
        "anonymous": row["anonymous"],
        "objector_masked": row["objector_masked"],
        "text": keyring.open_text(WORDS, row["id"], row["words"]),
        "contact": keyring.open_text(CONTACT, row["id"], row["contact"]) if row["contact"] else None,
        "file_ids": file_ids,
    }


_SAID_OF_STATE: dict[State, str] = {
    "open": "已受理。这条公示已经暂停，工会正在核查。",
    "upheld": "经核查，异议成立：原公示不再继续，退回区县工会重新审核。",
    "dismissed": "经核查，异议不成立。",
}


def objection_status(row: Record, keyring: Keyring, today: date) -> dict[str, Any]:
    """What its objector learns of an objection: nothing that was said by others, and nobody's name."""
    reply, decided_at = row["reply"], row["decided_at"]
    return {
        **{name: row[name] for name in ("number", "kind", "state")},
        "text": _SAID_OF_STATE[row["state"]],
        "received_at": instant(row["received_at"]),
        "due_on": row["due_on"].isoformat(),
        "overdue": row["state"] == "open" and row["due_on"] < today,
        "decided_at": instant(decided_at) if decided_at else None,
        "decided_by": row["organisation_name"],
        "reply": keyring.open_text(REPLY, row["investigation_id"], reply) if reply else None,
    }
