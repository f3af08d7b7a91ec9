"""WeChat as the tests of this folder meet it: the simulator that the app talks to, and the app as WeChat calls it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from app.http.service import Service
from tests.contract import only_recorded


@pytest.fixture
async def callbacks(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Calls as WeChat does: no token, no key, and no contract with the mini-program."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    base_url, hooks = "http://aid.test/api/v1/wechat", {"response": [only_recorded]}
    async with httpx.AsyncClient(transport=transport, base_url=base_url, event_hooks=hooks) as http:
        yield http


@pytest.fixture(autouse=True)
async def leaves_no_token(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """The simulator is often begun anew here; a token that it has forgotten must not be left to other tests."""
    yield
    await owner.execute("delete from wechat_token")


@pytest.fixture
def service(app: FastAPI) -> Service:
    found: Service = app.state.service
    return found


@pytest.fixture(scope="session")
async def address(app: FastAPI) -> AsyncIterator[str]:
    """Where the app really listens, for the simulator to call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server._serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/wechat"
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
