"""What is shown of a home visit: to visitors no more of the household than the visit needs, to the worker all of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.visits.commands import ADDRESS, BECAUSE, CONTENT, OBJECTION
from app.visits.path import Purpose, State
from app.visits.policy import QuestionKind, VisitPolicy
from app.visits.rules import FINDINGS, answer_field
from app.visits.syncing.commands import VALUE, Synced, Taken
from app.visits.syncing.rules import Status

ANSWERED: Final = frozenset({"ended", "confirmed"})


class VisitorView(BaseModel):
    """一位走访人员。"""

    name_masked: str
    role: str
    union: str


class VisitorChoice(VisitorView):
    """一位可以安排走访这户的人员。"""

    person_id: str


class VisitorPage(BaseModel):
    items: list[VisitorChoice]
    next_cursor: str | None


class VisitSummary(BaseModel):
    """走访列表中的一行。"""

    id: str
    purpose: Purpose
    state: State
    planned_on: str
    head_masked: str
    organisation: str
    visitors: list[VisitorView]
    objected: bool = Field(description="本人提出过异议")
    signatures_needed: int = Field(description="要几位走访人员签字")
    signatures: int = Field(description="已经签字的人数；结束走访的人已经签字")
    version: int


class VisitPage(BaseModel):
    items: list[VisitSummary]
    next_cursor: str | None


class ChoiceView(BaseModel):
    value: str
    text: str


class QuestionView(BaseModel):
    """问卷中的一项。"""

    field: str = Field(description="填写这一项时用的 field")
    text: str
    kind: QuestionKind
    required: bool
    choices: list[ChoiceView]


class FilledView(BaseModel):
    """已填写的一项。"""

    field: str
    value: str | int | bool
    version: int = Field(description="这一项最后一次改动时走访的版本号")


class ConflictView(BaseModel):
    """两台设备对同一项的不同填写，等人选定。"""

    operation_id: str
    field: str
    mine: str | int | bool | None = Field(description="这次要填写的")
    theirs: str | int | bool | None = Field(description="现在已经填写的")
    theirs_version: int


class VisitView(VisitSummary):
    """一次走访：去哪里、问什么、已经填了什么。"""

    household_id: str | None = Field(description="只给管辖这户的工会看")
    address: str
    policy_version: str
    policy_source: str
    photos_required: int
    questions: list[QuestionView]
    filled: list[FilledView]
    conflicts: list[ConflictView]
    objection: str | None
    cancelled_because: str | None
    started_at: str | None
    ended_at: str | None
    confirmed_at: str | None
    open_actions: list[str]


class OwnAnswer(BaseModel):
    """问到的一项和记下的回答。"""

    text: str
    value: str | int | bool
    shown: str = Field(description="给人看的文字；金额以元计")


class OwnVisit(BaseModel):
    """对我家的一次走访。结束后请看记录是否属实，属实的请确认，不属实的请写明。"""

    id: str
    purpose: Purpose
    state: State
    planned_on: str
    organisation: str
    visitors: list[VisitorView]
    answers: list[OwnAnswer]
    findings: str | None
    photos: int
    objection: str | None
    started_at: str | None
    ended_at: str | None
    confirmed_at: str | None
    version: int
    open_actions: list[str]


class OwnVisitPage(BaseModel):
    items: list[OwnVisit]
    next_cursor: str | None


class VisitMovedView(BaseModel):
    """办理之后的状态。"""

    id: str
    state: State
    version: int


class OperationResult(BaseModel):
    """一次填写的结果：已填上、有冲突待选、被自己后来的填写代替、选用了这一个、选用了另一个。"""

    operation_id: str
    field: str
    status: Status
    version: int


class SyncedView(BaseModel):
    """一批填写的结果。"""

    version: int
    results: list[OperationResult]


def summary(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "purpose": row["purpose"],
        "state": row["state"],
        "planned_on": row["planned_on"].isoformat(),
        "head_masked": row["head_masked"],
        "organisation": row["organisation_name"],
        "visitors": row["visitors"],
        "objected": row["objected_at"] is not None,
        "signatures_needed": row["signatures_needed"],
        "signatures": len(row["signed_by"]),
        "version": row["version"],
    }


def whole(
    row: Record,
    keyring: Keyring,
    policy: VisitPolicy,
    waiting: Iterable[Record],
    open_actions: list[str],
    *,
    in_reach: bool,
) -> dict[str, Any]:
    """A visit for those who go on it; `in_reach`: and for those whose union the household belongs to."""
    content = _content(row, keyring)
    changed: Mapping[str, Any] = row["changed"]
    return (
        summary(row)
        | {
            "household_id": str(row["household_id"]) if in_reach else None,
            "address": keyring.open_text(ADDRESS, row["id"], row["address"]),
            "policy_version": policy.version,
            "policy_source": policy.source,
            "photos_required": policy.purposes.of(row["purpose"]).photos,
            "questions": [_question(question) for question in policy.questions],
            "filled": [
                {"field": field, "value": value, "version": changed[field][0]}
                for field, value in sorted(content.items())
            ],
            "conflicts": [_waiting(each, keyring, content, changed) for each in waiting],
            "objection": _text(row, keyring, OBJECTION, "objection"),
            "cancelled_because": _text(row, keyring, BECAUSE, "cancelled_because"),
            "open_actions": open_actions,
        }
        | _times(row)
    )


def own(row: Record, keyring: Keyring, policy: VisitPolicy, open_actions: list[str]) -> dict[str, Any]:
    """A visit to one's own household; what was written down is shown once it has ended."""
    content = _content(row, keyring) if row["state"] in ANSWERED else {}
    shown = summary(row)
    del shown["head_masked"], shown["objected"], shown["signatures_needed"], shown["signatures"]
    return (
        shown
        | {
            "answers": _answers(policy, content),
            "findings": content.get(FINDINGS),
            "photos": len(row["photos"]),
            "objection": _text(row, keyring, OBJECTION, "objection"),
            "open_actions": open_actions,
        }
        | _times(row)
    )


