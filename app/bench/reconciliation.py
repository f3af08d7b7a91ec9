"""How long a reconciliation of many lines takes: `python -m app.bench.reconciliation [LINES]` (100,000).

A city has paid them in batches of a thousand; a bank's statements of them are read in as the API reads them, one line
in a thousand is missing there, and a run finds it. Then the laws of money are asked of all of it. One line of JSON.
"""

import asyncio
import csv
import hashlib
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from app.bench.fill import KEYRING
from app.bench.imports import server
from app.calendars.queries import KeptCalendar
from app.db.database import Database, open_database
from app.db.transaction import Sight
from app.db.work import Work
from app.files.store import open_store
from app.jobs.running import Jobs
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import business_date
from app.kernel.ids import new_id
from app.organisations.queries import held_at, organisation_of_code
from app.payments.rules import AT_MOST, reference_of
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.reconciliations import run_commands, statement_commands
from app.reconciliations.invariant_queries import INVARIANTS
from app.reconciliations.layouts import StatementReader
from app.spreadsheets.csv_reading import read_table

CITY, BANK, FEN = "440500", "standard", 300_000
SECONDS: Final = 10.0
"""The most that a run over 100,000 lines may take."""
IN_ONE_FILE: Final = 50_000
MISSING: Final = 1_000
"""One of so many lines is not in the statement."""
# Past the triggers: as if they had been paid in the course of a year.
_FILL: Final = (
    "set session_replication_role = replica",
    """
    create temp table filled as
    select n, id_at(now()) as application, id_at(now()) as line, id_at(now()) as booked, (n - 1) / $1::int as batch
    from generate_series(1, $2::int) n
    """,
    "create temp table batches as select batch, id_at(now()) as id, count(*)::int as lines from filled group by batch",
    """
    insert into application (id, created_at, updated_at, number, kind, period, applicant_id, applicant_masked, city_id,
      organisation_name, state, round, version, form, amount_fen, submitted_at, approved_at, paid_at)
    select f.application, at, at, 'BENCH-' || f.n, 'secondary_medical', f.n::text, $1::uuid, '陈*明', $3::uuid, '市总',
      'paid', 1, 9, '\\x00'::bytea, $4::bigint, at, at, at
    from filled f cross join (select $2::timestamptz as at) given
    """,
    """
    insert into payment_batch (id, created_at, number, organisation_id, organisation_name, city_id, kinds,
      approved_until, bank, layout, policy_version, state, line_count, total_fen, maker_id, maker_role,
      maker_organisation, checker_id, checker_role, checker_organisation, content, sha256, file, file_sha256, frozen_at,
      confirmed_at, exported_at)
    select b.id, at, 'FK-BENCH-' || b.batch, $3::uuid, '市总', $3::uuid, '{secondary_medical}', at, 'standard',
      'csv_utf8', '1', 'settled', b.lines, b.lines * $4::bigint, $1::uuid, 'finance_maker', '市总', $5::uuid,
      'finance_checker', '市总', '{}'::bytea, encode(sha256('{}'::bytea), 'hex'), '\\x00'::bytea, 'x', at, at, at
    from batches b cross join (select $2::timestamptz as at) given
    """,
    """
    insert into payment_line (id, created_at, batch_id, serial, application_id, round, number, kind, applicant_masked,
      organisation_name, amount_fen, card_id, card_masked, bank_name, state, sent_at, answered_at)
    select f.line, at, b.id, f.n, f.application, 1, 'BENCH-' || f.n, 'secondary_medical', '陈*明', '市总', $2::bigint,
      f.application, '6217 **** **** 9908', '工行', 'paid', at, at
    from filled f join batches b on b.batch = f.batch cross join (select $1::timestamptz as at) given
    """,
    """
    insert into ledger_transaction (id, created_at, event_key, kind, day, application_id)
    select f.booked, at, 'bench:' || f.n, 'payment', at::date, f.application
    from filled f cross join (select $1::timestamptz as at) given
    """,
    """
    insert into ledger_entry (id, created_at, transaction_id, fund_id, organisation_id, account, amount_fen, day)
    select id_at(now()), at, f.booked, (select id from fund limit 1), $2::uuid, s.account, s.sign * $3::bigint, at::date
    from filled f cross join (values ('allocated', -1), ('granted', 1)) as s (account, sign)
    cross join (select $1::timestamptz as at) given
    """,
    """
    insert into drawing (id, created_at, application_id, budget_id, fund_id, fund_name, round, amount_fen, state,
      returned)
    select id_at(now()), at, f.application, b.id, b.fund_id, 'x', 1, $2::bigint, 'spent', false
    from filled f cross join (select id, fund_id from budget limit 1) b cross join (select $1::timestamptz as at) given
    """,
    "set session_replication_role = origin",
)


