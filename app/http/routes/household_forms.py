"""The statutory forms of household files (登记表、汇总表、公示表), as PDF and as XLSX."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response

import app.documents as documents
from app.audit.commands import record
from app.db.transaction import Record
from app.documents.printing import Format
from app.households.printed.lists import notice_form, summary_form, summary_line
from app.households.printed.queries import files_of, opinions_of, signed_boxes, signers_of
from app.households.printed.register_form import TITLE, register_form
from app.households.queries import FORM, HouseholdNotFound, file, form_of, living
from app.http.attachments import PDF_OR_XLSX, attachment
from app.http.door import PREFIX, Desk, Door, WorkerDesk, staff
from app.http.inputs import PathId
from app.kernel.actor import Permission, Tier
from app.kernel.business_time import business_date
from app.organisations.queries import OrganisationNotFound, names, organisation
from app.people.queries import bank_cards, names_of

router = APIRouter(prefix=PREFIX, tags=["家庭档案表格"], route_class=Door)
PAPER = Path(documents.__file__).with_name("paper.typ")
BATCH = 200
State = Literal[
    "submitted", "unit_review", "home_visit", "district_review", "means_check", "public_notice", "city_approval",
    "active", "annual_review", "exit_proposed", "exit_notice", "lifted", "relieved", "cancelled", "transferred",
    "returned", "rejected", "withdrawn", "suspended",
]  # fmt: skip
"""The states in which a file may be listed."""
Reader = Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]


@router.get("/me/household/register_form", summary="打印我的登记表", response_class=Response, responses=PDF_OR_XLSX)
async def print_own_register_form(desk: WorkerDesk, format: Format = "pdf") -> Response:
    """本人的困难职工登记表，内容完整，打印后签字用。草稿也可以打印，没有填的项目留空。"""
    row = await living(desk.work.transaction, desk.actor.person_id)
    if row is None:
        raise HouseholdNotFound
    form = desk.work.keyring.open_document(FORM, row["id"], row["form"])
    cards = await bank_cards(desk.work.transaction, desk.actor.person_id)
    bank = [
        {"bank_name": card["bank_name"], "branch": card["branch"], "number": card["number_masked"]}
        for card in cards
        if card["state"] == "current"
    ]
    signed = await _signed(desk, row, by_name=False)
    printed = register_form(
        await _file(desk, row) | signed, {**form, "bank": bank[0] if bank else None}, {}, whole=True
    )
    return await _document(desk, printed, format, f"{TITLE}-{row['number']}")


@router.get("/staff/households/summary_form", summary="打印汇总表", response_class=Response, responses=PDF_OR_XLSX)
async def print_summary_form(
    organisation_id: PathId, desk: Reader, state: State = "active", format: Format = "pdf"
) -> Response:
    """一个工会及其下级的困难职工档案汇总表，姓名和证件号码已脱敏。最多 5,000 户；打印有记录。"""
    union, lines = await _lines(desk, organisation_id, state, "household.summary_printed")
    printed = await _built(summary_form, union["name"], lines, desk)
    return await _document(desk, printed, format, f"汇总表-{union['code']}")


@router.get("/staff/households/notice_form", summary="打印公示表", response_class=Response, responses=PDF_OR_XLSX)
async def print_notice_form(
    organisation_id: PathId, desk: Reader, state: State = "public_notice", format: Format = "pdf"
) -> Response:
    """张贴用的公示表：姓名已脱敏，不含证件号码、收入和致困原因。最多 5,000 户；打印有记录。"""
    union, lines = await _lines(desk, organisation_id, state, "household.notice_printed")
    printed = await _built(notice_form, union["name"], lines, desk)
    return await _document(desk, printed, format, f"公示表-{union['code']}")


@router.get(
    "/staff/households/{household_id}/register_form",
    summary="打印登记表",
    response_class=Response,
    responses=PDF_OR_XLSX,
)
async def print_register_form(household_id: PathId, desk: Reader, format: Format = "pdf") -> Response:
    """困难职工登记表，个人信息与页面上一样脱敏；每次打印都有记录，本人可以看到。"""
    row = await file(desk.work.transaction, desk.actor, household_id)
    if form_of(desk.work.keyring, row) is None:
        raise HouseholdNotFound
    form = desk.work.keyring.open_document(FORM, row["id"], row["form"])
    said = await opinions_of(desk.work.transaction, desk.work.keyring, household_id)
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="household.register_printed",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
        format=format,
    )
    signed = await _signed(desk, row, by_name=True)
    printed = register_form(await _file(desk, row) | signed, form, said)
    return await _document(desk, printed, format, f"{TITLE}-{row['number']}")


async def _lines(desk: Desk, organisation_id: UUID, state: str, action: str) -> tuple[Record, list[Mapping[str, Any]]]:
    """A union and a line for each of its files that the actor may see; that they were listed is recorded."""
    transaction = desk.work.transaction
    union = await organisation(transaction, organisation_id)
    reach = desk.actor.reach(Permission.READ_CASES)
    if not any(union[f"{node.tier}_id"] == node.organisation_id for node in reach):
        raise OrganisationNotFound
    rows = await files_of(transaction, desk.actor, organisation_id, Tier(union["tier"]), state)
    unions = await names(transaction, {_union_of(row) for row in rows})
    lines: list[Mapping[str, Any]] = []
    for n, row in enumerate(rows):
        if n % BATCH == 0:
            await asyncio.sleep(0)  # the others' turn
        form = desk.work.keyring.open_document(FORM, row["id"], row["form"])
        lines.append(summary_line(_columns(row) | {"organisation": unions[_union_of(row)]}, form))
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action=action,
        subject_kind="organisation",
        subject_id=organisation_id,
        subject_person_id=None,
        state=state,
        files=str(len(lines)),
    )
    return union, lines


def _union_of(row: Record) -> UUID:
    """The union that keeps a file."""
    kept: UUID = row["unit_id"] or row["street_id"] or row["district_id"] or row["city_id"]
    return kept


def _columns(row: Record) -> dict[str, Any]:
    """What a file says outside its form."""
    known = {name: row.get(name) for name in ("number", "state", "category", "archive_level", "cohort_2016")}
    fixed = row.get("cohort_fixed_on")
    active = row["active_at"]
    return known | {"active_on": business_date(active) if active else None, "cohort_fixed_on": fixed}


async def _file(desk: Desk, row: Record) -> dict[str, Any]:
    unions = await names(desk.work.transaction, [_union_of(row)])
    return _columns(row) | {"organisation": unions[_union_of(row)], "printed_on": desk.work.today}


async def _signed(desk: Desk, row: Record, *, by_name: bool) -> dict[str, str]:
    """Who filed, reviewed and entered the file: to staff by name, in the worker's copy by the union they signed for."""
    said = await signers_of(desk.work.transaction, row["id"])
    people = {each.person_id for signed in said.values() for each in signed}
    names = await names_of(desk.work.transaction, desk.work.keyring, people) if by_name else None
    return signed_boxes(said, names, submitted=row["submitted_at"] is not None)


async def _built(build: Any, union: str, lines: Sequence[Mapping[str, Any]], desk: Desk) -> dict[str, Any]:
    """A list of thousands of lines is put together beside the event loop."""
    built: dict[str, Any] = await asyncio.to_thread(build, union, lines, desk.work.today)
    return built


async def _document(desk: Desk, printed: dict[str, Any], format: Format, name: str) -> Response:
    press, now = desk.service.press, desk.work.now
    content = await (press.pdf(PAPER, printed, now) if format == "pdf" else press.xlsx(printed, now))
    return attachment(content, format, name)
