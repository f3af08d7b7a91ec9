"""The contract as a judge: every answer that a test gets is held against what the contract promises for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import orjson

from app.cli.contracts import contract_document
from app.http.health import router as health
from app.main import create_app
from app.settings import Settings
from tests.recording import recording

PREFIX = "/api/v1/"
PROBLEM = "application/problem+json"
_REFERENCE = re.compile(r'"\$ref":"#/components/schemas/([^"]+)"')
_HIDDEN = re.compile("|".join(f"^{re.escape(route.path)}$" for route in health.routes if hasattr(route, "path")))


@dataclass(frozen=True)
class Operation:
    """One operation of the contract: its path as a pattern and as it is written, and its answers by status."""

    method: str
    path: re.Pattern[str]
    written: str
    responses: Mapping[str, Any]


@dataclass(frozen=True)
class Contract:
    """The document with its validators, each compiled once."""

    document: Mapping[str, Any]
    operations: tuple[Operation, ...]
    _validators: dict[str, Any] = field(default_factory=dict)
    _by_depth: dict[int, list[Operation]] = field(default_factory=dict)
    """The operations by how many slashes their addresses have: nearly every test asks for many answers."""

    def __post_init__(self) -> None:
        for operation in self.operations:
            self._by_depth.setdefault(operation.written.count("/"), []).append(operation)

    def complaint(self, request: httpx.Request, response: httpx.Response) -> str | None:
        """What is wrong with an answer, or None. Values are not repeated: only places and rules."""
        path, method = request.url.path, request.method
        if _HIDDEN.match(path):
            return None
        found = self._at(path)
        operation = next((one for one in found if one.method == method), None)
        where = f"{method} {path} answered {response.status_code}"
        if operation is None:
            wanted = 405 if found else 404
            if response.status_code != wanted:
                return f"{where}, and the contract does not have it: {wanted} was due"
            return self._wrong(where, "Problem", {"$ref": "#/components/schemas/Problem"}, response)
        documented = operation.responses.get(str(response.status_code))
        if documented is None:
            return f"{where}, which the contract does not name"
        content = documented.get("content")
        if not content:
            return f"{where} with a body, and the contract has none" if response.content else None
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if media_type not in content:
            return f"{where} as {media_type}, not as {', '.join(content)}"
        if content[media_type].get("schema", {}).get("format") == "binary":
            return None if response.content else f"{where} with nothing in it"
        if not media_type.endswith("json"):
            return None  # a file: what is in it, its own tests ask
        return self._wrong(where, f"{method} {operation.path.pattern} {response.status_code}",
                           content[media_type].get("schema", {}), response)  # fmt: skip

    def operation_of(self, request: httpx.Request) -> Operation | None:
        return next((one for one in self._at(request.url.path) if one.method == request.method), None)

    def wrong_with(self, method: str, path: str, status: str, body: Any) -> list[str]:
        """What an answer in JSON would break; path is as the contract writes it. Raises KeyError if it has no such."""
        schema = self.document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
        return self._errors(f"{method} {path} {status}", schema, body)

    def _at(self, path: str) -> list[Operation]:
        return [operation for operation in self._by_depth.get(path.count("/"), ()) if operation.path.match(path)]

    def _wrong(self, where: str, name: str, schema: Any, response: httpx.Response) -> str | None:
        errors = self._errors(name, schema, response.json())
        return f"{where}: {'; '.join(errors)}" if errors else None

    def _errors(self, name: str, schema: Any, body: Any) -> list[str]:
        if name not in self._validators:
            whole = with_what_it_names(schema, self.document["components"]["schemas"])
            self._validators[name] = jsonschema_rs.validator_for(whole, validate_formats=True)
        return [
            f"{'/'.join(map(str, error.instance_path)) or 'the whole'} against {'/'.join(map(str, error.schema_path))}"
            for error in self._validators[name].iter_errors(body)
        ]


def with_what_it_names(schema: Any, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with those that it refers to, and no others: a validator keeps a copy of all that it is given."""
    named: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for name in _REFERENCE.findall(orjson.dumps(waiting.pop()).decode()):
            if name not in named:
                named[name] = schemas[name]
                waiting.append(schemas[name])
    return schema | {"components": {"schemas": named}}


def closed(schema: Any) -> Any:
    """The same schema, where an object has only the members that it names: an answer must not say more."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {key: closed(value) for key, value in schema.items()}
    if "properties" in inside and inside.get("type") == "object":
        inside.setdefault("additionalProperties", False)
    return inside


def contract_of(document: Mapping[str, Any]) -> Contract:
    operations = tuple(
        Operation(
            method.upper(), re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path, operation["responses"]
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    # Fixed paths are asked before those with parameters, as the router does.
    return Contract(closed(document), tuple(sorted(operations, key=lambda one: "[^/]+" in one.path.pattern)))


@cache
def whole() -> dict[str, Any]:
    """The document as it is handed out, with its examples. Nobody changes it."""
    return contract_document()


@cache
def document() -> dict[str, Any]:
    """The document without its examples. Nobody changes it."""
    return create_app(Settings(env="test")).openapi()


@cache
def contract() -> Contract:
    """The contract of this code."""
    return contract_of(document())


async def hold_to_the_contract(response: httpx.Response) -> None:
    """A response hook of httpx. Raises AssertionError for an answer that breaks the contract."""
    await response.aread()
    complaint = contract().complaint(response.request, response)
    assert complaint is None, complaint
    if (record := recording()) is not None:
        operation = contract().operation_of(response.request)
        if operation is not None:
            record.take(operation.method, operation.written, response)
        else:
            record.take_refusal("", response)


async def hold_programs_to_the_contract(response: httpx.Response) -> None:
    """The same for whoever also reads pages, which are for people and in no contract."""
    if response.request.url.path.startswith(PREFIX):
        await hold_to_the_contract(response)


async def only_recorded(response: httpx.Response) -> None:
    """The hook for what no contract with programs promises: what WeChat is answered, and defects."""
    await response.aread()
    if (record := recording()) is not None:
        record.take_refusal(f"{response.request.method} {response.request.url.path}", response)
