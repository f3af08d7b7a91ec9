"""`aid bench-messages`: how fast one worker sends subscribe messages, and reads a list of a million followers.

The worker has one processor; the simulator and PostgreSQL share the other. What it is held against, a bare loop of
httpx and one of aiohttp over the same calls, runs in the same place before, between and after the rounds in which the
worker sends, so that whatever else the machine does strikes both. Everything is on: claims, the ledger of
subscriptions, seals, states.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
import httpx
import orjson
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from app.bench import bare_messages
from app.bench.fill import KEYRING, make_anew
from app.bench.people import Rows, first_rows, unions
from app.bench.processes import DATABASE_CORE, SERVICE_CORE, Served, cpu_seconds, family, pin, rss_mib, serving
from app.db import embedded, migrations
from app.gateways.wechat.subscribing import SEND
from app.jobs.wechat.sending import LANES, TOGETHER
from app.kernel.actor import Tier
from app.kernel.ids import new_id
from app.people.consents import Purpose, consent_texts
from app.seed.reference import write_reference
from app.settings import DEMO_WECHAT_APPID, DEMO_WECHAT_OFFICIAL_APPID
from app.simulator.codes import openid, unionid

FOLDER: Final = migrations.ROOT / ".aid" / "bench-messages"
DATABASE: Final = "messages"
EACH: Final = 4
"""Messages to a person, and subscriptions that they gave."""
ROUNDS: Final = 5
LIBRARIES: Final = ("httpx", "aiohttp")
BARE: Final = 600
"""Calls of a bare loop."""
WARM_S: Final = 3.0
SAID_EVERY_S: Final = 10.0
LONGEST_S: Final = 540.0
"""All of it; more is a failure, and is told nevertheless."""
GIVEN_UP_AFTER_S: Final = 900.0
"""One part of it."""
_FAR: Final = timedelta(days=3650)


def run(*, messages: int = 100_000, followers: int = 0, folder: Path = FOLDER) -> int:
    """Measure and print a line of JSON; 1 if a message was lost or went twice, or it took too long, else 0."""
    console, began = Console(stderr=True), time.monotonic()
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    server = embedded.start(folder, databases=())
    try:
        with console.status(f"写入 {messages:,} 条消息"):
            people = max(messages // EACH, 1)
            asyncio.run(make_anew(server, DATABASE))
            migrations.upgrade(server.dsn(DATABASE))
            asyncio.run(write_reference(server.dsn(DATABASE), datetime.now(UTC)))
            asyncio.run(fill(server.dsn(DATABASE), people, messages))
        pin(family(server.pid), DATABASE_CORE)
        told = _measure(server, messages, people, followers, console)
    finally:
        embedded.stop(folder)
    told["whole_s"] = round(time.monotonic() - began, 1)
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    return 0 if told["exactly_once"] and told["whole_s"] <= LONGEST_S else 1


def _measure(server: embedded.Server, messages: int, people: int, followers: int, console: Console) -> dict[str, Any]:
    simulator_log = server.folder / "simulator.log"
    with serving(["app.cli", "wechat-sim", "--port"], simulator_log, AID_ENV="demo") as simulator:
        pin([simulator.pid], DATABASE_CORE)
        with console.status("准备微信模拟器"):
            each = len(LIBRARIES) * (ROUNDS + 1)
            _crowd(simulator, prefix=bare_messages.PREFIX, count=BARE, templates={"sim-progress": each})
            _crowd(simulator, prefix="w", count=people, templates={"sim-progress": EACH})
        with _worker(server, simulator) as worker:
            told = asyncio.run(_sending(server, simulator, worker, messages, console))
            console.print(told)
            if followers:
                with console.status(f"准备 {followers:,} 个关注者"):
                    _crowd(simulator, appid=DEMO_WECHAT_OFFICIAL_APPID, prefix="w", count=followers, follows=True)
                told["followers"] = asyncio.run(_reading(server, simulator, worker, followers, console))
    return told


def _bare(simulator: Served, console: Console) -> dict[str, dict[str, float]]:
    """The same calls by each library alone, where the worker runs, which rests meanwhile."""
    asked = (str(simulator.port), str(BARE), str(TOGETHER * LANES), *LIBRARIES)
    command = [sys.executable, "-m", "app.bench.bare_messages", *asked]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - our own command
    pin([process.pid], SERVICE_CORE)
    line, _ = process.communicate(timeout=GIVEN_UP_AFTER_S)
    found: dict[str, dict[str, float]] = orjson.loads(line)
    for by, told in found.items():
        console.print(f"{by} 循环：每秒 {told['rps']:,.0f} 次")
    return found


@contextmanager
def _worker(server: embedded.Server, simulator: Served) -> Iterator[int]:
    """A worker process on a processor of its own, at rest."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AID_")}
    own = {
        "AID_ENV": "demo",
        "AID_DATABASE_URL": server.dsn(DATABASE),
        "AID_WECHAT_BASE_URL": f"http://127.0.0.1:{simulator.port}",
    }
    with (server.folder / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "app.cli", "worker"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=inherited | own)  # noqa: S603 - our own command
    try:
        pin([process.pid], SERVICE_CORE)
        give_up = time.monotonic() + GIVEN_UP_AFTER_S
        while b"worker_started" not in (server.folder / "worker.log").read_bytes() and time.monotonic() < give_up:
            time.sleep(0.2)
        time.sleep(WARM_S)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


