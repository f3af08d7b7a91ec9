"""Meetings of the city on what is large: who is to vote, the votes, the minutes, the end."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.applications.queries import case
from app.db.scope import post_over
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views import meetings as views
from app.kernel.actor import Permission
from app.kernel.errors import NotAllowed
from app.meetings import commands
from app.meetings.path import Choice, MeetingState
from app.meetings.queries import candidates, meeting, meetings, members_of
from app.policy.fields import Id, LongText

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["会议决定"], route_class=Door)
StateQuery = Annotated[MeetingState | None, Query(description="只看一种状态")]
ToVoteQuery = Annotated[Flag, Query(description="只看等我表决的")]
HOLDERS = (Permission.HOLD_MEETING, Permission.VOTE)


class NewMeeting(In):
    application_id: Id
    member_ids: Annotated[list[Id], Field(min_length=1, max_length=50, description="列名参加表决的人，见候选名单")]


class Vote(In):
    choice: Annotated[Choice, Field(strict=False, description="for 赞成 · against 反对 · abstain 弃权")]
    note: LongText | None = Field(default=None, description="表决意见，会议结束后参会的人可以看到")


class Minutes(In):
    file_id: Id = Field(description="会议记录：本人上传的材料")


class Conclusion(In):
    note: LongText | None = Field(default=None, description="会议意见；没有通过的必填，申请人可以看到")
    reason_code: str | None = Field(default=None, description="没有通过的必填：不予通过的原因")


class Cancelling(In):
    note: LongText | None = Field(default=None, description="必填：为什么取消")


@router.get(
    "/applications/{application_id}/meeting_candidates",
    summary="可以参加表决的人",
    response_model=views.CandidateList,
)
async def list_meeting_candidates(
    application_id: PathId, desk: Annotated[Desk, staff(Permission.HOLD_MEETING)]
) -> Response:
    """市总有表决权的人；申请人、申请人的家人和本轮办理过这份申请的人不在其中。"""
    work = desk.work
    row = await case(work.transaction, desk.actor, application_id, whole=False)
    if post_over(desk.actor, Permission.HOLD_MEETING, row) is None:
        raise NotAllowed
    found = await candidates(work.transaction, work.keyring, application_id, work.today)
    return answer({"items": [views.candidate(each) for each in found.values()]})


@router.post("/meetings", status_code=201, summary="召开会议", response_model=views.MeetingView)
async def convene(body: NewMeeting, desk: Annotated[Desk, staff(Permission.HOLD_MEETING)]) -> Response:
    """为一份等待会议决定的申请召开会议，列出参加表决的人。需要 If-Match（申请的版本）。"""
    meeting_id = await commands.convene(
        desk.work, desk.actor, body.application_id, desk.expected_version(), body.member_ids
    )
    return await _answered(desk, meeting_id, 201)


@router.get("/meetings", summary="会议列表", response_model=views.MeetingPage)
async def list_meetings(
    desk: Annotated[Desk, staff(Permission.READ_CASES)],
    state: StateQuery = None,
    to_vote: ToVoteQuery = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本市的会议，最近召开的在前；等待召开会议的申请见待办（state=meeting）。"""
    after = desk.service.cursors.read("meetings", cursor)
    rows = await meetings(desk.work.transaction, desk.actor, limit + 1, after, state=state, to_vote=to_vote)
    page, following = desk.service.cursors.cut("meetings", rows, limit, "created_at")
    return answer({"items": [views.line(row) for row in page], "next_cursor": following})


@router.get("/meetings/{meeting_id}", summary="查看会议", response_model=views.MeetingView)
async def read_meeting(meeting_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES)]) -> Response:
    """参加表决的人、票数、会议记录和结果；各人怎样表决，会议结束后才能看到。"""
    return await _answered(desk, meeting_id)


@router.post("/meetings/{meeting_id}/votes", summary="表决", response_model=views.MeetingMoved)
async def vote(meeting_id: PathId, body: Vote, desk: Annotated[Desk, staff(Permission.VOTE)]) -> Response:
    """列名的人各用自己的账户表决一次，不能更改。"""
    return _moved(await commands.vote(desk.work, desk.actor, meeting_id, body.choice, body.note))


@router.post("/meetings/{meeting_id}/minutes", summary="上传会议记录", response_model=views.MeetingMoved)
async def attach_minutes(
    meeting_id: PathId, body: Minutes, desk: Annotated[Desk, staff(Permission.HOLD_MEETING)]
) -> Response:
    """会议结束前可以更换。需要 If-Match。"""
    expected = desk.expected_version()
    return _moved(await commands.attach_minutes(desk.work, desk.actor, meeting_id, expected, body.file_id))


@router.post("/meetings/{meeting_id}/conclude", summary="结束会议", response_model=views.MeetingMoved)
async def conclude(
    meeting_id: PathId, body: Conclusion, desk: Annotated[Desk, staff(Permission.HOLD_MEETING)]
) -> Response:
    """达到法定人数、有会议记录以后，按票数得出结果：通过的进入公示或待发放，没有通过的不予通过。需要 If-Match。"""
    expected = desk.expected_version()
    return _moved(await commands.conclude(desk.work, desk.actor, meeting_id, expected, body.note, body.reason_code))


@router.post("/meetings/{meeting_id}/cancel", summary="取消会议", response_model=views.MeetingMoved)
async def cancel(
    meeting_id: PathId, body: Cancelling, desk: Annotated[Desk, staff(Permission.HOLD_MEETING)]
) -> Response:
    """已经表决的不算数，可以另行召开。需要 If-Match。"""
    return _moved(await commands.cancel(desk.work, desk.actor, meeting_id, desk.expected_version(), body.note))


async def _answered(desk: Desk, meeting_id: UUID, status: int = 200) -> Response:
    row = await meeting(desk.work.transaction, desk.actor, meeting_id)
    members = await members_of(desk.work.transaction, meeting_id)
    return answer(views.whole(row, members, desk.actor, desk.work), status, version=row["version"])


def _moved(done: Record) -> Response:
    return answer(dict(done) | {"id": str(done["id"])}, version=done["version"])
