"""`aid import`, as an operator types it."""

import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.bulk import columns as c
from app.kernel.actor import Role
from app.settings import Settings
from tests.bulk.filling import family, workbook
from tests.make import World
from tests.spreadsheets.bombs import BOMBS


def imported(configured: Settings, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert configured.database_url is not None
    environment = {
        "AID_ENV": "test", "AID_DATABASE_URL": configured.database_url.get_secret_value(),
        "AID_FILES_URL": configured.files_url or "", "PATH": "",
    }  # fmt: skip
    command = [sys.executable, "-m", "app.cli", "import", str(path), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return tmp_path / "a.xlsx"


async def test_a_workbook_is_tried_then_committed_and_errors_end_with_1(
    configured: Settings, world: World, owner: asyncpg.Connection, sheet: Path
) -> None:
    unit = (await world.town()).units[0]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    write(sheet, workbook([*family(), *family(**{c.INCOME: "一万"})]))
    ended = imported(configured, sheet, "--unit", unit.code, "--commit")
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.returncode, told["state"], told["good"], told["bad"]) == (1, "checked", 1, 1), ended.stderr
    assert "第 4 行" in ended.stderr
    write(sheet, workbook([*family(), *family()]))
    ended = imported(configured, sheet, "--unit", unit.code, "--commit")
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.returncode, told["state"], told["committed"]) == (0, "committed", 2), ended.stderr
    assert await owner.fetchval("select count(*) from proxy_filing where assisted_by = $1", clerk.id) == 2
    ended = imported(configured, sheet, "--unit", unit.code)
    assert (ended.returncode, "已经导入过" in ended.stderr) == (2, True)


async def test_what_cannot_be_used_ends_with_2_and_a_sentence(configured: Settings, world: World, sheet: Path) -> None:
    unit = (await world.town()).units[0]
    write(sheet, BOMBS["sparse"][0])
    ended = imported(configured, sheet, "--unit", unit.code)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "行数或列数太多" in ended.stderr
    write(sheet, workbook(family()))
    ended = imported(configured, sheet, "--unit", unit.code)
    assert (ended.returncode, "--by" in ended.stderr) == (2, True)
    assert imported(configured, sheet, "--unit", "none").returncode == 2
