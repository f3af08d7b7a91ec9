"""Keeping files true (动态管理): the lists of what needs looking after, verifications, the watch over who has left."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from app.audit.commands import record
from app.households.queries import file, kept_form
from app.households.tables import CHANGED_AT, WATCHED
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import upkeep as views
from app.kernel.actor import Permission
from app.policy.fields import IsoDate, LongText, ShortText
from app.upkeep import commands
from app.upkeep.commands import Verification
from app.upkeep.queries import (
    Looked,
    earlier_file,
    files_counted,
    files_listed,
    midnight,
    verifications_of,
    watch_task_count,
    watch_tasks,
)
from app.upkeep.rules import FoundToBe, ListName, Outcome, Way, compared

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["档案动态管理"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.READ_CASES)]
Name = Annotated[
    ListName,
    Path(description="unchanged 一年没有变更，never_helped 从未帮扶，no_plan 没有执行中的计划，overdue 年度复核逾期"),
]


class VerificationRequest(In):
    way: Annotated[Way, Field(description="visit 入户，match 数据比对，declaration 书面声明")]
    reference: Annotated[ShortText, Field(description="可以查到依据的编号：入户记录、比对批次或声明书")]
    verified_on: IsoDate
    finding: Annotated[FoundToBe, Field(description="unchanged 没有变化，changed 有变化，may_leave 可能应当退出")]
    note: LongText | None = None


class WatchCompletion(In):
    outcome: Annotated[Outcome, Field(description="stable 稳定，relapse_risk 有返困风险，unreachable 联系不上")]
    note: LongText | None = None


@router.get("/households/lists/{name}", summary="需要关注的档案", response_model=views.ListedFilePage)
async def list_files(name: Name, desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """一年没有变更、从未帮扶、没有计划、复核逾期的档案；最久的在前。"""
    listing = f"households_{name}"
    after = desk.service.cursors.read(listing, cursor)
    looked = Looked(name, desk.work.now, desk.work.today)
    rows = await files_listed(desk.work.transaction, desk.actor, looked, limit + 1, after)
    by = WATCHED[name][0]
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        at = midnight(last[by]) if name == "overdue" else last[by]
        following = desk.service.cursors.after(listing, (at, last["id"]))
    return answer({"items": [views.listed(row, CHANGED_AT) for row in rows[:limit]], "next_cursor": following})


@router.get("/households/lists/{name}/count", summary="需要关注的档案数", response_model=views.Count)
async def count_files(name: Name, desk: Reader) -> Response:
    """名单上有多少份档案。"""
    looked = Looked(name, desk.work.now, desk.work.today)
    return answer({"count": await files_counted(desk.work.transaction, desk.actor, looked)})


@router.get("/households/{household_id}/verifications", summary="这户的复核记录", response_model=views.VerificationPage)
async def list_verifications(
    household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """新的在前。每次查看都有记录，本人可以看到。"""
    row = await file(desk.work.transaction, desk.actor, household_id)
    found = await verifications_of(desk.work.transaction, household_id)
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="verification.read",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
    )
    return answer({"items": [views.verification(each, desk.work.keyring) for each in found]})


@router.post(
    "/households/{household_id}/verifications", status_code=201, summary="登记复核", response_model=views.VerifiedView
)
async def verify(household_id: PathId, body: VerificationRequest, desk: Reader) -> Response:
    """登记一次复核，下一次的期限为一年后；正在进行的年度复核由有权的人登记时一并完成。"""
    row = await file(desk.work.transaction, desk.actor, household_id, locked=True)
    given = Verification(body.way, body.reference, body.verified_on, body.finding, body.note)
    done = await commands.verify(desk.work, desk.actor, row, given)
    shown = {"id": str(done.id), "state": done.state, "next_due_on": done.next_due_on.isoformat()}
    return answer(shown, 201)


@router.get("/households/{household_id}/relapse", summary="返困对比", response_model=views.RelapseView)
async def read_relapse(
    household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """同一户主上一次退出的档案，和致困原因的异同。每次查看都有记录，本人可以看到。"""
    work = desk.work
    row = await file(work.transaction, desk.actor, household_id)
    earlier = await earlier_file(work.transaction, desk.actor, row)
    before, now = kept_form(work.keyring, earlier), kept_form(work.keyring, row)
    await record(
        work,
        person_id=desk.actor.person_id,
        action="household.compared",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
    )
    return answer(views.relapse(earlier, compared(before, now) if before and now else None))


@router.get("/watch_tasks", summary="脱困回访任务", response_model=views.WatchTaskPage)
async def list_watch_tasks(desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """退出六个月和十二个月后的回访，还没有完成的，先到期的在前。"""
    after = desk.service.cursors.read("watch_tasks", cursor)
    rows = await watch_tasks(desk.work.transaction, desk.actor, limit + 1, after)
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        following = desk.service.cursors.after("watch_tasks", (midnight(last["due_on"]), last["id"]))
    return answer({"items": [views.watch_task(row) for row in rows[:limit]], "next_cursor": following})


@router.get("/watch_tasks/count", summary="脱困回访任务数", response_model=views.Count)
async def count_watch_tasks(desk: Reader) -> Response:
    """还没有完成的回访有多少。"""
    return answer({"count": await watch_task_count(desk.work.transaction, desk.actor)})


@router.post("/watch_tasks/{task_id}/complete", summary="完成脱困回访", response_model=views.WatchDoneView)
async def complete_watch_task(task_id: PathId, body: WatchCompletion, desk: Reader) -> Response:
    """写明回访结果。需要 If-Match。"""
    version = await commands.complete_watch(
        desk.work, desk.actor, task_id, desk.expected_version(), body.outcome, body.note
    )
    return answer({"id": str(task_id), "version": version, "outcome": body.outcome}, version=version)
