"""What all public pages have in common: one shell, one stylesheet, no script, and headers that forbid everything else.

A page is HTML made by the server, for whoever has an old telephone, a slow line or tired eyes. It refers to nothing on
other hosts, sets no cookie and asks nobody who they are.
"""

import gzip
import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.types import Scope

from app.kernel.business_time import SHANGHAI
from app.kernel.money import yuan
from app.policy.wording import day_text, percent_text

FOLDER: Final = Path(__file__).parents[1] / "templates"
API: Final = ("/api/", "/health/", "/metrics")
"""Where programs call; everywhere else whoever reads HTML is answered with HTML."""
NAMES: Final = {"style": ("style.css", "text/css"), "icon": ("icon.svg", "image/svg+xml")}
SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms, and foreign ones could not be told.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Vary": "Accept-Encoding",
}
TRANSIENT: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, noarchive"}
"""No search engine and no cache keeps what is to be taken down, or what is shown once."""
WORTH_PACKING: Final = 800
MENU: Final = (
    ("/", "首页"),
    ("/notices", "公示"),
    ("/policies", "政策"),
    ("/screening", "我能得到什么"),
    ("/progress", "进展"),
    ("/articles", "文章"),
)


def wants_page(scope: Scope) -> bool:
    """Whether whoever asks reads HTML, and not where programs call."""
    if scope["path"].startswith(API):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


@cache
def asset(name: str) -> tuple[bytes, str, str]:
    """Content, media type and address of the stylesheet or the icon: the address changes with the content."""
    file, media_type = NAMES[name]
    content = (FOLDER / file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return content, media_type, f"/assets/{digest}/{file}"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"yuan": yuan, "day": _day, "moment": _moment, "percent": percent_text}
    made.globals |= {"style": asset("style")[2], "icon": asset("icon")[2], "menu": MENU}
    return made


def _day(value: date | str) -> str:
    return day_text(date.fromisoformat(value[:10]) if isinstance(value, str) else value)


def _moment(value: datetime | str) -> str:
    at = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(SHANGHAI)
    return f"{day_text(at.date())}{at.hour}时{at.minute:02d}分"


def render(template: str, path: str, **shown: Any) -> str:
    """The whole page; `path`: where it stands in the menu."""
    return environment().get_template(template).render(path=path, **shown)


def respond(request: Request, html: str, status: int = 200, headers: Mapping[str, str] = TRANSIENT) -> Response:
    """A page that nobody keeps, unless other headers say so; packed where that is worth it."""
    body, sent = html.encode(), {**SECURITY, **headers}
    if len(body) > WORTH_PACKING and packs(request):
        body, sent["Content-Encoding"] = packed(body), "gzip"
    return Response(body, status, sent, "text/html; charset=utf-8")


def packed(body: bytes) -> bytes:
    return gzip.compress(body, 5, mtime=0)


def packs(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def refusal_page(request_id: str, status: int, title: str, detail: str) -> Response:
    """A refusal for people: what happened, what they can do, and the number to name when they ask."""
    html = render("problem.html", "", status=status, title=title, detail=detail, request_id=request_id)
    return Response(html.encode(), status, {**SECURITY, **TRANSIENT}, "text/html; charset=utf-8")
