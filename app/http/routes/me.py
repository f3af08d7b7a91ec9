"""The signed-in person: identity, phone, bank card, union, and consents."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.applications.commands import move_drafts
from app.db.transaction import Sight
from app.db.work import Work
from app.gateways.wechat.errors import CodeRefused, PhoneNotMainland, WeChatError
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, begin, service_of, signed_in
from app.http.inputs import In, PathId
from app.http.problems import of_domain
from app.http.routes.changing import BankCardRequest, change_card
from app.http.routes.sessions import PersonView, WechatCodeInvalid, person_view, wechat_failed
from app.http.service import clock
from app.http.views.applications import instant
from app.kernel.errors import FieldError, Invalid
from app.organisations.queries import organisation, organisation_of_code
from app.people import commands
from app.people.attempt_commands import PHONE_CODES, count, forget
from app.people.consents import Purpose
from app.people.queries import bank_cards, consents, person
from app.policy.fields import Code, PersonName

router = APIRouter(prefix=PREFIX, tags=["我的"], route_class=Door)


class IdentityRequest(In):
    name: PersonName
    id_number: Annotated[str, Field(min_length=15, max_length=40)]


class PhoneRequest(In):
    """getPhoneNumber 按钮得到的 code。"""

    code: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


class OrganisationRequest(In):
    organisation_code: Code


class ConsentRequest(In):
    purpose: Annotated[Purpose, Field(strict=False)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="所阅读授权书文本的 sha256")]


class BankCardView(BaseModel):
    bank_name: str
    branch: str | None
    number_masked: str
    state: str = Field(description="current 使用中 · pending 变更待核对")
    checked: Literal["passed", "failed"] | None = Field(
        description="银行户名核验：passed 通过 · failed 没有通过；没有核验的为 null"
    )


class MeView(PersonView):
    organisation_code: str | None
    organisation_name: str | None
    bank_cards: list[BankCardView]
    version: int


class ConsentView(BaseModel):
    id: str
    purpose: Purpose
    text_version: str
    text_sha256: str
    given_at: str
    withdrawn_at: str | None


class ConsentList(BaseModel):
    items: list[ConsentView]


@router.get("/me", summary="我的信息", response_model=MeView)
async def read_me(desk: WorkerDesk) -> Response:
    """姓名、手机号和银行卡号都已脱敏。"""
    return await _me(desk.work, desk.actor.person_id)


async def _me(work: Any, person_id: Any) -> Response:
    row = await person(work.transaction, person_id)
    union = await organisation(work.transaction, row["organisation_id"]) if row["organisation_id"] else None
    shown = await person_view(work, person_id) | {
        "organisation_code": union["code"] if union else None,
        "organisation_name": union["name"] if union else None,
        "bank_cards": [dict(card) for card in await bank_cards(work.transaction, person_id)],
        "version": row["version"],
    }
    return answer(shown, version=row["version"])


@router.put("/me/identity", summary="实名认证", response_model=MeView)
async def set_identity(body: IdentityRequest, desk: WorkerDesk) -> Response:
    """绑定本人姓名和证件号码，只能绑定一次；一个证件号码只能绑定一个账户。"""
    if not await commands.set_identity(desk.work, desk.actor.person_id, body.name, body.id_number):
        # Answered, not raised: that it is counted has to stay.
        return of_domain(commands.IdentityTaken(), desk.request.scope.get("request_id", ""))
    return await _me(desk.work, desk.actor.person_id)


@router.put("/me/phone", summary="绑定手机号", response_model=MeView)
async def set_phone(request: Request, body: PhoneRequest) -> Response:
    """用 getPhoneNumber 的 code 换取手机号。"""
    actor = await signed_in(request)
    await _count_code(request, actor.person_id)
    try:
        number = await service_of(request).wechat.phone_number(body.code)
    except CodeRefused:
        raise WechatCodeInvalid from None
    except PhoneNotMainland:
        raise Invalid(FieldError("/code", "phone_not_mainland", "目前只支持中国大陆手机号。")) from None
    except WeChatError as failed:
        raise wechat_failed(failed) from None
    work = await begin(request, Sight("worker", actor.person_id))
    await commands.set_phone(work, actor.person_id, number)
    await forget(work, PHONE_CODES, str(actor.person_id))
    return await _me(work, actor.person_id)


async def _count_code(request: Request, person_id: UUID) -> None:
    """Counted before WeChat is asked, in a transaction of its own: what comes of it may be an exception."""
    service = service_of(request)
    async with service.database.begin(Sight("worker", person_id)) as transaction:
        work = Work(transaction, service.keyring, await service.calendar.get(), clock(), await service.policies.get())
        await count(work, PHONE_CODES, str(person_id))


@router.put("/me/bank_card", summary="绑定银行卡", response_model=MeView)
async def set_bank_card(body: BankCardRequest, desk: WorkerDesk) -> Response:
    """必须是本人的卡。第一次绑定立即生效；以后的变更要等工会另一人核对，核对结束前不付款。"""
    await change_card(desk, body, None)
    return await _me(desk.work, desk.actor.person_id)


@router.put("/me/organisation", summary="选择所在工会", response_model=MeView)
async def set_organisation(body: OrganisationRequest, desk: WorkerDesk) -> Response:
    """以后的申请由这个工会受理，还没有提交的草稿也改由它受理。没有所在工会的，由市职工服务中心受理，不必选择。"""
    union = await organisation_of_code(desk.work.transaction, body.organisation_code)
    if union["level"] not in ("unit", "street"):
        raise Invalid(FieldError("/organisation_code", "organisation_not_basic", "请选择基层工会或镇街工会。"))
    await commands.set_organisation(desk.work, desk.actor.person_id, union["id"])
    await move_drafts(desk.work, desk.actor.person_id, union)
    return await _me(desk.work, desk.actor.person_id)


@router.get("/me/consents", summary="我的授权记录", response_model=ConsentList)
async def list_my_consents(desk: WorkerDesk) -> Response:
    """包括已撤回的。"""
    rows = await consents(desk.work.transaction, desk.actor.person_id)
    return answer({"items": [_consent(row) for row in rows]})


def _consent(row: Any) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "purpose": row["purpose"],
        "text_version": row["text_version"],
        "text_sha256": row["text_sha256"],
        "given_at": instant(row["created_at"]),
        "withdrawn_at": instant(row["withdrawn_at"]),
    }


@router.post("/me/consents", status_code=201, summary="同意授权书", response_model=ConsentView)
async def give_consent(body: ConsentRequest, desk: WorkerDesk) -> Response:
    """对一种用途单独同意；sha256 必须是当前文本的。重复同意不会产生新记录。"""
    consent_id = await commands.give_consent(desk.work, desk.actor.person_id, body.purpose, body.sha256)
    return await _one_consent(desk, consent_id, 201)


@router.post("/me/consents/{consent_id}/withdraw", summary="撤回同意", response_model=ConsentView)
async def withdraw_consent(consent_id: PathId, desk: WorkerDesk) -> Response:
    """撤回不影响此前已完成的办理。"""
    await commands.withdraw_consent(desk.work, desk.actor.person_id, consent_id)
    return await _one_consent(desk, consent_id, 200)


async def _one_consent(desk: Desk, consent_id: Any, status: int) -> Response:
    rows = await consents(desk.work.transaction, desk.actor.person_id)
    return answer(_consent(next(row for row in rows if row["id"] == consent_id)), status)
