"""`aid unions`, as an operator types it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.settings import Settings
from tests.make import unique

HEADER = "code,name,level,parent_code,division_code,receives_unattached"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(configured: Settings, tmp_path: Path) -> Run:
    def typed(table: str | bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "unions.csv"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        assert configured.database_url is not None
        environment = {
            "AID_ENV": "test", "AID_DATABASE_URL": configured.database_url.get_secret_value(),
            "AID_FILES_URL": configured.files_url or "", "PATH": "",
        }  # fmt: skip
        command = [sys.executable, "-m", "app.cli", "unions", str(path), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return typed


@pytest.fixture
def city() -> str:
    return unique("C-")


def table(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


def told(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def counts(entered: int = 0, renamed: int = 0, receiving: int = 0, unchanged: int = 0) -> dict[str, int]:
    return {"entered": entered, "renamed": renamed, "receiving": receiving, "unchanged": unchanged}


async def rows(owner: asyncpg.Connection, city: str) -> dict[str, Any]:
    found = await owner.fetch("select * from organisation where code like $1 || '%'", city)
    return {row["code"].removeprefix(city): row for row in found}


async def test_a_table_is_entered_once_and_names_follow_it(run: Run, city: str, owner: asyncpg.Connection) -> None:
    lines = [
        f"{city}-U,甲厂工会,unit,{city}-S,440507,是",
        f"{city}-S,乙街道总工会,street,{city}-D,440507,",
        f"{city}-D,丙区总工会,district,{city},440507,否",
        f"{city}-I,丁系统工会,industry,{city},440500,",
        f'{city}-V,"戊,己工会",unit,{city}-I,440500,false',
        f"{city},某市总工会,city,,440500,",
    ]
    tried = run(table(*lines), "--dry-run")
    assert told(tried) == counts(entered=6, receiving=1)
    assert await rows(owner, city) == {}
    # With the mark and the line ends that a spreadsheet program writes.
    assert told(run("\ufeff" + table(*lines).replace("\n", "\r\n"))) == counts(entered=6, receiving=1)
    found = await rows(owner, city)
    assert {code: row["tier"] for code, row in found.items()} == {
        "": "city", "-D": "district", "-I": "district", "-S": "street", "-U": "unit", "-V": "unit",
    }  # fmt: skip
    unit = found["-U"]
    places = [found[code]["id"] for code in ("", "-D", "-S", "-U")]
    assert [unit[f"{tier}_id"] for tier in ("city", "district", "street", "unit")] == places
    assert (unit["parent_id"], unit["receives_unattached"]) == (found["-S"]["id"], True)
    assert (found["-V"]["name"], found["-V"]["district_id"], found["-V"]["street_id"]) == (
        "戊,己工会", found["-I"]["id"], None,
    )  # fmt: skip
    assert told(run(table(*lines))) == counts(unchanged=6)

    lines[1] = lines[1].replace("乙街道", "新街道")
    lines[4] = lines[4].replace("false", "TRUE")
    lines[0] = lines[0].replace("是", "")
    assert told(run(table(*lines))) == counts(renamed=1, receiving=1, unchanged=4)
    after = await rows(owner, city)
    assert after["-S"]["name"] == "新街道总工会"
    assert {code for code, row in after.items() if row["receives_unattached"]} == {"-V"}
    entries = await owner.fetch(
        "select action, person_id from audit_entry where subject_id = any($1)", [row["id"] for row in after.values()]
    )
    assert sorted(entry["action"] for entry in entries) == (
        ["organisation.entered"] * 6 + ["organisation.receives_unattached"] * 2 + ["organisation.renamed"]
    )
    assert {entry["person_id"] for entry in entries} == {None}


async def test_every_wrong_line_is_told_and_nothing_written(run: Run, city: str, owner: asyncpg.Connection) -> None:
    assert told(run(table(f"{city},某市总工会,city,,440500,", f"{city}-D,区,district,{city},440507,"))) == counts(
        entered=2
    )
    ended = run(
        table(
            f"{city},改了名,city,,440500,",
            f"{city}-D,区,industry,{city},440507,",
            f"{city}-U,厂,unit,{city}-X,440507,",
            f"{city}-V,厂,企业,{city},4405,也许",
            "",
            f"{city}-W,厂,unit",
            f"{city}-Y,厂,unit,{city}-V,440507,",
        )
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == [
        "第 3 行 level：这个工会已经录入，层级不能再改：它名下可能已有档案和申请。",
        "第 4 行 parent_code：没有这个编码的工会，文件里也没有。",
        "第 5 行 level：层级应为 city、district、industry、street 或 unit。",
        "第 5 行 division_code：区划代码应为 6 到 12 位数字。",
        "第 5 行 receives_unattached：请选择是或否。",
        "第 7 行：这一行有 3 列，应为 6 列。",
        "共 6 处错误，没有写入",
    ]
    assert {code: row["name"] for code, row in (await rows(owner, city)).items()} == {"": "某市总工会", "-D": "区"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("编码,名称\n".encode(), "第一行应为各列的名称"),
        (b"", "第一行应为各列的名称"),
        (table("X,某市总工会,city,,440500,").encode("gb18030"), "CSV UTF-8"),
        (f'{HEADER}\n"X,某市\n'.encode(), "引号或分隔不对"),
    ],
)
def test_what_is_no_table_ends_with_2_and_a_sentence(run: Run, content: bytes, said: str) -> None:
    ended = run(content)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert said in ended.stderr


async def test_who_comes_while_another_writes_is_told_so(run: Run, city: str, owner: asyncpg.Connection) -> None:
    async with owner.transaction():
        await owner.execute("lock table organisation in row exclusive mode")
        ended = run(table(f"{city},某市总工会,city,,440500,"))
    assert (ended.returncode, ended.stderr) == (2, "正有别人在录入工会或更改名称，这次没有写入，请稍后再试。\n")
    assert await rows(owner, city) == {}


async def test_ten_thousand_units_take_seconds(run: Run, city: str, owner: asyncpg.Connection) -> None:
    lines = [f"{city}-{n:05d},第{n}厂工会,unit,{city}-D{n % 7},440507," for n in range(10_000)]
    lines += [f"{city}-D{n},第{n}区总工会,district,{city},440507," for n in range(7)]
    lines += [f"{city},某市总工会,city,,440500,"]
    started = time.monotonic()
    assert told(run(table(*lines))) == counts(entered=10_008)
    assert time.monotonic() - started < 60  # some seconds, on a machine that has nothing else to do
    assert told(run(table(*lines))) == counts(unchanged=10_008)
    # What other tests list is not made longer by them.
    await owner.execute("set session_replication_role = replica")
    await owner.execute("delete from organisation where code like $1 || '%'", city)
