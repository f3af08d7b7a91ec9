"""How long a page and a count of the lists of files take, with ten thousand files and with a million.

`python -m app.bench.lists [ROWS]`. The files are written by the database itself: what they say is not read here.
A city with more files has more unions, not larger ones (see `households.py`): every district has 1,428 files at either
size, and as many districts are asked. The city itself has all of them.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import product
from statistics import quantiles
from typing import Any, Final, get_args
from uuid import UUID

import asyncpg
import orjson

from app.bench.fill import make_anew
from app.bench.run import FOLDER, POSTGRES
from app.db import embedded, migrations
from app.db.transaction import Sight, open_database
from app.kernel.actor import Actor, Place, Post, Role, Tier
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.upkeep.queries import Looked, files_counted, files_listed, midnight
from app.upkeep.rules import ListName

SMALL: Final = 10_000
LARGE: Final = 1_000_000
TIMES: Final = 800
WARM: Final = 40
FILES_OF: Final = {"districts": 1_428, "streets": 166, "units": 18}
"""So many files lie under each, as in a city of seven districts with ten thousand."""
DISTRICTS_ASKED: Final = 7
NAMES: Final[tuple[ListName, ...]] = get_args(ListName)
_TREE = """
insert into organisation (id, created_at, code, name, level, tier, division_code, receives_unattached, city_id,
  district_id, street_id, unit_id)
select gen_random_uuid(), now(), 'L' || n, 'L' || n, 'city', 'city', '440507', false, gen_random_uuid(), null, null,
  null
from generate_series(0, {districts} + {streets} + {units}) n;
update organisation set city_id = (select id from organisation where code = 'L0');
create table place as
select n, (select id from organisation where code = 'L0') as city,
  (select id from organisation where code = 'L' || (1 + n % {districts})) as district,
  (select id from organisation where code = 'L' || (1 + {districts} + n % {streets})) as street,
  (select id from organisation where code = 'L' || (1 + {districts} + {streets} + n)) as unit
from generate_series(0, {units} - 1) n;
"""
# A third is on each list, anywhere in the file, as luck has it; nobody owns two, and no form is opened.
_FILES = """
insert into household (id, created_at, updated_at, changed_at, number, person_id, city_id, district_id, street_id,
  unit_id, state, round, version, form, head_masked, submitted_at, active_at, review_due_on, last_helped_at,
  has_open_plan)
select gen_random_uuid(), now(), now(), now() - random() * interval '550 days', 'DA-' || f.n, gen_random_uuid(),
  city, district, street, unit, case when random() < 0.9 then 'active' else 'lifted' end, 1, 1, '\\x00'::bytea, '陈**',
  now() - interval '900 days', now() - random() * interval '800 days',
  current_date + (random() * 300)::int - 100, case when random() < 0.66 then now() end, random() < 0.66
from generate_series(1, {rows}) f (n) join place on place.n = f.n % {units}
"""


def measure(rows: int = LARGE) -> dict[str, Any]:
    """Milliseconds at p50 and p99 for a page and a count of each list, at SMALL and at `rows`, city and district in
    turn; and how many times longer the larger takes at p99."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    server = embedded.start(FOLDER, parameters=POSTGRES, databases=("aid",))
    try:
        return asyncio.run(_measure(server, rows))
    finally:
        embedded.stop(FOLDER)


async def _measure(server: embedded.Server, rows: int) -> dict[str, Any]:
    sizes = (SMALL, rows)
    for size in sizes:
        await _filled(server, size)
    taken: dict[str, list[float]] = {key: [] for size in sizes for key in _keys(size)}
    async for key, seconds in _timed({size: server.dsn(f"bench_lists_{size}") for size in sizes}):
        taken[key].append(seconds * 1000)
    figures = {key: _told(each) for key, each in taken.items()}
    ratios = {
        key.removesuffix(f"_{SMALL}"): round(figures[key.replace(str(SMALL), str(rows))]["p99_ms"] / told["p99_ms"], 2)
        for key, told in figures.items()
        if key.endswith(f"_{SMALL}")
    }
    return {"figures": figures, "p99_times_longer": ratios}


