"""Sensitive changes: asked for by the worker or a clerk, decided by a second person; meanwhile nothing is paid."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, WithJsonSchema

from app.applications.assisting.helping import applicant_on_paper, to_help
from app.applications.path import State
from app.change_requests.commands import Subject, asker, changed_form, decide, withdraw
from app.change_requests.path import DECISIONS, PATH
from app.change_requests.queries import count_in_reach, in_reach, own_page, to_decide
from app.change_requests.rules import MEMBERS, Wanted, named, place_of
from app.db.scope import permissions_over
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.households.forms import HouseholdForm, Member
from app.households.members import ID_NUMBER, check_number
from app.households.queries import FORM, HouseholdNotFound, file, living
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.routes.changing import (
    TIERS,
    BankCardRequest,
    ask_and_stop,
    card_wanted,
    change_card,
    own_subject,
    subject_of,
)
from app.http.views import change_requests as views
from app.kernel.actor import Permission
from app.kernel.errors import Conflict, FieldError, Invalid
from app.people.card_commands import propose_bank_card
from app.people.commands import NAME
from app.policy.fields import IdNumber, LongText, PersonName

router = APIRouter(prefix=PREFIX, tags=["变更申请"], route_class=Door)
OVER = frozenset({State.DRAFT, State.REJECTED, State.WITHDRAWN, State.PAID})
"""States of an application in which nothing will be paid."""
StateQuery = Annotated[views.State | None, Query(description="只看一种状态")]
KindQuery = Annotated[views.Kind | None, Query(description="只看一种变更")]


class CardNeedsNoRequest(Conflict):
    """这张银行卡已直接生效，不需要变更申请。"""


class CaseOver(Conflict):
    """这份申请已经办结，不再付款，不需要更换银行卡。"""


class CardOfHousehold(Conflict):
    """申请人已有家庭档案，更换银行卡请由档案所在的工会在档案里提出变更申请。"""


class ChangeAsked(In):
    """银行卡填 bank_card；身份填 field、name、id_number；成员加入填 member_joins，离开填 field。"""

    kind: Literal["bank_card", "identity", "household_size"]
    reason: LongText
    field: Annotated[str, Field(pattern=r"^/(head|members/[0-9]{1,2})$")] | None = Field(
        default=None, description="户主 /head，或第几个成员 /members/0"
    )
    name: PersonName | None = None
    id_number: IdNumber | None = None
    bank_card: BankCardRequest | None = None
    member_joins: Member | None = None


class CardChangeAsked(In):
    """没有微信、也没有家庭档案的职工要换的银行卡，或者还没有登记的第一张。"""

    bank_card: BankCardRequest
    reason: LongText


class ChangeDecision(In):
    action: Annotated[str, WithJsonSchema({"type": "string", "enum": list(DECISIONS)})]
    note: LongText | None = Field(default=None, description="核对的依据或驳回的原因，必填")


PARTS: dict[str, tuple[set[str], ...]] = {
    "bank_card": ({"bank_card"},),
    "identity": ({"field", "name", "id_number"},),
    "household_size": ({"member_joins"}, {"field"}),
}
"""What is filled in for each kind, and nothing else."""


def _complete(body: ChangeAsked) -> None:
    """Raises Invalid unless exactly what belongs to the kind is filled in."""
    parts = ("field", "name", "id_number", "bank_card", "member_joins")
    given = {part for part in parts if getattr(body, part) is not None}
    if given not in PARTS[body.kind] or (body.kind == "household_size" and body.field == "/head"):
        raise Invalid(FieldError("/kind", "change_parts", "请按变更的种类填写所需的各项，不要填写其他项。"))


def _wanted(work: Work, body: ChangeAsked, household: Record) -> Wanted:
    """What the file should say instead. Raises Invalid, ChangeOutdated, FileWithOwner, NothingChanges."""
    form = work.keyring.open_document(FORM, household["id"], household["form"])
    if body.member_joins is not None:
        check_number(body.member_joins.id_number, "/member_joins", work)
        joins = body.member_joins.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        wanted = Wanted("household_size", MEMBERS, None, joins)
    elif body.field is not None and body.id_number is not None:
        check_number(body.id_number, "", work)
        after = {"name": body.name, "id_number": body.id_number}
        wanted = Wanted("identity", body.field, named(place_of(form, body.field)), after)
    else:
        assert body.field is not None
        wanted = Wanted("household_size", MEMBERS, place_of(form, body.field), None)
    changed_form(work, household, wanted)
    return wanted


# ---- the worker ----


@router.post(
    "/me/household/change_requests", status_code=201, summary="申请变更", response_model=views.ChangeRequestView
)
async def ask_for_own(body: ChangeAsked, desk: WorkerDesk) -> Response:
    """由工会另一人核对后生效；核对结束前不向本户付款。同一项只能有一份待核对的申请。"""
    _complete(body)
    household = await living(desk.work.transaction, desk.actor.person_id)
    if body.bank_card is not None:
        request_id = await change_card(desk, body.bank_card, body.reason)
        if request_id is None:
            raise CardNeedsNoRequest
    else:
        if household is None or household["submitted_at"] is None:
            raise HouseholdNotFound
        wanted = _wanted(desk.work, body, household)
        subject = await own_subject(desk, household)
        request_id = await ask_and_stop(desk, subject, await asker(desk.work, desk.actor), wanted, body.reason)
    rows = await own_page(desk.work.transaction, desk.actor, 1, None)
    return answer(views.request(rows[0], desk.work, _own_actions(desk, rows[0])), 201, version=1)


@router.get("/me/household/change_requests", summary="我的变更申请", response_model=views.ChangeRequestPage)
async def list_own(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """最新的在前；内容已脱敏。"""
    after = desk.service.cursors.read("own_change_requests", cursor)
    rows = await own_page(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("own_change_requests", rows, limit, "created_at")
    shown = [views.request(row, desk.work, _own_actions(desk, row)) for row in page]
    return answer({"items": shown, "next_cursor": following})


@router.post(
    "/me/household/change_requests/{request_id}/withdraw",
    summary="撤回我的变更申请",
    response_model=views.ChangeRequestMoved,
)
async def withdraw_own(request_id: PathId, desk: WorkerDesk) -> Response:
    """核对结束前，提出的人可以撤回；撤回后什么也不变更，暂缓的付款可以重新办理。需要 If-Match。"""
    return await _withdraw(desk, request_id)


async def _withdraw(desk: Desk, request_id: UUID) -> Response:
    done = await withdraw(desk.work, desk.actor, request_id, desk.expected_version())
    return answer(dict(done) | {"id": str(done["id"])}, version=done["version"])


def _own_actions(desk: Desk, row: Record) -> list[str]:
    """What whoever asked may still do about it."""
    return PATH.open_to(row["state"], [Permission.OWN] if row["asked_by"] == desk.actor.person_id else [])


# ---- staff ----

AskDesk = Annotated[Desk, staff(Permission.ASSIST)]
ListDesk = Annotated[Desk, staff(Permission.DECIDE_CHANGE, Permission.ASSIST)]


@router.post(
    "/staff/households/{household_id}/change_requests",
    status_code=201,
    summary="代职工申请变更",
    response_model=views.ChangeRequestView,
)
async def ask_for_household(household_id: PathId, body: ChangeAsked, desk: AskDesk) -> Response:
    """由另一人核对后生效；核对结束前不向这一户付款。"""
    _complete(body)
    work = desk.work
    household = await file(work.transaction, desk.actor, household_id)
    by = await asker(work, desk.actor, staff_over=household)
    form = work.keyring.open_document(FORM, household_id, household["form"])
    head = HouseholdForm.model_validate(form).head
    subject = subject_of(household, work.keyring.blind_index(ID_NUMBER, head.id_number))
    card = body.bank_card
    if card is None:
        request_id = await ask_and_stop(desk, subject, by, _wanted(work, body, household), body.reason)
    else:
        if card.holder != head.name:
            raise Invalid(FieldError("/bank_card/holder", "holder_differs", "持卡人必须是户主本人。"))
        request_id = await ask_and_stop(desk, subject, by, card_wanted(card), body.reason)
        await propose_bank_card(work, subject.person_id, card.holder, card.number, card.bank_name, card.branch)
    return await _shown(desk, request_id)


@router.post(
    "/staff/applications/{application_id}/change_requests",
    status_code=201,
    summary="代没有微信的申请人更换银行卡",
    response_model=views.ChangeRequestView,
)
async def ask_for_applicant(application_id: PathId, body: CardChangeAsked, desk: AskDesk) -> Response:
    """由另一人核对后生效；核对结束前不向申请人付款。有微信的由本人在小程序里更换。"""
    work, card = desk.work, body.bank_card
    row = await to_help(work, desk.actor, application_id)
    applicant = await applicant_on_paper(work, row)
    if row["state"] in OVER:
        raise CaseOver
    async with work.transaction.seen_by(Sight("worker", applicant["id"])):
        household = await living(work.transaction, applicant["id"])
    if household is not None and household["submitted_at"] is not None:
        raise CardOfHousehold
    if card.holder != work.keyring.open_text(NAME, applicant["id"], applicant["name"]):
        raise Invalid(FieldError("/bank_card/holder", "holder_differs", "持卡人必须是申请人本人。"))
    places = (row[f"{tier}_id"] for tier in TIERS)
    subject = Subject(applicant["id"], applicant["id_number_index"], row["applicant_masked"], None, *places)
    by = await asker(work, desk.actor, staff_over=row)
    request_id = await ask_and_stop(desk, subject, by, card_wanted(card), body.reason)
    await propose_bank_card(work, subject.person_id, card.holder, card.number, card.bank_name, card.branch)
    return await _shown(desk, request_id)


async def _shown(desk: Desk, request_id: UUID) -> Response:
    row = await to_decide(desk.work.transaction, desk.actor, request_id)
    return answer(views.request(row, desk.work, _open_actions(desk, row)), 201, version=row["version"])


def _open_actions(desk: Desk, row: Record) -> list[str]:
    asked = row["asked_by"] == desk.actor.person_id
    return PATH.open_to(row["state"], permissions_over(desk.actor, row), signed=asked) + _own_actions(desk, row)


@router.get("/staff/change_requests", summary="变更申请", response_model=views.ChangeRequestPage)
async def list_requests(
    desk: ListDesk,
    state: StateQuery = None,
    kind: KindQuery = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """管辖范围内的变更申请，先提出的在前；内容已脱敏。"""
    after = desk.service.cursors.read("change_requests", cursor)
    rows = await in_reach(desk.work.transaction, desk.actor, limit + 1, after, state=state, kind=kind)
    page, following = desk.service.cursors.cut("change_requests", rows, limit, "created_at")
    shown: list[dict[str, Any]] = [views.request(row, desk.work, _open_actions(desk, row)) for row in page]
    return answer({"items": shown, "next_cursor": following})


@router.get("/staff/change_requests/count", summary="变更申请数", response_model=views.ChangeRequestCount)
async def count_requests(desk: ListDesk, state: StateQuery = None, kind: KindQuery = None) -> Response:
    """管辖范围内有多少。"""
    return answer({"count": await count_in_reach(desk.work.transaction, desk.actor, state=state, kind=kind)})


@router.post("/staff/change_requests/{request_id}/actions", summary="核对变更", response_model=views.ChangeRequestMoved)
async def act_on_request(
    request_id: PathId, body: ChangeDecision, desk: Annotated[Desk, staff(Permission.DECIDE_CHANGE)]
) -> Response:
    """同意（立即生效）或驳回，都要写明依据。提出的人、本人和家庭成员不能核对。需要 If-Match。"""
    done = await decide(desk.work, desk.actor, request_id, desk.expected_version(), body.action, body.note)
    return answer(dict(done) | {"id": str(done["id"])}, version=done["version"])


@router.post(
    "/staff/change_requests/{request_id}/withdraw",
    summary="撤回代职工提出的变更申请",
    response_model=views.ChangeRequestMoved,
)
async def withdraw_as_staff(request_id: PathId, desk: AskDesk) -> Response:
    """核对结束前，提出的人可以撤回；撤回后什么也不变更，暂缓的付款可以重新办理。需要 If-Match。"""
    return await _withdraw(desk, request_id)
