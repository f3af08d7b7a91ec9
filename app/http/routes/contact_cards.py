"""Who is responsible for a household, and its contact card (帮扶联系卡)."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field

from app.audit.commands import record
from app.contact_cards import commands
from app.contact_cards.card import Measure
from app.contact_cards.commands import Issuer
from app.contact_cards.queries import NobodyResponsible, candidates, card, published, responsible, version_of
from app.db.scope import permissions_over
from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import HouseholdNotFound, file, living
from app.http.attachments import PDF_WHEN_THERE, attachment
from app.http.door import PREFIX, Desk, Door, Later, WorkerDesk, answer, staff
from app.http.inputs import In, PathId
from app.http.views import contact_cards as views
from app.kernel.actor import Permission
from app.kernel.errors import NotAllowed
from app.organisations.queries import names
from app.plans.queries import told_on_card
from app.policy.fields import Id

router = APIRouter(prefix=PREFIX, tags=["帮扶联系卡"], route_class=Door)
ASSIGNS = (Permission.REVIEW_AT_UNIT, Permission.REVIEW_AT_DISTRICT)
Phone = Annotated[str, Field(pattern=r"^[0-9][0-9 -]{4,19}( ?转 ?[0-9]{1,6})?$"), AfterValidator(str.strip)]
"""A number that a union publishes, with an extension where it has one."""


class ResponsibleChange(In):
    """指定帮扶责任人。"""

    person_id: Id
    phone: Phone


async def measures_of(work: Work, household_id: UUID) -> Sequence[Measure]:
    """What is being done for the household: the running measures of its open plan."""
    return [Measure(*each) for each in await told_on_card(work.transaction, work.keyring, household_id)]


@router.get("/me/household/responsible", summary="我家的帮扶责任人", response_model=views.MyResponsibleView)
async def read_own_responsible(desk: WorkerDesk) -> Response:
    """帮扶责任人的姓名、单位和电话，以及现在有效的联系卡卡号。还没有指定的为空。"""
    return answer(await _shown(desk.work, await _own(desk)))


@router.get("/me/household/contact_card", summary="我的帮扶联系卡", response_class=Response, responses=PDF_WHEN_THERE)
async def print_own_contact_card(desk: WorkerDesk) -> Response:
    """现在有效的联系卡（PDF），卡号同时在 Contact-Card-Serial 里。还没有发卡的，返回 409。"""
    household = await _own(desk)
    row = await card(desk.work.transaction, household["id"])
    if row is None:
        raise NobodyResponsible
    return _printed(desk, row)


@router.get(
    "/staff/households/{household_id}/responsible", summary="查看帮扶责任人", response_model=views.ResponsibleView
)
async def read_responsible(household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES)]) -> Response:
    """帮扶责任人和现在有效的联系卡。"""
    household = await file(desk.work.transaction, desk.actor, household_id)
    return await _answered(desk, household)


@router.get(
    "/staff/households/{household_id}/responsible/candidates",
    summary="可以指定的帮扶责任人",
    response_model=views.CandidateList,
)
async def list_candidates(household_id: PathId, desk: Annotated[Desk, staff(*ASSIGNS)]) -> Response:
    """对这户家庭有管理职务的工会工作人员，离家庭近的在前；只给有权指定的人看。"""
    work = desk.work
    household = await file(work.transaction, desk.actor, household_id)
    if not set(ASSIGNS) & set(permissions_over(desk.actor, household)):
        raise NotAllowed
    found = await candidates(work.transaction, work.keyring, household_id, work.today)
    return answer({"items": views.candidates(found)})


@router.put(
    "/staff/households/{household_id}/responsible", summary="指定帮扶责任人", response_model=views.ResponsibleView
)
async def assign_responsible(
    household_id: PathId, body: ResponsibleChange, desk: Annotated[Desk, staff(*ASSIGNS)]
) -> Response:
    """由单位或区县工会负责人指定，需要 If-Match；指定后换发联系卡，旧卡作废。电话填工会对外公布的号码。"""
    expected = desk.expected_version()
    household = await file(desk.work.transaction, desk.actor, household_id, locked=True)
    issuer = await _issuer(desk, household)
    await commands.assign(
        desk.work, desk.actor, household, issuer, person_id=body.person_id, phone=body.phone, expected=expected
    )
    return await _answered(desk, household)


@router.get(
    "/staff/households/{household_id}/contact_card",
    summary="打印帮扶联系卡",
    response_class=Response,
    responses=PDF_WHEN_THERE,
)
async def print_contact_card(
    household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """现在有效的联系卡（PDF），卡号同时在 Contact-Card-Serial 里；帮扶措施有变化的，换发新卡。打印有记录。"""
    household = await file(desk.work.transaction, desk.actor, household_id, locked=True)
    row = await commands.current(desk.work, desk.actor.person_id, household, await _issuer(desk, household))
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="household.card_printed",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=household["person_id"],
        serial=row["serial"],
    )
    return _printed(desk, row)


async def _own(desk: Desk) -> Record:
    household = await living(desk.work.transaction, desk.actor.person_id)
    if household is None:
        raise HouseholdNotFound
    return household


async def _issuer(desk: Desk, household: Record) -> Issuer:
    kept = household["unit_id"] or household["street_id"] or household["district_id"] or household["city_id"]
    union = (await names(desk.work.transaction, [kept]))[kept]
    measures = await measures_of(desk.work, household["id"])
    return Issuer(union, measures)


async def _shown(work: Work, household: Record) -> dict[str, Any]:
    row, issued = (
        await responsible(work.transaction, household["id"]),
        await card(work.transaction, household["id"]),
    )
    return views.own(row, published(work.keyring, row) if row else None, issued)


async def _answered(desk: Desk, household: Record) -> Response:
    work = desk.work
    version = version_of(await responsible(work.transaction, household["id"]))
    shown = await _shown(work, household) | {"version": version}
    return answer(shown, version=version)


def _printed(desk: Desk, row: Record) -> Response:
    """The card, drawn when nothing of the database is held any more."""

    async def made() -> Response:
        service = desk.service
        pdf = await commands.drawn(service.keyring, row, service.press, service.settings.printed_link)
        return attachment(pdf, "pdf", f"帮扶联系卡-{row['serial']}", **{"Contact-Card-Serial": row["serial"]})

    return Later(made)
