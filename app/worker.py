"""The background process: relays facts, runs their handlers, ends notices, forgets old answers.

Any number of workers may run: rows are taken with SKIP LOCKED, jobs by the queue, timers by its schedule.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import chain

import asyncpg
import orjson
import structlog
from pgqueuer import PgQueuer
from pgqueuer.errors import PgqException, RetryRequested
from pgqueuer.models import Job, Schedule

from app import tables
from app.calendars.queries import KeptCalendar
from app.db.database import ACQUIRE_SECONDS, open_database
from app.db.sealing import keyring_of
from app.db.transaction import COMMAND_SECONDS
from app.files.store import open_store
from app.gateways.sms import TextGateway
from app.gateways.wechat.errors import WeChatError
from app.jobs.alone import alone
from app.jobs.appeals import step_up_all
from app.jobs.articles.checking import check_all
from app.jobs.articles.following import follow_all
from app.jobs.articles.names import note_all_names
from app.jobs.articles.previewing import show_asked
from app.jobs.articles.publishing import advance
from app.jobs.daily import escalate_all, forget_old_answers, lift_all, remind_of_all
from app.jobs.duplicates.search import Tally, search
from app.jobs.exports import forget_exports
from app.jobs.figures import tell_figures
from app.jobs.files import forget_loose_files
from app.jobs.funding import expire_all, keep_books
from app.jobs.handlers import HANDLERS, LONG_HANDLERS, Handler, followed_by
from app.jobs.notices.ending import end_notice
from app.jobs.phones import fill_all_phone_indexes
from app.jobs.reconciliations import keep_laws, reconcile_all
from app.jobs.relay import relay
from app.jobs.running import Jobs
from app.jobs.supplements import lapse_all, remind_all
from app.jobs.texting import text_people
from app.jobs.wechat.following import begin_sync, sync_step
from app.jobs.wechat.progress import Progress
from app.jobs.wechat.sending import LANES, forget_old_pushes, send_waiting, settle_old
from app.jobs.wechat.tagging import retag_due
from app.jobs.wechat.tasks import ask_about_all
from app.kernel.errors import Unavailable
from app.logs import configure
from app.notices.queries import due
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import Settings
from app.wechat.accounts import Accounts, open_accounts

IDLE_SECONDS = 0.5
ARTICLES_SECONDS = 2.0
LONGEST_RETRY = timedelta(hours=1)
BATCH = 25
FOLLOWING_SECONDS = 10.0
TEXTING_SECONDS = 30.0
GIVEN_UP_AFTER = timedelta(seconds=10)
"""A job whose worker has not been heard of for so long is another's."""
log = structlog.get_logger("aid.worker")
assert tables.metadata.tables


