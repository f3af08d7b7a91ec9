"""`aid policy`: trying, describing and checking policy files, without any database."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
from pydantic import BaseModel

from app.applications.path import Kind
from app.kernel.errors import DomainError, FieldError, Invalid
from app.policies.rules import digest, document_of, read
from app.policy.book import POLICY_KINDS, PolicyBook, PolicyKind
from app.policy.decision import plain
from app.policy.drafts import MESSAGES
from app.policy.versions import InvalidPolicy, Version, in_order, read_yaml
from app.programmes import MODELS, POLICIES, case_file, shipped

M = TypeVar("M", bound=BaseModel)
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

app = typer.Typer(no_args_is_help=True, help="政策：试算、格式说明、检查（不需要数据库）")

PolicyFile = Annotated[Path, typer.Option("--policy", help="政策文件（YAML）：一个版本，或一列版本")]
CaseOption = Annotated[Path, typer.Option("--case", help="案例文件（YAML），格式见 aid policy schema --case")]
KindOption = Annotated[Kind, typer.Option("--kind", help="哪一种帮扶")]
AnyKind = Annotated[PolicyKind | None, typer.Option("--kind", help="哪一种政策；不写则按文件路径判断")]
Criteria = Annotated[Path | None, typer.Option("--criteria", help="困难家庭认定口径；不写则用随服务发布的")]
Standards = Annotated[Path | None, typer.Option("--standards", help="低保标准；不写则用随服务发布的")]


class BadFile(Exception):
    """A file that cannot be used, with every place in it that is wrong."""

    def __init__(self, path: Path, *errors: FieldError) -> None:
        super().__init__(path)
        self.path, self.errors = path, errors

    def lines(self) -> Iterator[str]:
        """One line for each: file, JSON pointer (`/` is the whole), what is wrong."""
        return (f"{self.path}: {error.pointer or '/'}: {error.message}" for error in self.errors)


@app.command()
def evaluate(
    kind: KindOption, policy: PolicyFile, case: CaseOption, criteria: Criteria = None, standards: Standards = None
) -> None:
    """Print the decision on a written case as JSON: the same files, the same bytes.

    The version that governs the case decides: that of its day and area, unless the kind says otherwise.
    Exit code 2 for files that cannot be used.
    """
    try:
        book = _book({kind.value: policy, "household_criteria": criteria, "minimum_living_standard": standards})
        written = case_file(kind)
        given = _one(written.model, case, _content(case), "")
        decision = written.judge(given, written.governing(given, book), book)
    except BadFile as bad:
        refuse(*bad.lines())
    except DomainError as refused:
        refuse(f"{case}: /: {refused.detail}")
    sys.stdout.write(json.dumps(plain(decision), ensure_ascii=False, indent=2) + "\n")


@app.command()
def schema(
    kind: AnyKind = None,
    case: Annotated[bool, typer.Option("--case", help="案例文件的格式，而不是政策文件的")] = False,
) -> None:
    """Print the JSON Schema (draft 2020-12) of one version of a kind, or of all kinds by name; or of case files."""
    models: dict[str, type[BaseModel]]
    try:
        if case:
            models = {each: case_file(Kind(each)).model for each in ((kind,) if kind else Kind)}
        else:
            models = {each: MODELS[each] for each in ((kind,) if kind else POLICY_KINDS)}
    except ValueError:
        refuse(f"{kind} 没有案例文件：只有 {'、'.join(Kind)} 有")
    schemas = {name: {"$schema": DIALECT} | model.model_json_schema() for name, model in models.items()}
    shown = schemas[kind] if kind else schemas
    sys.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2) + "\n")


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="政策文件（YAML）")], kind: AnyKind = None) -> None:
    """Read policy files as strictly as the service does: a line for each version, or for each mistake (exit code 1)."""
    bad = False
    for path in files:
        try:
            known = kind or _kind_of(path)
            for version in _versions(MODELS[known], path):
                name = f"{known} {version.area} {version.version} {version.in_force_from}"
                sys.stdout.write(f"OK {path}: {name} sha256:{digest(document_of(version))}\n")
        except BadFile as wrong:
            bad = True
            sys.stdout.writelines(f"{line}\n" for line in wrong.lines())
    raise typer.Exit(1 if bad else 0)


def versions_in(model: type[Version], path: Path) -> tuple[Version, ...]:
    """The versions of a file; with mistakes in it they are told, and the command ends with exit code 2."""
    try:
        return _versions(model, path)
    except BadFile as bad:
        refuse(*bad.lines())


def _book(given: dict[PolicyKind, Path | None]) -> PolicyBook:
    """The shipped book with the versions of these files in place of its own. Raises BadFile."""
    read_ = {kind: _versions(MODELS[kind], path) for kind, path in given.items() if path is not None}
    return replace(shipped(), versions={**shipped().versions, **read_})


def _versions(model: type[Version], path: Path) -> tuple[Version, ...]:
    """The versions of a file, which may be one or a list. Raises BadFile with every mistake in it."""
    content = _content(path)
    if not isinstance(content, list):
        return (_one(model, path, content, ""),)
    found: list[Version] = []
    wrong: list[FieldError] = []
    for n, each in enumerate(content):
        try:
            found.append(_one(model, path, each, f"/{n}"))
        except BadFile as bad:
            wrong += bad.errors
    if wrong:
        raise BadFile(path, *wrong)
    try:
        return in_order(tuple(found))
    except InvalidPolicy as unordered:
        raise BadFile(path, FieldError("", "policy_order", str(unordered))) from None


def _one(model: type[M], path: Path, content: Any, at: str) -> M:
    if not isinstance(content, dict):
        raise BadFile(path, FieldError(at, "model_type", MESSAGES["model_type"]))
    try:
        return read(model, content, at, of_ones_own=True)
    except Invalid as invalid:
        raise BadFile(path, *invalid.errors) from None


def _content(path: Path) -> Any:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise BadFile(path, FieldError("", "file_unreadable", "读不到这个文件，或者它不是 UTF-8 文本。")) from None
    except InvalidPolicy as broken:
        raise BadFile(path, FieldError("", "yaml_invalid", f"{broken}。")) from None


def _kind_of(path: Path) -> PolicyKind:
    """By the kind's name in the path, or by where the service keeps its own. Raises BadFile."""
    whole = path.absolute().as_posix()
    own = {kind: f"{each.package.replace('.', '/')}/{each.file}" for kind, each in POLICIES.items()}
    named = [kind for kind in POLICY_KINDS if kind in whole or whole.endswith(own[kind])]
    if len(named) != 1:
        # The file's own name says more than the folders that it lies in.
        named = [kind for kind in POLICY_KINDS if kind in path.name]
    if len(named) != 1:
        raise BadFile(path, FieldError("", "kind_unknown", "看不出是哪一种政策，请用 --kind 说明。"))
    return named[0]


def refuse(*lines: str) -> NoReturn:
    """End the command with these lines and exit code 2: it was given what it cannot use."""
    sys.stderr.writelines(f"{line}\n" for line in lines)
    raise typer.Exit(2)