@dataclass(slots=True)
class Sent:
    """What the rounds said: messages in a second, and those of the loops before and after each."""

    rps: list[float] = field(default_factory=list)
    bare: list[dict[str, dict[str, float]]] = field(default_factory=list)
    used: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    peak_mib: float = 0.0

    def ratios(self, by: str) -> list[float]:
        """Of each round to the loops beside it: noise of the machine strikes all three."""
        beside = zip(self.rps, self.bare, self.bare[1:], strict=False)
        return [round(2 * rps / (before[by]["rps"] + after[by]["rps"]), 3) for rps, before, after in beside]


async def _sending(
    server: embedded.Server, simulator: Served, worker: int, messages: int, console: Console
) -> dict[str, Any]:
    """In rounds, with a bare loop of each library before, between and after them."""
    database = await asyncpg.connect(server.dsn(DATABASE))
    groups = {"worker": [worker], "simulator": [simulator.pid], "database": family(server.pid)}
    found, rest, sent = Sent(), rss_mib(worker), 0
    try:
        for n in range(1, ROUNDS + 1):
            found.bare.append(await asyncio.to_thread(_bare, simulator, console))
            count = messages * n // ROUNDS - sent
            await _round(database, worker, count, groups, found, console)
            sent += count
        found.bare.append(await asyncio.to_thread(_bare, simulator, console))
        rows = await database.fetch("select state, count(*) as count from message_sending group by state")
        left = await database.fetchval("select count(*) from wechat_grant where used_at is null")
    finally:
        await database.close()
    calls = await asyncio.to_thread(_calls, simulator) - len(LIBRARIES) * (ROUNDS + 1) * BARE
    states = {row["state"]: row["count"] for row in rows}
    return {
        "messages": messages,
        "rps": round(median(found.rps), 1),
        "rounds_rps": [round(each, 1) for each in found.rps],
        **{f"bare_{by}_rps": [each[by]["rps"] for each in found.bare] for by in LIBRARIES},
        **{f"bare_{by}_cpu_us": round(median(each[by]["cpu_us"] for each in found.bare), 1) for by in LIBRARIES},
        **{f"ratios_{by}": found.ratios(by) for by in LIBRARIES},
        **{f"ratio_{by}": round(median(found.ratios(by)), 3) for by in LIBRARIES},
        "states": states,
        "exactly_once": states == {"sent": messages} and calls == messages and left == 0,
        "cpu_us": {name: round(found.used[name] / messages * 1e6, 1) for name in groups},
        "rss_mib": [round(each, 1) for each in (rest, found.peak_mib, rss_mib(worker))],
    }


async def _round(
    database: asyncpg.Connection,
    worker: int,
    count: int,
    groups: dict[str, list[int]],
    found: Sent,
    console: Console,
) -> None:
    """So many messages become due at once; from then until the last of them was written down."""

    async def done() -> int:
        waiting = "select count(*) from message_sending where state in ('queued','sending') and due_at < now()"
        left: int = await database.fetchval(waiting)
        return count - left

    used = {name: cpu_seconds(pids) for name, pids in groups.items()}
    await database.execute(
        "update message_sending set due_at = clock_timestamp() where id in (select id from message_sending "
        "where state = 'queued' and due_at > now() order by person_id, id limit $1)", count,
    )  # fmt: skip
    released = await database.fetchval("select clock_timestamp()")
    found.peak_mib = max(found.peak_mib, await _watch("发送", worker, count, done, console))
    last = await database.fetchval("select max(moved_at) from message_sending")
    found.rps.append(count / (last - released).total_seconds())
    for name, pids in groups.items():
        found.used[name] += cpu_seconds(pids) - used[name]


async def _reading(
    server: embedded.Server, simulator: Served, worker: int, followers: int, console: Console
) -> dict[str, Any]:
    database = await asyncpg.connect(server.dsn(DATABASE))
    groups = {"worker": [worker], "simulator": [simulator.pid], "database": family(server.pid)}
    try:
        rest, used = rss_mib(worker), {name: cpu_seconds(pids) for name, pids in groups.items()}
        await database.execute(
            "insert into wechat_sync (id, created_at, phase, moved_at) values ($1, now(), 'list', now())", new_id()
        )

        async def done() -> int:
            row = await database.fetchrow("select listed + asked as count, ended_at from wechat_sync")
            return 2 * followers if row["ended_at"] else min(row["count"], 2 * followers - 1)

        peak = await _watch("读取关注者", worker, 2 * followers, done, console)
        row = await database.fetchrow("select * from wechat_sync")
    finally:
        await database.close()
    return {
        **{name: row[name] for name in ("phase", "total", "listed", "asked", "joined", "tagged")},
        "seconds": round((row["ended_at"] - row["created_at"]).total_seconds(), 1),
        "cpu_us": {name: round((cpu_seconds(pids) - used[name]) / followers * 1e6, 1) for name, pids in groups.items()},
        "rss_mib": [round(each, 1) for each in (rest, peak, rss_mib(worker))],
    }


