"""`aid contract`: everything that is written from the code for those who program against it."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import app.worker  # noqa: F401 - what its jobs refuse is listed too
from app.cli.contracts.changelog import changelog, is_newer, must_be_newer, released
from app.cli.contracts.changes import bare, breaking, changes
from app.cli.contracts.examples import add_examples, operations, read_examples, wanted
from app.cli.contracts.messages import messages_page, templates
from app.cli.contracts.refusals import unrecorded
from app.cli.contracts.types import PACKAGE, NotSetUp, type_text
from app.cli.contracts.words import words_text
from app.cli.database import console
from app.cli.policy_pages import policy_pages
from app.cli.telling_pages import telling_pages
from app.db import migrations
from app.http.catalogues import catalogue, refusals
from app.http.diagrams import diagrams
from app.http.words import OF_PATHS, WORDS
from app.kernel.business_time import business_date
from app.main import create_app
from app.settings import Settings

DIAGRAMS: Final = migrations.ROOT / "docs" / "diagrams"
RELEASED: Final = PACKAGE / "released.json"
CHANGELOG: Final = PACKAGE / "CHANGELOG.md"
MANIFEST: Final = PACKAGE / "package.json"


def contract(
    check: Annotated[bool, typer.Option("--check", help="只比较，不写")] = False,
    release: Annotated[bool, typer.Option("--release", help="把现在的约定定为一个版本")] = False,
) -> None:
    """Write miniprogram_contract/ and docs/diagrams/ from the code, or check that they are up to date."""
    document = contract_document()
    if release:
        _release(document)
    problems = _broken(document)
    try:
        wanted_files = contract_files(document)
    except NotSetUp as missing:
        console.print(str(missing), markup=False, soft_wrap=True)
        raise typer.Exit(2) from missing
    written = {path: path.read_text("utf-8") for path in (*wanted_files, *DIAGRAMS.glob("*.md")) if path.exists()}
    differing = sorted(p for p in wanted_files.keys() | written.keys() if wanted_files.get(p) != written.get(p))
    if check and differing:
        names = "、".join(str(path.relative_to(migrations.ROOT)) for path in differing)
        problems.append(f"{names} 与代码不一致：请运行 make contract，并确认改动是有意的")
    for path in () if check else differing:
        _put(path, wanted_files.get(path))
    for each in problems:
        console.print(each, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _broken(document: Mapping[str, Any]) -> list[str]:
    """What stands in the way of this contract: clients that would break, operations without an example."""
    before = _read_released()
    found = changes(before, bare(document))
    too_low = must_be_newer(found, document["info"]["version"], before["info"]["version"])
    lines = [*(f"{each.place}：{each.what}" for each in breaking(found)), too_low] if too_low else []
    recorded = read_examples()
    missing = [key for key in wanted(document) if "answers" not in recorded.get(key, {})]
    if missing:
        some = "、".join(f"{method.upper()} {path}" for method, path in missing[:5])
        lines.append(f"{len(missing)} 个接口还没有示例（{some} 等）：请运行 make contract")
    if codes := unrecorded():
        some = "、".join(f"{code}（{status}）" for code, status in codes[:5])
        lines.append(f"{len(codes)} 个错误代码没有测试得到过（{some} 等）：请运行 make contract")
    return lines


def contract_files(document: dict[str, Any]) -> dict[Path, str]:
    """Everything that is written from the code: what the mini-program is built against, and the pages."""
    before = _read_released()
    found = changes(before, bare(document))
    kept = CHANGELOG.read_text("utf-8") if CHANGELOG.exists() else ""
    told = catalogue(WORDS, OF_PATHS) | {"messages": [each._asdict() for each in templates()]}
    return {
        PACKAGE / "openapi.json": _json(document, indent=2),
        PACKAGE / "src" / "schema.ts": type_text(document),
        PACKAGE / "src" / "problems.ts": problems_text(),
        PACKAGE / "src" / "words.ts": words_text(told),
        PACKAGE / "catalogue.json": _json(told, indent=1),
        MANIFEST: _manifest(document["info"]["version"]),
        CHANGELOG: changelog(found, document["info"]["version"], before["info"]["version"], kept),
        **{DIAGRAMS / name: text for name, text in (diagrams() | policy_pages() | telling_pages()).items()},
        DIAGRAMS / "messages.md": messages_page(),
    }


def contract_document() -> dict[str, Any]:
    """The contract with its examples, and the codes of all refusals."""
    document: dict[str, Any] = json.loads(json.dumps(create_app(Settings(env="test")).openapi()))
    document["x-problems"] = problem_statuses()
    add_examples(document)
    return document


def openapi() -> None:
    """Print the contract."""
    sys.stdout.write(contract_text())


def contract_text() -> str:
    return _json(contract_document(), indent=2)


def problem_statuses() -> dict[str, list[int]]:
    """Each code with the statuses that it comes with: nearly always one."""
    found: dict[str, set[int]] = {}
    for each in refusals():
        found.setdefault(each.code, set()).add(each.status)
    return {code: sorted(statuses) for code, statuses in found.items()}


def problems_text() -> str:
    """The cures of the refusals for the client; a code that has two goes by its status there."""
    cures = sorted({each.cure for each in refusals()})
    of_code: dict[str, set[str]] = {}
    for each in refusals():
        of_code.setdefault(each.code, set()).add(each.cure)
    lines = [f'  {code}: "{each}",' for code, (each, *others) in sorted(of_code.items()) if not others]
    return "\n".join(
        [
            "// 由代码生成（make contract），请勿手改。每个错误代码怎么处理，中文说明见 docs/diagrams/problems.md。",
            f"export type Cure = {' | '.join(json.dumps(cure) for cure in cures)};",
            "",
            "export const CURES: Readonly<Record<string, Cure>> = {",
            *lines,
            "};",
            "",
        ]
    )


def _manifest(version: str) -> str:
    return re.sub(r'"version": "[^"]*"', f'"version": "{version}"', MANIFEST.read_text("utf-8"), count=1)


def _read_released() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RELEASED.read_text("utf-8"))
    return found


def _release(document: dict[str, Any]) -> None:
    """The contract of the code becomes the released one, if its version says enough."""
    version, now = document["info"]["version"], bare(document)
    kept = CHANGELOG.read_text("utf-8") if CHANGELOG.exists() else ""
    if RELEASED.exists():
        before = _read_released()
        found, since = changes(before, now), before["info"]["version"]
        if not is_newer(version, since):
            console.print(f"{since} 已经发布：请先升高 app/http/openapi.py 的 VERSION")
            raise typer.Exit(1)
        if (too_low := must_be_newer(found, version, since)) is not None:
            console.print(too_low)
            raise typer.Exit(1)
        first = ""
    else:
        found, first = [], f"第一版：{sum(1 for _ in operations(document))} 个接口。"
    today = business_date(datetime.now().astimezone())
    CHANGELOG.write_text(released(found, version, today, kept, first), "utf-8")
    RELEASED.write_text(_json(now, indent=1), "utf-8")


def _json(document: Any, *, indent: int) -> str:
    return json.dumps(document, ensure_ascii=False, indent=indent, sort_keys=True) + "\n"
