"""Appeals: the worker lodges one, somebody who had no part in the decision answers it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.appeals import commands
from app.appeals.commands import Answer, Judge
from app.appeals.path import PATHS
from app.appeals.queries import appeal, is_near, own_appeals, waiting, waiting_count
from app.applications.commands import FORM, Assessed
from app.applications.path import Kind
from app.applications.programme import Filing
from app.applications.queries import own
from app.applications.submission_queries import ToSubmit
from app.audit.commands import record_reading
from app.db.scope import permissions_over
from app.db.work import Work
from app.files import commands as files
from app.files.queries import check_named, named_in
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views import appeals as views
from app.http.views.applications import Purpose
from app.kernel.actor import Permission
from app.policy.drafts import read_whole
from app.policy.fields import Fen, FileIds, LongText
from app.programmes import KINDS

router = APIRouter(prefix=PREFIX, tags=["申诉"], route_class=Door)
OverdueQuery = Annotated[Flag, Query(description="只看已超过答复期限的")]
DECIDERS = (Permission.REVIEW_AT_DISTRICT, Permission.APPROVE_AT_CITY, Permission.APPROVE_MUTUAL_AID)


class NewAppeal(In):
    reason: LongText = Field(description="为什么不同意这个决定")
    file_ids: FileIds = Field(default_factory=list)


class AppealDecision(In):
    action: Annotated[views.Answered, Field(description="uphold 维持原决定 · change 变更决定")]
    note: LongText | None = Field(default=None, description="必填：答复和理由，本人可以看到")
    amount_fen: Fen | None = Field(default=None, description="变更后的总额；不填的，按政策测算的金额")


class AppealCount(BaseModel):
    count: int = Field(description="最多数到 10001")


@router.post(
    "/applications/{application_id}/appeals", status_code=201, summary="提出申诉", response_model=views.AppealView
)
async def lodge_appeal(application_id: PathId, body: NewAppeal, desk: WorkerDesk) -> Response:
    """对不予通过、或金额偏低的决定，在期限内可以申诉一次，由没有参与原决定的人复核。需要 If-Match（申请的版本）。"""
    expected, work = desk.expected_version(), desk.work
    named = await check_named(work.transaction, desk.actor.person_id, body.model_dump(mode="json"))
    appeal_id = await commands.lodge(work, desk.actor, application_id, expected, body.reason, body.file_ids)
    if named:
        await _name(desk, application_id, named)
    rows = await own_appeals(work.transaction, desk.actor, application_id)
    row = next(row for row in rows if row["id"] == appeal_id)
    return answer(views.own(row, work.keyring, work.now), 201, version=row["version"])


async def _name(desk: Desk, application_id: UUID, named: frozenset[UUID]) -> None:
    """They stand beside those of the form, and are seen by whoever sees the case."""
    row = await own(desk.work.transaction, desk.actor, application_id)
    form = desk.work.keyring.open_document(FORM, application_id, row["form"])
    await files.name(desk.work, "application", application_id, named | {file_id for _, file_id in named_in(form)})


@router.get("/applications/{application_id}/appeals", summary="我的申诉", response_model=views.AppealList)
async def list_own_appeals(application_id: PathId, desk: WorkerDesk) -> Response:
    """对一份申请提出过的申诉、处理情况和答复，先提出的在前。"""
    await own(desk.work.transaction, desk.actor, application_id)
    rows = await own_appeals(desk.work.transaction, desk.actor, application_id)
    return answer({"items": [views.own(row, desk.work.keyring, desk.work.now) for row in rows]})


@router.post(
    "/applications/{application_id}/appeals/{appeal_id}/withdraw", summary="撤回申诉", response_model=views.AppealView
)
async def withdraw_appeal(application_id: PathId, appeal_id: PathId, desk: WorkerDesk) -> Response:
    """还没有答复的可以撤回，原决定不变；撤回后不能再对同一个决定提出申诉。需要 If-Match（申诉的版本）。"""
    work = desk.work
    row = await commands.withdraw(work, desk.actor, application_id, appeal_id, desk.expected_version())
    return answer(views.own(row, work.keyring, work.now), version=row["version"])


# ---- staff ----


@router.get("/staff/appeals", summary="等我复核的申诉", response_model=views.AppealTaskPage)
async def list_appeals(
    desk: Annotated[Desk, staff(*DECIDERS)],
    overdue: OverdueQuery = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """先提出的在前；自己办理过的案件、本人和家人的案件不在其中。"""
    after = desk.service.cursors.read("appeals", cursor)
    now = desk.work.now
    rows = await waiting(desk.work.transaction, desk.actor, limit + 1, after, overdue_at=now if overdue else None)
    page, following = desk.service.cursors.cut("appeals", rows, limit, "created_at")
    return answer({"items": [views.task(row, now) for row in page], "next_cursor": following})


@router.get("/staff/appeals/count", summary="等我复核的申诉数", response_model=AppealCount)
async def count_appeals(desk: Annotated[Desk, staff(*DECIDERS)], overdue: OverdueQuery = False) -> Response:
    """等我复核的有多少。"""
    overdue_at = desk.work.now if overdue else None
    return answer({"count": await waiting_count(desk.work.transaction, desk.actor, overdue_at=overdue_at)})


@router.get("/staff/appeals/{appeal_id}", summary="查看申诉", response_model=views.AppealCase)
async def read_appeal(
    appeal_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)], purpose: Purpose = None
) -> Response:
    """申请人的理由、材料和答复。每次查看都有记录，本人可以看到。"""
    work, row = desk.work, await appeal(desk.work.transaction, desk.actor, appeal_id)
    actions = PATHS[Kind(row["kind"])].open_to(row["state"], permissions_over(desk.actor, row))
    if actions and await is_near(work.transaction, row["application_id"]):
        actions = []
    await record_reading(
        work,
        desk.actor,
        kind="appeal",
        row=row,
        subject_person_id=row["applicant_id"],
        purpose=purpose,
        waits=bool(actions),
    )
    return answer(views.case(row, work.keyring, work.now, actions), version=row["version"])


@router.post("/staff/appeals/{appeal_id}/actions", summary="复核申诉", response_model=views.AppealMoved)
async def act_on_appeal(
    appeal_id: PathId, body: AppealDecision, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """维持原决定，或变更决定，都要写明理由。变更的，按提交时的政策和现在的档案重新测算，金额不能超过测算结果；

    区县复核后变更的，交市总审批；市总复核后变更的，需要公示的重新公示，再按新的总额发放。
    办理过这份申请的人、申请人的家人不能复核。需要 If-Match（申诉的版本）。
    """
    done = await commands.decide(
        desk.work,
        desk.actor,
        appeal_id,
        desk.expected_version(),
        Answer(body.action, body.note, body.amount_fen),
        judged_by,
    )
    return answer(dict(done) | {"id": str(done["id"])}, version=done["version"])


def judged_by(kind: Kind) -> Judge:
    """What the rules of a kind say of an application that is looked at again."""
    programme = KINDS[kind]

    async def judge(work: Work, held: ToSubmit) -> Assessed:
        row = held.row
        form = read_whole(programme.form, work.keyring.open_document(FORM, row["id"], row["form"]))
        return await programme.assess(work, Filing(held.applicant, row["id"], form, held.household, held.granted))

    return judge
