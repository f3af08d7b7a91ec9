"""The package and the reference mini-program as JavaScript, for Node."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from app.cli.contracts.types import NODE, PACKAGE

REFERENCE = PACKAGE / "reference"
COMPILER = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
BORROWED = ("jsdom", "miniprogram-simulate")
NOT_COMPILED = shutil.ignore_patterns("*.ts", "miniprogram_npm")


def node(*words: str | Path, **around: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, *words], cwd=PACKAGE, env=os.environ | around, capture_output=True, text=True, timeout=120
    )


def tsc(project: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return node(COMPILER, "-p", project, "--pretty", "false", *words)


def need_node() -> None:
    """Where no npm can be reached these tests are left out, and say so; whoever merges needs them."""
    if not NODE.exists() or not all((PACKAGE / "node_modules" / name).exists() for name in ("typescript", *BORROWED)):
        missing = "Node.js is not set up (sh tools/setup_node.sh): the mini-program was not tested"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


def compiled(folder: Path, project: str) -> Path:
    """Strictly typed, or there is none."""
    need_node()
    done = tsc(project, "--noEmit", "false", "--outDir", folder)
    assert done.returncode == 0, done.stdout
    return folder


def runnable_reference(folder: Path) -> Path:
    """What the developer tools make of it: the scripts, beside them the pages, and the package as an npm module."""
    compiled(folder, "reference/tsconfig.test.json")
    shutil.copytree(
        REFERENCE / "miniprogram", folder / "reference" / "miniprogram", ignore=NOT_COMPILED, dirs_exist_ok=True
    )
    module = folder / "node_modules" / "shantou-aid-contract"
    module.mkdir(parents=True)
    (module / "index.js").write_text('module.exports = require("../../src/index.js");\n', encoding="utf-8")
    for name in BORROWED:
        (folder / "node_modules" / name).symlink_to(PACKAGE / "node_modules" / name)
    return folder


def passed(done: subprocess.CompletedProcess[str]) -> int:
    """How many tests of `node --test` passed. None failed, none was left out."""
    assert done.returncode == 0, (done.stdout + done.stderr)[-6_000:]
    counts = dict(
        line[2:].split(" ", 1) for line in done.stdout.splitlines() if line[:2] in ("# ", "ℹ ") and line.count(" ") == 2
    )
    assert counts["fail"] == counts["skipped"] == counts["todo"] == "0"
    return int(counts["pass"])
