"""The short way to a route that asks for nothing but its desk, what its path names and one JSON body.

FastAPI finds out anew for each request what a route needs (queries, headers, cookies, forms, nested dependencies, four
stacks of things to close). For most of our routes all of it is known when the app starts, and costs more than the route
itself. Whatever is not well-formed takes FastAPI's way, so that what is wrong is said in one place.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Receive

Ask = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Straight:
    """What a route is called with, by the names of its parameters."""

    call: Callable[..., Awaitable[Response]]
    named: tuple[Any, ...]
    """Fields of what the path names."""
    body: Any
    """The field of the body, or None."""
    desks: tuple[tuple[str, Ask], ...]
    request: str | None

    async def read(self, request: Request) -> dict[str, Any] | None:
        """What the request says itself; None when something of it is not as it has to be."""
        values: dict[str, Any] = {}
        for field in self.named:
            values[field.name], wrong = field.validate(request.path_params[field.alias], {}, loc=("path", field.alias))
            if wrong:
                return None
        if self.body is not None:
            try:
                given = await request.json()
            except JSONDecodeError:
                return None
            values[self.body.name], wrong = self.body.validate(given, {}, loc=("body",))
            if wrong:
                return None
        return values

    async def answer(self, request: Request, values: dict[str, Any]) -> Response:
        """Of the route, from the desk that it asked for."""
        for name, desk in self.desks:
            values[name] = await desk(request)
        if self.request is not None:
            values[self.request] = request
        return await self.call(**values)


def straight(route: APIRoute) -> Straight | None:
    """The short way to a route, where there is one."""
    needs = route.dependant
    call = needs.call
    bodies = needs.body_params
    if (
        call is None
        or not inspect.iscoroutinefunction(call)
        or inspect.signature(call).return_annotation is not Response
        or not _only_asked_for(needs)
        or not all(_is_desk(each) for each in needs.dependencies)
        or len(bodies) > 1
        or (bodies and (route.body_field is not bodies[0]))
    ):
        return None
    desks = tuple((each.name, each.call) for each in needs.dependencies if each.name and each.call)
    return Straight(call, tuple(needs.path_params), bodies[0] if bodies else None, desks, needs.request_param_name)


def _only_asked_for(needs: Dependant) -> bool:
    """Nothing that only FastAPI's way can give."""
    return not (
        needs.query_params
        or needs.header_params
        or needs.cookie_params
        or needs.response_param_name
        or needs.background_tasks_param_name
        or needs.http_connection_param_name
        or needs.security_scopes_param_name
    )


def _is_desk(needs: Dependant) -> bool:
    """Whether a dependency asks for the request alone."""
    return (
        _only_asked_for(needs)
        and not (needs.path_params or needs.body_params or needs.dependencies)
        and needs.request_param_name == "request"
        and needs.name is not None
        and inspect.iscoroutinefunction(needs.call)
    )


def again(request: Request, receive: Receive) -> Receive:
    """What comes in, for somebody who reads it after a request that may have read it already."""
    body = getattr(request, "_body", None)
    if body is None:
        return receive

    async def receive_again() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
