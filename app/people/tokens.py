"""Access tokens: the only module that knows python-jose.

The library accepts forged or incomplete tokens when it is used carelessly, so everything it could be
careless about is fixed here: HS256 alone, every claim required, a bounded length before any parsing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

from jose import JWTError, jwk, jwt
from jose.backends.base import Key

from app.kernel.errors import Unauthenticated
from app.kernel.ids import new_id

ALGORITHM = "HS256"
ISSUER = "aid"
AUDIENCE = "aid-miniprogram"
ACCESS_LIFE = timedelta(minutes=30)
LEEWAY_SECONDS = 30
MAXIMUM_BYTES = 4096
_REQUIRED = {f"require_{claim}": True for claim in ("aud", "iat", "exp", "iss", "sub", "jti")}


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


def read(key: str, token: str) -> Claims:
    """The claims of a genuine, living token. Raises TokenRefused for anything else."""
    if len(token) > MAXIMUM_BYTES or not token.isascii():
        raise TokenRefused
    options = {**_REQUIRED, "leeway": LEEWAY_SECONDS}
    try:
        claims = jwt.decode(token, _key(key), algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options=options)
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]), datetime.fromtimestamp(float(claims["exp"]), tz=UTC))
    except (JWTError, KeyError, ValueError, TypeError, RecursionError, AttributeError) as refused:
        raise TokenRefused from refused


@cache
def _key(key: str) -> Key:
    """The key made up once: given as text it would be tried as JSON, as a list and as a URL for every token."""
    return jwk.construct(key, ALGORITHM)


def new_refresh_token() -> str:
    """256 random bits; only its hash is kept."""
    return secrets.token_urlsafe(32)


def refresh_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
