"""Every nasty text in every text field and every nasty number in every number field of every body in the contract.

The fields are read from the contract, so a new field is tested before anybody thinks of it.
"""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.applications.path import Kind
from app.kernel.actor import Role
from app.people.consents import Purpose, consent_texts
from app.programmes import draft_name
from tests import make
from tests.discrepancies.making import discrepancy_of
from tests.http.judging import DOCUMENT, PREFIX, SOMEBODY, judge
from tests.http.refusals import hostile_json, refused
from tests.make import Someone, World
from tests.nasty import NASTY_NUMBERS, NASTY_TEXTS
from tests.policies.making import proposal
from tests.relatives.making import declared
from tests.visits.making import visit_of

SCHEMAS = DOCUMENT["components"]["schemas"]
REVIEWERS = (
    Role.UNIT_CLERK, Role.UNIT_CHAIR, Role.MUTUAL_AID_OFFICER, Role.DISTRICT_REVIEWER, Role.CITY_LEADER,
    Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR, Role.PUBLICITY_EDITOR, Role.PUBLICITY_APPROVER,
)  # fmt: skip
Path = tuple[str | int, ...]
NUMBER = make.id_number()
UPLOAD = "01a2087f-0000-7000-8000-00000000000f"
"""Stands for a file of the caller's."""
SCREENING: dict[str, Any] = {
    "household": {"file_active": True, "income_fen_yearly": 1, "rigid_spending_fen": 0, "members": 1},
    "medical": {"self_paid_fen": 1, "mutual_aid_paid_fen": 0, "settled_on": "2026-10-01"},
    "accident": {"caused_fen": 1, "happened_on": "2026-10-01"},
    "student": {"stage": "undergraduate"},
    "claim": {
        "form": make.secondary_medical(),
        "cover": {"starts_on": "2026-01-01", "ends_on": "2026-12-31", "joining": "new"},
    },
}
AUTHORISATION = {"member": 0, "file_id": UPLOAD, "signed_on": "2026-01-01"}
BATCH = {
    "organisation_code": "U-1", "kinds": ["hardship_aid"], "approved_until": "2026-01-01T00:00:00+08:00", "bank": "x",
}  # fmt: skip
ARTICLE = {
    "title": "好", "signed": "好", "digest": "好", "cover_file_id": UPLOAD, "cover_nobody": True,
    "cover_people": [UPLOAD],
    "blocks": [{"type": "paragraph", "text": "好"}], "cleared": [{"name": "陈小明", "reason": "同名"}],
}  # fmt: skip
VALID: dict[str, dict[str, Any]] = {
    "POST /sessions": {"code": "sim:nasty"},
    "POST /sessions/refresh": {"refresh_token": "a" * 40},
    "PUT /me/identity": {"name": "陈小明", "id_number": NUMBER},
    "PUT /me/phone": {"code": "simphone:13800000000"},
    "PUT /me/bank_card": {"holder": "陈小明", "number": "6222020000000000000", "bank_name": "工商银行", "branch": "x"},
    "PUT /me/organisation": {"organisation_code": "U-1"},
    "POST /me/consents": {"purpose": "privacy_policy", "sha256": consent_texts()[Purpose.PRIVACY_POLICY].sha256},
    "PUT /me/household": {"head": {"name": "陈小明"}},
    "POST /applications": {"kind": "hardship_aid", "form": {}},
    "PUT /applications/{application_id}": {"form": {}},
    "POST /staff/applications/{application_id}/actions": {
        "action": "accept", "note": "好", "reason_code": "x", "amount_fen": 1,
    },
    "POST /staff/batch_actions/preview": {
        "action": "return", "items": [{"application_id": SOMEBODY, "version": 1}], "note": "好",
        "reason_code": "documents_not_valid",
    },
    "POST /staff/batch_actions": {"token": SOMEBODY, "action": "approve"},
    "POST /staff/applications/{application_id}/supplements": {"documents": ["x"], "others": ["好"], "text": "好"},
    "POST /applications/{application_id}/supplement": {
        "file_ids": [UPLOAD], "answers": [{"item": "x", "text": "好", "file_ids": [UPLOAD]}], "note": "好",
    },
    "POST /staff/meetings": {"application_id": SOMEBODY, "member_ids": [SOMEBODY]},
    "POST /staff/meetings/{meeting_id}/votes": {"choice": "for", "note": "好"},
    "POST /staff/meetings/{meeting_id}/minutes": {"file_id": UPLOAD},
    "POST /staff/meetings/{meeting_id}/conclude": {"note": "好", "reason_code": "x"},
    "POST /staff/meetings/{meeting_id}/cancel": {"note": "好"},
    "POST /applications/{application_id}/appeals": {"reason": "好", "file_ids": [UPLOAD]},
    "POST /applications/{application_id}/rating": {"score": 5, "text": "好"},
    "POST /staff/appeals/{appeal_id}/actions": {"action": "uphold", "note": "好", "amount_fen": 1},
    "POST /me/relatives": {"name": "陈小明", "id_number": NUMBER, "relation": "spouse"},
    "POST /me/relatives/{relative_id}/end": {"note": "好"},
    "POST /staff/delegations": {
        "role": "unit_chair", "organisation_code": "U-1", "to_person_id": UPLOAD, "starts_on": "2026-01-01",
        "ends_on": "2026-01-02", "kinds": ["hardship_aid"], "permissions": ["case:review:unit"], "reason": "好",
    },
    "POST /staff/applications/{application_id}/reveal": {"field": "phone", "reason": "好"},
    "PUT /staff/households/{household_id}/responsible": {"person_id": SOMEBODY, "phone": "0754-88123456"},
    "POST /me/discrepancies/{discrepancy_id}/answer": {"text": "好", "file_ids": [UPLOAD]},
    "POST /staff/discrepancies/{discrepancy_id}/actions": {"action": "resolve", "outcome": "explained", "note": "好"},
    "POST /staff/households/{household_id}/visits": {
        "purpose": "spot", "planned_on": "2050-01-01", "visitor_ids": [SOMEBODY],
    },
    "POST /staff/visits/{visit_id}/actions": {
        "action": "start", "note": "好", "position": {"latitude_e6": 1, "longitude_e6": 1}, "position_agreed": True,
    },
    "POST /staff/visits/{visit_id}/operations": {
        "operations": [{"operation_id": SOMEBODY, "field": "/answers/lives_here", "value": True, "base_version": 1}],
    },
    "POST /staff/visits/{visit_id}/conflicts/{operation_id}": {"choose": "mine", "theirs_version": 1},
    "POST /me/visits/{visit_id}/confirm": {"agrees": True, "text": "好"},
    "POST /staff/duplicates/{duplicate_id}/actions": {"action": "same", "note": "好"},
    "POST /staff/deliveries/{delivery_id}/told": {"how": "phone"},
    "POST /staff/reuses/{reuse_id}/actions": {"action": "same", "note": "好"},
    "POST /me/household/match_authorisations": AUTHORISATION,
    "POST /staff/households/{household_id}/match_authorisations": AUTHORISATION,
    "POST /staff/matches": {
        "department": "education", "purpose": "identification", "basis": {"code": "x", "text": "x"}, "mode": "plain",
        "household_ids": [SOMEBODY],
    },
    "POST /staff/matches/{match_id}/results": {"sha256": "0" * 64, "content": "QUJD"},
    "POST /staff/households/{household_id}/actions": {
        "action": "approve", "note": "好", "reason_code": "x",
        "exit": {"kind": "lifted", "file_ids": [UPLOAD], "income_fen_yearly": 1},
        "merge": {"household_id": SOMEBODY, "version": 1, "head_relation": "sibling"},
    },
    "PUT /staff/households/{household_id}/form": {"form": {}, "reason": "更正"},
    "PUT /staff/households/{household_id}/class": {"category": "deep", "archive_level": "county", "note": "好"},
    "PUT /staff/households/{household_id}/cohort": {"fixed_on": "2016-10-31", "note": "好"},
    "POST /staff/households/{household_id}/split": {"head": 0, "members": [1], "note": "分户"},
    "POST /staff/households/{household_id}/transfers": {"organisation_code": "U-1", "note": "调动"},
    "POST /staff/households/transfers/{transfer_id}/actions": {"action": "refuse", "note": "好"},
    "POST /staff/covers/enrolments": {
        "organisation_code": "U-1", "staff_count": 1, "starts_on": "2026-01-01", "id_numbers": [NUMBER],
    },
    "POST /staff/covers": {
        "id_number": NUMBER, "organisation_code": "U-1", "starts_on": "2026-01-01", "ends_on": "2026-12-31",
        "is_renewal": False,
    },
    "POST /me/household/change_requests": {"kind": "household_size", "reason": "好", "member_joins": make.member()},
    "POST /staff/households/{household_id}/change_requests": {
        "kind": "household_size", "reason": "好", "member_joins": make.member(),
    },
    "POST /staff/change_requests/{request_id}/actions": {"action": "approve", "note": "好"},
    "POST /staff/proxy_households": {
        "name": "陈小明", "id_number": NUMBER, "phone": "13800138000", "organisation_code": "U-1", "household": {},
    },
    "POST /staff/proxy_households/{filing_id}/confirm_on_paper": {"signature_file_id": UPLOAD},
    "POST /me/account_claims": {"name": "陈小明", "id_number": NUMBER},
    "POST /staff/account_claims/{claim_id}/actions": {"action": "confirm", "code": "123456", "id_number": NUMBER},
    "POST /staff/proxy_applications": {
        "name": "陈小明", "id_number": NUMBER, "phone": "13800138000", "organisation_code": "U-1",
        "kind": "hardship_aid", "form": {},
    },
    "POST /staff/proxy_applications/{filing_id}/confirm_on_paper": {
        "signature_file_id": UPLOAD, "consents": ["privacy_policy"],
    },
    "POST /staff/households/{household_id}/plans": {
        "measures": [{"kind": "living_aid", "due_on": "2026-12-31", "take": True}],
        "replaces": {"plan_id": SOMEBODY, "result": "achieved", "note": "好"},
    },
    "POST /staff/plans/{plan_id}/measures": {"kind": "legal", "due_on": "2026-12-31", "take": True},
    "POST /staff/plans/{plan_id}/close": {"result": "achieved", "note": "好"},
    "PUT /staff/measures/{measure_id}": {
        "state": "running", "due_on": "2026-12-31", "result": None, "note": "好", "take": True,
    },
    "POST /staff/measures/{measure_id}/services": {
        "given_on": "2026-01-01", "provider": "职业培训学校", "quantity": 1, "unit": "place", "note": "好",
    },
    "POST /staff/households/{household_id}/verifications": {
        "way": "visit", "reference": "RH-1", "verified_on": "2026-01-01", "finding": "unchanged", "note": "好",
    },
    "POST /staff/watch_tasks/{task_id}/complete": {"outcome": "stable", "note": "好"},
    "POST /public/notices/{notice_id}/objections": {
        "text": "好", "contact": "好", "anonymous": True, "file_ids": [UPLOAD],
    },
    "POST /staff/notices/investigations/{investigation_id}/actions": {"action": "dismiss", "note": "好", "reply": "好"},
    "POST /public/objections/status": {"receipt_code": "0000-0000-0000-0000"},
    "POST /staff/policies": proposal(),
    "POST /staff/calendar/{year}": {"source": "国办发明电〔2026〕1号", "days": [{"day": "2099-02-16", "works": False}]},
    "POST /staff/calendar/days/{day}": {"works": False, "source": "国办发明电〔2026〕1号"},
    "POST /staff/imports/{import_id}/commit": {"dry_run": "0" * 64, "rows": "valid"},
    "POST /staff/exports": {"reason": "年度核查", "filter": {"states": ["active"]}},
    "POST /screening": SCREENING,
    "PUT /me/subscriptions": {"results": {"progress": "accept"}},
    "POST /staff/articles": {"kind": "policy", "content": ARTICLE},
    "POST /staff/articles/progress": {"year": 2026, "target": 10},
    "PUT /staff/articles/{article_id}": {"content": ARTICLE},
    "POST /staff/articles/{article_id}/previews": {"openid": "oSomebody"},
    "POST /staff/articles/{article_id}/people": {"id_number": NUMBER},
    "POST /staff/articles/{article_id}/actions": {
        "action": "schedule", "note": "好", "way": "mass_send", "tag_id": 1, "publish_at": "2026-12-01T08:00:00+08:00",
    },
    "POST /staff/funds": {
        "code": "ZX-1", "name": "工会经费", "source": "union", "year": 2026, "organisation_code": "U-1",
        "kinds": ["hardship_aid"], "categories": ["deep"], "archive_levels": ["county"], "intent": "好",
        "carry_over_years": 0,
    },
    "POST /staff/funds/{fund_id}/receipts": {"amount_fen": 1, "reference": "R-1"},
    "POST /staff/allocations": {
        "fund_id": SOMEBODY, "kind": "hardship_aid", "year": 2026, "from_organisation_code": "U-1",
        "to_organisation_code": "U-2", "amount_fen": 1, "reason": "好",
    },
    "POST /staff/allocations/{allocation_id}/actions": {"action": "refuse", "note": "好"},
    "POST /staff/reconciliations": {
        "organisation_code": "U-1", "first_day": "2026-01-01", "last_day": "2026-01-31", "batch_id": SOMEBODY,
    },
    "POST /staff/reconciliations/closings": {"organisation_code": "U-1", "month": "2026-01"},
    "POST /staff/reconciliations/breaks/{break_id}/actions": {"action": "explain", "reason": "好"},
    "POST /staff/batches/preview": BATCH,
    "POST /staff/batches": BATCH,
    "POST /staff/batches/{batch_id}/actions": {"action": "freeze"},
    "POST /staff/batches/{batch_id}/lines/{line_id}/actions": {"action": "reissue", "note": "好"},
    "POST /staff/bank_cards/checks": {
        "method": "name_check", "items": [{"card_id": SOMEBODY, "outcome": "passed"}],
    },
    "POST /staff/bank_cards/checks/decisions": {"action": "confirm", "check_ids": [SOMEBODY]},
    "POST /staff/samples": {
        "organisation_code": "U-1", "since": "2026-01-01T00:00:00+08:00", "until": "2099-01-01T00:00:00+08:00",
        "size": 5,
    },
    "POST /staff/samples/{sample_id}/checks/{check_id}/actions": {
        "action": "close", "reached": "yes", "arrived": "yes", "amount": "right", "papers": "complete", "note": "好",
    },
    "POST /staff/fund_table/exports": {
        "organisation_code": "U-1", "year": 2026, "quarter": 1, "source": "union", "kind": "hardship_aid",
        "format": "xlsx", "reason": "上报",
    },
    "POST /staff/donor_reports": {"fund_id": SOMEBODY, "first_day": "2026-01-01", "last_day": "2026-01-31"},
    "POST /staff/donor_reports/{report_id}/actions": {"action": "release"},
}  # fmt: skip
"""A body that each operation would read. An operation that is not here fails the first test below."""
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
    """The valid body of an operation with a value in a place; what is missing on the way there is made."""
    name, _, kind = operation.partition("#")
    if not at:
        return value
    whole: Any = copy.deepcopy(VALID[name]) | ({"kind": kind} if kind and "kind" in VALID[name] else {})
    inside = whole
    for step, following in itertools.pairwise(at):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            inside.extend([empty] if step >= len(inside) else [])
        elif not isinstance(inside.get(step), type(empty)):
            inside[step] = empty
        inside = inside[step]
    if isinstance(at[-1], int):
        inside.append(value)
    else:
        inside[at[-1]] = value
    return whole


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


