"""Codes that wx.login and the phone button would give: who they stand for, five minutes, once.

`sim:<name>` signs in the person of that name and `simphone:<11 digits>` gives that number; an optional `#<n>` makes
another code for the same. These need no minting and never expire; minted codes look real and do.
"""

import base64
import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field
from typing import Final

from app.simulator.answers import Refused

CODE_LIFE_S: Final = 300
"""Both kinds of code live five minutes and serve once (小程序登录; 手机号快速验证组件)."""

_SIGN_IN = re.compile(r"sim:([^#]{1,64})(?:#[\w-]{1,64})?", re.ASCII)
_PHONE = re.compile(r"simphone:(\d{11})(?:#[\w-]{1,64})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Person:
    name: str


@dataclass(frozen=True, slots=True)
class Phone:
    number: str
    country_code: str = "86"


@dataclass(frozen=True, slots=True)
class Minted:
    stands_for: Person | Phone
    expires_at: float


@dataclass(slots=True)
class Codes:
    minted: dict[str, Minted] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


def openid(appid: str, name: str) -> str:
    """28 characters from `o`, always the same for a name at one app, another at each other app."""
    return _identifier(f"openid {appid} {name}")


def unionid(name: str) -> str:
    """28 characters from `o`, the same for a name at all apps."""
    return _identifier(f"unionid {name}")


def mint(codes: Codes, stands_for: Person | Phone, now: float) -> str:
    """A random code of the live shape (32 letters and digits to sign in, 64 hex digits for a phone)."""
    if isinstance(stands_for, Phone):
        code = secrets.token_hex(32)
    else:
        code = "0" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(31))
    codes.minted[code] = Minted(stands_for, now + CODE_LIFE_S)
    return code


def redeem_sign_in(codes: Codes, code: str, now: float) -> Person:
    """Who the code stands for; from now on it is used.

    Raises Refused: 40029 if unknown, expired or a phone code, 40163 if used.
    """
    person = _meaning(codes, code, now)
    if not isinstance(person, Person):
        raise Refused(40029)
    if code in codes.used:
        raise Refused(40163)
    codes.used.add(code)
    return person


def redeem_phone(codes: Codes, code: str, now: float) -> Phone:
    """The number the code stands for; from now on it is used.

    Raises Refused: 40029 if unknown, expired, used or a sign-in code.
    """
    phone = _meaning(codes, code, now)
    if not isinstance(phone, Phone) or code in codes.used:
        raise Refused(40029)
    codes.used.add(code)
    return phone


def _meaning(codes: Codes, code: str, now: float) -> Person | Phone | None:
    minted = codes.minted.get(code)
    if minted is not None:
        return minted.stands_for if now < minted.expires_at else None
    if found := _SIGN_IN.fullmatch(code):
        return Person(found[1])
    if found := _PHONE.fullmatch(code):
        return Phone(found[1])
    return None


def _identifier(of: str) -> str:
    digest = hashlib.sha256(of.encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]
