"""The words of the catalogue as a module of the mini-program, which cannot read a JSON file."""

import json
from collections.abc import Mapping
from typing import Any, Final

HEAD: Final = "// 由代码生成（make contract），请勿手改。状态、操作、字段怎样说给人听；代码以后会增加，请用 said()。"
SAID: Final = """/** 代码的中文；不认识的（以后增加的）说“其他”，不显示代码。 */
export function said(words: Readonly<Record<string, string>>, code: string): string {
  return words[code] ?? "其他";
}
"""


def words_text(told: Mapping[str, Any]) -> str:
    """`told`: the catalogue."""
    words, programmes = told["words"], told["programmes"]
    paths = {name: each for name, each in words.items() if name != "fields"}
    tables = {
        "STATES": ({name: each["states"] for name, each in paths.items()}, _of(paths)),
        "ACTIONS": ({name: each["actions"] for name, each in paths.items()}, _of(paths)),
        "FIELDS": (words["fields"], "Record<string, string>"),
        "ROLES": ({role: each["name"] for role, each in told["roles"].items()}, "Record<string, string>"),
        "KINDS": ({kind: each["name"] for kind, each in programmes.items()}, "Record<string, string>"),
    }
    lines = (f"export const {name}: {kind} = {_json(table)};\n" for name, (table, kind) in tables.items())
    return "\n".join([HEAD, *lines, SAID])


def _of(paths: Mapping[str, Any]) -> str:
    return f"Record<{' | '.join(json.dumps(name) for name in sorted(paths))}, Record<string, string>>"


def _json(table: Mapping[str, Any]) -> str:
    return json.dumps(table, ensure_ascii=False, indent=2, sort_keys=True)
