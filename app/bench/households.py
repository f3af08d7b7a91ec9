"""`python -m app.bench.households [ROWS]`: the lists of household files over HTTP, at ten thousand files and a million.

One API process for each size, on the same processor; the sizes take turns, burst by burst, so that a busy machine is
unfair to both. The files are written by the database itself: what they say is not read here.

A city with more files has more unions, not larger ones: at either size a unit has 18 files, a street 166 and a district
1,428, as in a city of seven districts with ten thousand. The city itself has all of them.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any, Final, get_args
from uuid import UUID, uuid4

import asyncpg
import orjson

from app.bench.cases import get
from app.bench.fill import make_anew
from app.bench.load import Measured, drive, ready
from app.bench.processes import DATABASE_CORE, Served, core, family, pin, serving
from app.bench.run import FOLDER, POSTGRES
from app.db import embedded, migrations
from app.http.paging import Cursors
from app.kernel.actor import Role, Tier
from app.people.tokens import issue
from app.seed.reference import write_reference
from app.settings import DEMO_TOKEN_KEY
from app.upkeep.rules import ListName

SMALL: Final = 10_000
LARGE: Final = 1_000_000
CLIENTS: Final = 8
SECONDS: Final = 0.2
ROUNDS: Final = 9
FILES_OF: Final = {"districts": 1_428, "streets": 166, "units": 18}
ASKING: Final = 14
"""So many of each tier ask, so that the same few rows are not all that is read."""
ROLES: Final = {
    Tier.CITY: Role.CITY_LEADER,
    Tier.DISTRICT: Role.DISTRICT_LEADER,
    Tier.UNIT: Role.UNIT_CHAIR,
}
_TREE = """
insert into organisation (id, created_at, code, name, level, tier, division_code, receives_unattached, city_id,
  district_id, street_id, unit_id)
select gen_random_uuid(), now(), 'L' || n, 'L' || n, tier, tier, '440507', false, gen_random_uuid(), null, null, null
from (
  select n, case when n = 0 then 'city' when n <= {districts} then 'district' when n <= {districts} + {streets}
    then 'street' else 'unit' end as tier
  from generate_series(0, {districts} + {streets} + {units}) n
) made;
update organisation set city_id = (select id from organisation where code = 'L0');
create table place as
select n, (select id from organisation where code = 'L0') as city,
  (select id from organisation where code = 'L' || (1 + n % {districts})) as district,
  (select id from organisation where code = 'L' || (1 + {districts} + n % {streets})) as street,
  (select id from organisation where code = 'L' || (1 + {districts} + {streets} + n)) as unit
from generate_series(0, {units} - 1) n;
create index on place (n);
"""
# A third is on each list, anywhere in the file, as luck has it; one in twenty waits for somebody; nobody owns two.
_FILES = """
insert into household (id, created_at, updated_at, changed_at, number, person_id, city_id, district_id, street_id,
  unit_id, state, round, version, form, head_masked, submitted_at, active_at, review_due_on, last_helped_at,
  has_open_plan)
select gen_random_uuid(), now(), now(), now() - random() * interval '550 days', 'DA-' || f.n, gen_random_uuid(), city,
  district, street, unit,
  case when luck < 0.02 then 'unit_review' when luck < 0.04 then 'district_review' when luck < 0.05
    then 'city_approval' when luck < 0.9 then 'active' else 'lifted' end,
  1, 1, '\\x00'::bytea, '陈**', now() - f.n * interval '17 seconds', now() - random() * interval '800 days',
  current_date + (random() * 300)::int - 100, case when random() < 0.66 then now() end, random() < 0.66
