"""What a person at the terminal is told when a command cannot begin: a line, never a traceback."""

import os
import subprocess
import sys

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from app.cli.told import told

DEMO = {"AID_ENV": "demo", "AID_DATABASE_URL": "postgresql://nobody:none@127.0.0.1:1/aid"}


def aid(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AID_")}
    command = [sys.executable, "-m", "app.cli", *words]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "设置有误。请先设置 AID_TOKEN_KEY、"),
        ({"AID_ENV": "foo"}, "设置有误。AID_ENV：请从给出的选项中选择。"),
        ({"AID_ENV": "demo", "AID_MASTER_KEYS": "x"}, "设置有误。AID_MASTER_KEYS：应是一个 JSON 对象"),
        ({"AID_ENV": "demo", "AID_INDEX_KEY": "s3cret"}, "设置有误。AID_INDEX_KEY 必须是 base64"),
        ({"AID_ENV": "demo", "AID_DATABASE_URL": "s3cret"}, "设置有误。AID_DATABASE_URL 应写成 postgresql://"),
        (DEMO | {"AID_DATABASE_URL": "postgresql://u:s3cret@host:54x2/aid"}, "设置有误。AID_DATABASE_URL 应写成"),
        (DEMO | {"AID_DATABASE_URL": "postgresql://u:s3cret@host:99999/aid"}, "设置有误。AID_DATABASE_URL 应写成"),
        (DEMO, "连不上数据库。请核对 AID_DATABASE_URL"),
    ],
)
def test_a_command_that_cannot_begin_says_why_and_ends_with_2(environment: dict[str, str], said: str) -> None:
    done = aid("replay", **environment)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


def test_a_migration_without_a_database_says_the_same() -> None:
    done = aid("migrate", **DEMO)

    assert (done.returncode, "连不上数据库" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_an_empty_database_and_a_refused_account_are_told_apart() -> None:
    assert told(asyncpg.UndefinedTableError("x")) == ["数据库的结构不是最新的。请先运行 aid migrate。"]
    assert told(asyncpg.InvalidPasswordError("x")) == ["数据库拒绝了这个账户或库名。请核对 AID_DATABASE_URL。"]


def test_a_defect_keeps_its_traceback() -> None:
    class Other(BaseModel):
        n: int

    with pytest.raises(ValidationError) as wrong:
        Other.model_validate({"n": "x"})
    assert told(wrong.value) is None
    assert told(KeyError("x")) is None
