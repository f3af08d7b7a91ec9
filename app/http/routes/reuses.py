"""Claims that may stand on one bill, and cards that two households share: found by the jobs, judged by people."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.applications.queries import case
from app.applications.recusal import permissions_for
from app.audit.commands import record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import reuses as views
from app.kernel.actor import Permission
from app.policy.fields import LongText
from app.reuse.commands import answer_hint
from app.reuse.path import PATH, State, Verdict
from app.reuse.queries import card_alerts, hint, hint_count, hints, people_seen, seen, unions_of

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["一票多用"], route_class=Door)
_Readers = Annotated[Desk, staff(Permission.READ_CASES)]
_State = Annotated[State, Query(description="open 待核实，same 同一张票据，different 不是同一张，cleared 已自动消除")]


class ReuseAction(In):
    action: Verdict
    note: LongText | None = None


@router.get("/reuses", summary="一票多用提示", response_model=views.ReusePage)
async def list_reuses(desk: _Readers, state: _State = "open", limit: Limit = 20, cursor: Cursor = None) -> Response:
    """须核实的申请在管辖范围内的，先发现的在前；另一份申请不在范围内的，只显示编号和所属工会。"""
    after = desk.service.cursors.read("reuses", cursor)
    rows = await hints(desk.work.transaction, desk.actor, state, limit + 1, after)
    page, following = desk.service.cursors.cut("reuses", rows, limit, "created_at")
    reached = await seen(desk.work.transaction, desk.actor, page)
    return answer({"items": [views.summary(row, reached) for row in page], "next_cursor": following})


@router.get("/reuses/count", summary="一票多用提示数", response_model=views.ReuseCount)
async def count_reuses(desk: _Readers, state: _State = "open") -> Response:
    """最多数到 10001。"""
    return answer({"count": await hint_count(desk.work.transaction, desk.actor, state)})


@router.get("/reuses/{reuse_id}", summary="查看一票多用提示", response_model=views.ReuseView)
async def read_reuse(reuse_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]) -> Response:
    """哪些相同、哪些不同；两份申请都在管辖范围内的，可以并排查看材料。每次查看都有记录，本人可以看到。"""
    transaction = desk.work.transaction
    row = await hint(transaction, desk.actor, reuse_id)
    reached = await seen(transaction, desk.actor, [row])
    held = []
    for case_id in sorted(reached):
        found = await case(transaction, desk.actor, case_id)
        await record(
            desk.work,
            person_id=desk.actor.person_id,
            action="reuse.opened",
            subject_kind="application",
            subject_id=case_id,
            subject_person_id=found["applicant_id"],
        )
        if case_id == row["application_id"]:
            held = permissions_for(desk.actor, found)
    more = {"open_actions": PATH.open_to(row["state"], held)}
    return answer(views.detail(row, reached, desk.work.keyring) | more, version=row["version"])


@router.post("/reuses/{reuse_id}/actions", summary="核实是否同一张票据", response_model=views.ReuseAnswered)
async def answer_reuse(
    reuse_id: PathId, body: ReuseAction, desk: Annotated[Desk, staff(Permission.ANSWER_REUSE)]
) -> Response:
    """认定同一张票据（same）或不是（different），写明依据。待核实和认定同一张的，单位以上不能通过。需要 If-Match。"""
    row = await answer_hint(desk.work, desk.actor, reuse_id, desk.expected_version(), body.action, body.note)
    shown = {"id": str(reuse_id), "state": row["state"], "version": row["version"]}
    return answer(shown, version=row["version"])


@router.get("/card_alerts", summary="两户同一张银行卡", response_model=views.CardAlertPage)
async def list_card_alerts(desk: _Readers, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """其中一户在管辖范围内的，先发现的在前；换了卡、并入一户或注销账户的，自动消除。"""
    after = desk.service.cursors.read("card_alerts", cursor)
    rows = await card_alerts(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("card_alerts", rows, limit, "created_at")
    unions = await unions_of(desk.work.transaction, page)
    reached = await people_seen(desk.work.transaction, desk.actor, page)
    return answer({"items": [views.card_alert(row, unions, reached) for row in page], "next_cursor": following})
