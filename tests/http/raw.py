"""The app behind a real uvicorn on loopback, and bytes sent to it exactly as they stand."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from threading import Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from app.http.deadline import DeadlineProtocol


class _Server(uvicorn.Server):
    """Ends when its test ends: signals stay with pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def listening(app: ASGIApp, protocol: type[asyncio.Protocol] = DeadlineProtocol) -> AsyncIterator[int]:
    """The port of an app that has been started already, served as in production and in this very loop."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        config = uvicorn.Config(
            app,
            http=protocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


@contextlib.contextmanager
def in_a_thread(app: ASGIApp) -> Iterator[str]:
    """The base URL of an app that starts, runs and stops in a loop of its own: for clients that are not coroutines."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        config = uvicorn.Config(
            app, http=DeadlineProtocol, lifespan="on", ws="none", log_config=None, access_log=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="api", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def exchange(port: int, pieces: Iterable[bytes], *, due: int = 1, patience: float = 10.0) -> list[Answer]:
    """Send these bytes over one connection, and read until the answers that are due have come.

    Fewer come when the server closes the connection, or is silent for `patience` seconds.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, pieces))
    received = b""
    try:
        async with asyncio.timeout(patience):
            while chunk := await reader.read(65_536):
                received += chunk
                if len(answers(received)) == due:
                    await sending
                    break
    except (TimeoutError, ConnectionError):
        pass
    finally:
        sending.cancel()
        writer.transport.abort()
        await asyncio.gather(sending, return_exceptions=True)
    return answers(received)


async def _send(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


def answers(received: bytes) -> list[Answer]:
    """The whole answers in what came over a connection; all of ours say how long they are."""
    found = []
    while b"\r\n\r\n" in received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", len(rest)))
        if len(rest) < length:
            break
        found.append(Answer(int(first.split(" ")[1]), headers, rest[:length]))
        received = rest[length:]
    return found
