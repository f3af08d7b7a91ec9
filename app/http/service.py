"""What one API process holds. All of it can be rebuilt by any other process: no state lives here alone."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.calendars.queries import KeptCalendar
from app.db.database import Database
from app.db.sealing import Keyring
from app.db.statements import Statement
from app.db.transaction import Record
from app.documents.printing import Press
from app.files.store import FileStore
from app.gateways.wechat.miniprogram import MiniProgram
from app.http.paging import Cursors
from app.kernel.actor import NOBODY, Actor, Apart, Lent, Permission, Place, Post, Role, Tier
from app.kernel.business_time import business_date
from app.people.tokens import LEEWAY_SECONDS, Claims, TokenRefused, read
from app.policies.queries import KeptPolicies
from app.settings import Settings
from app.wechat.accounts import Accounts

Look = Callable[..., Awaitable[Record | None]]
"""How one row is asked for: on a connection of its own or in a transaction."""
ACTOR_SECONDS = 3.0
"""How long a process may believe that a session lives and a post is held (the promise is 5 seconds)."""
CACHE_SIZE = 4_000
ACTOR_OF_SESSION = Statement(
    "select person_id, posts, facts from actor_of_session($1, $2, $3)", ("asked", "at", "today"), {}
)
"""A living session's person and posts in one round trip, and of staff whom they are kept apart from and what they were
lent (alembic/versions: `actor_of_session`, `facts_of_staff`)."""


@dataclass
class Service:
    """The database, the keys, the way to WeChat, the calendar, the policies, the files, and two short-lived caches."""

    settings: Settings
    database: Database
    keyring: Keyring
    cursors: Cursors
    calendar: KeptCalendar
    policies: KeptPolicies
    files: FileStore
    wechat_accounts: Accounts
    press: Press = field(default_factory=Press)
    ready: bool = False
    _claims: dict[str, Claims] = field(default_factory=dict)
    _actors: dict[UUID, tuple[Actor, float]] = field(default_factory=dict)

    @property
    def wechat(self) -> MiniProgram:
        return self.wechat_accounts.miniprogram

    def claims(self, token: str, now: datetime) -> Claims:
        """The claims of a living token; a token already read once is only checked for its age."""
        found = self._claims.get(token)
        if found is None:
            found = read(self.settings.token_key.get_secret_value(), token, now)
            if len(self._claims) >= CACHE_SIZE:
                self._claims.clear()
            self._claims[token] = found
        if found.expires_at + timedelta(seconds=LEEWAY_SECONDS) <= now:
            raise TokenRefused
        return found

    async def actor(self, claims: Claims, now: datetime, look: Look) -> Actor:
        """Who signed in, with the posts held now; `look` asks the database. Raises TokenRefused when the session has
        ended."""
        return self.remembered(claims) or self.introduced(claims, await look(ACTOR_OF_SESSION, **asked(claims, now)))

    def remembered(self, claims: Claims) -> Actor | None:
        """Who signed in, if that was seen a moment ago."""
        cached = self._actors.get(claims.session_id)
        return cached[0] if cached is not None and cached[1] > time.monotonic() else None

    def introduced(self, claims: Claims, found: Record | None) -> Actor:
        """Who the database says signed in. Raises TokenRefused when the session has ended."""
        if found is None or found["person_id"] != claims.person_id:
            self.forget(claims.session_id)
            raise TokenRefused
        held = tuple(Post(Role(post["role"]), _place(post)) for post in found["posts"])
        facts = found["facts"] or {}
        lent = tuple(_lent(post) for post in facts.get("lent", ()))
        actor = Actor(claims.person_id, claims.session_id, held, lent, _apart(facts))
        if len(self._actors) >= CACHE_SIZE:
            self._actors.clear()
        self._actors[claims.session_id] = (actor, time.monotonic() + ACTOR_SECONDS)
        return actor

    def forget(self, session_id: UUID) -> None:
        """Stop believing in a session at once, in this process."""
        self._actors.pop(session_id, None)


def asked(claims: Claims, now: datetime) -> dict[str, Any]:
    """What `actor_of_session` is asked with."""
    return {"asked": claims.session_id, "at": now, "today": business_date(now)}


def _place(post: Mapping[str, str]) -> Place:
    return Place(UUID(post["id"]), post["code"], post["name"], post["level"], Tier(post["tier"]))


def _lent(post: Mapping[str, Any]) -> Post:
    lent = Lent(
        UUID(post["delegation"]),
        UUID(post["by"]),
        post["said"],
        frozenset(post["kinds"]),
        frozenset(Permission(each) for each in post["permissions"]),
        _apart(post["apart"]),
    )
    return Post(Role(post["role"]), _place(post), lent)


def _apart(facts: Mapping[str, Any]) -> Apart:
    """Whom somebody is kept apart from, by the database."""
    found = [frozenset(map(UUID, facts.get(name, ()))) for name in ("near", "homes", "away", "lifted")]
    return Apart(*found) if any(found) else NOBODY


def clock() -> datetime:
    """The one place where the API reads the clock."""
    return datetime.now(UTC)
