"""Staff fill in a household file for a worker (代办); the worker confirms it, or signs on paper."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, WithJsonSchema

from app.db.scope import post_over
from app.db.transaction import Record
from app.files import commands as files
from app.files.queries import check_named, check_signature
from app.households.forms import HouseholdForm
from app.households.queries import living
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.problems import FieldProblem
from app.http.routes.households import require_consents, shown_file
from app.http.views import households as household_views
from app.http.views.applications import By, instant
from app.kernel.actor import Permission
from app.kernel.errors import FieldError, Invalid
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.organisations.queries import OrganisationNotFound, organisation_of_code
from app.people.commands import ID_NUMBER as PERSON_NUMBER
from app.people.queries import person_of_number
from app.policy.drafts import read_draft, warnings_of
from app.policy.fields import Code, Id, IdNumber, PersonName
from app.proxy_filings import commands
from app.proxy_filings.queries import FORM, filing, open_page

router = APIRouter(prefix=PREFIX, tags=["代办"], route_class=Door)
AssistDesk = Annotated[Desk, staff(Permission.ASSIST)]


class ProxyHousehold(In):
    """职工的姓名、证件号码和手机号，以及按他们所说填写的档案（可以只填一部分）。"""

    name: PersonName
    id_number: IdNumber
    phone: Annotated[str, Field(pattern=r"^1[0-9]{10}$")]
    organisation_code: Code
    household: Annotated[
        dict[str, Any], WithJsonSchema({"anyOf": [{"$ref": "#/components/schemas/HouseholdFormDraft"}]})
    ]


class PaperSignature(In):
    signature_file_id: Annotated[Id, Field(description="签名照片的文件编号")]


class ProxyFilingView(BaseModel):
    """一份代填的档案，等待本人确认。"""

    id: str
    name_masked: str
    phone_masked: str
    state: str
    version: int
    filed_at: str
    filed_by: By


class FilledFilingView(ProxyFilingView):
    """还有填写的内容，以及提交前还缺什么。"""

    form: dict[str, Any] = Field(description="HouseholdForm，可能还没有填全；姓名和各种号码已脱敏")
    warnings: list[FieldProblem]


class ProxyFilingPage(BaseModel):
    items: list[ProxyFilingView]
    next_cursor: str | None


@router.post("/staff/proxy_households", status_code=201, summary="代职工填写家庭档案", response_model=ProxyFilingView)
async def file_household(body: ProxyHousehold, desk: AssistDesk) -> Response:
    """本人在小程序里确认后才能提交；代填的人不能审核这份档案。材料由代填人上传，确认后归本人。"""
    work, form = desk.work, read_draft(HouseholdForm, body.household, at="/household")
    union = await organisation_of_code(work.transaction, body.organisation_code)
    post = post_over(desk.actor, Permission.ASSIST, union)
    if post is None:
        raise OrganisationNotFound
    try:
        number = resident_id(body.id_number, work.today).number
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError("/id_number", wrong.code, wrong.message)) from None
    worker_id = await person_of_number(work.transaction, work.keyring.blind_index(PERSON_NUMBER, number))
    named = await check_named(work.transaction, desk.actor.person_id, form, "/household", worker_id=worker_id)
    filing_id = await commands.file_for(
        work, desk.actor, union, post, name=body.name, number=number, phone=body.phone, form=form
    )
    await files.name(work, "proxy_filing", filing_id, named)
    row = await filing(work.transaction, desk.actor, filing_id)
    return answer(_view(row), 201, version=row["version"])


@router.get("/staff/proxy_households", summary="等待确认的代填档案", response_model=ProxyFilingPage)
async def list_filings(desk: AssistDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """管辖范围内等待本人确认的，先填的在前。"""
    after = desk.service.cursors.read("proxy_filings", cursor)
    rows = await open_page(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("proxy_filings", rows, limit, "created_at")
    return answer({"items": [_view(row) for row in page], "next_cursor": following})


@router.get("/staff/proxy_households/{filing_id}", summary="核对代填的档案", response_model=FilledFilingView)
async def read_filing(filing_id: PathId, desk: Annotated[Desk, staff(Permission.ASSIST, recorded=True)]) -> Response:
    """确认纸质签名之前，对照本人签字的登记表逐项核对；每次查看都有记录，本人可以看到。"""
    row = await commands.looked_at(desk.work, desk.actor, filing_id)
    form = desk.work.keyring.open_document(FORM, row["id"], row["form"])
    warnings = warnings_of(HouseholdForm, form, at="")
    shown = {"form": household_views.register_masked(form), "warnings": warnings}
    return answer(_view(row) | shown, version=row["version"])


@router.post(
    "/staff/proxy_households/{filing_id}/confirm_on_paper",
    summary="确认纸质签名并提交",
    response_model=household_views.HouseholdMoved,
)
async def confirm_on_paper(filing_id: PathId, body: PaperSignature, desk: AssistDesk) -> Response:
    """没有微信的职工在纸上签名，由代填人以外的另一名工作人员确认并提交。需要 If-Match。"""
    version = desk.expected_version()
    moved = await commands.confirm_on_paper(desk.work, desk.actor, filing_id, version, body.signature_file_id)
    signature = await check_signature(desk.work.transaction, desk.actor.person_id, body.signature_file_id)
    await files.name(desk.work, "proxy_filing", filing_id, signature)
    return answer(dict(moved) | {"id": str(moved["id"])}, version=moved["version"])


@router.post("/staff/proxy_households/{filing_id}/withdraw", summary="撤回代填的档案", response_model=ProxyFilingView)
async def withdraw_filing(filing_id: PathId, desk: AssistDesk) -> Response:
    """还没有确认的，填错了可以撤回，再另填一份。需要 If-Match。"""
    row = await commands.withdraw(desk.work, desk.actor, filing_id, desk.expected_version())
    return answer(_view(row), version=row["version"])


@router.post("/me/household/confirm_proxy", summary="确认代填的家庭档案", response_model=household_views.HouseholdView)
async def confirm_proxy(desk: WorkerDesk) -> Response:
    """确认后成为我的草稿，可以修改和提交。要先同意所需的授权书。需要 If-Match。"""
    expected = desk.expected_version()
    await require_consents(desk)
    await commands.confirm(desk.work, desk.actor, expected)
    return shown_file(desk, await living(desk.work.transaction, desk.actor.person_id))


def _view(row: Record) -> dict[str, Any]:
    filed_by: dict[str, Any] = {"who": "staff", "role": row["post_role"], "organisation": row["organisation_name"]}
    row_id: UUID = row["id"]
    return {
        "id": str(row_id),
        **{name: row[name] for name in ("name_masked", "phone_masked", "state", "version")},
        "filed_at": instant(row["created_at"]),
        "filed_by": filed_by,
    }
