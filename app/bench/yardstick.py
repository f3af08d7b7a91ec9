"""What is measured against: a bare FastAPI route under the server settings of `aid serve`, and a bare socket.

`python -m app.bench.yardstick fastapi|socket PORT`
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from app.http.server import SERVER

_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 15\r\ncontent-type: application/json\r\n\r\n{"status":"ok"}'


def create_app() -> FastAPI:
    """One route and nothing else; its collector is frozen as the service's is."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    return app


def serve_fastapi(port: int) -> None:
    uvicorn.run(create_app, factory=True, host="127.0.0.1", port=port, **SERVER)


class _Echo(asyncio.Protocol):
    """Answers each packet at once: how fast it is asked shows how fast the generator can ask."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        self._transport.write(_ANSWER)


async def serve_socket(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "fastapi":
        serve_fastapi(port)
    else:
        uvloop.run(serve_socket(port))
