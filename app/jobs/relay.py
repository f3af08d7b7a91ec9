"""From the outbox to the job queue: each fact becomes the jobs that it sets off, in one transaction."""

from collections.abc import Mapping

import orjson
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import any_, bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from app.db.base import table_of
from app.db.statements import statement
from app.db.work import Work
from app.messaging.tables import OutMessage

BATCH = 200
_M = table_of(OutMessage)
_WAITING = statement(
    select(_M.c.id, _M.c.name, _M.c.body)
    .where(_M.c.relayed_at.is_(None))
    .order_by(_M.c.id)
    .limit(literal_column(str(BATCH)))
    .with_for_update(skip_locked=True)
)
_RELAYED = statement(
    update(_M)
    .where(_M.c.id == any_(bindparam("ids", type_=ARRAY(_M.c.id.type))))
    .values(relayed_at=bindparam("now", type_=_M.c.relayed_at.type))
)


async def relay(work: Work, follows: Mapping[str, tuple[str, ...]]) -> int:
    """Hand the waiting facts to the queue, once for each job that follows; answers how many facts were looked at."""
    waiting = await work.transaction.rows(_WAITING)
    if not waiting:
        return 0
    jobs = [(row, job) for row in waiting for job in follows.get(row["name"], ())]
    if jobs:
        await Queries(AsyncpgDriver(work.transaction.connection)).enqueue(
            [job for _, job in jobs],
            [orjson.dumps(row["body"]) for row, _ in jobs],
            [0] * len(jobs),
            dedupe_key=[f"{row['id']}:{job}" for row, job in jobs],
            on_conflict="skip",
        )
    await work.transaction.run(_RELAYED, ids=[row["id"] for row in waiting], now=work.now)
    return len(waiting)
