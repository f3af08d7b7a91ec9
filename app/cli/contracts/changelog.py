"""CHANGELOG.md of the contract: what is not released yet is written anew each time, what was released stays. Pure."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from app.cli.contracts.shapes import Change, Kind

TITLES: Final[Mapping[Kind, str]] = {Kind.BREAKING: "不兼容", Kind.ADDED: "新增", Kind.CHANGED: "改变"}
HEAD: Final = """# 接口变更记录

> “未发布”一节由 `make contract` 比较 `released.json`（上一次发布的约定）与代码写成，请勿手改；
> 发布用 `aid contract --release`。增加字段、增加枚举值不算不兼容（见 README“总则”）。
"""
_RELEASED: Final = re.compile(r"^## \d", re.MULTILINE)


def changelog(found: list[Change], version: str, since: str, before: str) -> str:
    """The whole file; `before` is the file as it was."""
    title = f"## 未发布：{version}（与 {since} 相比）" if version != since else f"## 未发布（与 {since} 相比）"
    return "\n".join([HEAD, title, "", *_lines(found), _released(before)])


def released(found: list[Change], version: str, on: date, before: str, first: str = "") -> str:
    """The file in which what was not released has become a version."""
    section = "\n".join([f"## {version}（{on}）", "", *([first, ""] if first else _lines(found))])
    return changelog([], version, version, f"{section}\n{_released(before)}")


def _released(text: str) -> str:
    found = _RELEASED.search(text)
    return text[found.start() :] if found else ""


def _lines(found: list[Change]) -> Iterator[str]:
    if not found:
        yield from ("没有变更。", "")
    for kind, title in TITLES.items():
        of_kind = [each for each in found if each.kind is kind]
        if of_kind:
            yield from (f"### {title}", "", *(f"- `{each.place}`：{each.what}" for each in of_kind), "")


def must_be_newer(found: list[Change], version: str, since: str) -> str | None:
    """Why a version is too low for what has changed since another; None when it is high enough."""
    if any(each.kind is Kind.BREAKING for each in found) and _numbers(version)[0] <= _numbers(since)[0]:
        return f"有不兼容的变更，版本号要从 {since} 升到 {_numbers(since)[0] + 1}.0.0（app/http/openapi.py 的 VERSION）"
    if found and _numbers(version)[:2] <= _numbers(since)[:2]:
        return f"有变更，版本号要从 {since} 升到 {_next_minor(since)}（app/http/openapi.py 的 VERSION）"
    return None


def _next_minor(version: str) -> str:
    major, minor, *_ = _numbers(version)
    return f"{major}.{minor + 1}.0"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def is_newer(version: str, since: str) -> bool:
    return _numbers(version) > _numbers(since)
