"""The public pages as a browser without scripts calls them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.http.routes import notices as routes
from tests.contract import hold_programs_to_the_contract

READS_HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def site(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """What was made for the test before is not kept, and nobody was here."""
    if hasattr(app.state, "shelf"):
        app.state.shelf.clear()
    routes._turnstile._passed.clear()
    routes._wrong_codes._passed.clear()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    hooks = {"response": [hold_programs_to_the_contract]}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://aid.test", headers=READS_HTML, event_hooks=hooks
    ) as http:
        yield http
