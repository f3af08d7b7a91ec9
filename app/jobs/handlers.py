"""What happens next: each fact and what is done about it. Every handler is safe to run twice."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.applications.commands import stop_payments, take_as_system
from app.applications.events import ApplicationMoved
from app.applications.path import Action, State
from app.applications.queries import by_id_locked
from app.bulk.events import ExportAsked, ImportAsked, ImportConfirmed
from app.change_requests.events import ChangeAsked
from app.change_requests.queries import by_id, lock_payments
from app.db.transaction import Record
from app.db.work import Work
from app.files.events import FileKept
from app.households import exits, steps
from app.households import queries as households
from app.households.events import HouseholdMoved
from app.households.path import DEAD_STATES
from app.households.queries import ACTIVE_STATES, kept_form
from app.jobs import exports, files, imports, rehearsals
from app.jobs.duplicates.search import look_at
from app.jobs.queries import household_locked
from app.jobs.running import Jobs
from app.jobs.transfers import follow
from app.kernel.business_time import business_date
from app.notices import commands as notices
from app.notices.commands import Published
from app.organisations.queries import organisation
from app.plans import commands as plans
from app.rehearsals.events import RehearsalAsked
from app.settings import settings
from app.upkeep import commands as upkeep
from app.upkeep.rules import causes_of

HOUSEHOLD_NOTICES = {"public_notice": "household_admission", "exit_notice": "household_exit"}
"""The states in which a file is shown to the public, and as what."""
Handler = Callable[[Work, dict[str, str]], Awaitable[None]]
LongHandler = Callable[[Jobs, dict[str, str]], Awaitable[None]]


async def open_notice(work: Work, fact: dict[str, str]) -> None:
    """An application that reached the public notice is shown to the public."""
    if fact["to_state"] != State.PUBLIC_NOTICE:
        return
    row = await by_id_locked(work.transaction, UUID(fact["application_id"]))
    if row is None or row["state"] != State.PUBLIC_NOTICE:
        return
    shown = Published(
        application_id=row["id"],
        household_id=None,
        round=row["round"],
        number=row["number"],
        kind=row["kind"],
        name_masked=row["applicant_masked"],
        organisation_name=row["organisation_name"],
        amount_fen=row["amount_fen"],
    )
    await notices.publish(work, shown, seconds=settings().public_notice_seconds)


async def close_overtaken_notice(work: Work, fact: dict[str, str]) -> None:
    """What was published before an appeal changed it comes down."""
    if fact.get("action") == Action.CHANGE_DECISION:
        await notices.close_earlier(work, UUID(fact["application_id"]), int(fact["round"]))


async def stop_payments_elsewhere(work: Work, fact: dict[str, str]) -> None:
    """What is being paid under a union that whoever asked for the change cannot see is stopped as well."""
    request = await by_id(work.transaction, UUID(fact["request_id"]))
    if request is not None and request["state"] == "open":
        await lock_payments(work.transaction, request["person_id"], request["household_id"])
        await stop_payments(work, request["person_id"], request["household_id"])


async def open_household_notice(work: Work, fact: dict[str, str]) -> None:
    """A household file that is to be opened, or left, is shown to the public: who, of which union, and that alone."""
    kind = HOUSEHOLD_NOTICES.get(fact["to_state"])
    if kind is None:
        return
    row = await households.by_id_locked(work.transaction, UUID(fact["household_id"]))
    if row is None or row["state"] != fact["to_state"]:
        return
    keeper = await organisation(work.transaction, households.keeper_of(row))
    shown = Published(
        application_id=None,
        household_id=row["id"],
        round=row["round"],
        number=row["number"],
        kind=kind,
        name_masked=row["head_masked"],
        organisation_name=keeper["name"],
        amount_fen=None,
    )
    await notices.publish(work, shown, seconds=settings().public_notice_seconds)


async def run_rehearsal(jobs: Jobs, fact: dict[str, str]) -> None:
    """A policy version is rehearsed on the files that live now."""
    await rehearsals.run(jobs, UUID(fact["rehearsal_id"]))


async def look_for_duplicates(jobs: Jobs, fact: dict[str, str]) -> None:
    """A household file that has moved may be one that is there already, or be one no more."""
    await look_at(jobs, UUID(fact["household_id"]))


async def follow_file(work: Work, fact: dict[str, str]) -> None:
    """What hangs on a file that another union took over goes with it."""
    if fact.get("action") != "transfer":
        return
    row = await households.by_id_locked(work.transaction, UUID(fact["household_id"]))
    if row is not None:
        await follow(work.transaction, row)


async def note_payment(work: Work, fact: dict[str, str]) -> None:
    """Who was paid was helped."""
    if fact["to_state"] != State.PAID:
        return
    row = await by_id_locked(work.transaction, UUID(fact["application_id"]))
    if row is not None and row["household_id"] is not None and row["paid_at"] is not None:
        await plans.note_help(work, row["household_id"], row["paid_at"])


_BACK_IN_FILE = (*ACTIVE_STATES, "relieved", "suspended", "exit_proposed", "exit_notice")
"""From where a file that was open already comes back to being in force."""


async def look_after_file(work: Work, fact: dict[str, str]) -> None:
    """A file that was opened gets its day for the yearly verification and a proposed plan; one that was left ends its
    plan, and a household that was lifted is watched."""
    to_state = fact["to_state"]
    if to_state not in (*ACTIVE_STATES, *DEAD_STATES):
        return
    row = await household_locked(work.transaction, UUID(fact["household_id"]))
    if row is None:
        return
    if to_state in DEAD_STATES and row["state"] in DEAD_STATES:
        await plans.end_plan(work, row, "achieved" if row["state"] == "lifted" else "left")
        await upkeep.watch(work, row["id"])
    elif row["active_at"] is not None and row["state"] not in DEAD_STATES:
        await upkeep.first_due(work, row["id"], business_date(row["active_at"]))
        if fact["from_state"] not in _BACK_IN_FILE:
            form = kept_form(work.keyring, row)
            await plans.propose_plan(work, row, causes_of(form) if form else ())


async def scan_file(jobs: Jobs, fact: dict[str, str]) -> None:
    """A file that waits for the virus scanner is looked at; as long as the scanner is away it waits on."""
    await files.scan(jobs, UUID(fact["file_id"]), settings().files_scanner)


async def check_import(jobs: Jobs, fact: dict[str, str]) -> None:
    """An uploaded workbook of household files gets its dry run."""
    await imports.check(jobs, UUID(fact["import_id"]))


async def commit_import(jobs: Jobs, fact: dict[str, str]) -> None:
    """A dry run that was confirmed becomes filings."""
    await imports.carry_out(jobs, UUID(fact["import_id"]))


async def make_export(jobs: Jobs, fact: dict[str, str]) -> None:
    """A list that was asked for is written."""
    await exports.make(jobs, UUID(fact["export_id"]))


HANDLERS: dict[str, tuple[Handler, ...]] = {
    ApplicationMoved.__name__: (open_notice, note_payment, close_overtaken_notice),
    HouseholdMoved.__name__: (open_household_notice, look_after_file, follow_file),
    ChangeAsked.__name__: (stop_payments_elsewhere,),
}
"""What is done about a fact: each of these in a job, and a transaction, of its own."""
LONG_HANDLERS: dict[str, tuple[LongHandler, ...]] = {
    RehearsalAsked.__name__: (run_rehearsal,),
    HouseholdMoved.__name__: (look_for_duplicates,),
    FileKept.__name__: (scan_file,),
    ImportAsked.__name__: (check_import,),
    ImportConfirmed.__name__: (commit_import,),
    ExportAsked.__name__: (make_export,),
}
"""What takes longer than one transaction may."""


def followed_by() -> dict[str, tuple[str, ...]]:
    """The jobs that each fact sets off, by name."""
    follows: dict[str, tuple[str, ...]] = {}
    for handlers in (HANDLERS, LONG_HANDLERS):
        for fact, each in handlers.items():
            follows[fact] = follows.get(fact, ()) + tuple(handler.__name__ for handler in each)
    return follows


async def end_notice(work: Work, notice: Record) -> None:
    """A notice whose time is over comes down, and what it showed goes on; nothing happens the second time."""
    if notice["household_id"] is not None:
        return await _end_household_notice(work, notice)
    row = await by_id_locked(work.transaction, notice["application_id"])
    if not await notices.close(work, notice["id"]):
        return None
    if row is not None and row["state"] == State.PUBLIC_NOTICE and row["round"] == notice["round"]:
        await take_as_system(work, row, Action.END_NOTICE)
    return None


async def _end_household_notice(work: Work, notice: Record) -> None:
    """A file goes on to the city, or is left as it was proposed; not where an objection has opened another round."""
    row = await households.by_id_locked(work.transaction, notice["household_id"])
    if not await notices.close(work, notice["id"]) or row is None or row["round"] != notice["round"]:
        return
    if HOUSEHOLD_NOTICES.get(row["state"]) != notice["kind"]:
        return
    if row["state"] == "exit_notice":
        await exits.end(work, row)
    else:
        await steps.take_as_system(work, row, "end_notice")
