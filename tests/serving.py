"""Apps over real HTTP: the simulator, or the service; a server on loopback, in a thread with a loop of its own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def serving(app: ASGIApp, **settings: Any) -> Iterator[str]:
    """The base URL of a running `app`. Its socket listens already, so no caller comes too early.

    `settings`: of uvicorn, where they are to be others than those of the simulator."""
    given = {"log_config": None, "access_log": False, "lifespan": "off", "timeout_graceful_shutdown": 1} | settings
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, **given))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="served", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
