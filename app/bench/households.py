"""The lists of household files at two sizes, beside each other: `python -m app.bench.households 10000 1000000`.

Each statement as the routes run it, behind both walls, on a server of its own; the sizes take turns, so that a busy
machine is unfair to both.

A city with more files has more unions, not larger ones: at every size a unit has 250 files and a district 1,428.
Otherwise a count, which stops at a thousand and one, would have a quarter of the rows to count at the smaller size. The
city itself has all of them: it is where a list could grow slower.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.db import embedded, migrations
from app.db.transaction import Database, Sight, open_database
from app.households.queries import FileFilter, file_count, files, waiting
from app.kernel.actor import Actor, Place, Post, Role, Tier

TURNS = 1_100
WARM = 100
PAGE = 21
SECONDS_APART = timedelta(seconds=17)
_FILL = (
    """
    insert into organisation (id, created_at, code, name, level, tier, division_code, parent_id, receives_unattached,
      city_id, district_id, street_id, unit_id)
    select md5('u' || n)::uuid, now(), 'B-' || n, '工会' || n, case when n = 0 then 'city'
      when n <= {districts} then 'district' else 'unit' end, case when n = 0 then 'city' when n <= {districts}
      then 'district' else 'unit' end, '440500', null, false,
      md5('u0')::uuid,
      case when n > 0 then md5('u' || case when n <= {districts} then n
        else 1 + (n - {districts} - 1) % {districts} end)::uuid end,
      null, case when n > {districts} then md5('u' || n)::uuid end
    from generate_series(0, {districts} + {units}) n
    """,
    """
    insert into person (id, created_at, openid_index, openid, version)
    select md5('p' || n)::uuid, now(), decode(md5('o' || n), 'hex'), '-', 1 from generate_series(1, $1::int) n
    """,
    """
    insert into household (id, created_at, number, person_id, city_id, district_id, unit_id, state, round, version,
      form, head_masked, submitted_at, updated_at)
    select md5('h' || n)::uuid, at, 'DA-' || n, md5('p' || n)::uuid, md5('u0')::uuid,
      md5('u' || 1 + n % {units} % {districts})::uuid, md5('u' || 1 + {districts} + n % {units})::uuid,
      case when n / {units} % 100 < 3 then 'unit_review' when n / {units} % 100 < 5 then 'district_review'
        when n / {units} % 100 < 6 then 'city_approval' else 'active' end,
      1, 1, decode(repeat('ab', 400), 'hex'), '陈*明', at, at
    from (select n, now() - n * interval '17 seconds' as at from generate_series(1, $1::int) n) made
    """,
    "vacuum analyze household",
)
FILES_OF_UNIT, FILES_OF_DISTRICT = 250, 1_428
_ROLE = {Tier.CITY: Role.CITY_LEADER, Tier.DISTRICT: Role.DISTRICT_LEADER, Tier.UNIT: Role.UNIT_CHAIR}
Ask = Callable[[Any, Actor, int], Awaitable[Any]]


async def _first(transaction: Any, actor: Actor, rows: int) -> Any:
    return await files(transaction, actor, FileFilter(), PAGE, None)


async def _deep(transaction: Any, actor: Actor, rows: int) -> Any:
    middle = datetime.now(UTC) - rows // 2 * SECONDS_APART
    return await files(transaction, actor, FileFilter(), PAGE, (middle, UUID(int=0)))


async def _state(transaction: Any, actor: Actor, rows: int) -> Any:
    return await files(transaction, actor, FileFilter(state="district_review"), PAGE, None)


async def _number(transaction: Any, actor: Actor, rows: int) -> Any:
    return await files(transaction, actor, FileFilter(number=f"DA-{rows // 2}"), PAGE, None)


async def _count(transaction: Any, actor: Actor, rows: int) -> Any:
    return await file_count(transaction, actor, FileFilter())


async def _tasks(transaction: Any, actor: Actor, rows: int) -> Any:
    return await waiting(transaction, actor, PAGE, None)


ASKED: dict[str, Ask] = {
    "first page": _first, "a page in the middle": _deep, "one state": _state, "one number": _number, "count": _count,
    "tasks": _tasks,
}  # fmt: skip


def unions(rows: int) -> dict[str, int]:
    """How many districts and units so many files lie under."""
    return {"districts": max(rows // FILES_OF_DISTRICT, 1), "units": max(rows // FILES_OF_UNIT, 1)}


def someone(tier: Tier, rows: int) -> Actor:
    """At the city, at its first district, or at its first unit, where so many files lie."""
    name = {Tier.CITY: "u0", Tier.DISTRICT: "u1", Tier.UNIT: f"u{1 + unions(rows)['districts']}"}[tier]
    union = _uuid(name)
    return Actor(_uuid("actor"), _uuid("session"), (Post(_ROLE[tier], Place(union, name, name, tier.value, tier)),))


def _uuid(text: str) -> UUID:
    return UUID(md5(text.encode(), usedforsecurity=False).hexdigest())


async def filled(dsn: str, rows: int) -> None:
    """So many files, under as many unions as go with them."""
    connection = await asyncpg.connect(dsn)
    for statement in _FILL:
        arguments = [rows] if "$1" in statement else []
        await connection.execute(statement.format(**unions(rows)), *arguments, timeout=3600)
    await connection.close()


async def measure(sizes: dict[int, str]) -> dict[str, Any]:
    """Milliseconds of each question by size: the median and the 99th percentile, and how they compare."""
    databases = {rows: await open_database(dsn, "aid_api", size=1) for rows, dsn in sizes.items()}
    taken: dict[tuple[str, Tier, int], list[float]] = {}
    for turn in range(TURNS):
        for what, ask in ASKED.items():
            for tier in _ROLE:
                for rows, database in databases.items():
                    spent = await _asked(database, ask, someone(tier, rows), rows)
                    if turn >= WARM:
                        taken.setdefault((what, tier, rows), []).append(spent)
    for database in databases.values():
        await database.close()
    return _told(taken, tuple(sizes))


async def _asked(database: Database, ask: Ask, actor: Actor, rows: int) -> float:
    unions = tuple(post.place.id for post in actor.posts)
    async with database.glance(Sight("staff", actor.person_id, unions)) as glance:
        began = perf_counter()
        found = await ask(glance, actor, rows)
        spent = (perf_counter() - began) * 1000
    if ask is not _number and not found:
        raise RuntimeError("nothing was found: an empty answer is no measurement")
    return spent


def _told(taken: dict[tuple[str, Tier, int], list[float]], sizes: tuple[int, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for what in ASKED:
        for tier in _ROLE:
            by_size = {rows: sorted(taken[what, tier, rows]) for rows in sizes}
            line: dict[str, Any] = {}
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                spent = {rows: each[int(len(each) * share)] for rows, each in by_size.items()}
                line[f"{name}_ms"] = {rows: round(ms, 2) for rows, ms in spent.items()}
                line[f"{name}_ratio"] = round(spent[sizes[-1]] / spent[sizes[0]], 2)
            told[f"{what}, {tier.value}"] = line
    return told


def main(sizes: list[int]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="aid-bench-households-"))
    fast = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "512MB"}
    server = embedded.start(folder, parameters=fast, databases=tuple(f"files_{rows}" for rows in sizes))
    try:
        dsns = {rows: server.dsn(f"files_{rows}") for rows in sizes}
        for rows, dsn in dsns.items():
            migrations.upgrade(dsn)
            asyncio.run(filled(dsn, rows))
        sys.stdout.write(orjson.dumps(asyncio.run(measure(dsns)), option=orjson.OPT_NON_STR_KEYS).decode() + "\n")
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 1_000_000])
