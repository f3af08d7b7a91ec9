"""The doors of the API: who may come in, and the one transaction that they get.

A route asks for a `Desk` (`WorkerDesk`, or `Annotated[Desk, staff(permission)]`) and works with what lies on it.
`Door` commits before the answer leaves: returning commits, raising rolls back, nothing below this file commits.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from app.db.transaction import Sight
from app.db.work import Work
from app.http.idempotency import Keyed, Replay, key_of, keyed, lock_of
from app.http.service import Service, clock
from app.http.strict_json import StrictRequest
from app.kernel.actor import PERMISSIONS, Actor, Permission, nodes_of
from app.kernel.errors import NotAllowed, VersionMissing
from app.people.tokens import TokenRefused

PREFIX = "/api/v1"
_STACK, _KEYED = "aid_stack", "aid_keyed"
_VERSION = re.compile(r'\A("?)([0-9]{1,9})\1\Z')
NO_VERSION = 0


class Door(APIRoute):
    """A route whose transaction is committed, with its keyed answer, before the answer is sent."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def through(request: Request) -> Response:
            asked = StrictRequest(request.scope, request.receive)
            if request.method != "GET":
                # Here, because FastAPI turns whatever goes wrong while it reads a body into a 400.
                await (asked.read() if self.body_field is None else asked.read_json())
            try:
                async with AsyncExitStack() as stack:
                    request.scope[_STACK] = stack
                    response = await handle(asked)
                    kept: Keyed | None = request.scope.get(_KEYED)
                    if kept is not None:
                        await kept.keep(response)
                return response
            except Replay as replay:
                return replay.response

        return through


@dataclass(frozen=True, slots=True)
class Desk:
    """What a signed-in person's request works with."""

    actor: Actor
    work: Work
    service: Service
    request: Request

    def expected_version(self) -> int:
        """The version in If-Match. Raises VersionMissing."""
        return expected_version(self.request)


def expected_version(request: Request) -> int:
    """The version that the caller has seen; for an ETag that is none of ours NO_VERSION, which is never current."""
    given = request.headers.get("if-match")
    if given is None:
        raise VersionMissing
    found = _VERSION.match(given)
    return int(found[2]) if found else NO_VERSION


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def begin(request: Request, sight: Sight) -> Work:
    """Begin the transaction of this request; `Door` ends it."""
    service = service_of(request)
    calendar = await service.calendar.get()
    stack: AsyncExitStack = request.scope[_STACK]
    transaction = await stack.enter_async_context(service.database.begin(sight))
    return Work(transaction, service.keyring, calendar, clock())


async def signed_in(request: Request) -> Actor:
    """The person of the bearer token. Raises TokenRefused."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenRefused
    service, now = service_of(request), clock()
    actor = await service.actor(service.claims(token, now), now)
    request.scope["aid_person"] = actor.person_id
    return actor


async def _desk(request: Request, actor: Actor, sight: Sight) -> Desk:
    if request.method == "POST":
        key = key_of(request)
        work = await begin(request, replace(sight, lock=lock_of(actor, key)))
        request.scope[_KEYED] = await keyed(request, actor, key, work)
    else:
        work = await begin(request, sight)
    return Desk(actor, work, service_of(request), request)


async def worker_desk(request: Request) -> Desk:
    """A signed-in person and their own data."""
    actor = await signed_in(request)
    return await _desk(request, actor, Sight("worker", actor.person_id))


WorkerDesk = Annotated[Desk, Depends(worker_desk)]
"""The door of everyone who is signed in, to what is their own."""


def staff(*permissions: Permission) -> Any:
    """The door of those who hold any of these permissions, to what their posts reach."""

    async def staff_desk(request: Request) -> Desk:
        actor = await signed_in(request)
        if not actor.may(*permissions):
            raise NotAllowed
        reach = nodes_of(post.place for post in actor.posts if PERMISSIONS[post.role])
        organisations = tuple(node.organisation_id for node in reach)
        return await _desk(request, actor, Sight("staff", actor.person_id, organisations))

    STAFF_DOORS[staff_desk] = permissions
    return Depends(staff_desk)


STAFF_DOORS: dict[Callable[[Request], Awaitable[Desk]], tuple[Permission, ...]] = {}
"""Every staff door with its permissions, for the test that walks the routes."""


def answer(content: Any, status: int = 200, *, version: int | None = None) -> Response:
    """A JSON answer, with the ETag of what it shows."""
    headers = {"ETag": f'"{version}"'} if version is not None else None
    return Response(orjson.dumps(content), status, headers, "application/json")
