"""Access tokens: the only module that knows python-jose.

The library accepts forged or incomplete tokens when it is used carelessly, so everything it could be
careless about is fixed here: HS256 alone, every claim required, a bounded length before any parsing. It checks the
signature; the claims, which it would read a second time and look at as optional, are checked here.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from jose import jwk, jws, jwt
from jose.backends.base import Key
from jose.exceptions import JOSEError

from app.kernel.errors import Unauthenticated
from app.kernel.ids import new_id

ALGORITHM = "HS256"
ISSUER = "aid"
AUDIENCE = "aid-miniprogram"
ACCESS_LIFE = timedelta(minutes=30)
LEEWAY_SECONDS = 30
MAXIMUM_BYTES = 4096


class TokenRefused(Unauthenticated):
    """登录已失效，请重新登录。"""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says; whether the session still lives is asked elsewhere."""

    person_id: UUID
    session_id: UUID
    expires_at: datetime


def issue(key: str, person_id: UUID, session_id: UUID, now: datetime) -> str:
    """An access token for ACCESS_LIFE from `now`."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(person_id),
        "sid": str(session_id),
        "jti": str(new_id()),
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFE).timestamp()),
    }
    token: str = jwt.encode(claims, key, algorithm=ALGORITHM)
    return token


def read(key: str, token: str, now: datetime) -> Claims:
    """The claims of a genuine token that lives at `now`. Raises TokenRefused for anything else."""
    if len(token) > MAXIMUM_BYTES or not token.isascii():
        raise TokenRefused
    try:
        claims = orjson.loads(jws.verify(token, _key(key), [ALGORITHM]))
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]), _living_until(claims, now))
    except (JOSEError, KeyError, ValueError, TypeError, RecursionError, AttributeError, OverflowError) as refused:
        raise TokenRefused from refused


def _living_until(claims: dict[str, Any], now: datetime) -> datetime:
    """When a token ends that is for this service and has not ended. Raises what a missing or odd claim raises."""
    expires_at = datetime.fromtimestamp(_seconds(claims["exp"]), tz=UTC)
    issued_at = _seconds(claims["iat"])
    ours = claims["iss"] == ISSUER and claims["aud"] == AUDIENCE and isinstance(claims["jti"], str)
    if not ours or issued_at < 0 or expires_at + timedelta(seconds=LEEWAY_SECONDS) <= now:
        raise ValueError
    return expires_at


def _seconds(value: Any) -> int:
    if type(value) is not int:  # a bool is one to isinstance
        raise TypeError
    return value


@cache
def _key(key: str) -> Key:
    """The key made up once: given as text it would be tried as JSON, as a list and as a URL for every token."""
    return jwk.construct(key, ALGORITHM)


def new_refresh_token() -> str:
    """256 random bits; only its hash is kept."""
    return secrets.token_urlsafe(32)


def refresh_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
