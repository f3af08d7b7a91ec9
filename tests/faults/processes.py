"""The service as it really runs: a durable PostgreSQL, the API and the worker, each a process that may be killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.db import embedded
from tests.contract import contract, hold_to_the_contract
from tests.make import unique

SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "shared_buffers": "128MB"}
START_SECONDS = 180.0
"""A busy machine starts slowly, and that is no finding: who cannot start ends, and is seen to."""


@dataclass
class Postgres:
    """A server in a folder of its own, with nothing traded for speed."""

    folder: Path
    server: embedded.Server = field(init=False)
    frozen: bool = False

    def start(self) -> None:
        self.server = embedded.start(self.folder, parameters=SAFE)

    def kill(self) -> None:
        """As if the machine's memory had run out: the postmaster is gone, its processes follow."""
        os.kill(self.server.pid, signal.SIGKILL)

    def crash(self, backend: int) -> None:
        """One process of the server dies, and the others with it."""
        os.kill(backend, signal.SIGKILL)

    def freeze(self) -> None:
        """Every process stands still; the kernel still takes connections for them."""
        self.frozen = True
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in reversed(self._processes()):
            os.kill(pid, signal.SIGCONT)
        self.frozen = False

    def _processes(self) -> list[int]:
        """The postmaster first."""
        return [self.server.pid, *children_of(self.server.pid)]

    def stop(self) -> None:
        embedded.stop(self.folder)

    @property
    def dsn(self) -> str:
        return self.server.dsn()

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")


def children_of(pid: int) -> list[int]:
    """As the kernel knows them."""
    return [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent_of(stat) == pid]


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def words_of(pid: int) -> list[str]:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def _parent_of(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # gone meanwhile
        return 0


@dataclass
class Aid:
    """One `aid` command as a process. It is started again on the same port, and its logs go on in the same file."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_file: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AID_")}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *self.command],
                stdout=log, stderr=log, env=inherited | dict(self.environment),
            )  # fmt: skip

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def wait(self, seconds: float = 30.0) -> int:
        assert self.process is not None
        return self.process.wait(timeout=seconds)

    def kill(self) -> None:
        """At once, whatever it was doing."""
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")


@dataclass
class Api(Aid):
    """The API, and the way to it."""

    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **given: Any) -> httpx.AsyncClient:
        # No keep-alive: a connection to a process that has been killed would only hide what is measured.
        limits = httpx.Limits(max_keepalive_connections=0)
        given.setdefault("event_hooks", {"response": [hold_to_the_contract]})
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", limits=limits, trust_env=False, verify=False, timeout=20, **given
        )

    async def until_ready(self) -> float:
        """How many seconds it took until it said that it is ready."""
        contract()  # made here: the first answer would wait for it, and with it whatever is timed
        begun = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=5) as http:
            while time.monotonic() - begun < START_SECONDS:
                assert self.process is None or self.process.poll() is None, self.log[-3000:]
                try:
                    if (await http.get(f"{self.url}/health/ready")).status_code == 200:
                        return time.monotonic() - begun
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"not ready: {self.log[-3000:]}")


def api_of(dsn: str, folder: Path, **settings: str) -> Api:
    """The API as `aid serve` starts it, on a free port."""
    port = free_port()
    return Api(("serve", "--port", str(port)), environment(dsn, **settings), folder / f"api-{port}.log", port=port)


def worker_of(dsn: str, folder: Path, **settings: str) -> Aid:
    """A worker with a log of its own."""
    return Aid(("worker",), environment(dsn, **settings), folder / unique("worker-"))


def environment(dsn: str, **settings: str) -> dict[str, str]:
    return {"AID_ENV": "demo", "AID_DATABASE_URL": dsn, "AID_LOG_LEVEL": "debug", **settings}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
