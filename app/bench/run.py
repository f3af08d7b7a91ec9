"""`aid bench`: how fast the hot paths are beside a bare route on the same server, at ten thousand rows and a million.

One API process on one processor; PostgreSQL and the load on another. Everything is on: tokens and sessions, scope and
the second wall, seals, audit, outbox, idempotency, logs. The cases take turns, so that a busy machine is unfair to
all; processor time per request is the figure that other people's work disturbs least.
"""

import asyncio
import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import Progress

from app.bench import bulk
from app.bench.cases import Requests, bare, prepared, public_page
from app.bench.data import waiting
from app.bench.fill import Size, copied, filled, warm
from app.bench.load import drive, ready
from app.bench.policy import evaluations, in_bulk
from app.bench.processes import (
    DATABASE_CORE,
    SERVICE_CORE,
    Served,
    core,
    cpu_seconds,
    family,
    huge_pages,
    pin,
    rss_mib,
    serving,
)
from app.bench.report import Figures, of_rules, remarks, table, told
from app.db import embedded, migrations

FOLDER = migrations.ROOT / ".aid" / "bench"
POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "8GB", "min_wal_size": "3GB"}
"""As on a server that has been running: memory for what is hot, and log files that are used again, not made anew."""
HUGE_MIB = 1_280
"""What such a server takes in huge pages: its buffers, and what it keeps beside them."""
SMALL = 10_000
WARM_SECONDS = 1.0
WRITES_PER_SECOND = 2_000
"""As many drafts and cases are made as could be used at this pace."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often, with how many connections at a time, and with how many cases at once."""

    seconds: float
    clients: int
    rounds: int
    together: int

    @property
    def warm(self) -> float:
        return min(self.seconds, WARM_SECONDS)

    @property
    def writes(self) -> int:
        """How many of each write could be made."""
        return int(WRITES_PER_SECOND * (self.warm + self.seconds * self.rounds))


@dataclass
class Case:
    """One thing that is asked for, of one server. `once`: each request can be made once, and so many are `used`."""

    name: str
    served: Served
    requests: Sequence[bytes]
    once: bool = False
    used: int = 0
    figures: Figures = field(default_factory=Figures)

    def next_requests(self, seconds: float) -> Sequence[bytes]:
        if not self.once:
            return self.requests
        first, self.used = self.used, self.used + int(WRITES_PER_SECOND * seconds)
        return self.requests[first : self.used]


