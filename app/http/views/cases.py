"""What a reviewer sees of a case: the application, and all that has to be known to decide it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from app.access.rules import Field as Masked
from app.access.rules import revealable
from app.applications.path import Action, Kind, State
from app.applications.queries import has_signed
from app.applications.reasons.rules import reasons_for
from app.applications.undoing.commands import undoable
from app.cases.queries import household_of, supplements_of
from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import form_of
from app.http.views import applications as views
from app.http.views import households as household_views
from app.http.views.changes import ChangesView, changes_of
from app.http.views.reuses import CaseCardAlert, CaseReuse, case_card, case_reuse
from app.http.views.supplements import supplement
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import answered
from app.notices.objection_queries import post_above

PURPOSES: Final = {
    "identity": "身份证明",
    "income": "收入证明",
    "medical": "医疗材料",
    "schooling": "就学材料",
    "accident": "意外或灾害证明",
    "housing": "住房证明",
    "consent": "授权书",
    "visit": "走访材料",
    "other": "其他材料",
}
ENDINGS: Final = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


class MoneyLine(BaseModel):
    """这户今年的一笔帮扶（包括办理中的）。"""

    number: str
    kind: Kind
    state: State
    in_flight: bool = Field(description="还没有发放")
    amount_fen: int
    submitted_at: str


class MoneyElsewhere(BaseModel):
    """不在您管辖范围内的：只有种类、笔数和合计。"""

    kind: Kind
    in_flight: bool = Field(description="还没有发放")
    count: int
    amount_fen: int


class MoneyTotals(BaseModel):
    """这户今年各种帮扶的合计，包括不在您管辖范围内的，不包括本申请。"""

    paid_fen: int
    in_flight_fen: int


class DocumentView(BaseModel):
    """申请所附的一份材料。每次下载都有记录。"""

    id: str
    name: str
    purpose: str
    media_type: Literal["image/jpeg", "image/png", "application/pdf"]
    size: int
    state: Literal["pending", "clean", "rejected"]
    sha256: str
    uploaded_by: Literal["applicant", "staff"]
    uploaded_at: str
    address: str = Field(description="下载地址；还没有通过安全检查的暂时不能下载")


class OpenThing(BaseModel):
    """一件还没有办完的相关的事。"""

    id: str
    state: str
    version: int
    since: str
    due: str | None = Field(description="最迟什么时候办完；没有期限的为 null")
    about: str | None = Field(description="涉及档案中的哪一项（JSON pointer）")


class OpenThings(BaseModel):
    """与本申请有关、还没有办完的事；不归您看的不列出。"""

    appeals: list[OpenThing] = Field(description="申诉")
    objections: list[OpenThing] = Field(description="公示异议的核查")
    discrepancies: list[OpenThing] = Field(description="档案与核查不一致的地方")
    change_requests: list[OpenThing] = Field(description="家庭信息或银行卡的变更")
    payments_held: bool = Field(description="有变更正在核对，暂不能付款")


class ReasonView(BaseModel):
    """可以选的一个原因。"""

    code: str
    action: Action = Field(description="用于哪一步：reject 不予通过，return 退回补正")
    text: str = Field(description="给申请人看的文字")
    cure: str = Field(description="申请人可以怎么做")


class CaseView(views.ApplicationView):
    """一个案件：办理一步所需要的全部信息。"""

    applicant_masked: str
    household: household_views.HouseholdSummary | None
    money_this_year: list[MoneyLine]
    money_elsewhere: list[MoneyElsewhere]
    money_totals: MoneyTotals
    documents: list[DocumentView]
    open_things: OpenThings
    may_reveal: list[Masked] = Field(description="已脱敏、您可以说明理由后查看完整内容的项目")
    rejection_reasons: dict[str, str] = Field(description="不予通过可以选的原因：代码和给申请人看的文字")
    reasons: list[ReasonView] = Field(description="不予通过和退回可以选的原因，以及申请人可以怎么做")
    reuse: Literal["open", "same"] | None = Field(description=f"一票多用：{views.REUSE}；没有提示、都已排除的为 null")
    reuses: list[CaseReuse] = Field(description="一票多用提示，分数高的在前")
    card_alerts: list[CaseCardAlert] = Field(description="与另一户用同一张收款银行卡")
    changes: ChangesView | None = Field(description="与退回前提交的相比改了什么；没有退回过的为 null")


def case(row: Record, actor: Actor, permissions: Sequence[Permission], work: Work) -> dict[str, Any]:
    """`permissions`: what the reader may do with the case."""
    file = household_of(row)
    form = form_of(work.keyring, file)
    signed = has_signed(actor, row)
    shown = views.detail(row, work, permissions, signed=signed, reader="staff")
    if Action.UNDO in shown["open_actions"] and not undoable(actor, row):
        shown["open_actions"].remove(Action.UNDO)
    return shown | {
        "applicant_masked": row["applicant_masked"],
        "household": household_views.summary(file, form) if file and form else None,
        **_money(row),
        "documents": _documents(row["documents"]),
        "open_things": _open_things(row, actor),
        "may_reveal": revealable(shown["form"], permissions),
        **_reasons(work, row["kind"]),
        "reuse": row["reuse"],
        "reuses": [case_reuse(each) for each in row["reuses"]],
        "card_alerts": [case_card(each) for each in row["card_alerts"]],
        "changes": changes_of(work.keyring, row),
        "supplements": [supplement(each, work.keyring) for each in supplements_of(row)],
    }


def _reasons(work: Work, kind: str) -> dict[str, Any]:
    """What a refusal or a return of this kind may cite today."""
    listed = [
        (action, code, reason)
        for action in (Action.REJECT, Action.RETURN)
        for code, reason in reasons_for(work.policies, work.today, kind, action).items()
    ]
    return {
        "rejection_reasons": {code: reason.text for action, code, reason in listed if action == Action.REJECT},
        "reasons": [
            {"code": code, "action": action, "text": reason.text, "cure": reason.cure_for(kind)}
            for action, code, reason in listed
        ],
    }


def _money(row: Record) -> dict[str, Any]:
    lines = [line | {"in_flight": line["state"] != State.PAID} for line in row["money"]]
    totals: Counter[bool] = Counter()
    for each in (*lines, *row["money_elsewhere"]):
        totals[each["in_flight"]] += each["amount_fen"] or 0
    return {
        "money_this_year": [_line(line) for line in lines],
        "money_elsewhere": row["money_elsewhere"],
        "money_totals": {"paid_fen": totals[False], "in_flight_fen": totals[True]},
    }


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return line | {"amount_fen": line["amount_fen"] or 0, "submitted_at": _at(line["submitted_at"])}


def _documents(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    serials: Counter[str] = Counter()
    shown = []
    for file in files:
        purpose = file["purpose"]
        serials[purpose] += 1
        shown.append(
            {name: file[name] for name in ("id", "purpose", "media_type", "size", "state", "sha256")}
            | {
                "name": f"{PURPOSES[purpose]}{serials[purpose]}.{ENDINGS[file['media_type']]}",
                "uploaded_by": "applicant" if file["is_applicants"] else "staff",
                "uploaded_at": _at(file["created_at"]),
                "address": f"/api/v1/files/{file['id']}",
            }
        )
    return shown


def _open_things(row: Record, actor: Actor) -> dict[str, Any]:
    objections = row["objections"] if post_above(actor, row) else []
    return {
        "appeals": [_open(each) for each in row["appeals"]],
        "objections": [_open(each) for each in objections],
        "discrepancies": [_open(each) for each in row["discrepancies"]],
        "change_requests": [_open(each) for each in row["change_requests"]],
        "payments_held": row["payments_held"],
    }


def _open(each: dict[str, Any]) -> dict[str, Any]:
    due_at, due_on = each.get("due_at"), each.get("due_on")
    return {
        "id": each["id"],
        "state": each["state"],
        "version": each["version"],
        "since": _at(each["created_at"]),
        "due": _at(due_at) if due_at else due_on,
        "about": each.get("field"),
    }


def _at(text: str) -> datetime:
    return answered(datetime.fromisoformat(text))
