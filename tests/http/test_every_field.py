"""Every nasty text in every text field and every nasty number in every number field of every body in the contract.

The fields are read from the contract, so a new field is tested before anybody thinks of it.
"""

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from app.applications.path import Kind
from app.http.strict_json import MAXIMUM_BYTES
from app.kernel.actor import Role
from app.programmes import draft_name
from tests import make
from tests.discrepancies.making import discrepancy_of
from tests.http.bodies import UPLOAD, VALID
from tests.http.judging import DOCUMENT, PREFIX, SOMEBODY, judge
from tests.http.refusals import hostile_json, refused
from tests.make import Someone, World
from tests.nasty import NASTY_NUMBERS, NASTY_TEXTS
from tests.relatives.making import declared
from tests.visits.making import visit_of

SCHEMAS = DOCUMENT["components"]["schemas"]
REVIEWERS = (
    Role.UNIT_CLERK, Role.UNIT_CHAIR, Role.MUTUAL_AID_OFFICER, Role.DISTRICT_REVIEWER, Role.CITY_LEADER,
    Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR, Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER,
    Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.EVALUATOR,
)  # fmt: skip
Path = tuple[str | int, ...]
OPEN: dict[str, Path] = {"POST /staff/policies": ("document",), "PUT /me/subscriptions": ("results",)}
"""What stands here differs by kind: `aid policy schema` tells it, tests/policies/test_rules.py tries every field. Of
subscriptions the keys are templates, each of which WeChat is asked about: tests/wechat."""
PIECEMEAL = {"PUT /staff/households/{household_id}/form"}
"""A part of a whole form: an entry of a list that lacks the rest is refused for that."""
SERVER_KNOWS: dict[str, Any] = {
    "id": SOMEBODY, "state": "approved", "version": 9, "amount_fen": 10**9, "number": "BF-1", "round": 3,
    "applicant_id": SOMEBODY, "person_id": SOMEBODY, "household_id": SOMEBODY, "organisation_id": SOMEBODY,
    "created_at": "2026-01-01T00:00:00+08:00", "submitted_at": "2026-01-01T00:00:00+08:00", "decision": {},
    "due_at": None, "paid_at": None, "policy_version": "x", "verified_at": None, "number_masked": "x", "__proto__": {},
    "constructor": {},
}  # fmt: skip
"""What nobody may set from outside."""
WRONG: dict[str, list[Any]] = {
    "string": [0, 1.5, True, [], {}, ["a"]],
    "integer": [1.5, "1", True, [], {}],
    "boolean": [0, 1, "true", "yes", [], {}],
    "array": [0, "a", True, {}, [[]], [None], [0]],
    "object": [0, "a", True, [], [{}]],
}
"""Values that are not of a type."""


def alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema with its references and its either-ors followed; what may also be null is marked `nullable`."""
    if "$ref" in schema:
        yield from alternatives(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    elif "anyOf" in schema or "oneOf" in schema:
        either = schema.get("anyOf") or schema["oneOf"]
        nullable = {"nullable": True} if {"type": "null"} in either else {}
        for each in either:
            yield from (found | nullable for found in alternatives(each))
    elif schema.get("type") != "null":
        yield schema


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation that takes JSON, once for each kind of form that it takes, with the schema of its body."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue  # none, or a file: test_files.py, test_imports.py
            name = f"{method.upper()} {path.removeprefix(PREFIX)}"
            (schema,) = alternatives(operation["requestBody"]["content"]["application/json"]["schema"])
            forms = schema["properties"].get("form", {}).get("anyOf", ())
            if len(forms) < len(Kind):
                yield name, schema
                continue
            for kind in Kind:
                form = {"$ref": f"#/components/schemas/{draft_name(kind)}"}
                yield f"{name}#{kind}", schema | {"properties": schema["properties"] | {"form": form}}


def fields(schema: dict[str, Any], at: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The places of a body and the schemas of what stands there, objects included."""
    for each in alternatives(schema):
        yield at, each
        for name, inside in each.get("properties", {}).items():
            yield from fields(inside, (*at, name))
        if each["type"] == "array":
            yield from fields(each["items"], (*at, 0))


FIELDS: dict[str, dict[Path, dict[str, Any]]] = {name: dict(fields(schema)) for name, schema in bodies()}


def places(operation: str, kind: str) -> list[Path]:
    return [at for at, schema in FIELDS[operation].items() if schema["type"] == kind]


