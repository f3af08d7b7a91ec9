"""`aid import`: a workbook of household files, tried and, if asked, committed, without the API."""

import asyncio
import hashlib
import json
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.bulk import commands
from app.bulk.commands import Confirmed, Uploaded
from app.bulk.queries import by_id, some_errors
from app.calendars.queries import KeptCalendar
from app.cli.database import console, database
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.db.transaction import Record
from app.files.store import SHEETS, open_store
from app.jobs import imports
from app.jobs.running import Jobs
from app.kernel.actor import Permission, Post
from app.kernel.errors import DomainError
from app.kernel.ids import new_id
from app.organisations.queries import held_at, organisation_of_code
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import settings
from app.spreadsheets.precheck import MESSAGES
from app.spreadsheets.reading import refusal

COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
SHOWN = 20


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="填好的导入模板（xlsx）")],
    unit: Annotated[str, typer.Option(help="工会编码")],
    by: Annotated[str, typer.Option(help="经办人的编号；这个工会只有一名经办人时可以不写")] = "",
    commit: Annotated[bool, typer.Option("--commit", help="没有错误时提交；不写则只试算")] = False,
    reason: Annotated[str, typer.Option(help="更新已有档案的理由；有更新时必须写")] = "",
) -> None:
    """Try a workbook under a union and say what is wrong in it; with --commit make filings of it and
    change the files that are there, all of a union or none.

    The last line is JSON with the counts. Exit code 1 when there is something wrong in it, 2 when it cannot be used.
    """
    with database() as url:
        shown = asyncio.run(_import(url, file, unit, by, commit, reason))
    sys.stdout.write(json.dumps(shown) + "\n")
    raise typer.Exit(0 if shown["state"] in ("checked", "committed") and not shown["bad"] else 1)


async def _import(url: str, file: Path, unit: str, by: str, commit: bool, reason: str) -> dict[str, Any]:
    configured = settings()
    keyring = keyring_of(configured)
    pool = await open_database(url, "aid_jobs", size=4)
    files = open_store(configured.files_url, configured.data_folder, keyring, **configured.bucket())
    jobs = Jobs(pool, keyring, KeptCalendar(pool), KeptPolicies(pool, MODELS), files)
    try:
        content = await asyncio.to_thread(file.read_bytes)
        import_id = await _begin(jobs, content, unit, by)
        row = await _watched(jobs, import_id, "试算", imports.check(jobs, import_id))
        await _tell_errors(jobs, row)
        if commit and row["state"] == "checked" and row["good"] and not row["bad"]:
            async with jobs.work() as work:
                given = Confirmed(row["dry_run"], valid_only=False, reason=reason or None)
                await commands.confirm(work, row, row["asked_by"], given, announced=False)
            row = await _watched(jobs, import_id, "提交", imports.carry_out(jobs, import_id))
    except DomainError as refused:
        console.print(refused.detail, markup=False)
        raise typer.Exit(2) from None
    finally:
        await pool.close()
    names = ("state", "lines", "good", "bad", "updates", "unchanged", "errors", "committed", "failure")
    return {"id": str(import_id)} | {name: row[name] for name in names}


async def _begin(jobs: Jobs, content: bytes, unit: str, by: str) -> UUID:
    code = await refusal(content)
    if code is not None:
        _end(MESSAGES[code])
    async with jobs.work() as work:
        union = await organisation_of_code(work.transaction, unit)
        person_id, post = _clerk(await held_at(work.transaction, union, work.today), by)
    content_id = new_id()
    await jobs.files.beside(SHEETS).put(content_id, content)
    uploaded = Uploaded(content_id, hashlib.sha256(content).digest())
    async with jobs.work() as work:
        return await commands.begin_import(work, person_id, post, union, uploaded, announced=False)


def _clerk(held: list[tuple[UUID, Post]], by: str) -> tuple[UUID, Post]:
    """Who is answerable for what is imported."""
    able = [(person_id, post) for person_id, post in held if post.allows(Permission.ACCEPT_CASE)]
    chosen = [each for each in able if str(each[0]) == by] if by else able
    if len(chosen) != 1:
        _end("请用 --by 写明这个工会的一名经办人。")
    return chosen[0]


async def _watched(jobs: Jobs, import_id: UUID, what: str, running: Awaitable[None]) -> Record:
    """Run it, showing how far it is; answers how it ended."""
    task = asyncio.ensure_future(running)
    with Progress(*COLUMNS, console=console) as progress:
        bar = progress.add_task(what, total=100)
        while not task.done():
            await asyncio.wait({task}, timeout=0.3)
            row = await _row(jobs, import_id)
            progress.update(bar, completed=row["percent"])
    await task
    return await _row(jobs, import_id)


async def _row(jobs: Jobs, import_id: UUID) -> Record:
    async with jobs.work() as work:
        row = await by_id(work.transaction, import_id)
    assert row is not None
    return row


async def _tell_errors(jobs: Jobs, row: Record) -> None:
    if row["failure"]:
        console.print(MESSAGES.get(row["failure"], row["failure"]), markup=False)
    async with jobs.work() as work:
        errors = await some_errors(work.transaction, row["id"], UUID(int=0), SHOWN)
    for error in errors:
        console.print(f"第 {error['line']} 行 {error['column_title']}：{error['message']}", markup=False)
    if row["errors"] > len(errors):
        console.print(f"……共 {row['errors']} 处，其余见系统中的错误文件")


def _end(message: str) -> NoReturn:
    console.print(message, markup=False)
    raise typer.Exit(2)
