"""Access tokens: what is not exactly one of ours, and living, lets nobody in."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from jose import jws, jwt

from app.kernel.ids import new_id
from app.people.tokens import ACCESS_LIFE, AUDIENCE, ISSUER, LEEWAY_SECONDS, MAXIMUM_BYTES, TokenRefused, issue, read
from tests.http.refusals import refused

KEY: Final = "k" * 48
PERSON, SESSION = new_id(), new_id()
AT: Final = datetime(2026, 5, 1, 9, tzinfo=UTC)
NOW: Final = int(AT.timestamp())
CLAIMS: Final[dict[str, Any]] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": str(PERSON),
    "sid": str(SESSION),
    "jti": str(new_id()),
    "iat": NOW,
    "exp": NOW + 600,
}


def signed(claims: Any = CLAIMS, key: str = KEY, algorithm: str = "HS256") -> str:
    token: str = jwt.encode(claims, key, algorithm=algorithm)
    return token


def without(claim: str) -> str:
    return signed({name: value for name, value in CLAIMS.items() if name != claim})


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(algorithm: str) -> str:
    head = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
    return f"{coded(head)}.{coded(json.dumps(CLAIMS).encode())}."


def with_head(**head: Any) -> str:
    """Our claims and our signature, under another header."""
    _, claims, signature = signed().split(".")
    return f"{coded(json.dumps(head).encode())}.{claims}.{signature}"


def of_payload(payload: bytes) -> str:
    """Anything, with a genuine signature."""
    token: str = jws.sign(payload, KEY, algorithm="HS256")
    return token


REFUSED: Final[dict[str, str]] = {
    "nothing": "",
    "no token": "abc",
    "two parts": signed().rpartition(".")[0],
    "four parts": signed() + ".e30",
    "another key": signed(key="x" * 48),
    "another algorithm": signed(algorithm="HS512"),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg HS256, no signature": unsigned("HS256"),
    "header says none": with_head(alg="none"),
    "header says nothing": with_head(typ="JWT"),
    "header is a list": coded(b"[]") + signed()[signed().index(".") :],
    "header is deep": coded(b"[" * 1500) + signed()[signed().index(".") :],
    "claims changed": ".".join([signed().split(".")[0], coded(b"{}"), signed().split(".")[2]]),
    "signature cut": signed()[:-2],
    "claims no JSON": of_payload(b"no"),
    "claims a list": of_payload(b"[]"),
    "claims null": of_payload(b"null"),
    "claims not UTF-8": of_payload(b'{"sub":"\xff"}'),
    "claims deep": of_payload(b'{"sub":' + b"[" * 1000 + b"]" * 1000 + b"}"),
    "not ASCII": signed() + "字",
    "too long": "a" * (MAXIMUM_BYTES + 1),
    "ended": signed(CLAIMS | {"exp": NOW - LEEWAY_SECONDS - 5}),
    "exp endless": of_payload(json.dumps(CLAIMS | {"exp": 10**30}).encode()),
    "aud a list": signed(CLAIMS | {"aud": [AUDIENCE]}),
    **{f"without {claim}": without(claim) for claim in CLAIMS},
    **{
        f"{claim} {value!r}": of_payload(json.dumps(CLAIMS | {claim: value}).encode())
        for claim in CLAIMS
        for value in (None, True, "", "x", -1, 1.5, [], {})
        if claim != "jti" or not isinstance(value, str)  # any text is one
    },
}


def test_a_genuine_token_is_read() -> None:
    claims = read(KEY, signed(), AT)
    assert (claims.person_id, claims.session_id) == (PERSON, SESSION)
    assert claims.expires_at == datetime.fromtimestamp(NOW + 600, tz=UTC)


def test_what_is_issued_can_be_read_for_its_life_and_a_little_longer_because_clocks_differ() -> None:
    token, ends = issue(KEY, PERSON, SESSION, AT), AT + ACCESS_LIFE + timedelta(seconds=LEEWAY_SECONDS)
    assert read(KEY, token, AT).session_id == SESSION
    assert read(KEY, token, ends - timedelta(seconds=1)).session_id == SESSION
    with pytest.raises(TokenRefused):
        read(KEY, token, ends)


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_refused(what: str) -> None:
    with pytest.raises(TokenRefused):
        read(KEY, REFUSED[what], AT)


@pytest.mark.parametrize("what", ["another key", "alg none", "claims deep", "two parts"])
async def test_over_http_it_is_a_401_in_words(client: httpx.AsyncClient, what: str) -> None:
    refused(await client.get("/me", headers={"Authorization": f"Bearer {REFUSED[what]}"}), 401, "token_refused")
