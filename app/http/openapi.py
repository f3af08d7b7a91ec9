"""The contract: what FastAPI derives, and the conventions that every route has and none repeats."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.households.forms import HouseholdForm
from app.http.links import add_links
from app.http.problems import Problem
from app.http.routing import api_routes, is_guarded
from app.policy.drafts import draft_of
from app.programmes import KINDS, draft_name

VERSION = "1.2.0"
"""Of the contract: raised with the first change after a release (`aid contract --release`), which says what it says."""
DESCRIPTION = "汕头市总工会困难职工帮扶服务接口。约定见 README：金额以分计，时间为 +08:00，出错统一为 problem+json。"
UNKEYED = frozenset(
    {
        "/api/v1/sessions",
        "/api/v1/sessions/refresh",
        "/api/v1/screening",
        "/api/v1/public/objections/status",
        "/api/v1/wechat/{account}/callback",
    }
)
"""What does nothing twice: signing in makes another session, screening and asking by a code keep nothing.
What WeChat sends is known by keys of its own."""
LIMITED = frozenset(
    {
        ("post", "/api/v1/sessions"),
        ("put", "/api/v1/me/identity"),
        ("put", "/api/v1/me/phone"),
        ("post", "/api/v1/me/account_claims"),
        ("post", "/api/v1/staff/account_claims/{claim_id}/actions"),
        ("post", "/api/v1/staff/applications/{application_id}/reveal"),
    }
)
"""What could be guessed at, and is counted (app/people/attempt_commands.py); and what is shown only so often a day."""
VERSIONED = frozenset(
    {
        ("put", "/api/v1/applications/{application_id}"),
        ("post", "/api/v1/applications/{application_id}/submit"),
        ("post", "/api/v1/applications/{application_id}/withdraw"),
        ("post", "/api/v1/applications/{application_id}/appeals"),
        ("post", "/api/v1/applications/{application_id}/appeals/{appeal_id}/withdraw"),
        ("post", "/api/v1/applications/{application_id}/supplement"),
        ("post", "/api/v1/staff/applications/{application_id}/supplements"),
        ("post", "/api/v1/staff/applications/{application_id}/supplement_on_paper"),
        ("post", "/api/v1/staff/appeals/{appeal_id}/actions"),
        ("put", "/api/v1/staff/articles/{article_id}"),
        ("post", "/api/v1/staff/articles/{article_id}/people"),
        ("delete", "/api/v1/staff/articles/{article_id}/people/{shown_id}"),
        ("post", "/api/v1/staff/articles/{article_id}/actions"),
        ("post", "/api/v1/staff/meetings"),
        ("post", "/api/v1/staff/meetings/{meeting_id}/minutes"),
        ("post", "/api/v1/staff/meetings/{meeting_id}/conclude"),
        ("post", "/api/v1/staff/meetings/{meeting_id}/cancel"),
        ("post", "/api/v1/me/discrepancies/{discrepancy_id}/answer"),
        ("post", "/api/v1/me/visits/{visit_id}/confirm"),
        ("post", "/api/v1/me/household/submit"),
        ("post", "/api/v1/me/household/withdraw"),
        ("post", "/api/v1/me/household/confirm_proxy"),
        ("post", "/api/v1/staff/proxy_households/{filing_id}/confirm_on_paper"),
        ("post", "/api/v1/staff/proxy_households/{filing_id}/withdraw"),
        ("post", "/api/v1/staff/proxy_applications/{filing_id}/withdraw"),
        ("post", "/api/v1/staff/account_claims/{claim_id}/actions"),
        ("post", "/api/v1/staff/proxy_applications/{filing_id}/confirm_on_paper"),
        ("post", "/api/v1/me/proxy_applications/{filing_id}/confirm"),
        ("post", "/api/v1/me/proxy_applications/{filing_id}/decline"),
        ("post", "/api/v1/staff/applications/{application_id}/actions"),
        ("post", "/api/v1/staff/batches/{batch_id}/actions"),
        ("post", "/api/v1/staff/samples/{sample_id}/draw"),
        ("post", "/api/v1/staff/samples/{sample_id}/checks/{check_id}/actions"),
        ("post", "/api/v1/staff/donor_reports/{report_id}/actions"),
        ("post", "/api/v1/staff/evaluations/{evaluation_id}/draw"),
        ("post", "/api/v1/staff/evaluations/{evaluation_id}/close"),
        ("post", "/api/v1/staff/evaluations/{evaluation_id}/cases/{case_id}/scores"),
        ("post", "/api/v1/staff/batches/{batch_id}/lines/{line_id}/actions"),
        ("post", "/api/v1/staff/reconciliations/breaks/{break_id}/actions"),
        ("post", "/api/v1/staff/discrepancies/{discrepancy_id}/actions"),
        ("post", "/api/v1/staff/duplicates/{duplicate_id}/actions"),
        ("post", "/api/v1/staff/reuses/{reuse_id}/actions"),
        ("post", "/api/v1/staff/households/{household_id}/actions"),
        ("put", "/api/v1/staff/households/{household_id}/responsible"),
        ("post", "/api/v1/staff/visits/{visit_id}/actions"),
        ("post", "/api/v1/staff/change_requests/{request_id}/actions"),
        ("post", "/api/v1/staff/change_requests/{request_id}/withdraw"),
        ("post", "/api/v1/me/household/change_requests/{request_id}/withdraw"),
        ("post", "/api/v1/staff/households/{household_id}/split"),
        ("post", "/api/v1/staff/households/{household_id}/transfers"),
        ("post", "/api/v1/staff/households/transfers/{transfer_id}/actions"),
        ("put", "/api/v1/staff/households/{household_id}/form"),
        ("put", "/api/v1/staff/households/{household_id}/class"),
        ("put", "/api/v1/staff/households/{household_id}/cohort"),
        ("put", "/api/v1/staff/measures/{measure_id}"),
        ("post", "/api/v1/staff/plans/{plan_id}/close"),
        ("post", "/api/v1/staff/watch_tasks/{task_id}/complete"),
        ("post", "/api/v1/staff/notices/investigations/{investigation_id}/actions"),
        ("post", "/api/v1/staff/calendar/changes/{change_id}/confirm"),
        ("post", "/api/v1/staff/calendar/changes/{change_id}/withdraw"),
        ("post", "/api/v1/staff/post_changes/{change_id}/confirm"),
        ("post", "/api/v1/staff/post_changes/{change_id}/refuse"),
        ("post", "/api/v1/staff/post_changes/{change_id}/withdraw"),
        ("post", "/api/v1/staff/policies/{policy_id}/publish"),
        ("post", "/api/v1/staff/policies/{policy_id}/withdraw"),
        ("post", "/api/v1/staff/funds/{fund_id}/receipts"),
        ("post", "/api/v1/staff/allocations/{allocation_id}/actions"),
    }
)
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "每次新的操作用一个新值；重试时用原来的值，得到第一次的回答。",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "所看到的版本号（ETag）。",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}
_REFUSALS = {"401": "需要登录", "403": "没有权限", "404": "没有找到", "422": "填写有误", "503": "系统繁忙"}
_ACT_REFUSALS = {"409": "当前不能办理", "413": "内容太大"}
_BODY_REFUSALS = {"413": "内容太大", "415": "不支持这种内容格式"}
_LIMIT_REFUSALS = {"429": "操作太频繁，多少秒之后再试见 Retry-After"}
_VERSION_REFUSALS = {"412": "内容已更新", "428": "缺少版本号"}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, built once."""
    if app.openapi_schema is None:
        app.openapi_schema = _build(app)
    return app.openapi_schema


