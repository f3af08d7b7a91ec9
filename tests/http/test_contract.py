"""The contract that the mini-program is written against is the one that the app keeps."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.cli.contracts import contract_text
from app.db.migrations import ROOT
from app.http.routing import api_routes
from tests.contract import contract, hold_to_the_contract, whole

COMMITTED = ROOT / "miniprogram_contract" / "openapi.json"
DOCUMENT: dict[str, Any] = whole()
NOTICE = {
    "id": "01a2087f-0000-7000-8000-000000000000", "number": "BF-1", "kind": "hardship_aid", "name_masked": "陈*",
    "organisation": "某工会", "amount_fen": 1, "amount_band": None, "published_at": "2026-01-01T00:00:00+08:00",
    "ends_at": "2026-01-08T00:00:00+08:00", "working_days": 5, "batch_id": None, "sha256": None,
}  # fmt: skip
PROBLEM = {
    "type": "urn:aid:problem:x", "title": "没有找到", "status": 404, "code": "x", "detail": "没有。", "request_id": "1"
}  # fmt: skip


def answered(
    status: int, body: Any, method: str = "GET", path: str = "/public/notices", media_type: str = "application/json"
) -> str | None:
    request = httpx.Request(method, f"http://aid.test/api/v1{path}")
    content = b"" if body is None else json.dumps(body).encode()
    return contract().complaint(request, httpx.Response(status, content=content, headers={"Content-Type": media_type}))


def values(document: Any, name: str) -> Iterator[Any]:
    """Every value of a member of this name, anywhere in the document."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == name:
                yield value
            yield from values(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from values(value, name)


def test_the_committed_contract_is_the_one_of_the_code() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == contract_text(), "run: aid contract"


def test_the_contract_is_the_same_every_time_it_is_written() -> None:
    assert contract_text() == contract_text()


def test_the_contract_has_every_route_and_no_other() -> None:
    """But what WeChat itself calls, which is no mini-program's."""
    hidden = {path for path, route in api_routes() if not route.include_in_schema}
    assert hidden == {"/api/v1/wechat/{account}/callback"}
    routes = {(method, path) for path, route in api_routes() if path not in hidden for method in route.methods or ()}
    assert {(m.upper(), path) for path, methods in DOCUMENT["paths"].items() for m in methods} == routes


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    for kind in ("schemas", "examples"):
        place = f"#/components/{kind}/"
        used = {each.removeprefix(place) for each in values(DOCUMENT, "$ref") if each.startswith(place)}
        assert used == set(DOCUMENT["components"][kind])


def test_every_operation_names_its_refusals_as_problems() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            refusals = {status for status in operation["responses"] if status >= "400"}
            assert refusals >= {"422", "503"}, (method, path)
            assert ("security" in operation) is ("403" in refusals), (method, path)
            for status in refusals:
                assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_amounts_are_bounded_whole_numbers_wherever_they_are_taken() -> None:
    taken = [name for name in DOCUMENT["components"]["schemas"] if name.endswith(("Draft", "Request"))]
    for name in taken:
        for field, schema in DOCUMENT["components"]["schemas"][name].get("properties", {}).items():
            if field.endswith("_fen"):
                (number,) = (each for each in [schema, *schema.get("anyOf", [])] if each.get("type") == "integer")
                assert (number["minimum"], number["maximum"]) == (0, 10**12), (name, field)


@pytest.mark.parametrize(
    ("status", "body", "changed"),
    [
        (200, {"items": [], "next_cursor": None}, {}),
        (200, {"items": [NOTICE], "next_cursor": "x"}, {}),
        (304, None, {}),
        (422, PROBLEM, {"media_type": "application/problem+json"}),
        (404, PROBLEM, {"media_type": "application/problem+json", "path": "/nowhere"}),
        (405, PROBLEM, {"media_type": "application/problem+json", "method": "PATCH"}),
    ],
)
def test_what_the_contract_promises_passes(status: int, body: Any, changed: dict[str, str]) -> None:
    assert answered(status, body, **changed) is None


@pytest.mark.parametrize(
    ("status", "body", "changed"),
    [
        (200, {"items": []}, {}),
        (200, {"items": [], "next_cursor": 1}, {}),
        (200, {"items": [NOTICE | {"amount_fen": 1.5}], "next_cursor": None}, {}),
        (200, {"items": [NOTICE | {"amount_fen": "1"}], "next_cursor": None}, {}),
        (200, {"items": [NOTICE | {"kind": "moon"}], "next_cursor": None}, {}),
        (200, {"items": [NOTICE | {"id_number": "x"}], "next_cursor": None}, {}),
        (200, {"items": [], "next_cursor": None, "total": 3}, {}),
        (200, {"items": [], "next_cursor": None}, {"media_type": "text/html"}),
        (201, {"items": [], "next_cursor": None}, {}),
        (500, PROBLEM, {"media_type": "application/problem+json"}),
        (422, PROBLEM, {}),
        (422, {"detail": "x"}, {"media_type": "application/problem+json"}),
        (304, {}, {}),
        (200, {}, {"path": "/nowhere"}),
        (200, {}, {"method": "PATCH"}),
    ],
)
async def test_what_the_contract_does_not_promise_fails_the_test_that_got_it(
    status: int, body: Any, changed: dict[str, str]
) -> None:
    complaint = answered(status, body, **changed)
    assert complaint is not None
    assert "陈*" not in complaint


async def test_the_client_of_the_tests_asks_the_contract(client: httpx.AsyncClient) -> None:
    assert client.event_hooks["response"] == [hold_to_the_contract]
    assert (await client.get("/programmes")).status_code == 200


ELSEWHERE = {
    "faults/test_messages_killed.py": "WeChat's simulator",
    "gateways/conftest.py": "WeChat's simulator",
    "gateways/test_broken_answers.py": "WeChat's simulator",
    "http/test_people.py": "WeChat's simulator",
    "http/test_route_tree.py": "routes of a test",
    "http/test_straight.py": "a service of two routes, made for its test",
    "http/test_what_is_not_there.py": "a defect of ours, which no contract promises",
    "simulator/conftest.py": "WeChat's simulator",
    "simulator/test_pushing.py": "WeChat's simulator",
    "wechat/conftest.py": "what WeChat calls, which is no mini-program's; and its simulator",
}
"""Clients of the tests whose answers the contract does not name, and whose answers they are."""


def test_every_client_that_the_tests_make_is_held_to_the_contract_or_calls_somebody_else() -> None:
    """What calls the service past httpx is Schemathesis, which holds to the contract itself, and raw bytes."""
    folder = ROOT / "tests"
    made = {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    clients = {path: text for path, text in made.items() if re.search(r"httpx\.(Async)?Client\(", text)}
    held = {path for path, text in clients.items() if "hold_to_the_contract" in text or "hold_programs_to" in text}
    assert {str(path.relative_to(folder)) for path in clients.keys() - held} == set(ELSEWHERE)
