"""What a clock and the facts set off about supplements: telling, reminding, and going on without an answer."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog

from app.applications.standards import ServiceStandard, standard_of
from app.applications.supplements.commands import BATCH, FIRST, lapse
from app.applications.supplements.queries import due, supplement
from app.applications.supplements.rules import Words, asking, closed_for_staff, lapsed_for_worker, reminding
from app.db.transaction import Record
from app.db.work import Work
from app.jobs.running import Jobs
from app.jobs.telling.on_paper import tell_helpers
from app.jobs.telling.queries import application, deciders_of
from app.jobs.telling.wording import of_paper_asked
from app.kernel.business_time import business_date
from app.kernel.errors import Unavailable
from app.messaging.commands import Told, tell

MOST_DAYS = timedelta(days=30)
"""No reminder goes out earlier than so long before the end."""
log = structlog.get_logger("aid.worker")


async def tell_asked(work: Work, fact: Mapping[str, str]) -> None:
    """The worker finds among their messages that something is missing; where they have none, whoever may help. Twice is
    once; not where it has ended since."""
    row = await supplement(work.transaction, UUID(fact["supplement_id"]))
    if row is None or row["state"] != "open":
        return
    await _tell_worker(work, row, "supplement_asked", asking(row["number"], _last_day(row)))
    about = await application(work.transaction, row["application_id"])
    if about is not None:
        said = of_paper_asked(row["number"], _last_day(row))
        but = {row["asked_by"], *await deciders_of(work.transaction, about["id"], about["round"])}
        await tell_helpers(work, about, f"supplement:{row['id']}", said, but=but)


async def tell_closed(work: Work, fact: Mapping[str, str]) -> None:
    """Whoever asked is told that they can go on; the worker, that the days are over."""
    row = await supplement(work.transaction, UUID(fact["supplement_id"]))
    if row is None:
        return
    words = closed_for_staff(row["number"], fact["outcome"])
    await tell(work, [_told(row, row["asked_by"], f"supplement_{fact['outcome']}", words)])
    if fact["outcome"] == "lapsed":
        await _tell_worker(work, row, "supplement_lapsed", lapsed_for_worker(row["number"]))


async def lapse_all(jobs: Jobs) -> int:
    """Every supplement whose days are over, each in a transaction of its own, so that one that cannot be ended holds up
    no other; how many were ended. Safe to run twice, at once, or to be stopped."""
    ended, after = 0, FIRST
    while True:
        async with jobs.work() as work:
            page = await due(work.transaction, work.now, after, BATCH)
        for each in page:
            ended += await _lapse(jobs, each["application_id"])
            after = each["due_at"], each["id"]
        if len(page) < BATCH:
            return ended


async def _lapse(jobs: Jobs, application_id: UUID) -> bool:
    try:
        async with jobs.work() as work:
            return await lapse(work, application_id)
    except Unavailable:
        raise
    except Exception as failed:
        log.error("supplement_failed", application_id=str(application_id), error=type(failed).__name__)
        return False


async def remind_all(jobs: Jobs) -> None:
    """Workers whose days are nearly over are reminded, batch by batch; nobody twice of the same."""
    after = FIRST
    while True:
        async with jobs.work() as work:
            page = await due(work.transaction, work.now + MOST_DAYS, after, BATCH)
            for each in page:
                if _is_near(work, each):
                    await _tell_worker(work, each, "supplement_due", reminding(each["number"], _last_day(each)))
                after = each["due_at"], each["id"]
        if len(page) < BATCH:
            return


def _is_near(work: Work, row: Record) -> bool:
    """Whether the end is not over, and no more working days away than the standard says."""
    standard = _standard(work, row["submitted_at"])
    if standard is None or standard.supplement_reminder_working_days is None or row["due_at"] <= work.now:
        return False
    left = work.calendar.working_days_between(work.today, _last_day(row))
    return left <= standard.supplement_reminder_working_days


def _standard(work: Work, submitted_at: datetime) -> ServiceStandard | None:
    """As for the days themselves: the case's own, or today's where that one says nothing of supplements."""
    own = standard_of(work.policies, submitted_at)
    return own if own is not None and own.state_working_days.supplement else standard_of(work.policies, work.now)


def _last_day(row: Record) -> date:
    """The last day on which it can be answered: it is due at its end, which is the next day's beginning."""
    return business_date(row["due_at"] - timedelta(seconds=1))


async def _tell_worker(work: Work, row: Record, kind: str, words: Words) -> None:
    await tell(work, [_told(row, row["applicant_id"], kind, words)])


def _told(row: Record, person_id: UUID, kind: str, words: Words) -> Told:
    return Told(person_id, f"{kind}:{row['id']}", kind, words.title, words.text, "application", row["application_id"])
