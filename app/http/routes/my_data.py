"""The rights over one's own data: a copy of all of it, and closing the account."""

from typing import Any

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.applications.commands import withdraw_editable
from app.applications.path import OPEN
from app.applications.queries import all_own
from app.files.queries import all_own as files_of
from app.households.queries import FORM, living
from app.http.door import PREFIX, Door, WorkerDesk, answer
from app.http.views.applications import detail, instant
from app.kernel.errors import Conflict
from app.people.commands import ID_NUMBER, NAME, PHONE, close_account
from app.people.queries import bank_cards, consents, person, sessions

router = APIRouter(prefix=PREFIX, tags=["我的"], route_class=Door)


class ApplicationsOpen(Conflict):
    """您还有正在办理的申请，请先等办理结束或撤回，再注销账户。"""


class ExportView(BaseModel):
    """我的全部数据。"""

    person: dict[str, Any]
    bank_cards: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    household: dict[str, Any] | None
    applications: list[dict[str, Any]]
    files: list[dict[str, Any]]


@router.get("/me/export", summary="导出我的数据", response_model=ExportView)
async def export_me(desk: WorkerDesk) -> Response:
    """本人的身份信息、授权、登录、家庭档案、全部申请和上传过的材料（材料本身在 /files 下载）。银行卡号仍然脱敏。"""
    transaction, keyring, me = desk.work.transaction, desk.work.keyring, desk.actor.person_id
    row = await person(transaction, me)
    household = await living(transaction, me)
    columns = {"name": NAME, "id_number": ID_NUMBER, "phone": PHONE}
    known = {key: keyring.open_text(column, me, row[key]) if row[key] else None for key, column in columns.items()}
    form = orjson.Fragment(keyring.open(FORM, household["id"], household["form"])) if household else None
    shown = {
        "person": {"id": str(me), "created_at": instant(row["created_at"]), **known},
        "bank_cards": [dict(card) for card in await bank_cards(transaction, me)],
        "consents": [_plain(each) for each in await consents(transaction, me)],
        "sessions": [_plain(each) for each in await sessions(transaction, me)],
        "household": {"number": household["number"], "state": household["state"], "form": form} if household else None,
        "applications": [detail(each, desk.work, ()) for each in await all_own(transaction, desk.actor)],
        "files": [_plain(each) | {"size": each["size"]} for each in await files_of(transaction, me)],
    }
    return answer(shown)


@router.delete("/me", status_code=204, summary="注销账户", response_class=Response)
async def close_me(desk: WorkerDesk) -> Response:
    """注销后微信和证件号码可以重新绑定；已办结的申请按档案规定保存。"""
    await withdraw_editable(desk.work, desk.actor)  # before we look: what is being submitted is waited for
    if any(row["state"] in OPEN for row in await all_own(desk.work.transaction, desk.actor)):
        raise ApplicationsOpen
    await close_account(desk.work, desk.actor.person_id)
    desk.service.forget(desk.actor.session_id)
    return Response(status_code=204)


def _plain(row: Any) -> dict[str, Any]:
    return {key: instant(value) if key.endswith("_at") else str(value) for key, value in dict(row).items()}
