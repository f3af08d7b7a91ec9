"""The public lists as whoever reads them to their end."""

import re
from html import unescape

import httpx


async def every_page(site: httpx.AsyncClient, path: str) -> str:
    """All pages of a list, following the link to what is older."""
    said, at = "", path
    while True:
        page = await site.get(at)
        assert page.status_code == 200, page.text
        said += page.text
        following = re.search(rf'href="({re.escape(path)}\?cursor=[^"]+)"', page.text)
        if following is None:
            return said
        assert unescape(following[1]) != at, "a list that never ends"
        at = unescape(following[1])