def body_with(operation: str, at: Path, value: Any) -> Any:
    """The valid body of an operation with a value in a place."""
    whole = valid_body(operation)
    if not at:
        return value
    put(whole, at, value)
    return whole


def valid_body(operation: str) -> Any:
    name, _, kind = operation.partition("#")
    return copy.deepcopy(VALID[name]) | ({"kind": kind} if kind and "kind" in VALID[name] else {})


def put(whole: Any, at: Path, value: Any) -> str:
    """Put a value into a place of a body, where an entry of a list is a further one; what is missing on the way there
    is made. Returns the pointer to it."""
    inside, pointer = whole, ""
    for step, following in itertools.pairwise(at):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            inside.extend([empty] if step >= len(inside) else [])
        elif not isinstance(inside.get(step), type(empty)):
            inside[step] = empty
        inside, pointer = inside[step], f"{pointer}/{step}"
    if isinstance(at[-1], int):
        inside.append(value)
        return f"{pointer}/{len(inside) - 1}"
    inside[at[-1]] = value
    return f"{pointer}/{at[-1]}"


class Caller:
    """Sends bodies to one operation as somebody who may use it, on something that is theirs."""

    def __init__(self, client: httpx.AsyncClient, who: Someone, method: str, address: str, upload: str) -> None:
        self.client, self.who, self.method, self.address, self.upload = client, who, method, address, upload
        self.version = '"1"'

    async def __call__(self, body: Any) -> httpx.Response:
        headers = {"Content-Type": "application/json", "If-Match": self.version, **self.who.headers, **make.keyed()}
        content = hostile_json(body).replace(UPLOAD.encode(), self.upload.encode())
        answer = await self.client.request(self.method, self.address, content=content, headers=headers)
        self.version = answer.headers.get("etag", self.version)
        return answer


@pytest.fixture
async def caller(client: httpx.AsyncClient, world: World, operation: str) -> Caller:
    unit = (await world.town()).units[0]
    named = "household application duplicate match request filing claim transfer plan measure task import".split()
    ids = {
        f"{name}_id": SOMEBODY
        for name in (
            *(*named, "notice", "investigation", "appeal", "meeting", "relative", "delegation", "reuse"),
            *("fund", "allocation", "batch", "line", "break", "article", "delivery", "report", "sample", "check"),
            *("organisation", "post", "change", "evaluation", "case"),
        )
    }
    ids |= {"year": "2099", "day": "2099-02-16"}
    name, _, kind = operation.partition("#")
    if name == "POST /staff/policies" or "/calendar/" in name:
        who = await world.staff(Role.CITY_REVIEWER, await world.union("city"))
    elif "/staff/" in name:
        who = await world.person(posts=tuple((role, unit) for role in REVIEWERS))
    else:
        who = await world.person(home=unit, verified=name != "PUT /me/identity")
    if "{household_id}" in name:
        ids["household_id"] = str(await world.household(await world.person(), unit, state="submitted"))
    if "{relative_id}" in name:
        ids["relative_id"] = str(await declared(world, who, await world.person()))
    if "{visit_id}" in name:
        owner = await world.worker(unit) if "/staff/" in name else who
        file_id = await world.household(await world.person(), unit)
        state = {"actions": "planned", "confirm": "ended"}.get(name.rpartition("/")[2], "started")
        ended_at = make.NOW if state == "ended" else None
        ids["visit_id"] = str(await visit_of(world, file_id, owner, unit, (who,), state=state, ended_at=ended_at))
        ids["operation_id"] = SOMEBODY
    if "{discrepancy_id}" in name:
        owner = await world.worker(unit) if "/staff/" in name else who
        ids["discrepancy_id"] = str(await discrepancy_of(world, owner, unit))
    if "{plan_id}" in name or "{measure_id}" in name:
        household_id = await world.household(await world.person(), unit, plan=None)
        ids["plan_id"] = str(await world.plan(household_id, ("counselling",)))
        ids["measure_id"] = str(world.measures[household_id, "counselling"])
    if "{application_id}" in name:
        owner = await world.worker(unit) if "/staff/" in name else who
        draft = {"kind": kind, "form": {}} if kind else {"kind": "hardship_aid", "form": make.living_aid()}
        opened = await client.post("/applications", json=draft, headers=owner.headers | make.keyed())
        ids["application_id"] = opened.json()["id"]
        if "/staff/" in name:
            headers = owner.headers | make.keyed() | {"If-Match": '"1"'}
            submitted = await client.post(f"/applications/{ids['application_id']}/submit", headers=headers)
            assert submitted.status_code == 200, submitted.text
    method, _, address = name.partition(" ")
    return Caller(client, who, method, address.format(**ids), str(await world.file(who)))


