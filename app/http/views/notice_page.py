"""A published list as a page of its own: no script, nothing from elsewhere, gone when the list is over."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from fastapi import Response

from app.notices.printed import TITLES, columns, day_and_time, how_to_object, line

_STYLE: Final = (
    "body{font:16px/1.6 sans-serif;max-width:60rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.3rem}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;overflow-wrap:anywhere}"
    "code{overflow-wrap:anywhere}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, noarchive",
    "Cache-Control": "no-store",
}
"""No search engine and no cache keeps what is to be taken down."""
HTML: dict[int | str, dict[str, Any]] = {
    200: {"description": "网页", "content": {"text/html": {"schema": {"type": "string"}}}}
}
"""What a route answers that shows a page, for the contract."""


def page(batch: Mapping[str, Any]) -> Response:
    """The page of what `views.notices.batch` shows."""
    shown = columns(batch["kind"])
    head = "".join(f'<th scope="col">{escape(column.label)}</th>' for column in shown)
    rows = "".join(_row(line(each), [column.pointer[1:] for column in shown]) for each in batch["lines"])
    title = escape(TITLES[batch["kind"]])
    body = (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>公示单位：{escape(batch['organisation'])}　发布："
        f"{escape(day_and_time(batch['published_at']))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>{escape(how_to_object(batch))}</p><p>名单校验码（SHA-256）：<code>{escape(batch['sha256'])}</code></p>"
        "</body></html>"
    )
    return Response(body, 200, dict(HEADERS), "text/html")


def _row(said: Mapping[str, str], names: list[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(said[name])}</td>" for name in names) + "</tr>"
