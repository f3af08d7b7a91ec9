"""`aid unions`: the tree of unions from a table, checked as a whole, then written as a whole."""

import asyncio
import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import asyncpg
import typer
from pydantic import ValidationError

from app.calendars.queries import KeptCalendar
from app.cli.database import console, database
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.files.store import open_store
from app.jobs.running import Jobs
from app.kernel.errors import FieldError
from app.organisations.commands import carry_out, hold_unions
from app.organisations.rules import Line, Written, WrongLine, plan, wrong_lines
from app.policies.queries import KeptPolicies
from app.policy.drafts import field_errors
from app.programmes import MODELS
from app.settings import settings

COLUMNS: Final = ("code", "name", "level", "parent_code", "division_code", "receives_unattached")
FLAGS: Final = {"": False, "否": False, "false": False, "是": True, "true": True}


class Unusable(Exception):
    """The file is no table of unions; says why."""


def unions(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="工会名单（UTF-8 的 CSV）")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查和试算，不写入")] = False,
) -> None:
    """Enter the unions of a table, and rename those whose name it says otherwise; all of it or nothing.

    The last line is JSON with the counts. Exit code 1 when there is something wrong in it, 2 when it cannot be used.
    """
    try:
        lines, unreadable, wrong = read_unions(file.read_bytes())
    except Unusable as refused:
        _end(2, str(refused))
    with database() as url:
        counts = asyncio.run(_enter(url, lines, unreadable, wrong, dry_run))
    sys.stdout.write(json.dumps(counts) + "\n")


async def _enter(
    url: str, lines: Sequence[Line], unreadable: Sequence[str], wrong: Sequence[WrongLine], dry_run: bool
) -> dict[str, int]:
    configured = settings()
    keyring = keyring_of(configured)
    pool = await open_database(url, "aid_jobs", size=1)
    files = open_store(configured.files_url, configured.data_folder, keyring, **configured.bucket())
    jobs = Jobs(pool, keyring, KeptCalendar(pool), KeptPolicies(pool, MODELS), files)
    try:
        async with jobs.work() as work:
            there = await hold_unions(work)
            found = sorted([*wrong, *wrong_lines(lines, unreadable, there)], key=lambda each: each.number)
            if found:
                _tell(found)
            planned = plan(lines, there)
            if not dry_run:
                await carry_out(work, planned, there)
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        _end(2, "正有别人在录入工会或更改名称，这次没有写入，请稍后再试。")
    finally:
        await pool.close()
    console.print("试算完毕，没有写入" if dry_run else "已经写入")
    return planned.counts()


def read_unions(content: bytes) -> tuple[list[Line], list[str], list[WrongLine]]:
    """The lines that can be read, the codes on those that cannot, and what is wrong with these. Raises Unusable."""
    try:
        table = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        rows = [(table.line_num, [cell.strip() for cell in cells]) for cells in table]
    except UnicodeDecodeError:
        raise Unusable("文件不是 UTF-8 编码：请在表格软件中另存为“CSV UTF-8”。") from None
    except csv.Error:
        raise Unusable(f"第 {table.line_num} 行的引号或分隔不对，文件无法读取。") from None
    rows = [(number, cells) for number, cells in rows if any(cells)]
    if not rows or sorted(rows[0][1]) != sorted(COLUMNS):
        raise Unusable(f"第一行应为各列的名称：{','.join(COLUMNS)}")
    header = rows[0][1]
    lines, unreadable, wrong = list[Line](), list[str](), list[WrongLine]()
    for number, cells in rows[1:]:
        if len(cells) != len(header):
            said = f"这一行有 {len(cells)} 列，应为 {len(header)} 列。"
            wrong.append(WrongLine(number, FieldError("", "columns_count", said)))
            unreadable += cells
            continue
        told = dict(zip(header, cells, strict=True))
        try:
            lines.append(Line(number, _union(told)))
        except ValidationError as refused:
            unreadable.append(told["code"])
            wrong += (WrongLine(number, error) for error in field_errors(refused.errors()))
    return lines, unreadable, wrong


def _union(told: dict[str, str]) -> Written:
    """Raises ValidationError."""
    flag = told["receives_unattached"].lower()
    read: dict[str, Any] = told | {
        "parent_code": told["parent_code"] or None,
        "receives_unattached": FLAGS.get(flag, flag),
    }
    return Written.model_validate(read)


def _tell(wrong: Sequence[WrongLine]) -> NoReturn:
    for number, error in wrong:
        place = f"第 {number} 行 {error.pointer.removeprefix('/')}".rstrip()
        console.print(f"{place}：{error.message}", markup=False, soft_wrap=True)
    _end(1, f"共 {len(wrong)} 处错误，没有写入")


def _end(code: int, said: str) -> NoReturn:
    console.print(said, markup=False, soft_wrap=True)
    raise typer.Exit(code)
