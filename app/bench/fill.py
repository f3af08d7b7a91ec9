"""Databases of a wanted size, filled once and kept: a run works on a copy and leaves them as they were."""

import asyncio
import base64
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import asyncpg
import orjson
from rich.console import Console
from rich.progress import Progress

from app.bench.data import YEARS, Share, What, rows_of
from app.bench.people import Rows, Union, first_rows, unions
from app.db import embedded, migrations
from app.db.sealing import Keyring
from app.kernel.actor import Tier
from app.seed.reference import write_reference
from app.settings import DEMO_INDEX_KEY, DEMO_MASTER_KEY

KEYRING = Keyring({1: base64.b64decode(DEMO_MASTER_KEY)}, base64.b64decode(DEMO_INDEX_KEY))
ROWS_AT_A_TIME = 2_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many applications lie there, how many drafts wait to be submitted, and how many more cases to be approved."""

    rows: int
    drafts: int = 0
    cases: int = 0

    @property
    def database(self) -> str:
        return f"bench_{self.rows}"


def filled(server: embedded.Server, size: Size, console: Console) -> str:
    """The name of a database that has at least this size; it is made if it is not there."""
    version = _version()
    if not asyncio.run(_is_there(server, size, version)):
        asyncio.run(make_anew(server, size.database))
        migrations.upgrade(server.dsn(size.database))
        asyncio.run(write_reference(server.dsn(size.database), datetime.now(UTC)))
        with Progress(console=console) as progress:
            task = progress.add_task(f"写入 {size.rows:,} 份申请", total=sum(total for _, _, total in _parts(size)))
            for done in _fill(server.dsn(size.database), size):
                progress.advance(task, done)
        with console.status("整理统计信息"):
            asyncio.run(_finish(server, size, version))
    return size.database


def _people(size: Size) -> int:
    return max(size.rows // YEARS, 1)


def _version() -> str:
    """Changes with how rows are made, with the schema and with the year: then the database is made anew."""
    ours = [Path(__file__).with_name(name) for name in ("data.py", "people.py", "fill.py")]
    written = [*ours, *sorted((migrations.ROOT / "alembic" / "versions").glob("*.py"))]
    digest = sha256(str(datetime.now(UTC).year).encode())
    for path in written:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


async def _is_there(server: embedded.Server, size: Size, version: str) -> bool:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        told = await connection.fetchval(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = $1", size.database
        )
    finally:
        await connection.close()
    terms = orjson.loads(told) if told else {}
    return (
        terms.get("version") == version
        and terms.get("drafts", 0) >= size.drafts
        and terms.get("cases", 0) >= size.cases
    )


async def make_anew(server: embedded.Server, name: str, template: str = "template0") -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f'drop database if exists "{name}" with (force)')
        await connection.execute(f'create database "{name}" template "{template}" strategy file_copy', timeout=600)
    finally:
        await connection.close()


@contextmanager
def copied(server: embedded.Server, database: str, console: Console) -> Iterator[str]:
    """A copy of a filled database to write in, as long as the block lasts."""
    copy = f"{database}_run"
    with console.status(f"复制数据库 {database}"):
        asyncio.run(make_anew(server, copy, database))
    try:
        yield copy
    finally:
        asyncio.run(_drop(server, copy))


async def warm(dsn: str) -> bool:
    """Make PostgreSQL hold in its memory what the cases touch, as a server does that has been running for a while.

    True if that memory is in huge pages. The sealed documents of old applications stay on disk: nobody reads them, and
    they would not fit.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("create extension if not exists pg_prewarm")
        await connection.execute(_WARM, timeout=600)
        return bool(await connection.fetchval("show huge_pages_status") == "on")
    finally:
        await connection.close()


_WARM = """
select pg_prewarm(oid::regclass) from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'i') and relname <> 'application' and relpages > 0
union all
select pg_prewarm('application', 'buffer', 'main', greatest(relpages - 40000, 0), null)
from pg_class where relname = 'application' and relpages > 0
"""


