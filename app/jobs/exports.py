"""Making exported lists: what their asker may see on the screen at that moment, masked as it is there, for a day."""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog

import app.documents as documents
from app.bulk import job_commands as commands
from app.bulk.queries import expired_exports, export_by_id
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.db.work import Work
from app.documents.printing import NotPrinted, Press
from app.households.printed.lists import notice_form, summary_form
from app.households.printed.queries import TooManyFiles, files_of, lines_of
from app.households.printed.words import cause, text_of
from app.households.queries import FORM, keeper_of
from app.jobs import fund_tables
from app.jobs.imports import sheets
from app.jobs.queries import exportable
from app.jobs.running import Jobs
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.business_time import SHANGHAI, business_date
from app.kernel.errors import Unavailable
from app.kernel.masking import mask_id_number
from app.organisations.queries import names, organisation, posts
from app.people.commands import NAME
from app.people.queries import person
from app.spreadsheets.writing import Column, Workbook

PAGE: Final = 500
MAX_ROWS: Final = 50_000
WORKBOOKS_KEPT: Final = timedelta(days=30)
TOO_MANY, TOO_MANY_FOR_A_FORM, BROKEN = "export_too_large", "export_form_too_large", "export_broken"
DRAWING_SECONDS: Final = 120.0
READ_PERCENT: Final = 40
"""How far a form is when all that it says is read; the rest is drawn in one go."""
PAPER: Final = Path(documents.__file__).with_name("paper.typ")
FORMS: Final = {"summary": summary_form, "notice": notice_form}
_DRAWN: Final = {fund_tables.FORM: fund_tables.draw}
"""Tables that are none of household files, and who draws them."""
_FIRST: Final = UUID(int=0)
COLUMNS: Final = (
    Column("档案编号", width=26),
    Column("状态", width=16),
    Column("户主", width=12),
    Column("证件号码", width=22),
    Column("所属工会", width=28),
    Column("家庭人口", width=10),
    Column("主要致困原因", width=18),
    Column("家庭年收入（元）", width=16),
    Column("刚性支出（元）", width=16),
    Column("提交日期", width=12),
    Column("建档日期", width=12),
)
log = structlog.get_logger("aid.exports")


async def make(jobs: Jobs, export_id: UUID) -> None:
    """One export; twice is once. Raises Unavailable, to be tried again."""
    async with jobs.work() as work:
        row = await export_by_id(work.transaction, export_id)
        if row is None or row["state"] != "queued":
            return
        actor = Actor(row["person_id"], row["person_id"], await posts(work.transaction, row["person_id"], work.today))
        banner = await _banner(work, row["person_id"])
    wanted = row["wanted"].get("form", "list")
    write = _DRAWN.get(wanted) or (partial(_draw, wanted) if wanted in FORMS else _write)
    try:
        count = await write(jobs, row, actor, banner) if actor.may(Permission.READ_CASES) else 0
    except TooManyFiles:
        await _failed(jobs, export_id, TOO_MANY_FOR_A_FORM)
        return
    except NotPrinted:
        await _failed(jobs, export_id, BROKEN)
        return
    except Unavailable:
        raise
    except Exception as broken:
        log.error("export_failed", id=str(export_id), error=type(broken).__name__)
        await _failed(jobs, export_id, BROKEN)
        return
    if count > MAX_ROWS:
        await _failed(jobs, export_id, TOO_MANY)
        return
    async with jobs.work() as work:
        await commands.exported(work, row, count)


async def _banner(work: Work, person_id: UUID) -> str:
    """The watermark: who took it, and when."""
    who = await person(work.transaction, person_id)
    name = work.keyring.open_text(NAME, person_id, who["name"]) if who["name"] else str(person_id)
    at = work.now.astimezone(SHANGHAI)
    return f"导出人：{name}　导出时间：{at:%Y-%m-%d %H:%M}　内部资料，仅限本次申请的用途使用，24 小时后链接失效"


