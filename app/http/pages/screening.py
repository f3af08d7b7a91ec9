"""“What can I get”: the same rules as POST /screening, asked by a form. Nothing is kept, or put in an address."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.http.door import service_of
from app.http.pages.forms import PageDoor, fields_of
from app.http.pages.questions import GROUPS, LABELS, answers, asked_at
from app.http.pages.shelf import shelf_of
from app.http.pages.shell import render, respond
from app.http.service import clock
from app.kernel.business_time import business_date
from app.policy.decision import Reason
from app.policy.drafts import field_errors
from app.programmes import KINDS
from app.screening import Answers, Screened, dibao_hint, screen

router = APIRouter(include_in_schema=False, route_class=PageDoor)
SECONDS: Final = 300


class Told(NamedTuple):
    """A kind of aid with what the rules said: what stands in the way or is not known, and what is met."""

    name: str
    address: str
    likely: str
    amount_fen: int | None
    missing: tuple[Reason, ...]
    met: tuple[Reason, ...]


@router.get("/screening")
async def ask(request: Request) -> Response:
    """The empty form."""

    async def make() -> str:
        return _page(None, {}, {})

    return await shelf_of(request).show(request, SECONDS, make)


@router.post("/screening")
async def screen_answers(request: Request) -> Response:
    """What the rules say of what was filled in, with the form below it to be changed."""
    given = await fields_of(request)
    told, wrong = answers(given)
    if not wrong:
        try:
            asked = Answers.model_validate(told)
        except ValidationError as refused:
            wrong = {asked_at(each.pointer): each.message for each in field_errors(refused.errors())}
    if wrong:
        return respond(request, _page(None, given, wrong), 422)
    book, today = await service_of(request).policies.get(), business_date(clock())
    found = {
        "items": [_told(each) for each in screen(asked, book, today)],
        "dibao": dibao_hint(asked, book, today),
        "on": today,
    }
    return respond(request, _page(found, given, {}))


def _page(found: Mapping[str, Any] | None, given: Mapping[str, Any], wrong: Mapping[str, str]) -> str:
    return render("screening.html", "/screening", groups=GROUPS, labels=LABELS, found=found, given=given, wrong=wrong)


def _told(screened: Screened) -> Told:
    return Told(
        KINDS[screened.kind].name,
        f"/policies/{screened.kind}",
        screened.likely,
        screened.amount_fen_max,
        tuple(each for each in screened.reasons if each.met is not True),
        tuple(each for each in screened.reasons if each.met is True),
    )
