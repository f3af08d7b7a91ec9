"""The door of acts that need no signing in: whoever is signed in is known, and nobody has to be."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request

from app.db.transaction import Sight
from app.http.door import _KEYED, Desk, begin, service_of, signed_in
from app.http.idempotency import keyed, lock_of
from app.kernel.actor import Actor
from app.kernel.errors import TooMany

NOBODY: Final = UUID(int=0)
"""Whom the database is told of when nobody signed in: no row is theirs but their kept answers."""
WINDOW: Final = timedelta(minutes=1)


async def visitor_desk(request: Request) -> Desk:
    """What an act works with, signed in or not; a token that is given must be good. Raises TokenRefused."""
    actor = Actor(NOBODY, NOBODY)
    if request.headers.get("authorization"):
        actor = await signed_in(request)
    key = request.headers.get("idempotency-key", "")
    work = await begin(request, replace(Sight("public", actor.person_id), lock=lock_of(actor.person_id, key)))
    request.scope[_KEYED] = await keyed(request, actor, key, work)
    return Desk(actor, work, service_of(request), request)


VisitorDesk = Annotated[Desk, Depends(visitor_desk)]


def is_known(desk: Desk) -> bool:
    """Whether somebody signed in."""
    return desk.actor.person_id != NOBODY


class VisitsTooMany(TooMany):
    """现在提交的人太多，请一分钟后再试；也可以登录后提交。"""


@dataclass(slots=True)
class Turnstile:
    """Lets so many through in a minute, in this process: nobody who acts unknown can be told apart from another."""

    most: int
    refusal: type[TooMany] = VisitsTooMany
    _passed: deque[datetime] = field(default_factory=deque)

    def check(self, now: datetime) -> None:
        """Raises the refusal."""
        while self._passed and self._passed[0] <= now - WINDOW:
            self._passed.popleft()
        if len(self._passed) >= self.most:
            raise self.refusal

    def count(self, now: datetime) -> None:
        self._passed.append(now)