def moved(row: Record) -> dict[str, Any]:
    return {"id": str(row["id"]), "state": row["state"], "version": row["version"]}


def visitor(row: Record) -> dict[str, Any]:
    return {
        "person_id": str(row["person_id"]),
        "name_masked": row["name_masked"] or "",
        "role": row["role"],
        "union": row["name"],
    }


def synced(outcome: Synced) -> dict[str, Any]:
    results = [
        {
            "operation_id": str(each.operation_id),
            "field": each.field,
            "status": each.status,
            "version": each.version,
        }
        for each in outcome.results
    ]
    return {"version": outcome.version, "results": results}


def conflict(taken: Taken) -> dict[str, Any]:
    """Both values of a field that two devices filled in differently."""
    return {
        "operation_id": str(taken.operation_id),
        "field": taken.field,
        "mine": taken.mine,
        "theirs": taken.theirs,
        "theirs_version": taken.theirs_version,
    }


def _waiting(row: Record, keyring: Keyring, content: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operation_id": str(row["operation_id"]),
        "field": row["field"],
        "mine": keyring.open_document(VALUE, row["id"], row["value"]),
        "theirs": content.get(row["field"]),
        "theirs_version": changed[row["field"]][0],
    }


def _question(question: Any) -> dict[str, Any]:
    return {
        "field": answer_field(question.code),
        "text": question.text,
        "kind": question.kind,
        "required": question.required,
        "choices": [{"value": choice.value, "text": choice.text} for choice in question.choices],
    }


def _answers(policy: VisitPolicy, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = ((question, content.get(answer_field(question.code))) for question in policy.questions)
    return [
        {"text": question.text, "value": value, "shown": _said(question, value)}
        for question, value in found
        if value is not None
    ]


def _said(question: Any, value: Any) -> str:
    match question.kind:
        case "yes_no":
            return "是" if value else "否"
        case "choice":
            return next((str(choice.text) for choice in question.choices if choice.value == value), "")
        case "money":
            return f"{value // 100}.{value % 100:02d} 元"
        case _:
            return str(value)


def _content(row: Record, keyring: Keyring) -> dict[str, Any]:
    if row["content"] is None:
        return {}
    content: dict[str, Any] = keyring.open_document(CONTENT, row["id"], row["content"])
    return content


def _text(row: Record, keyring: Keyring, column: str, name: str) -> str | None:
    return None if row[name] is None else keyring.open_text(column, row["id"], row[name])


def _times(row: Record) -> dict[str, Any]:
    return {name: instant(row[name]) for name in ("started_at", "ended_at", "confirmed_at")}
