"""Household files that look like one: found by the jobs, judged by people."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.audit.commands import record
from app.db.scope import permissions_over
from app.duplicates import commands
from app.duplicates.path import PATH, State, Verdict
from app.duplicates.queries import duplicate, duplicate_count, duplicates, owners, sides
from app.households.queries import form_of, household
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import duplicates as views
from app.kernel.actor import Permission
from app.policy.fields import LongText

router = APIRouter(prefix=f"{PREFIX}/staff/duplicates", tags=["档案查重"], route_class=Door)
_Readers = Annotated[Desk, staff(Permission.READ_CASES)]
_State = Annotated[State, Query(description="open 待核对，same 同一户，different 不是同一户，cleared 已自动消除")]


class DuplicateAction(In):
    action: Verdict
    note: LongText | None = None


@router.get("", summary="疑似重复的档案", response_model=views.DuplicatePage)
async def list_duplicates(
    desk: _Readers,
    state: _State = "open",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """先发现的在前。只要其中一份在管辖范围内就会列出；另一份不在范围内的，只显示所属工会。"""
    after = desk.service.cursors.read("duplicates", cursor)
    rows = await duplicates(desk.work.transaction, desk.actor, state, limit + 1, after)
    page, following = desk.service.cursors.cut("duplicates", rows, limit, "created_at")
    names = await owners(desk.work.transaction, page)
    reached = await sides(desk.work.transaction, desk.actor, page)
    items = [views.pair(row, names, {side: reached.get(row[f"household_{side}_id"]) for side in "ab"}) for row in page]
    return answer({"items": items, "next_cursor": following})


@router.get("/count", summary="疑似重复的档案数", response_model=views.DuplicateCount)
async def count_duplicates(desk: _Readers, state: _State = "open") -> Response:
    """最多数到 10001。"""
    return answer({"count": await duplicate_count(desk.work.transaction, desk.actor, state)})


@router.get("/{duplicate_id}", summary="查看疑似重复的档案", response_model=views.DuplicateView)
async def read_duplicate(
    duplicate_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """两份档案的成员（已脱敏）和每一条理由；每次查看都有记录，本人可以看到。"""
    row = await duplicate(desk.work.transaction, desk.actor, duplicate_id)
    transaction, keyring = desk.work.transaction, desk.work.keyring
    files = {side: await household(transaction, desk.actor, row[f"household_{side}_id"]) for side in "ab"}
    forms = {side: form_of(keyring, found) for side, found in files.items()}
    shown = views.pair(row, await owners(transaction, [row]), files, forms)
    reached = [found for found in files.values() if found is not None]
    for found in reached:
        await record(
            desk.work,
            person_id=desk.actor.person_id,
            action="duplicate.opened",
            subject_kind="household",
            subject_id=found["id"],
            subject_person_id=found["person_id"],
        )
    held = [permission for found in reached for permission in permissions_over(desk.actor, found)]
    more = {
        "note": views.note(row, keyring),
        "open_actions": PATH.open_to(row["state"], held),
        "hint": views.hint(row),
    }
    return answer(shown | more, version=row["version"])


@router.post("/{duplicate_id}/actions", summary="认定是否重复", response_model=views.DuplicateJudged)
async def judge_duplicate(
    duplicate_id: PathId, body: DuplicateAction, desk: Annotated[Desk, staff(Permission.JUDGE_DUPLICATES)]
) -> Response:
    """认定为同一户（再办理合并）或不是同一户，写明依据。档案内容不变，认定就一直有效。需要 If-Match。"""
    seen = desk.expected_version()
    row = await commands.judge(desk.work, desk.actor, duplicate_id, seen, body.action, body.note)
    shown = {"id": str(duplicate_id), "state": row["state"], "version": row["version"], "hint": views.hint(row)}
    return answer(shown, version=row["version"])