async def run(configured: Settings, dsn: str) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand."""
    configure(configured.log_level)
    database = await open_database(dsn, "aid_jobs", size=4)
    keyring = keyring_of(configured)
    files = open_store(configured.files_url, configured.data_folder, keyring, **configured.bucket())
    jobs = Jobs(database, keyring, KeptCalendar(database), KeptPolicies(database, MODELS), files)
    wechat = open_accounts(configured, database, keyring)
    texts = TextGateway(configured.sms_url, configured.sms_key.get_secret_value()) if configured.sms_url else None
    stopping = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopping.set)
    log.info("worker_started")
    try:
        await asyncio.gather(
            _tick(jobs, stopping),
            _consume(dsn, jobs, wechat, stopping),
            _send(jobs, wechat, stopping),
            _publish(jobs, wechat, stopping),
            _follow(jobs, wechat, stopping),
            _text(jobs, texts, stopping),
        )
    finally:
        await wechat.aclose()
        if texts is not None:
            await texts.aclose()
        await database.close()
        log.info("worker_stopped")


async def _tick(jobs: Jobs, stopping: asyncio.Event) -> None:
    """Relay facts and end notices, several times a second; wait when the database is away."""
    follows = followed_by()
    while not stopping.is_set():
        busy = False
        try:
            async with jobs.work() as work:
                busy = await relay(work, follows) > 0
            busy |= await end_notices(jobs)
        except (Unavailable, asyncpg.PostgresError) as away:
            log.warning("database_away", error=type(away).__name__)
        except Exception as failed:
            # A defect, and rolled back: it must not take down what else this process does.
            log.error("tick_failed", error=type(failed).__name__)
        if not busy:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), IDLE_SECONDS)


async def _send(jobs: Jobs, wechat: Accounts, stopping: asyncio.Event) -> None:
    """Messages to WeChat, beside everything else: while one lane waits for answers the other claims and writes."""
    progress = Progress()
    await asyncio.gather(*(_send_lane(jobs, wechat, progress, stopping) for _ in range(LANES)))


async def _send_lane(jobs: Jobs, wechat: Accounts, progress: Progress, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        sent = 0
        try:
            sent = await send_waiting(jobs, wechat)
            await progress.note(jobs, sent)
        except (Unavailable, asyncpg.PostgresError) as away:
            log.warning("database_away", error=type(away).__name__)
        except Exception as failed:
            # A defect, and rolled back: it must not take down what else this process does.
            log.error("sending_failed", error=type(failed).__name__)
        if not sent:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), IDLE_SECONDS)


async def _publish(jobs: Jobs, wechat: Accounts, stopping: asyncio.Event) -> None:
    """Articles, beside messages: their pictures take long."""
    while not stopping.is_set():
        done = 0
        try:
            # Each by itself: a defect in one, rolled back, stops neither the others nor this process.
            with alone("articles_not_checked"):
                await check_all(jobs, wechat)
            with alone("previews_not_shown"):
                done += await show_asked(jobs, wechat)
            with alone("articles_not_advanced"):
                done += await advance(jobs, wechat)
            with alone("articles_not_followed"):
                await follow_all(jobs, wechat)
        except Unavailable as away:
            log.warning("database_away", error=type(away).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), IDLE_SECONDS if done else ARTICLES_SECONDS)


async def _follow(jobs: Jobs, wechat: Accounts, stopping: asyncio.Event) -> None:
    """The list of followers, as long as one is being read, and tags that cannot wait for the night."""
    official = wechat.official
    while official is not None and not stopping.is_set():
        busy = False
        try:
            busy = await sync_step(jobs, official)
            busy |= await retag_due(jobs, official) > 0
        except (Unavailable, asyncpg.PostgresError, WeChatError) as away:
            log.warning("following_waits", error=type(away).__name__)
            busy = False
        except Exception as failed:
            log.error("following_failed", error=type(failed).__name__)
        if not busy:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), FOLLOWING_SECONDS)


async def _text(jobs: Jobs, gateway: TextGateway | None, stopping: asyncio.Event) -> None:
    """Text messages, where there is a gateway."""
    while gateway is not None and not stopping.is_set():
        try:
            await text_people(jobs, gateway, stopping)
        except (Unavailable, asyncpg.PostgresError) as away:
            log.warning("database_away", error=type(away).__name__)
        except Exception as failed:
            log.error("texting_failed", error=type(failed).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), TEXTING_SECONDS)


async def end_notices(jobs: Jobs) -> bool:
    """Each in a transaction of its own, so that one that cannot be ended holds up no other. Whether any was."""
    async with jobs.work() as work:
        waiting = await due(work.transaction, work.now)
    ended = 0
    for notice in waiting:
        try:
            async with jobs.work() as work:
                await end_notice(work, notice)
            ended += 1
        except Unavailable:
            raise
        except Exception as failed:
            log.error("notice_failed", notice_id=str(notice["id"]), error=type(failed).__name__)
    return ended > 0


async def _consume(dsn: str, jobs: Jobs, wechat: Accounts, stopping: asyncio.Event) -> None:
    """Run the queue's jobs; begin again when the database was away, or the queue believes that it was."""
    while not stopping.is_set():
        try:
            await _consume_once(dsn, jobs, wechat, stopping)
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,  # of a connection whose end was read but not yet acted upon
            RuntimeError,
            PgqException,
        ) as away:
            log.warning("queue_away", error=type(away).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), IDLE_SECONDS * 4)


async def _consume_once(dsn: str, jobs: Jobs, wechat: Accounts, stopping: asyncio.Event) -> None:
    settings = {"role": "aid_jobs", "application_name": "aid_queue", "timezone": "UTC"}
    async with asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=3,
        timeout=ACQUIRE_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings=settings,
    ) as pool:
        queue = PgQueuer.from_asyncpg_pool(pool)
        _entrypoints(queue, jobs)
        _timers(queue, jobs, wechat)
        # The limit is this worker's own. One of an entrypoint would count what a killed worker still held: the others
        # would stand still until its jobs are given up.
        running = asyncio.create_task(
            queue.run(
                dequeue_timeout=timedelta(seconds=5),
                batch_size=BATCH,
                max_concurrent_tasks=2 * BATCH,
                heartbeat_timeout=GIVEN_UP_AFTER,
                shutdown_on_listener_failure=True,
            )
        )
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        queue.shutdown.set()
        waiting.cancel()
        await running