def _build(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title="汕头工会帮扶", version=VERSION, description=DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    models: list[type[BaseModel]] = [
        Problem,
        draft_of(HouseholdForm),
        *(draft_of(programme.form) for programme in KINDS.values()),
    ]
    references, drafts = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    for programme in KINDS.values():
        # The form of every kind is called Form in its own folder: here it is named for its kind.
        given = references[draft_of(programme.form), "validation"]["$ref"].rpartition("/")[2]
        drafts["$defs"][draft_name(programme.kind)] = drafts["$defs"].pop(given)
    components.setdefault("schemas", {}).update(drafts["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    guarded = _guarded()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, path, (method, path) in guarded)
    add_links(schema)
    return schema


def _guarded() -> set[tuple[str, str]]:
    """The operations behind a door that asks for a token."""
    return {(m.lower(), path) for path, route in api_routes() if is_guarded(route) for m in route.methods or ()}


def _complete(operation: dict[str, Any], method: str, path: str, guarded: bool) -> None:
    refusals = dict(_REFUSALS)
    parameters = operation.setdefault("parameters", [])
    if guarded:
        operation["security"] = [{"bearer": []}]
    else:
        refusals.pop("403")
        if method == "get":
            refusals.pop("401")
            operation["responses"]["304"] = {"description": "没有变化（If-None-Match）"}
    if "requestBody" in operation:
        refusals |= _BODY_REFUSALS
    if method == "post" and path not in UNKEYED:
        parameters.append(_KEY)
        refusals |= _ACT_REFUSALS
    if (method, path) in VERSIONED or (method, path) == ("put", "/api/v1/me/household"):
        required = (method, path) in VERSIONED
        parameters.append(_IF_MATCH | {"required": required})
        refusals |= _VERSION_REFUSALS
    if method in ("put", "delete"):
        refusals |= _ACT_REFUSALS
    if (method, path) in LIMITED:
        refusals |= _LIMIT_REFUSALS
    if not parameters:
        del operation["parameters"]
    for status, title in refusals.items():
        operation["responses"][status] = {
            "description": title,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
