"""What a person at the terminal is told when a command cannot begin: a line, never a traceback."""

import gc
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from app.cli import main
from app.cli.told import told
from app.settings import settings

DEMO = {"AID_ENV": "demo", "AID_DATABASE_URL": "postgresql://nobody:none@127.0.0.1:1/aid"}


def aid(words: Sequence[str], environment: Mapping[str, str], patch: pytest.MonkeyPatch) -> int:
    """What the process would end with: `main` as it runs there, in this process, which has all imported already."""
    for name in [name for name in os.environ if name.startswith("AID_")]:
        patch.delenv(name)
    for name, value in environment.items():
        patch.setenv(name, value)
    patch.setattr(sys, "argv", ["aid", *words])
    settings.cache_clear()
    thresholds = gc.get_threshold()
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        gc.set_threshold(*thresholds)
        settings.cache_clear()
    assert isinstance(ended.value.code, int)
    return ended.value.code


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
def test_a_command_that_cannot_begin_says_why_and_ends_with_2(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aid(["replay"], environment, monkeypatch) == 2

    told_there = capsys.readouterr().err
    assert said in told_there
    assert "Traceback" not in told_there
    assert "s3cret" not in told_there


def test_a_migration_without_a_database_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aid(["migrate"], DEMO, monkeypatch) == 2

    told_there = capsys.readouterr().err
    assert ("连不上数据库" in told_there, "Traceback" in told_there) == (True, False)


def test_a_process_tells_it_as_well() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AID_")}
    command = [sys.executable, "-m", "app.cli", "replay"]
    done = subprocess.run(command, env=kept | DEMO, capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert "连不上数据库。请核对 AID_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


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
