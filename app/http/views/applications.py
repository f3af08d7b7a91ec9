"""What is shown of an application: to its applicant, and in a reviewer's queue."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from app.access.rules import masked_form
from app.applications.commands import DECISION, FORM
from app.applications.path import Action, Kind, State, gates_shut, path_of, stages_along
from app.applications.reasons.rules import reasons_on
from app.applications.steps import NOTE
from app.applications.supplements.rules import arrivals
from app.audit.commands import ReadingPurpose
from app.db.transaction import Record
from app.db.work import Work
from app.http.views.clock import ClockView, Reader, clock_of
from app.http.views.decisions import DecisionView
from app.http.views.supplements import STANDING, Standing, SupplementView
from app.kernel.actor import Permission
from app.kernel.business_time import answered, business_date

REUSE: Final = "open 有提示待核实 · same 认定与另一份申请用了同一张票据"


class By(BaseModel):
    """谁办理的：本人（self）、系统（system）或某工会的某个岗位。"""

    who: Literal["self", "system", "staff"]
    role: str | None = None
    organisation: str | None = None
    said: str | None = Field(default=None, description="代办的，说明谁代谁办理，或为什么由上一级办理")


class TimelineEntry(BaseModel):
    """办理过程中的一步。"""

    at: str
    action: Action
    from_state: State
    to_state: State
    by: By
    note: str | None = None
    reason_code: str | None = None
    reason_text: str | None = None
    cure: str | None = Field(default=None, description="申请人可以怎么做")
    amount_fen: int | None = None


class ApplicationSummary(BaseModel):
    """申请列表中的一行。"""

    id: str
    number: str
    kind: Kind
    state: State
    version: int
    amount_fen: int | None
    organisation: str
    created_at: str
    submitted_at: str | None
    deadline: str | None
    supplement: Standing | None = Field(description=f"补充材料：{STANDING}；没有要求补充的为 null")


Purpose = Annotated[
    ReadingPurpose | None,
    Query(description="为什么查看，本人可以看到；不填的，等我办理的为 review，其他为 consultation"),
]


class FundingView(BaseModel):
    """一项资金出多少。"""

    fund: str
    amount_fen: int
    state: Literal["reserved", "committed", "spent"] = Field(
        description="reserved 已预留 · committed 发放中 · spent 已发放"
    )


class InLineView(BaseModel):
    """在待拨付名单上的位置。"""

    place: int = Field(description="本市同一种帮扶中排在第几位；资金到位后从第一位开始依次拨付")
    text: str


class ApplicationView(ApplicationSummary):
    """一份申请：表单、决定、办理过程，以及现在可以做什么。"""

    form: dict[str, Any] = Field(description="按 kind 不同：困难帮扶、金秋助学或住院二次医保的表单")
    decision: DecisionView | None
    paid_before_fen: int | None = Field(description="申诉变更前已发放的金额，只再发放其余部分")
    funding: list[FundingView] = Field(description="资金从哪里来；还没有预留的为空")
    waiting: InLineView | None = Field(description="等待资金的，排在第几位；其他为 null")
    route: list[State] = Field(description="受理之后依次经过的审批环节；没有提交的为通常的环节，提交时按金额确定")
    timeline: list[TimelineEntry]
    clock: ClockView | None = Field(description="办理时限；还没有提交的为 null")
    open_actions: list[Action]
    supplements: list[SupplementView] = Field(default=[], description="要求过的补充材料，先提出的在前")


class TaskView(BaseModel):
    """待办列表中的一行。"""

    application_id: str
    number: str
    kind: Kind
    state: State
    applicant_masked: str
    organisation: str
    amount_fen: int | None
    submitted_at: str
    due_at: str | None
    supplement: Standing | None = Field(description="本环节要求过补充材料的：answered 已补充 · lapsed 逾期未补充")
    reuse: Literal["open", "same"] | None = Field(description=f"一票多用：{REUSE}；没有提示、都已排除的为 null")
    version: int


class MovedView(BaseModel):
    """办理之后的状态。"""

    id: str
    state: State
    version: int
    waiting: InLineView | None = Field(default=None, description="资金不足、进入待拨付名单的，排在第几位")


def in_line(place: int | None) -> dict[str, Any]:
    """Where a case stands on the waiting list, if it does."""
    if place is None:
        return {}
    text = f"资金不足，已进入待拨付名单，目前排在第{place}位；资金到位后按顺序自动办理。"
    return {"waiting": {"place": place, "text": text}}


def instant(value: datetime | None) -> datetime | None:
    """As `answer` writes it, at +08:00."""
    return None if value is None else answered(value)


def summary(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "number": row["number"],
        "kind": row["kind"],
        "state": row["state"],
        "version": row["version"],
        "amount_fen": row["amount_fen"],
        "organisation": row["organisation_name"],
        "created_at": instant(row["created_at"]),
        "submitted_at": instant(row["submitted_at"]),
        "deadline": instant(row["due_at"]),
        "supplement": row["supplement"],
    }


def detail(
    row: Record,
    work: Work,
    permissions: Iterable[Permission],
    *,
    signed: bool = False,
    reader: Reader = "applicant",
) -> dict[str, Any]:
    """Form and decision are kept as the very JSON that is answered, so they are opened but not parsed; but for staff,
    to whom the form is masked: they ask for a masked value if they need it."""
    decision, keyring = row["decision"], work.keyring
    form = keyring.open(FORM, row["id"], row["form"])
    timeline = [_entry(step, row, work) for step in row["timeline"]]
    way = arrivals((entry["at"], entry["action"], entry["to_state"]) for entry in timeline)
    shut = gates_shut(row["supplement"], row["reuse"])
    return summary(row) | {
        "form": masked_form(orjson.loads(form)) if reader == "staff" else orjson.Fragment(form),
        "paid_before_fen": row["paid_before_fen"],
        "funding": row["drawings"],
        **({"waiting": None} | in_line(row["place"])),
        "route": stages_along(row["route"]),
        "decision": orjson.Fragment(keyring.open(DECISION, row["id"], decision)) if decision else None,
        "timeline": timeline,
        "clock": clock_of(row, way, work, reader),
        "open_actions": path_of(row).open_to(row["state"], permissions, signed=signed, shut=shut),
        "supplements": [],
    }


def _entry(step: dict[str, Any], row: Record, work: Work) -> dict[str, Any]:
    sealed, at = step["note"], _shanghai(step["created_at"])
    note = work.keyring.open_text(NOTE, UUID(step["id"]), bytes.fromhex(sealed[2:])) if sealed else None
    code = step["reason_code"]
    reason = reasons_on(work.policies, business_date(at)).get(code) if code else None
    return {
        "at": at,
        "action": step["action"],
        "from_state": step["from_state"],
        "to_state": step["to_state"],
        "by": _by(step, row),
        "note": note,
        "reason_code": code,
        "reason_text": reason.text if reason else None,
        "cure": reason.cure_for(row["kind"]) if reason else None,
        "amount_fen": step["amount_fen"],
    }


def _by(step: dict[str, Any], row: Record) -> dict[str, Any]:
    if step["person_id"] is None:
        return {"who": "system", "role": None, "organisation": None}
    if step["person_id"] == str(row["applicant_id"]) and step["post_role"] is None:
        return {"who": "self", "role": None, "organisation": None}
    role, organisation = step["post_role"], step["organisation_name"]
    return {"who": "staff", "role": role, "organisation": organisation, "said": step["said_of"]}


def _shanghai(text: str) -> datetime:
    return answered(datetime.fromisoformat(text))


def task(row: Record) -> dict[str, Any]:
    return {
        "application_id": str(row["id"]),
        "number": row["number"],
        "kind": row["kind"],
        "state": row["state"],
        "applicant_masked": row["applicant_masked"],
        "organisation": row["organisation_name"],
        "amount_fen": row["amount_fen"],
        "submitted_at": instant(row["submitted_at"]),
        "due_at": instant(row["due_at"]),
        "supplement": row["supplement"],
        "reuse": row["reuse"],
        "version": row["version"],
    }
