"""What is overdue below (超期上报), for the level above the one that should act."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.applications.escalations.queries import Wanted, escalation_count, escalations
from app.applications.path import Kind, State
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Limit
from app.http.views import applications as views
from app.kernel.actor import Permission, Tier

router = APIRouter(prefix=f"{PREFIX}/staff/escalations", tags=["超期上报"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_CASES)]
KindQuery = Annotated[Kind | None, Query(description="只看一种帮扶")]
StateQuery = Annotated[State | None, Query(description="只看停在一种状态的")]


class EscalationView(views.TaskView):
    """一份超期的申请：停在哪里、应在什么时候办完、什么时候告知了哪一级。"""

    escalated_at: str
    told: Tier = Field(description="告知哪一级工会：应办理的上一级")


class EscalationPage(BaseModel):
    items: list[EscalationView]
    next_cursor: str | None


class EscalationCount(BaseModel):
    count: int = Field(description="最多数到 10001")


@router.get("", summary="超期上报", response_model=EscalationPage)
async def list_escalations(
    desk: Reader,
    kind: KindQuery = None,
    state: StateQuery = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """下级工会没有按时办理的申请，超期最久的在前；办理之后即不再列出。每小时核对一次。"""
    after = desk.service.cursors.read("escalations", cursor)
    rows = await escalations(desk.work.transaction, desk.actor, Wanted(kind, state), limit + 1, after)
    page, following = desk.service.cursors.cut("escalations", rows, limit, "due_at")
    return answer({"items": [_shown(row) for row in page], "next_cursor": following})


@router.get("/count", summary="超期上报数", response_model=EscalationCount)
async def count_escalations(desk: Reader, kind: KindQuery = None, state: StateQuery = None) -> Response:
    """有多少份。"""
    return answer({"count": await escalation_count(desk.work.transaction, desk.actor, Wanted(kind, state))})


def _shown(row: Record) -> dict[str, Any]:
    case = {**row, "id": row["application_id"]}
    return views.task(case) | {"escalated_at": views.instant(row["created_at"]), "told": row["told"]}
