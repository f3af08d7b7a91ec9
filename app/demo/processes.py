"""Starting the service as it really runs: PostgreSQL, the WeChat simulator, the API and the worker."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.db import embedded

START_SECONDS = 60.0
STOP_SECONDS = 20.0
NOTICE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Running:
    """The service of a demonstration."""

    api: str
    simulator: str
    world: dict[str, Any]
    """What `aid seed --demo` printed."""
    logs: Path
    environment: Mapping[str, str]

    def command(self, *words: str) -> tuple[int, str]:
        """An `aid` command beside the running service: its exit code, and the last line of what it printed."""
        with (self.logs / "commands.log").open("ab") as log:
            done = subprocess.run(  # noqa: S603 - our own command
                _aid(list(words)), env=dict(self.environment), stdout=subprocess.PIPE, stderr=log, text=True
            )
        return done.returncode, (done.stdout.splitlines() or [""])[-1]


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """A fresh service in `folder`, stopped again at the end with everything it started."""
    if folder.exists():
        embedded.stop(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    api_port, simulator_port = _free_ports(2)
    with ExitStack() as stack:
        server = embedded.start(folder)
        stack.callback(embedded.stop, folder)
        environment = os.environ | {
            "AID_ENV": "demo",
            "AID_DATABASE_URL": server.dsn(),
            "AID_WECHAT_BASE_URL": f"http://127.0.0.1:{simulator_port}",
            "AID_PUBLIC_NOTICE_SECONDS": str(NOTICE_SECONDS),
        }
        world = json.loads(_run(["seed", "--demo"], environment))
        for name, command in {
            "wechat-sim": ["wechat-sim", "--port", str(simulator_port)],
            "api": ["serve", "--port", str(api_port)],
            "worker": ["worker"],
        }.items():
            stack.enter_context(_process(name, command, environment, folder))
        api = f"http://127.0.0.1:{api_port}"
        _wait_until_ready(f"{api}/health/ready")
        _wait_until_ready(f"http://127.0.0.1:{simulator_port}/_sim/calls")
        yield Running(api, f"http://127.0.0.1:{simulator_port}", world, folder, environment)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _aid(command: list[str]) -> list[str]:
    return [sys.executable, "-m", "app.cli", *command]


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(_aid(command), env=environment, stdout=subprocess.PIPE, check=True, text=True)  # noqa: S603 - our own command
    return done.stdout


@contextmanager
def _process(name: str, command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(_aid(command), env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own command
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(url: str) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"not ready after {START_SECONDS:.0f} s: {url}")
