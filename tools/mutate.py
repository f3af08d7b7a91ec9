"""Mutation testing of the rules and the money: `make mutate`, or with globs of modules after it.

mutmut makes the mutants ([tool.mutmut] in pyproject.toml). They are tried here, in one pytest session that never runs a
test itself: each mutant gets a fork of it and runs the tests that reach its function, the quickest first, until one
fails. mutmut's own runner starts pytest anew for each of thousands of mutants, in a process that has decided cases
before: ten times slower, and what such a process keeps ready (schemes, texts) hides the mutants of what made it ready.
"""

import contextlib
import fnmatch
import gc
import io
import json
import os
import re
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ |= {"AID_ENV": "test", "AID_HYPOTHESIS": "mutation", "MUTANT_UNDER_TEST": ""}

import pytest
from _pytest.runner import runtestprotocol
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths

PROCESSES = int(os.environ.get("MUTATE_PROCESSES", "2"))
PATIENCE = 5
"""A mutant that takes so many times the processor time of its tests, and a second more, counts as never ending."""
ROOT = Path(__file__).resolve().parent.parent
STAGE = ROOT / "build" / "mutation"
_CACHED = re.compile(r"^ *@lru_cache\(.*\)\n", re.MULTILINE)


def generate() -> list[str]:
    """Writes the mutants into a tree of their own, and gives their names.

    From a copy of the sources without @lru_cache: mutmut passes over whatever is decorated.
    """
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(ROOT / "app", STAGE / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for file in STAGE.rglob("*.py"):
        file.write_text(_CACHED.sub("", file.read_text(encoding="utf-8")), encoding="utf-8")
    for name in ("tests", "pyproject.toml"):
        (STAGE / name).symlink_to(ROOT / name)
    os.chdir(STAGE)
    Path("mutants").mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        copy_src_dir()
        copy_also_copy_files()
        create_mutants(PROCESSES)
    setup_source_paths()
    metas = sorted(Path("mutants").rglob("*.py.meta"))
    return [name for meta in metas for name in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]]


class Trying:
    """A pytest plugin: in place of running the tests, tries the mutants with them."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.found: dict[str, str] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        reaching, seconds = self._reach(session.items)
        gc.freeze()  # a fork then shares the memory instead of copying it
        running: dict[int, str] = {}
        for number, name in enumerate(self.names, 1):
            function = name.partition("__mutmut_")[0]
            places = sorted(reaching.get(function, ()), key=seconds.__getitem__)
            if not places:
                self._ended(name, "survived")
                continue
            if len(running) == PROCESSES:
                self._reap(running)
            limit = 1 + PATIENCE * sum(seconds[place] for place in places)
            running[_forked(name, [session.items[place] for place in places], limit)] = name
            if number % 100 == 0:
                _say(f"{number} of {len(self.names)}: {name}")
        while running:
            self._reap(running)
        return True

    def _reap(self, running: dict[int, str]) -> None:
        process, status = os.wait()
        ended = "timeout" if os.WIFSIGNALED(status) else "killed" if os.WEXITSTATUS(status) else "survived"
        self._ended(running.pop(process), ended)

    def _ended(self, name: str, how: str) -> None:
        self.found[name] = how
        with (STAGE / "ended.txt").open("a", encoding="utf-8") as file:
            file.write(f"{how} {name}\n")

    def _reach(self, items: list[pytest.Item]) -> tuple[dict[str, list[int]], list[float]]:
        """Which tests reach a function, and how long each takes; found in a fork, so that this process stays as new."""
        told = Path("reach.json")
        process = os.fork()
        if process == 0:
            with _dying():
                told.write_text(json.dumps(_reached(items)), encoding="utf-8")
        if os.waitpid(process, 0)[1]:
            raise SystemExit("the tests cannot be run")
        reaching, seconds = json.loads(told.read_text(encoding="utf-8"))
        if isinstance(seconds, str):
            raise SystemExit(f"without any mutant this test fails: {seconds}")
        return reaching, seconds


@contextlib.contextmanager
def _dying() -> Iterator[None]:
    """What a fork does: silently, and never back into pytest."""
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        yield
    except BaseException:
        os._exit(1)
    os._exit(0)


def _reached(items: list[pytest.Item]) -> tuple[dict[str, list[int]], list[float] | str]:
    """The name of a test in place of the times, where it fails."""
    set_mutant_under_test("stats")
    reaching: dict[str, list[int]] = defaultdict(list)
    seconds = []
    for place, (item, following) in enumerate(_in_turn(items)):
        state()._stats.clear()
        began = time.process_time()
        if not _passes(item, following):
            return {}, item.nodeid
        seconds.append(time.process_time() - began)
        for function in state()._stats:
            reaching[function].append(place)
    return reaching, seconds


def _forked(name: str, items: list[pytest.Item], limit: float) -> int:
    process = os.fork()
    if process == 0:
        with _dying():
            signal.setitimer(signal.ITIMER_VIRTUAL, limit)
            set_mutant_under_test(name)
            if not all(_passes(*each) for each in _in_turn(items)):
                os._exit(1)
    return process


def _in_turn(items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def told(found: dict[str, str]) -> str:
    """A line for each module, and one for all."""
    by_module: dict[str, Counter[str]] = defaultdict(Counter)
    for name, ended in found.items():
        by_module[name.partition(".x")[0]][ended] += 1
    by_module["all"] = sum(by_module.values(), Counter())
    lines = ["module mutants killed timeout survived score"]
    for module, ends in by_module.items():
        killed, timeout, survived = ends["killed"], ends["timeout"], ends["survived"]
        score = 100 * (killed + timeout) / max(ends.total(), 1)
        lines.append(f"{module} {ends.total()} {killed} {timeout} {survived} {score:.1f}%")
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(globs: list[str]) -> int:
    names = [name for name in generate() if not globs or any(fnmatch.fnmatch(name, glob) for glob in globs)]
    trying = Trying(names)
    arguments = [*config().pytest_add_cli_args, *config().pytest_add_cli_args_test_selection]
    os.chdir("mutants")
    ended = pytest.main(["--rootdir=.", "-qqq", "--assert=plain", "--tb=native", *arguments], plugins=[trying])
    if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(ended)
    _say(told(trying.found))
    _say(f"how each ended: {STAGE}/ended.txt; one of them, in that folder: ../../.venv/bin/mutmut show NAME")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
