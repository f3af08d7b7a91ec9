"""kill -9 in the middle of a reconciliation: another process goes on where it was, and every break is there once.

Many kills: AID_KILLS=100.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.jobs import reconciliations
from app.jobs.running import Jobs
from app.reconciliations.finding_queries import STEPS
from app.settings import Settings
from tests.calling import post
from tests.make import World
from tests.reconciliations.making import FIRST, LAST, PLACE, Told, books_of, in_order

KILLS = int(os.environ.get("AID_KILLS", "1"))
LINES = 400
# What the worker does with the fact, in a process that can be killed at any instant.
WORKER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from app.calendars.queries import KeptCalendar
from app.db.sealing import keyring_of
from app.db.database import open_database
from app.files.store import open_store
from app.jobs import reconciliations
from app.jobs.running import Jobs
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import settings

async def main():
    keyring = keyring_of(settings())
    database = await open_database(sys.argv[1], "aid_jobs", size=2)
    files = open_store(None, Path(sys.argv[3]), keyring)
    jobs = Jobs(database, keyring, KeptCalendar(database), KeptPolicies(database, MODELS), files)
    print("ready", flush=True)
    await reconciliations.run(jobs, UUID(sys.argv[2]))
    print("done", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(KILLS))
async def test_a_run_that_was_killed_goes_on_where_it_was(
    client: httpx.AsyncClient,
    world: World,
    owner: asyncpg.Connection,
    background: Jobs,
    configured: Settings,
    tmp_path: Path,
    seed: int,
) -> None:
    books = await books_of(world, owner)
    lines = await books.plant([(1_000 + n, "paid") for n in range(LINES)])
    await books.told(client, [*(told for line in lines[::2] for told in in_order(line)), Told("out", 5)])
    wanted = {"organisation_code": books.city.code, "first_day": FIRST.isoformat(), "last_day": LAST.isoformat()}
    run_id = (await post(client, books.maker, PLACE, wanted)).json()["id"]
    assert configured.database_url is not None
    url = configured.database_url.get_secret_value()
    worker = subprocess.Popen(  # noqa: ASYNC220 - a process that is killed
        [sys.executable, "-c", WORKER, url, run_id, str(tmp_path)], stdout=subprocess.PIPE, env=os.environ
    )
    assert worker.stdout is not None
    assert await asyncio.to_thread(worker.stdout.readline) == b"ready\n"
    await asyncio.sleep(random.Random(seed).random() * 0.12)
    worker.kill()
    await asyncio.to_thread(worker.wait)
    worker.stdout.close()
    reached = await owner.fetchval("select next_step from reconciliation where id = $1", UUID(run_id))
    assert 0 <= reached <= STEPS
    # Two go on at once.
    await asyncio.gather(*(reconciliations.run(background, UUID(run_id)) for _ in range(2)))
    done = (await client.get(f"{PLACE}/{run_id}", headers=books.maker.headers)).json()
    assert (done["state"], done["opened"]) == ("done", LINES // 2 + 1), done
    found = Counter(kind for kind, _ in await books.found(client))
    assert found == {"not_at_bank": LINES // 2, "unknown_payment": 1}
    told = "select count(*) from out_message where name = 'BreaksOpened' and body->>'found_by' = $1"
    assert await owner.fetchval(told, run_id) == 1