def run(
    *,
    rows: int = 1_000_000,
    seconds: float = 5.0,
    clients: int = 32,
    rounds: int = 3,
    together: int = 1_000,
    folder: Path = FOLDER,
    huge_mib: int = HUGE_MIB,
) -> int:
    """Measure, print a table and one last line of JSON; 1 if any answer was not 2xx, 2 if another run is on, else 0.

    `seconds` of load for each case in each of the `rounds`; `together`: how many cases at once. The databases stay in
    `folder` for the next time. `huge_mib`: so much memory in huge pages for the server, where we may set it aside.
    """
    console, plan = Console(stderr=True), Plan(seconds, clients, rounds, together)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    with (folder / "bench.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"{folder} 里已有一次压测在进行，请等它结束")
            return 2
        with huge_pages(huge_mib):
            server = embedded.start(folder, parameters=POSTGRES, databases=())
            return _alone(server, rows, plan, console)


def _alone(server: embedded.Server, rows: int, plan: Plan, console: Console) -> int:
    try:
        large = filled(server, Size(rows, plan.writes, waiting(plan.writes, bulk.share(plan.together))), console)
        small = filled(server, Size(min(rows, SMALL)), console)
        pin(family(server.pid), DATABASE_CORE)
        rules = _rules(server.dsn(large), console)
        with copied(server, large, console) as work:
            return _compare(server, work, small, plan, console, rules)
    finally:
        embedded.stop(server.folder)


def _rules(dsn: str, console: Console) -> dict[str, Any]:
    """What the rules alone take, on the processor that the database does not have."""
    before = os.sched_getaffinity(0)
    pin([os.getpid()], SERVICE_CORE)
    try:
        with console.status("单次测算"):
            evaluated = evaluations()
        with Progress(console=console) as progress:
            return {"evaluate_us": evaluated} | in_bulk(dsn, progress)
    finally:
        os.sched_setaffinity(0, before)


def _compare(
    server: embedded.Server, large: str, small: str, plan: Plan, console: Console, rules: dict[str, Any]
) -> int:
    pin(family(server.pid), DATABASE_CORE)
    with console.status("准备请求"):
        requests = asyncio.run(prepared(server.dsn(large), plan.writes, plan.together))
        few = asyncio.run(prepared(server.dsn(small), 0, 0))
        huge = asyncio.run(warm(server.dsn(large)))
    with _servers(server, large, small, console) as served:
        service = served["large"].pid
        rest = rss_mib(service)
        cases = _cases(served, requests, few)
        _take_turns(cases, server.pid, plan, console)
        together = bulk.measure(served["large"].port, requests.bulk)
        after = rss_mib(service)
    figures = {case.name: case.figures for case in cases}
    shown = table(figures, plan.clients, together)
    console.print(shown, *remarks(figures, rest, after, huge=huge), *of_rules(rules), sep="\n")
    line = told(figures, rest, after) | {"huge_pages": huge, "bulk": together, "rules": rules}
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    return 1 if any(figure.refused for figure in figures.values()) else 0


@contextmanager
def _servers(server: embedded.Server, large: str, small: str, console: Console) -> Iterator[dict[str, Served]]:
    """The two yardsticks, and the service on each of the databases."""
    with ExitStack() as stack, console.status("启动服务"):
        started = {}
        for name in ("socket", "fastapi"):
            log = server.folder / f"{name}.log"
            started[name] = stack.enter_context(serving(["app.bench.yardstick", name], log))
        for name, database in (("large", large), ("small", small)):
            started[name] = stack.enter_context(
                serving(
                    ["app.cli", "serve", "--port"],
                    server.folder / f"{name}.log",
                    AID_ENV="demo",
                    AID_DATABASE_URL=server.dsn(database),
                )
            )
        yield started


def _cases(served: dict[str, Served], requests: Requests, few: Requests) -> list[Case]:
    return [
        Case("socket", served["socket"], bare()),
        Case("yardstick", served["fastapi"], bare()),
        Case("get", served["large"], requests.get),
        Case("list", served["large"], requests.list),
        Case("list_10k", served["small"], few.list),
        Case("case", served["large"], requests.case),
        Case("page", served["large"], public_page("/policies/hardship_aid")),
        Case("notices", served["large"], public_page("/notices")),
        Case("submit", served["large"], requests.submit, once=True),
        Case("approve", served["large"], requests.approve, once=True),
        Case("approve_last", served["large"], requests.approve_last, once=True),
    ]


def _take_turns(cases: Sequence[Case], postmaster: int, plan: Plan, console: Console) -> None:
    """One case after another, round after round; the first, shorter round warms up."""
    lengths = [plan.warm, *[plan.seconds] * plan.rounds]
    generator = ProcessPoolExecutor(1, get_context("spawn"), initializer=ready, initargs=(core(DATABASE_CORE),))
    with generator, Progress(console=console) as progress:
        task = progress.add_task("压测", total=sum(lengths) * len(cases))
        for n, seconds in enumerate(lengths):
            for case in cases:
                progress.update(task, description=f"第 {n} 轮 {case.name}")
                _burst(generator, case, postmaster, plan.clients, seconds)
                progress.advance(task, seconds)
                if n == 0:
                    case.figures = Figures(refused=case.figures.refused)


def _burst(generator: ProcessPoolExecutor, case: Case, postmaster: int, clients: int, seconds: float) -> None:
    """Load a case for so many seconds, and put down what was seen and what it used."""
    asked = case.next_requests(seconds)
    before = cpu_seconds([case.served.pid]), cpu_seconds(family(postmaster))
    load = generator.submit(drive, case.served.port, asked, clients=clients, seconds=seconds, again=not case.once)
    measured = load.result()
    after = cpu_seconds([case.served.pid]), cpu_seconds(family(postmaster))
    case.figures.add(measured, after[0] - before[0], after[1] - before[1])
