"""What can be sent by the contract, and how an answer to something nasty is judged."""

import httpx

from tests.contract import document
from tests.http.refusals import echoed, refused

DOCUMENT = document()
PREFIX = "/api/v1"
SOMEBODY = "01a2087f-0000-7000-8000-000000000000"


def judge(answer: httpx.Response, value: object, where: str) -> None:
    """Taken or refused, but never broken, and never repeated. Whether the contract names it, the client has asked."""
    assert answer.status_code < 500, (where, repr(value)[:100], answer.text)
    if answer.status_code >= 400:
        refused(answer, answer.status_code)
        assert not echoed(answer, value), (where, repr(value)[:100], answer.text)
