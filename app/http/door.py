"""The doors of the API: who may come in, and the one transaction that they get.

A route asks for a `Desk` (`WorkerDesk`, or `Annotated[Desk, staff(permission)]`) and works with what lies on it.
`Door` commits before the answer leaves: returning commits, raising rolls back, nothing below this file commits.
"""

import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.statements import Statement
from app.db.transaction import Record, Sight, Transaction
from app.db.work import Work
from app.http.idempotency import (
    WHO_AND_WHETHER,
    Keyed,
    Replay,
    alone_of,
    answered_before,
    fingerprint_of,
    key_of,
    keyed,
    lock_of,
)
from app.http.service import Service, asked, clock
from app.http.straight import Straight, again, straight
from app.http.strict_json import StrictRequest
from app.kernel.actor import Actor, Permission, nodes_of
from app.kernel.errors import NotAllowed, Overtaken, Unauthenticated, VersionMissing
from app.messaging.answers import KeptAnswer
from app.people.tokens import Claims, TokenRefused

PREFIX = "/api/v1"
OVERTAKEN_AT_MOST = 5
_STACK, _KEYED = "aid_stack", "aid_keyed"
_VERSION = re.compile(r'\A("?)([0-9]{1,9})\1\Z')
NO_VERSION = 0


class Door(APIRoute):
    """A route whose transaction is committed, with its keyed answer, before the answer is sent."""

    reads_body = True
    """Before anybody is asked who they are: what comes in is small. See `UploadDoor`."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        short = straight(self)
        if short is not None:
            self.app = self._going(short, self.app)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def through(request: Request) -> Response:
            asked = StrictRequest(request.scope, request.receive)
            await self._read(asked)
            return await _answered(asked, handle(asked))

        return through

    def _going(self, short: Straight, fastapi: ASGIApp) -> ASGIApp:
        """The short way, and FastAPI's where something is not well-formed."""

        async def go(scope: Scope, receive: Receive, send: Send) -> None:
            asked = StrictRequest(scope, receive)
            await self._read(asked)
            values = await short.read(asked)
            if values is None:
                await fastapi(scope, again(asked, receive), send)
                return
            response = await _answered(asked, short.answer(asked, values))
            await response(scope, receive, send)

        return go

    async def _read(self, asked: StrictRequest) -> None:
        if asked.method != "GET" and self.reads_body:
            # Here, because FastAPI turns whatever goes wrong while it reads a body into a 400.
            await (asked.read_nothing() if self.body_field is None else asked.read_json())


async def _answered(asked: Request, answering: Coroutine[Any, Any, Response]) -> Response:
    """The answer, when its transaction has ended well and it is kept under its key."""
    try:
        async with AsyncExitStack() as stack:
            asked.scope[_STACK] = stack
            response = await answering
            kept: Keyed | None = asked.scope.get(_KEYED)
            if kept is not None:
                await kept.keep(response)
        return await response.make() if isinstance(response, Later) else response
    except Replay as replay:
        return replay.response


class Later(Response):
    """An answer to a GET that is made when its transaction has ended and its connection is back in the pool: what takes
    long, and needs nothing more of the database."""

    def __init__(self, make: Callable[[], Awaitable[Response]]) -> None:
        super().__init__()
        self.make = make


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

    def keeping(self, build: Callable[[Any], Response]) -> "Keeping":
        """The answer of a command that knows its outcome before it writes, and keeps the answer as it does."""
        return Keeping(self.request, build)


@dataclass(slots=True)
class Keeping:
    """Called with an outcome it builds the response and hands it over to be kept: nothing is left for the door."""

    request: Request
    build: Callable[[Any], Response]
    response: Response = field(init=False)
    keyed: Keyed | None = field(init=False, default=None)

    def __call__(self, outcome: Any) -> KeptAnswer:
        """Again, if what was foreseen could not be written and something else is."""
        self.response = self.build(outcome)
        if self.keyed is None:
            self.keyed = self.request.scope.pop(_KEYED)
        return self.keyed.kept(self.response)


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
    return await _work(request, service_of(request).database.begin(sight))


