"""The processes of a run, on which processor each runs, and what each has used. Linux's /proc is what is read."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SERVICE_CORE, DATABASE_CORE = 0, 1
START_SECONDS = 60.0
_TICK = os.sysconf("SC_CLK_TCK")
_HUGE_PAGES = Path("/proc/sys/vm/nr_hugepages")


@dataclass(frozen=True, slots=True)
class Served:
    """A server that listens."""

    port: int
    pid: int


@contextmanager
def serving(command: Sequence[str], log: Path, **environment: str) -> Iterator[Served]:
    """Run `python -m <command> <port>` on the service's processor until the block ends; what it says goes to `log`.

    Raises RuntimeError when it does not listen in time.
    """
    port = _free_port()
    # Nothing of ours may change what is measured: the settings are the defaults and these.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AID_")}
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", *command, str(port)], stdout=out, stderr=out, env=inherited | environment
        )
    try:
        pin([process.pid], SERVICE_CORE)
        _wait_for(port, process, log)
        yield Served(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"not listening: {log.read_text(errors='replace')[-2000:]}")


def core(wanted: int) -> int | None:
    """The processor of this number, None where there is no choice."""
    return wanted if wanted in os.sched_getaffinity(0) and os.cpu_count() != 1 else None


def pin(pids: Sequence[int], wanted: int) -> None:
    """Keep these processes on a processor, where there is a choice; one that has just ended needs none."""
    for pid in pids if core(wanted) is not None else ():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, {wanted})


@contextmanager
def huge_pages(mib: int) -> Iterator[None]:
    """Memory in pages of 2 MiB for a server to take while the block lasts, as docs/operations.md tells an operator to.

    Where we may not set it aside the server does without. 0: nothing is set aside.
    """
    before = _set_aside(None)
    try:
        if mib:
            _set_aside(before + mib // 2)
        yield
    finally:
        if mib:
            _set_aside(before)


def _set_aside(pages: int | None) -> int:
    """How many huge pages the machine holds; after as many were asked for, if it is not None."""
    try:
        if pages is not None:
            _HUGE_PAGES.write_text(str(pages))
        return int(_HUGE_PAGES.read_text())
    except OSError:
        return 0


def family(parent: int) -> list[int]:
    """A process and its children: the processes of a database server."""
    children = [int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == parent]
    return [parent, *children]


def _fields(stat: Path) -> list[str]:
    """Those of /proc/<pid>/stat after the command's name; none when the process has just gone."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(stat: Path) -> int | None:
    fields = _fields(stat)
    return int(fields[1]) if fields else None


def cpu_seconds(pids: Sequence[int]) -> float:
    """What these processes have used of the processors, kernel time included."""
    used = (_fields(Path(f"/proc/{pid}/stat")) for pid in pids)
    return sum(int(fields[11]) + int(fields[12]) for fields in used if fields) / _TICK


def rss_mib(pid: int) -> float:
    """The memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
