"""The two issuers of access tokens, isolated from each other (获取接口调用凭据; 获取稳定版接口调用凭据)."""

import math
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from app.simulator.answers import Refused

LIFE_S: Final = 7200
OVERLAP_S: Final = 300
"""The old token lives this long beside the new one, and stable_token renews this long before the end."""
FORCE_GAP_S: Final = 30
FORCES_A_DAY: Final = 20

_SHAPE = re.compile(r"\d{2,3}_[\w-]{100,}", re.ASCII)
_DAY_S = 86_400
_SHANGHAI_OFFSET_S = 8 * 3600


@dataclass(slots=True)
class Token:
    """`expires_at` and `revoked_at` are unix seconds; the first that has come decides the errcode."""

    text: str
    appid: str
    expires_at: float
    revoked_at: float = math.inf

    def lives(self, now: float) -> bool:
        return now < min(self.expires_at, self.revoked_at)


@dataclass(slots=True)
class Tokens:
    issued: dict[str, Token] = field(default_factory=dict)
    classic: dict[str, Token] = field(default_factory=dict)
    stable: dict[str, Token] = field(default_factory=dict)
    forced_at: dict[str, list[float]] = field(default_factory=dict)


def issue_classic(tokens: Tokens, appid: str, now: float) -> Token:
    """`/cgi-bin/token`: a new token at each call; the former one dies five minutes later at most."""
    former = tokens.classic.get(appid)
    if former is not None:
        former.revoked_at = min(former.revoked_at, now + OVERLAP_S)
    tokens.classic[appid] = _new(tokens, appid, now)
    return tokens.classic[appid]


def issue_stable(tokens: Tokens, appid: str, now: float, *, force: bool) -> Token:
    """`/cgi-bin/stable_token`: the same token until five minutes before its end, unless forced.

    A force kills the former token at once; beyond 20 a day (Shanghai) or within 30 s it is not obeyed.
    """
    current = tokens.stable.get(appid)
    if force and _may_force(tokens, appid, now):
        tokens.forced_at.setdefault(appid, []).append(now)
        if current is not None:
            current.revoked_at = min(current.revoked_at, now)
    if current is None or not current.lives(now) or current.expires_at - now <= OVERLAP_S:
        current = tokens.stable[appid] = _new(tokens, appid, now)
    return current


def holder(tokens: Tokens, text: str, now: float) -> str:
    """The appid a token speaks for.

    Raises Refused: 41001 if missing, 40014 if malformed, 40001 if unknown or no longer the latest, 42001 if expired.
    """
    if not text:
        raise Refused(41001)
    token = tokens.issued.get(text)
    if token is None:
        raise Refused(40001 if _SHAPE.fullmatch(text) else 40014)
    if token.lives(now):
        return token.appid
    raise Refused(40001 if token.revoked_at <= token.expires_at else 42001)


def _may_force(tokens: Tokens, appid: str, now: float) -> bool:
    forced_at = tokens.forced_at.get(appid, [])
    today = [at for at in forced_at if _day(at) == _day(now)]
    return len(today) < FORCES_A_DAY and (not forced_at or now - forced_at[-1] >= FORCE_GAP_S)


def _day(at: float) -> int:
    return int((at + _SHANGHAI_OFFSET_S) // _DAY_S)


def _new(tokens: Tokens, appid: str, now: float) -> Token:
    token = Token(f"94_{secrets.token_urlsafe(100)}", appid, now + LIFE_S)
    tokens.issued[token.text] = token
    return token