async def refused_at_once(caller: Caller, operation: str, at: Sequence[Path], value: Any) -> set[Path]:
    """Those of the places whose value is refused for its own sake; it is sent in many of them at once.

    Where it is taken, or something else is refused, nothing is known of it: it has to be tried alone. None of the
    places may lie within another.
    """
    found: set[Path] = set()
    together = MAXIMUM_BYTES // 2 // (len(hostile_json(value)) + 1)
    for first in range(0, len(at), max(together, 1)):
        whole = valid_body(operation)
        pointers = {put(whole, place, value): place for place in at[first : first + together] if place}
        if len(pointers) > 1:
            answer = await caller(whole)
            judge(answer, value, f"{operation} everywhere")
            errors = answer.json().get("errors", ()) if answer.status_code == 422 else ()
            found |= {pointers[error["pointer"]] for error in errors if error["pointer"] in pointers}
    return found


def test_every_body_of_the_contract_is_tried() -> None:
    assert {name.partition("#")[0] for name in FIELDS} == set(VALID)
    assert sum(len(each) for each in FIELDS.values()) > 150


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_no_nasty_text_breaks_a_text_field(caller: Caller, operation: str) -> None:
    found = places(operation, "string")
    for text in NASTY_TEXTS:
        refused = await refused_at_once(caller, operation, found, text)
        for at in found:
            if at not in refused:
                judge(await caller(body_with(operation, at, text)), text, f"{operation} {at}")


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_no_nasty_number_is_taken_by_a_number_field(caller: Caller, operation: str) -> None:
    found = places(operation, "integer")
    for number in NASTY_NUMBERS:
        refused = await refused_at_once(caller, operation, found, number)
        for at in found:
            bounds = FIELDS[operation][at]
            fits = "nullable" in bounds
            if number is not None:
                fits = type(number) is int and bounds["minimum"] <= number <= bounds["maximum"]
            if at in refused and not fits:
                continue
            answer = await caller(body_with(operation, at, number))
            judge(answer, number, f"{operation} {at}")
            if not fits or operation not in PIECEMEAL:
                assert (answer.status_code != 422) is fits, (operation, at, repr(number)[:100], answer.text)


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_a_value_of_another_type_is_refused_everywhere(caller: Caller, operation: str) -> None:
    for kind, depth in sorted({(schema["type"], len(at)) for at, schema in FIELDS[operation].items()}):
        found = [at for at in places(operation, kind) if len(at) == depth]
        for value in WRONG[kind]:
            refused = await refused_at_once(caller, operation, found, value)
            for at in found:
                of_numbers = FIELDS[operation][at].get("items", {}).get("type") == "integer"
                if at in refused or (of_numbers and value == [0]):
                    continue
                answer = await caller(body_with(operation, at, value))
                judge(answer, value, f"{operation} {at}")
                assert answer.status_code == 422, (operation, at, value, answer.text)


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_no_object_takes_a_field_that_only_the_server_may_set(caller: Caller, operation: str) -> None:
    closed = [at for at in places(operation, "object") if at != OPEN.get(operation)]
    for name in SERVER_KNOWS:
        strange = [(*at, name) for at in closed if (*at, name) not in FIELDS[operation]]
        told = await told_of_strange(caller, operation, strange)
        for at in strange:
            if at not in told:
                assert await told_of_strange(caller, operation, [at]), (operation, at)


async def told_of_strange(caller: Caller, operation: str, strange: Sequence[Path]) -> set[Path | None]:
    """Those of the fields of one name of which the answer says that their object has one too many, and not which. None
    for another object, in which the one that has it is one too many itself."""
    if not strange:
        return set()
    whole, name = valid_body(operation), strange[0][-1]
    objects = {put(whole, at, SERVER_KNOWS[str(name)]).rpartition("/")[0]: at for at in strange}
    answer = await caller(whole)
    problem = refused(answer, 422, "invalid")
    assert f"/{name}" not in answer.text
    return {objects.get(error["pointer"]) for error in problem["errors"] if error["code"] == "extra_forbidden"}


def test_every_object_of_a_body_is_closed_in_the_contract() -> None:
    objects = [
        (operation, at, schema)
        for operation, found in FIELDS.items()
        for at, schema in found.items()
        if schema["type"] == "object" and at != OPEN.get(operation)
    ]
    assert len(objects) > 30
    assert [where for *where, schema in objects if schema.get("additionalProperties") is not False] == []
