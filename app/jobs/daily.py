"""What a clock alone sets off."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete

from app.applications.batches.tables import BatchAction
from app.applications.escalations.commands import BATCH, Pile, escalate, piles, settle
from app.applications.lifting.commands import NOBODY, lift_batch
from app.applications.lifting.commands import settle as settle_lifted
from app.db.base import table_of
from app.db.statements import statement
from app.db.work import Work
from app.jobs.running import Jobs
from app.messaging.tables import KeyedAnswer, OutMessage
from app.people.tables import Attempt
from app.upkeep.commands import FIRST, Place, remind
from app.upkeep.rules import REMIND_DAYS

ANSWERS_KEPT = timedelta(days=7)
"""Keyed answers (Idempotency-Key) are promised for 24 hours; a phone may have been off for longer."""
FACTS_KEPT = timedelta(days=30)
ATTEMPTS_KEPT = timedelta(days=2)
"""No limit looks back further than a day."""
_ANSWERS, _FACTS, _ATTEMPTS = table_of(KeyedAnswer), table_of(OutMessage), table_of(Attempt)
_BATCHES = table_of(BatchAction)
_FORGET_ANSWERS = statement(delete(_ANSWERS).where(_ANSWERS.c.created_at < bindparam("before")))
_FORGET_ATTEMPTS = statement(delete(_ATTEMPTS).where(_ATTEMPTS.c.began_at < bindparam("before")))
_FORGET_FACTS = statement(delete(_FACTS).where(_FACTS.c.relayed_at < bindparam("before")))
_FORGET_BATCHES = statement(delete(_BATCHES).where(_BATCHES.c.created_at < bindparam("before")))


async def forget_old_answers(work: Work) -> int:
    """Delete keyed answers, batches, relayed facts and counts that nobody will ask for again. Answers how many rows."""
    answers = await work.transaction.run(_FORGET_ANSWERS, before=work.now - ANSWERS_KEPT)
    answers += await work.transaction.run(_FORGET_ATTEMPTS, before=work.now - ATTEMPTS_KEPT)
    answers += await work.transaction.run(_FORGET_BATCHES, before=work.now - ANSWERS_KEPT)
    return answers + await work.transaction.run(_FORGET_FACTS, before=work.now - FACTS_KEPT)


async def remind_of_all(jobs: Jobs) -> None:
    """Reminders of verifications and watch tasks that come due, batch by batch, each batch in its own transaction.

    Safe to run twice, or to be stopped: what was reminded of is kept, and is not reminded of again.
    """
    for about in ("review", "watch"):
        for days in REMIND_DAYS:
            place: Place | None = FIRST
            while place is not None:
                async with jobs.work() as work:
                    place = await remind(work, about, days, place)


async def escalate_all(jobs: Jobs) -> int:
    """Tell the levels above of what is overdue, batch by batch, each batch in its own transaction; how many were told.

    Safe to run twice, at once, or to be stopped: each version of a case is told of once.
    """
    told = 0
    async with jobs.work() as work:
        begin = await piles(work.transaction)
    for pile in begin:
        place: Pile | None = pile
        while place is not None:
            async with jobs.work() as work:
                place, count = await escalate(work, place)
            told += count
    settled = BATCH
    while settled == BATCH:
        async with jobs.work() as work:
            settled = await settle(work)
    return told


async def lift_all(jobs: Jobs) -> None:
    """Put what nobody at its stage may deal with into the queue of the level above, and take out what has moved on.

    Safe to run twice, at once, or to be stopped.
    """
    place: UUID | None = NOBODY
    while place is not None:
        async with jobs.work() as work:
            place = await lift_batch(work, place)
    async with jobs.work() as work:
        await settle_lifted(work)
