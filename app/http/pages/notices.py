"""Public notices as pages: what is shown, the form to object to it, and what became of an objection."""

import secrets
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.db.transaction import Sight
from app.http.door import answer, begin, look, service_of
from app.http.idempotency import IdempotencyKeyReused, Replay, keyed, lock_of
from app.http.inputs import Cursor, PathId
from app.http.pages.forms import PageDoor, fields_of
from app.http.pages.shell import render, respond
from app.http.routes.notices import Objection, ReceiptOf, object_unknown, status_by_code
from app.http.service import clock
from app.http.views import notice_page
from app.http.views import notices as views
from app.http.visitors import NOBODY
from app.kernel.actor import Actor
from app.kernel.business_time import rfc3339
from app.kernel.errors import Conflict
from app.notices.objection_commands import Said
from app.notices.objection_queries import ReceiptUnknown
from app.notices.printed import TITLES, day_and_time
from app.notices.queries import batch, notice, notices
from app.policy.drafts import field_errors

router = APIRouter(include_in_schema=False, route_class=PageDoor)
A_PAGE: Final = 20


class ObjectionSentBefore(Conflict):
    """这份异议已经提交过了。要再提一份，请重新打开这条公示。"""


@router.get("/notices")
async def list_notices(request: Request, cursor: Cursor = None) -> Response:
    """What is shown now, newest first."""
    cursors = service_of(request).cursors
    after = cursors.read("notices", cursor)
    work = await look(request, Sight("public"))
    rows = await notices(work.transaction, clock(), A_PAGE + 1, after)
    page, following = cursors.cut("notices", rows, A_PAGE, "created_at")
    shown = [_told(views.notice(row)) for row in page]
    return respond(request, render("notices.html", "/notices", notices=shown, following=following, first=not cursor))


@router.get("/notices/batches/{batch_id}")
async def read_batch(request: Request, batch_id: PathId) -> Response:
    """One union's list as it was frozen."""
    work = await look(request, Sight("public"))
    return notice_page.page(request, views.batch(*await batch(work.transaction, batch_id, work.now)))


@router.get("/notices/{notice_id}")
async def read_notice(request: Request, notice_id: PathId) -> Response:
    """One line, and the form to object to it."""
    return await _notice(request, notice_id)


@router.post("/notices/{notice_id}/objections")
async def object_to_notice(request: Request, notice_id: PathId) -> Response:
    """An objection by nobody known; what is signed in with is not looked at here."""
    given = await fields_of(request)
    key = given.pop("key", "")
    try:
        said = Objection.model_validate(given | {"anonymous": True})
    except ValidationError as wrong:
        return await _notice(request, notice_id, given, _by_field(wrong), status=422)
    work = await begin(request, Sight("public", NOBODY, lock=lock_of(NOBODY, key)))
    try:
        kept = await keyed(request, Actor(NOBODY, NOBODY), key, work)
    except IdempotencyKeyReused:
        raise ObjectionSentBefore from None
    except Replay as replay:
        return _objected(request, orjson.loads(replay.response.body))
    received = await object_unknown(work, notice_id, Said(words=said.text, contact=said.contact))
    told = {"id": str(received.id), "receipt_code": received.receipt_code}
    await kept.keep(answer(told, 201))
    return _objected(request, told)


@router.get("/objections")
async def ask_for_code(request: Request) -> Response:
    """The form that asks for the code of a receipt."""
    return respond(request, render("objection.html", "/notices", found=None, wrong=None))


@router.post("/objections")
async def read_objection(request: Request) -> Response:
    """What became of an objection. The code stands in the body, never in the address."""
    given = await fields_of(request)
    try:
        code = ReceiptOf.model_validate(given).receipt_code
    except ValidationError:
        return _not_found(request, 422, "请填写受理编号。")
    work = await look(request, Sight("public"))
    try:
        found = await status_by_code(work, code)
    except ReceiptUnknown as unknown:
        return _not_found(request, 404, unknown.detail)
    found |= {"title": TITLES[found["kind"]]}
    return respond(request, render("objection.html", "/notices", found=found, wrong=None))


def _not_found(request: Request, status: int, detail: str) -> Response:
    return respond(request, render("objection.html", "/notices", found=None, wrong=detail), status)


async def _notice(
    request: Request,
    notice_id: UUID,
    given: Mapping[str, Any] | None = None,
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    work = await look(request, Sight("public"))
    shown = _told(views.notice(await notice(work.transaction, notice_id, work.now)))
    filled = {"text": "", "contact": ""} | dict(given or {})
    html = render(
        "notice.html", "/notices", notice=shown, given=filled, wrong=wrong or {}, key=secrets.token_urlsafe(18)
    )
    return respond(request, html, status)


def _told(shown: dict[str, Any]) -> dict[str, Any]:
    return shown | {"title": TITLES[shown["kind"]], "until": day_and_time(rfc3339(shown["ends_at"]))}


def _by_field(wrong: ValidationError) -> dict[str, str]:
    """The first message of each field; of a field that the form does not have: of the whole form."""
    found: dict[str, str] = {}
    for each in field_errors(wrong.errors()):
        found.setdefault(each.pointer.strip("/").partition("/")[0], each.message)
    return found


def _objected(request: Request, told: Mapping[str, Any]) -> Response:
    return respond(request, render("objected.html", "/notices", code=told["receipt_code"]), 201)
