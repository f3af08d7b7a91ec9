"""Every nasty text in every text field and every nasty number in every number field of every body in the contract.

The fields are read from the contract, so a new field is tested before anybody thinks of it.
"""

import copy
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.kernel.actor import Role
from app.people.consents import Purpose, consent_texts
from tests import make
from tests.contract import contract
from tests.http.refusals import CHINESE, CODE, echoed, hostile_json, refused
from tests.make import Someone, World
from tests.nasty import NASTY_NUMBERS, NASTY_TEXTS

DOCUMENT = contract().document
PREFIX = "/api/v1"
Path = tuple[str | int, ...]
Field = tuple[Path, str]

SOMEBODY = "01a2087f-0000-7000-8000-000000000000"
STUDENT = make.id_number()
VALID: dict[str, dict[str, Any]] = {
    "POST /sessions": {"code": "sim:nasty"},
    "POST /sessions/refresh": {"refresh_token": "a" * 40},
    "PUT /me/identity": {"name": "陈小明", "id_number": STUDENT},
    "PUT /me/phone": {"code": "simphone:13800000000"},
    "PUT /me/bank_card": {"holder": "陈小明", "number": "6222020000000000000", "bank_name": "工商银行", "branch": "龙湖支行"},
    "PUT /me/organisation": {"organisation_code": "U-1"},
    "POST /me/consents": {
        "purpose": "privacy_policy", "sha256": consent_texts()[Purpose.PRIVACY_POLICY].sha256
    },
    "PUT /me/household": {"head": {"name": "陈小明"}},
    "POST /applications": {"kind": "hardship_aid", "form": {}},
    "PUT /applications/{application_id}": {"form": {}},
    "POST /staff/applications/{application_id}/actions": {"action": "accept", "note": "好", "reason_code": "x"},
    "POST /staff/households/{household_id}/actions": {"action": "approve", "note": "好", "reason_code": "x"},
    "POST /staff/covers": {
        "id_number": STUDENT, "organisation_code": "U-1", "starts_on": "2026-01-01", "ends_on": "2026-12-31",
        "is_renewal": False,
    },
}  # fmt: skip
"""A body that each operation would read. An operation that is not here fails the test below."""
SERVER_KNOWS = {
    "id": SOMEBODY, "state": "approved", "version": 9, "amount_fen": 10**9, "number": "BF-440507-2026-000001", "round": 3,
    "applicant_id": SOMEBODY, "person_id": SOMEBODY, "household_id": SOMEBODY, "organisation_id": SOMEBODY,
    "created_at": "2026-01-01T00:00:00+08:00", "submitted_at": "2026-01-01T00:00:00+08:00", "decision": {}, "due_at": None,
    "paid_at": None, "policy_version": "x", "verified_at": None, "number_masked": "x", "__proto__": {}, "constructor": {},
}  # fmt: skip


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation that takes JSON, with the schema of its body."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                yield f"{method.upper()} {path.removeprefix(PREFIX)}", schema


def alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema with its references and its either-ors followed."""
    if "$ref" in schema:
        yield from alternatives(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from alternatives(each)
    elif schema.get("type") != "null":
        yield schema


def fields(schema: dict[str, Any], at: Path = ()) -> Iterator[Field]:
    """The places of a body and the types of what stands there, objects included."""
    for each in alternatives(schema):
        kind = each.get("type", "string")
        yield at, kind
        for name, inside in each.get("properties", {}).items():
            yield from fields(inside, (*at, name))
        if kind == "array":
            yield from fields(each["items"], (*at, 0))


FIELDS: dict[str, list[Field]] = {name: list(dict.fromkeys(fields(schema))) for name, schema in bodies()}


def put_at(body: Any, at: Path, value: Any) -> Any:
    """A copy of a body with a value in a place; what is missing on the way there is made."""
    whole = copy.deepcopy(body)
    inside = whole
    for step, following in zip(at, at[1:], strict=False):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            inside.append(empty)
            inside = inside[-1]
        else:
            if not isinstance(inside.get(step), type(empty)):
                inside[step] = empty
            inside = inside[step]
    if isinstance(at[-1], int):
        inside.append(value)
    else:
        inside[at[-1]] = value
    return whole


class Caller:
    """Sends bodies to one operation as somebody who may use it, on something that is theirs."""

    def __init__(self, client: httpx.AsyncClient, who: Someone, operation: str, address: str) -> None:
        self.client, self.who, self.address = client, who, address
        self.method = operation.partition(" ")[0]
        self.version = '"1"'

    async def __call__(self, body: Any) -> httpx.Response:
        headers = {"Content-Type": "application/json", "If-Match": self.version, **self.who.headers, **make.keyed()}
        content = hostile_json(body)
        answer = await self.client.request(self.method, self.address, content=content, headers=headers)
        self.version = answer.headers.get("etag", self.version)
        return answer


@pytest.fixture
async def caller(client: httpx.AsyncClient, world: World, operation: str) -> Caller:
    town = await world.town()
    roles = (Role.UNIT_CLERK, Role.UNIT_CHAIR, Role.MUTUAL_AID_OFFICER)
    worker = await world.worker(town.units[0], verified=operation != "PUT /me/identity")
    who = await world.person(posts=tuple((role, town.units[0]) for role in roles)) if "/staff/" in operation else worker
    household_id = await world.household(await world.person(), town.units[0], state="submitted")
    draft = await client.post(
        "/applications", json={"kind": "hardship_aid", "form": make.living_aid()}, headers=worker.headers | make.keyed()
    )
    assert draft.status_code == 201, draft.text
    application_id = draft.json()["id"]
    if "/staff/applications" in operation:
        headers = worker.headers | make.keyed() | {"If-Match": '"1"'}
        assert (await client.post(f"/applications/{application_id}/submit", headers=headers)).status_code == 200
    address = operation.partition(" ")[2].format(application_id=application_id, household_id=household_id)
    return Caller(client, who, operation, address)


def judge(answer: httpx.Response, value: object, where: str) -> None:
    """Taken or refused, but never broken; the contract has been asked by the client already."""
    assert answer.status_code < 500, (where, repr(value)[:100], answer.text)
    if answer.status_code >= 400:
        problem = refused(answer, answer.status_code)
        assert CHINESE.search(problem["detail"])
        assert CODE.match(problem["code"])
        assert not echoed(answer, value), (where, repr(value)[:100], answer.text)


def test_every_body_of_the_contract_is_tried() -> None:
    assert set(FIELDS) == set(VALID)
    assert sum(len(places) for places in FIELDS.values()) > 150


@pytest.mark.parametrize("operation", sorted(VALID))
async def test_no_nasty_text_breaks_a_text_field(caller: Caller, operation: str) -> None:
    for at, kind in FIELDS[operation]:
        if kind == "string":
            for text in NASTY_TEXTS:
                judge(await caller(put_at(VALID[operation], at, text)), text, f"{operation} {at}")


@pytest.mark.parametrize("operation", sorted(VALID))
async def test_no_nasty_number_is_taken_by_a_number_field(caller: Caller, operation: str) -> None:
    for at, kind in FIELDS[operation]:
        if kind == "integer":
            for number in NASTY_NUMBERS:
                answer = await caller(put_at(VALID[operation], at, number))
                judge(answer, number, f"{operation} {at}")
                assert number is None or answer.status_code == 422, (operation, at, repr(number)[:100], answer.text)


@pytest.mark.parametrize("operation", sorted(VALID))
async def test_a_value_of_another_type_is_refused_everywhere(caller: Caller, operation: str) -> None:
    others: dict[str, list[Any]] = {
        "string": [0, 1.5, True, [], {}, ["a"]],
        "integer": [1.5, "1", True, [], {}],
        "boolean": [0, 1, "true", "yes", [], {}],
        "array": [0, "a", True, {}, [[]], [None], [0]],
        "object": [0, "a", True, [], [{}]],
    }
    for at, kind in FIELDS[operation]:
        for value in others[kind]:
            answer = await caller(put_at(VALID[operation], at, value) if at else value)
            judge(answer, value, f"{operation} {at}")
            assert answer.status_code == 422, (operation, at, value, answer.text)


@pytest.mark.parametrize("operation", sorted(VALID))
async def test_no_object_takes_a_field_that_only_the_server_may_set(caller: Caller, operation: str) -> None:
    for at, kind in FIELDS[operation]:
        if kind == "object":
            known = {
                place[len(at)] for place, _ in FIELDS[operation] if len(place) > len(at) and place[: len(at)] == at
            }
            for name, value in SERVER_KNOWS.items():
                if name in known:
                    continue
                answer = await caller(put_at(VALID[operation], (*at, name), value))
                problem = refused(answer, 422, "invalid")
                assert "extra_forbidden" in {error["code"] for error in problem["errors"]}, (operation, at, name)
                assert name not in answer.text


def test_every_object_of_a_body_is_closed_in_the_contract() -> None:
    def open_objects(schema: dict[str, Any], at: Path) -> Iterator[Path]:
        for each in alternatives(schema):
            if each.get("type") == "object" and each.get("additionalProperties") is not False:
                yield at
            for name, inside in each.get("properties", {}).items():
                yield from open_objects(inside, (*at, name))

    assert [(name, at) for name, schema in bodies() for at in open_objects(schema, ())] == []


# ---- what is not in a body ----


def parameters(place: str) -> Iterator[tuple[str, str, str]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == place:
                    yield method.upper(), path.removeprefix(PREFIX), parameter["name"]


@pytest.mark.parametrize(("method", "path", "name"), sorted(set(parameters("query"))))
async def test_no_nasty_query_breaks_anything(
    client: httpx.AsyncClient, world: World, method: str, path: str, name: str
) -> None:
    unit = (await world.town()).units[0]
    who = await world.person(posts=((Role.UNIT_CHAIR, unit), (Role.DISTRICT_REVIEWER, unit)))
    for text in [*NASTY_TEXTS, *(str(number) for number in NASTY_NUMBERS)]:
        value = quote(text.encode("utf-8", "surrogatepass"), safe="")
        answer = await client.request(method, f"{path}?{name}={value}", headers=who.headers)
        judge(answer, text, f"{path}?{name}")


@pytest.mark.parametrize(("method", "path", "name"), sorted(set(parameters("path"))))
async def test_no_nasty_id_breaks_anything(
    client: httpx.AsyncClient, world: World, method: str, path: str, name: str
) -> None:
    who = await world.person(posts=((Role.UNIT_CHAIR, (await world.town()).units[0]),))
    for text in NASTY_TEXTS:
        address = path.replace("{" + name + "}", quote(text.encode("utf-8", "surrogatepass"), safe=""))
        headers = who.headers | {"If-Match": '"1"'} | make.keyed()
        answer = await client.request(method, address, json={} if method == "PUT" else None, headers=headers)
        judge(answer, text, path)
        assert answer.status_code in (404, 405, 422)


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "If-Match", "X-Request-Id", "If-None-Match"])
async def test_no_nasty_header_breaks_anything(client: httpx.AsyncClient, world: World, name: str) -> None:
    who = await world.worker((await world.town()).units[0])
    for text in NASTY_TEXTS:
        value = text.encode("utf-8", "surrogatepass")
        for sent in (value, b"Bearer " + value, b'"' + value + b'"'):
            headers: dict[str, Any] = who.headers | make.keyed() | {"If-Match": '"1"'} | {name: sent}
            for method, address in (("POST", f"/applications/{SOMEBODY}/submit"), ("GET", "/consents")):
                judge(await client.request(method, address, headers=headers), text, name)
