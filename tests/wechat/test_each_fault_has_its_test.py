"""Every fault of WeChat that docs/wechat.md speaks of (W01 to W16) has a test by the name that stands there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = re.findall(r"^\| (W\d\d) .*\|$", (ROOT / "docs/wechat.md").read_text("utf-8"), re.MULTILINE)


def named(fault: str) -> list[tuple[str, str]]:
    text = (ROOT / "docs/wechat.md").read_text("utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {fault} ")]
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)


def test_all_stand_there() -> None:
    assert [f"W{n:02d}" for n in range(1, 17)] == ROWS


@pytest.mark.parametrize("fault", ROWS)
def test_a_fault_has_a_test_of_that_name(fault: str) -> None:
    tests = named(fault)
    assert tests
    for path, name in tests:
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        there = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in there, f"{path} has no {name}"