async def _write(jobs: Jobs, row: Record, actor: Actor, banner: str) -> int:
    """Into the store; answers how many rows, more than MAX_ROWS when nothing was kept."""
    states, unions, count, after = list(row["wanted"].get("states", ())), dict[UUID, str](), 0, _FIRST
    with tempfile.TemporaryDirectory(prefix="aid-export-") as folder:
        path = Path(folder) / "export.xlsx"
        book = Workbook(path, COLUMNS, banner=banner)
        while count <= MAX_ROWS:
            async with jobs.work() as work:
                rows = await exportable(work.transaction, actor, states, after, PAGE)
                for each in rows:
                    await _name(work, each, unions)
                await commands.advance_export(work, row["id"], min(99, 100 * count // MAX_ROWS))
            if not rows:
                break
            count, after = count + len(rows), rows[-1]["id"]
            await asyncio.to_thread(book.add, [_cells(jobs.keyring, each, unions) for each in rows])
        await asyncio.to_thread(book.close)
        if count <= MAX_ROWS:
            await sheets(jobs.files).put(row["id"], await asyncio.to_thread(path.read_bytes))
    return count


async def _draw(form: str, jobs: Jobs, row: Record, actor: Actor, banner: str) -> int:
    """A statutory list of a union, drawn by a press of its own that nobody else waits for."""
    wanted = row["wanted"]
    async with jobs.work() as work:
        union = await organisation(work.transaction, UUID(wanted["organisation_id"]))
        rows = await files_of(work.transaction, actor, union["id"], Tier(union["tier"]), wanted["states"][0])
        unions = await names(work.transaction, {keeper_of(each) for each in rows})
        now, today = work.now, work.today
    lines = list[dict[str, Any]]()
    for at in range(0, len(rows), PAGE):
        lines += await asyncio.to_thread(lines_of, jobs.keyring, rows[at : at + PAGE], unions)
        async with jobs.work() as work:
            await commands.advance_export(work, row["id"], READ_PERCENT * len(lines) // len(rows))
    paper = await asyncio.to_thread(FORMS[form], union["name"], lines, today)
    paper["foot"] = f"{paper['foot']}　　{banner}"
    press = Press(DRAWING_SECONDS)
    try:
        drawn = await (press.pdf(PAPER, paper, now) if wanted["format"] == "pdf" else press.xlsx(paper, now))
    finally:
        await press.close()
    await sheets(jobs.files).put(row["id"], drawn)
    return len(lines)


async def _name(work: Work, row: Record, unions: dict[UUID, str]) -> None:
    union_id = keeper_of(row)
    if union_id not in unions:
        unions[union_id] = (await organisation(work.transaction, union_id))["name"]


def _cells(keyring: Keyring, row: Record, unions: Mapping[UUID, str]) -> list[str]:
    form: Mapping[str, Any] = keyring.open_document(FORM, row["id"], row["form"])
    head = form.get("head", {})
    spending = sum(each.get("amount_fen", 0) for each in form.get("rigid_spending", ()))
    return [
        row["number"],
        text_of("state", row["state"]),
        row["head_masked"],
        mask_id_number(head.get("id_number", "")),
        unions[keeper_of(row)],
        str(1 + len(form.get("members", ()))),
        cause(form.get("primary_cause")),
        _plain_yuan(form.get("income_fen_yearly", 0)),
        _plain_yuan(spending),
        _day(row["submitted_at"]),
        _day(row["active_at"]),
    ]


def _plain_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _day(instant: datetime | None) -> str:
    return business_date(instant).isoformat() if instant else ""


async def _failed(jobs: Jobs, export_id: UUID, why: str) -> None:
    async with jobs.work() as work:
        await commands.fail_export(work, export_id, why)


async def forget_exports(jobs: Jobs) -> int:
    """Remove the lists whose day is over, and the workbooks of old imports. Answers how many."""
    async with jobs.work() as work:
        expired = await expired_exports(work.transaction, work.now)
    for export_id in expired:
        await sheets(jobs.files).remove(export_id)
        async with jobs.work() as work:
            await commands.forget_export(work, export_id)
    return len(expired) + await _forget_workbooks(jobs)


async def _forget_workbooks(jobs: Jobs) -> int:
    """Of imports that nobody goes on with: what was right in them has long been committed."""
    count = 0
    async with jobs.work() as work:
        before = work.now - WORKBOOKS_KEPT
    async for ids in sheets(jobs.files).older_than(before):
        for content_id in ids:
            await sheets(jobs.files).remove(content_id)
        count += len(ids)
    return count
