"""What is shown of a supplement: to the applicant who brings it, and to the reviewers of the case."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.applications.path import State
from app.applications.supplements.rules import missing
from app.applications.supplements.steps import ANSWER, REQUEST
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.kernel.business_time import answered

Standing = Literal["open", "answered", "lapsed", "withdrawn"]
STANDING = "open 等申请人补充 · answered 已补充 · lapsed 逾期未补充 · withdrawn 已收回"


class ItemView(BaseModel):
    """要补充的一项。"""

    code: str = Field(description="材料清单里的代码；清单以外的为 other_1、other_2……，问题为 question")
    name: str


class AnswerView(BaseModel):
    """对一项的补充。"""

    item: str
    text: str | None
    file_ids: list[str]


class SupplementAnswer(BaseModel):
    """申请人补充的内容。"""

    note: str | None
    answers: list[AnswerView]
    file_ids: list[str]
    signature_file_id: str | None = Field(description="工会代交的，本人在纸上签名的照片")


class SupplementView(BaseModel):
    """一次补充材料：要什么、到什么时候、补了什么。"""

    id: str
    state: Standing = Field(description=STANDING)
    at_state: State = Field(description="在哪个环节提出，补充后仍回到那里")
    round: int
    asked_at: str
    asked_by_role: str
    asked_by_organisation: str
    items: list[ItemView]
    text: str | None = Field(description="要说明的问题，或怎样准备")
    due_at: str = Field(description="补充期限；期间暂停计时")
    closed_at: str | None
    answer: SupplementAnswer | None
    missing: list[str] = Field(description="还没有补充的各项；没有注明用于哪一项的材料，由审核人判断")


def supplement(row: Record, keyring: Keyring) -> dict[str, Any]:
    asked = keyring.open_document(REQUEST, row["id"], row["request"])
    answer = keyring.open_document(ANSWER, row["id"], row["answer"]) if row["answer"] else None
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "at_state": row["at_state"],
        "round": row["round"],
        "asked_at": answered(row["created_at"]),
        "asked_by_role": row["asked_by_role"],
        "asked_by_organisation": row["asked_by_organisation"],
        "items": asked["items"],
        "text": asked["text"],
        "due_at": answered(row["due_at"]),
        "closed_at": answered(row["closed_at"]) if row["closed_at"] else None,
        "answer": answer and {"signature_file_id": None} | answer,
        "missing": missing(asked, answer),
    }
