"""A published list as a page of its own: no script, nothing from elsewhere, gone when the list is over."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request, Response

from app.http.pages.shell import render, respond
from app.notices.printed import TITLES, columns, day_and_time, how_to_object, line

HTML: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "网页", "content": {"text/html": {"schema": {"type": "string"}}}}
}
"""What a route answers that shows a page, for the contract."""


def page(request: Request, batch: Mapping[str, Any]) -> Response:
    """The page of what `views.notices.batch` shows."""
    shown = columns(batch["kind"])
    html = render(
        "batch.html",
        "/notices",
        title=TITLES[batch["kind"]],
        columns=shown,
        rows=[[line(each)[column.pointer[1:]] for column in shown] for each in batch["lines"]],
        batch=batch,
        published=day_and_time(batch["published_at"]),
        how=how_to_object(batch),
    )
    return respond(request, html)
