"""The rights over one's own data: a copy of all of it, and closing the account."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.applications.commands import withdraw_editable
from app.applications.path import OPEN
from app.applications.queries import all_own
from app.files.queries import all_own as files_of
from app.households.queries import living
from app.http.door import PREFIX, Door, WorkerDesk, answer
from app.http.views.applications import detail, instant
from app.kernel.errors import Conflict
from app.own_copy.queries import AT_MOST, parts_of
from app.people.commands import ID_NUMBER, NAME, PHONE, close_account
from app.people.queries import bank_cards, consents, person, sessions

router = APIRouter(prefix=PREFIX, tags=["我的"], route_class=Door)


class ApplicationsOpen(Conflict):
    """您还有正在办理的申请，请先等办理结束或撤回，再注销账户。"""


class ExportView(BaseModel):
    """我的全部数据。每一部分最多 1000 条，最新的在前；还有更多的，在 incomplete 里列出。"""

    person: dict[str, Any]
    bank_cards: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    household: dict[str, Any] | None = Field(description="现在的家庭档案")
    former_households: list[dict[str, Any]] = Field(description="以前的家庭档案")
    household_members: list[dict[str, Any]]
    household_steps: list[dict[str, Any]] = Field(description="档案的办理过程")
    household_changes: list[dict[str, Any]] = Field(description="档案的变更记录")
    household_exits: list[dict[str, Any]]
    household_transfers: list[dict[str, Any]]
    change_requests: list[dict[str, Any]]
    payment_holds: list[dict[str, Any]] = Field(description="变更核对期间暂缓的付款")
    visits: list[dict[str, Any]]
    discrepancies: list[dict[str, Any]]
    match_authorisations: list[dict[str, Any]]
    matches: list[dict[str, Any]]
    plans: list[dict[str, Any]]
    measures: list[dict[str, Any]]
    services: list[dict[str, Any]]
    verifications: list[dict[str, Any]]
    watch_tasks: list[dict[str, Any]] = Field(description="脱困回访")
    contact_cards: list[dict[str, Any]]
    responsible_persons: list[dict[str, Any]]
    covers: list[dict[str, Any]]
    proxy_filings: list[dict[str, Any]]
    proxy_applications: list[dict[str, Any]]
    account_claims: list[dict[str, Any]]
    posts: list[dict[str, Any]]
    post_changes: list[dict[str, Any]]
    appeals: list[dict[str, Any]]
    supplements: list[dict[str, Any]] = Field(description="要求过的补充材料和本人的补充")
    earlier_submissions: list[dict[str, Any]] = Field(description="退回以前提交的表单和当时的决定")
    ratings: list[dict[str, Any]] = Field(description="本人作出的满意度评价")
    reveals: list[dict[str, Any]] = Field(description="工作人员查看过的完整信息及理由")
    declared_relatives: list[dict[str, Any]] = Field(description="我申报的亲属")
    payments: list[dict[str, Any]] = Field(description="付给我的每一笔，和银行怎样回复")
    payment_checks: list[dict[str, Any]] = Field(description="付给我的款项被抽查的情况")
    card_checks: list[dict[str, Any]] = Field(description="我的银行卡的核验")
    messages: list[dict[str, Any]]
    wechat_deliveries: list[dict[str, Any]] = Field(description="这些消息送往微信的情况")
    text_messages: list[dict[str, Any]] = Field(description="这些消息另发短信的情况")
    wechat_subscriptions: list[dict[str, Any]] = Field(description="订阅消息的授权")
    shown_in_articles: list[dict[str, Any]] = Field(description="本人同意后出现在哪些宣传文章中")
    applications: list[dict[str, Any]]
    files: list[dict[str, Any]]
    access_log: list[dict[str, Any]] = Field(description="谁看过我的信息；更早的见 /me/access_log")
    incomplete: list[str] = Field(description="超过 1000 条、没有全部列出的部分")


@router.get("/me/export", summary="导出我的数据", response_model=ExportView)
async def export_me(desk: WorkerDesk) -> Response:
    """本人的全部数据：身份、授权、登录、档案及其变更、走访、核对、计划、申请、材料（材料本身在 /files 下载）等。

    银行卡号仍然脱敏。没有列入的只有查重提示等不属于本人的记录。
    """
    transaction, keyring, me = desk.work.transaction, desk.work.keyring, desk.actor.person_id
    row = await person(transaction, me)
    household = await living(transaction, me)
    columns = {"name": NAME, "id_number": ID_NUMBER, "phone": PHONE}
    known = {key: keyring.open_text(column, me, row[key]) if row[key] else None for key, column in columns.items()}
    parts, cut = await parts_of(transaction, keyring, me)
    # One reading serves both: the file that lives, and those that were left.
    living_id = str(household["id"]) if household else None
    files = parts["former_households"]
    parts["former_households"] = [each for each in files if each["id"] != living_id]
    applications = await all_own(transaction, desk.actor, AT_MOST + 1)
    uploads = (await files_of(transaction, me))[::-1]
    shown = parts | {
        "person": {"id": str(me), "created_at": instant(row["created_at"]), "verified_at": instant(row["verified_at"])}
        | known,
        "bank_cards": [dict(card) for card in await bank_cards(transaction, me)],
        "consents": [_plain(each) for each in await consents(transaction, me)],
        "sessions": [_plain(each) for each in await sessions(transaction, me)],
        "household": next((each for each in files if each["id"] == living_id), None),
        "applications": [detail(each, desk.work, ()) for each in applications[:AT_MOST]],
        "files": [_file(each) for each in uploads[:AT_MOST]],
        "incomplete": cut
        + [name for name, rows in (("applications", applications), ("files", uploads)) if len(rows) > AT_MOST],
    }
    return answer(shown)


def _file(row: Any) -> dict[str, Any]:
    return _plain({key: value for key, value in dict(row).items() if key not in ("size", "sha256")}) | {
        "size": row["size"],
        "sha256": row["sha256"].hex(),
    }


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