async def _fill(url: str, lines: int, city: UUID, people: tuple[UUID, UUID], at: datetime) -> list[UUID]:
    """The ids of the lines."""
    owner = await asyncpg.connect(url)
    values: list[tuple[Any, ...]] = [
        (), (AT_MOST, lines), (), (people[0], at, city, FEN), (people[0], at, city, FEN, people[1]), (at, FEN), (at,),
        (at, city, FEN), (at, FEN), (),
    ]  # fmt: skip
    for query, given in zip(_FILL, values, strict=True):
        await owner.execute(query, *given)
    ids = [row["line"] for row in await owner.fetch("select line from filled order by n")]
    await owner.execute("analyze")
    await owner.close()
    return ids


def _files(ids: list[UUID], day: date) -> Iterator[bytes]:
    for start in range(0, len(ids), IN_ONE_FILE):
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["交易日期", "流水号", "收支方向", "金额（元）", "对方账号", "摘要"])
        for n, line_id in enumerate(ids[start : start + IN_ONE_FILE], start):
            if n % MISSING:
                remark = f"困难帮扶 {reference_of(line_id)}"
                writer.writerow([day, f"B{n:09d}", "支出", f"{FEN / 100:.2f}", "6217000000000999908", remark])
        yield text.getvalue().encode("gb18030")


async def _told(api: Database, jobs: Jobs, actor: Actor, content: bytes, days: tuple[date, date]) -> None:
    """As the route does: read by a child process, and kept in one transaction under the API's role."""
    reader = StatementReader(days)
    async for chunk in read_table(content):
        reader.feed([(line.number, line.cells) for line in chunk.lines])
    stated = statement_commands.Stated(CITY, BANK, days, hashlib.sha256(content).hexdigest(), reader.end())
    sight = Sight("staff", actor.person_id, tuple(post.place.id for post in actor.posts))
    calendar, policies = await jobs.calendar.get(), await jobs.policies.get()
    async with api.begin(sight) as transaction:
        work = Work(transaction, jobs.keyring, calendar, datetime.now(UTC), policies)
        await statement_commands.import_statement(work, actor, stated)


async def measure(url: str, folder: Path, lines: int) -> dict[str, Any]:
    pool, api = await open_database(url, "aid_jobs", size=4), await open_database(url, "aid_api", size=2)
    jobs = Jobs(pool, KEYRING, KeptCalendar(pool), KeptPolicies(pool, MODELS), open_store(None, folder, KEYRING))
    async with jobs.work() as work:
        city, today = await organisation_of_code(work.transaction, CITY), work.today
        held = await held_at(work.transaction, city, today)
    (maker, post), (checker, _) = (
        next(each for each in held if each[1].allows(which))
        for which in (Permission.START_PAYMENT, Permission.CONFIRM_PAYMENT)
    )
    at = datetime.now(UTC) - timedelta(days=10)
    ids = await _fill(url, lines, city["id"], (maker, checker), at)
    days = (business_date(at) - timedelta(days=1), business_date(at) + timedelta(days=6))
    actor, took = Actor(maker, new_id(), (post,)), list[float]()
    for content in _files(ids, business_date(at)):
        started = time.monotonic()
        await _told(api, jobs, actor, content, days)
        took.append(round(time.monotonic() - started, 2))
    async with jobs.work() as work:
        run_id = await run_commands.ask(work, actor, run_commands.Over(city, days))
    reconciled = list[float]()
    opened: object = ()
    while opened is not None:
        started = time.monotonic()
        async with jobs.work() as work:
            opened = await run_commands.take_step(work, run_id)
        reconciled.append(round(time.monotonic() - started, 2))
    async with jobs.work() as work:
        row = dict(await work.transaction.connection.fetchrow("select * from reconciliation where id = $1", run_id))
    laws = {}
    for kind in INVARIANTS:
        started = time.monotonic()
        async with jobs.work() as work:
            await run_commands.keep_law(work, kind)
        laws[kind] = round(time.monotonic() - started, 2)
    await pool.close()
    await api.close()
    return {
        "lines": row["lines"], "import_s": took, "reconcile_s": round(sum(reconciled), 2), "steps_s": reconciled[:-1],
        "opened": row["opened"], "bank_fen": row["bank_fen"], "paid_fen": row["paid_fen"], "laws_s": laws,
    }  # fmt: skip


def main(lines: int) -> int:
    with tempfile.TemporaryDirectory(prefix="aid-bench-reconciliation-") as name, server(Path(name)) as url:
        told = asyncio.run(measure(url, Path(name), lines))
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    expected = -(-lines // MISSING)
    found = told["opened"] == expected and told["paid_fen"] - told["bank_fen"] == expected * FEN
    return 0 if found and told["reconcile_s"] <= SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
