"""The simulator over real HTTP: a server on loopback, in a thread with a loop of its own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The base URL of a running `app`. Its socket listens already, so no caller comes too early."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        quietly = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(quietly)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="wechat-simulator", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
