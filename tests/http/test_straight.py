"""Most routes are called without FastAPI's general way; nobody who calls them can tell."""

from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel

from app.http import problems
from app.http.door import Door, answer
from app.http.inputs import In
from app.http.routes import ROUTERS
from app.http.straight import straight

router = APIRouter(route_class=Door)


class Words(In):
    words: str


class Shown(BaseModel):
    words: str


async def desk(request: Request) -> str:
    return request.headers["x-who"]


async def named_desk(thing_id: UUID) -> UUID:
    return thing_id


Desk = Annotated[str, Depends(desk)]


@router.post("/short/{thing_id}")
async def short(thing_id: UUID, body: Words, request: Request, who: Desk) -> Response:
    return answer([str(thing_id), body.words, who, request.url.path])


@router.post("/asks/{thing_id}")
async def asks(
    thing_id: UUID, body: Words, request: Request, who: Desk, more: Annotated[str, Query()] = ""
) -> Response:
    return answer([str(thing_id), body.words, who, request.url.path])


@router.get("/nested/{thing_id}")
async def nested(found: Annotated[UUID, Depends(named_desk)]) -> Response:
    return answer(str(found))


@router.get("/shown")
async def shown(who: Desk) -> Shown:
    return Shown(words=who)


@router.get("/plain")
def plain(who: Desk) -> Response:
    return answer(who)


@pytest.fixture
def caller() -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)
    app.router.routes.extend(router.routes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers={"x-who": "somebody"})


def test_only_what_needs_no_more_than_its_desk_its_path_and_a_body_goes_straight() -> None:
    found = {route.name for route in router.routes if straight(route) is not None}  # type: ignore[arg-type]
    assert found == {"short"}


def test_most_routes_of_the_service_go_straight() -> None:
    routes = [route for each in ROUTERS for route in each.routes]
    short_ways = sum(straight(route) is not None for route in routes)  # type: ignore[arg-type]
    assert short_ways > len(routes) / 2


THING = "01a22b08-04cf-732f-aa61-6d79fc63703f"
BAD = {
    "words missing": (THING, b"{}", "application/json"),
    "words of another type": (THING, b'{"words": 1}', "application/json"),
    "a field too many": (THING, b'{"words": "a", "b": 1}', "application/json"),
    "a key twice": (THING, b'{"words": "a", "words": "b"}', "application/json"),
    "no JSON": (THING, b"{", "application/json"),
    "no UTF-8": (THING, b'{"words": "\xff"}', "application/json"),
    "no object": (THING, b"[]", "application/json"),
    "nothing": (THING, b"", "application/json"),
    "null": (THING, b"null", "application/json"),
    "no id": ("x", b'{"words": "a"}', "application/json"),
    "neither": ("x", b"{}", "application/json"),
    "no JSON by its name": (THING, b'{"words": "a"}', "text/plain"),
    "no name": (THING, b'{"words": "a"}', ""),
    "too large": (THING, b'{"words": "' + b"a" * 300_000 + b'"}', "application/json"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_what_is_wrong_is_said_in_the_same_words(caller: httpx.AsyncClient, bad: str) -> None:
    thing, body, content_type = BAD[bad]
    headers = {"content-type": content_type} if content_type else {}
    one, other = [await caller.post(f"/{way}/{thing}", content=body, headers=headers) for way in ("short", "asks")]
    assert (one.status_code, one.json()) == (other.status_code, other.json())
    assert one.status_code in (413, 415, 422), one.text
    assert one.headers["content-type"] == "application/problem+json"


async def test_what_is_right_is_answered_alike(caller: httpx.AsyncClient) -> None:
    one, other = [await caller.post(f"/{way}/{THING}", json={"words": "好"}) for way in ("short", "asks")]
    assert (one.status_code, other.status_code) == (200, 200)
    assert one.json() == [THING, "好", "somebody", f"/short/{THING}"]
    assert other.json() == [THING, "好", "somebody", f"/asks/{THING}"]


async def test_the_other_ways_answer_as_well(caller: httpx.AsyncClient) -> None:
    assert (await caller.get(f"/nested/{THING}")).json() == THING
    assert (await caller.get("/shown")).json() == {"words": "somebody"}
    assert (await caller.get("/plain")).json() == "somebody"
