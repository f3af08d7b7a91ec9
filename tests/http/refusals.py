"""How a refusal must look, whatever was refused."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

CHINESE = re.compile("[\u4e00-\u9fff]")
CODE = re.compile(r"\A[a-z][a-z0-9_]{2,60}\Z")
NEVER_AN_ECHO = frozenset({"null", "Infinity", "-Infinity"})


def refused(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document, after a look at everything that all of them promise."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert CODE.match(problem["code"]), problem
    assert problem["type"] == f"urn:aid:problem:{problem['code']}"
    said = [problem["title"], problem["detail"], *(error["message"] for error in problem.get("errors", []))]
    assert all(CHINESE.search(text) for text in said), problem
    assert all(CODE.match(error["code"]) for error in problem.get("errors", [])), problem
    assert code in (None, problem["code"]), problem
    return problem


def spellings(value: object) -> Iterator[str]:
    """The ways in which a refused value could come back in an answer. Short ones prove nothing."""
    if isinstance(value, str) and len(value) >= 6 and value.strip() and value not in NEVER_AN_ECHO:
        yield value[:200]
        yield json.dumps(value)[1:-1][:200]
    elif isinstance(value, (int, float)) and len(str(value)[:10]) >= 8:
        yield str(value)[:40]


def echoed(response: httpx.Response, value: object) -> bool:
    return any(spelling in response.text for spelling in spellings(value))


def hostile_json(value: object) -> bytes:
    """JSON with whatever Python can write into it: NaN, lone surrogates, endless integers."""
    return json.dumps(value, allow_nan=True).encode()
