"""Staff fill in an application for a worker (代办); the worker confirms it, or signs on paper, and it is submitted."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.access.rules import masked_form
from app.applications.assisting import commands
from app.applications.assisting.commands import Filled, Signer
from app.applications.assisting.queries import CARD, FORM, filing, one_waiting_for, open_page, waiting_for
from app.applications.commands import ConsentsMissing
from app.applications.commands import submit as submit_application
from app.applications.path import Kind
from app.applications.programme import Programme
from app.applications.submission_queries import own_to_submit
from app.db.scope import post_over
from app.db.transaction import Record, Sight
from app.db.work import Work
from app.files import commands as files
from app.files.queries import check_named, check_signature
from app.households.queries import ACTIVE_STATES, living
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.problems import FieldProblem
from app.http.routes.applications import FormDraft, SubmittedView, judged, moved_view, year_of
from app.http.views.applications import By, instant
from app.kernel.actor import Actor, Permission
from app.kernel.errors import FieldError, Invalid
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.kernel.masking import mask_card
from app.organisations.queries import OrganisationNotFound, organisation_of_code
from app.people.card_commands import valid_card
from app.people.commands import ID_NUMBER as PERSON_NUMBER
from app.people.commands import give_consent
from app.people.consents import Purpose, consent_texts
from app.people.queries import consented, person_of_number
from app.policy.drafts import read_draft, warnings_of
from app.policy.fields import Code, Id, IdNumber, PersonName, ShortText
from app.programmes import KINDS

router = APIRouter(prefix=PREFIX, tags=["代办"], route_class=Door)
AssistDesk = Annotated[Desk, staff(Permission.ASSIST)]


class CardWrittenDown(In):
    """职工本人的银行卡。"""

    number: Annotated[str, Field(min_length=12, max_length=40)]
    bank_name: ShortText
    branch: ShortText | None = None


class ProxyApplicationRequest(In):
    """职工的姓名、证件号码和手机号，以及按他们所说填写的申请（可以只填一部分，填全才能提交）。"""

    name: PersonName
    id_number: IdNumber
    phone: Annotated[str, Field(pattern=r"^1[0-9]{10}$")]
    organisation_code: Code
    kind: Annotated[Kind, Field(strict=False)]
    form: FormDraft = Field(description="字段按 kind 不同；材料由代填人上传，确认后归本人；本人以前交过的可以再用")
    bank_card: CardWrittenDown | None = Field(
        default=None, description="本人还没有登记银行卡的，确认后登记这一张；已登记的不变，更换另提变更申请"
    )
    returned_application_id: Id | None = Field(
        default=None, description="代为补正被退回的申请时，那一份的编号；确认后替换原来填写的内容，重新提交"
    )


class SignedPaper(In):
    signature_file_id: Annotated[Id, Field(description="签名照片的文件编号")]
    consents: Annotated[list[Annotated[Purpose, Field(strict=False)]], Field(max_length=len(Purpose))] = Field(
        description="本人在纸上一并签字同意的授权书"
    )


class ProxyApplicationView(BaseModel):
    """一份代填的申请，等待本人确认。"""

    id: str
    kind: Kind
    name_masked: str
    phone_masked: str
    state: str
    version: int
    filed_at: str
    filed_by: By
    bank_card_masked: str | None = Field(description="写下的银行卡；请与本人出示的核对")
    returned_application_id: str | None = Field(description="代为补正的那份被退回的申请")


class ProxyApplicationPage(BaseModel):
    items: list[ProxyApplicationView]
    next_cursor: str | None


class FilledView(ProxyApplicationView):
    """还有填写的内容，以及提交前还缺什么。"""

    form: dict[str, Any] = Field(description="按 kind 不同；工作人员看到的，证件号码和诊断已脱敏")
    warnings: list[FieldProblem]


class WaitingList(BaseModel):
    items: list[FilledView]


# ---- staff ----


@router.post(
    "/staff/proxy_applications", status_code=201, summary="代职工填写申请", response_model=ProxyApplicationView
)
async def file_application(body: ProxyApplicationRequest, desk: AssistDesk) -> Response:
    """本人在小程序里确认后，才以本人的名义提交；代填的人不能审核、审批或付款。"""
    work, programme = desk.work, KINDS[body.kind]
    kept = read_draft(programme.form, body.form)
    union = await organisation_of_code(work.transaction, body.organisation_code)
    post = post_over(desk.actor, Permission.ASSIST, union)
    if post is None:
        raise OrganisationNotFound
    try:
        number = resident_id(body.id_number, work.today).number
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError("/id_number", wrong.code, wrong.message)) from None
    index = work.keyring.blind_index(PERSON_NUMBER, number)
    worker_id = await person_of_number(work.transaction, index)
    named = await check_named(work.transaction, desk.actor.person_id, kept, "/form", worker_id=worker_id)
    period = programme.period(kept, work.today)
    card = None
    if body.bank_card is not None:
        digits = valid_card(body.bank_card.number, "/bank_card/number")
        card = body.bank_card.model_dump(exclude_none=True) | {"number": digits}
    filled = Filled(body.kind, period, body.name, number, body.phone, kept, card, body.returned_application_id)
    filing_id = await commands.file_for(work, desk.actor, union, post, filled)
    await files.name(work, "proxy_application", filing_id, named)
    row = await filing(work.transaction, desk.actor, filing_id)
    return answer(_view(work, row), 201, version=row["version"])


@router.get("/staff/proxy_applications", summary="等待确认的代填申请", response_model=ProxyApplicationPage)
async def list_filings(desk: AssistDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """管辖范围内等待本人确认的，先填的在前。"""
    after = desk.service.cursors.read("proxy_applications", cursor)
    rows = await open_page(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("proxy_applications", rows, limit, "created_at")
    return answer({"items": [_view(desk.work, row) for row in page], "next_cursor": following})


@router.get("/staff/proxy_applications/{filing_id}", summary="核对代填的申请", response_model=FilledView)
async def read_filing(filing_id: PathId, desk: Annotated[Desk, staff(Permission.ASSIST, recorded=True)]) -> Response:
    """确认纸质签名之前，对照本人签字的纸质申请逐项核对；每次查看都有记录，本人可以看到。"""
    row = await commands.looked_at(desk.work, desk.actor, filing_id)
    shown = _filled(desk.work, row)
    return answer(shown | {"form": masked_form(shown["form"])}, version=row["version"])


@router.post(
    "/staff/proxy_applications/{filing_id}/confirm_on_paper",
    summary="确认纸质签名并提交申请",
    response_model=SubmittedView,
)
async def confirm_on_paper(filing_id: PathId, body: SignedPaper, desk: AssistDesk) -> Response:
    """没有微信的职工在纸上签名，由代填人以外的另一名工作人员确认，以本人的名义提交。需要 If-Match。"""
    work = desk.work
    row, post = await commands.to_confirm_on_paper(work, desk.actor, filing_id, desk.expected_version())
    _require(KINDS[Kind(row["kind"])], frozenset(body.consents))
    signature = await check_signature(work.transaction, desk.actor.person_id, body.signature_file_id)
    person_id = await commands.signer_of_paper(work, desk.actor, row)
    signer = Signer(desk.actor.person_id, post, body.signature_file_id)
    # By the same rules as if they did it themselves: seen with their eyes, whatever else staff may see.
    async with work.transaction.seen_by(Sight("worker", person_id)):
        for purpose in body.consents:
            await give_consent(work, person_id, purpose, consent_texts()[purpose].sha256)
        response = await _submit(desk, row, person_id, signer)
    # What the form names goes with the application from now on.
    await files.name(work, "proxy_application", filing_id, signature)
    return response


@router.post(
    "/staff/proxy_applications/{filing_id}/withdraw", summary="撤回代填的申请", response_model=ProxyApplicationView
)
async def withdraw_filing(filing_id: PathId, desk: AssistDesk) -> Response:
    """还没有确认的，填错了可以撤回，再另填一份。需要 If-Match。"""
    row = await commands.withdraw(desk.work, desk.actor, filing_id, desk.expected_version())
    return answer(_view(desk.work, row), version=row["version"])


# ---- the worker ----


@router.get("/me/proxy_applications", summary="工会代我填写的申请", response_model=WaitingList)
async def list_waiting(desk: WorkerDesk) -> Response:
    """等待我确认的，先填的在前。"""
    rows = await waiting_for(desk.work.transaction, desk.actor.person_id)
    return answer({"items": [_filled(desk.work, row) for row in rows]})


@router.post("/me/proxy_applications/{filing_id}/confirm", summary="确认并提交代填的申请", response_model=SubmittedView)
async def confirm(filing_id: PathId, desk: WorkerDesk) -> Response:
    """确认后以我的名义提交，与自己填写的一样审核。要先同意所需的授权书；没有填全的不能提交。需要 If-Match。"""
    row = await one_waiting_for(desk.work.transaction, desk.actor.person_id, filing_id)
    commands.expect(row, desk.expected_version())
    _require(KINDS[Kind(row["kind"])], await consented(desk.work.transaction, desk.actor.person_id))
    return await _submit(desk, row, desk.actor.person_id, None)


@router.post(
    "/me/proxy_applications/{filing_id}/decline", summary="不同意代填的申请", response_model=ProxyApplicationView
)
async def decline(filing_id: PathId, desk: WorkerDesk) -> Response:
    """不提交，也不再等待；可以请工会另填一份，或者自己填写。需要 If-Match。"""
    row = await one_waiting_for(desk.work.transaction, desk.actor.person_id, filing_id)
    commands.expect(row, desk.expected_version())
    await commands.decline(desk.work, row, desk.actor.person_id)
    shown = dict(row) | {"state": "declined", "version": row["version"] + 1}
    return answer(_view(desk.work, shown), version=shown["version"])


async def _submit(desk: Desk, row: Record, person_id: UUID, signer: Signer | None) -> Response:
    """Open the application and submit it in one; as the worker sees things. Raises what submitting raises."""
    work, programme = desk.work, KINDS[Kind(row["kind"])]
    household = await living(work.transaction, person_id)
    household_id = household["id"] if household and household["state"] in ACTIVE_STATES else None
    period = programme.period(_form(work, row), work.today)
    worker = Actor(person_id, desk.actor.session_id)
    application_id = await commands.open_confirmed(work, row, worker, household_id, period, signer)
    held = await own_to_submit(work.transaction, worker, application_id, year_of(work))
    assessed = await judged(work, held, programme)
    signed = {} if signer is None else {
        "person_id": signer.person_id, "post_role": signer.post.role.value, "organisation_name": signer.post.place.name,
    }  # fmt: skip
    moved = await submit_application(work, held.row, assessed, held.submission_no, None, **signed)
    shown = moved_view(moved) | {"decision": orjson.Fragment(assessed.decision)}
    return answer(shown, version=moved.version)


def _require(programme: Programme, given: frozenset[Purpose]) -> None:
    """Raises ConsentsMissing, naming the purposes."""
    missing = set(programme.consents) - given
    if missing:
        raise ConsentsMissing(purposes=",".join(sorted(missing)))


def _form(work: Work, row: Record) -> Mapping[str, Any]:
    form: Mapping[str, Any] = work.keyring.open_document(FORM, row["id"], row["form"])
    return form


def _view(work: Work, row: Mapping[str, Any]) -> dict[str, Any]:
    filed_by = {"who": "staff", "role": row["post_role"], "organisation": row["organisation_name"]}
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in ("kind", "name_masked", "phone_masked", "state", "version")},
        "filed_at": instant(row["created_at"]),
        "filed_by": filed_by,
        "bank_card_masked": _card_masked(work, row),
        "returned_application_id": str(row["returned_id"]) if row["returned_id"] else None,
    }


def _card_masked(work: Work, row: Mapping[str, Any]) -> str | None:
    if row["bank_card"] is None:
        return None
    return mask_card(work.keyring.open_document(CARD, row["id"], row["bank_card"])["number"])


def _filled(work: Work, row: Record) -> dict[str, Any]:
    form = dict(_form(work, row))
    return _view(work, row) | {"form": form, "warnings": warnings_of(KINDS[Kind(row["kind"])].form, form)}
