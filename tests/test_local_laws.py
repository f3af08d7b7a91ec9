"""The laws of this code that no linter knows. Each finds a planted violation, so that none can fall silent."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[1] / "app"
FILE_LINES, FUNCTION_LINES = 400, 60
EDGES = ("app/http/service.py", "app/jobs/running.py", "app/cli/", "app/simulator/", "app/demo/", "app/bench/")
Law = Callable[[str, ast.AST], Iterator[str]]


def test_nobody_commits_but_the_transaction() -> None:
    check(nobody_commits, planted="async def f(session): await session.commit()")


def test_the_clock_is_read_at_the_edge() -> None:
    check(the_clock_is_read_at_the_edge, planted="from datetime import datetime\nNOW = datetime.now()")


def test_only_http_refuses_in_http() -> None:
    check(no_http_exception, planted="from fastapi import HTTPException\ndef f(): raise HTTPException(400)")


def test_jose_stays_behind_one_module() -> None:
    check(jose_stays_behind_one_module, planted="from jose import jwt")


def test_only_the_settings_read_the_environment() -> None:
    check(only_the_settings_read_the_environment, planted="import os\nKEY = os.environ['AID_KEY']")


def test_nothing_is_swallowed() -> None:
    check(nothing_is_swallowed, planted="try:\n    x = 1\nexcept:\n    pass")


def test_a_table_is_no_request_and_no_answer() -> None:
    check(no_table_in_http, planted="class Leak(Row, table=True):\n    pass", at="app/http/routes/leak.py")


def test_statements_are_written_where_queries_live() -> None:
    check(statements_live_with_queries, planted="from sqlalchemy import select", at="app/kinds/golden_autumn/rules.py")


def test_what_people_read_ends_as_a_sentence() -> None:
    check(every_message_is_a_sentence, planted="class Refused(Exception):\n    '没有成功'")
    check(every_message_is_a_sentence, planted="raise PydanticCustomError('code', '请填写')")
    check(every_message_is_a_sentence, planted="wrong = FieldError('/name', 'code', '请填写')")
    check(every_message_is_a_sentence, planted="MESSAGES = {'code': '请填写'}")


def test_functions_and_files_stay_short() -> None:
    long_function = "def f():\n" + "    x = 1\n" * FUNCTION_LINES
    check(functions_stay_short, planted=long_function)
    long_files = [str(path) for path in APP.rglob("*.py") if len(path.read_text().splitlines()) > FILE_LINES]
    assert long_files == []


def test_things_are_named() -> None:
    assert [path for path in APP.rglob("*.py") if path.stem in {"utils", "helpers", "common", "misc"}] == []


def check(law: Law, *, planted: str, at: str = "app/households/planted.py") -> None:
    """The law holds for every file of the app, and finds what is planted."""
    assert list(law(at, ast.parse(planted))), "the planted violation was not found"
    broken = [f"{path}:{what}" for path, tree in _files() for what in law(path, tree)]
    assert broken == []


def _files() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(APP.rglob("*.py")):
        yield path.relative_to(APP.parent).as_posix(), ast.parse(path.read_text())


def _calls(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Every call of an attribute: line, what it is called on, its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.lineno, ast.unparse(node.func.value), node.func.attr


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def nobody_commits(path: str, tree: ast.AST) -> Iterator[str]:
    yield from (f"{line} commits" for line, _, name in _calls(tree) if name == "commit")
    if path != "app/db/database.py":
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip() == "COMMIT":
                yield f"{node.lineno} commits"


def the_clock_is_read_at_the_edge(path: str, tree: ast.AST) -> Iterator[str]:
    if path.startswith(EDGES):
        return
    for line, on, name in _calls(tree):
        if (name in {"now", "today", "utcnow"} and on in {"datetime", "date", "datetime.datetime"}) or (on, name) == (
            "time",
            "time",
        ):
            yield f"{line} reads the clock"


def no_http_exception(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None and "HTTPException" in ast.unparse(node.exc):
            yield f"{node.lineno} raises HTTPException: raise one of app.kernel.errors"


def jose_stays_behind_one_module(path: str, tree: ast.AST) -> Iterator[str]:
    if path != "app/people/tokens.py":
        yield from (f"{line} imports jose" for line, module in _imports(tree) if module.split(".")[0] == "jose")


def only_the_settings_read_the_environment(path: str, tree: ast.AST) -> Iterator[str]:
    # The command line and the demonstrations hand an environment to the processes that they start.
    if path == "app/settings.py" or path.startswith(("app/cli/", "app/demo/", "app/bench/")):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}:
            yield f"{node.lineno} reads the environment"


def nothing_is_swallowed(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"{node.lineno} has a bare except"


MESSAGE_PLACE = {"PydanticCustomError": 1, "FieldError": 2, "_once": 2}


def every_message_is_a_sentence(path: str, tree: ast.AST) -> Iterator[str]:
    """Of refusals, of wrong fields, and of the tables of their messages; reasons and remedies are clauses."""
    for node in ast.walk(tree):
        for text in _messages(node):
            if any("\u4e00" <= letter <= "\u9fff" for letter in text) and not text.endswith(("。", "！", "？")):
                yield f"{node.lineno} says “{text}” without an end"  # type: ignore[attr-defined]


def _messages(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef) and (said := ast.get_docstring(node)) and "\u4e00" <= said[0] <= "\u9fff":
        yield said.splitlines()[0]
    elif isinstance(node, ast.Call):
        place = MESSAGE_PLACE.get(ast.unparse(node.func))
        if place is not None and len(node.args) > place:
            yield from _texts(node.args[place])
    elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if ast.unparse(target).endswith("MESSAGES"):
            for value in node.value.values:
                yield from _texts(value)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)


def no_table_in_http(path: str, tree: ast.AST) -> Iterator[str]:
    if path.startswith("app/http/"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(keyword.arg == "table" for keyword in node.keywords):
                yield f"{node.lineno} declares a table"


WRITERS = (
    "queries.py", "queue.py", "commands.py", "changes.py", "steps.py", "chain.py", "idempotency.py", "health.py",
    "relay.py",
    "daily.py", "tables.py", "funds/ledger.py", "funds/waiting.py",
)  # fmt: skip
HOUSEHOLD_COMMANDS = tuple(
    f"app/households/{name}.py"
    for name in ("correcting", "exits", "following", "members", "related", "steps", "transfers", "writing")
)
"""Commands of one feature that are too many for one file, each named for what it does."""


def statements_live_with_queries(path: str, tree: ast.AST) -> Iterator[str]:
    """SQL is written by queries and commands; elsewhere only by the mechanisms named here."""
    if (
        path.endswith((*WRITERS, *HOUSEHOLD_COMMANDS))
        or path.startswith(("app/db/", "app/seed/", "app/bench/"))
        or path == "app/tables.py"
    ):
        return
    yield from (f"{line} imports {m}" for line, m in _imports(tree) if m.split(".")[0] in {"sqlalchemy", "sqlmodel"})


def functions_stay_short(path: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("path", ["app/applications/path.py", "app/households/rules.py", "app/kernel/actor.py"])
def test_the_files_that_the_laws_look_at_exist(path: str) -> None:
    assert (APP.parent / path).is_file()