def _entrypoints(queue: PgQueuer, jobs: Jobs) -> None:
    for handler in chain.from_iterable(HANDLERS.values()):
        queue.entrypoint(handler.__name__)(_job(handler, jobs))
    for long in chain.from_iterable(LONG_HANDLERS.values()):
        queue.entrypoint(long.__name__)(_tried(partial(long, jobs)))


def _timers(queue: PgQueuer, jobs: Jobs, wechat: Accounts) -> None:
    """What is done from time to time (UTC)."""

    @queue.schedule("forget_old_answers", "17 * * * *")
    async def hourly(_: Schedule) -> None:
        async with jobs.work() as work:
            log.info("forgotten", count=await forget_old_answers(work))
        log.info("files_forgotten", count=await forget_loose_files(jobs))
        log.info("exports_forgotten", count=await forget_exports(jobs))
        log.info("pushes_forgotten", count=await forget_old_pushes(jobs))
        log.info("phones_found", count=await fill_all_phone_indexes(jobs))
        log.info("names_noted", count=await note_all_names(jobs))

    @queue.schedule("escalate_all", "47 * * * *")
    async def every_hour(_: Schedule) -> None:
        log.info("escalated", count=await escalate_all(jobs))
        log.info("appeals_stepped_up", count=await step_up_all(jobs))
        log.info("figures_told", done=await tell_figures(jobs))

    @queue.schedule("lift_all", "* * * * *")
    async def every_minute(_: Schedule) -> None:
        await lift_all(jobs)

    @queue.schedule("wechat", "* * * * *")
    async def wechat_every_minute(_: Schedule) -> None:
        await settle_old(jobs)
        await ask_about_all(jobs, wechat)

    @queue.schedule("lapse_supplements", "*/5 * * * *")
    async def every_five_minutes(_: Schedule) -> None:
        log.info("supplements_lapsed", count=await lapse_all(jobs))

    @queue.schedule("search_duplicates", "37 18 * * *")
    async def nightly(_: Schedule) -> None:
        await search_duplicates(jobs)

    @queue.schedule("keep_books", "5 17 * * *")
    async def after_midnight(_: Schedule) -> None:  # 01:05 in Shantou
        log.info("reservations_expired", count=await expire_all(jobs))
        await keep_books(jobs)

    @queue.schedule("reconcile_all", "35 17 * * *")
    async def when_books_are_kept(_: Schedule) -> None:  # 01:35 in Shantou
        log.info("money_reconciled", runs=await reconcile_all(jobs))
        log.info("money_laws_asked", breaks=await keep_laws(jobs))

    @queue.schedule("sync_followers", "10 19 * * *")
    async def at_night(_: Schedule) -> None:  # 03:10 in Shantou
        if wechat.official is not None:
            await begin_sync(jobs)

    @queue.schedule("remind_of_all", "20 0 * * *")
    async def every_morning(_: Schedule) -> None:  # 08:20 in Shantou
        await remind_of_all(jobs)
        await remind_all(jobs)
        await _look_at_calendar(jobs)


async def _look_at_calendar(jobs: Jobs) -> None:
    """Say so, every morning, as long as a year lacks its notice: its deadlines are provisional."""
    async with jobs.work() as work:
        missing = work.calendar.year_missing(work.today)
    if missing is not None:
        log.error("calendar_year_missing", year=missing)


async def search_duplicates(jobs: Jobs) -> None:
    """All household files, at night (02:37 in Shantou): telephones and cards change without a file moving."""
    tally = Tally()
    async for reached in search(jobs):
        tally = reached
    log.info("duplicates_searched", count=tally.flagged)


def _job(handler: Handler, jobs: Jobs) -> Callable[[Job], Awaitable[None]]:
    """A fact handled in one transaction."""

    async def handle(fact: dict[str, str]) -> None:
        async with jobs.work() as work:
            await handler(work, fact)

    return _tried(handle)


def _tried(handle: Callable[[dict[str, str]], Awaitable[None]]) -> Callable[[Job], Awaitable[None]]:
    async def job(taken: Job) -> None:
        try:
            await handle(orjson.loads(taken.payload or b"{}"))
        except Exception as failed:
            # Whatever went wrong is rolled back and tried again later: 2, 4, 8 … seconds, an hour at most.
            delay = min(timedelta(seconds=2 ** min(taken.attempts + 1, 12)), LONGEST_RETRY)
            log.warning("job_failed", name=taken.entrypoint, error=type(failed).__name__)
            raise RetryRequested(delay) from failed

    return job
