"""What is shown of who is responsible for a household, and of the card that says so."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from app.contact_cards.card import Responsible
from app.contact_cards.queries import Candidate
from app.db.transaction import Record
from app.http.views.applications import instant


class ResponsiblePersonView(BaseModel):
    """帮扶责任人，按工会对外公布的内容。"""

    name: str
    organisation: str
    phone: str
    from_date: str


class CardView(BaseModel):
    """现在有效的帮扶联系卡。"""

    serial: str = Field(description="卡号；与手中的卡不同，说明已换发新卡")
    sha256: str | None = Field(description="发卡时 PDF 的摘要；刚换发、还没有算出的为空")
    issued_at: str


class CandidateView(BaseModel):
    """可以指定为帮扶责任人的工作人员。"""

    person_id: str
    name: str
    role: str
    organisation: str


class CandidateList(BaseModel):
    items: list[CandidateView]


class MyResponsibleView(BaseModel):
    """我家的帮扶责任人和联系卡。"""

    responsible: ResponsiblePersonView | None
    card: CardView | None


class ResponsibleView(MyResponsibleView):
    """一户家庭的帮扶责任人和联系卡。"""

    version: int


def own(row: Record | None, who: Responsible | None, card: Record | None) -> dict[str, Any]:
    return {
        "responsible": {
            "name": who.name,
            "organisation": who.organisation,
            "phone": who.phone,
            "from_date": row["from_date"].isoformat(),
        }
        if row is not None and who is not None
        else None,
        "card": {"serial": card["serial"], "sha256": card["sha256"], "issued_at": instant(card["created_at"])}
        if card is not None
        else None,
    }


def candidates(staff: Sequence[Candidate]) -> list[dict[str, str]]:
    return [
        {"person_id": str(one.person_id), "name": one.name, "role": one.role, "organisation": one.organisation_name}
        for one in staff
    ]
