"""Forms as browsers send them: bounded, each field once, from our own pages.

There is nothing that a forged form could borrow: no cookie, no session, and a token in a header is not looked at here.
What is left is that a foreign page makes its visitors object in its stead; browsers say where a form stands, and what
stands elsewhere is refused (docs/decisions/0061-pages-without-scripts.md).
"""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from app.http.door import Door
from app.http.strict_json import BodyTooLarge, StrictRequest, UnsupportedMediaType
from app.kernel.errors import Invalid, NotAllowed

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 32 * 1024
MOST_FIELDS: Final = 80
TRAP: Final = "website"
"""A field that no person sees: whoever fills it in is a program."""
_PLAIN: Final = re.compile(rf"\A{MEDIA_TYPE}\s*(?:;|\Z)", re.IGNORECASE)


class FormExpected(UnsupportedMediaType):
    """请在本网站的页面上填写后提交。"""


class ForeignForm(NotAllowed):
    """请在本网站的页面上填写后提交。"""


class FormBroken(Invalid):
    """提交的内容不完整，请返回上一页重新填写。"""


class PageDoor(Door):
    """The door of a page: a form instead of JSON; otherwise as every door."""

    async def _read(self, asked: StrictRequest) -> None:
        if asked.method != "POST":
            return
        body = await asked.read()
        if len(body) > MOST_BYTES:
            raise BodyTooLarge
        if not _PLAIN.match(asked.headers.get("content-type", "")):
            raise FormExpected
        _check_home(asked)


def _check_home(request: Request) -> None:
    """Raises ForeignForm for what was sent from another site's page."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForeignForm
        return
    origin = request.headers.get("origin")
    if origin is not None and _host_of(origin) != request.headers.get("host", ""):
        raise ForeignForm


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


async def fields_of(request: Request, many: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What was filled in, without what was left empty; of `many` there may be several. Raises FormBroken."""
    try:
        text = (await request.body()).decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise FormBroken from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in many:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise FormBroken
        else:
            found[name] = value
    if found.pop(TRAP, "").strip():
        raise FormBroken
    return {name: value for name, value in found.items() if isinstance(value, list) or value.strip()}