async def _drop(server: embedded.Server, name: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f'drop database if exists "{name}" with (force)', timeout=60)
    finally:
        await connection.close()


def _fill(dsn: str, size: Size) -> Iterator[int]:
    """Write it with as many processes as there are processors; yields how many rows each step has added."""
    tree, now = unions(), datetime.now(UTC)
    asyncio.run(_write(dsn, first_rows(tree, now, KEYRING)))
    shares = _shares(size, [union for union in tree if union.tier is Tier.UNIT], now)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(_write_share, dsn, share) for share in shares]):
            yield done.result()


def _shares(size: Size, units: list[Union], now: datetime) -> Iterator[Share]:
    """Parts of at most ROWS_AT_A_TIME, the oldest first."""
    for what, age, total in _parts(size):
        for first in range(0, total, ROWS_AT_A_TIME):
            begins = first + (_people(size) if what == "drafts" else 0)
            yield Share(what, begins, min(ROWS_AT_A_TIME, total - first), age, _people(size), units, now)


def _parts(size: Size) -> list[tuple[What, int, int]]:
    """Each part with its age in years and how many it holds."""
    people = _people(size)
    closed: list[tuple[What, int, int]] = [("closed", age, people) for age in range(YEARS - 1, 0, -1)]
    return [
        ("people", 0, people + size.drafts),
        *closed,
        ("open", 0, people),
        ("cases", 0, size.cases),
        ("drafts", 0, size.drafts),
    ]


def _write_share(dsn: str, share: Share) -> int:
    asyncio.run(_write(dsn, rows_of(share, KEYRING)))
    return share.count


async def _write(dsn: str, rows: Rows) -> None:
    """COPY, as the owner: the walls do not stand in its way, and what the rows refer to is known to be there."""
    connection = await asyncpg.connect(dsn, server_settings={"session_replication_role": "replica"})
    try:
        async with connection.transaction():
            for table, of_table in rows.items():
                if of_table:
                    records = [tuple(row.values()) for row in of_table]
                    await connection.copy_records_to_table(table, records=records, columns=list(of_table[0]))
    finally:
        await connection.close()


_MONEY = """
insert into drawing (id, created_at, application_id, budget_id, fund_id, fund_name, round, amount_fen, state, returned)
select id_at(a.submitted_at), a.submitted_at, a.id, b.id, f.id, f.name, a.round, a.amount_fen,
  case a.state when 'public_notice' then 'reserved' when 'paying' then 'committed' else 'spent' end, false
from application a join budget b on b.organisation_id = a.district_id join fund f on f.id = b.fund_id
where a.state in ('public_notice', 'paying', 'paid') and a.number like '%-open-%';
update budget b set reserved_fen = s.reserved, committed_fen = s.committed, spent_fen = s.spent from (
  select budget_id, coalesce(sum(amount_fen) filter (where state = 'reserved'), 0) as reserved,
    coalesce(sum(amount_fen) filter (where state = 'committed'), 0) as committed,
    coalesce(sum(amount_fen) filter (where state = 'spent'), 0) as spent
  from drawing group by budget_id
) s where s.budget_id = b.id
"""
"""What this year's approved applications hold of the budgets of their districts."""
_FILLED = """
select string_agg(format('%I', relname), ',') from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
"""


async def _finish(server: embedded.Server, size: Size, version: str) -> None:
    connection = await asyncpg.connect(
        server.dsn(size.database), server_settings={"session_replication_role": "replica"}
    )
    try:
        await connection.execute(_MONEY, timeout=600)
        # Not the empty ones: of a table that is known to be empty the planner takes any index for as good as another.
        filled = await connection.fetchval(_FILLED)
        await connection.execute(f"vacuum (freeze, analyze) {filled}", timeout=600)
        await connection.execute("checkpoint", timeout=600)
        terms = orjson.dumps({"version": version, "drafts": size.drafts, "cases": size.cases}).decode()
        await connection.execute(f"comment on database \"{size.database}\" is '{terms}'")
    finally:
        await connection.close()
