"""The other processes beside the API: they end with it, and it does not go on without them."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from app.cli.database import console

START_SECONDS = 60.0
END_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Companion:
    """An `aid` command that runs beside the API."""

    name: str
    process: subprocess.Popen[bytes]


@contextmanager
def companions(*, with_worker: bool, simulator_port: int | None) -> Iterator[Sequence[Companion]]:
    """Those that were asked for, as long as the block lasts."""
    commands = []
    if simulator_port is not None:
        commands.append(["wechat-sim", "--port", str(simulator_port)])
        console.print(f"[bold]微信模拟器[/] http://127.0.0.1:{simulator_port}")
    if with_worker:
        commands.append(["worker"])
        console.print("[bold]后台任务[/] 已启动")
    started = [Companion(command[0], _begun(command)) for command in commands]
    try:
        if simulator_port is not None:
            _wait_for(simulator_port)
        yield started
    finally:
        for each in started:
            each.process.terminate()
        for each in started:
            try:
                each.process.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                each.process.kill()


def first_that_ended(beside: Sequence[Companion]) -> Companion | None:
    """One that runs no longer, however it came to its end."""
    return next((each for each in beside if each.process.poll() is not None), None)


def _begun(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "app.cli", *command])  # noqa: S603 - our own command


def _wait_for(port: int) -> None:
    """Until something listens there: whoever signs in first should find WeChat."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on port {port}")
