"""The tree of routes finds what asking every route in turn would find."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match, Mount, Route

from app.http.route_tree import RouteTree
from app.main import create_app
from app.settings import Settings
from tests.http.judging import SOMEBODY

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NAMED = re.compile(r"\{[^}]+\}")


@pytest.fixture(scope="module")
def routes() -> list[APIRoute]:
    found = create_app(Settings(env="test")).routes
    assert all(isinstance(route, APIRoute) for route in found)
    return found  # type: ignore[return-value]


def addresses(paths: list[str]) -> Iterator[str]:
    """Every address of the service and some beside it, with an id, nothing, or another address's word where it names
    something."""
    words = {(len(parts), n, part) for parts in (path.split("/") for path in paths) for n, part in enumerate(parts)}
    for path in paths:
        for filled in (_NAMED.sub(named, path) for named in (SOMEBODY, "", ".", "好")):
            yield from (filled, filled + "/", "/" + filled, filled.rpartition("/")[0], filled + "/x")
        parts = path.split("/")
        for length, n, word in words:
            if length == len(parts) and "{" in parts[n]:
                yield _NAMED.sub(SOMEBODY, "/".join([*parts[:n], word, *parts[n + 1 :]]))


def found(routes: Sequence[BaseRoute], method: str, path: str) -> tuple[Any, Match]:
    """As `Router` looks: the first that fits whole, or else the first that fits but for the method."""
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    partly = None
    for route in routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return route, match
        if match is Match.PARTIAL and partly is None:
            partly = route
    return partly, Match.NONE if partly is None else Match.PARTIAL


def test_the_tree_finds_what_all_routes_in_turn_find(routes: list[APIRoute]) -> None:
    tree, seen = RouteTree(routes, others=FastAPI()), set()
    for path in dict.fromkeys(addresses([route.path for route in routes])):
        fitting = [route for route in routes if route.path_regex.match(path)]
        few = tree.router_of(path).routes
        for method in METHODS:
            route, match = found(fitting, method, path)
            other, other_match = found(few, method, path)
            assert (other is route, other_match) == (True, match), (method, path)
            seen.add(route.path if route is not None and match is Match.FULL else match)
    assert seen == {route.path for route in routes} | {Match.NONE, Match.PARTIAL}


def test_few_routes_are_asked(routes: list[APIRoute]) -> None:
    tree = RouteTree(routes, others=FastAPI())
    assert max(len(tree.router_of(_NAMED.sub(SOMEBODY, route.path)).routes) for route in routes) <= 6


async def named(request: Request) -> PlainTextResponse:
    return PlainTextResponse(" ".join(request.path_params.values()))


def test_an_address_of_any_length_has_no_place_in_it() -> None:
    for route in (Mount("/files", FastAPI()), Route("/files/{name:path}", named)):
        with pytest.raises(ValueError, match="any length"):
            RouteTree([route], others=FastAPI())


async def test_what_is_named_reaches_the_route() -> None:
    routes = [Route("/a/{one}/c", named), Route("/a/b/{two}", named), Route("/{all}/{of}/{it}", named)]
    transport = httpx.ASGITransport(RouteTree(routes, others=FastAPI()))
    async with httpx.AsyncClient(transport=transport, base_url="http://aid.test") as client:
        answers = [await client.get(path) for path in ("/a/x/c", "/a/b/y", "/a/b/c", "/x/y/z")]
    assert [answer.text for answer in answers] == ["x", "y", "b", "x y z"]
