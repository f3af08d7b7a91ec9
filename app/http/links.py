"""What usually comes after an answer, for those who read the contract and for the tests that walk along it.

OpenAPI calls them links: which operation follows, and where in the answer its parameters are found.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PREFIX: Final = "/api/v1"
_CASE: Final = "/staff/applications/{application_id}"
_OWN: Final = "/applications/{application_id}"
_FILE: Final = "/staff/households/{household_id}"
_ARTICLE: Final = "/staff/articles/{article_id}"
_UNION: Final = "/staff/organisations/{organisation_id}"
_EVALUATION: Final = "/staff/evaluations/{evaluation_id}"
_BATCH: Final = "/staff/batches/{batch_id}"
FLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    # one's own applications
    "GET /programmes": ("POST /applications",),
    "POST /applications": (
        f"GET {_OWN}", f"PUT {_OWN}", f"POST {_OWN}/preview", f"POST {_OWN}/submit", f"POST {_OWN}/withdraw",
    ),
    "GET /applications": (f"GET {_OWN}",),
    f"GET {_OWN}": (
        f"PUT {_OWN}", f"POST {_OWN}/submit", f"POST {_OWN}/withdraw", f"GET {_OWN}/appeals", f"POST {_OWN}/appeals",
        f"POST {_OWN}/supplement", f"POST {_OWN}/rating", f"GET {_OWN}/rating",
    ),
    f"PUT {_OWN}": (f"POST {_OWN}/preview", f"POST {_OWN}/submit"),
    f"POST {_OWN}/submit": (f"GET {_OWN}", f"POST {_OWN}/withdraw"),
    f"POST {_OWN}/withdraw": (f"GET {_OWN}",),
    f"POST {_OWN}/supplement": (f"GET {_OWN}",),
    f"POST {_OWN}/appeals": (f"GET {_OWN}/appeals", f"POST {_OWN}/appeals/{{appeal_id}}/withdraw"),
    f"GET {_OWN}/appeals": (f"POST {_OWN}/appeals/{{appeal_id}}/withdraw",),
    f"POST {_OWN}/rating": (f"GET {_OWN}/rating",),
    # one's household file
    "GET /me/household": (
        "PUT /me/household", "POST /me/household/submit", "POST /me/household/withdraw", "GET /me/household/plan",
        "GET /me/household/changes", "POST /me/household/change_requests", "GET /me/household/discrepancies",
    ),
    "PUT /me/household": ("POST /me/household/submit",),
    "POST /me/household/submit": ("GET /me/household", "POST /me/household/withdraw"),
    "POST /me/household/withdraw": ("GET /me/household",),
    "GET /me/household/change_requests": ("POST /me/household/change_requests/{request_id}/withdraw",),
    "POST /me/household/change_requests": ("POST /me/household/change_requests/{request_id}/withdraw",),
    "GET /me/household/discrepancies": ("POST /me/discrepancies/{discrepancy_id}/answer",),
    "GET /me/visits": ("POST /me/visits/{visit_id}/confirm",),
    "GET /me/messages": ("POST /me/messages/{message_id}/read",),
    "GET /me/consents": ("POST /me/consents/{consent_id}/withdraw",),
    "POST /me/consents": ("POST /me/consents/{consent_id}/withdraw",),
    "POST /me/relatives": ("POST /me/relatives/{relative_id}/end",),
    "GET /me/relatives": ("POST /me/relatives/{relative_id}/end",),
    # what everybody reads
    "GET /public/notices": ("GET /public/notices/{notice_id}",),
    "GET /public/notices/{notice_id}": ("POST /public/notices/{notice_id}/objections",),
    # cases
    "GET /staff/tasks": (f"GET {_CASE}",),
    f"GET {_CASE}": (
        f"POST {_CASE}/actions", f"POST {_CASE}/supplements", f"POST {_CASE}/reveal", f"GET {_CASE}/money_trail",
        f"GET {_CASE}/meeting_candidates",
    ),
    f"POST {_CASE}/actions": (f"GET {_CASE}",),
    f"POST {_CASE}/supplements": (f"GET {_CASE}",),
    "GET /staff/appeals": ("GET /staff/appeals/{appeal_id}",),
    "GET /staff/appeals/{appeal_id}": ("POST /staff/appeals/{appeal_id}/actions",),
    "POST /staff/appeals/{appeal_id}/actions": ("GET /staff/appeals/{appeal_id}",),
    "GET /staff/meetings": ("GET /staff/meetings/{meeting_id}",),
    "GET /staff/meetings/{meeting_id}": (
        "POST /staff/meetings/{meeting_id}/votes", "POST /staff/meetings/{meeting_id}/conclude",
    ),
    # household files and visits
    "GET /staff/households": (f"GET {_FILE}",),
    "GET /staff/households/tasks": (f"GET {_FILE}",),
    f"GET {_FILE}": (
        f"POST {_FILE}/actions", f"PUT {_FILE}/class", f"PUT {_FILE}/cohort", f"GET {_FILE}/changes",
        f"GET {_FILE}/plans", f"POST {_FILE}/plans", f"GET {_FILE}/visits", f"POST {_FILE}/visits",
        f"GET {_FILE}/verifications", f"POST {_FILE}/verifications", f"GET {_FILE}/responsible",
        f"GET {_FILE}/visitors", f"GET {_FILE}/relapse",
    ),
    f"POST {_FILE}/actions": (f"GET {_FILE}",),
    f"GET {_FILE}/plans": ("POST /staff/plans/{plan_id}/measures", "POST /staff/plans/{plan_id}/close"),
    f"POST {_FILE}/plans": ("POST /staff/plans/{plan_id}/measures",),
    "POST /staff/plans/{plan_id}/measures": ("POST /staff/measures/{measure_id}/services",),
    "GET /staff/visits": ("GET /staff/visits/{visit_id}",),
    f"GET {_FILE}/visits": ("GET /staff/visits/{visit_id}",),
    f"POST {_FILE}/visits": ("GET /staff/visits/{visit_id}", "POST /staff/visits/{visit_id}/operations"),
    "GET /staff/visits/{visit_id}": (
        "POST /staff/visits/{visit_id}/actions", "POST /staff/visits/{visit_id}/operations",
    ),
    "POST /staff/visits/{visit_id}/actions": ("GET /staff/visits/{visit_id}",),
    # money
    "GET /staff/funds": ("GET /staff/funds/{fund_id}",),
    "POST /staff/funds": ("GET /staff/funds/{fund_id}",),
    "GET /staff/funds/{fund_id}": (
        "POST /staff/funds/{fund_id}/receipts", "GET /staff/funds/{fund_id}/statement",
        "GET /staff/funds/{fund_id}/trail",
    ),
    "POST /staff/funds/{fund_id}/receipts": ("GET /staff/funds/{fund_id}",),
    "GET /staff/allocations": ("POST /staff/allocations/{allocation_id}/actions",),
    "POST /staff/allocations": ("POST /staff/allocations/{allocation_id}/actions",),
    "POST /staff/batches": (f"GET {_BATCH}",),
    "GET /staff/batches": (f"GET {_BATCH}",),
    f"GET {_BATCH}": (f"GET {_BATCH}/lines", f"GET {_BATCH}/breaks", f"POST {_BATCH}/actions"),
    f"POST {_BATCH}/actions": (f"GET {_BATCH}",),
    f"GET {_BATCH}/lines": (f"POST {_BATCH}/lines/{{line_id}}/actions",),
    # evaluations
    "GET /staff/evaluations": (f"GET {_EVALUATION}",),
    "POST /staff/evaluations": (f"GET {_EVALUATION}", f"POST {_EVALUATION}/draw"),
    f"GET {_EVALUATION}": (f"GET {_EVALUATION}/cases", f"POST {_EVALUATION}/close"),
    f"GET {_EVALUATION}/cases": (f"GET {_EVALUATION}/cases/{{case_id}}",),
    f"GET {_EVALUATION}/cases/{{case_id}}": (f"POST {_EVALUATION}/cases/{{case_id}}/scores",),
    # unions
    "GET /staff/organisations": (f"POST {_UNION}/rename", f"POST {_UNION}/receive_unattached"),
    "POST /staff/organisations": (f"POST {_UNION}/rename", f"POST {_UNION}/receive_unattached"),
    # what is published
    "POST /staff/articles": (f"GET {_ARTICLE}",),
    "POST /staff/articles/progress": (f"GET {_ARTICLE}",),
    "GET /staff/articles": (f"GET {_ARTICLE}",),
    f"GET {_ARTICLE}": (
        f"PUT {_ARTICLE}", f"POST {_ARTICLE}/actions", f"GET {_ARTICLE}/preview", f"POST {_ARTICLE}/people",
    ),
    f"PUT {_ARTICLE}": (f"GET {_ARTICLE}", f"POST {_ARTICLE}/actions"),
    f"POST {_ARTICLE}/people": (f"DELETE {_ARTICLE}/people/{{shown_id}}",),
    f"POST {_ARTICLE}/actions": (f"GET {_ARTICLE}",),
}  # fmt: skip
"""An operation, and those that a program calls with what it answered. No list of all that can be called."""
AT: Final[Mapping[tuple[str, str], str]] = {
    ("POST /staff/batches", "batch_id"): "/batch/id",
    (f"POST {_ARTICLE}/people", "shown_id"): "/people/0/id",
}
"""Where a parameter stands in an answer, if not under its own name or as its `id`."""
KEPT: Final[Mapping[str, str]] = {f"PUT {_OWN}": "form", "PUT /me/household": "form", f"PUT {_ARTICLE}": "content"}
"""What is written back changed, and so begins as it was read: a member of the answer, and of the body."""
WHOLE: Final = frozenset({"PUT /me/household"})
"""Where that member is the whole body."""
BEGUN: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("GET /programmes", "POST /applications"): {"kind": "$response.body#/items/0/kind"},
}
"""What else an answer says of the body that follows."""
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class _Answer:
    """What an operation answers when it has been done."""

    source: str
    response: dict[str, Any]
    properties: Mapping[str, Any]
    at: str
    """Where they stand: of a list, its first entry."""

    def pointer(self, name: str) -> str:
        """Where a parameter of what follows is found. Raises KeyError."""
        if (self.source, name) in AT:
            return f"$response.body#{AT[self.source, name]}"
        if f"{{{name}}}" in self.source:
            return f"$request.path.{name}"
        found = next(each for each in (name, "id") if each in self.properties)
        return f"$response.body#{self.at}/{found}"


def add_links(document: dict[str, Any]) -> None:
    """Puts every link of FLOWS where OpenAPI has a place for it. Raises KeyError for an operation that there is not."""
    for source, targets in FLOWS.items():
        answer = _answer(document, source)
        answer.response["links"] = {
            str(following["operationId"]).partition("_api_v1_")[0]: _link(answer, target, following)
            for target, following in ((each, _operation(document, each)) for each in targets)
        }


def _link(answer: _Answer, target: str, following: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {name: answer.pointer(name) for name in _PLACE.findall(target)}
    asked = {each["name"] for each in following.get("parameters", ())}
    if "If-Match" in asked and "version" in answer.properties:
        parameters["header.If-Match"] = f'"{{$response.body#{answer.at}/version}}"'
    link: dict[str, Any] = {"operationId": following["operationId"], "description": f"接着：{following['summary']}"}
    if parameters:
        link["parameters"] = parameters
    if target in KEPT and KEPT[target] in answer.properties:
        body = f"$response.body#{answer.at}/{KEPT[target]}"
        link["requestBody"] = body if target in WHOLE else {KEPT[target]: body}
    elif (answer.source, target) in BEGUN:
        link["requestBody"] = BEGUN[answer.source, target]
    elif target.endswith("/actions") and "open_actions" in answer.properties:
        link["requestBody"] = {"action": f"$response.body#{answer.at}/open_actions/0"}
    return link


def _operation(document: Mapping[str, Any], named: str) -> dict[str, Any]:
    method, _, path = named.partition(" ")
    found: dict[str, Any] = document["paths"][PREFIX + path][method.lower()]
    return found


def _answer(document: Mapping[str, Any], source: str) -> _Answer:
    responses = _operation(document, source)["responses"]
    response = next(each for status, each in responses.items() if status < "300")
    schemas = document["components"]["schemas"]
    properties = _properties(response["content"]["application/json"]["schema"], schemas)
    if "items" in properties:
        return _Answer(source, response, _properties(properties["items"]["items"], schemas), "/items/0")
    return _Answer(source, response, properties, "")


def _properties(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    found: Mapping[str, Any] = schema["properties"]
    return found
