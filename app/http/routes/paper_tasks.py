"""What waits for workers without WeChat, for the staff who may help them (代办)."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.applications.assisting.paper_queries import waiting_on_paper
from app.applications.path import Kind
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Limit
from app.http.views.applications import instant
from app.kernel.actor import Permission

router = APIRouter(prefix=PREFIX, tags=["代办"], route_class=Door)


class PaperTaskView(BaseModel):
    """没有微信的职工等待补正或补充材料的申请或档案，本人在小程序里办不了。"""

    about: Literal["application", "household"]
    id: str = Field(description="申请或档案的编号")
    number: str
    kind: Kind | None = Field(description="申请的种类；档案为 null")
    what: Literal["fill_in_anew", "hand_in"] = Field(
        description="fill_in_anew 被退回的，代为补正：申请用 returned_application_id 另填，档案直接另填 · "
        "hand_in 要求补充材料的，用 supplement_on_paper 代交"
    )
    name_masked: str
    organisation: str
    submitted_at: str
    due_at: str | None = Field(description="补充材料的期限；退回的没有期限")
    version: int
    filing_id: str | None = Field(description="已经代填、等待确认的那一份")


class PaperTaskPage(BaseModel):
    items: list[PaperTaskView]
    next_cursor: str | None


@router.get("/staff/paper_tasks", summary="没有微信的职工等待代办的", response_model=PaperTaskPage)
async def list_paper_tasks(
    desk: Annotated[Desk, staff(Permission.ASSIST)], limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """管辖范围内，没有微信的职工被退回的申请和档案、被要求补充材料的申请；先提交的在前。"""
    cursors = desk.service.cursors
    after = cursors.read("paper_tasks", cursor)
    rows = await waiting_on_paper(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = cursors.cut("paper_tasks", rows, limit, "submitted_at")
    return answer({"items": [_task(row) for row in page], "next_cursor": following})


def _task(row: Record) -> dict[str, Any]:
    return {
        "about": row["about"],
        "id": str(row["id"]),
        **{name: row[name] for name in ("number", "kind", "name_masked", "organisation", "version")},
        "what": "fill_in_anew" if row["returned"] else "hand_in",
        "submitted_at": instant(row["submitted_at"]),
        "due_at": instant(row["due_at"]),
        "filing_id": str(row["filing_id"]) if row["filing_id"] else None,
    }
