"""What one API process holds. All of it can be rebuilt by any other process: no state lives here alone."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.calendars.queries import KeptCalendar
from app.db.sealing import Keyring
from app.db.transaction import Database, Sight
from app.gateways.wechat import MiniProgram
from app.http.paging import Cursors
from app.kernel.actor import Actor
from app.kernel.business_time import business_date
from app.organisations.queries import posts
from app.people.queries import living_session
from app.people.tokens import LEEWAY_SECONDS, Claims, TokenRefused, read
from app.settings import Settings

ACTOR_SECONDS = 3.0
"""How long a process may believe that a session lives and a post is held (the promise is 5 seconds)."""
CACHE_SIZE = 20_000


@dataclass
class Service:
    """The database, the keys, the way to WeChat, the calendar, and two short-lived caches."""

    settings: Settings
    database: Database
    keyring: Keyring
    wechat: MiniProgram
    cursors: Cursors
    calendar: KeptCalendar
    ready: bool = False
    _claims: dict[str, Claims] = field(default_factory=dict)
    _actors: dict[UUID, tuple[Actor, float]] = field(default_factory=dict)

    def claims(self, token: str, now: datetime) -> Claims:
        """The claims of a living token; a token already read once is only checked for its age."""
        found = self._claims.get(token)
        if found is None:
            found = read(self.settings.token_key.get_secret_value(), token)
            if len(self._claims) >= CACHE_SIZE:
                self._claims.clear()
            self._claims[token] = found
        if found.expires_at + timedelta(seconds=LEEWAY_SECONDS) <= now:
            raise TokenRefused
        return found

    async def actor(self, claims: Claims, now: datetime) -> Actor:
        """Who signed in, with the posts held now. Raises TokenRefused when the session has ended."""
        cached = self._actors.get(claims.session_id)
        if cached is not None and cached[1] > time.monotonic():
            return cached[0]
        async with self.database.begin(Sight("sign_in")) as transaction:
            person_id = await living_session(transaction, claims.session_id, now)
            if person_id is None or person_id != claims.person_id:
                self.forget(claims.session_id)
                raise TokenRefused
            held = await posts(transaction, person_id, business_date(now))
        actor = Actor(person_id, claims.session_id, held)
        if len(self._actors) >= CACHE_SIZE:
            self._actors.clear()
        self._actors[claims.session_id] = (actor, time.monotonic() + ACTOR_SECONDS)
        return actor

    def forget(self, session_id: UUID) -> None:
        """Stop believing in a session at once, in this process."""
        self._actors.pop(session_id, None)


def clock() -> datetime:
    """The one place where the API reads the clock."""
    return datetime.now(UTC)