def _keys(size: int) -> Iterator[str]:
    for name in NAMES:
        yield from (f"{name}_{what}_{size}" for what in ("page", "next_page", "count"))


def _told(milliseconds: list[float]) -> dict[str, float]:
    cuts = quantiles(milliseconds, n=100)
    return {"p50_ms": round(cuts[49], 2), "p99_ms": round(cuts[98], 2)}


def unions(size: int) -> dict[str, int]:
    """How many unions of each level so many files lie under."""
    return {level: max(size // files, 1) for level, files in FILES_OF.items()}


async def _filled(server: embedded.Server, size: int) -> None:
    name = f"bench_lists_{size}"
    await make_anew(server, name)
    await asyncio.to_thread(migrations.upgrade, server.dsn(name))
    connection = await asyncpg.connect(server.dsn(name), server_settings={"session_replication_role": "replica"})
    try:
        await connection.execute(_TREE.format(**unions(size)), timeout=600)
        await connection.execute("create index on place (n)")
        await connection.execute(_FILES.format(rows=size, **unions(size)), timeout=1_800)
        await connection.execute("vacuum (freeze, analyze) household", timeout=600)
        await connection.execute("create extension if not exists pg_prewarm")
        await connection.execute(
            "select pg_prewarm(oid::regclass) from pg_class where relname ~ 'household' and relkind in ('r', 'i')",
            timeout=600,
        )
    finally:
        await connection.close()


async def _timed(dsns: dict[int, str]) -> AsyncIterator[tuple[str, float]]:
    """Every list of every size in turn, call by call, so that a busy machine is unfair to all of them."""
    async with AsyncExitStack() as stack:
        asked = []
        for size, dsn in dsns.items():
            database = await open_database(dsn, "aid_api", size=1)
            stack.push_async_callback(database.close)
            asked.append((size, database, await _actors(dsn)))
        for turn in range(WARM + TIMES):
            now = datetime.now(UTC)
            for name, (size, database, actors) in product(NAMES, asked):
                actor, looked = actors[turn % len(actors)], Looked(name, now, business_date(now))
                for found in await _once(database, actor, looked, size):
                    if turn >= WARM:
                        yield found


async def _once(database: Any, actor: Actor, looked: Looked, size: int) -> list[tuple[str, float]]:
    """A first page, the one after it, and the count, each as a request reads them."""
    sight = Sight("staff", actor.person_id, tuple(post.place.id for post in actor.posts))
    async with database.glance(sight) as transaction:
        begun = time.perf_counter()
        page = await files_listed(transaction, actor, looked, 21, None)
        first = time.perf_counter()
        last = page[-1]
        at = {"unchanged": "changed_at", "overdue": "review_due_on"}.get(looked.name, "active_at")
        place = midnight(last[at]) if looked.name == "overdue" else last[at]
        await files_listed(transaction, actor, looked, 21, (place, last["id"]))
        second = time.perf_counter()
        await files_counted(transaction, actor, looked)
        third = time.perf_counter()
    names = [f"{looked.name}_{what}_{size}" for what in ("page", "next_page", "count")]
    return list(zip(names, (first - begun, second - first, third - second), strict=True))


async def _actors(dsn: str) -> list[Actor]:
    """A leader of the city, and of some of its districts: as many at either size, so that each is asked as often."""
    connection = await asyncpg.connect(dsn)
    try:
        city: UUID = await connection.fetchval("select city from place limit 1")
        districts = await connection.fetch("select district from place order by n limit $1", DISTRICTS_ASKED)
    finally:
        await connection.close()
    posts = [Post(Role.CITY_LEADER, Place(city, "L", "L", "city", Tier.CITY))]
    posts += [Post(Role.DISTRICT_LEADER, Place(row[0], "L", "L", "district", Tier.DISTRICT)) for row in districts]
    return [Actor(new_id(), new_id(), (post,)) for post in posts]


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(measure(*map(int, sys.argv[1:2])), option=orjson.OPT_INDENT_2).decode() + "\n")
