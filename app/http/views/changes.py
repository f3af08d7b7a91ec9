"""What a resubmission has changed, as whoever reviews it again reads it: masked as everything else on their screen."""

from typing import Any

from pydantic import BaseModel, Field

from app.access.rules import masked_form
from app.applications.resubmissions.labels import label
from app.applications.resubmissions.queries import what_changed
from app.applications.resubmissions.rules import Changed, ReasonChange
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.households.history import ABSENT, Change, steps
from app.kernel.business_time import answered


class FieldChangeView(BaseModel):
    """表单中改动的一处。"""

    pointer: str = Field(description="JSON pointer，指向 form 里的位置")
    label: str = Field(description="这一项的名称")
    change: str = Field(description="added 新填的 · removed 删去的 · changed 改了的")
    before: Any = Field(description="原来填的；与表单一样脱敏，脱敏后相同的也是改过的")
    after: Any = Field(description="现在填的")


class RuleFound(BaseModel):
    """一条规则当时的结论。"""

    met: bool | None
    needed: str
    given: str


class ReasonChangeView(BaseModel):
    """结论或依据有变化的一条规则。"""

    rule: str
    text: str
    before: RuleFound | None = Field(description="上次的结论；上次没有这一条的为 null")
    after: RuleFound | None


class ChangesView(BaseModel):
    """与退回前提交的相比，这次改了什么。"""

    since_round: int = Field(description="与第几轮提交的相比")
    returned_at: str = Field(description="那一轮什么时候退回的")
    fields: list[FieldChangeView] = Field(description="表单改动的每一处；没有改动的为空")
    files_added: list[str] = Field(description="新增的材料")
    files_removed: list[str] = Field(description="去掉的材料")
    amount_before_fen: int | None
    amount_after_fen: int | None
    outcome_before: str | None = Field(description="上次测算的结果")
    outcome_after: str | None
    policy_before: str | None = Field(description="上次依据的政策版本")
    policy_after: str | None
    reasons: list[ReasonChangeView] = Field(description="测算中有变化的规则")


def changes_of(keyring: Keyring, row: Record) -> dict[str, Any] | None:
    """What has changed on a case, whole, since it was last returned; None where it never was."""
    found = what_changed(keyring, row)
    return None if found is None else shown(found)


def shown(found: Changed) -> dict[str, Any]:
    return found._asdict() | {
        "returned_at": answered(found.returned_at),
        "fields": [_field(change) for change in found.fields],
        "reasons": [_reason(change) for change in found.reasons],
    }


def _field(change: Change) -> dict[str, Any]:
    kind = "added" if change.before is ABSENT else "removed" if change.after is ABSENT else "changed"
    return {
        "pointer": change.pointer,
        "label": label(change.pointer),
        "change": kind,
        "before": _masked(change.pointer, change.before),
        "after": _masked(change.pointer, change.after),
    }


def _masked(pointer: str, value: Any) -> Any:
    if value is ABSENT:
        return None
    name = steps(pointer)[-1]
    return masked_form({name: value})[name]


def _reason(change: ReasonChange) -> dict[str, Any]:
    return change._asdict()