from (select n, random() as luck from generate_series(1, {rows}) n) f join place on place.n = f.n % {units}
"""
_FINISH = (
    "vacuum (freeze, analyze) household",
    "analyze organisation",
    "create extension if not exists pg_prewarm",
    "select pg_prewarm(oid::regclass) from pg_class where relname ~ 'household' and relkind in ('r', 'i')",
)
_STAFF = {
    "person": "insert into person (id, created_at, openid_index, openid, version) values ($1, now(), $2, '', 1)",
    "post": """insert into post (id, created_at, person_id, organisation_id, role, from_date)
               values ($1, now(), $2, $3, $4, current_date - 1)""",
    "session": "insert into session (id, created_at, person_id, expires_at) values ($1, now(), $2, $3)",
}

Asked = dict[str, list[bytes]]
"""The requests of each list, by its name and who asks."""


def unions(rows: int) -> dict[str, int]:
    """How many unions of each level so many files lie under."""
    return {level: max(rows // files, 1) for level, files in FILES_OF.items()}


def measure(rows: int = LARGE) -> dict[str, Any]:
    """p50 and p99 of each list by size (milliseconds), and how many times longer p99 is at `rows` than at SMALL."""
    FOLDER.mkdir(mode=0o711, parents=True, exist_ok=True)
    server = embedded.start(FOLDER, parameters=POSTGRES, databases=())
    try:
        sizes = (SMALL, rows)
        asked = {size: asyncio.run(_filled(server, size)) for size in sizes}
        pin(family(server.pid), DATABASE_CORE)
        with ExitStack() as stack:
            served = {size: stack.enter_context(_service(server, size)) for size in sizes}
            return _told(_taken(served, asked), sizes)
    finally:
        embedded.stop(FOLDER)


def _database(size: int) -> str:
    return f"bench_files_{size}"


def _service(server: embedded.Server, size: int) -> AbstractContextManager[Served]:
    log, dsn = server.folder / f"files_{size}.log", server.dsn(_database(size))
    return serving(["app.cli", "serve", "--port"], log, AID_ENV="demo", AID_DATABASE_URL=dsn)


async def _filled(server: embedded.Server, size: int) -> Asked:
    name = _database(size)
    await make_anew(server, name)
    await asyncio.to_thread(migrations.upgrade, server.dsn(name))
    await write_reference(server.dsn(name), datetime.now(UTC))
    connection = await asyncpg.connect(server.dsn(name), server_settings={"session_replication_role": "replica"})
    try:
        await connection.execute(_TREE.format(**unions(size)), timeout=600)
        await connection.execute(_FILES.format(rows=size, **unions(size)), timeout=1_800)
        for statement in _FINISH:
            await connection.execute(statement, timeout=600)
        return await _asked(connection, size)
    finally:
        await connection.close()


async def _asked(connection: asyncpg.Connection, size: int) -> Asked:
    """Every list with its further page and its count, as asked by some of each tier."""
    cursors, asked, now = Cursors(DEMO_TOKEN_KEY.encode()), Asked(), datetime.now(UTC)
    middle = cursors.after("households", (now - size // 2 * timedelta(seconds=17), uuid4()))
    addresses = {
        "files": "households?limit=20",
        "files, in the middle": f"households?limit=20&cursor={middle}",
        "files of one state": "households?limit=20&state=district_review",
        "one number": f"households?limit=20&q=DA-{size // 2}",
        "files, count": "households/count",
        "tasks": "households/tasks?limit=20",
    }
    for name in get_args(ListName):
        addresses |= {name: f"households/lists/{name}?limit=20", f"{name}, count": f"households/lists/{name}/count"}
    for tier, role in ROLES.items():
        rows = await connection.fetch(
            f"select distinct {tier} from place where n % 7 < 4 limit $1",  # noqa: S608 - a column of our own
            ASKING,
        )
        tokens = [await _somebody(connection, role, row[0], now) for row in rows]
        for what, address in addresses.items():
            asked[f"{what}, {tier}"] = [get(f"/api/v1/staff/{address}", token) for token in tokens]
    return asked


async def _somebody(connection: asyncpg.Connection, role: Role, organisation_id: UUID, now: datetime) -> str:
    """The access token of somebody with this role there."""
    person_id, session_id = uuid4(), uuid4()
    await connection.execute(_STAFF["person"], person_id, person_id.bytes)
    await connection.execute(_STAFF["post"], uuid4(), person_id, organisation_id, role)
    await connection.execute(_STAFF["session"], session_id, person_id, now + timedelta(days=1))
    return issue(DEMO_TOKEN_KEY, person_id, session_id, now)


def _taken(served: dict[int, Served], asked: dict[int, Asked]) -> Iterator[tuple[str, int, Measured]]:
    """What each burst of load saw; the first round warms up."""
    generator = ProcessPoolExecutor(1, get_context("spawn"), initializer=ready, initargs=(core(DATABASE_CORE),))
    with generator:
        for n in range(ROUNDS + 1):
            for what in asked[SMALL]:
                for size, service in served.items():
                    burst = partial(drive, service.port, asked[size][what], clients=CLIENTS, again=True)
                    measured = generator.submit(burst, seconds=SECONDS).result()
                    if measured.refused:
                        raise RuntimeError(f"{what}: {measured.refused}")
                    if n:
                        yield what, size, measured


def _told(taken: Iterator[tuple[str, int, Measured]], sizes: Sequence[int]) -> dict[str, Any]:
    """The middle burst of each list and size."""
    seen: dict[str, dict[int, list[Measured]]] = {}
    for what, size, measured in taken:
        seen.setdefault(what, {}).setdefault(size, []).append(measured)
    lines = {what: {size: _milliseconds(by_size[size]) for size in sizes} for what, by_size in seen.items()}
    small, large = sizes
    return {
        what: {"p50_ms": [by_size[size][0] for size in sizes], "p99_ms": [by_size[size][1] for size in sizes],
               "p99_ratio": round(by_size[large][1] / by_size[small][1], 2)}
        for what, by_size in lines.items()
    }  # fmt: skip


def _milliseconds(bursts: Sequence[Measured]) -> tuple[float, float]:
    p50, p99 = median(each.p50 for each in bursts), median(each.p99 for each in bursts)
    return round(p50 * 1000, 2), round(p99 * 1000, 2)


if __name__ == "__main__":
    for what, line in measure(*map(int, sys.argv[1:2])).items():
        sys.stdout.write(f"{what}: {orjson.dumps(line).decode()}\n")