def test_every_body_of_the_contract_is_tried() -> None:
    assert {name.partition("#")[0] for name in FIELDS} == set(VALID)
    assert sum(len(each) for each in FIELDS.values()) > 150


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_no_nasty_text_breaks_a_text_field(caller: Caller, operation: str) -> None:
    for at, text in itertools.product(places(operation, "string"), NASTY_TEXTS):
        judge(await caller(body_with(operation, at, text)), text, f"{operation} {at}")


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_no_nasty_number_is_taken_by_a_number_field(caller: Caller, operation: str) -> None:
    for at, number in itertools.product(places(operation, "integer"), NASTY_NUMBERS):
        answer = await caller(body_with(operation, at, number))
        judge(answer, number, f"{operation} {at}")
        bounds = FIELDS[operation][at]
        fits = "nullable" in bounds
        if number is not None:
            fits = type(number) is int and bounds["minimum"] <= number <= bounds["maximum"]
        if fits and operation in PIECEMEAL:
            continue
        assert (answer.status_code != 422) is fits, (operation, at, repr(number)[:100], answer.text)


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_a_value_of_another_type_is_refused_everywhere(caller: Caller, operation: str) -> None:
    for at, schema in FIELDS[operation].items():
        of_numbers = schema.get("items", {}).get("type") == "integer"
        for value in WRONG[schema["type"]]:
            if of_numbers and value == [0]:
                continue
            answer = await caller(body_with(operation, at, value))
            judge(answer, value, f"{operation} {at}")
            assert answer.status_code == 422, (operation, at, value, answer.text)


@pytest.mark.parametrize("operation", sorted(FIELDS))
async def test_no_object_takes_a_field_that_only_the_server_may_set(caller: Caller, operation: str) -> None:
    closed = [at for at in places(operation, "object") if at != OPEN.get(operation)]
    for at, name in itertools.product(closed, SERVER_KNOWS):
        if (*at, name) not in FIELDS[operation]:
            answer = await caller(body_with(operation, (*at, name), SERVER_KNOWS[name]))
            problem = refused(answer, 422, "invalid")
            assert "extra_forbidden" in {error["code"] for error in problem["errors"]}, (operation, at, name)
            assert f"/{name}" not in answer.text


def test_every_object_of_a_body_is_closed_in_the_contract() -> None:
    objects = [
        (operation, at, schema)
        for operation, found in FIELDS.items()
        for at, schema in found.items()
        if schema["type"] == "object" and at != OPEN.get(operation)
    ]
    assert len(objects) > 30
    assert [where for *where, schema in objects if schema.get("additionalProperties") is not False] == []
