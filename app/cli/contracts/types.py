"""The TypeScript types of the contract, made by openapi-typescript (tools/setup_node.sh installs it)."""

import json
import subprocess
from typing import Any, Final

from app.db.migrations import ROOT

PACKAGE: Final = ROOT / "miniprogram_contract"
NODE: Final = ROOT / ".aid" / "node"
GENERATOR: Final = PACKAGE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
HEAD: Final = "// 由 openapi.json 生成（make contract），请勿手改。出错的回答一律是 Problem，不在各接口里重复。\n"


class NotSetUp(Exception):
    """Node.js or the generator is missing."""


def type_text(document: dict[str, Any]) -> str:
    """The types of requests and successful answers. Raises NotSetUp."""
    if not GENERATOR.exists() or not NODE.exists():
        raise NotSetUp("还没有准备 Node.js：请运行 make contract 或 sh tools/setup_node.sh")
    done = subprocess.run(  # noqa: S603 - our own command
        [NODE, GENERATOR, "--default-non-nullable=false", "--alphabetize"],
        input=json.dumps(_without_refusals(document)),
        capture_output=True,
        text=True,
        cwd=PACKAGE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return HEAD + done.stdout


def _without_refusals(document: dict[str, Any]) -> dict[str, Any]:
    """Refusals, and the headers of answers, are the same everywhere; without them the types are a third as long."""
    paths = {
        path: {
            method: operation | {"responses": {s: r for s, r in operation["responses"].items() if s < "400"}}
            for method, operation in methods.items()
        }
        for path, methods in document["paths"].items()
    }
    components = {name: each for name, each in document["components"].items() if name != "examples"}
    return document | {"paths": paths, "components": components}