async def look(request: Request, sight: Sight) -> Work:
    """What a request works with that only reads."""
    return await _work(request, service_of(request).database.glance(sight))


async def _work(request: Request, opening: AbstractAsyncContextManager[Transaction]) -> Work:
    service = service_of(request)
    calendar, policies = await service.calendar.get(), await service.policies.get()
    stack: AsyncExitStack = request.scope[_STACK]
    transaction = await stack.enter_async_context(opening)
    return Work(transaction, service.keyring, calendar, clock(), policies)


def claims_of(request: Request) -> Claims:
    """What the bearer token says; whether its session still lives has to be asked. Raises Unauthenticated for none,
    TokenRefused for one that is good no more."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    claims = service_of(request).claims(token, clock())
    request.scope["aid_person"] = claims.person_id
    return claims


async def signed_in(request: Request) -> Actor:
    """The person of the bearer token. Raises Unauthenticated, TokenRefused."""
    service = service_of(request)
    return await service.actor(claims_of(request), clock(), service.database.look)


async def worker_desk(request: Request) -> Desk:
    """A signed-in person and their own data. Whether they still are is asked on the way, not beforehand."""
    claims, service = claims_of(request), service_of(request)
    # What a person does goes one after the other: of two applications the second sees what the first was granted, and
    # an account is not closed while something is being submitted from it.
    alone = None if request.method == "GET" else alone_of(claims.person_id)
    sight = Sight("worker", claims.person_id, alone=alone)
    key = request.headers.get("idempotency-key", "") if request.method == "POST" else None
    if key is not None:
        work = await begin(request, replace(sight, lock=lock_of(claims.person_id, key)))
    else:
        work = await (look if request.method == "GET" else begin)(request, sight)
    actor = service.remembered(claims)
    if key is None:
        actor = actor or await service.actor(claims, work.now, work.transaction.row)
    elif actor is None:
        # Who that is and whether it was answered before are one question.
        found = await work.transaction.row(WHO_AND_WHETHER, **asked(claims, work.now), key=key)
        actor = service.introduced(claims, found)
        request.scope[_KEYED] = await keyed(request, actor, key, work, found)
    else:
        request.scope[_KEYED] = await keyed(request, actor, key, work)
    return Desk(actor, work, service, request)


WorkerDesk = Annotated[Desk, Depends(worker_desk)]
"""The door of everyone who is signed in, to what is their own."""


@dataclass(frozen=True, slots=True)
class BriefDesk:
    """What an act works with that takes two statements: one asks all that there is to know, one writes.

    There is no transaction around them. What is written has to see for itself that nothing has changed in between.
    """

    actor: Actor
    work: Work
    request: Request
    key: str
    fingerprint: bytes
    asking: dict[str, Any]
    """How a question knows who asks it: the parameters of `beside_session` or `beside_answer`."""

    def expected_version(self) -> int:
        """The version in If-Match. Raises VersionMissing."""
        return expected_version(self.request)

    async def ask(self, question: Statement, **values: Any) -> Record:
        """The answer to a question made by `beside_session`, or for staff by `beside_answer`.

        Raises TokenRefused when the session has ended, Replay when the request was answered before.
        """
        work = self.work
        found = await work.transaction.row(question, key=self.key, **self.asking, **values)
        if found is None:
            raise TokenRefused
        answered_before(work, self.fingerprint, *(found[f"kept_{name}"] for name in _KEPT))
        return found

    @property
    def lock(self) -> int:
        """The advisory lock of this request's key."""
        return lock_of(self.actor.person_id, self.key)

    def keeping(self, build: Callable[[Any], Response]) -> "Keeping":
        """As `Desk.keeping`."""
        self.request.scope[_KEYED] = Keyed(self.actor, self.key, self.fingerprint, self.work)
        return Keeping(self.request, build)


