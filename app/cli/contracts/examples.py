"""The examples in the contract: answers that tests recorded (tools/examples.py), successes and refusals."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.cli.contracts.refusals import Told, all_told, read_refusals, says_the_same
from app.db.migrations import ROOT
from app.http.catalogues import Refusal

FOLDER: Final = ROOT / "miniprogram_contract" / "examples"
PREFIX: Final = "/api/v1/"
ALWAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "401": ("unauthenticated", "token_refused"),
    "403": ("not_allowed",),
    "404": ("not_found",),
    "409": ("idempotency_in_progress", "overtaken", "conflict"),
    "412": ("stale_version",),
    "413": ("body_too_large",),
    "415": ("unsupported_media_type",),
    "422": ("invalid",),
    "428": ("version_missing",),
    "503": ("unavailable",),
}
"""What every operation that has such a status may answer, beside what tests were answered by it."""
SERVER_FAULT: Final = 500
Key = tuple[str, str]
"""Method in small letters, and path as the contract writes it."""


def file_name(key: Key) -> str:
    method, path = key
    return f"{method}_{path.removeprefix(PREFIX).replace('/', '.').translate({123: None, 125: None})}.json"


def read_examples() -> dict[Key, dict[str, Any]]:
    """What was recorded, by operation. Raises JSONDecodeError for a file that is none."""
    found = {}
    for path in sorted(FOLDER.glob("*.json")):
        example = json.loads(path.read_text(encoding="utf-8"))
        method, _, of = example.pop("operation").partition(" ")
        found[method.lower(), of] = example
    return found


def wanted(document: Mapping[str, Any]) -> list[Key]:
    """The operations that answer a success in JSON: each must have an example."""
    return [key for key, operation in operations(document) if any(_json_of(operation))]


def operations(document: Mapping[str, Any]) -> Iterator[tuple[Key, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method, path), operation


def _json_of(operation: Mapping[str, Any]) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if status < "400" and "application/json" in response.get("content", {}):
            yield status


def add_examples(document: dict[str, Any]) -> None:
    """Puts the examples and the codes of refusals where OpenAPI has a place for them."""
    recorded = read_examples()
    told = all_told()
    named: set[tuple[str, str]] = set()
    for key, operation in operations(document):
        example = recorded.get(key, {})
        _succeed(operation, example)
        for status, response in operation["responses"].items():
            if status >= "400":
                codes = _codes(status, example, told)
                named |= {(code, status) for code in codes}
                _refuse(response, status, codes)
    kept = read_refusals()
    document["components"]["examples"] = {
        f"{code}_{status}": {"summary": told[code, status].detail, "value": _refusal(told[code, status], kept)}
        for code, status in sorted(named)
    }


def _refusal(told: Refusal, kept: Mapping[Told, Mapping[str, Any]]) -> Any:
    """As a test was told it; in the words of the code until one was."""
    example = kept.get((told.code, str(told.status)))
    return example["answer"] if example is not None and says_the_same(told, example) else told.example


def _succeed(operation: dict[str, Any], example: Mapping[str, Any]) -> None:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and "request" in example:
        body["examples"] = {"recorded": {"summary": "测试中真实的请求", "value": example["request"]}}
    for status in _json_of(operation):
        if status in example.get("answers", {}):
            content = operation["responses"][status]["content"]["application/json"]
            content["examples"] = {"recorded": {"summary": "测试中真实的回答", "value": example["answers"][status]}}
    for status, response in operation["responses"].items():
        if response["description"] == "Successful Response":
            response["description"] = "已新建" if status == "201" else "成功"


def _codes(status: str, example: Mapping[str, Any], told: Mapping[tuple[str, str], Any]) -> set[str]:
    """Those that still exist and still come with that status."""
    found = {*ALWAYS.get(status, ()), *example.get("refusals", {}).get(status, ())}
    return {code for code in found if (code, status) in told}


def _refuse(response: dict[str, Any], status: str, codes: set[str]) -> None:
    response["x-codes"] = sorted(codes)
    content = response["content"]["application/problem+json"]
    content["examples"] = {code: {"$ref": f"#/components/examples/{code}_{status}"} for code in sorted(codes)}
