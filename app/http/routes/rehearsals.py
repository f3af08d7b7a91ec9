"""Rehearsals of policy versions: asked for here, run by the worker, read while they run."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Limit, PathId
from app.http.routes.policies import areas_of
from app.http.views import rehearsals as views
from app.http.views.rehearsals import Effect
from app.kernel.actor import Permission
from app.policies.commands import PolicyAreaNotYours
from app.policies.queries import policy
from app.rehearsals.commands import NotRehearsable, ask
from app.rehearsals.queries import lines, rehearsal, rehearsals

router = APIRouter(prefix=f"{PREFIX}/staff/policies/{{policy_id}}/rehearsals", tags=["政策预演"], route_class=Door)


@router.post("", status_code=202, summary="预演政策版本", response_model=views.RehearsalSummary)
async def ask_rehearsal(policy_id: PathId, desk: Annotated[Desk, staff(Permission.REHEARSE_POLICY)]) -> Response:
    """在当前有效档案（二次医保为近12个月的申请）的只读快照上试算这个版本：谁得到、谁失去、金额怎样变化。"""
    row = await _policy(desk, policy_id)
    if row["state"] == "withdrawn" or row["in_force_from"] <= desk.work.today:
        raise NotRehearsable
    rehearsal_id = await ask(desk.work, desk.actor.person_id, policy_id)
    return answer(views.summary(await rehearsal(desk.work.transaction, policy_id, rehearsal_id)), 202)


@router.get("", summary="预演列表", response_model=views.RehearsalPage)
async def list_rehearsals(
    policy_id: PathId,
    desk: Annotated[Desk, staff(Permission.REHEARSE_POLICY)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """最新的在前。"""
    after = desk.service.cursors.read("rehearsals", cursor)
    await _policy(desk, policy_id)
    rows = await rehearsals(desk.work.transaction, policy_id, limit + 1, after)
    page, following = desk.service.cursors.cut("rehearsals", rows, limit, "created_at")
    return answer({"items": [views.summary(row) for row in page], "next_cursor": following})


@router.get("/{rehearsal_id}", summary="查看预演", response_model=views.RehearsalView)
async def read_rehearsal(
    policy_id: PathId, rehearsal_id: PathId, desk: Annotated[Desk, staff(Permission.REHEARSE_POLICY)]
) -> Response:
    """进度百分比、计数，以及按区县、种类和月份的金额。"""
    await _policy(desk, policy_id)
    return answer(views.whole(await rehearsal(desk.work.transaction, policy_id, rehearsal_id)))


@router.get("/{rehearsal_id}/lines", summary="预演涉及谁", response_model=views.RehearsalLinePage)
async def list_rehearsal_lines(
    policy_id: PathId,
    rehearsal_id: PathId,
    desk: Annotated[Desk, staff(Permission.REHEARSE_POLICY)],
    effect: Annotated[Effect, Query(description="看哪一种变化")],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """得到、失去、增加、减少或算不出来的户和申请（只有编号，没有个人信息）。"""
    after = desk.service.cursors.read("rehearsal_lines", cursor)
    await _policy(desk, policy_id)
    await rehearsal(desk.work.transaction, policy_id, rehearsal_id)
    rows = await lines(desk.work.transaction, rehearsal_id, effect, limit + 1, after)
    page, following = desk.service.cursors.cut("rehearsal_lines", rows, limit, "created_at")
    return answer({"items": [views.line(row) for row in page], "next_cursor": following})


async def _policy(desk: Desk, policy_id: UUID) -> Record:
    """The version, if it is for an area that the caller answers for: a rehearsal names that area's households.

    Raises PolicyNotFound, PolicyAreaNotYours.
    """
    row = await policy(desk.work.transaction, policy_id)
    if row["area"] not in await areas_of(desk, Permission.REHEARSE_POLICY):
        raise PolicyAreaNotYours
    return row
