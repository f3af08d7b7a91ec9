"""How long a whole search takes and how much memory it holds: `python -m tests.duplicates.measure [FILES]`.

It fills a server of its own in a folder of its own with invented families, and leaves nothing behind.
"""

import asyncio
import resource
import sys
import tempfile
import time
from contextlib import aclosing
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from app.bench.fill import KEYRING
from app.bench.people import unions
from app.calendars.queries import KeptCalendar
from app.db import embedded, migrations
from app.db.database import open_database
from app.files.store import open_store
from app.jobs.duplicates.search import Tally, search
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.people.commands import PHONE
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.seed.reference import write_reference
from tests.duplicates.families import File, families
from tests.throwaway import throwaway_folder

AT_A_TIME = 5_000
TIERS = ("city_id", "district_id", "street_id", "unit_id")


def whole(file: File, names: str) -> bytes:
    """The form as a submitted one: what the families leave out is the same everywhere."""
    people = [{"health": "healthy", "income_fen_yearly": 0} | each for each in file.form["members"]]
    form = {key: value for key, value in file.form.items() if not key.startswith("_")} | {"members": people}
    rest = {"division_code": "440507", "housing": "other", "income_fen_yearly": 0, "rigid_spending": []}
    return orjson.dumps(form | rest | {"primary_cause": "other", "secondary_causes": [], "demands": [names]})


async def fill(url: str, wanted: int) -> None:
    connection, now, tree = await asyncpg.connect(url), datetime.now(UTC), unions()
    columns = "id created_at code name level tier division_code parent_id receives_unattached".split()
    rows = [
        (u.id, now, u.name, u.name, u.tier, u.tier, "440507", u.parent_id, False, *(u.scope[t] for t in TIERS))
        for u in tree
    ]
    await connection.copy_records_to_table("organisation", records=rows, columns=[*columns, *TIERS])
    units, written = tree[-500:], 0
    for seed in range(10**6):
        lot = families(seed, AT_A_TIME).files[: wanted - written]
        if not lot:
            break
        people, files, cards = [], [], []
        for n, file in enumerate(lot):
            person, household, scope = new_id(), new_id(), units[n % len(units)].scope
            phone = KEYRING.seal_text(PHONE, person, min(file.elsewhere.phones))
            people.append((person, now, person.bytes, b"", phone, 1))
            form = KEYRING.seal("household.form", household, whole(file, "生活救助"))
            fixed = (f"DA-{written + n}", person, "active", 1, 1, form, "*", now, now, now)
            files.append((household, now, *fixed, *(scope[t] for t in TIERS)))
            card = bytes.fromhex(min(file.elsewhere.cards))
            cards.append((new_id(), now, person, b"", b"", card, "*", "-", "current"))
        await copy(connection, "person", people, "id created_at openid_index openid phone version")
        columns_of = "id created_at number person_id state round version form head_masked submitted_at active_at"
        await copy(connection, "household", files, f"{columns_of} updated_at {' '.join(TIERS)}")
        card_columns = "id created_at person_id holder number number_index number_masked bank_name state"
        await copy(connection, "bank_card", cards, card_columns)
        written += len(lot)
    await connection.execute("analyze")
    await connection.close()


def filled(url: str, wanted: int) -> None:
    asyncio.run(fill(url, wanted))


async def copy(connection: asyncpg.Connection, table: str, rows: list[Any], columns: str) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns.split())


async def measured(url: str) -> tuple[Tally, dict[str, float]]:
    pool, tally = await open_database(url, "aid_jobs", size=2), Tally()
    jobs = Jobs(
        pool,
        KEYRING,
        KeptCalendar(pool),
        KeptPolicies(pool, MODELS),
        open_store(None, Path(tempfile.gettempdir()), KEYRING),
    )
    started, keys_at = time.monotonic(), 0.0
    peaks = {"tenth": 0.0}
    async with aclosing(search(jobs)) as pages:
        async for tally in pages:
            if tally.seen >= tally.total // 10 and not peaks["tenth"]:
                peaks["tenth"] = peak()
            if not keys_at and tally.seen * 2 >= tally.total:
                keys_at = time.monotonic() - started
    figures = {"seconds": time.monotonic() - started, "keys_seconds": keys_at, "peak_mib": peak()}
    await pool.close()
    return tally, figures | {"peak_mib_at_a_tenth": peaks["tenth"]}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(wanted: int) -> None:
    with throwaway_folder("aid-duplicates-") as folder:
        server = embedded.start(folder, parameters={"fsync": "off"}, databases=("aid",))
        url = server.dsn()
        migrations.upgrade(url)
        asyncio.run(write_reference(url, datetime.now(UTC)))
        filling = get_context("spawn").Process(target=filled, args=(url, wanted))
        filling.start()  # apart, so that its memory is not counted
        filling.join()
        for run in ("first", "again"):
            tally, figures = asyncio.run(measured(url))
            shown = {name: round(value, 1) for name, value in figures.items()}
            sys.stdout.write(f"{orjson.dumps({'run': run, **shown, 'tally': tally}).decode()}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