async def _watch(what: str, worker: int, total: int, done: Callable[[], Awaitable[int]], console: Console) -> float:
    """Until it is done: the most memory that the worker held meanwhile. Raises TimeoutError."""
    began = said = time.monotonic()
    peak = 0.0
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress:
        task = progress.add_task(what, total=total)
        while (count := await done()) < total:
            peak, now = max(peak, rss_mib(worker)), time.monotonic()
            progress.update(task, completed=count)
            if not console.is_terminal and now - said >= SAID_EVERY_S:
                console.print(f"{what} {count:,} / {total:,}，{now - began:.0f} 秒，{peak:.0f} MiB")
                said = now
            if now - began > GIVEN_UP_AFTER_S:
                raise TimeoutError(f"{what}: {count} of {total} after {GIVEN_UP_AFTER_S:.0f} s")
            await asyncio.sleep(0.25)
        progress.update(task, completed=total)
    return max(peak, rss_mib(worker))


def _calls(simulator: Served) -> int:
    asked = httpx.get(f"http://127.0.0.1:{simulator.port}/_sim/calls", trust_env=False)
    return int(asked.raise_for_status().json()[SEND])


def _crowd(simulator: Served, appid: str = DEMO_WECHAT_APPID, **wish: Any) -> None:
    url = f"http://127.0.0.1:{simulator.port}/_sim/crowd"
    httpx.post(url, json={"appid": appid, **wish}, timeout=300, trust_env=False).raise_for_status()


async def fill(dsn: str, people: int, messages: int) -> None:
    """People with openids of the simulator, each with messages that are not due yet, and as many subscriptions."""
    now, tree = datetime.now(UTC), unions()
    units = [union for union in tree if union.tier is Tier.UNIT]
    rows: Rows = {"organisation": first_rows(tree, now, KEYRING)["organisation"]}
    rows |= {"person": [], "consent": [], "wechat_grant": [], "message": [], "message_sending": []}
    for n in range(people):
        _person(rows, n, units[n % len(units)].id, min(EACH, messages - n * EACH), now)
    connection = await asyncpg.connect(dsn, server_settings={"session_replication_role": "replica"})
    try:
        for table, of_table in rows.items():
            records = [tuple(row.values()) for row in of_table]
            await connection.copy_records_to_table(table, records=records, columns=list(of_table[0]))
        await connection.execute("vacuum (freeze, analyze)", timeout=600)
    finally:
        await connection.close()


def _person(rows: Rows, n: int, union_id: Any, count: int, now: datetime) -> None:
    """Somebody with their messages, not due yet, and as many subscriptions; who agreed to hear from the account."""
    person_id, text = new_id(), consent_texts()[Purpose.OFFICIAL_ACCOUNT]
    known = openid(DEMO_WECHAT_APPID, f"w{n}")
    rows["person"].append(
        {"id": person_id, "created_at": now, "organisation_id": union_id, "verified_at": now, "version": 1,
         "openid_index": KEYRING.blind_index("person.openid", known),
         "openid": KEYRING.seal_text("person.openid", person_id, known),
         "unionid_index": KEYRING.blind_index("person.unionid", unionid(f"w{n}")), "name_masked": "陈**"}
    )  # fmt: skip
    rows["consent"].append(
        {"id": new_id(), "created_at": now, "person_id": person_id, "purpose": text.purpose,
         "text_version": text.version, "text_sha256": text.sha256}
    )  # fmt: skip
    for k in range(count):
        message_id = new_id()
        rows["wechat_grant"].append(
            {"id": new_id(), "created_at": now, "person_id": person_id, "template": "progress", "lasting": False,
             "confirmed_at": now}
        )  # fmt: skip
        rows["message"].append(
            {"id": message_id, "created_at": now, "person_id": person_id, "once": f"bench:{k}", "kind": "application",
             "title": f"申请{n * EACH + k}已经通过", "text": "申请已经通过。", "subject_kind": "application",
             "subject_id": person_id}
        )  # fmt: skip
        rows["message_sending"].append(
            {"id": new_id(), "created_at": now, "message_id": message_id, "person_id": person_id, "kind": "application",
             "state": "queued", "due_at": now + _FAR, "moved_at": now}
        )  # fmt: skip
