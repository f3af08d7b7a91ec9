"""The statutory forms of household files (登记表、汇总表、公示表), as PDF and as XLSX."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response

import app.documents as documents
from app.audit.commands import record
from app.db.transaction import Record
from app.documents.printing import Format
from app.households.printed.lists import notice_form, summary_form
from app.households.printed.queries import files_of, lines_of, opinions_of, outside_form, signed_boxes, signers_of
from app.households.printed.register_form import TITLE, register_form
from app.households.queries import FORM, HouseholdNotFound, file, form_of, keeper_of, living
from app.http.attachments import PDF_OR_XLSX, attachment
from app.http.door import PREFIX, Desk, Door, Later, WorkerDesk, staff
from app.http.inputs import PathId
from app.kernel.actor import Permission, Tier
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
    whole, told = {**form, "bank": bank[0] if bank else None}, await _file(desk, row)
    build = partial(_register, told | await _signed(desk, row, by_name=False), whole, {}, whole=True)
    return _document(desk, build, format, f"{TITLE}-{row['number']}")


@router.get("/staff/households/summary_form", summary="打印汇总表", response_class=Response, responses=PDF_OR_XLSX)
async def print_summary_form(
    organisation_id: PathId, desk: Reader, state: State = "active", format: Format = "pdf"
) -> Response:
    """一个工会及其下级的困难职工档案汇总表，姓名和证件号码已脱敏。PDF 最多 1,000 户，更多的用导出；Excel 最多 5,000
    户；打印有记录。"""
    union, lines = await _lines(desk, organisation_id, state, format, "household.summary_printed")
    return _document(desk, partial(summary_form, union["name"], lines), format, f"汇总表-{union['code']}")


@router.get("/staff/households/notice_form", summary="打印公示表", response_class=Response, responses=PDF_OR_XLSX)
async def print_notice_form(
    organisation_id: PathId, desk: Reader, state: State = "public_notice", format: Format = "pdf"
) -> Response:
    """张贴用的公示表：姓名已脱敏，不含证件号码、收入和致困原因。PDF 最多 1,000 户，更多的用导出；Excel 最多 5,000
    户；打印有记录。"""
    union, lines = await _lines(desk, organisation_id, state, format, "household.notice_printed")
    return _document(desk, partial(notice_form, union["name"], lines), format, f"公示表-{union['code']}")


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
    told = await _file(desk, row) | await _signed(desk, row, by_name=True)
    return _document(desk, partial(_register, told, form, said), format, f"{TITLE}-{row['number']}")


async def _lines(
    desk: Desk, organisation_id: UUID, state: str, format: Format, action: str
) -> tuple[Record, list[dict[str, Any]]]:
    """A union and a line for each of its files that the actor may see; that they were listed is recorded."""
    transaction = desk.work.transaction
    union = await organisation(transaction, organisation_id)
    reach = desk.actor.reach(Permission.READ_CASES)
    if not any(union[f"{node.tier}_id"] == node.organisation_id for node in reach):
        raise OrganisationNotFound
    tier = Tier(union["tier"])
    rows = await files_of(transaction, desk.actor, organisation_id, tier, state, at_once=format == "pdf")
    unions = await names(transaction, {keeper_of(row) for row in rows})
    lines: list[dict[str, Any]] = []
    for n in range(0, len(rows), BATCH):
        await asyncio.sleep(0)  # the others' turn
        lines += lines_of(desk.work.keyring, rows[n : n + BATCH], unions)
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


async def _file(desk: Desk, row: Record) -> dict[str, Any]:
    union = keeper_of(row)
    unions = await names(desk.work.transaction, [union])
    return outside_form(row, unions[union])


def _register(
    told: Mapping[str, Any], form: Mapping[str, Any], said: Mapping[str, list[str]], printed_on: date, **how: bool
) -> dict[str, Any]:
    return register_form({**told, "printed_on": printed_on}, form, said, **how)


async def _signed(desk: Desk, row: Record, *, by_name: bool) -> dict[str, str]:
    """Who filed, reviewed and entered the file: to staff by name, in the worker's copy by the union they signed for."""
    said = await signers_of(desk.work.transaction, row["id"])
    people = {each.person_id for signed in said.values() for each in signed}
    names = await names_of(desk.work.transaction, desk.work.keyring, people) if by_name else None
    return signed_boxes(said, names, submitted=row["submitted_at"] is not None)


def _document(desk: Desk, build: Callable[[date], dict[str, Any]], format: Format, name: str) -> Later:
    """The document that `build` describes, put together beside the event loop, when the transaction is over."""
    press, now, today = desk.service.press, desk.work.now, desk.work.today

    async def drawn() -> Response:
        printed = await asyncio.to_thread(build, today)
        content = await (press.pdf(PAPER, printed, now) if format == "pdf" else press.xlsx(printed, now))
        return attachment(content, format, name)

    return Later(drawn)
