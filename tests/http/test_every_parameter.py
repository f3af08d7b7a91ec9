"""Every nasty text in every query, every address and every header of the contract: what is not in a body."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.kernel.actor import Role
from tests import make
from tests.http.judging import DOCUMENT, PREFIX, SOMEBODY, judge
from tests.make import World
from tests.nasty import NASTY_NUMBERS, NASTY_TEXTS


def parameters(place: str) -> list[tuple[str, str, str]]:
    """Method, path and name of every parameter of the contract in the query, the path or a header."""
    return [
        (method.upper(), path.removeprefix(PREFIX), parameter["name"])
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == place
    ]


def in_address(text: str) -> str:
    return quote(text[:5_000].encode("utf-8", "surrogatepass"), safe="")


@pytest.mark.parametrize(("method", "path", "name"), parameters("query"))
async def test_no_nasty_query_breaks_anything(
    client: httpx.AsyncClient, world: World, method: str, path: str, name: str
) -> None:
    unit = (await world.town()).units[0]
    who = await world.person(posts=((Role.UNIT_CHAIR, unit), (Role.DISTRICT_REVIEWER, unit), (Role.SYSTEM_ADMIN, unit)))
    for text in [*NASTY_TEXTS, *(str(number) for number in NASTY_NUMBERS)]:
        answer = await client.request(method, f"{path}?{name}={in_address(text)}", headers=who.headers)
        judge(answer, text, f"{path}?{name}")


@pytest.mark.parametrize(("method", "path", "name"), parameters("path"))
async def test_no_nasty_id_breaks_anything(
    client: httpx.AsyncClient, world: World, method: str, path: str, name: str
) -> None:
    unit = (await world.town()).units[0]
    finance = (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)
    publicity = (Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER)
    roles = (Role.UNIT_CLERK, Role.UNIT_CHAIR, Role.CITY_REVIEWER, Role.CITY_LEADER, Role.AUDITOR, *finance, *publicity)
    roles += (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.EVALUATOR)
    who = await world.person(posts=tuple((role, unit) for role in roles))
    body: dict[str, Any] = {"json": {} if method == "PUT" else None}
    if path.endswith(("/corrections", "/{batch_id}/results")):
        body = {"files": {"file": b"no workbook"}}
    for text in NASTY_TEXTS:
        headers = who.headers | {"If-Match": '"1"'} | make.keyed()
        address = path.replace("{" + name + "}", in_address(text))
        answer = await client.request(method, address, headers=headers, **body)
        judge(answer, text, path)
        # An id of dots or slashes makes another address, which may exist.
        assert answer.status_code in (404, 405, 422) or text.startswith(".") or text == "", (path, text)


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "If-Match", "X-Request-Id", "If-None-Match"])
async def test_no_nasty_header_breaks_anything(client: httpx.AsyncClient, world: World, name: str) -> None:
    who = await world.person(home=(await world.town()).units[0])
    for text in NASTY_TEXTS:
        value = text.encode("utf-8", "surrogatepass")
        for sent in (value, b"Bearer " + value, b'"' + value + b'"'):
            headers: dict[str, Any] = who.headers | make.keyed() | {"If-Match": '"1"'} | {name: sent}
            for method, address in (("POST", f"/applications/{SOMEBODY}/submit"), ("GET", "/consents")):
                judge(await client.request(method, address, headers=headers), text, name)
