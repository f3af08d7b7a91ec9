"""The examples of the contract are answers that tests really got: this keeps them, with what differs each time made the
same. Only where AID_RECORD names a folder; tools/examples.py does, and makes miniprogram_contract/examples of it."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from app.http.catalogues import refusals
from tests.normalising import Normaliser

PROBLEM = "application/problem+json"
LARGEST = 6_000
"""An example of more letters is read by nobody."""
FEW = 3
STRANGE = ("test_schemathesis", "test_bad_input", "test_every_field", "test_every_parameter", "test_raw_http")
"""These send what nobody would: their refusals count, what they were given is no example."""


@dataclass
class Recording:
    """What one process of the tests was answered: the best example of each success, and the codes of the refusals."""

    folder: Path
    examples: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    codes: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    refusals: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By code and status: the refusal that shows most."""

    def take(self, method: str, path: str, response: httpx.Response) -> None:
        where = method, path, str(response.status_code)
        kind = response.headers.get("content-type", "").partition(";")[0]
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        if kind == PROBLEM:
            self.codes.setdefault(where, set()).add(response.json()["code"])
            self.take_refusal(f"{method} {path}", response)
        elif response.is_success and not any(name in test for name in STRANGE):
            self._keep(where, test, response, kind)
            if kind == "application/json":
                self._look_within(f"{method} {path}", test, response.json())

    def take_refusal(self, operation: str, response: httpx.Response) -> None:
        """One that may also come from an address that the contract does not have."""
        if response.headers.get("content-type") == PROBLEM:
            told, test = response.json(), os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
            self._best(told["code"], str(told["status"]), {"operation": operation, "test": test, "answer": told})

    def _look_within(self, operation: str, test: str, document: Any) -> None:
        """A code can also be told for one of many, in an answer that is a success as a whole."""
        for each in objects(document):
            for status in statuses().get(str(each.get("code")), ()):
                self._best(each["code"], status, {"operation": operation, "test": test, "within": True, "answer": each})

    def _best(self, code: str, status: str, example: dict[str, Any]) -> None:
        before = self.refusals.get((code, status))
        if before is None or refusal_rank(example) > refusal_rank(before):
            told = Normaliser().of(shortened(example["answer"]))
            self.refusals[code, status] = example | {"answer": told}

    def _keep(self, where: tuple[str, str, str], test: str, response: httpx.Response, kind: str) -> None:
        normaliser = Normaliser()
        example: dict[str, Any] = {"test": test}
        if response.request.headers.get("content-type") == "application/json" and response.request.content:
            example["request"] = normaliser.of(json.loads(response.request.content))
        if kind == "application/json":
            example["answer"] = normaliser.of(shortened(response.json()))
        before = self.examples.get(where)
        if before is None or rank(example) > rank(before):
            self.examples[where] = example

    def write(self) -> None:
        kept = [
            {"method": method, "path": path, "status": status, **example}
            for (method, path, status), example in self.examples.items()
        ]
        refused = [
            {"method": method, "path": path, "status": status, "codes": sorted(codes)}
            for (method, path, status), codes in self.codes.items()
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        answers = [{"code": code, "status": status, **each} for (code, status), each in self.refusals.items()]
        told = json.dumps({"examples": kept, "refusals": refused, "answers": answers}, ensure_ascii=False)
        (self.folder / f"{os.getpid()}.json").write_text(told, encoding="utf-8")


def rank(example: dict[str, Any]) -> tuple[bool, int, str]:
    """Of two examples, the one that shows more and can still be read; in doubt that of the first test by name."""
    length = len(json.dumps(example, ensure_ascii=False))
    readable = length <= LARGEST
    shown = sum(1 for _ in leaves(example.get("answer"))) + sum(1 for _ in leaves(example.get("request")))
    return readable, shown if readable else -length, "".join(chr(0x10FFFF - ord(c)) for c in example["test"])


def refusal_rank(example: dict[str, Any]) -> tuple[bool, bool, tuple[bool, int, str]]:
    """A refusal as such before one told for one of many, and what people do before what nobody would send."""
    strange = any(name in example["test"] for name in STRANGE)
    return "within" not in example, not strange, rank(example | {"answer": shortened(example["answer"])})


@cache
def statuses() -> dict[str, tuple[str, ...]]:
    """The statuses of each code of a refusal."""
    found: dict[str, tuple[str, ...]] = {}
    for each in refusals():
        found[each.code] = (*found.get(each.code, ()), str(each.status))
    return found


def objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from objects(value)
    elif isinstance(document, list):
        for value in document:
            yield from objects(value)


def leaves(document: Any) -> Iterator[Any]:
    if isinstance(document, dict):
        for value in document.values():
            yield from leaves(value)
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value)
    elif document is not None:
        yield document


def shortened(document: Any) -> Any:
    """A long list is shown by its beginning, and a page of one says nothing of a next."""
    if isinstance(document, dict):
        return {key: shortened(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shortened(value) for value in document[:FEW]]
    return document


@cache
def recording() -> Recording | None:
    folder = os.environ.get("AID_RECORD")
    return Recording(Path(folder)) if folder else None
