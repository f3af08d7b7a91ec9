"""Discrepancies: the worker answers, the district decides which is right."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.audit.commands import record
from app.db.scope import permissions_over
from app.db.work import Work
from app.discrepancies import commands
from app.discrepancies.commands import Correction
from app.discrepancies.path import PATH, Outcome
from app.discrepancies.queries import discrepancy, of_own_file, waiting, waiting_count
from app.files.commands import attach
from app.households import correcting
from app.households.changes import Source
from app.households.queries import HouseholdNotFound, living
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.views import discrepancies as views
from app.kernel.actor import Permission
from app.policy.fields import FileIds, LongText

router = APIRouter(prefix=PREFIX, tags=["不一致核实"], route_class=Door)
OverdueQuery = Annotated[Flag, Query(description="只看说明期限已过的")]


class DiscrepancyAnswer(In):
    text: LongText
    file_ids: FileIds = Field(default_factory=list)


class DiscrepancyAction(In):
    action: Literal["resolve"]
    outcome: Outcome = Field(description="以档案为准、以核对结果为准，或说明成立")
    note: LongText | None = Field(default=None, description="必填：核实的依据，本人可以看到")


class DiscrepancyCount(BaseModel):
    count: int = Field(description="最多数到 10001")


@router.get("/me/household/discrepancies", summary="我的档案中不一致的地方", response_model=views.DiscrepancyPage)
async def list_own_discrepancies(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """每一处都写明来源和日期；您可以说明，由区县工会核实。"""
    after = desk.service.cursors.read("own_discrepancies", cursor)
    person_id = desk.actor.person_id
    file = await living(desk.work.transaction, person_id)
    if file is None:
        raise HouseholdNotFound
    rows = await of_own_file(desk.work.transaction, person_id, file["id"], limit + 1, after)
    page, following = desk.service.cursors.cut("own_discrepancies", rows, limit, "created_at")
    items = [views.whole(row, desk.work.keyring, PATH.open_to(row["state"], [Permission.OWN])) for row in page]
    return answer({"items": items, "next_cursor": following})


@router.post("/me/discrepancies/{discrepancy_id}/answer", summary="说明不一致", response_model=views.DiscrepancyMoved)
async def answer_discrepancy(discrepancy_id: PathId, body: DiscrepancyAnswer, desk: WorkerDesk) -> Response:
    """写明实际情况，可以附上证明材料。需要 If-Match。"""
    row = await commands.answer(
        desk.work, desk.actor, discrepancy_id, desk.expected_version(), body.text, body.file_ids
    )
    await attach(desk.work, desk.actor.person_id, "discrepancy", row["id"], body.model_dump(mode="json"))
    return answer(views.moved(row), version=row["version"])


# ---- staff ----


@router.get("/staff/discrepancies", summary="待核实的不一致", response_model=views.DiscrepancyTaskPage)
async def list_discrepancies(
    desk: Annotated[Desk, staff(Permission.READ_CASES)],
    overdue: OverdueQuery = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """先发现的在前。"""
    after = desk.service.cursors.read("discrepancies", cursor)
    today = desk.work.today
    overdue_on = today if overdue else None
    rows = await waiting(desk.work.transaction, desk.actor, limit + 1, after, overdue_on=overdue_on)
    page, following = desk.service.cursors.cut("discrepancies", rows, limit, "created_at")
    return answer({"items": [views.task(row, today) for row in page], "next_cursor": following})


@router.get("/staff/discrepancies/count", summary="待核实的不一致数", response_model=DiscrepancyCount)
async def count_discrepancies(
    desk: Annotated[Desk, staff(Permission.READ_CASES)], overdue: OverdueQuery = False
) -> Response:
    """等待核实的有多少。"""
    overdue_on = desk.work.today if overdue else None
    return answer({"count": await waiting_count(desk.work.transaction, desk.actor, overdue_on=overdue_on)})


@router.get("/staff/discrepancies/{discrepancy_id}", summary="查看不一致", response_model=views.DiscrepancyCase)
async def read_discrepancy(
    discrepancy_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """档案中填写的、走访或核对得到的，以及本人的说明。每次查看都有记录，本人可以看到。"""
    row = await discrepancy(desk.work.transaction, desk.actor, discrepancy_id)
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="discrepancy.opened",
        subject_kind="discrepancy",
        subject_id=discrepancy_id,
        subject_person_id=row["person_id"],
    )
    actions = PATH.open_to(row["state"], permissions_over(desk.actor, row))
    return answer(views.case(row, desk.work.keyring, actions), version=row["version"])


@router.post(
    "/staff/discrepancies/{discrepancy_id}/actions", summary="核实不一致", response_model=views.DiscrepancyMoved
)
async def act_on_discrepancy(
    discrepancy_id: PathId, body: DiscrepancyAction, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """认定以哪一个为准，并写明依据。认定本身不改变档案的状态。需要 If-Match。

    以查到的为准的，档案中的这一项随之更正，并留下变更记录；家庭成员和身份信息除外，请另提变更申请。
    """

    async def put_right(work: Work, right: Correction) -> None:
        source: Source = "match" if right.source == "match" else "staff"
        reason = body.note or right.source
        await correcting.put_right(work, desk.actor, right.household_id, right.field, right.value, source, reason)

    expected = desk.expected_version()
    row = await commands.resolve(
        desk.work, desk.actor, discrepancy_id, expected, outcome=body.outcome, note=body.note, propose=put_right
    )
    return answer(views.moved(row), version=row["version"])
