"""The history of a household file: what was changed, when, by whom and why."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.audit.commands import record
from app.households.changes import changes_of, latest_own
from app.households.queries import HouseholdNotFound, file
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, Limit, PathId
from app.http.views import history as views
from app.kernel.actor import Permission

router = APIRouter(prefix=PREFIX, tags=["家庭档案"], route_class=Door)


@router.get("/me/household/changes", summary="我的家庭档案变更记录", response_model=views.ChangePage)
async def list_own_changes(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """首次提交以后的每一处变更，最新的在前。"""
    household_id = await latest_own(desk.work.transaction, desk.actor.person_id)
    if household_id is None:
        raise HouseholdNotFound
    return await _page(desk, household_id, limit, cursor, plain=True)


@router.get("/staff/households/{household_id}/changes", summary="家庭档案变更记录", response_model=views.ChangePage)
async def list_changes(
    household_id: PathId,
    desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """首次提交以后的每一处变更，最新的在前；姓名、号码和文字已脱敏。每次查看都有记录，本人可以看到。"""
    row = await file(desk.work.transaction, desk.actor, household_id)
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="household.history_opened",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
    )
    return await _page(desk, household_id, limit, cursor, plain=False)


async def _page(desk: Desk, household_id: UUID, limit: int, cursor: str | None, *, plain: bool) -> Response:
    listing = f"household_changes|{household_id}"
    after = desk.service.cursors.read(listing, cursor)
    rows = await changes_of(desk.work.transaction, household_id, limit + 1, after)
    page, following = desk.service.cursors.cut(listing, rows, limit, "created_at")
    shown = [views.change(row, desk.work.keyring, plain=plain) for row in page]
    return answer({"items": shown, "next_cursor": following})
