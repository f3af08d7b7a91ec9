"""The messages that people are sent, read from the code that words them: whoever adds one there has added it here."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from app.http.diagrams import GENERATED
from app.jobs.telling import wording


class Template(NamedTuple):
    """A message with gaps, and the function or table that words it."""

    where: str
    title: str
    text: str


def templates() -> list[Template]:
    """Every `Said(…)` of app/jobs/telling/wording.py, in the order of the file."""
    tree = ast.parse(inspect.getsource(wording))
    return [found for part in tree.body for found in _of(part)]


def _of(part: ast.stmt) -> Iterator[Template]:
    known = {
        target.id: each.value
        for each in ast.walk(part)
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    for each in ast.walk(part):
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "Said" and len(each.args) == 2:
            title, text = (_text(argument, known) for argument in each.args)
            if isinstance(each.args[0], ast.Constant):
                yield Template(_name_of(part), title, text)


def _name_of(part: ast.stmt) -> str:
    if isinstance(part, ast.FunctionDef):
        return part.name
    return ast.unparse(part.target).strip("_").lower() if isinstance(part, ast.AnnAssign) else ""


def _text(node: ast.expr, known: Mapping[str, ast.expr]) -> str:
    """What stands there, with a name in braces for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each, known) for each in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, {})
    if isinstance(node, ast.Name) and node.id in known:
        return _text(known[node.id], {})
    if isinstance(node, ast.IfExp):
        return f"{_text(node.body, known)} / {_text(node.orelse, known)}"
    return "{" + _innermost(node) + "}"


def _innermost(node: ast.expr) -> str:
    """The name of the value itself, without the functions that word it."""
    called = {ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
    names = [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id not in called]
    return names[-1] if names else "…"


def messages_page() -> str:
    rows = (f"| {each.title} | {each.text} | `{each.where}` |" for each in templates())
    lines = ["# 站内消息", "", GENERATED, "", "花括号里的按实际情况填入；姓名只用脱敏的。", ""]
    return "\n".join([*lines, "| 标题 | 内容 | 由谁写成 |", "| --- | --- | --- |", *rows, ""])