async def asked_again(act: Callable[[], Awaitable[Response]]) -> Response:
    """An act at a `BriefDesk`, from its question on, as long as others keep overtaking it. Raises Overtaken."""
    for _ in range(OVERTAKEN_AT_MOST):
        with suppress(Overtaken):  # by something that is to be seen when asking again
            return await act()
    raise Overtaken


_KEPT = ("row_id", "fingerprint", "status", "etag", "answer")


async def brief_desk(request: Request) -> BriefDesk:
    """A signed-in person and one act of theirs."""
    claims = claims_of(request)
    actor = Actor(claims.person_id, claims.session_id)
    return await _brief(request, actor, Sight("worker", claims.person_id), session_id=claims.session_id, at=clock())


async def _brief(request: Request, actor: Actor, sight: Sight, **asking: Any) -> BriefDesk:
    key = request.headers.get("idempotency-key", "")
    fingerprint = await fingerprint_of(request, key)
    return BriefDesk(actor, await look(request, sight), request, key, fingerprint, asking)


WorkerBrief = Annotated[BriefDesk, Depends(brief_desk)]
"""The door of everyone who is signed in, to an act of their own that two statements can do."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """Staff who have come in, where it depends on what they ask for which desk it takes."""

    actor: Actor
    sight: Sight
    request: Request

    async def desk(self, *, recorded: bool = False) -> Desk:
        """For whatever takes a transaction, and for reading; `recorded`: a reading that leaves a trace of itself, and
        so needs one as well."""
        request, actor = self.request, self.actor
        if request.method == "POST":
            key = request.headers.get("idempotency-key", "")
            work = await begin(request, replace(self.sight, lock=lock_of(actor.person_id, key)))
            request.scope[_KEYED] = await keyed(request, actor, key, work)
        else:
            work = await (look if request.method == "GET" and not recorded else begin)(request, self.sight)
        return Desk(actor, work, service_of(request), request)

    async def brief(self) -> BriefDesk:
        """For an act that two statements can do."""
        return await _brief(self.request, self.actor, self.sight, who_asks=self.actor.person_id)


async def _enter(request: Request, permissions: tuple[Permission, ...], *, lent: bool = False) -> Entrance:
    actor = await signed_in(request)
    if lent:
        actor = actor.for_cases()
    if not actor.may(*permissions):
        raise NotAllowed
    reach = nodes_of(post.place for post in actor.posts if post.reaches)
    organisations = tuple(node.organisation_id for node in reach)
    return Entrance(actor, Sight("staff", actor.person_id, organisations), request)


def staff(*permissions: Permission, recorded: bool = False, lent: bool = False) -> Any:
    """The door of those who hold any of these permissions, to what their posts reach. `recorded`: as of
    `Entrance.desk`; `lent`: posts that others delegated count as well, as they do for applications alone."""

    async def staff_desk(request: Request) -> Desk:
        return await (await _enter(request, permissions, lent=lent)).desk(recorded=recorded)

    STAFF_DOORS[staff_desk] = permissions
    return Depends(staff_desk)


def entrance(*permissions: Permission, lent: bool = False) -> Any:
    """The same door, for a route that chooses its desk by what it is asked for."""

    async def staff_entrance(request: Request) -> Entrance:
        key_of(request)  # whichever desk it will be
        return await _enter(request, permissions, lent=lent)

    STAFF_DOORS[staff_entrance] = permissions
    return Depends(staff_entrance)


STAFF_DOORS: dict[Callable[[Request], Awaitable[Desk | Entrance]], tuple[Permission, ...]] = {}
"""Every staff door with its permissions, for the test that walks the routes."""


def answer(content: Any, status: int = 200, *, version: int | None = None) -> Response:
    """A JSON answer, with the ETag of what it shows."""
    headers = {"ETag": f'"{version}"'} if version is not None else None
    return Response(orjson.dumps(content), status, headers, "application/json")
