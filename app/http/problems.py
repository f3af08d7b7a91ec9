"""Every refusal leaves as application/problem+json, in Chinese, with a stable code, and echoes nothing.

Whoever reads HTML, and not where programs call, gets the same as a page.
"""

from collections.abc import Iterable
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Scope

from app.http.pages.shell import refusal_page, wants_page
from app.http.strict_json import BodyTooLarge, UnsupportedMediaType
from app.kernel.errors import (
    Conflict,
    DomainError,
    FieldError,
    Invalid,
    NotAllowed,
    NotFound,
    StaleVersion,
    TooMany,
    Unauthenticated,
    Unavailable,
    VersionMissing,
)
from app.policy.drafts import field_errors, place_in

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "2"
_STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (Unauthenticated, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (StaleVersion, 412),
    (BodyTooLarge, 413),
    (UnsupportedMediaType, 415),
    (Invalid, 422),
    (VersionMissing, 428),
    (TooMany, 429),
    (Unavailable, 503),
)
TITLES = {
    400: "请求无法识别",
    401: "需要登录",
    403: "没有权限",
    404: "没有找到",
    405: "不支持这种请求方式",
    409: "当前不能办理",
    412: "内容已更新",
    413: "内容太大",
    415: "不支持这种内容格式",
    422: "填写有误",
    428: "缺少版本号",
    429: "操作太频繁",
    500: "系统出错",
    503: "系统繁忙",
}
_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
}
DETAILS = {
    400: "请求的格式有误，请检查后再试。",
    404: "没有找到您要的内容。",
    405: "这个地址不支持这种请求方式。",
    500: "系统出错了，工作人员会尽快处理。您填写的内容没有丢失，请稍后再试。",
}


class FieldProblem(BaseModel):
    """一处填写错误。"""

    model_config = ConfigDict(extra="forbid")
    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """出错时的统一回答（RFC 9457）。程序只看 code，detail 给人看。"""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldProblem] | None = None


def status_of(error: DomainError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)


def problem(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    **extra: Any,
) -> Response:
    """The problem document of a refusal."""
    document: dict[str, Any] = {
        "type": f"urn:aid:problem:{code}",
        "title": TITLES.get(status, TITLES[400]),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
        **extra,
    }
    if listed := list(errors):
        document["errors"] = listed
    answer = Response(orjson.dumps(document), status, {"Cache-Control": "no-store"}, MEDIA_TYPE)
    return _hinted(answer, **extra)


def _hinted(answer: Response, **extra: Any) -> Response:
    """With when to come again, or how to sign in, where that is what is refused."""
    if answer.status_code in (429, 503):
        answer.headers["Retry-After"] = str(extra.get("retry_after", RETRY_AFTER_SECONDS))
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def refused(
    scope: Scope, status: int, code: str, detail: str, errors: Iterable[FieldError] = (), **extra: Any
) -> Response:
    """A refusal in the language of whoever asked: a page or a problem document."""
    request_id = scope.get("request_id", "")
    if wants_page(scope):
        told = " ".join([detail, *(each.message for each in errors)])
        return _hinted(refusal_page(request_id, status, TITLES.get(status, TITLES[400]), told), **extra)
    return problem(request_id, status, code, detail, errors, **extra)


def of_domain(error: DomainError, request_id: str) -> Response:
    return problem(request_id, status_of(error), error.code, error.detail, error.errors, **error.extra)


def _refused(error: DomainError, scope: Scope) -> Response:
    return refused(scope, status_of(error), error.code, error.detail, error.errors, **error.extra)


def _placed(wrong: RequestValidationError) -> list[Any]:
    """The errors of a request, those of a JSON body where they are in it."""
    return [
        error | {"loc": (*error["loc"][:1], *place_in(wrong.body, error["loc"][1:], error["type"]))}
        if error["loc"][0] == "body" and isinstance(wrong.body, dict | list)
        else error
        for error in wrong.errors()
    ]


# ---- what the database refused ----

_BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    TimeoutError,
    OSError,
)
_BAD_VALUE = (asyncpg.DataError, asyncpg.exceptions.CharacterNotInRepertoireError, UnicodeEncodeError)


def of_database(error: BaseException) -> DomainError | None:
    """A refusal for what the database (or the way to it) could not do; None when it is a defect of ours."""
    if isinstance(error, _BAD_VALUE):
        return Invalid()
    if isinstance(error, asyncpg.UniqueViolationError):
        return Conflict()
    if isinstance(error, _BUSY):
        return Unavailable()
    return None


def _methods_of(request: Request) -> set[str]:
    """Every method of an address: the router itself would name only those of its first route.

    Only of the address as the contract writes it: `/batches/preview` is no batch whose id is "preview".
    """
    fitting = [
        route for route in request.app.router.routes
        if isinstance(route, Route) and route.path_regex.match(request.url.path)
    ]  # fmt: skip
    plainest = min(route.path.count("{") for route in fitting)
    return {method for route in fitting if route.path.count("{") == plainest for method in route.methods or ()}


def install(app: FastAPI) -> None:
    """Domain errors, refused input, the framework's own errors and the database's: one shape of answer."""

    async def on_domain(request: Request, error: Exception) -> Response:
        assert isinstance(error, DomainError)
        return _refused(error, request.scope)

    async def on_input(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if wants_page(request.scope):  # nobody fills in an address: what it names is not there
            return refused(request.scope, 404, _CODES[404], DETAILS[404])
        return _refused(Invalid(*field_errors(_placed(error))), request.scope)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = error.status_code
        answer = refused(request.scope, status, _CODES.get(status, "http_error"), DETAILS.get(status, DETAILS[400]))
        if status == 405:
            answer.headers["Allow"] = ", ".join(sorted(_methods_of(request)))
        return answer

    async def on_gone(request: Request, error: Exception) -> Response:
        return problem(request.scope.get("request_id", ""), 400, _CODES[400], DETAILS[400])  # read by nobody

    async def on_database(request: Request, error: Exception) -> Response:
        refusal = of_database(error)
        if refusal is None:
            raise error
        return _refused(refusal, request.scope)

    app.add_exception_handler(DomainError, on_domain)
    app.add_exception_handler(RequestValidationError, on_input)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(ClientDisconnect, on_gone)
    for kind in (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, OSError, UnicodeEncodeError):
        app.add_exception_handler(kind, on_database)
