"""`aid bench-import`: the time and the memory of an import, each size in a process and a database of its own."""

import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from app.bench.fill import KEYRING
from app.bulk import columns as c
from app.bulk import commands
from app.bulk.commands import Confirmed, Uploaded
from app.bulk.queries import by_id
from app.calendars.queries import KeptCalendar
from app.db import embedded, migrations
from app.db.database import open_database
from app.db.transaction import Record
from app.files.store import SHEETS, open_store
from app.jobs import imports
from app.jobs.running import Jobs
from app.kernel.actor import Permission
from app.kernel.identifiers import check_digit
from app.kernel.ids import new_id
from app.organisations.queries import held_at, organisation_of_code
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.seed.commands import seed_demo
from app.seed.reference import write_reference
from app.settings import DEMO_WECHAT_APPID
from app.spreadsheets.reading import refusal
from app.spreadsheets.writing import Workbook

MEMBERS = 1
_UNIT = """
  select o.code from post p join organisation o on o.id = p.organisation_id
  where p.role = 'unit_clerk' and o.level = 'unit' order by o.code limit 1
"""


def run(sizes: list[int]) -> int:
    """A line of JSON for each size; the exit code is the number of sizes that did not end well."""
    failed = 0
    for rows in sizes:
        failed += subprocess.run([sys.executable, "-m", "app.bench.imports", str(rows)], check=False).returncode != 0  # noqa: S603 - our own module
    return failed


def households(rows: int) -> Iterator[dict[str, str]]:
    """Heads with a member each; nobody twice, and nobody who exists (region 99)."""
    for n in range(rows):
        is_head = n % (1 + MEMBERS) == 0
        number = _number(n, 1980 if is_head else 2010)
        if is_head:
            head = number
            yield {
                c.RELATION: c.HEAD, c.NAME: "陈小明", c.NUMBER: number, c.HEALTH: "大病", c.PHONE: "13800138000",
                c.ADDRESS: f"金平区某街 {n} 号", c.DIVISION: "440511", c.HOUSING: "公租房", c.INCOME: "12000.50",
                c.CAUSE: "患重病", c.OTHER_CAUSES: "子女上学、意外事故", c.DEMANDS: "医疗救助；助学",
                "患病支出（元）": "36000", "就学支出（元）": "5000", c.DIBAO: "否", c.RESIDENCE: "城镇",
            }  # fmt: skip
        else:
            yield {
                c.RELATION: "子", c.NAME: "陈小雨", c.NUMBER: number, c.OF_HEAD: head, c.HEALTH: "健康",
                c.OWN_INCOME: "0", c.SCHOOLING: "初中",
            }  # fmt: skip


def _number(n: int, year: int) -> str:
    first17 = f"99{n // 1000:04d}{year}0101{n % 1000:03d}"
    return first17 + check_digit(first17)


def filled(rows: int, folder: Path) -> bytes:
    path = folder / f"import-{rows}.xlsx"
    with Workbook(path, c.COLUMNS, sheet="家庭档案", notes=c.NOTES, offer_choices=True) as book:
        book.add([row.get(title, "") for title in c.TITLES] for row in households(rows))
    return path.read_bytes()


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A database of the demo world."""
    started = embedded.start(folder / "database")
    try:
        migrations.upgrade(started.dsn())
        asyncio.run(write_reference(started.dsn(), datetime.now(UTC)))
        asyncio.run(_seed(started.dsn()))
        yield started.dsn()
    finally:
        embedded.stop(folder / "database")


async def _seed(url: str) -> None:
    pool = await open_database(url, "aid_jobs", size=2)
    await seed_demo(pool, KEYRING, appid=DEMO_WECHAT_APPID, households=1, now=datetime.now(UTC))
    await pool.close()


def peak_mib() -> float:
    """The most memory that this process has held since `forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def measure(url: str, folder: Path, rows: int, content: bytes) -> dict[str, object]:
    pool = await open_database(url, "aid_jobs", size=4)
    jobs = Jobs(pool, KEYRING, KeptCalendar(pool), KeptPolicies(pool, MODELS), open_store(None, folder, KEYRING))
    started = time.monotonic()
    assert await refusal(content) is None
    looked = time.monotonic() - started
    import_id = await _begin(jobs, content)
    before = peak_mib()
    forget_peak()
    started = time.monotonic()
    await imports.check(jobs, import_id)
    dry_run, peak = time.monotonic() - started, peak_mib()
    row = await _row(jobs, import_id)
    async with jobs.work() as work:
        await commands.confirm(work, row, row["asked_by"], Confirmed(row["dry_run"], valid_only=False), announced=False)
    forget_peak()
    started = time.monotonic()
    await imports.carry_out(jobs, import_id)
    committing = time.monotonic() - started
    row = await _row(jobs, import_id)
    await pool.close()
    return {
        "rows": rows, "bytes": len(content), "state": row["state"], "households": row["committed"], "bad": row["bad"],
        "look_s": round(looked, 2), "dry_run_s": round(dry_run, 1), "commit_s": round(committing, 1),
        "before_mib": round(before), "dry_run_peak_mib": round(peak), "commit_peak_mib": round(peak_mib()),
        "child_peak_mib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }  # fmt: skip


async def _begin(jobs: Jobs, content: bytes) -> UUID:
    content_id = new_id()
    await jobs.files.beside(SHEETS).put(content_id, content)
    async with jobs.work() as work:
        union = await organisation_of_code(work.transaction, await work.transaction.connection.fetchval(_UNIT))
        held = await held_at(work.transaction, union, work.today)
        person_id, post = next(each for each in held if each[1].allows(Permission.ACCEPT_CASE))
        uploaded = Uploaded(content_id, hashlib.sha256(content).digest())
        return await commands.begin_import(work, person_id, post, union, uploaded, announced=False)


async def _row(jobs: Jobs, import_id: UUID) -> Record:
    async with jobs.work() as work:
        row = await by_id(work.transaction, import_id)
    assert row is not None
    return row


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="aid-bench-import-") as name:
        folder = Path(name)
        written = subprocess.run(  # noqa: S603 - our own module; in a process of its own, so as not to be measured
            [sys.executable, "-c", _WRITE, str(rows), name], check=True, capture_output=True
        )
        content = Path(written.stdout.decode().strip()).read_bytes()
        with server(folder) as url:
            told = asyncio.run(measure(url, folder, rows, content))
    sys.stdout.write(json.dumps(told) + "\n")
    raise SystemExit(0 if told["state"] == "committed" and told["bad"] == 0 else 1)


_WRITE = """
import sys
from pathlib import Path
from app.bench.imports import filled
filled(int(sys.argv[1]), Path(sys.argv[2]))
print(Path(sys.argv[2]) / f"import-{sys.argv[1]}.xlsx")
"""

if __name__ == "__main__":
    main(int(sys.argv[1]))
